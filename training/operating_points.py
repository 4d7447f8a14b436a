"""Thresholds for a false-alarm budget: which scores are alarms, if at most so many threat-free scans may raise one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..detector.detections import Detections


class ThresholdRule(StrEnum):
    """How thresholds come about."""

    COMMON = "common"
    """One threshold for all classes, as published recall at a false-positive rate is measured."""
    PER_CLASS = "per-class"
    """Every class may alarm on equally many threat-free scans: classes that score low are not drowned by others."""
    CARD = "card"
    """The thresholds the model carries."""


def top_scores(scans: Sequence[Detections], n_classes: int) -> NDArray[np.float32]:
    """The highest score of each class in each scan: (scans, n_classes), 0 where there is none."""
    result = np.zeros((len(scans), n_classes), np.float32)
    for row, detections in zip(result, scans, strict=True):
        np.maximum.at(row, detections.class_id, detections.score)
    return result


def choose_thresholds(
    scores: NDArray[np.float32], budget: float, rule: ThresholdRule, lowest: float
) -> NDArray[np.float32]:
    """The lowest thresholds with which at most ``budget`` of threat-free scans alarm.

    Args:
        scores: (scans, classes) top scores of threat-free scans, at least one.
        budget: share of scans that may raise at least one alarm, 0…1.
        rule: COMMON or PER_CLASS.
        lowest: no threshold is put below this: scores under it were never collected.

    Returns:
        (classes,) thresholds; scores at or above are alarms. A threshold of 1 still lets a perfect score pass, so
        the rate has to be measured afterwards.
    """
    allowed = int(np.floor(budget * len(scores) + 1e-9))
    if rule is ThresholdRule.COMMON:
        return np.full(scores.shape[1], _above(scores.max(axis=1), allowed, lowest), np.float32)
    best = _each_above(scores, 0, lowest)
    for share in range(1, allowed + 1):
        candidate = _each_above(scores, share, lowest)
        if int(alarms(scores, candidate).sum()) > allowed:
            break
        best = candidate
    return best


def alarms(scores: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which scans raise at least one alarm: (scans,)."""
    return np.asarray((scores >= thresholds).any(axis=1))


def alarming(detections: Detections, thresholds: NDArray[np.float32]) -> Detections:
    """The detections that are alarms."""
    return detections.keep(detections.score >= thresholds[detections.class_id])


def _each_above(scores: NDArray[np.float32], allowed: int, lowest: float) -> NDArray[np.float32]:
    """A threshold for each class that ``allowed`` scans reach."""
    return np.asarray([_above(column, allowed, lowest) for column in scores.T], np.float32)


def _above(scores: NDArray[np.float32], allowed: int, lowest: float) -> np.float32:
    """The lowest threshold that at most ``allowed`` of the scores reach."""
    if allowed >= len(scores):
        return np.float32(lowest)
    next_score = np.sort(scores)[::-1][allowed]
    threshold = np.nextafter(next_score, np.float32(2), dtype=np.float32)
    return np.float32(min(max(threshold, np.float32(lowest)), np.float32(1)))
