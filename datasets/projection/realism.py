"""The realism check: would an operator, or a detector, tell the projection from a threat that was really there?

Each reject has a name. The first half asks whether a threat could lie there at all; the second looks at the finished
pixels, whoever made them, and compares what changed with what the beam would have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2
from .compose import Shade
from .parcel_region import MARGIN_MM, ParcelRegion
from .threat_image import ThreatImage

MIN_CONTRAST = 0.08
"""Mean change of attenuation over the footprint that the eye finds, in units of log transmission."""
MIN_FOOTPRINT_PX = 40
MAX_DENSE_SHARE = 0.4
"""Share of the footprint where the parcel alone lets nothing through that could be thinned."""
DENSE_TRANSMISSION = 0.01
MAX_EDGE_RATIO = 1.6
"""Edge artefact: rms of what changed around the border against the beam's, in units of noise and tolerance."""
LEAST_NOISE = 0.55
"""Noise inside a threat against what its signal must have."""
_TOLERANCE = 0.06
"""Part of the predicted change by which it may be off: hardening, palettes, 8-bit steps."""
_RING_PX = 3
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


class Reject(StrEnum):
    """Why a projection was refused."""

    NO_PARCEL = "no_parcel"
    """No parcel is seen in the scan."""
    LARGER_THAN_PARCEL = "larger_than_parcel"
    NO_PLACE = "no_place"
    """It fits nowhere wholly inside the parcel and clear of other threats."""
    CROSSES_BORDER = "crosses_border"
    IN_AIR = "in_air"
    OVERLAPS_THREAT = "overlaps_threat"
    NO_LIGHT_LEFT = "no_light_left"
    """The parcel is opaque there: nothing remains that a threat could take away."""
    INVISIBLE = "invisible"
    EDGE_ARTEFACT = "edge_artefact"
    """The picture changed around the threat's border in a way the beam would not have changed it."""
    WRONG_NOISE = "wrong_noise"


def fits_parcel(threat: ThreatImage, region: ParcelRegion, margin_mm: float = MARGIN_MM) -> Reject | None:
    """Whether the parcel can hold the threat: along, across, and in height no more than it is wide."""
    if region.empty:
        return Reject.NO_PARCEL
    rows, columns = np.nonzero(threat.footprint)
    if not len(rows):
        return Reject.INVISIBLE
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    _, (a, b), _ = cv2.minAreaRect(points)
    long_mm, short_mm = max(a, b) * threat.pitch_mm, min(a, b) * threat.pitch_mm
    length_mm, width_mm = (side - 2 * margin_mm for side in region.widest_mm())
    # One view does not tell how high a parcel is; hardly any is higher than its shorter side.
    if long_mm > float(np.hypot(length_mm, width_mm)) or short_mm > width_mm or threat.height_mm > width_mm:
        return Reject.LARGER_THAN_PARCEL
    return None


def may_lie(
    shade: Shade,
    transmission: NDArray[np.float32],
    region: ParcelRegion,
    taken: NDArray[np.bool_],
    margin_mm: float = MARGIN_MM,
) -> Reject | None:
    """Whether a threat may lie where it is meant to.

    Args:
        shade: the threat at its place.
        transmission: (H, W) of the scan, its best channel.
        region: the parcels.
        taken: (H, W) where other threats are.
        margin_mm: distance from the parcel's outline.
    """
    if not shade.lies_in(transmission.shape):
        return Reject.CROSSES_BORDER
    window, footprint = shade.slices, shade.footprint
    if not footprint.any():
        return Reject.INVISIBLE
    matter = region.mask[window][footprint]
    if not matter.any():
        return Reject.IN_AIR
    if not matter.all() or not region.inside(margin_mm)[window][footprint].all():
        return Reject.CROSSES_BORDER
    if taken[window][footprint].any():
        return Reject.OVERLAPS_THREAT
    if (transmission[window][footprint] < DENSE_TRANSMISSION).mean() > MAX_DENSE_SHARE:
        return Reject.NO_LIGHT_LEFT
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What a projection did to a window, in log transmission (or log luminance), and what the beam would have done."""

    found: NDArray[np.float32]
    """(h, w) ln(before / after)."""
    predicted: NDArray[np.float32]
    """(h, w) the same by physics, with the scan's sharpness, without noise."""
    noise: NDArray[np.float32]
    """(h, w) standard deviation that ``found`` may have around ``predicted``."""
    footprint: NDArray[np.bool_]
    whole_noise: NDArray[np.float32]
    """(h, w) standard deviation of the finished picture's own noise, in the same units."""
    after: NDArray[np.float32]
    """(h, w) -ln of the finished picture."""

    @property
    def contrast(self) -> float:
        """Mean predicted change over the footprint."""
        return float(self.predicted[self.footprint].mean()) if self.footprint.any() else 0.0

    def edge_ratio(self) -> float:
        """Rms of the unpredicted change in a ring around the border, against what noise and tolerance allow.

        1 is what physics predicts; a pasted rectangle, a halo, a border cut too sharply or shifted stands out.
        """
        ring = _ring(self.footprint)
        allowed = self.noise**2 + (_TOLERANCE * np.maximum(self.predicted, 0.05)) ** 2
        # Steep places are most sensitive to a fraction of a pixel, which no eye sees.
        steep = cv2.blur(np.hypot(*np.gradient(self.predicted)).astype(np.float32), (3, 3))
        allowed = allowed + (0.15 * steep) ** 2
        residual = (self.found - self.predicted)[ring]
        return float(np.sqrt(np.mean(residual**2 / allowed[ring]))) if ring.any() else 0.0

    def noise_ratio(self, least_px: int = 150) -> float | None:
        """Noise inside the threat against what its signal must have; None where nothing smooth is large enough."""
        inner = cv2.erode(self.footprint.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        rough = np.abs(cv2.filter2D(self.predicted, -1, _NOISE_KERNEL))
        inner &= (rough < 0.2 * self.whole_noise) & (self.whole_noise < 0.2)
        if inner.sum() < least_px:
            return None
        measured = np.abs(cv2.filter2D(self.after, -1, _NOISE_KERNEL))
        return float(np.percentile(measured[inner] / self.whole_noise[inner], 25) / 0.3186)


def looks_real(change: Change, *, check_noise: bool) -> Reject | None:
    """Whether the finished pixels show what the beam would have made."""
    if change.footprint.sum() < MIN_FOOTPRINT_PX or change.contrast < MIN_CONTRAST:
        return Reject.INVISIBLE
    if change.edge_ratio() > MAX_EDGE_RATIO:
        return Reject.EDGE_ARTEFACT
    ratio = change.noise_ratio() if check_noise else None
    # The parcel's own texture under the threat only ever adds to its noise: too much is no fault, too little is.
    if ratio is not None and ratio < LEAST_NOISE:
        return Reject.WRONG_NOISE
    return None


def _ring(footprint: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels near the footprint's border, and the rest of the window outside it, where nothing may change."""
    kernel = np.ones((2 * _RING_PX + 1,) * 2, np.uint8)
    inner = cv2.erode(footprint.astype(np.uint8), kernel, borderValue=0)
    return np.asarray(inner == 0)
