"""Projection into pseudo-colour pictures, which hold no transmissions to multiply.

Where the picture's palette is known, or near enough to a known one, each colour is read back to attenuations, the
threat is added there, and the sum is coloured again; what the palette does not explain (texture, the maker's own
tricks) stays as it was, in proportion. Where it is unknown, dyes are taken to add up: per channel
``out = parcel · threat / air``, with the threat in the colours of the nearest known palette. docs/threat-projection.md
tells where both are physically wrong and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2
from .compose import Shade, project
from .palettes import Enhancement, PaletteTable, nearest_palette, palette_table, unsharp
from .scan_traits import TYPICAL_ELECTRONIC, TYPICAL_FLOOR, TYPICAL_GAIN, ScanTraits, edge_spread

FOREIGN_MISFIT = 0.16
"""Mean distance of a parcel's colours to the nearest known palette above which it is not read backwards."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_AIR_DEPTH = 0.03
_CALM_PX = 1.2
_ENHANCED = (0.35, 1.5)
"""By what factor enhancement may change a transmission."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourTraits:
    """What a pseudo-colour picture tells of its scanner."""

    air_rgb: NDArray[np.float32]
    """(3,) tone of air, 0…1."""
    blur_px: float
    """Edge spread before the maker's enhancement."""
    palette: PaletteTable
    misfit: float
    known: bool
    """True where the user named the palette."""

    @property
    def readable(self) -> bool:
        """True where colours can be read back to attenuations."""
        return self.known or self.misfit < FOREIGN_MISFIT


def air_tone(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3,) tone of air, 0…1: the commonest of the bright colours."""
    coarse = picture.reshape(-1, 3) >> 2
    codes = coarse.astype(np.int32) @ np.array([4096, 64, 1], np.int32)
    bright = codes[coarse.sum(axis=1) > 3 * 40]
    if not bright.size:
        return np.ones(3, np.float32)
    values, counts = np.unique(bright, return_counts=True)
    chosen = picture.reshape(-1, 3)[codes == values[np.argmax(counts)]]
    return np.asarray(np.median(chosen, axis=0) / 255, np.float32)


def luminance(picture: NDArray[np.uint8], air_rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) brightness against air, 0…1."""
    tone = picture.astype(np.float32) @ (_LUMA / np.float32(255))
    return np.asarray(np.clip(tone / float(air_rgb @ _LUMA), 0.004, 1.0), np.float32)


def colour_traits(picture: NDArray[np.uint8], look: str | None, rng: np.random.Generator) -> ColourTraits:
    """Traits of a picture (H, W, 3); the palette is the named one, or the nearest known."""
    air = air_tone(picture)
    tone = luminance(picture, air)
    parcel = picture[tone < 1 - _AIR_DEPTH].astype(np.float32) / np.float32(255) / air
    palette, misfit = nearest_palette(np.minimum(parcel, 1.0), rng)
    if look is not None:
        palette = palette_table(look)
        misfit = palette.misfit(np.minimum(parcel[:: max(1, len(parcel) // 3000)], 1.0))
    blur = edge_spread(tone)
    return ColourTraits(air, blur, palette, misfit, look is not None)


@dataclass(frozen=True, slots=True, eq=False)
class ColourLayered:
    """A window of a picture with the threat in it."""

    expected: NDArray[np.float32]
    """(h, w, 3) RGB 0…1 without the noise that was added."""
    levels: NDArray[np.uint8]
    """(h, w, 3) the picture."""


def project_colour(
    window: NDArray[np.uint8], shade: Shade, traits: ColourTraits, rng: np.random.Generator
) -> ColourLayered:
    """Put a threat into a picture's window (h, w, 3)."""
    parcel = np.clip(window.astype(np.float32) / np.float32(255) / traits.air_rgb, 0.0, 1.0)
    if traits.readable:
        shadow, noise = _read_back(parcel, shade, traits, rng)
    else:
        shadow, noise = _dyed(parcel, shade, traits), np.zeros_like(parcel)
    enhancement = traits.palette.enhancement
    change = unsharp(shadow - parcel, enhancement.sharpen, enhancement.sharpen_px)
    touched = (shade.threat.transmission < 1 - 1e-3).any(axis=2)
    reach = enhancement.reach_px
    touched = cv2.dilate(touched.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)).astype(bool)
    expected = np.clip(parcel + change, 0.0, 1.0) * traits.air_rgb
    levels = np.rint(np.clip(parcel + change + noise, 0.0, 1.0) * traits.air_rgb * 255).astype(np.uint8)
    untouched = ~touched[:, :, None]
    before = window.astype(np.float32) / np.float32(255)
    return ColourLayered(np.where(untouched, before, expected), np.where(untouched, window, levels))


def _dyed(parcel: NDArray[np.float32], shade: Shade, traits: ColourTraits) -> NDArray[np.float32]:
    """Dyes add: every channel is multiplied by the threat's own over air."""
    return parcel * traits.palette.colour(_two(shade.threat.transmission))


def _read_back(
    parcel: NDArray[np.float32], shade: Shade, traits: ColourTraits, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Attenuations add: colours are read back, the threat is put in, and the sum is coloured again.

    Returns:
        (h, w, 3) the picture without new noise, and that noise.
    """
    palette = traits.palette
    # Averaged a little first: a palette read backwards turns a grain of noise into another material.
    calm = cv2.GaussianBlur(parcel, (0, 0), _CALM_PX)
    attenuation = palette.attenuation(calm.reshape(-1, 3)).reshape(*parcel.shape[:2], 2)
    # Blends at edges are no material of the palette and read as specks of something dense.
    attenuation = cv2.medianBlur(attenuation, 5)
    behind = np.exp(-attenuation)
    layered = project(behind, shade, _typical(), rng)
    before = palette.colour(behind)
    after = palette.colour(_detailed(behind, layered.expected, palette.enhancement))
    noisy = palette.colour(_detailed(behind, layered.transmission, palette.enhancement))
    light = np.clip((after @ _LUMA + 0.02) / (before @ _LUMA + 0.02), 0.0, 1.0)
    return after + (parcel - before) * light[:, :, None], noisy - after


def _detailed(before: NDArray[np.float32], after: NDArray[np.float32], enhancement: Enhancement) -> NDArray[np.float32]:
    """Transmissions (h, w, 2) with what changed enhanced as the maker does it before colouring.

    Enhancement deepens or lightens both channels alike: their ratio, the material, stays.
    """
    after = np.clip(after, 1e-4, 1.0)
    if enhancement.detail <= 0:
        return after
    mean = after.mean(axis=2, keepdims=True)
    change = mean - before.mean(axis=2, keepdims=True)
    shift = unsharp(change, enhancement.detail, enhancement.detail_px).reshape(change.shape) - change
    deeper = -np.log(np.clip((mean + shift) / mean, *_ENHANCED))
    attenuation = -np.log(after)
    factor = 1 + deeper / np.maximum(attenuation.mean(axis=2, keepdims=True), 0.05)
    return np.asarray(np.exp(-attenuation * np.maximum(factor, 0)), np.float32)


def _two(transmission: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…, 2) low and high; a single-energy threat counts as the same in both."""
    return transmission if transmission.shape[2] == 2 else np.repeat(transmission, 2, axis=2)


def _typical(channels: int = 2) -> ScanTraits:
    """Noise of a usual scanner: a picture does not tell its own."""
    gain = np.full(channels, TYPICAL_GAIN, np.float32)
    return ScanTraits(
        gain=gain,
        electronic=np.full(channels, TYPICAL_ELECTRONIC, np.float32),
        blur_px=0.0,
        floor=np.full(channels, TYPICAL_FLOOR, np.float32),
        ceiling=np.ones(channels, np.float32),
        steps=None,
    )
