"""The scores of every class, every group and any threat, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Record
from ..detector.card import ClassSpec
from ..detector.detections import Detections
from .categories import Category, Level, categories_of, match_category
from .coco_reference import reference_precision
from .evaluation_result import CategoryScore, EvaluationSettings
from .intervals import bootstrap_weights, clopper_pearson, percentile_interval
from .matching import ScanMatches
from .metrics import CategoryMatches, resampled_precision
from .operating_points import alarming

Scans = Sequence[tuple[Record, Detections]]


def score_categories(
    scans: Scans,
    classes: Sequence[ClassSpec],
    thresholds: NDArray[np.float32] | None,
    settings: EvaluationSettings,
) -> tuple[CategoryScore, ...]:
    """Score every class, the mean over classes, every group, and any threat.

    Args:
        scans: labelled scans with what was detected in them.
        classes: the model's output classes.
        thresholds: (classes,) of the operating point; None leaves the recalls out.
        settings: of the bootstrap.
    """
    categories = categories_of(classes)
    values = reference_precision(scans, categories)
    weights = bootstrap_weights([record.group for record, _ in scans], settings.replicates, settings.seed)
    lines: list[CategoryScore] = []
    class_replicates: list[NDArray[np.float64]] = []
    for category, value in zip(categories, values, strict=True):
        matches = [match_category(record, detections, category) for record, detections in scans]
        replicates = resampled_precision(CategoryMatches.of(matches), weights)
        groups = {record.group for (record, _), match in zip(scans, matches, strict=True) if match.objects}
        lines.append(_line(category, matches, value, replicates, len(groups)))
        if lines[-1].objects:
            recalls = _recalls(scans, category, thresholds) if thresholds is not None else {}
            lines[-1] = lines[-1].model_copy(update=recalls)
            if category.level is Level.CLASS:
                class_replicates.append(replicates)
    return _with_mean(lines, class_replicates, len({record.group for record, _ in scans}))


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


def _recalls(scans: Scans, category: Category, thresholds: NDArray[np.float32]) -> dict[str, object]:
    """Recall of a category by object and by scan at the operating point."""
    found = objects = alarmed = holding = 0
    for record, detections in scans:
        raised = alarming(detections, thresholds)
        match = match_category(record, raised, category)
        found += int(match.hit[0].sum())
        objects += match.objects
        if match.objects:
            holding += 1
            alarmed += len(raised) > 0
    return {"object_recall": clopper_pearson(found, objects), "scan_recall": clopper_pearson(alarmed, holding)}


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
