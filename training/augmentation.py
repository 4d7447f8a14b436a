"""Variation of training pictures, restricted to what keeps an X-ray picture true (see recipe.Augmentation).

Scans that still hold transmissions are varied as such and coloured last, by another scanner's look each time; pictures
that a scanner has coloured already are varied as far as that is still true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..detector.lesson import Augment, Fetch, LabelledPicture, Sample
from .colouring import coloured
from .geometry import Geometry
from .overlaying import Overlaying
from .picture_effects import FinishingTouches, PictureEffects
from .recipe import Augmentation
from .scanner_effects import ScannerEffects
from .transmission import is_coloured
from .window import Window

Step = Callable[[Sample, np.random.Generator], Sample]


def make_augment(recipe: Augmentation, pictures: Sequence[LabelledPicture] = ()) -> Augment:
    """The recipe's variations as one function.

    Args:
        recipe: what to do.
        pictures: those of the lesson, in the order of their indices; some are laid over others.
    """
    geometry = Geometry(recipe)
    overlaying, window = Overlaying(recipe, pictures), Window(recipe.window_px)
    on_transmissions: tuple[Step, ...] = (ScannerEffects(recipe), partial(coloured, looks=recipe.transmissions.looks))
    on_colours: tuple[Step, ...] = (PictureEffects(recipe),)
    finish = FinishingTouches(recipe)

    def augment(sample: Sample, seed: int, fetch: Fetch) -> Sample:
        rng = np.random.default_rng(seed)
        varied = window(overlaying(geometry(sample, rng), rng, fetch), rng)
        for step in on_colours if is_coloured(varied) else on_transmissions:
            varied = step(varied, rng)
        varied = finish(varied, rng)
        return replace(varied, pixels=np.ascontiguousarray(varied.pixels))

    return augment
