"""The canonical picture: every scan as one kind of RGB, so that one network serves every scanner.

A dual-energy scan is coloured by one documented palette; a pseudo-colour scan is taken as it is; a grey scan is
repeated into three channels.

The palette follows what screeners know: organic orange, mixed green, metal blue, dense dark. With attenuations
``a = -ln(transmission)`` at low and high energy, the material index ``m = a_low / a_high`` grows with the effective
atomic number (photo-electric absorption falls off with energy faster than Compton scattering), and the depth
``d = ((a_low + a_high) / 2) ** DEPTH_EXPONENT`` compresses the wide range of thickness. Each colour channel then
darkens like a dye: ``rgb = exp(-d · dye(m))``, with ``dye`` interpolated linearly between the anchors of PALETTE.
Thin matter has no reliable m, so its dye fades to that of the organic anchor over FADE_ATTENUATION.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .scan import AIR_LEVEL, Scan, ScanKind

PALETTE_NAME = "parcelsight-1"
AIR_RGB = (255, 255, 255)

PALETTE: tuple[tuple[float, tuple[float, float, float]], ...] = (
    # material index m, dye (red, green, blue): a large value removes that colour
    (1.25, (0.10, 0.50, 1.35)),  # organic: orange
    (1.55, (0.75, 0.35, 1.15)),  # mixed: green
    (1.95, (1.25, 0.70, 0.18)),  # metal: blue
)
DEPTH_EXPONENT = 0.75
FADE_ATTENUATION = 0.02
FLOOR_TRANSMISSION = 1e-3
"""Below this the beam tells nothing; attenuations are computed no deeper."""

_LUT_STEPS = 512


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
    index = a_low / np.maximum(a_high, 1e-6)
    organic = PALETTE[0][0]
    trust = np.minimum(a_high / FADE_ATTENUATION, 1.0)
    index = organic + (index - organic) * trust
    anchors = [m for m, _ in PALETTE]
    depth = ((a_low + a_high) / 2) ** DEPTH_EXPONENT
    dye = [np.interp(index, anchors, [rgb[channel] for _, rgb in PALETTE]) for channel in range(3)]
    return np.stack([np.exp(-depth * d) for d in dye], axis=-1).astype(np.float32)


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
def _colour_table() -> NDArray[np.uint8]:
    """(_LUT_STEPS², 3) colours, low-energy step major."""
    transmissions, _ = _axis()
    low, high = np.meshgrid(transmissions, transmissions, indexing="ij")
    return np.rint(palette_rgb(low, high) * 255).astype(np.uint8).reshape(-1, 3)


def canonical_rgb(scan: Scan) -> NDArray[np.uint8]:
    """The canonical picture of a scan, uint8 (H, W, 3) RGB; pseudo-colour pixels are returned uncopied."""
    if scan.kind is ScanKind.PSEUDO_COLOUR:
        return scan.pixels
    if scan.kind is ScanKind.GREY:
        grey = scan.pixels
        if grey.dtype == np.uint16:
            grey = np.clip(grey * np.float32(255 / AIR_LEVEL), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    levels = scan.pixels
    if levels.dtype != np.uint16:
        levels = np.clip(levels * AIR_LEVEL, 0, 65_535).astype(np.uint16)
    _, step_of_level = _axis()
    low = step_of_level.take(levels[:, :, 0]).astype(np.int32)
    high = step_of_level.take(levels[:, :, 1])
    return _colour_table().take(low * _LUT_STEPS + high, axis=0)
