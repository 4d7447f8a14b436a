"""One scan in, exactly one verdict out, whatever happens on the way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ..datasets.canonical import canonical_rgb
from ..datasets.readers import is_blank
from ..datasets.scan import Scan
from ..detector.card import ModelCard
from ..detector.detections import Detections
from ..detector.errors import ParcelSightError
from .dense import DEFAULT_POLICY, DensePolicy, dense_areas
from .detector import Detector
from .resolution import coarse_reason, tile_spans
from .sources import SourceItem
from .tiling import detect_in_tiles
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
        judged = _judge(detector, scan, policy, watch)
    except ParcelSightError as error:
        judged = ScreenedScan(scan.scan_id, Verdict.UNSCREENED, str(error))
    except Exception as error:  # the batch must go on, and a scan that broke the program must not pass unseen
        _log.exception("internal error while screening %s", scan.scan_id)
        reason = f"internal error: {type(error).__name__}: {error}"
        judged = ScreenedScan(scan.scan_id, Verdict.UNSCREENED, reason)
    return replace(judged, timing_ms=watch.stop())


def unscreened(scan_id: str, reason: str, read_ms: float = 0.0) -> ScreenedScan:
    """The outcome of a scan that could not be read."""
    return ScreenedScan(scan_id, Verdict.UNSCREENED, reason, timing_ms={"read": read_ms, "total": read_ms})


def _judge(detector: Detector, scan: Scan, policy: DensePolicy, watch: _Stopwatch) -> ScreenedScan:
    """The outcome, without its times."""
    if is_blank(scan):
        return unscreened(scan.scan_id, "blank: nothing can be seen in it; scan the parcel again")
    rgb = canonical_rgb(scan)
    watch.lap("render")
    side_px = detector.card.input_px
    found = detect_in_tiles(detector, rgb, tile_spans(scan, side_px))
    watch.lap("detect")
    dense = dense_areas(scan, policy)
    watch.lap("dense")
    verdict, reason = verdict_on(found, [dense_reason(dense), coarse_reason(scan, side_px)], detector.card)
    return ScreenedScan(scan.scan_id, verdict, reason, found, dense_xyxy_px=dense)


def dense_reason(xyxy_px: NDArray[np.float32]) -> str:
    """The doubt that dense areas (n, 4) leave; empty where there are none."""
    count = len(xyxy_px)
    return f"{count} area{'s' * (count > 1)} too dense to judge" if count else ""


def verdict_on(found: Detections, doubts: Sequence[str], card: ModelCard) -> tuple[Verdict, str]:
    """The verdict on a scan that was looked at, and its reason.

    Args:
        found: what is at or above the thresholds, best first.
        doubts: why silence about the scan means nothing; empty ones do not count.
        card: of the model that looked.
    """
    doubts = [doubt for doubt in doubts if doubt]
    if len(found):
        return Verdict.ALARM, "; ".join([_claims(found, card), *doubts])
    if doubts:
        return Verdict.REVIEW, "; ".join(doubts)
    return Verdict.NO_ALARM, f"nothing above the thresholds of the operating point {card.operating_point.name!r}"


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
