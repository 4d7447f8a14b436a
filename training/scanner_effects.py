"""What scanners do to transmissions: thickness, air level, blur, afterglow, drifting and dead detectors, noise.

Everything acts on float32 (S, S, C) transmissions in place of colours. The belt runs along either axis of the picture,
since pictures are turned before. Nothing here makes an object out of air: effects are even, or straight lines through
the whole picture, or noise of single pixels.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.scan import AIR_LEVEL
from ..detector.lesson import Sample
from .recipe import Augmentation
from .transmission import Light, as_pixels, light_of

_BLUR_PX = (0.4, 1.0)
_BELT_BLUR_PX = (0.5, 1.6)
_GLOW = (0.05, 0.25)
"""Share of a line's light that comes late."""
_GLOW_LINES = 7
_COARSER = (1.0, 2.0)
"""Pixel pitches in use lie between 0.8 and 1.6 mm."""
_DETECTOR_DRIFT = 0.006
_LINE_DRIFT = 0.003
_MOST_DEAD = 3
_ELECTRONIC = 0.08
"""Noise that does not shrink where it is dark, of the quantum noise in air."""
_HARDENING = 0.2
_HIGHEST_RATIO = 4.0
_THIN = 1e-3
"""Attenuation below which a ratio is noise."""
_POOL = 1 << 20
_DARKEST = 1e-4


class ScannerEffects:
    """Another scanner each time."""

    def __init__(self, recipe: Augmentation) -> None:
        self._gain, self._blur, self._of = recipe.gain, recipe.blur, recipe.transmissions

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The picture's transmissions as that scanner would have recorded them."""
        light = light_of(sample.pixels, np.full(sample.pixels.shape[2], AIR_LEVEL, np.float32))
        along = int(rng.integers(2))
        of = self._of
        light = thicker(light, float(rng.uniform(1 - self._gain, 1 + self._gain)))
        if of.pitch and rng.random() < of.pitch:
            light = coarser(light, *rng.uniform(*_COARSER, 2).tolist())
        chances = iter(rng.random(5))
        if next(chances) < self._blur:
            light = blurred(light, float(rng.uniform(*_BLUR_PX)))
        if next(chances) < of.afterglow:
            light = glowing(light, float(rng.uniform(*_GLOW)), along, bool(rng.integers(2)))
        if next(chances) < of.belt_blur:
            light = blurred(light, float(rng.uniform(*_BELT_BLUR_PX)), along)
        if next(chances) < of.streaks:
            light = streaked(light, along, rng)
        light = noisy(light * np.float32(1 + rng.uniform(-of.air_level, of.air_level)), of.quantum_noise, rng)
        if next(chances) < of.dead_detectors:
            light = with_dead_detectors(light, along, rng)
        return replace(sample, pixels=as_pixels(light, np.full(light.shape[2], AIR_LEVEL, np.float32), sample.pixels))


def thicker(light: Light, factor: float) -> Light:
    """Everything thicker by a factor: attenuations are multiplied, so transmissions are raised to that power.

    The first layers take the soft rays away, so the ratio r of the attenuations at low and high energy falls as matter
    gets thicker, and the more the higher it is: about as ``factor ** (-0.2 (r - 1))`` for organic matter, aluminium and
    steel (canonical.MATERIAL_RATIOS, 0.5 to 3 of attenuation). Without that thinner steel would be coloured as mixed.
    """
    if factor == 1:
        return light
    light = np.maximum(light, _DARKEST)
    if light.shape[2] == 1:
        return np.asarray(cv2.pow(light, factor)).reshape(light.shape)
    low, high = cv2.split(cv2.log(light))
    ratio = np.clip(low / np.minimum(high, -_THIN), 1, _HIGHEST_RATIO)
    fall = (ratio - np.float32(1)) * np.float32(0.5 * _HARDENING * np.log(factor))
    grown = cv2.merge([low * (factor - factor * fall), high * (factor + factor * fall)])
    return np.asarray(cv2.exp(grown))


def blurred(light: Light, sigma_px: float, along: int | None = None) -> Light:
    """Blurred in both directions, or along one axis alone. Light is averaged, as detectors do, not attenuation."""
    size = 2 * int(np.ceil(3 * sigma_px)) + 1
    shape = {None: (size, size), 0: (1, size), 1: (size, 1)}[along]
    return np.asarray(cv2.GaussianBlur(light, shape, sigma_px)).reshape(light.shape)


def coarser(light: Light, across: float, down: float) -> Light:
    """As detectors and lines of a larger pitch record it, by a factor for each axis, shown at the same size.

    A larger detector takes up the light of all that it covers, so light is averaged; noise of counts is added after it.
    """
    height, width = light.shape[:2]
    size = (max(1, round(width / across)), max(1, round(height / down)))
    taken = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(taken, (width, height), interpolation=cv2.INTER_LINEAR)).reshape(light.shape)


def glowing(light: Light, share: float, along: int, backwards: bool) -> Light:
    """A share of each line's light arrives in the lines after it, half as much in each as in the one before."""
    late = 0.5 ** np.arange(1, _GLOW_LINES)
    kernel = np.concatenate([[1 - share], share * late / late.sum()])
    kernel = np.concatenate([kernel[::-1], np.zeros(_GLOW_LINES - 1)])  # correlation: earlier lines come first
    kernel = kernel[::-1] if backwards else kernel
    none = np.ones(1)
    across, down = (none, kernel) if along == 0 else (kernel, none)
    glown = cv2.sepFilter2D(light, -1, across, down, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(glown).reshape(light.shape)


def streaked(light: Light, along: int, rng: np.random.Generator) -> Light:
    """Each detector, and each line, with a small error of its own."""
    side = light.shape[0]
    detectors = rng.normal(1.0, _DETECTOR_DRIFT * rng.random(), (1, side, 1))
    lines = rng.normal(1.0, _LINE_DRIFT * rng.random(), (side, 1, 1))
    errors = (lines * detectors).astype(np.float32)
    return light * (errors if along == 0 else errors.swapaxes(0, 1))


def noisy(light: Light, most: float, rng: np.random.Generator) -> Light:
    """Noise of counts: its variance is proportional to the light, so darker places are relatively noisier."""
    if most <= 0:
        return light
    in_air = np.float32(rng.uniform(0, most))
    spread = np.sqrt(np.maximum(light, 0) + np.float32(_ELECTRONIC**2)) * in_air
    return np.asarray(light + spread * _normal(light.shape, rng), np.float32)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Standard normal numbers from somewhere in a fixed pool: drawing as many anew takes longer than all the rest."""
    count = int(np.prod(shape))
    pool = _pool(max(_POOL, 2 * count))
    start = int(rng.integers(pool.size - count + 1))
    return pool[start : start + count].reshape(shape)


@cache
def _pool(size: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(size, dtype=np.float32)


def with_dead_detectors(light: Light, along: int, rng: np.random.Generator) -> Light:
    """One to three detectors that tell less than they should, or nothing, in every line."""
    light = light.copy()
    lines = light if along == 0 else light.swapaxes(0, 1)
    for detector in rng.integers(light.shape[0], size=int(rng.integers(1, _MOST_DEAD + 1))):
        lines[:, detector] *= np.float32(rng.uniform(0, 0.7))
    return light
