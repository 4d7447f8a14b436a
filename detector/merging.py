"""One object, one claim: what several classes of a group say about the same place counts once for the group.

The network judges every place for each class by itself. A gun that it takes for a pistol at .4 and for a revolver at .3
is one firearm at .4; counted twice, its second claim would be a false alarm of the group beside the right one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detections import Detections

SAME_OBJECT_IOU = 0.6
"""Boxes that overlap this much claim the same object."""


def merge_claims(found: Detections) -> Detections:
    """Of claims of **different classes** whose boxes overlap by at least SAME_OBJECT_IOU the best stays.

    Two claims of one class are left alone: that is for the network to avoid, and for its score to suffer from.

    Args:
        found: claims of one group, in any order.

    Returns:
        Best first.
    """
    order = np.argsort(-found.score, kind="stable")
    found = Detections(found.xyxy_px[order], found.score[order], found.class_id[order])
    same = _overlaps(found.xyxy_px) >= SAME_OBJECT_IOU
    same &= found.class_id[:, None] != found.class_id[None]
    stays = np.ones(len(found), bool)
    for i in range(len(found)):
        if stays[i]:
            stays[i + 1 :] &= ~same[i, i + 1 :]
    return found.keep(stays)


def _overlaps(xyxy_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, n) intersection over union of every two boxes; 0 for boxes without area."""
    boxes = xyxy_px.astype(np.float64)
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    opposite = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(axis=2)
    area = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    union = area[:, None] + area[None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float64)
