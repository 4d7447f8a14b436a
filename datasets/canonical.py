"""The canonical picture: every scan as one kind of RGB, so that one network serves every scanner.

A dual-energy scan is coloured by one documented palette; a pseudo-colour scan is taken as it is; a grey scan is
repeated into three channels.

The palette follows what screeners know: organic orange, mixed green, metal blue, dense dark. With attenuations
``a = -ln(transmission)`` at low and high energy, the ratio ``a_low / a_high`` grows with the effective atomic number
(photo-electric absorption falls off with energy faster than Compton scattering), but thickness hardens the beam and
lowers it again. So a pixel is placed between the ratios that slabs of organic matter, aluminium and steel have at
its own mean attenuation (MATERIAL_RATIOS): 0 organic, 1/2 mixed, 1 metal. Each colour channel then darkens like a
dye, ``rgb = exp(-mean ** DEPTH_EXPONENT · dye)``, with the dye interpolated between those of DYES. Thin matter has no
reliable ratio and counts as organic over FADE_ATTENUATION; what is nearly black has none either and, in a parcel,
is metal.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .levels import as_levels
from .opencv import cv2
from .scan import AIR_LEVEL, Scan, ScanKind

Attenuation = NDArray[np.floating[Any]]

PALETTE_NAME = "parcelsight-1"
AIR_RGB = (255, 255, 255)

# mean attenuation, and a_low / a_high of organic matter, aluminium and steel there: slabs behind the 160 kV preset
# (benchmarks/palette_ratios.py prints the table), organic between polyethylene and water.
MATERIAL_RATIOS: tuple[tuple[float, float, float, float], ...] = (
    (0.02, 1.24, 2.09, 3.82),
    (0.1, 1.23, 1.99, 3.45),
    (0.2, 1.23, 1.89, 3.11),
    (0.5, 1.21, 1.71, 2.63),
    (1.0, 1.20, 1.58, 2.27),
    (2.0, 1.18, 1.45, 1.93),
    (3.0, 1.17, 1.38, 1.70),
    (4.0, 1.16, 1.34, 1.55),
    (5.0, 1.15, 1.30, 1.44),
    (6.0, 1.14, 1.27, 1.37),
)
DYES: tuple[tuple[float, float, float], ...] = (
    # red, green, blue: a large value removes that colour
    (0.30, 0.62, 1.60),  # organic: orange
    (0.90, 0.42, 1.00),  # mixed: green
    (1.40, 0.75, 0.28),  # metal: blue
)
DEPTH_EXPONENT = 0.8
FADE_ATTENUATION = 0.03
DENSE_ATTENUATION = (4.5, 6.0)
"""Mean attenuations between which the ratio gives way to "metal"."""
FLOOR_TRANSMISSION = 1e-3
"""Below this the beam tells nothing; attenuations are computed no deeper."""

_LUT_STEPS = 512
_BAND_ROWS = 32


def palette_rgb(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour transmissions by the canonical palette, exactly (the runtime uses a table of it).

    Args:
        low: (…) transmission at low energy.
        high: (…) the same shape, at high energy.

    Returns:
        (…, 3) RGB in 0…1.
    """
    a_low = -np.log(np.clip(low, FLOOR_TRANSMISSION, 1.0))
    a_high = -np.log(np.clip(high, FLOOR_TRANSMISSION, 1.0))
    mean = (a_low + a_high) / 2
    place = _material(a_low, a_high, mean)
    depth = mean**DEPTH_EXPONENT
    dye = [np.interp(place, (0.0, 0.5, 1.0), [rgb[channel] for rgb in DYES]) for channel in range(3)]
    return np.stack([np.exp(-depth * d) for d in dye], axis=-1).astype(np.float32)


def _material(a_low: Attenuation, a_high: Attenuation, mean: Attenuation) -> NDArray[np.float64]:
    """Where matter stands between organic 0, mixed 1/2 and metal 1."""
    depths, *ratios = zip(*MATERIAL_RATIOS, strict=True)
    organic, mixed, metal = (np.interp(mean, depths, ratio) for ratio in ratios)
    ratio = a_low / np.maximum(a_high, 1e-6)
    above = np.clip((ratio - organic) / (mixed - organic), 0, 1) + np.clip((ratio - mixed) / (metal - mixed), 0, 1)
    trusted = above / 2 * np.minimum(a_high / FADE_ATTENUATION, 1.0)
    dense = np.clip((mean - DENSE_ATTENUATION[0]) / (DENSE_ATTENUATION[1] - DENSE_ATTENUATION[0]), 0, 1)
    place: NDArray[np.float64] = np.maximum(trusted, dense)
    return place


@cache
def _axis() -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Transmissions at the table's steps, and the step of each 16-bit level.

    Steps are even in the square root of attenuation: fine where matter is thin and colours change fast.
    """
    deepest = -np.log(FLOOR_TRANSMISSION)
    steps = np.arange(_LUT_STEPS) / (_LUT_STEPS - 1)
    transmissions = np.exp(-deepest * steps**2).astype(np.float32)
    levels = np.clip(np.arange(65_536) / AIR_LEVEL, FLOOR_TRANSMISSION, 1.0)
    step_of_level = np.rint(np.sqrt(-np.log(levels) / deepest) * (_LUT_STEPS - 1)).astype(np.uint16)
    return transmissions, step_of_level


@cache
def palette_tables() -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint32]]:
    """(65536,) offsets of low and of high levels that add up to a place in the (_LUT_STEPS²,) colours, packed RGB0."""
    transmissions, step_of_level = _axis()
    low, high = np.meshgrid(transmissions, transmissions, indexing="ij")
    colours = np.zeros((_LUT_STEPS**2, 4), np.uint8)
    colours[:, :3] = np.rint(palette_rgb(low, high) * 255).reshape(-1, 3)
    steps = step_of_level.astype(np.intp)
    return steps * _LUT_STEPS, steps, colours.view(np.uint32).ravel()


def _coloured(levels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """(H, W, 3) colours of levels (H, W, 2), band by band: indices stay in the cache, a colour is one 4-byte fetch."""
    low_offset, high_offset, colours = palette_tables()
    height, width = levels.shape[:2]
    rgb = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        band = levels[top : top + _BAND_ROWS]
        # mode="clip": indices are in range by construction, and numpy's checked mode is slower.
        place = low_offset.take(band[:, :, 0], mode="clip")
        place += high_offset.take(band[:, :, 1], mode="clip")
        packed = colours.take(place, mode="clip").view(np.uint8).reshape(-1, width, 4)
        cv2.cvtColor(packed, cv2.COLOR_RGBA2RGB, dst=rgb[top : top + _BAND_ROWS])
    return rgb


def canonical_rgb(scan: Scan) -> NDArray[np.uint8]:
    """The canonical picture of a scan, uint8 (H, W, 3) RGB; pseudo-colour pixels are returned uncopied."""
    if scan.kind is ScanKind.PSEUDO_COLOUR:
        return scan.pixels
    if scan.kind is ScanKind.GREY:
        grey = scan.pixels
        if grey.dtype == np.uint16:
            grey = cv2.convertScaleAbs(grey, alpha=255 / AIR_LEVEL)  # rounds, and clips at white
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    return _coloured(as_levels(scan.pixels))
