"""A threat taken from one scan to be laid over another: the light of its box against that of the surroundings.

A composed scan does not tell what the threat alone lets through. Against the light around its box it does, as far as
what lies over and under it is even; what is uneven comes along, as more clutter. Towards the rim of the cut the shadow
fades out, so that it has no edge of its own. Where masks or designs of threats are at hand, ``parcelsight project``
lays them over scans exactly, beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..detector.lesson import Sample
from .transmission import Light

_SIDE = (0.04, 0.5)
"""Sides of threats that are cut, of the picture's."""
_MARGIN = 0.15
"""Width of the rim, of the box's longer side."""
_LEAST_RIM = 0.35
"""Surroundings darker than this leave too little light to divide by."""
_ZOOM = (0.8, 1.25)
_DARKEST = 2e-3
_LEAST_LIGHT = 0.25
"""A threat is not put where less light than this is left for it."""
_IN_PARCEL = 0.97
"""Mean light over the threat's place, above which it would lie beside the parcel."""
_OVERLAP = 0.3
_PLACES = 12


@dataclass(frozen=True, slots=True, eq=False)
class ThreatCut:
    """A threat's shadow."""

    light: Light
    """(h, w, C) what it lets through; 1 at the rim."""
    xyxy_px: NDArray[np.float32]
    """(4,) its box in the cut."""
    class_id: int


def cut_threat(sample: Sample, light: Light, rng: np.random.Generator) -> ThreatCut | None:
    """One of a picture's objects, turned and zoomed at random; None where none can be cut cleanly."""
    side = light.shape[0]
    which = int(rng.integers(len(sample.class_ids)))
    box = sample.xyxy_px[which]
    size = box[2:] - box[:2]
    if size.min() < _SIDE[0] * side or size.max() > _SIDE[1] * side:
        return None
    margin = max(3.0, _MARGIN * float(size.max()))
    x1, y1 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    x2, y2 = np.minimum(np.ceil(box[2:] + margin), side).astype(int)
    others = np.delete(sample.xyxy_px, which, axis=0)
    if ((others[:, :2] < (x2, y2)) & (others[:, 2:] > (x1, y1))).all(axis=1).any():
        return None  # a second threat would come along unlabelled
    own = _against_surroundings(light[y1:y2, x1:x2], box - np.array([x1, y1, x1, y1], np.float32))
    if own is None:
        return None
    return _turned(ThreatCut(own, box - np.array([x1, y1] * 2, np.float32), int(sample.class_ids[which])), rng)


def _against_surroundings(light: Light, box: NDArray[np.float32]) -> Light | None:
    """(h, w, C) light divided by that of the rim outside the box, fading to 1 at the edge of the cut."""
    height, width = light.shape[:2]
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    across = np.minimum(columns / max(box[0], 1.0), (width - columns) / max(width - box[2], 1.0))
    along = np.minimum(rows / max(box[1], 1.0), (height - rows) / max(height - box[3], 1.0))
    fading = np.clip(np.minimum(across[None, :], along[:, None]), 0, 1).astype(np.float32)
    rim = light[fading < 1]
    if not len(rim):
        return None
    around = np.quantile(rim, 0.75, axis=0).astype(np.float32)
    if around.min() < _LEAST_RIM:
        return None
    depth = -np.log(np.clip(light / around, _DARKEST, 1))
    return np.asarray(np.exp(-depth * fading[:, :, None]), np.float32)


def _turned(cut: ThreatCut, rng: np.random.Generator) -> ThreatCut:
    light, (x1, y1, x2, y2) = cut.light, cut.xyxy_px.tolist()
    height, width = light.shape[:2]
    zoom = float(rng.uniform(*_ZOOM))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    light = cv2.resize(light, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    light = light.reshape(size[1], size[0], -1)
    across, down = size[0] / width, size[1] / height
    x1, y1, x2, y2 = x1 * across, y1 * down, x2 * across, y2 * down
    if rng.random() < 0.5:
        light, x1, x2 = light[:, ::-1], size[0] - x2, size[0] - x1
    if rng.random() < 0.5:
        light, x1, y1, x2, y2 = light.transpose(1, 0, 2), y1, x1, y2, x2
    return ThreatCut(np.ascontiguousarray(light), np.array([x1, y1, x2, y2], np.float32), cut.class_id)


def find_place(cut: ThreatCut, light: Light, sample: Sample, rng: np.random.Generator) -> tuple[int, int] | None:
    """(x, y) of the cut's corner in a picture: over a parcel, where it can be seen and hides no other object."""
    height, width = cut.light.shape[:2]
    left, top, right, bottom = sample.content_px
    across, down = right - left - width, bottom - top - height
    if min(across, down) < 0:
        return None
    for _ in range(_PLACES):
        x, y = left + int(rng.integers(across + 1)), top + int(rng.integers(down + 1))
        x1, y1, x2, y2 = np.rint(cut.xyxy_px + (x, y, x, y)).astype(int)
        if _LEAST_LIGHT < float(light[y1:y2, x1:x2].mean()) < _IN_PARCEL and not _covers((x1, y1, x2, y2), sample):
            return x, y
    return None


def _covers(box: tuple[int, int, int, int], sample: Sample) -> bool:
    """True where the place takes a good part of another object's, or the other way round."""
    others = sample.xyxy_px
    low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = np.minimum((others[:, 2:] - others[:, :2]).prod(axis=1), (box[2] - box[0]) * (box[3] - box[1]))
    return bool((shared > _OVERLAP * areas).any())
