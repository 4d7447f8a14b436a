"""Transmissions coloured, by the canonical palette or by another maker's look each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..datasets.canonical import canonical_rgb
from ..datasets.scan import Scan, ScanKind
from ..datasets.synthetic.looks import GREY, RANDOM, Look, apply_look, palette_of, varied
from ..detector.lesson import Rgb, Sample

_TABLE_STEPS = 64
_WHITE_PADDING = 0.5
"""How often what surrounds the scan is white, as the runtime pads it; else it is more of the scan's own air."""
_INVERTED = 0.2


def coloured(sample: Sample, rng: np.random.Generator, looks: float) -> Sample:
    """The picture as ``Rgb``.

    Args:
        sample: (S, S, 2) dual-energy, or (S, S, 1) of one energy, which has only greys.
        rng: draws the look.
        looks: how often it is not the canonical palette.
    """
    picture = _picture(sample.pixels, _draw_look(rng, sample.pixels.shape[2]) if rng.random() < looks else None)
    if rng.random() < _WHITE_PADDING:
        picture = _white_around(picture, sample.content_px)
    return replace(sample, pixels=picture)


def _draw_look(rng: np.random.Generator, energies: int) -> Look | None:
    """None for the canonical palette."""
    if energies > 1:
        return palette_of(RANDOM, rng).look
    return varied(GREY, rng).model_copy(update={"invert": bool(rng.random() < _INVERTED)})


def _picture(levels: NDArray[np.uint16], look: Look | None) -> Rgb:
    if look is not None:
        both = levels if levels.shape[2] == 2 else np.repeat(levels, 2, axis=2)
        return apply_look(both, look, _TABLE_STEPS)
    if levels.shape[2] == 2:
        return canonical_rgb(Scan("picture", levels, ScanKind.DUAL_ENERGY))
    return canonical_rgb(Scan("picture", levels[:, :, 0], ScanKind.GREY))


def _white_around(picture: Rgb, content_px: tuple[int, int, int, int]) -> Rgb:
    x1, y1, x2, y2 = content_px
    padded = np.full_like(picture, 255)
    padded[y1:y2, x1:x2] = picture[y1:y2, x1:x2]
    return padded
