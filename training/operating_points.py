"""Thresholds for a false-alarm budget: which scores are alarms, if at most so many threat-free parcels may raise one.

A threshold lies half way, in log odds, between the scores on either side of it: at the very top of the scores it has
to stay above, the next such score would be a coin toss.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..detector.calibration import logit
from ..detector.detections import Detections

FEWEST_FALSE_ALARMS = 5
"""With fewer false alarms than this above a threshold its rate is known to no better than a factor of 2.5: the upper
95 % bound of 5 in n is 11.7 / n (Clopper & Pearson)."""


class ThresholdRule(StrEnum):
    """How thresholds come about."""

    COMMON = "common"
    """One threshold for all classes, as published recall at a false-positive rate is measured."""
    PER_CLASS = "per-class"
    """Every class may alarm on equally many threat-free parcels: classes that score low are not drowned by others."""
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
    """Low thresholds with which at most ``budget`` of threat-free parcels alarm.

    Args:
        scores: (parcels, classes) top scores of threat-free parcels, at least one.
        budget: share of parcels that may raise at least one alarm, 0…1.
        rule: COMMON or PER_CLASS.
        lowest: no threshold is put below this: scores under it were never collected.

    Returns:
        (classes,) thresholds; scores at or above are alarms. A threshold of 1 still lets a perfect score pass, so
        the rate has to be measured afterwards.
    """
    allowed = allowed_alarms(budget, len(scores))
    if rule is ThresholdRule.COMMON:
        return np.full(scores.shape[1], _above(scores.max(axis=1), allowed, lowest), np.float32)
    best = _each_above(scores, 0, lowest)
    for share in range(1, allowed + 1):
        candidate = _each_above(scores, share, lowest)
        if int(alarms(scores, candidate).sum()) > allowed:
            break
        best = candidate
    return best


def allowed_alarms(budget: float, parcels: int) -> int:
    """How many of so many threat-free parcels may alarm."""
    return int(np.floor(budget * parcels + 1e-9))


def is_resolved(budget: float, parcels: int) -> bool:
    """True where a threshold chosen on so many threat-free parcels keeps its budget on others, more or less."""
    return allowed_alarms(budget, parcels) >= FEWEST_FALSE_ALARMS


def alarms(scores: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of (parcels, classes) top scores raise at least one alarm: (parcels,)."""
    return np.asarray((scores >= thresholds).any(axis=1))


def alarming(detections: Detections, thresholds: NDArray[np.float32]) -> Detections:
    """The detections that are alarms."""
    return detections.keep(detections.score >= thresholds[detections.class_id])


def _each_above(scores: NDArray[np.float32], allowed: int, lowest: float) -> NDArray[np.float32]:
    """A threshold for each class that ``allowed`` parcels reach."""
    return np.asarray([_above(column, allowed, lowest) for column in scores.T], np.float32)


def _above(scores: NDArray[np.float32], allowed: int, lowest: float) -> np.float32:
    """A threshold that at most ``allowed`` of the scores reach: half way to the score that must stay below it."""
    if allowed >= len(scores):
        return np.float32(lowest)
    falling = np.maximum(np.sort(scores)[::-1], np.float32(lowest))
    below = falling[allowed]
    # Where none may pass there is no score above: half the distance of the two best is kept from the best.
    first, second = logit(falling[[0, min(1, len(falling) - 1)]] if allowed == 0 else falling[[allowed - 1, allowed]])
    middle = 1 / (1 + np.exp(-(logit(below[None])[0] + (first - second) / 2)))
    threshold = max(np.float32(middle), np.nextafter(below, np.float32(2), dtype=np.float32))
    return np.float32(min(threshold, np.float32(1)))
