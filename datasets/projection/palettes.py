"""Palettes of pseudo-colour scans, read backwards: from a colour to the attenuations that it may stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...configs.loading import shipped
from ..canonical import FLOOR_TRANSMISSION, palette_rgb
from ..opencv import cv2
from ..scan import AIR_LEVEL
from ..synthetic.looks import CANONICAL, KIND, Look, Ramp, apply_look, load_look

_STEPS = 96
_DEEPEST = float(-np.log(FLOOR_TRANSMISSION))
_RATIOS = (1.02, 4.0)
"""Low- over high-energy attenuation of real matter, beam hardening included; thin matter is too noisy to be bound."""
_CHUNK = 2048
_SAMPLE = 3000
_MIN_OF_CLASS = 40
_DOUBT = 0.02
_USUAL = Look(
    ramps=(
        Ramp(index=1.22, middle=(240, 165, 75), dark=(70, 35, 5)),
        Ramp(index=1.75, middle=(95, 180, 60), dark=(10, 50, 10)),
        Ramp(index=2.40, middle=(35, 125, 220), dark=(5, 15, 60)),
    ),
    exponent=0.65,
    deepest=4.5,
    crisp=1.6,
    detail=0.4,
    sharpen=0.3,
)
"""Divides classes as most makers do; what a scan's own tones are put into."""


@dataclass(frozen=True, slots=True)
class Enhancement:
    """Unsharp masking of the finished picture (sharpen), and of both channels before colouring (detail)."""

    sharpen: float = 0.0
    sharpen_px: float = 1.0
    detail: float = 0.0
    detail_px: float = 1.0

    @property
    def reach_px(self) -> int:
        """How far from a change it shows."""
        reach = max(self.sharpen_px * (self.sharpen > 0), self.detail_px * (self.detail > 0))
        return int(np.ceil(2.5 * reach)) + 1


def unsharp(change: NDArray[np.float32], amount: float, sigma_px: float) -> NDArray[np.float32]:
    """A change (h, w, C) as unsharp masking would have shown it: masking is linear, so it applies to changes alone."""
    if amount <= 0:
        return change
    soft = cv2.GaussianBlur(change, (0, 0), sigma_px).reshape(change.shape)
    return np.asarray(change + amount * (change - soft), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class PaletteTable:
    """A palette forward and backward; colours are float RGB with air at 1 in each channel."""

    name: str
    look: Look | None
    """Without background, enhancement and inversion; None for the canonical palette."""
    enhancement: Enhancement
    attenuations: NDArray[np.float32]
    """(N, 2) low and high of the palette's cells."""
    colours: NDArray[np.float32]
    """(N, 3) of the cells."""

    def colour(self, transmission: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) colours of transmissions (h, w, 2)."""
        if self.look is None:
            return palette_rgb(transmission[..., 0], transmission[..., 1])
        levels = np.clip(np.rint(transmission * AIR_LEVEL), 0, 65_535).astype(np.uint16)
        return apply_look(levels, self.look).astype(np.float32) / np.float32(255)

    def attenuation(self, colours: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 2) attenuations of colours (N, 3): those of the nearest cell."""
        return self.attenuations[self._nearest(colours)]

    def misfit(self, colours: NDArray[np.float32]) -> float:
        """Mean distance of colours (N, 3) to the palette, 0…1."""
        return float(np.linalg.norm(colours - self.colours[self._nearest(colours)], axis=1).mean())

    def _nearest(self, colours: NDArray[np.float32]) -> NDArray[np.intp]:
        own = (self.colours**2).sum(axis=1)
        found = [
            np.argmin(own - 2 * colours[at : at + _CHUNK] @ self.colours.T, axis=1)
            for at in range(0, len(colours), _CHUNK)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.intp)


@cache
def palette_table(name: str) -> PaletteTable:
    """The canonical palette, or a look by name or YAML file. Raises ConfigError."""
    return _table(name, None if name == CANONICAL else load_look(name))


def _table(name: str, look: Look | None) -> PaletteTable:
    steps = (_DEEPEST * (np.arange(_STEPS) / (_STEPS - 1)) ** 2).astype(np.float32)
    low, high = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
    ratio = low / np.maximum(high, 1e-3)
    real = ((ratio > _RATIOS[0]) & (ratio < _RATIOS[1])) | (low + high < 0.02) | (low == steps[-1])
    attenuations = np.stack([low[real], high[real]], axis=1)
    plain = look and look.model_copy(
        update={"background": (255, 255, 255), "sharpen": 0.0, "detail": 0.0, "invert": False}
    )
    enhancement = Enhancement(look.sharpen, look.sharpen_px, look.detail, look.detail_px) if look else Enhancement()
    table = PaletteTable(name, plain, enhancement, attenuations, np.zeros((0, 3), np.float32))
    return replace(table, colours=table.colour(np.exp(-attenuations)[None])[0])


def nearest_palette(colours: NDArray[np.float32], rng: np.random.Generator) -> tuple[PaletteTable, float]:
    """The palette that fits colours (N, 3) of a parcel best, and how far off it is on average.

    It is a known one, or sharply divided ramps with the scan's own organic, mixed and metal tones.
    """
    sample = colours if len(colours) <= _SAMPLE else colours[rng.choice(len(colours), _SAMPLE, replace=False)]
    tables = [palette_table(name) for name in (CANONICAL, *sorted(shipped(KIND)))]
    tables.append(_table("own tones", _toned(_USUAL, sample)))
    # A known palette is believed only where it beats the scan's own tones clearly: the true one would be exact.
    fits = [table.misfit(sample) for table in tables]
    fits[:-1] = [fit + _DOUBT for fit in fits[:-1]]
    best = int(np.argmin(fits))
    return tables[best], tables[best].misfit(sample)


def _toned(look: Look, colours: NDArray[np.float32]) -> Look:
    """A look of three ramps with the tones of colours (N, 3): each ramp's purest and its darkest."""
    red, green, blue = colours.T
    saturation = colours.max(axis=1) - colours.min(axis=1)
    light = colours.sum(axis=1)
    classes = ((red >= green) & (green > blue), (green > red) & (green >= blue), (blue > red) & (blue > green))
    ramps = []
    for ramp, mine in zip(look.ramps, classes, strict=True):
        mine = mine & (saturation > 0.15)
        if mine.sum() < _MIN_OF_CLASS:
            ramps.append(ramp)
            continue
        pure = mine & (saturation >= np.percentile(saturation[mine], 75))
        dark = mine & (light <= np.percentile(light[mine], 4))
        tones = [tuple(int(v) for v in np.rint(255 * colours[chosen].mean(axis=0))) for chosen in (pure, dark)]
        ramps.append(ramp.model_copy(update={"middle": tones[0], "dark": tones[1]}))
    return look.model_copy(update={"ramps": tuple(ramps)})
