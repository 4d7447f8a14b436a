"""What is still true to do to a picture that a scanner has coloured, and to every picture at the end."""

from __future__ import annotations

from dataclasses import replace

import albumentations
import cv2
import numpy as np
from numpy.typing import NDArray

from ..detector.lesson import Rgb, Sample
from .recipe import Augmentation
from .transmission import air_of, darkest, light_of

_LIGHT_TONE = 150
"""Backgrounds darker than this are inverted pictures or none at all; they stay as they are."""
_TONES = (0.68, 1.0)
_DARKEST_AIR_ALONE = 0.78
_TINT = 0.015
_ONLY_AIR = 0.3
_AIR_FROM, _AIR_FULL = 0.90, 0.98
"""Least light of a pixel's channels from which on it counts as air in part, and in full."""
_WHITE_PADDING = 0.5
_INVERTED_IN_GREY = 0.5
_JPEG_QUALITY = (50, 95)
_BLUR_PX = (0.3, 1.0)


class PictureEffects:
    """Variation of 8-bit pictures: background, gamma, brightness, blur, noise."""

    def __init__(self, recipe: Augmentation) -> None:
        self._background = recipe.background
        power = (100 * (1 - recipe.gain), 100 * (1 + recipe.gain))
        self._pipeline = albumentations.Compose(
            [
                albumentations.RandomGamma(gamma_limit=power, p=1.0 if recipe.gain else 0.0),
                albumentations.RandomBrightnessContrast(
                    brightness_limit=recipe.brightness, contrast_limit=0.0, p=0.5 if recipe.brightness else 0.0
                ),
                albumentations.GaussianBlur(sigma_limit=_BLUR_PX, p=recipe.blur),
                albumentations.GaussNoise(std_range=(0.0, recipe.noise), p=1 / 3 if recipe.noise else 0.0),
            ]
        )

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The picture with other intensities."""
        if rng.random() < self._background:
            sample = _with_other_air(sample, rng)
        self._pipeline.set_random_seed(int(rng.integers(2**31)))
        return replace(sample, pixels=self._pipeline(image=sample.pixels)["image"])


class FinishingTouches:
    """The last steps of every picture: grey, inversion, compression."""

    def __init__(self, recipe: Augmentation) -> None:
        self._grey, self._invert, self._jpeg = recipe.grey, recipe.invert, recipe.jpeg
        self._compress = albumentations.Compose([albumentations.ImageCompression(quality_range=_JPEG_QUALITY, p=1)])

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The picture as it would be handed on."""
        rgb = sample.pixels
        greying, inverting, compressing = rng.random(3) < (self._grey, self._invert, self._jpeg)
        if greying or (inverting and rng.random() < _INVERTED_IN_GREY):
            rgb = _grey(rgb)
        if inverting:
            rgb = inverted(rgb)
        if compressing:
            self._compress.set_random_seed(int(rng.integers(2**31)))
            rgb = self._compress(image=rgb)["image"]
        return replace(sample, pixels=rgb)


def _grey(rgb: Rgb) -> Rgb:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def inverted(rgb: Rgb) -> Rgb:
    """Bright becomes dark and dark bright; hue and colourfulness, which tell the material, stay.

    In each pixel the strongest and the weakest channel s and w become 255 - w and 255 - s (lightness of the HSL model).
    """
    red, green, blue = cv2.split(rgb)
    strongest, weakest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    shift = 255 - strongest.astype(np.int16) - weakest
    return np.asarray(np.clip(rgb + shift[:, :, None], 0, 255), np.uint8)


def _with_other_air(sample: Sample, rng: np.random.Generator) -> Sample:
    """Another tone of air: mostly shining through what is thin too, as a maker's palette does, or of air alone."""
    air = air_of(sample)
    if air.min() < _LIGHT_TONE:
        return sample
    through = None if rng.random() < _ONLY_AIR else float(rng.uniform(0, 2))
    # Of air alone no darker tone: thin matter, which keeps its own, would be far brighter than the air around.
    darkest_tone = _TONES[0] if through is not None else _DARKEST_AIR_ALONE
    tone = 255 * np.clip(rng.uniform(darkest_tone, _TONES[1]) + rng.normal(0, _TINT, 3), 0, 1).astype(np.float32)
    picture = recoloured(sample.pixels, air, tone, through)
    x1, y1, x2, y2 = sample.content_px
    padded = np.empty_like(picture)
    padded[:] = 255 if rng.random() < _WHITE_PADDING else np.rint(tone).astype(np.uint8)
    padded[y1:y2, x1:x2] = picture[y1:y2, x1:x2]
    return replace(sample, pixels=padded)


def recoloured(rgb: Rgb, air: NDArray[np.float32], tone: NDArray[np.float32], power: float | None) -> Rgb:
    """A picture with air of another tone.

    Args:
        rgb: (H, W, 3).
        air: (3,) its tone of air.
        tone: (3,) the new one.
        power: the new tone colours a pixel by its light, 0…1, to this power: 0 everywhere alike, 2 mostly what is
            thin. None: only air, with a soft transition.
    """
    least = darkest(light_of(rgb, air))
    if power is None:
        share = (cv2.GaussianBlur(least, (0, 0), 1.0) - np.float32(_AIR_FROM)) * np.float32(1 / (_AIR_FULL - _AIR_FROM))
    else:
        share = cv2.pow(least, power)
    share = np.clip(share, 0, 1)
    channels = [
        cv2.multiply(channel, share * np.float32(ratio - 1) + np.float32(1), dtype=cv2.CV_8U)
        for channel, ratio in zip(cv2.split(rgb), tone / air, strict=True)
    ]
    return np.asarray(cv2.merge(channels))
