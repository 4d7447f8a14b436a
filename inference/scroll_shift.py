"""How far a scanner's display scrolled between two frames, by correlation of their dark parts.

Frames are compared by what they lack to white, without its slow changes along the belt: air and the flat inside of a
box tell nothing of a shift, edges do. For every shift the correlation of
the overlapping parts is asked at once, by Fourier transform, and normalised by the energy in the overlap; whole pixels
are enough, since a parcel is stitched from columns that were each drawn once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2

ROWS = 48
"""The picture is averaged to so many rows across the belt; along the belt every pixel counts."""
LEAST_OVERLAP = 0.3
"""Of the window. A display that jumps further between two frames cannot be stitched."""
CONFIDENT = 0.45
"""Correlation of the overlap, 0…1. On a real film frames that share nothing reached 0.25, neighbours at least 0.41."""
LIKELY = 0.35
"""Enough where the shift is also about that of the frames before."""
_SMOOTH_SHARE = 1 / 14
"""Of the width: what changes more slowly is taken away."""
_LEAST_ENERGY = 0.5
"""Mean square over the overlap, of 255²; less is noise, in which no shift can be seen."""
_SAME_LEVELS = 4.0
"""Cells of two frames that show the same differ by no more, of 255."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How the picture moved from one frame to the next: towards higher columns where positive."""

    px: int
    correlation: float
    """Of the overlap at this shift; 0 where there was too little to see."""

    @property
    def is_sure(self) -> bool:
        """True where the frames overlap beyond doubt."""
        return self.correlation >= CONFIDENT

    def fits(self, speed_px: int) -> bool:
        """True where the frames overlap beyond doubt, or likely and about as far as the ones before."""
        return self.is_sure or (self.correlation >= LIKELY and abs(self.px - speed_px) <= 12 + abs(speed_px) // 3)


UNSEEN = Shift(0, 0.0)


def darkness(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a window, uint8 (H, W, 3), lacks to white, without slow changes: (ROWS, W) float32, the belt along W."""
    width = rgb.shape[1]
    dark = np.asarray(cv2.resize(lacking(rgb), (width, ROWS), interpolation=cv2.INTER_AREA), np.float32)
    smooth = cv2.blur(dark, (max(3, round(_SMOOTH_SHARE * width)), 1), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(dark - smooth, np.float32)


def lacking(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What each pixel of (H, W, 3) lacks to white, by its darkest channel: (H, W)."""
    red, green, blue = cv2.split(rgb)
    return np.asarray(255 - cv2.min(cv2.min(red, green), blue), np.uint8)


def energy(dark: NDArray[np.float32]) -> float:
    """Mean square of a part (ROWS, n) of what `darkness` gives."""
    return float(np.vdot(dark, dark)) / max(1, dark.size)


def is_same(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """True where nothing moved: neither frame's darkness differs by more than compression noise."""
    width = max(1, first.shape[1] // 8)
    cells = (cv2.resize(dark, (width, ROWS), interpolation=cv2.INTER_AREA) for dark in (first, second))
    return bool(np.abs(next(cells) - next(cells)).max() <= _SAME_LEVELS)


def estimate(before: NDArray[np.float32], after: NDArray[np.float32]) -> Shift:
    """The shift (whole pixels along the columns) at which ``after`` continues ``before``; both (ROWS, W)."""
    width = before.shape[1]
    size = 2 * width
    spectra = np.fft.rfft(before, size, axis=1).conj() * np.fft.rfft(after, size, axis=1)
    products = np.fft.irfft(spectra.sum(axis=0), size)
    most = int(width * (1 - LEAST_OVERLAP))
    shifts = np.arange(-most, most + 1)
    earlier, later = _overlap_energies(before, after, shifts)
    least = _LEAST_ENERGY * ROWS * (width - np.abs(shifts))
    seen = (earlier > least) & (later > least)
    if not seen.any():
        return UNSEEN
    correlation = np.where(seen, products[shifts] / np.sqrt(np.maximum(earlier * later, 1e-9)), 0.0)
    # Both parts must be equally dark, or a thin outline would be taken for a thick one.
    balance = np.minimum(earlier, later) / np.maximum(np.maximum(earlier, later), 1e-9)
    best = int(np.argmax(correlation * balance))
    return Shift(int(shifts[best]), float(correlation[best] * balance[best]))


def _overlap_energies(
    before: NDArray[np.float32], after: NDArray[np.float32], shifts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of squares of both frames over the overlap at each shift."""
    width = before.shape[1]
    sums = [np.concatenate([[0.0], np.cumsum((dark.astype(np.float64) ** 2).sum(axis=0))]) for dark in (before, after)]
    start, end = np.maximum(0, -shifts), np.minimum(width, width - shifts)  # columns of ``before`` that stay in sight
    return sums[0][end] - sums[0][start], sums[1][end + shifts] - sums[1][start + shifts]
