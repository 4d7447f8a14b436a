"""Scans in other colours against the same scans unchanged: what changes is owed to colour alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ClassSpec, Interval
from ..detector.detections import Detections
from .categories import Category, Level, categories_of, match_category, truth_of
from .coco_reference import reference_precision
from .evaluation_parts import Change, Mirror, MirrorLine
from .hits import Scans, found_objects
from .intervals import clopper_pearson, percentile_bounds
from .metrics import CategoryMatches, resampled_ap50
from .operating_points import alarming, alarms
from .parcels import threat_free_parcels
from .points import Point, Sample
from .renderings import RENDERED, Picture, Rendering
from .scoring import Predict, Scored

MEAN = "mean of classes"


def rendered_predict(predict: Predict, rendering: Rendering, tell: Callable[[bool], None]) -> Predict:
    """The same detector, shown pictures in other colours.

    Args:
        predict: the detector.
        rendering: the colours.
        tell: told of each picture whether it is really another.
    """

    def look(rgb: Picture) -> Detections:
        picture = RENDERED[rendering](rgb)
        tell(not np.array_equal(picture, rgb))
        return predict(picture)

    return look


def compare(
    rendering: Rendering,
    mirrored: Scored,
    changed: int,
    sample: Sample,
    classes: Sequence[ClassSpec],
    point: Point | None,
) -> Mirror:
    """Compare scans in other colours with the same scans unchanged.

    Args:
        rendering: of the mirrored scans.
        mirrored: the same scans in the same order, recoloured.
        changed: how many of them are really another picture.
        sample: the unchanged scans.
        classes: the model's.
        point: whose thresholds, chosen on the unchanged scans, are kept; None leaves recalls out.
    """
    categories = [category for category in categories_of(classes) if _has_objects(sample.scans, category)]
    pairs = [_Pair.of(category, sample, mirrored.scans) for category in categories]
    values = zip(*(reference_precision(scans, categories) for scans in (sample.scans, mirrored.scans)), strict=True)
    lines = [
        pair.line(category, old[0], new[0], sample, mirrored.scans, point)
        for pair, category, (old, new) in zip(pairs, categories, values, strict=True)
    ]
    of_class = [i for i, category in enumerate(categories) if category.level is Level.CLASS]
    if len(of_class) > 1:
        lines.insert(
            of_class[-1] + 1,
            _mean([lines[i] for i in of_class], [pairs[i] for i in of_class], len(np.unique(sample.groups))),
        )
    rate, change = _false_alarms(sample, mirrored.scans, len(classes), point)
    return Mirror(
        rendering=str(rendering),
        scans=len(mirrored.scans),
        changed=changed,
        lines=tuple(lines),
        false_alarm_rate=rate,
        false_alarm_change=change,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """One category's AP50 in every resample, unchanged and recoloured."""

    difference: NDArray[np.float64]
    """(replicates,) recoloured less unchanged; NaN where a resample holds no object."""

    @classmethod
    def of(cls, category: Category, sample: Sample, mirrored: Scans) -> _Pair:
        """From the same draws of both."""
        before, after = (
            resampled_ap50(CategoryMatches.of([match_category(*scan, category) for scan in scans]), sample.weights)
            for scans in (sample.scans, mirrored)
        )
        return cls(after - before)

    def line(
        self, category: Category, old: float, new: float, sample: Sample, mirrored: Scans, point: Point | None
    ) -> MirrorLine:
        """The category's line."""
        found, was = (
            [found_objects(record, alarming(every, point.thresholds), category) for record, every in scans]
            if point
            else None
            for scans in (mirrored, sample.scans)
        )
        counts = [match_category(*scan, category).objects for scan in sample.scans]
        objects, groups = sum(counts), sample.groups_of(np.flatnonzero(counts))
        recall = change = None
        if found is not None and was is not None:
            gained = np.asarray([int(a.sum()) - int(b.sum()) for a, b in zip(found, was, strict=True)])
            recall = sum(int(each.sum()) for each in found) / objects
            with np.errstate(invalid="ignore"):  # a resample without the category is left out
                drawn = (sample.weights @ gained) / (sample.weights @ [len(each) for each in found])
            change = _change(float(gained.sum() / objects), drawn, objects, groups)
        return MirrorLine(
            name=category.name,
            ap50=new,
            ap50_change=_change(new - old, self.difference, objects, groups),
            object_recall=recall,
            object_recall_change=change,
        )


def _mean(lines: Sequence[MirrorLine], pairs: Sequence[_Pair], groups: int) -> MirrorLine:
    """The line of the mean over classes."""
    stacked = np.stack([pair.difference for pair in pairs])
    with np.errstate(invalid="ignore"):  # as above
        difference = np.nansum(stacked, axis=0) / np.isfinite(stacked).sum(axis=0)
    return MirrorLine(
        name=MEAN,
        ap50=float(np.mean([line.ap50 for line in lines])),
        ap50_change=_change(
            float(np.mean([line.ap50_change.value for line in lines])),
            difference,
            sum(line.ap50_change.n for line in lines),
            groups,
        ),
    )


def _false_alarms(
    sample: Sample, mirrored: Scans, n_classes: int, point: Point | None
) -> tuple[Interval | None, Change | None]:
    """The rate of threat-free parcels that alarm in other colours, and how it differs from the unchanged ones'."""
    before, after = (threat_free_parcels(scans, n_classes) for scans in (sample.scans, mirrored))
    if point is None or not len(before.scores):
        return None, None
    was, now = (alarms(each.scores, point.thresholds).astype(np.int64) for each in (before, after))
    draws = sample.weights[:, before.first_scan]
    with np.errstate(invalid="ignore"):  # a resample without threat-free parcels is left out
        drawn = (draws @ (now - was)) / draws.sum(axis=1)
    return clopper_pearson(int(now.sum()), len(now)), _change(
        float((now - was).mean()), drawn, len(now), sample.groups_of(before.first_scan)
    )


def _change(value: float, replicates: NDArray[np.floating], n: int, groups: int) -> Change:
    """A paired difference with its percentile interval, which is made to hold the value.

    Where no resample differs the bootstrap would claim certainty; as many of the groups as an exact interval of none
    allows may still have changed either way.
    """
    finite = replicates[np.isfinite(replicates)].astype(np.float64)
    if len(finite) and np.ptp(finite) > 0:
        low, high = percentile_bounds(finite)
    else:
        unseen = clopper_pearson(0, groups)
        reach = unseen.high if unseen else 1.0
        low, high = max(value - reach, -1.0), min(value + reach, 1.0)
    return Change(value=value, low=min(low, value), high=max(high, value), n=n)


def _has_objects(scans: Scans, category: Category) -> bool:
    return any(not truth_of(record, category).ignore.all() for record, _ in scans)
