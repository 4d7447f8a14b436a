"""The letterbox: how a scan of any shape is laid into the square the network sees, and boxes back out.

The rule, stated once (training's validation and the in-graph preprocessing follow it to the pixel):

- scale ``S / max(height, width)``, for large and small scans alike;
- content size ``max(1, round_half_even(side · S / max(height, width)))`` for each side;
- centred, the odd pixel of padding at the right and the bottom: ``left = (S - content_width) // 2``;
- bilinear interpolation with pixel centres aligned (OpenCV's INTER_LINEAR, no antialiasing);
- padding is air-white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where the content of one scan lies in the network's square input.

    Coordinates are pixel edges, so the map is a plain scale and shift on each axis; the two scales differ a little
    because the content's sides are whole pixels.
    """

    height_px: int
    width_px: int
    side_px: int
    """S, the side of the square."""
    content_height_px: int
    content_width_px: int
    left_px: int
    top_px: int

    @classmethod
    def fit(cls, height_px: int, width_px: int, side_px: int) -> Self:
        """The letterbox of a scan ``height_px × width_px`` in a square of ``side_px``.

        Raises:
            ValueError: if a side is less than one pixel.
        """
        if min(height_px, width_px, side_px) < 1:
            raise ValueError(f"cannot letterbox {height_px}×{width_px} into {side_px}")
        longest = max(height_px, width_px)
        content_height = max(1, round(height_px * side_px / longest))
        content_width = max(1, round(width_px * side_px / longest))
        return cls(
            height_px,
            width_px,
            side_px,
            content_height,
            content_width,
            left_px=(side_px - content_width) // 2,
            top_px=(side_px - content_height) // 2,
        )

    @property
    def content(self) -> tuple[slice, slice]:
        """Rows and columns of the square that the scan covers."""
        return (
            slice(self.top_px, self.top_px + self.content_height_px),
            slice(self.left_px, self.left_px + self.content_width_px),
        )

    def forward(self, xyxy_px: NDArray[np.floating]) -> NDArray[np.float64]:
        """Boxes (n, 4) in scan pixels → boxes in pixels of the square."""
        return np.asarray(xyxy_px, np.float64) * self._scale() + self._shift()

    def backward(self, xyxy_px: NDArray[np.floating]) -> NDArray[np.float64]:
        """Boxes (n, 4) in pixels of the square → boxes in scan pixels, not clipped."""
        return (np.asarray(xyxy_px, np.float64) - self._shift()) / self._scale()

    def _scale(self) -> NDArray[np.float64]:
        x, y = self.content_width_px / self.width_px, self.content_height_px / self.height_px
        return np.array([x, y, x, y])

    def _shift(self) -> NDArray[np.float64]:
        return np.array([self.left_px, self.top_px, self.left_px, self.top_px], np.float64)
