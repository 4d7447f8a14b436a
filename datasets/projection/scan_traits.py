"""What a scan tells of the scanner that made it: air, noise, sharpness, the darkest and brightest it records.

A projection must have the noise and the sharpness of its surroundings, and a real scanner's are known from its scans
alone. Whatever a scan cannot tell (too small, nothing but air) falls back to a typical scanner's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2

TYPICAL_GAIN = 5e-5
"""Variance of a pixel in air, one over its quanta: 20,000."""
TYPICAL_ELECTRONIC = 4e-4
TYPICAL_BLUR_PX = 0.5
TYPICAL_FLOOR = 5e-4
_TELLING = 0.02
"""A scan whose darkest pixels are brighter than this tells nothing of its floor."""
_HIGHEST_FLOOR = 2e-3

_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Blind to planes and edges along rows or columns, unit response to white noise: J. Immerkær, Fast noise variance
estimation, Computer Vision and Image Understanding 64 (1996) 300–302."""
_QUARTILE_OF_NORMAL = 0.3186
"""25th percentile of |x| of a standard normal x: most of a scan's pixels are structure, the quietest tell the noise."""
_LEVELS = np.array([0.05, 0.1, 0.17, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.83, 0.9, 0.95])
"""Bins of transmission; above them many scanners clip, below them scatter and dark residue rule."""
_AIR = 0.95
_CLIPPED_SHARE = 0.02
"""Of air at the very brightest level: then the scanner cuts its noise off."""
_MEDIAN_OF_NORMAL = 0.6745
_MIN_PIXELS = 300
_STEP_PX = 5
_SHARPEST = 16
"""Percentile of edge spreads that is taken for the scanner's own: most edges are softer because the objects' are.
On rendered scans, whose point spread is known, 16 has the least bias (``benchmarks/scan_traits_truth.py``)."""
_MIN_EDGES = 40


@dataclass(frozen=True, slots=True, eq=False)
class ScanTraits:
    """A scanner's habits, as one scan shows them. Arrays are (C,)."""

    gain: NDArray[np.float32]
    """Variance of a pixel per unit of transmission: quantum noise."""
    electronic: NDArray[np.float32]
    """Standard deviation where nothing gets through."""
    blur_px: float
    """Standard deviation of the point spread."""
    floor: NDArray[np.float32]
    """Transmission that even the densest pixels record: scatter and dark offset."""
    ceiling: NDArray[np.float32]
    steps: int | None
    """Number of grey levels of the original file where it had few (8 bit), else None."""

    def noise(self, transmission: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standard deviation (…, C) of a pixel at a transmission (…, C)."""
        variance = self.gain * np.maximum(transmission, 0) + self.electronic**2
        return np.asarray(np.sqrt(variance), np.float32)


def traits_of(transmission: NDArray[np.float32]) -> ScanTraits:
    """Traits of a dual-energy or grey scan, from transmissions (H, W, C)."""
    channels = transmission.shape[2]
    noise = [_noise_of(np.ascontiguousarray(transmission[:, :, c])) for c in range(channels)]
    mean = np.ascontiguousarray(transmission.mean(axis=2))
    dark = np.percentile(cv2.blur(transmission, (3, 3)).reshape(-1, channels), 0.02, axis=0)
    return ScanTraits(
        gain=np.array([gain for gain, _ in noise], np.float32),
        electronic=np.array([electronic for _, electronic in noise], np.float32),
        blur_px=edge_spread(mean),
        floor=np.where(dark < _TELLING, np.clip(dark, 0, _HIGHEST_FLOOR), TYPICAL_FLOOR).astype(np.float32),
        ceiling=transmission.max(axis=(0, 1)).astype(np.float32),
        steps=_steps(transmission),
    )


def _noise_of(channel: NDArray[np.float32]) -> tuple[float, float]:
    """Gain and electronic noise: var = gain · T + electronic².

    Air has no structure, and tells the gain where the scanner does not clip it. Elsewhere the calmest bin does: texture
    adds to the variance everywhere, and more than noise itself in a usual parcel.
    """
    residue = np.abs(cv2.filter2D(channel, -1, _IMMERKAER, borderType=cv2.BORDER_REFLECT))
    gain = _gain_of_air(channel, residue)
    if gain is None:
        gain = _gain_of_matter(channel, residue)
    return (TYPICAL_GAIN if gain is None else max(gain, 1e-7)), TYPICAL_ELECTRONIC


def _gain_of_air(channel: NDArray[np.float32], residue: NDArray[np.float32]) -> float | None:
    """None where there is little air, or it is clipped."""
    air = cv2.erode((channel > _AIR).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    values = channel[air]
    if len(values) < _MIN_PIXELS or (values >= channel.max()).mean() > _CLIPPED_SHARE:
        return None
    deviation = float(np.median(residue[air])) / _MEDIAN_OF_NORMAL
    return (deviation**2 - TYPICAL_ELECTRONIC**2) / float(values.mean())


def _gain_of_matter(channel: NDArray[np.float32], residue: NDArray[np.float32]) -> float | None:
    """None where too few shades of grey are there to tell."""
    mean = cv2.blur(channel, (3, 3))
    bin_of = np.digitize(mean, _LEVELS)
    gains = []
    for bin_index in range(1, len(_LEVELS)):
        chosen = bin_of == bin_index
        if chosen.sum() < _MIN_PIXELS:
            continue
        variance = float(np.percentile(residue[chosen], 25) / _QUARTILE_OF_NORMAL) ** 2
        # Less the typical electronic noise: what structure adds to dark bins must not pass for it.
        gains.append((variance - TYPICAL_ELECTRONIC**2) / float(mean[chosen].mean()))
    return min(gains) if len(gains) >= 3 else None


def edge_spread(picture: NDArray[np.float32]) -> float:
    """Standard deviation in pixels of the point spread, from the sharpest edges of a picture (H, W), 0…1.

    A step blurred by a Gaussian rises by at most ``1 / (σ √(2π))`` of its height a pixel. Edges are steps along rows or
    columns that are flat on both sides; the pixel's own width and the difference of neighbours are taken off.
    """
    spreads = np.concatenate([_spreads(picture), _spreads(np.ascontiguousarray(picture.T))])
    if len(spreads) < _MIN_EDGES:
        return TYPICAL_BLUR_PX
    total = float(np.percentile(spreads, _SHARPEST))
    return float(np.sqrt(np.clip(total**2 - 1 / 12 - 1 / 12, 0.0, 16.0)))


def _spreads(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Spreads of the steps along rows."""
    step = np.diff(picture, axis=1)
    size = np.abs(step)
    reach = _STEP_PX
    width = picture.shape[1]
    if width < 4 * reach:
        return np.zeros(0)
    centre = slice(reach, width - 1 - reach)
    peak = (size[:, centre] >= size[:, reach - 1 : width - 2 - reach]) & (
        size[:, centre] > size[:, reach + 1 : width - reach]
    )
    rows, columns = np.nonzero(peak & (size[:, centre] > 0.04))
    at = columns + reach
    offsets = np.arange(-reach + 1, reach + 1)
    profile = picture[rows[:, None], at[:, None] + offsets].astype(np.float64)
    left, right = profile[:, :2].mean(axis=1), profile[:, -2:].mean(axis=1)
    height = np.abs(right - left)
    flat = np.maximum(np.abs(np.diff(profile[:, :3])).max(axis=1), np.abs(np.diff(profile[:, -3:])).max(axis=1))
    # Across a slanted edge a row meets it at an angle: the same step must stand one row above and below.
    rising = np.sign(right - left)[:, None] * np.diff(profile, axis=1)
    good = (height > 0.12) & (flat < 0.06 * height) & (rising.min(axis=1) > -0.06 * height)
    slope = size[rows, at][good]
    return np.asarray(height[good] / np.maximum(slope, 1e-6) / np.sqrt(2 * np.pi))


def _steps(transmission: NDArray[np.float32]) -> int | None:
    """256 where every value is one of 256 even levels, as in scans that were stored in 8 bit."""
    scaled = transmission * np.float32(255)
    return 256 if float(np.abs(scaled - np.rint(scaled)).max()) < 0.02 else None
