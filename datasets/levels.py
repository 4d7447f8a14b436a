"""From a scanner's own numbers to ours: air becomes AIR_LEVEL, pictures lose their alpha channel.

How the air level of 16-bit pixels is found, first rule that applies:

1. the caller's ``air_level``, or the one our own writer noted in the file;
2. the bright level — the 99th percentile — lies within 4 % of a known full scale: that full scale. Full scales under
   AIR_LEVEL count only where no pixel lies above them, for a scanner clips there;
3. AIR_LEVEL. A scan of another scale then looks too dense rather than too clear: it errs towards a person's look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..detector.errors import ScanError, UsageError
from .scan import AIR_LEVEL

KNOWN_FULL_SCALES = (4_095, 16_383, AIR_LEVEL, 65_535)
"""12, 14 and 16 bit, and the level this project and some scanners write."""
KNOWN_FULL_SCALES_8BIT = (233, 255)
"""233 is AIR_LEVEL after a plain shrink from 16 to 8 bit."""
_TOLERANCE = 0.04
_SAMPLE_PX = 65_536
_BAND_PX = 1 << 20
_MAX_TRANSMISSION = 4.0
"""More than any gain residue explains: such numbers are counts, not transmissions."""


def estimate_air_level(pixels: NDArray[Any]) -> int:
    """The level of unattenuated beam in uint8 or uint16 pixels of any shape, by the rules above."""
    flat = pixels.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLE_PX)]
    bright = float(np.percentile(sample, 99))
    if pixels.dtype == np.uint8:
        near = [full for full in KNOWN_FULL_SCALES_8BIT if abs(bright - full) <= 0.015 * full]
        return near[0] if near else 255
    near = [full for full in KNOWN_FULL_SCALES if abs(bright - full) <= _TOLERANCE * full]
    if near and (near[0] >= AIR_LEVEL or int(pixels.max()) <= near[0]):
        return near[0]
    return AIR_LEVEL


def to_air_level(pixels: NDArray[Any], air_level: float | None, name: str) -> NDArray[Any]:
    """uint8, uint16 or float pixels of transmissions in our units.

    Args:
        pixels: any shape; floats are transmissions themselves.
        air_level: the value of air, where known; None estimates it.
        name: the file, for messages.

    Returns:
        uint16 with air at AIR_LEVEL (uncopied where it is already), or float32 with air at 1.

    Raises:
        ScanError: if floats are not finite or cannot be transmissions.
        UsageError: if ``air_level`` is not positive.
    """
    if air_level is not None and not air_level > 0:
        raise UsageError(f"an air level of {air_level} is impossible", "give the value of unattenuated beam")
    if pixels.dtype.kind == "f":
        return _to_unit_air(pixels, air_level, name)
    level = air_level if air_level is not None else estimate_air_level(pixels)
    if level == AIR_LEVEL and pixels.dtype == np.uint16:
        return pixels
    top = np.iinfo(pixels.dtype).max
    table = np.clip(np.rint(np.arange(top + 1) * (AIR_LEVEL / level)), 0, 65_535).astype(np.uint16)
    levels = np.empty(pixels.shape, np.uint16)
    for band in _bands(pixels):
        levels[band] = table.take(pixels[band])
    return levels


def _to_unit_air(pixels: NDArray[Any], air_level: float | None, name: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise ScanError(f"{name} holds values that are not finite (NaN or infinity)", "export the scan again")
    if air_level is not None:
        values = values / np.float32(air_level)
    if values.max() > _MAX_TRANSMISSION:
        raise ScanError(
            f"{name} holds floating-point values up to {values.max():.4g}, which are no transmissions (air = 1)",
            "divide them by the air level, or name it",
        )
    return values


def as_levels(transmissions: NDArray[Any]) -> NDArray[np.uint16]:
    """Float transmissions as uint16 with air at AIR_LEVEL, clipped to what 16 bit hold; uint16 is returned uncopied."""
    if transmissions.dtype == np.uint16:
        return transmissions
    levels: NDArray[np.uint16] = np.clip(np.rint(transmissions * AIR_LEVEL), 0, 65_535).astype(np.uint16)
    return levels


def without_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels (H, W, 4) or (H, W, 2) composited on white, (H, W, 3) or (H, W); the last channel is opacity."""
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[:, :, -1:]
    colour = np.ascontiguousarray(pixels[:, :, :-1])
    if not (alpha == top).all():
        for band in _bands(pixels):
            opacity = alpha[band].astype(np.float32) / top
            colour[band] = np.rint(colour[band] * opacity + top * (1 - opacity))
    return colour[:, :, 0] if colour.shape[2] == 1 else colour


def _bands(pixels: NDArray[Any]) -> Iterator[slice]:
    """Slices of rows of about a megapixel: what is computed in wider types stays small whatever the picture's size."""
    rows = max(1, _BAND_PX // max(1, pixels.shape[1]))
    return (slice(top, top + rows) for top in range(0, pixels.shape[0], rows))


def merge_identical_channels(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) as (H, W) where all channels are the same: a grey scan saved in colour. Uncopied otherwise."""
    row = pixels[pixels.shape[0] // 2]
    # One row settles nearly every colour picture; only candidates are compared in full.
    for sample in (row, pixels):
        first = sample[..., 0]
        if not ((first == sample[..., 1]).all() and (first == sample[..., 2]).all()):
            return pixels
    return np.ascontiguousarray(pixels[:, :, 0])
