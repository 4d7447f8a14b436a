"""The scores of every class, every group and any threat, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .categories import Category, Level, match_category
from .coco_reference import reference_precision
from .evaluation_result import CategoryScore
from .hits import Hits
from .intervals import percentile_interval
from .matching import ScanMatches
from .metrics import CategoryMatches, resampled_precision
from .points import Point, Sample, balanced_of, recalls


def score_categories(
    sample: Sample,
    categories: Sequence[Category],
    hits: Sequence[Hits],
    points: Sequence[Point],
) -> tuple[CategoryScore, ...]:
    """Score every class, the mean over classes, every group, and any threat.

    Args:
        sample: labelled scans with what was detected in them.
        categories: the model's.
        hits: of each category.
        points: the operating points at which recalls are measured.
    """
    values = reference_precision(sample.scans, categories)
    lines: list[CategoryScore] = []
    class_replicates: list[NDArray[np.float64]] = []
    for category, value, hit in zip(categories, values, hits, strict=True):
        matches = [match_category(record, detections, category) for record, detections in sample.scans]
        replicates = resampled_precision(CategoryMatches.of(matches), sample.weights)
        groups = sample.groups_of(np.flatnonzero(hit.objects))
        lines.append(_line(category, matches, value, replicates, groups))
        if lines[-1].objects:
            lines[-1] = lines[-1].model_copy(update=_recalls(category, hit, sample, points))
            if category.level is Level.CLASS:
                class_replicates.append(replicates)
    return _with_mean(lines, class_replicates, len(np.unique(sample.groups)))


def _line(
    category: Category,
    matches: Sequence[ScanMatches],
    value: tuple[float, float],
    replicates: NDArray[np.float64],
    groups: int,
) -> CategoryScore:
    """The line of one category; average precisions where it has objects."""
    objects = sum(match.objects for match in matches)
    return CategoryScore(
        name=category.name,
        level=category.level,
        objects=objects,
        scans=sum(match.objects > 0 for match in matches),
        ap50=percentile_interval(value[0], replicates[:, 0], objects, groups) if objects else None,
        ap50_95=percentile_interval(value[1], replicates[:, 1], objects, groups) if objects else None,
    )


def _recalls(category: Category, hits: Hits, sample: Sample, points: Sequence[Point]) -> dict[str, object]:
    """Recall of a category by object and by parcel, at every point and at the one in force."""
    told = {point.name: recalls(point, category, hits, sample) for point in points}
    in_force = balanced_of(points)
    if in_force is None:
        return {}
    main = told[in_force.name]
    return {"recalls": tuple(told.values()), "object_recall": main.objects, "parcel_recall": main.parcels}


def _with_mean(
    lines: Sequence[CategoryScore], class_replicates: Sequence[NDArray[np.float64]], groups: int
) -> tuple[CategoryScore, ...]:
    """The lines with the mean over classes after the last class; no mean of fewer than two."""
    by_class = [line for line in lines if line.level is Level.CLASS]
    scored = [line for line in by_class if line.ap50 and line.ap50_95]
    others = lines[len(by_class) :]
    if len(scored) < 2:
        return tuple(lines)
    objects = sum(line.objects for line in scored)
    # A resample may lack every object of a rare class: it then says nothing of that class's share in the mean.
    stacked = np.stack(class_replicates)
    with np.errstate(invalid="ignore"):  # none of the classes in a resample: 0/0 is NaN, which the interval leaves out
        replicates = np.nansum(stacked, axis=0) / np.isfinite(stacked).sum(axis=0)
    mean50, mean50_95 = (
        float(np.mean([interval.value for interval in intervals if interval]))
        for intervals in ([line.ap50 for line in scored], [line.ap50_95 for line in scored])
    )
    mean = CategoryScore(
        name="mean of classes",
        level=Level.MEAN,
        objects=objects,
        scans=max(line.scans for line in scored),
        ap50=percentile_interval(mean50, replicates[:, 0], objects, groups),
        ap50_95=percentile_interval(mean50_95, replicates[:, 1], objects, groups),
    )
    return (*by_class, mean, *others)
