"""One object, one alarm: claims of several classes of a group about the same place become one.

The network says for every place how much it looks like each class, each for itself. A gun that it takes for a pistol
at .4 and for a revolver at .3 is one firearm of which it is fairly sure, and not two doubtful ones: shown apart they
would be two alarms for one object, and ranked apart a scan with a gun falls behind harmless ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .detections import Detections

SAME_OBJECT_IOU = 0.6
"""Boxes that overlap this much claim the same object."""
LEAST_EVIDENCE = 0.01
"""Scores below add nothing to another claim; a place has hundreds of them."""


def merge_claims(found: Detections, groups: Sequence[int]) -> Detections:
    """Merge the claims of each group.

    Of claims of one group whose boxes overlap by at least SAME_OBJECT_IOU the best stays, with its box and class. Its
    score becomes 1 - Π (1 - s) over the best such claim s of each class of the group: how likely it is any of them,
    were the classes told apart independently (noisy or; Pearl, Probabilistic Reasoning in Intelligent Systems, 1988).

    Args:
        found: claims as the network makes them, calibrated, in any order.
        groups: the group of each class, by class id; any numbers.

    Returns:
        One claim an object and group, best first.
    """
    if len(found) < 2:
        return found
    found = _take(found, np.argsort(-found.score, kind="stable"))
    group = np.asarray(groups)[found.class_id]
    same = (_overlaps(found.xyxy_px) >= SAME_OBJECT_IOU) & (group[:, None] == group[None])
    best = _best(same)
    score = _any_of(found, same, best)
    merged = Detections(found.xyxy_px[best], score, found.class_id[best])
    return _take(merged, np.argsort(-score, kind="stable"))


def _take(found: Detections, order: NDArray[np.int64]) -> Detections:
    return Detections(found.xyxy_px[order], found.score[order], found.class_id[order])


def _best(same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of the claims to which no better one that stays is the same; ``same`` (n, n), best first."""
    stays = np.ones(len(same), bool)
    for i in range(len(same)):
        if stays[i]:
            stays[i + 1 :] &= ~same[i, i + 1 :]
    return np.flatnonzero(stays)


def _any_of(found: Detections, same: NDArray[np.bool_], best: NDArray[np.int64]) -> NDArray[np.float32]:
    """(k,) the merged scores of the claims ``best`` (k,)."""
    score = found.score.astype(np.float64)
    evidence = same[best] * np.where(score >= LEAST_EVIDENCE, score, 0.0)
    none = 1 - score[best]
    for class_id in np.unique(found.class_id):
        of_class = (evidence * (found.class_id == class_id)).max(axis=1)
        none *= 1 - np.where(found.class_id[best] == class_id, 0.0, of_class)
    return (1 - none).astype(np.float32)


def _overlaps(xyxy_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, n) intersection over union of every two boxes; 0 for boxes without area."""
    boxes = xyxy_px.astype(np.float64)
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    opposite = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(axis=2)
    area = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    union = area[:, None] + area[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
