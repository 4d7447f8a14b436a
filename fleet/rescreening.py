"""Re-screening an archive: plan, shards by an engine, manifest. Resumable; exactly one row a scan."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..detector.card import PointName
from ..detector.contract import from_metadata
from ..detector.errors import StorageError, UsageError
from ..inference.keys import PublicKey
from ..inference.model_file import read_model
from ..inference.verdicts import Verdict
from .engines import Engine, Work
from .plan import MANIFEST, Plan, prepare, read_plan, read_shard, shard_name, unfinished
from .rows import text_of
from .shards import ShardDone
from .store import Store, open_store


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a whole run came to."""

    plan: Plan
    verdicts: Mapping[str, int]

    @property
    def set_aside(self) -> int:
        """Scans that could not be screened; each has its reason."""
        return self.verdicts.get(str(Verdict.UNSCREENED), 0)


class Rescreening:
    """One run; made again after a kill it goes on.

    Args:
        source: as of ``listing.list_source``.
        sink: folder or URL of the results.
        model: the ONNX file.
        operating_point: of the model.
        shard_scans: scans of one result file; also what a kill may cost of work.
        site: of scans for which nothing else says it.
        key: the model must be signed with it.

    Raises:
        UsageError: if source or sink cannot be used, or the sink holds another run.
        ModelError: if the model is refused.
    """

    def __init__(
        self,
        source: str,
        sink: str,
        model: Path,
        *,
        operating_point: PointName = PointName.BALANCED,
        shard_scans: int = 500,
        site: str = "",
        key: PublicKey | None = None,
    ) -> None:
        file = read_model(model, key)
        card = from_metadata(file.metadata, str(model)).at(operating_point, str(model))
        self._sink_url = _absolute(sink)
        self.sink: Store = open_store(self._sink_url)
        source = _absolute(source)
        if self._sink_url == source or self._sink_url.startswith(f"{source}/"):
            raise UsageError(f"{sink} lies in the archive itself ({source})", "name a place apart from it")
        wanted = Plan(source, f"{card.name} {card.version}", file.sha256, operating_point, shard_scans)
        self.plan, self.resumed = prepare(self.sink, wanted, file.content, site)
        self.todo = unfinished(self.sink, self.plan)
        """Shards without results."""

    @property
    def done_scans(self) -> int:
        """Of earlier runs."""
        done = set(range(self.plan.shards)) - set(self.todo)
        return sum(self._scans_of(shard) for shard in done)

    def run(self, engine: Engine) -> Iterator[ShardDone]:
        """Screen what is left; each shard as it is done. Raises ParcelSightError."""
        if self.todo:
            yield from engine.run(Work(self._sink_url, self.todo))

    def finish(self) -> Outcome:
        """Look through every result file and write the manifest.

        Raises:
            StorageError: if a file is missing, damaged or does not hold its scans, each once.
        """
        counted, entries = Counter[str](), []
        for shard in range(self.plan.shards):
            found, digest = verdicts_of(self.sink, shard)
            if sum(found.values()) != self._scans_of(shard):
                raise _broken(self.sink, shard, "holds another number of scans than the list")
            counted.update(found)
            entries.append({"file": shard_name(shard), "scans": sum(found.values()), "sha256": digest})
        manifest = {"plan": asdict(self.plan), "verdicts": dict(sorted(counted.items())), "shards": entries}
        self.sink.write(MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
        return Outcome(self.plan, dict(counted))

    def _scans_of(self, shard: int) -> int:
        return min(self.plan.shard_scans, self.plan.scans - shard * self.plan.shard_scans)


def verdicts_of(sink: Store, shard: int) -> tuple[Counter[str], str]:
    """The verdicts of a shard, counted, and the sha256 of its file. Raises StorageError."""
    data = sink.read(shard_name(shard))
    return Counter(row["verdict"] for row in rows_of(data, sink, shard, ("verdict",))), hashlib.sha256(data).hexdigest()


def rows_of(data: bytes, sink: Store, shard: int, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Columns of a shard's file. Raises StorageError."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(data), columns=list(columns))
    except pyarrow.ArrowException as error:
        raise _broken(sink, shard, f"is damaged ({error})") from error
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def check_exactly_once(sink: Store) -> int:
    """Hold every row against the frozen list; how many scans there are.

    Raises:
        StorageError: naming the first file that does not hold exactly its scans, in order, each once.
    """
    plan, seen = read_plan(sink), 0
    for shard in range(plan.shards):
        rows = rows_of(sink.read(shard_name(shard)), sink, shard, ("scan",))
        listed = [text_of(ref.scan) for ref in read_shard(sink, shard)]
        if [row["scan"] for row in rows] != listed:
            raise _broken(sink, shard, "does not hold exactly the scans of its list")
        seen += len(rows)
    if seen != plan.scans:
        raise StorageError(f"{sink.url}: {seen} rows for {plan.scans} scans", "run parcelsight rescreen again")
    return seen


def _broken(sink: Store, shard: int, why: str) -> StorageError:
    name = shard_name(shard)
    return StorageError(f"{sink.url}/{name}: {why}", "delete that file and run the same command again")


def _absolute(place: str) -> str:
    """Workers may run in other folders."""
    return place.rstrip("/") if "://" in place else str(Path(place).resolve())
