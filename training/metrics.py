"""Average precision of one category over many scans, resampled without matching again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .matching import IOU_THRESHOLDS, ScanMatches

RECALL_POINTS: NDArray[np.float64] = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryMatches:
    """The matches of one category in all scans, detections sorted by falling score across scans."""

    scan: NDArray[np.int64]
    """(d,) which scan a detection belongs to."""
    hit: NDArray[np.bool_]
    """(10, d), or (1, d) of IoU 0.5 alone."""
    counted: NDArray[np.bool_]
    """(10, d) false where the detection fell into an ignore region."""
    objects: NDArray[np.int64]
    """(scans,) labelled objects."""

    @classmethod
    def of(cls, scans: Sequence[ScanMatches]) -> CategoryMatches:
        """Pool the matches of all scans."""
        objects = np.asarray([matches.objects for matches in scans], np.int64)
        if not scans:
            nothing = np.zeros((len(IOU_THRESHOLDS), 0), bool)
            return cls(np.zeros(0, np.int64), nothing, nothing, objects)
        score = np.concatenate([matches.score for matches in scans])
        order = np.argsort(-score, kind="stable")
        scan = np.repeat(np.arange(len(scans)), [len(matches.score) for matches in scans])[order]
        hit = np.concatenate([matches.hit for matches in scans], axis=1)[:, order]
        ignored = np.concatenate([matches.ignored for matches in scans], axis=1)[:, order]
        # Nothing below the last hit can change precision at a recall that is reached: dropping it changes no value.
        last = int(np.flatnonzero(hit.any(axis=0)).max(initial=-1)) + 1
        return cls(scan[:last], hit[:, :last], ~ignored[:, :last], objects)


def average_precision(matches: CategoryMatches, weights: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
    """COCO's average precision at each IoU threshold: precision interpolated at 101 points of recall.

    Args:
        matches: of one category.
        weights: (scans,) how often each scan counts; None for once each.

    Returns:
        (10,), or (1,), in 0…1; NaN where no object counts.
    """
    times = np.ones(len(matches.objects), np.float64) if weights is None else weights.astype(np.float64)
    n_objects = float(times @ matches.objects)
    if n_objects == 0:
        return np.full(len(matches.hit), np.nan)
    counts = times[matches.scan]
    result = np.zeros(len(matches.hit))
    for i, (hit, counted) in enumerate(zip(matches.hit, matches.counted, strict=True)):
        hits = np.cumsum(np.where(hit, counts, 0.0))
        claims = np.cumsum(np.where(counted, counts, 0.0))
        precision = hits / np.maximum(claims, np.finfo(np.float64).eps)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        result[i] = envelope[np.searchsorted(hits / n_objects, RECALL_POINTS, side="left")].mean()
    return result


def resampled_precision(matches: CategoryMatches, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """AP50 and AP50-95 of every bootstrap replicate.

    Args:
        matches: of one category.
        weights: (replicates, scans).

    Returns:
        (replicates, 2): AP50, AP50-95.
    """
    values = np.asarray([average_precision(matches, row) for row in weights]).reshape(-1, len(IOU_THRESHOLDS))
    return np.column_stack([values[:, 0], values.mean(axis=1)])


def resampled_ap50(matches: CategoryMatches, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """AP50 of every bootstrap replicate: (replicates,) for weights (replicates, scans)."""
    at_half = replace(matches, hit=matches.hit[:1], counted=matches.counted[:1])
    return np.asarray([average_precision(at_half, row)[0] for row in weights], np.float64)
