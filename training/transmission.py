"""What part of the light comes through each pixel of a picture, for either kind of picture.

Light is float32 (S, S, C), 1 in air. In a scan of 16 bits it is the transmission itself. In a picture that a scanner
has coloured it is the intensity of each colour against that of air: dyes lying over each other multiply likewise, so
shadows still add up, though the sum of two thin colours is not the colour that the scanner would give their sum.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.projection.colour import air_tone
from ..datasets.scan import AIR_LEVEL
from ..detector.lesson import Sample

Light = NDArray[np.float32]

_EVERY_PX = 4
"""The tone of air is read off every so manieth row and column."""


def is_coloured(sample: Sample) -> bool:
    """True for an 8-bit picture, False for transmissions."""
    return sample.pixels.dtype == np.uint8


def air_of(sample: Sample) -> NDArray[np.float32]:
    """(C,) value of air in a picture's own units; of an 8-bit picture its commonest bright colour."""
    if not is_coloured(sample):
        return np.full(sample.pixels.shape[2], AIR_LEVEL, np.float32)
    x1, y1, x2, y2 = sample.content_px
    return air_tone(np.ascontiguousarray(sample.pixels[y1:y2:_EVERY_PX, x1:x2:_EVERY_PX])) * np.float32(255)


def light_of(pixels: NDArray[Any], air: NDArray[np.float32]) -> Light:
    """Pixels as parts of air."""
    return np.asarray(cv2.multiply(pixels, _each(np.reciprocal(air)), dtype=cv2.CV_32F)).reshape(pixels.shape)


def as_pixels(light: Light, air: NDArray[np.float32], like: NDArray[Any]) -> NDArray[Any]:
    """Light as pixels of the type of ``like``, rounded and cut off at what the type holds."""
    depth = cv2.CV_8U if like.dtype == np.uint8 else cv2.CV_16U
    return np.asarray(cv2.multiply(light, _each(air), dtype=depth)).reshape(like.shape)


def darkest(light: Light) -> NDArray[np.float32]:
    """(H, W) the least of three channels; numpy is several times slower at it."""
    red, green, blue = cv2.split(light)
    return np.asarray(cv2.min(cv2.min(red, green), blue))


def brightest(light: Light) -> NDArray[np.float32]:
    """(H, W) the greatest of three channels."""
    red, green, blue = cv2.split(light)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def _each(factors: NDArray[np.float32]) -> tuple[float, ...]:
    """One factor for each channel, as OpenCV takes them: always four."""
    return (*factors.tolist(), *(1.0,) * (4 - len(factors)))
