"""A detector measured on labelled scans: average precision, recall at a false-alarm budget, all with 95 % intervals.

``predict`` is any function from a canonical picture to detections, so the runtime's ONNX session and a network in
training are measured by the same code. docs/evaluation.md explains every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..detector.card import ClassSpec
from ..detector.detections import Detections
from ..detector.errors import RunError
from ..detector.taxonomy import TAXONOMY
from .category_scores import score_categories
from .evaluation_result import Evaluation, EvaluationSettings, MeasuredPoint, ModelIdentity
from .intervals import FEWEST_GROUPS, clopper_pearson
from .operating_points import ThresholdRule, alarms, choose_thresholds, top_scores
from .scoring import NOTHING, Part, Predict, Scored, identify, score_scans


def evaluate(
    predict: Predict,
    model: ModelIdentity,
    classes: Sequence[ClassSpec],
    part: Part,
    settings: EvaluationSettings,
    *,
    more_threat_free: Part | None = None,
    thresholds_from: Part | None = None,
    on_scan: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Measure a detector.

    Args:
        predict: the detector.
        model: what it is, for the record.
        classes: its output classes.
        part: labelled scans; those without a threat measure the false-alarm rate.
        settings: how to measure.
        more_threat_free: scans whose unlabelled ones join in measuring the false-alarm rate, and in nothing else.
        thresholds_from: scans on whose threat-free ones the thresholds are chosen, instead of on the measured ones.
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
    threat_free = (*scored.threat_free, *more.threat_free)
    chosen_on = source.threat_free if thresholds_from else threat_free
    point, thresholds = _operating_point(classes, threat_free, chosen_on, settings, thresholds_from)
    unreadable = (*scored.unreadable, *more.unreadable, *source.unreadable)
    return Evaluation(
        toolkit_version=__version__,
        model=model,
        settings=settings,
        data=identify(part),
        more_threat_free=identify(more_threat_free) if more_threat_free else None,
        thresholds_from=identify(thresholds_from) if thresholds_from else None,
        scored_scans=len(scored.scans),
        threat_free_scans=len(threat_free),
        unreadable=unreadable,
        scores=score_categories(scored.scans, classes, thresholds, settings),
        operating_point=point,
        notes=_notes(scored, classes, point, len({record.group for record, _ in scored.scans})),
    )


def _operating_point(
    classes: Sequence[ClassSpec],
    threat_free: Sequence[Detections],
    chosen_on: Sequence[Detections],
    settings: EvaluationSettings,
    source: Part | None,
) -> tuple[MeasuredPoint | None, NDArray[np.float32] | None]:
    """The thresholds in force and the false alarms they give."""
    rule = settings.threshold_rule
    if rule is ThresholdRule.CARD:
        thresholds = np.asarray([spec.threshold for spec in classes], np.float32)
        where, resolved = "the model's card", True
    elif chosen_on:
        scores = top_scores(chosen_on, len(classes))
        thresholds = choose_thresholds(scores, settings.false_positive_rate, rule, settings.score_floor)
        where = (
            f"{len(chosen_on)} threat-free scans of {source.dataset.name} ({source.split})"
            if source
            else (f"the same {len(chosen_on)} threat-free scans the rate is measured on")
        )
        resolved = len(chosen_on) * settings.false_positive_rate >= 1
    else:
        return None, None
    false_alarms = int(alarms(top_scores(threat_free, len(classes)), thresholds).sum())
    point = MeasuredPoint(
        rule=rule,
        thresholds={spec.name: float(value) for spec, value in zip(classes, thresholds, strict=True)},
        false_alarm_rate=clopper_pearson(false_alarms, len(threat_free)),
        chosen_on=where,
        resolved=resolved,
    )
    return point, thresholds


def _notes(scored: Scored, classes: Sequence[ClassSpec], point: MeasuredPoint | None, n_groups: int) -> tuple[str, ...]:
    """Plain words on what limits the figures."""
    labels = [label for record, _ in scored.scans for label in record.annotations.labels]
    foreign = sorted({label for label in labels if TAXONOMY.group_of(label) is None})
    known = {spec.name for spec in classes}
    unknown = sorted({label for label in labels if label in TAXONOMY.groups and label not in known})
    found = (
        (bool(foreign), f"labels outside the taxonomy count as benign: {', '.join(foreign)}"),
        (
            bool(unknown),
            f"the model has no class {', '.join(unknown)}: such objects count for their group and for any threat only",
        ),
        (point is None, "no threat-free scan, so no threshold and no recall: add some with --threat-free"),
        (
            point is not None and not point.resolved,
            "too few threat-free scans to tell the wanted false-positive rate from zero: "
            "the thresholds allow no false alarm at all among them",
        ),
        (
            n_groups < FEWEST_GROUPS,
            f"the scans come from {n_groups} group(s); intervals of average precision are too narrow below "
            f"{FEWEST_GROUPS}",
        ),
    )
    return tuple(text for holds, text in found if holds)
