"""Other scans laid over a picture, as the beam would do it: what they let through multiplies.

Both ways need pictures of one kind. Coloured pictures, besides, must have a light background and be alike in how
coloured they are: with dyes on white the product is what two transparent films show, on a dark or inverted background
it is nothing, and grey over colour would wash out the material code.

Transmissions are multiplied without the hardening of the beam (datasets/projection/beam.py), which here is far smaller
than the varied thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..detector.lesson import Boxes, Fetch, LabelledPicture, Sample
from .geometry import Geometry
from .recipe import Augmentation
from .threat_cutting import ThreatCut, cut_threat, find_place
from .transmission import Light, air_of, as_pixels, brightest, darkest, is_coloured, light_of

Rectangle = tuple[int, int, int, int]

_MIX_SHIFT = 0.45
"""Parcels lie over each other with their middles up to this part of the side apart."""
LEAST_LIGHT = 0.25
"""A mixture that takes more than the rest of the light away from a labelled object is not made: it could hide it."""
_LIGHT_TONE = 190
"""Every channel of a light background is at least this, of 255."""
_ALIKE = 0.1
_GREY = 0.04
_TRIES = 3


class Overlaying:
    """Mixes parcels and adds threats, as often as the recipe says."""

    def __init__(self, recipe: Augmentation, pictures: Sequence[LabelledPicture]) -> None:
        self._recipe, self._count = recipe, len(pictures)
        self._elsewhere = Geometry(recipe, translate=_MIX_SHIFT)
        self._showing = _pictures_by_class(pictures)

    def __call__(self, sample: Sample, rng: np.random.Generator, fetch: Fetch) -> Sample:
        """The picture, perhaps with another parcel or threat over it; both keep their labels."""
        mixing, adding = rng.random(2) < (self._recipe.mix, self._recipe.threats)
        if mixing and self._count > 1:
            sample = self._mixed(sample, rng, fetch)
        if adding and self._showing:
            sample = self._with_threat(sample, rng, fetch)
        return sample

    def _mixed(self, sample: Sample, rng: np.random.Generator, fetch: Fetch) -> Sample:
        for _ in range(_TRIES):
            other = fetch(int(rng.integers(self._count)))
            if (pair := _Pair.of(sample, other)) is None:
                continue
            other = self._elsewhere(other, rng)
            one, two = light_of(sample.pixels, pair.air), light_of(other.pixels, pair.other_air)
            if _hides(two, sample.xyxy_px) or _hides(one, other.xyxy_px):
                continue
            return replace(
                sample,
                pixels=as_pixels(one * np.minimum(two, 1, out=two), pair.air, sample.pixels),
                xyxy_px=np.concatenate([sample.xyxy_px, other.xyxy_px]),
                class_ids=np.concatenate([sample.class_ids, other.class_ids]),
                content_px=_around_both(sample.content_px, other.content_px),
            )
        return sample

    def _with_threat(self, sample: Sample, rng: np.random.Generator, fetch: Fetch) -> Sample:
        for _ in range(_TRIES):
            showing = self._showing[int(rng.integers(len(self._showing)))]
            other = fetch(int(rng.choice(showing)))
            pair = _Pair.of(sample, other)
            cut = None if pair is None else cut_threat(other, light_of(other.pixels, pair.other_air), rng)
            if pair is None or cut is None:
                continue
            light = light_of(sample.pixels, pair.air)
            if (place := find_place(cut, light, sample, rng)) is not None:
                return _laid_over(sample, light, pair.air, cut, place)
        return sample


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The air of two pictures that may be multiplied."""

    air: NDArray[np.float32]
    other_air: NDArray[np.float32]

    @classmethod
    def of(cls, sample: Sample, other: Sample) -> _Pair | None:
        """None where the product of the two would be no X-ray picture."""
        if sample.pixels.dtype != other.pixels.dtype or sample.pixels.shape != other.pixels.shape:
            return None
        pair = cls(air_of(sample), air_of(other))
        if is_coloured(sample):
            if min(pair.air.min(), pair.other_air.min()) < _LIGHT_TONE:
                return None
            one, two = _colourfulness(sample, pair.air), _colourfulness(other, pair.other_air)
            if abs(one - two) > _ALIKE or (one < _GREY) != (two < _GREY):
                return None
        return pair


def _around_both(one: Rectangle, two: Rectangle) -> Rectangle:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])


def _colourfulness(sample: Sample, air: NDArray[np.float32]) -> float:
    """Mean distance between the strongest and the weakest channel of what is no air, 0…1."""
    light = light_of(np.ascontiguousarray(sample.pixels[::4, ::4]), air)
    least = darkest(light)
    matter = least < 0.9
    return float((brightest(light) - least)[matter].mean()) if matter.any() else 0.0


def _hides(light: Light, xyxy_px: Boxes) -> bool:
    """True where too little light is left for any of the boxes."""
    return any(_mean(light, box) < LEAST_LIGHT for box in xyxy_px)


def _mean(light: Light, box: NDArray[np.float32]) -> float:
    x1, y1 = np.floor(box[:2]).astype(int)
    x2, y2 = np.ceil(box[2:]).astype(int)
    inside = light[max(y1, 0) : y2, max(x1, 0) : x2]
    return float(inside.mean()) if inside.size else 1.0


def _laid_over(
    sample: Sample, light: Light, air: NDArray[np.float32], cut: ThreatCut, place: tuple[int, int]
) -> Sample:
    x, y = place
    height, width = cut.light.shape[:2]
    light[y : y + height, x : x + width] *= cut.light
    return replace(
        sample,
        pixels=as_pixels(light, air, sample.pixels),
        xyxy_px=np.concatenate([sample.xyxy_px, cut.xyxy_px[None] + np.array([x, y, x, y], np.float32)]),
        class_ids=np.append(sample.class_ids, cut.class_id),
    )


def _pictures_by_class(pictures: Sequence[LabelledPicture]) -> list[NDArray[np.intp]]:
    """For each class that occurs, the indices of the pictures that show it."""
    shown: dict[int, list[int]] = {}
    for index, picture in enumerate(pictures):
        for class_id in set(picture.class_ids.tolist()):
            shown.setdefault(class_id, []).append(index)
    return [np.asarray(shown[class_id], np.intp) for class_id in sorted(shown)]
