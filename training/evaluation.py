"""A detector measured on labelled scans: average precision, recall at false-alarm budgets, all with 95 % intervals.

``predict`` is any function from a canonical picture to detections, so the runtime's ONNX session and a network in
training are measured by the same code. docs/evaluation.md explains every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..detector.card import ClassSpec, OperatingPoint
from ..detector.errors import RunError
from .calibration import class_hits, reliability, telling
from .categories import ANY_THREAT, Category, Level, categories_of
from .category_scores import score_categories
from .confusion import confusion
from .curves import false_alarm_scores, froc, precision_recall
from .evaluation_notes import notes_of
from .evaluation_parts import FactorLevel, Mirror, Reliability
from .evaluation_result import Evaluation, EvaluationSettings, MeasuredPoint, ModelIdentity
from .examples import worst_false_alarms, worst_misses
from .factor_scores import factor_levels, object_table
from .hits import Hits, Scans, hits_of
from .intervals import bootstrap_weights, clopper_pearson
from .mirrors import compare, rendered_predict
from .operating_points import ThresholdRule, alarming, alarms
from .parcels import of_threat_parcels, parcel_numbers, threat_free_parcels
from .points import Point, Sample, balanced_of, carried_points, chosen_points, measure_point
from .renderings import Rendering
from .scoring import NOTHING, Part, Predict, Scored, identify_with_files, score_scans


def evaluate(
    predict: Predict,
    model: ModelIdentity,
    classes: Sequence[ClassSpec],
    part: Part,
    settings: EvaluationSettings,
    *,
    more_threat_free: Part | None = None,
    thresholds_from: Part | None = None,
    carried: Sequence[OperatingPoint] = (),
    renderings: Sequence[Rendering] = (),
    on_scan: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Measure a detector.

    Args:
        predict: the detector.
        model: what it is, for the record.
        classes: its output classes.
        part: labelled scans; parcels without a threat measure the false-alarm rate.
        settings: how to measure.
        more_threat_free: scans whose threat-free parcels join in measuring the false-alarm rate, and in nothing else.
        thresholds_from: scans on whose threat-free parcels the thresholds are chosen, instead of on the measured ones.
        carried: the operating points of the model's card, for the rule that takes them.
        renderings: other colours in which the scans are shown again.
        on_scan: called after each scan, for progress.

    Raises:
        RunError: if there is nothing to measure.
    """
    scored, more, source = (
        score_scans(predict, given, on_scan) if given else NOTHING
        for given in (part, more_threat_free, thresholds_from)
    )
    if not scored.scans:
        raise RunError(f"{part.dataset.name}: no scan could be scored", "check it with: parcelsight dataset check")
    measured = _measured(tuple(classes), scored, more, source if thresholds_from else None, carried, settings)
    main = measured.point_in_force(settings.threshold_rule, thresholds_from)
    return Evaluation(
        toolkit_version=__version__,
        model=model,
        settings=settings,
        data=identify_with_files(part),
        more_threat_free=identify_with_files(more_threat_free) if more_threat_free else None,
        thresholds_from=identify_with_files(thresholds_from) if thresholds_from else None,
        scored_scans=len(scored.scans),
        parcels=len(np.unique(measured.sample.parcels)),
        threat_free_scans=sum(int((~of_threat_parcels(each.scans)).sum()) for each in (scored, more)),
        threat_free_parcels=len(measured.threat_free),
        unreadable=(*scored.unreadable, *more.unreadable, *source.unreadable),
        operating_point=main,
        mirrors=tuple(_mirror(predict, each, part, measured, on_scan) for each in renderings),
        notes=notes_of(scored, classes, main, len(np.unique(measured.sample.groups))),
        **measured.figures(),
    )


def sample_of(scans: Scans, settings: EvaluationSettings) -> Sample:
    """Scans with what was detected in them, and the draws of their groups."""
    records = [record for record, _ in scans]
    names = [record.group for record in records]
    groups = np.unique(np.asarray(names, np.str_), return_inverse=True)[1].astype(np.int64)
    return Sample(scans, parcel_numbers(records), groups, bootstrap_weights(names, settings.replicates, settings.seed))


def _measured(
    classes: tuple[ClassSpec, ...],
    scored: Scored,
    more: Scored,
    source: Scored | None,
    carried: Sequence[OperatingPoint],
    settings: EvaluationSettings,
) -> _Measured:
    """The sample, its threat-free parcels, and the operating points, where there is anything to choose them on."""
    sample = sample_of(scored.scans, settings)
    free, free_more = (threat_free_parcels(each.scans, len(classes)) for each in (scored, more))
    threat_free = np.concatenate([free.scores, free_more.scores])
    chosen_on = threat_free_parcels(source.scans, len(classes)).scores if source else threat_free
    points: tuple[Point, ...] = ()
    if settings.threshold_rule is ThresholdRule.CARD:
        points = carried_points(classes, carried)
    elif len(chosen_on):
        more_draws = sample_of(more.scans, settings).weights[:, free_more.first_scan]
        draws = None if source else np.hstack([sample.weights[:, free.first_scan], more_draws])
        budget, floor = settings.false_positive_rate, settings.score_floor
        points = chosen_points(chosen_on, settings.threshold_rule, floor, budget, draws)
    return _Measured(classes, sample, threat_free, len(chosen_on), points)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """Everything the figures are made of."""

    classes: tuple[ClassSpec, ...]
    sample: Sample
    threat_free: NDArray[np.float32]
    """(parcels, classes) top scores."""
    chosen_on: int
    """Threat-free parcels at hand for choosing thresholds."""
    points: tuple[Point, ...]

    def point_in_force(self, rule: ThresholdRule, source: Part | None) -> MeasuredPoint | None:
        """The balanced point, the false alarms it gives, and where it comes from."""
        point = balanced_of(self.points)
        if point is None:
            return None
        if rule is ThresholdRule.CARD:
            where = "the model's card"
        elif source:
            where = f"{self.chosen_on} threat-free parcels of {source.dataset.name} ({source.split})"
        else:
            where = f"the same {self.chosen_on} threat-free parcels the rate is measured on"
        false_alarms = int(alarms(self.threat_free, point.thresholds).sum())
        return MeasuredPoint(
            rule=rule,
            thresholds={spec.name: float(at) for spec, at in zip(self.classes, point.thresholds, strict=True)},
            false_alarm_rate=clopper_pearson(false_alarms, len(self.threat_free)),
            chosen_on=where,
            resolved=point.resolved,
        )

    def figures(self) -> dict[str, Any]:
        """The measured parts of an evaluation, by name."""
        categories = categories_of(self.classes)
        anything = next(category for category in categories if category.name == ANY_THREAT)
        hits = [hits_of(self.sample.scans, category) for category in categories]
        return {
            "scores": score_categories(self.sample, categories, hits, self.points),
            "points": tuple(
                measure_point(point, self.sample, anything, self.threat_free, self.classes) for point in self.points
            ),
            "reliability": self._reliability(),
            "factors": self._factors(anything),
            **self._curves(categories, hits),
            **self._in_force(anything),
        }

    def _curves(self, categories: Sequence[Category], hits: Sequence[Hits]) -> dict[str, Any]:
        threat = of_threat_parcels(self.sample.scans)
        false_alarms = false_alarm_scores(self.sample.scans, threat)
        parcels = len(np.unique(self.sample.parcels[~threat]))
        pairs = list(zip(categories, hits, strict=True))
        return {
            "precision_recall": tuple(filter(None, (precision_recall(*pair) for pair in pairs))),
            "froc": tuple(
                filter(None, (froc(*pair, false_alarms, parcels) for pair in pairs if pair[0].level is not Level.CLASS))
            ),
        }

    def _reliability(self) -> Reliability | None:
        hits = telling(class_hits(self.sample.scans, self.classes))
        groups = self.sample.groups_of(hits.scan)
        return reliability(hits, self.sample.weights, groups, hits.score) if len(hits.score) else None

    def _factors(self, anything: Category) -> tuple[FactorLevel, ...]:
        table = object_table(self.sample.scans, anything, {point.name: point.thresholds for point in self.points})
        return factor_levels(table, self.sample)

    def _in_force(self, anything: Category) -> dict[str, Any]:
        point = balanced_of(self.points)
        if point is None:
            return {}
        scans, at = self.sample.scans, point.thresholds
        raised = [(record, alarming(every, at)) for record, every in scans]
        threat = of_threat_parcels(scans)
        return {
            "confusion": confusion(raised, self.classes, point.name),
            "examples": (
                *worst_misses(scans, anything, at),
                *worst_false_alarms(scans, threat, self.classes, at),
            ),
        }


def _mirror(
    predict: Predict, rendering: Rendering, part: Part, measured: _Measured, on_scan: Callable[[], None]
) -> Mirror:
    """The scans shown again in other colours."""
    changed: list[bool] = []
    look = rendered_predict(predict, rendering, changed.append)
    mirrored = score_scans(look, part, on_scan)
    return compare(rendering, mirrored, sum(changed), measured.sample, measured.classes, balanced_of(measured.points))
