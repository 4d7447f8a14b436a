"""The verdict on a scan: exactly one, always with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..detector.detections import Detections


class Verdict(StrEnum):
    """What screening says of one scan. The model alone never clears a parcel: a person or their procedure does."""

    ALARM = "ALARM"
    REVIEW = "REVIEW"
    """Too dense, or otherwise not judgeable: a person must look."""
    NO_ALARM = "NO_ALARM"
    UNSCREENED = "UNSCREENED"
    """Nothing looked at this scan; the reason says why."""


@dataclass(frozen=True, slots=True, eq=False)
class ScreenedScan:
    """The outcome of one scan."""

    scan_id: str
    verdict: Verdict
    reason: str
    detections: Detections = field(default_factory=Detections.empty)
    timing_ms: Mapping[str, float] = field(default_factory=dict)
    """Stage → milliseconds on the monotonic clock."""
    dense_xyxy_px: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(n, 4) boxes of the areas too dense to judge, in pixels of the scan, largest area first."""
    claim_numbers: tuple[int, ...] = ()
    """One a detection, where it was followed while the parcel passed: the number it was shown with; else empty."""
