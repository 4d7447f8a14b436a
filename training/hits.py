"""Which detection is right: the pairs of score and correctness that curves, recalls and calibration are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Record
from ..detector.detections import Detections
from .categories import Category, claims_of, truth_of
from .matching import IOU_THRESHOLDS, overlaps, taken_labels

Scans = Sequence[tuple[Record, Detections]]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The detections of one category in all scans, at IoU 0.5."""

    scan: NDArray[np.int64]
    """(d,) which scan a detection lies in."""
    class_id: NDArray[np.int64]
    """(d,)"""
    score: NDArray[np.float64]
    """(d,)"""
    right: NDArray[np.bool_]
    """(d,) took a labelled object of the category."""
    counted: NDArray[np.bool_]
    """(d,) false where it fell into an ignore region."""
    objects: NDArray[np.int64]
    """(scans,) labelled objects."""


def hits_of(scans: Scans, category: Category) -> Hits:
    """Match one category in every scan at IoU 0.5."""
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]] = []
    objects = np.zeros(len(scans), np.int64)
    for i, (record, found) in enumerate(scans):
        truth, claims = truth_of(record, category), claims_of(found, category)
        order, taken = taken_labels(
            claims.xyxy_px.astype(np.float64), claims.score.astype(np.float64), truth.xyxy_px, truth.ignore
        )
        ignored = np.append(truth.ignore, False)[taken]  # -1, nothing taken, points at the appended False
        score = claims.score[order].astype(np.float64)
        parts.append((claims.class_id[order], score, (taken >= 0) & ~ignored, ~ignored))
        objects[i] = int((~truth.ignore).sum())
    scan = np.repeat(np.arange(len(scans)), [len(part[1]) for part in parts]).astype(np.int64)
    if not parts:
        return Hits(scan, scan, np.zeros(0), np.zeros(0, bool), np.zeros(0, bool), objects)
    class_id, score, right, counted = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Hits(scan, class_id, score, right, counted, objects)


def found_objects(record: Record, raised: Detections, category: Category) -> NDArray[np.bool_]:
    """Which labelled objects of the category some alarm took at IoU 0.5: (objects,), ignore regions left out."""
    truth = truth_of(record, category)
    if truth.ignore.all():
        return np.zeros(0, bool)
    claims = claims_of(raised, category)
    _, taken = taken_labels(
        claims.xyxy_px.astype(np.float64), claims.score.astype(np.float64), truth.xyxy_px, truth.ignore
    )
    found = np.zeros(len(truth.ignore), bool)
    found[taken[taken >= 0]] = True
    return found[~truth.ignore]


def best_scores(record: Record, detections: Detections, category: Category) -> NDArray[np.float64]:
    """The best score of the category's detections on each labelled object, at IoU ≥ 0.5; 0 for none: (objects,)."""
    truth, claims = truth_of(record, category), claims_of(detections, category)
    boxes = truth.xyxy_px[~truth.ignore]
    reach = overlaps(claims.xyxy_px.astype(np.float64), boxes, np.zeros(len(boxes), bool)) >= IOU_THRESHOLDS[0]
    return np.asarray(np.where(reach, claims.score[:, None], 0.0).max(axis=0, initial=0.0), np.float64)
