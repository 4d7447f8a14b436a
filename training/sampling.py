"""Which pictures an epoch shows: rare classes, threat-free scans and hard negatives as often as the recipe says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..detector.errors import RunError
from ..detector.lesson import Draw, LabelledPicture
from .recipe import Sampling

_EPOCHS_KEPT = 2
_SALT = 7_919
"""Keeps the draws apart from other numbers that the same seed gives."""


def make_draw(
    recipe: Sampling, pictures: Sequence[LabelledPicture], seed: int, hard: frozenset[str] = frozenset()
) -> Draw:
    """The pictures of each epoch, which depend on the seed and the epoch's number alone.

    Args:
        recipe: what is wanted.
        pictures: to draw from.
        seed: of the training.
        hard: names of pictures that are hard negatives.

    Raises:
        RunError: if a share of threat-free pictures is asked for and one of the two kinds is missing.
    """
    expected = picture_weights(recipe, pictures, hard)
    expected = expected * ((recipe.pictures or len(pictures)) / expected.sum())
    counts = _class_counts(pictures)
    kinds = np.array([min(p.class_ids.tolist(), key=lambda c: counts[c], default=-1) for p in pictures], np.intp)

    @lru_cache(maxsize=_EPOCHS_KEPT)
    def draw(epoch: int) -> NDArray[np.intp]:
        return systematic(expected, kinds, np.random.default_rng((_SALT, seed, epoch)))

    return draw


def picture_weights(
    recipe: Sampling, pictures: Sequence[LabelledPicture], hard: frozenset[str] = frozenset()
) -> NDArray[np.float64]:
    """(n,) how much more often than others each picture is shown."""
    counts = _class_counts(pictures)
    rarity = (counts.max(initial=1) / np.maximum(counts, 1)) ** recipe.rare_classes
    weights = np.array([rarity[picture.class_ids].max(initial=1.0) for picture in pictures])
    weights[[picture.name in hard for picture in pictures]] *= recipe.hard_negative_weight
    if recipe.threat_free is None:
        return weights
    free = np.array([not len(picture.class_ids) for picture in pictures])
    if free.all() or (recipe.threat_free > 0 and not free.any()):
        kind = "a threat" if free.all() else "no threat"
        raise RunError(
            f"sampling.threat_free: {recipe.threat_free}: no picture of the train split has {kind}",
            "leave the key out, or add such scans",
        )
    weights[~free] *= (1 - recipe.threat_free) / weights[~free].sum()
    if free.any():
        weights[free] *= recipe.threat_free / weights[free].sum()
    return weights


def _class_counts(pictures: Sequence[LabelledPicture]) -> NDArray[np.intp]:
    """(classes,) objects of each class."""
    return np.bincount(np.concatenate([picture.class_ids for picture in pictures]).astype(np.intp))


def systematic(expected: NDArray[np.float64], kinds: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices, each as often as expected, and each kind too, rounded up or down (systematic sampling).

    Args:
        expected: (n,) expected numbers; their sum is the number drawn.
        kinds: (n,) alike where pictures share their rounding: one at most is lost or gained by all of a kind.
        rng: draws the offset, and the order within each kind.
    """
    count = round(float(expected.sum()))
    order = rng.permutation(len(expected))
    order = order[np.argsort(kinds[order], kind="stable")]
    ends = np.cumsum(expected[order])
    # Rounding errors of the sum must not decide about the last one.
    picked = np.searchsorted(ends * (count / ends[-1]), np.arange(count) + rng.uniform(1e-6, 1 - 1e-6), side="right")
    return np.sort(order[np.minimum(picked, len(expected) - 1)])
