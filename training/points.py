"""The three named operating points: chosen for their budgets, or carried by the model, and measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ClassSpec, OperatingPoint, PointName
from .categories import Category
from .evaluation_parts import PointRecall, PointScore
from .hits import Hits, Scans, found_objects
from .intervals import clopper_pearson, percentile_interval, share_interval
from .operating_points import (
    ThresholdRule,
    alarming,
    alarms,
    choose_thresholds,
    is_resolved,
    top_scores,
)
from .parcels import any_of_parcel


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Thresholds with a name."""

    name: PointName
    budget: float | None
    thresholds: NDArray[np.float32]
    """(classes,)"""
    resolved: bool
    resampled: NDArray[np.float32] | None = None
    """(replicates,) the common threshold that each resample would have chosen, where it was chosen on these scans."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Scans to measure on, and how they hang together."""

    scans: Scans
    parcels: NDArray[np.int64]
    """(scans,) parcel of each."""
    groups: NDArray[np.int64]
    """(scans,) group of each."""
    weights: NDArray[np.float32]
    """(replicates, scans) of the bootstrap."""

    def groups_of(self, scans: NDArray[np.int64]) -> int:
        """From how many groups some scans come."""
        return len(np.unique(self.groups[scans]))


def chosen_points(
    scores: NDArray[np.float32],
    rule: ThresholdRule,
    lowest: float,
    balanced_budget: float,
    resampled: NDArray[np.float32] | None = None,
) -> tuple[Point, ...]:
    """The three points for their budgets.

    Args:
        scores: (parcels, classes) top scores of threat-free parcels, at least one.
        rule: COMMON or PER_CLASS.
        lowest: no threshold is put below this.
        balanced_budget: share of threat-free parcels that may alarm at the balanced point.
        resampled: (replicates, parcels) how often each of those parcels is drawn, where the same scans are measured.
    """
    budgets = {name: balanced_budget if name is PointName.BALANCED else name.budget for name in PointName}
    own = resampled if rule is ThresholdRule.COMMON else None
    return tuple(
        Point(
            name=name,
            budget=budget,
            thresholds=choose_thresholds(scores, budget, rule, lowest),
            resolved=is_resolved(budget, len(scores)),
            resampled=None if own is None else _resampled(scores, own, budget, lowest),
        )
        for name, budget in budgets.items()
    )


def carried_points(classes: Sequence[ClassSpec], points: Sequence[OperatingPoint]) -> tuple[Point, ...]:
    """The points that a model's card carries; where it lists none, its classes' thresholds are the balanced one."""
    if not points:
        thresholds = np.asarray([spec.threshold for spec in classes], np.float32)
        return (Point(PointName.BALANCED, None, thresholds, True),)
    return tuple(
        Point(PointName(point.name), point.budget, np.asarray(point.thresholds, np.float32), point.resolved)
        for point in points
    )


def _resampled(
    scores: NDArray[np.float32], draws: NDArray[np.float32], budget: float, lowest: float
) -> NDArray[np.float32]:
    """The common threshold of each resample: (replicates,)."""
    best = scores.max(axis=1)
    order = np.argsort(-best, kind="stable")
    falling = np.append(best[order], np.float32(0))
    drawn = np.cumsum(draws[:, order], axis=1)
    allowed = np.floor(budget * drawn[:, -1:] + 1e-9)
    place = (drawn <= allowed).sum(axis=1)  # the first that would be one alarm too many
    threshold = np.nextafter(falling[place], np.float32(2), dtype=np.float32)
    return np.asarray(np.maximum(threshold, np.float32(lowest)), np.float32)


def balanced_of(points: Sequence[Point]) -> Point | None:
    """The balanced point, which is in force where nothing else is asked for; else the first; None of none."""
    named = {point.name: point for point in points}
    return named.get(PointName.BALANCED) or next(iter(points), None)


def measure_point(
    point: Point, sample: Sample, anything: Category, threat_free: NDArray[np.float32], classes: Sequence[ClassSpec]
) -> PointScore:
    """What a point does.

    Args:
        point: the thresholds.
        sample: labelled scans.
        anything: the category of any threat.
        threat_free: (parcels, classes) top scores of the threat-free parcels.
        classes: the model's.
    """
    false_alarms = int(alarms(threat_free, point.thresholds).sum())
    found = [found_objects(record, alarming(every, point.thresholds), anything) for record, every in sample.scans]
    threat, alarmed = _parcels(point.thresholds, sample, np.asarray([len(each) > 0 for each in found], bool))
    return PointScore(
        name=point.name,
        budget=point.budget,
        thresholds={spec.name: float(value) for spec, value in zip(classes, point.thresholds, strict=True)},
        false_alarm_rate=clopper_pearson(false_alarms, len(threat_free)),
        parcel_recall=clopper_pearson(int((threat & alarmed).sum()), int(threat.sum())),
        object_recall=clopper_pearson(sum(int(each.sum()) for each in found), sum(len(each) for each in found)),
        resolved=point.resolved,
    )


def _parcels(
    thresholds: NDArray[np.float32], sample: Sample, holds: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(parcels,) which hold an object in any view, and which raise an alarm in any view."""
    raised = alarms(top_scores([every for _, every in sample.scans], len(thresholds)), thresholds)
    return any_of_parcel(holds, sample.parcels), any_of_parcel(raised, sample.parcels)


def recalls(point: Point, category: Category, hits: Hits, sample: Sample) -> PointRecall:
    """What a point finds of a category of which there is an object.

    Where the threshold was chosen on the scans it is measured on, each resample chooses its own: its uncertainty is in
    the interval.
    """
    found = [found_objects(record, alarming(every, point.thresholds), category) for record, every in sample.scans]
    objects = share_interval(
        np.repeat(np.arange(len(found)), [len(each) for each in found]),
        np.concatenate(found),
        sample.weights,
        sample.groups_of(np.flatnonzero(hits.objects)),
    )
    holds, alarmed = _parcels(point.thresholds, sample, hits.objects > 0)
    first_scan = np.unique(sample.parcels, return_index=True)[1]
    parcels = share_interval(
        first_scan[holds], alarmed[holds], sample.weights, sample.groups_of(np.flatnonzero(hits.objects))
    )
    if point.resampled is not None:
        tops = np.zeros(len(holds))
        np.maximum.at(tops, sample.parcels, [every.score.max(initial=0) for _, every in sample.scans])
        objects, parcels = (
            percentile_interval(
                interval.value,
                _at_own_threshold(point.resampled, scan, score, total, sample.weights),
                interval.n,
                sample.groups_of(np.flatnonzero(hits.objects)),
            )
            for interval, scan, score, total in (
                (objects, hits.scan[hits.right], hits.score[hits.right], hits.objects),
                (parcels, first_scan[holds], tops[holds], np.bincount(first_scan[holds], minlength=len(found))),
            )
        )
    return PointRecall(point=point.name, objects=objects, parcels=parcels)


def _at_own_threshold(
    thresholds: NDArray[np.float32],
    scan: NDArray[np.int64],
    score: NDArray[np.float64],
    total: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Share found in each resample at its own threshold: (replicates,).

    Args:
        thresholds: (replicates,).
        scan: (n,) scans of things that can be found.
        score: (n,) theirs.
        total: (scans,) how many things each scan holds.
        weights: (replicates, scans).
    """
    passed = (score[None, :] >= thresholds[:, None]) * weights[:, scan]
    with np.errstate(invalid="ignore"):  # a resample without the category leaves the interval out
        return np.asarray(passed.sum(axis=1) / (weights @ total), np.float64)
