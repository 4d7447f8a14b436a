"""Detections matched to labelled objects by COCO's rules, once, so that statistics can be resampled without matching.

The rules (cocodataset/cocoapi, ``COCOeval.evaluateImg``): detections take their turn by falling score, the best 100 of
a scan; each takes the free object of greatest IoU at or above the threshold, the later one on a tie; only where none is
left it may fall into an ignore region, which any number of detections may share and whose overlap is measured against
the detection's own area. What falls into an ignore region counts neither for nor against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100


@dataclass(frozen=True, slots=True, eq=False)
class ScanMatches:
    """The detections of one category in one scan, matched at every threshold of IOU_THRESHOLDS."""

    score: NDArray[np.float64]
    """(d,) falling."""
    hit: NDArray[np.bool_]
    """(10, d) took a labelled object."""
    ignored: NDArray[np.bool_]
    """(10, d) fell into an ignore region."""
    objects: int
    """Labelled objects, ignore regions not among them."""


def overlaps(
    detected: NDArray[np.float64], labelled: NDArray[np.float64], ignore: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """IoU of every detection with every label; over the detection's own area where the label is an ignore region.

    Args:
        detected: (d, 4) xyxy.
        labelled: (g, 4) xyxy.
        ignore: (g,) true for ignore regions.

    Returns:
        (d, g) in 0…1.
    """
    top_left = np.maximum(detected[:, None, :2], labelled[None, :, :2])
    bottom_right = np.minimum(detected[:, None, 2:], labelled[None, :, 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=-1)
    area_detected = np.prod(detected[:, 2:] - detected[:, :2], axis=-1)[:, None]
    area_labelled = np.prod(labelled[:, 2:] - labelled[:, :2], axis=-1)[None, :]
    union = np.where(ignore[None, :], area_detected, area_detected + area_labelled - shared)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def match_scan(
    detected: NDArray[np.float64],
    score: NDArray[np.float64],
    labelled: NDArray[np.float64],
    ignore: NDArray[np.bool_],
) -> ScanMatches:
    """Match one category in one scan.

    Args:
        detected: (d, 4) xyxy.
        score: (d,).
        labelled: (g, 4) xyxy, ignore regions among them.
        ignore: (g,) true for ignore regions.
    """
    by_score = np.argsort(-score, kind="stable")[:MAX_DETECTIONS]
    by_ignore = np.argsort(ignore, kind="stable")
    ignore = ignore[by_ignore]
    n_objects = int((~ignore).sum())
    iou = overlaps(detected[by_score], labelled[by_ignore], ignore)
    taken_label = np.stack([_assign(iou, n_objects, threshold) for threshold in IOU_THRESHOLDS])
    hit = (taken_label >= 0) & (taken_label < n_objects)
    return ScanMatches(score[by_score], hit, taken_label >= n_objects, n_objects)


def taken_labels(
    detected: NDArray[np.float64],
    score: NDArray[np.float64],
    labelled: NDArray[np.float64],
    ignore: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match one category in one scan at IoU 0.5, and say who took what.

    Args:
        detected: (d, 4) xyxy.
        score: (d,).
        labelled: (g, 4) xyxy, ignore regions among them.
        ignore: (g,) true for ignore regions.

    Returns:
        (k,) the detections that take part, by falling score; (k,) the label each takes, -1 for none.
    """
    by_score = np.argsort(-score, kind="stable")[:MAX_DETECTIONS]
    by_ignore = np.argsort(ignore, kind="stable")
    iou = overlaps(detected[by_score], labelled[by_ignore], ignore[by_ignore])
    taken = _assign(iou, int((~ignore).sum()), float(IOU_THRESHOLDS[0]))
    return by_score, np.append(by_ignore, -1)[taken]


def _assign(iou: NDArray[np.float64], n_objects: int, threshold: float) -> NDArray[np.int64]:
    """Which label each detection takes: (d,) indices into the columns of ``iou``, -1 for none."""
    taken = np.full(len(iou), -1, np.int64)
    free = np.ones(iou.shape[1], bool)
    reach = min(float(threshold), 1 - 1e-10)
    for detection in np.flatnonzero((iou >= reach).any(axis=1)):
        for columns in (slice(0, n_objects), slice(n_objects, None)):
            candidates = np.where(free[columns], iou[detection, columns], -1.0)
            if candidates.size and candidates.max() >= reach:
                # The last of equals, as COCO's own loop leaves it.
                label = len(candidates) - 1 - int(np.argmax(candidates[::-1])) + columns.start
                taken[detection] = label
                free[label] = label >= n_objects
                break
    return taken
