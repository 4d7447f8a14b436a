"""One scan in, exactly one verdict out, whatever happens on the way."""

from __future__ import annotations

import logging
from time import perf_counter

from ..datasets.canonical import canonical_rgb
from ..datasets.readers import is_blank
from ..datasets.scan import Scan
from ..detector.card import ModelCard
from ..detector.detections import Detections
from ..detector.errors import ParcelSightError
from .dense import DEFAULT_POLICY, DensePolicy, dense_areas
from .detector import Detector
from .resolution import coarse_reason
from .sources import SourceItem
from .verdicts import ScreenedScan, Verdict

_log = logging.getLogger(__name__)


class _Stopwatch:
    """Stage → milliseconds, one lap after the other."""

    def __init__(self, read_ms: float) -> None:
        self._started = self._lap = perf_counter()
        self._ms = {"read": read_ms}

    def lap(self, stage: str) -> None:
        """The time since the last lap belonged to this stage."""
        now = perf_counter()
        self._ms[stage] = (now - self._lap) * 1e3
        self._lap = now

    def stop(self) -> dict[str, float]:
        """All stages and the total, reading included."""
        return self._ms | {"total": self._ms["read"] + (perf_counter() - self._started) * 1e3}


def screen_scan(
    detector: Detector, scan: Scan, *, read_ms: float = 0.0, policy: DensePolicy = DEFAULT_POLICY
) -> ScreenedScan:
    """Screen one scan. Never raises for what lies in the scan or the model: that ends as UNSCREENED with its reason.

    Args:
        detector: the model.
        scan: the scan.
        read_ms: what reading it took, to be told with the other stages.
        policy: when an area is too dense to judge.
    """
    watch = _Stopwatch(read_ms)
    try:
        verdict, reason, found = _judge(detector, scan, policy, watch)
    except ParcelSightError as error:
        verdict, reason, found = Verdict.UNSCREENED, str(error), Detections.empty()
    except Exception as error:  # the batch must go on, and a scan that broke the program must not pass unseen
        _log.exception("internal error while screening %s", scan.scan_id)
        reason = f"internal error: {type(error).__name__}: {error}"
        verdict, found = Verdict.UNSCREENED, Detections.empty()
    return ScreenedScan(scan.scan_id, verdict, reason, found, watch.stop())


def unscreened(scan_id: str, reason: str, read_ms: float = 0.0) -> ScreenedScan:
    """The outcome of a scan that could not be read."""
    return ScreenedScan(scan_id, Verdict.UNSCREENED, reason, timing_ms={"read": read_ms, "total": read_ms})


def _judge(detector: Detector, scan: Scan, policy: DensePolicy, watch: _Stopwatch) -> tuple[Verdict, str, Detections]:
    """Verdict, reason and detections."""
    if is_blank(scan):
        return Verdict.UNSCREENED, "blank: nothing can be seen in it; scan the parcel again", Detections.empty()
    rgb = canonical_rgb(scan)
    watch.lap("render")
    found = detector.detect(rgb)
    watch.lap("detect")
    dense = len(dense_areas(scan, policy))
    watch.lap("dense")
    too_dense = f"{dense} area{'s' * (dense > 1)} too dense to judge" if dense else ""
    doubts = [doubt for doubt in (too_dense, coarse_reason(scan, detector.card.input_px)) if doubt]
    if len(found):
        return Verdict.ALARM, "; ".join([_claims(found, detector.card), *doubts]), found
    if doubts:
        return Verdict.REVIEW, "; ".join(doubts), found
    point = detector.card.operating_point.name
    return Verdict.NO_ALARM, f"nothing above the thresholds of the operating point {point!r}", found


def _claims(found: Detections, card: ModelCard) -> str:
    """The best detection of every class, best first: "pistol 0.93, magazine 0.61"."""
    best: dict[str, float] = {}
    for class_id, score in zip(found.class_id, found.score, strict=True):
        best.setdefault(card.classes[class_id].name, float(score))
    return ", ".join(f"{name} {score:.2f}" for name, score in best.items())


def screen_item(detector: Detector, item: SourceItem, *, policy: DensePolicy = DEFAULT_POLICY) -> ScreenedScan | None:
    """Screen one input of a source; None for what is no scan of its own (ignored files, repeated frames)."""
    if item.scan is not None:
        return screen_scan(detector, item.scan, read_ms=item.read_ms, policy=policy)
    if item.error is not None:
        return unscreened(item.scan_id, str(item.error), item.read_ms)
    return None
