"""One shard: read, screened, and put into the sink as a whole. The same for every engine."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from ..datasets.readers import decode_pair, decode_scan
from ..datasets.scan import Scan
from ..detector.errors import ModelError, ScanError
from ..inference.detector import Detector
from ..inference.model_file import read_model
from ..inference.screening import screen_scan, unscreened
from ..inference.verdicts import ScreenedScan, Verdict
from .in_hand import MOST_DEATHS, InHand
from .listing import ScanFilesReader, ScanRef
from .plan import MODEL, Plan, aside_name, read_plan, read_shard, shard_name
from .rows import result_row, result_schema, to_parquet
from .store import LIMITS, LocalStore, Store, open_store


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What one shard came to."""

    shard: int
    scans: int
    verdicts: dict[str, int] = field(default_factory=dict)


class ShardScreener:
    """Screens shards of one run.

    Args:
        sink: the address of its results, which hold its plan, list and model, too.

    Raises:
        UsageError, ModelError: if there is no run, or its model is not what its plan says.
    """

    def __init__(self, sink: str) -> None:
        self._sink: Store = open_store(sink)
        self._plan = read_plan(self._sink)
        self._files = ScanFilesReader(self._plan.source)
        self._detector = _detector(self._sink.read(MODEL), self._plan)

    def screen(self, shard: int) -> ShardDone:
        """Screen a shard and put its rows into the sink; one that is there already stays as it is.

        Raises:
            StorageError: if the sink fails.
        """
        name = shard_name(shard)
        if self._sink.exists(name):
            return ShardDone(shard, 0)
        refs = read_shard(self._sink, shard)
        in_hand = InHand(self._note_of(shard))
        rows, aside, verdicts = [], [], Counter[str]()
        for row, ref in enumerate(refs):
            screened = self._screened(ref, row, in_hand)
            rows.append(result_row(ref.scan, ref.site, screened, self._detector.card))
            verdicts[str(screened.verdict)] += 1
            if screened.verdict is Verdict.UNSCREENED:
                aside.append(json.dumps({"scan": ref.scan, "files": ref.files, "reason": screened.reason}))
        if aside:  # first: with the shard's verdicts the shard is done
            self._sink.write(aside_name(shard), "".join(f"{line}\n" for line in aside).encode())
        about = {"parcelsight.model": self._plan.model, "parcelsight.model_sha256": self._plan.model_sha256}
        self._sink.write(name, to_parquet(rows, result_schema(), about))
        in_hand.done()
        return ShardDone(shard, len(rows), dict(verdicts))

    def _screened(self, ref: ScanRef, row: int, in_hand: InHand) -> ScreenedScan:
        if ref.problem:
            return unscreened(ref.scan, ref.problem)
        if in_hand.is_deadly(row):
            return unscreened(ref.scan, f"{MOST_DEATHS} workers died over it")
        in_hand.take(row)
        started = perf_counter()
        try:
            scan = self._read(ref)
        except Exception as error:  # decoders fail in ways of their own, and the archive must go on
            reason = str(error) if isinstance(error, ScanError) else _in_words(error)
            return unscreened(ref.scan, reason, 1e3 * (perf_counter() - started))
        return screen_scan(self._detector, scan, read_ms=1e3 * (perf_counter() - started))

    def _read(self, ref: ScanRef) -> Scan:
        halves = [self._files.read(name) for name in ref.files]
        if len(halves) == 2:
            return decode_pair((halves[0], halves[1]), (Path(ref.files[0]), Path(ref.files[1])), limits=LIMITS)
        return decode_scan(halves[0], ref.scan, limits=LIMITS)

    def _note_of(self, shard: int) -> Path | None:
        return self._sink.root / f"in-hand/{shard:07d}" if isinstance(self._sink, LocalStore) else None


def _detector(model: bytes, plan: Plan) -> Detector:
    with tempfile.TemporaryDirectory() as folder:  # the runtime reads a model once, whole, and checks what it read
        path = Path(folder) / MODEL
        path.write_bytes(model)
        if read_model(path).sha256 != plan.model_sha256:
            raise ModelError(f"the model in the results is not {plan.model}, with which they began", "begin again")
        return Detector(path, device="cpu", operating_point=plan.operating_point)


def _in_words(error: Exception) -> str:
    return f"cannot be decoded ({' '.join(f'{type(error).__name__} {error}'.split())[:200]})"
