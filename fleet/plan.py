"""A run of re-screening as it lies in its sink: what was asked, the frozen list, and the shards that are done.

plan.json                      what is screened with what; a restart must ask for the same
model.onnx                     the model, for workers on other machines and for whoever asks later
listing/part-00000.parquet     the list: row group g of part p is shard p × 256 + g
verdicts/shard-0000000.parquet the rows of one shard; there as a whole, or not yet
set-aside/shard-0000000.jsonl  its scans that could not be screened, with reasons
manifest.json                  written last: every shard with its rows and digest
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from ..detector.card import PointName
from ..detector.errors import StorageError, UsageError
from .listing import ScanRef, list_source
from .rows import listing_schema, text_of, to_parquet
from .store import LIMITS, Store

PLAN, MODEL, MANIFEST, FORMAT = "plan.json", "model.onnx", "manifest.json", "parcelsight-rescreen/1"
SHARDS_A_PART = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does."""

    source: str
    model: str
    """Name and version."""
    model_sha256: str
    """Of the file's body, as its seal states it."""
    operating_point: PointName
    shard_scans: int
    scans: int = 0
    """In the frozen list."""
    format: str = FORMAT

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.scans // self.shard_scans)


def shard_name(shard: int) -> str:
    """Of its verdicts."""
    return f"verdicts/shard-{shard:07d}.parquet"


def aside_name(shard: int) -> str:
    """Of its scans that could not be screened."""
    return f"set-aside/shard-{shard:07d}.jsonl"


def prepare(sink: Store, wanted: Plan, model: bytes, site: str = "") -> tuple[Plan, bool]:
    """The plan in the sink, made where there is none; True where an earlier run made it.

    Raises:
        UsageError: if the sink holds another run or something else, or the source holds no scans.
        StorageError: if the sink cannot be written.
    """
    if sink.exists(PLAN):
        return _same(read_plan(sink), wanted, sink.url), True
    if next(sink.names("verdicts"), None) is not None:
        raise UsageError(f"{sink.url}: holds results without their plan", "name another folder for the results")
    scans = 0
    refs = list_source(wanted.source, site)
    part = 0
    while shards := _some_shards(refs, wanted.shard_scans):
        sink.write(_part_name(part), _part(shards))
        scans += sum(map(len, shards))
        part += 1
    if not scans:
        raise UsageError(f"{wanted.source}: no scans are there", "name a folder, URL or Parquet list of scans")
    sink.write(MODEL, model)
    plan = replace(wanted, scans=scans)
    sink.write(PLAN, json.dumps(asdict(plan), indent=1).encode() + b"\n")  # last: with it the list is whole
    return plan, False


def read_plan(sink: Store) -> Plan:
    """The plan in a sink.

    Raises:
        UsageError: if there is none, or none that this version knows.
    """
    if not sink.exists(PLAN):
        raise UsageError(f"{sink.url}: holds no results of re-screening", "name what parcelsight rescreen wrote")
    try:
        values: dict[str, Any] = json.loads(sink.read(PLAN))
        plan = Plan(**values | {"operating_point": PointName(values["operating_point"])})
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{sink.url}/{PLAN}: cannot be read ({error})", "begin again in another folder") from error
    if plan.format != FORMAT:
        raise UsageError(f"{sink.url}: of format {plan.format!r}", "update ParcelSight")
    return plan


def read_shard(sink: Store, shard: int) -> list[ScanRef]:
    """The scans of one shard, by the frozen list. Raises StorageError."""
    import pyarrow
    from pyarrow import parquet

    part, group = divmod(shard, SHARDS_A_PART)
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(sink.read(_part_name(part), LIMITS)))
        rows = file.read_row_group(group).to_pylist()
    except (pyarrow.ArrowException, IndexError) as error:
        raise StorageError(f"{sink.url}/{_part_name(part)}: damaged ({error})", "begin again elsewhere") from error
    return [ScanRef(row["scan"], row["site"], tuple(row["files"]), row["problem"]) for row in rows]


def unfinished(sink: Store, plan: Plan) -> list[int]:
    """Shards without verdicts, in order."""
    done = set(sink.names("verdicts"))
    return [shard for shard in range(plan.shards) if shard_name(shard) not in done]


def _same(found: Plan, wanted: Plan, where: str) -> Plan:
    for key in ("source", "model_sha256", "operating_point", "shard_scans"):
        before, now = getattr(found, key), getattr(wanted, key)
        if before != now:
            raise UsageError(
                f"{where}: holds a run with {key.replace('_', ' ')} {before}, not {now}",
                "finish that run with what it began with, or name another folder for the results",
            )
    return found


def _some_shards(refs: Iterator[ScanRef], size: int) -> list[list[ScanRef]]:
    """The next shards, no more than a part holds."""
    shards: list[list[ScanRef]] = []
    while len(shards) < SHARDS_A_PART and (shard := list(islice(refs, size))):
        shards.append(shard)
    return shards


def _part(shards: Sequence[Sequence[ScanRef]]) -> bytes:
    rows = [
        {
            "scan": text_of(ref.scan),
            "site": text_of(ref.site),
            "files": list(ref.files),
            "problem": text_of(ref.problem),
        }
        for shard in shards
        for ref in shard
    ]
    return to_parquet(rows, listing_schema(), {}, row_group=len(shards[0]))


def _part_name(part: int) -> str:
    return f"listing/part-{part:05d}.parquet"
