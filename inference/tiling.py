"""Long strips: looked at in overlapping tiles and as a whole, told as one list of detections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ModelCard
from ..detector.detections import Detections
from .detector import Detector
from .fusion import Fusion, Look


def class_groups(card: ModelCard) -> list[int]:
    """A number for the group of each class, by class id."""
    names = sorted({str(spec.group) for spec in card.classes})
    return [names.index(str(spec.group)) for spec in card.classes]


def shifted(found: Detections, x_px: float, y_px: float) -> Detections:
    """The same detections in a frame whose origin lies so far to the left and above."""
    moved = found.xyxy_px + np.array([x_px, y_px, x_px, y_px], np.float32)
    return Detections(moved, found.score, found.class_id)


def detect_in_tiles(detector: Detector, rgb: NDArray[np.uint8], spans: Sequence[tuple[int, int]]) -> Detections:
    """Find threats in a picture that is too long to be seen well at once.

    Tiles see small objects; the whole, shrunk as it is, sees those that are longer than a tile.

    Args:
        detector: the model.
        rgb: canonical picture (H, W, 3).
        spans: of the longer side, overlapping (``resolution.tile_spans``); none: the picture is looked at once.

    Returns:
        Detections in pixels of the picture, best first.

    Raises:
        ModelError: as of the detector.
    """
    if not spans:
        return detector.detect(rgb)
    height, width = rgb.shape[:2]
    upright = height >= width
    fusion = Fusion(class_groups(detector.card))
    for first, end in spans:
        tile = rgb[first:end] if upright else np.ascontiguousarray(rgb[:, first:end])
        before, after = first > 0, end < max(height, width)
        if upright:
            look, origin = Look((0, first, width, end), (False, before, False, after)), (0, first)
        else:
            look, origin = Look((first, 0, end, height), (before, False, after, False)), (first, 0)
        fusion.add(look, shifted(detector.detect(tile), *origin))
    fusion.finish(Look((0, 0, width, height)), detector.detect(rgb))
    return fusion.detections
