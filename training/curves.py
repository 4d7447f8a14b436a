"""Precision over recall, and recall over false alarms (FROC), of one category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Record
from ..detector.detections import Detections
from .categories import Category
from .evaluation_parts import Froc, PrecisionRecall
from .hits import Hits
from .metrics import RECALL_POINTS

_FROC_POINTS: NDArray[np.float64] = np.concatenate([[0.0], np.geomspace(0.005, 10, 60)])
"""Mean false alarms in a threat-free parcel at which a FROC curve is told."""


def precision_recall(category: Category, hits: Hits) -> PrecisionRecall | None:
    """Interpolated precision as COCO has it; None where there is no object."""
    n_objects = int(hits.objects.sum())
    if n_objects == 0:
        return None
    order = np.argsort(-hits.score, kind="stable")
    found = np.cumsum(hits.right[order])
    claimed = np.cumsum(hits.counted[order])
    precision = found / np.maximum(claimed, 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    values = envelope[np.searchsorted(found / n_objects, RECALL_POINTS, side="left")]
    return PrecisionRecall(name=category.name, precision=tuple(round(float(v), 4) for v in values))


def false_alarm_scores(scans: Sequence[tuple[Record, Detections]], threat: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores of everything claimed in scans that are not ``threat`` (scans,), falling."""
    scores = [found.score for (_, found), skip in zip(scans, threat, strict=True) if not skip]
    return np.asarray(np.sort(np.concatenate(scores))[::-1] if scores else np.zeros(0), np.float64)


def froc(category: Category, hits: Hits, false_alarms: NDArray[np.float64], parcels: int) -> Froc | None:
    """Recall of a category at rising numbers of false alarms.

    Args:
        category: for its name.
        hits: of the category.
        false_alarms: scores of all alarms in threat-free parcels, falling.
        parcels: how many threat-free parcels there are.
    """
    n_objects = int(hits.objects.sum())
    if n_objects == 0 or parcels == 0:
        return None
    allowed = np.floor(_FROC_POINTS * parcels + 1e-9).astype(np.int64)
    # The threshold lies just above the first false alarm too many; beyond the last, everything passes.
    threshold = np.append(false_alarms, 0.0)[np.minimum(allowed, len(false_alarms))]
    right = np.sort(hits.score[hits.right])
    found = len(right) - np.searchsorted(right, threshold, side="right")
    told = np.flatnonzero(np.diff(allowed, prepend=-1) > 0)  # few parcels cannot tell small rates apart
    reached = told[allowed[told] <= len(false_alarms)]
    return Froc(
        name=category.name,
        false_alarms=tuple(round(float(allowed[i] / parcels), 5) for i in reached),
        recall=tuple(round(float(found[i] / n_objects), 5) for i in reached),
    )
