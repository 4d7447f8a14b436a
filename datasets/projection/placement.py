"""Where a threat may lie: every position at which its whole footprint is inside the parcel and off what is barred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2
from .parcel_region import ParcelRegion
from .threat_image import ThreatImage

_COARSE_MM = 4.0
"""Positions are searched on a grid of about this pitch, then shifted by a random part of it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The upper left corner of a threat image in a scan; may be fractions of a pixel."""

    x_px: float
    y_px: float

    @property
    def whole_px(self) -> tuple[int, int]:
        """(x, y) of the pixel that holds the corner."""
        return int(np.floor(self.x_px)), int(np.floor(self.y_px))

    @property
    def shift_px(self) -> tuple[float, float]:
        """(x, y) from that pixel's corner, 0…1."""
        x, y = self.whole_px
        return self.x_px - x, self.y_px - y


def candidates(
    region: ParcelRegion,
    threat: ThreatImage,
    barred: NDArray[np.bool_],
    rng: np.random.Generator,
    count: int,
    margin_mm: float,
) -> tuple[Placement, ...]:
    """Positions drawn evenly from all that are allowed; none where the threat fits nowhere.

    Args:
        region: of the parcels.
        threat: at any pitch.
        barred: (H, W) where something may not be covered: other threats.
        rng: decides.
        count: at most so many.
        margin_mm: distance from the parcel's outline.
    """
    cell = max(1, int(_COARSE_MM / region.pitch_mm))
    allowed = _reduced(region.inside(margin_mm) & ~barred, cell)
    shape = threat.at_pitch(cell * region.pitch_mm).footprint.astype(np.uint8)
    if any(a < b for a, b in zip(allowed.shape, shape.shape, strict=True)):
        return ()
    # One cell more all around: the shift below moves the footprint by up to a cell.
    kernel = cv2.dilate(np.pad(shape, 1), np.ones((3, 3), np.uint8))
    fits = cv2.erode(allowed.astype(np.uint8), kernel, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rows, columns = np.nonzero(fits)
    if not len(rows):
        return ()
    chosen = rng.choice(len(rows), min(count, len(rows)), replace=False)
    shifts = rng.uniform(0, cell, (len(chosen), 2))
    return tuple(
        Placement(float((columns[i] + 1) * cell + dx), float((rows[i] + 1) * cell + dy))
        for i, (dx, dy) in zip(chosen, shifts, strict=True)
    )


def _reduced(mask: NDArray[np.bool_], cell: int) -> NDArray[np.bool_]:
    """Cells all of whose pixels are set."""
    rows, columns = (n // cell for n in mask.shape)
    cut = mask[: rows * cell, : columns * cell]
    return np.asarray(cut.reshape(rows, cell, columns, cell).all(axis=(1, 3)))
