"""Too dense to judge: areas the beam did not get through, where no detector and no person can see a threat.

This comes from physics, not from the network. In a dual-energy scan an area is dense where **both** transmissions lie
at or under the scanner's floor; one energy alone may be a bad detector line. A 16-bit grey scan has one transmission
to ask. 8-bit pictures have been tone-mapped by software we do not know; there darkness is a stand-in, weaker and so
asked for over a larger area: a dark colour is not always dense, and a dense area is not always drawn dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2
from ..datasets.scan import AIR_LEVEL, Scan


@dataclass(frozen=True, slots=True)
class DensePolicy:
    """When an area is too dense."""

    floor_transmission: float = 0.005
    """About 18 mm of steel at 160 kVp; below it scatter and dark current are as large as the signal."""
    min_area_mm2: float = 400.0
    """2 × 2 cm hides a cartridge or a small part. Asked where the pixel pitch is known."""
    min_area_fraction: float = 0.001
    """Of the picture, where the pitch is unknown."""
    dark_level: int = 32
    """8-bit pictures: the brightest channel is at most this."""
    min_dark_fraction: float = 0.005
    """8-bit pictures: of the picture. None of 320 threat-free SIXray scans has a dark area as large."""


DEFAULT_POLICY = DensePolicy()


def dense_areas(scan: Scan, policy: DensePolicy = DEFAULT_POLICY) -> NDArray[np.float32]:
    """Boxes (n, 4) xyxy in scan pixels of the connected areas that are too dense, largest area first."""
    mask = _opaque(scan, policy)
    least_px = _least_area_px(scan, policy)
    # Most scans have no such pixel at all; counting them is much cheaper than what follows.
    if cv2.countNonZero(mask) < least_px:
        return np.zeros((0, 4), np.float32)
    _, _, stats, _ = cv2.connectedComponentsWithStats(_without_lines(mask, least_px), connectivity=8)
    areas = stats[1:]  # row 0 is the background
    areas = areas[areas[:, cv2.CC_STAT_AREA] >= least_px]
    areas = areas[np.argsort(-areas[:, cv2.CC_STAT_AREA], kind="stable")]
    left, top, width, height = areas[:, :4].T
    return np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)


def _opaque(scan: Scan, policy: DensePolicy) -> NDArray[np.uint8]:
    """(H, W), 255 where the beam did not get through: every channel at or under its floor."""
    pixels = scan.pixels
    if pixels.dtype == np.uint8:
        floor: float = policy.dark_level
    elif pixels.dtype == np.uint16:
        floor = int(policy.floor_transmission * AIR_LEVEL)
    else:
        floor = policy.floor_transmission
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    # One pass; several comparisons in numpy cost five times as much. Noise takes float transmissions below 0.
    lowest = float(np.finfo(np.float32).min) if pixels.dtype == np.float32 else 0
    return np.asarray(cv2.inRange(pixels, (lowest,) * channels, (floor,) * channels), np.uint8)


def _without_lines(mask: NDArray[np.uint8], least_px: float) -> NDArray[np.uint8]:
    """The mask opened by a square of half the smallest area's side: frames, wires and dead lines hide nothing."""
    side_px = round(math.sqrt(least_px) / 2) | 1  # odd: an even kernel has no middle and would shift the areas
    kernel = np.ones((side_px, side_px), np.uint8)
    # Outside counts as clear, or a frame along the picture's edge would stay.
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(opened, np.uint8)


def _least_area_px(scan: Scan, policy: DensePolicy) -> float:
    """The smallest area that counts, in pixels; at least one."""
    picture_px = scan.height_px * scan.width_px
    if scan.pixels.dtype == np.uint8:
        least = policy.min_dark_fraction * picture_px
    elif scan.pitch_mm is not None:
        least = policy.min_area_mm2 / scan.pitch_mm**2
    else:
        least = policy.min_area_fraction * picture_px
    return max(1.0, least)
