"""The same scan in other colours, to measure what a detector owes to colour and background alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""


class Rendering(StrEnum):
    """How the scans of an evaluation are shown to the detector a second time."""

    GREY = "grey"
    """Brightness alone, as a single-energy scanner shows it."""
    INVERTED = "inverted"
    """Brightness turned round: air black, dense matter white."""
    AIR = "air"
    """Another background tone: white air becomes light grey, air of any other tone becomes white."""


_GREY_AIR: NDArray[np.float32] = np.array([205, 208, 214], np.float32)
"""The tone of air that was white: the light, faintly blue grey of many scanners' software."""
_WHITE_FROM = 248
_BRIGHT_FROM = 128
_FADE = 24.0
"""Brightness under that of air, in grey levels, at which the recolouring has faded out."""


def grey(rgb: Picture) -> Picture:
    """Brightness in all three channels."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def inverted(rgb: Picture) -> Picture:
    """Brightness turned round."""
    return np.asarray(255 - grey(rgb))


def other_air(rgb: Picture) -> Picture:
    """Air in another tone, everything else as it was; unchanged where the commonest tone is too dark to be air."""
    tone = _air_tone(rgb)
    if tone is None:
        return rgb
    wanted = _GREY_AIR if tone.min() >= _WHITE_FROM else np.full(3, 255, np.float32)
    # Full at the tone of air and above, none where matter begins to show.
    depth = (tone[None, None] - rgb).max(axis=2)
    share = np.clip(1 - depth / _FADE, 0, 1)[:, :, None]
    return np.asarray(np.clip(rgb * (1 + share * (wanted / tone - 1)), 0, 255).round(), np.uint8)


def _air_tone(rgb: Picture) -> NDArray[np.float32] | None:
    """(3,) the commonest tone of a picture, where it is bright."""
    brightness = rgb.min(axis=2)
    level = int(np.bincount(brightness.ravel(), minlength=256).argmax())
    if level < _BRIGHT_FROM:
        return None
    near = np.abs(brightness.astype(np.int16) - level) <= 1
    return np.asarray(np.median(rgb[near], axis=0), np.float32)


RENDERED: Mapping[Rendering, Callable[[Picture], Picture]] = MappingProxyType(
    {Rendering.GREY: grey, Rendering.INVERTED: inverted, Rendering.AIR: other_air}
)
"""How each is drawn."""
