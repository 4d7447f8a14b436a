"""Where across the belt something lies: the outline of what is not air, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from ...datasets.opencv import cv2
from ...datasets.scan import AIR_LEVEL

CLEAR_TRANSMISSION = 0.98
"""At low energy, averaged over SMOOTH_MM across and SMOOTH_ROWS along the belt: certainly no air below."""
COVERED_TRANSMISSION = 0.993
"""Against what is clear in the same row, for the tube wanders: a quarter of a millimetre of paper or plastic."""
NOISE_SIGMAS = 4.0
"""What is covered lies so far below the air of its row, too; of noisy scanners this is the stricter."""
SMOOTH_MM = 8.0
SMOOTH_DETECTORS = 7
"""At least, for noise belongs to detectors and not to millimetres."""
SMOOTH_ROWS = 3
"""A row and those before it."""
LEAST_RUN_MM = 10.0
"""Covered without a break, to be an edge of the outline; noise crosses the threshold for less."""
LEAST_WIDTH_MM = 12.0
"""Covered, in all of a row, to be more than a flaw of the detectors."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What rows of one view cover."""

    occupied: NDArray[np.bool_]
    """(rows,) True where something lies."""
    edges: NDArray[np.int64]
    """(rows, 2) first covered detector, and that behind the last one; (detectors, 0) where nothing wide lies."""

    @classmethod
    def of(cls, levels: Lines, pitch_mm: float, before: Lines) -> Self:
        """The outline of rows.

        Args:
            levels: (rows, detectors, 2), calibrated.
            pitch_mm: of detectors.
            before: (n, detectors, 2) the rows before them, up to SMOOTH_ROWS - 1 of which are used; may be none.
        """
        detectors = levels.shape[1]
        before = before[max(0, len(before) - SMOOTH_ROWS + 1) :]
        low = np.concatenate([before[:, :, 0], levels[:, :, 0]])
        kernel = max(SMOOTH_DETECTORS, round(SMOOTH_MM / pitch_mm)) | 1, SMOOTH_ROWS
        anchor = kernel[0] // 2, SMOOTH_ROWS - 1
        smooth = cv2.blur(low, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)[len(before) :]
        clear = cv2.inRange(smooth, CLEAR_TRANSMISSION * AIR_LEVEL, 65_535.0) > 0
        air = (smooth * clear).sum(axis=1) / np.maximum(clear.sum(axis=1), 1)
        air = np.where(air > 0, air, AIR_LEVEL).astype(np.float32)
        limit = np.minimum(COVERED_TRANSMISSION * air, air - NOISE_SIGMAS * _noise(smooth, air))
        below = (smooth < limit[:, None]).astype(np.uint8)
        occupied = below.sum(axis=1) * pitch_mm >= LEAST_WIDTH_MM
        run = np.ones((1, max(1, round(LEAST_RUN_MM / pitch_mm))), np.uint8)
        wide = cv2.morphologyEx(below, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_REPLICATE) > 0
        any_wide = wide.any(axis=1)
        left = np.where(any_wide, wide.argmax(axis=1), detectors)
        right = np.where(any_wide, detectors - wide[:, ::-1].argmax(axis=1), 0)
        return cls(occupied, np.stack([left, right], axis=1).astype(np.int64))


def _noise(smooth: NDArray[np.uint16], air: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows,) standard deviation of air in rows (rows, detectors), by what lies above it: matter lies below."""
    above = np.maximum(smooth - air[:, None], 0)
    count = np.maximum((above > 0).sum(axis=1), 1)
    noise: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", above, above) / count).astype(np.float32)
    return noise
