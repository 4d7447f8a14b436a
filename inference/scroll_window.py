"""Where on a display the scan scrolls: buttons, clocks and frames around it stand still and are no scan.

A cell of the picture scrolls where it changes in many of the frames in which the picture as a whole changes; a clock's
digits change in few. A cell that stands still and is not white is furniture. The window is what scrolls, and beyond it
everything that is still white: a taller parcel may come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2
from .scroll_shift import lacking

CELL_PX = 8
_CHANGED_LEVELS = 6.0
"""Mean of a cell, of 255; compression noise stays below."""
_MANY = 0.12
"""Of the frames that differ. Parcels cover a cell for some frames, and it changes at their edges and insides."""
_LEAST_FRAMES = 12
_WHITE = 243
"""The darkest that counts as air in a cell's darkest tenth: 8 levels of compression noise around a bright grey."""


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a frame: left, top, right, bottom in pixels, ends exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of a picture (H, W, …)."""
        return picture[self.top : self.bottom, self.left : self.right]


class WindowFinder:
    """Learns the window from frames; all of one size."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._shape = (max(1, height_px // CELL_PX), max(1, width_px // CELL_PX))
        self._size_px = (height_px, width_px)
        self._before: NDArray[np.float32] | None = None
        self._changes = np.zeros(self._shape, np.int32)
        self._lightest = np.zeros(self._shape, np.float32)
        self._differing = 0

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Look at one more frame, uint8 (H, W, 3)."""
        cells = np.asarray(cv2.resize(255 - lacking(rgb), self._shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
        if self._before is not None:
            changed = np.abs(cells - self._before) > _CHANGED_LEVELS
            if changed.mean() > 0.01:
                self._changes += changed
                self._differing += 1
        self._lightest = np.maximum(self._lightest, cells)
        self._before = cells

    @property
    def is_sure(self) -> bool:
        """True once enough was seen moving."""
        return self._differing >= _LEAST_FRAMES

    def window(self) -> Window:
        """The window; the whole frame while too little has moved to tell."""
        height_px, width_px = self._size_px
        scrolls = self._changes > max(1.0, _MANY * self._differing)
        if not self.is_sure or not scrolls.any():
            return Window(0, 0, width_px, height_px)
        furniture = ~scrolls & (self._lightest < _WHITE)
        rows, columns = np.flatnonzero(scrolls.any(axis=1)), np.flatnonzero(scrolls.any(axis=0))
        top, bottom = _grown(rows[0], rows[-1] + 1, np.any(furniture[:, columns[0] : columns[-1] + 1], axis=1))
        left, right = _grown(columns[0], columns[-1] + 1, np.any(furniture[top:bottom], axis=0))
        return Window(
            left * CELL_PX,
            top * CELL_PX,
            width_px if right == self._shape[1] else right * CELL_PX,
            height_px if bottom == self._shape[0] else bottom * CELL_PX,
        )


def _grown(start: int, end: int, blocked: Any) -> tuple[int, int]:
    """A range, grown over (n,) truth values to both sides as far as nothing is in its way."""
    first, last = int(start), int(end)
    while first > 0 and not blocked[first - 1]:
        first -= 1
    while last < len(blocked) and not blocked[last]:
        last += 1
    return first, last
