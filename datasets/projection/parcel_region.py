"""Where the parcel is: matter against air, and how far inside it a pixel lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2

MARGIN_MM = 8.0
"""Walls and seams: nothing is projected nearer to the parcel's outline."""
MIN_AREA_MM2 = 60.0 * 60.0
"""Smaller patches of matter are loose ends, not parcels."""
_CLOSED_MM = 12.0
"""Gaps up to this width between things in a parcel are inside it, wider ones are taken for air."""
_LEAST = 0.008
"""Mean attenuation that the thinnest mailer still has."""
_SMOOTH_PX = 5


@dataclass(frozen=True, slots=True, eq=False)
class ParcelRegion:
    """The parcels of a scan."""

    mask: NDArray[np.bool_]
    """(H, W) matter and what it encloses closely."""
    depth_mm: NDArray[np.float32]
    """(H, W) distance to the nearest air or picture edge; nil outside."""
    pitch_mm: float

    @property
    def empty(self) -> bool:
        """True where no parcel is seen."""
        return not self.mask.any()

    def inside(self, margin_mm: float = MARGIN_MM) -> NDArray[np.bool_]:
        """(H, W) pixels at least so far inside."""
        return self.depth_mm >= max(margin_mm, self.pitch_mm)

    def widest_mm(self) -> tuple[float, float]:
        """Long and short side of the smallest rectangle around the largest parcel; nil where there is none."""
        contours, _ = cv2.findContours(self.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not contours:
            return 0.0, 0.0
        _, (a, b), _ = cv2.minAreaRect(max(contours, key=cv2.contourArea))
        return max(a, b) * self.pitch_mm, min(a, b) * self.pitch_mm


def find_region(attenuation: NDArray[np.float32], pitch_mm: float) -> ParcelRegion:
    """The parcels in a picture of mean attenuations (H, W), -ln of transmission; air is near nil."""
    smooth = cv2.blur(attenuation, (_SMOOTH_PX, _SMOOTH_PX))
    matter = (smooth > _threshold(smooth)).astype(np.uint8)
    # Blurring before comparing has grown the matter by half the window.
    matter = cv2.erode(matter, np.ones((_SMOOTH_PX // 2 + 1,) * 2, np.uint8))
    matter = _closed(matter, max(1, round(_CLOSED_MM / pitch_mm / 2)))
    mask = _large(matter, MIN_AREA_MM2 / pitch_mm**2)
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1] * np.float32(pitch_mm)
    return ParcelRegion(mask.astype(bool), depth, pitch_mm)


def _threshold(smooth: NDArray[np.float32]) -> float:
    """Attenuation that tells matter from air: above the noise, and drift, of what is surely air."""
    air = smooth[smooth < 0.03]
    if air.size < 500:
        return _LEAST
    middle = float(np.median(air))
    spread = 1.4826 * float(np.median(np.abs(air - middle)))
    return float(np.clip(middle + 5 * spread, _LEAST, 0.03))


def _closed(matter: NDArray[np.uint8], radius_px: int) -> NDArray[np.uint8]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    padded = cv2.copyMakeBorder(matter, *(radius_px,) * 4, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)
    return np.ascontiguousarray(closed[radius_px:-radius_px, radius_px:-radius_px])


def _large(matter: NDArray[np.uint8], least_px: float) -> NDArray[np.uint8]:
    """The patches that are large enough."""
    _, patches, stats, _ = cv2.connectedComponentsWithStats(matter, connectivity=4)
    kept = stats[:, cv2.CC_STAT_AREA] >= least_px
    kept[0] = False
    return np.asarray(kept[patches], np.uint8)
