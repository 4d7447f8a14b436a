"""Windows of training pictures: a network learns at the scale of large pictures for the price of small ones.

A convolutional network takes pictures of any size, so it can be taught on windows and used on whole scans. A picture
that was shrunk is half padding; a window onto the parcel is full of what there is to learn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..detector.lesson import Boxes, Sample
from .geometry import LEAST_VISIBLE


class Window:
    """Cuts a square out of each picture, as full of the scan as may be; where, is drawn."""

    def __init__(self, side_px: int) -> None:
        """Of this side; 0 leaves pictures whole."""
        self._side_px = side_px

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The window with the objects of which enough lies inside; a smaller picture stays whole."""
        side = self._side_px
        if not 0 < side < sample.pixels.shape[0]:
            return sample
        x1, y1, x2, y2 = sample.content_px
        left, top = (_start(low, high, side, sample.pixels.shape[0], rng) for low, high in ((x1, x2), (y1, y2)))
        corner = np.array([left, top] * 2, np.float32)
        inside = np.clip(sample.xyxy_px - corner, 0, side)
        visible = _areas(inside) >= LEAST_VISIBLE * np.maximum(_areas(sample.xyxy_px), 1e-6)
        content = np.clip(np.array(sample.content_px) - corner.astype(int), 0, side).tolist()
        return replace(
            sample,
            pixels=np.ascontiguousarray(sample.pixels[top : top + side, left : left + side]),
            xyxy_px=np.asarray(inside[visible], np.float32),
            class_ids=sample.class_ids[visible],
            content_px=(content[0], content[1], content[2], content[3]),
        )


def _start(low: int, high: int, side: int, whole: int, rng: np.random.Generator) -> int:
    """Where a window begins along one axis: around all of the scan where it fits, else somewhere inside it."""
    first, last = sorted((high - side, low))
    first, last = max(first, 0), min(last, whole - side)
    return int(rng.integers(first, last + 1)) if first <= last else min(max(low, 0), whole - side)


def _areas(xyxy: Boxes) -> NDArray[np.float32]:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), np.float32)
