"""The model card of a run's network, and the operating point it goes into service with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import __version__
from ..datasets.canonical import PALETTE_NAME
from ..detector.calibration import calibrate
from ..detector.card import CalibrationError, ClassSpec, ModelCard, OperatingPoint, PointName, TrainingData
from ..detector.contract import SHIPPED_MODEL, from_metadata
from ..detector.errors import DatasetError, RunError
from ..detector.start_weights import SHIPPED_START_WEIGHTS
from ..detector.taxonomy import TAXONOMY
from ..inference.model_file import read_model
from ..training.calibration import class_hits, fit_temperatures, reliability, telling, with_temperatures
from ..training.categories import ANY_THREAT, categories_of
from ..training.evaluation import sample_of
from ..training.evaluation_parts import PointScore
from ..training.evaluation_result import EvaluationSettings, ModelIdentity, read_evaluation
from ..training.hits import Hits
from ..training.operating_points import ThresholdRule
from ..training.parcels import threat_free_parcels
from ..training.points import Sample, chosen_points, measure_point
from ..training.scoring import Part, Predict, score_scans
from ..training.trained_run import TrainedRun
from .evaluation_inputs import merged, open_part

LICENCE = "AGPL-3.0-or-later"
"""Of everything built with the training engine, weights included."""
_REPLICATES = 1000
"""Resamples behind the intervals of the calibration error."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The classes with their thresholds and temperatures, and what is known of them."""

    classes: tuple[ClassSpec, ...]
    in_force: OperatingPoint
    points: tuple[OperatingPoint, ...] = ()
    error: CalibrationError | None = None


def weights_identity(run: TrainedRun, classes: Sequence[ClassSpec]) -> ModelIdentity:
    """Which weights the run holds."""
    return ModelIdentity(
        name=run.recipe.name,
        sha256=hashlib.sha256(run.weights.read_bytes()).hexdigest(),
        classes=tuple(spec.name for spec in classes),
    )


def card_maker(run: TrainedRun, calibration: Calibration, name: str, version: str) -> Callable[[str], ModelCard]:
    """Makes the card once the digest of the weights is known."""
    began, inherited = start_of(run.state.start_weights, run.state.start_weights_sha256)
    return lambda weights_sha256: ModelCard(
        name=name,
        version=version,
        licence=LICENCE,
        taxonomy=TAXONOMY.version,
        classes=calibration.classes,
        input_px=run.recipe.input_px,
        palette=PALETTE_NAME,
        operating_point=calibration.in_force,
        operating_points=calibration.points,
        calibration=calibration.error,
        training_data=(*inherited, *run.training_data),
        start_weights=began,
        weights_sha256=weights_sha256,
        toolkit_version=__version__,
    )


def start_of(name: str, sha256: str | None) -> tuple[str, tuple[TrainingData, ...]]:
    """What a run began with, and what that had been taught with before: known of the shipped detector alone."""
    if sha256 is None:
        return name, ()
    told = f"{name} sha256:{sha256}"
    if not SHIPPED_START_WEIGHTS.is_file() or hashlib.sha256(SHIPPED_START_WEIGHTS.read_bytes()).hexdigest() != sha256:
        return told, ()
    shipped = from_metadata(read_model(SHIPPED_MODEL).metadata, str(SHIPPED_MODEL))
    return f"{shipped.name} {shipped.version}, {told}", shipped.training_data


def not_measured(classes: tuple[ClassSpec, ...]) -> Calibration:
    """The stated default: nobody measured these thresholds."""
    return Calibration(classes, OperatingPoint(name="default, not measured"))


def from_file(file: Path, identity: ModelIdentity, classes: tuple[ClassSpec, ...]) -> Calibration:
    """The operating points of a saved evaluation of this very network; its scores stay as they are.

    Raises:
        RunError: if the evaluation is of another model or holds no operating point.
    """
    result = read_evaluation(file)
    remedy = "evaluate the run directory itself: parcelsight evaluate RUN DATA --out FILE"
    if (result.model.sha256, result.model.classes) != (identity.sha256, identity.classes):
        raise RunError(f"{file}: evaluates {result.model.name}, not the weights of this run", remedy)
    if result.operating_point is None or not result.points:
        raise RunError(f"{file}: holds no operating point, for want of threat-free parcels", remedy)
    measured_on = (
        f"{result.data.name} ({result.data.split}), {result.parcels} parcels; "
        f"thresholds from {result.operating_point.chosen_on}"
    )
    return in_service(classes, result.points, measured_on)


def measured(
    predict: Predict,
    classes: tuple[ClassSpec, ...],
    part: Part,
    balanced_budget: float,
    on_scan: Callable[[], None],
) -> Calibration | str:
    """Temperatures and operating points from validation scans, or why they cannot be had.

    Args:
        predict: the network, with scores as it gives them.
        classes: its classes.
        part: the validation scans.
        balanced_budget: share of threat-free parcels that may alarm at the balanced point.
        on_scan: called after each scan, for progress.
    """
    settings = EvaluationSettings(replicates=_REPLICATES)
    scans = score_scans(predict, part, on_scan).scans
    raw = sample_of(scans, settings)
    hits = telling(class_hits(scans, classes))
    temperatures = fit_temperatures(hits, classes)
    values = [each.value for each in temperatures]
    calibrated = [(record, with_temperatures(found, values)) for record, found in scans]
    threat_free = threat_free_parcels(calibrated, len(classes)).scores
    if not len(threat_free):
        return f"{part.dataset.name} has no threat-free parcel in its split {part.split}"
    points = chosen_points(threat_free, ThresholdRule.COMMON, settings.score_floor, balanced_budget)
    sample = replace(raw, scans=tuple(calibrated))
    (anything,) = (category for category in categories_of(classes) if category.name == ANY_THREAT)
    warm = tuple(spec.model_copy(update={"temperature": value}) for spec, value in zip(classes, values, strict=True))
    told = [measure_point(point, sample, anything, threat_free, classes) for point in points]
    where = f"{part.dataset.name} ({part.split}), {len(np.unique(sample.parcels))} parcels"
    made = in_service(warm, told, f"{where}; thresholds from its {len(threat_free)} threat-free ones")
    return replace(made, error=_error(hits, values, sample, f"{where}, on which the temperatures were fitted"))


def _error(hits: Hits, temperatures: Sequence[float], sample: Sample, measured_on: str) -> CalibrationError | None:
    """The calibration error with and without the temperatures; None where none was fitted."""
    if all(value == 1 for value in temperatures):
        return None
    warm = calibrate(hits.score.astype(np.float32), np.asarray(temperatures, np.float32)[hits.class_id])
    groups = sample.groups_of(hits.scan)
    before, after = (
        reliability(hits, sample.weights, groups, score).error for score in (hits.score, warm.astype(np.float64))
    )
    return CalibrationError(before=before, after=after, measured_on=measured_on)


def in_service(classes: tuple[ClassSpec, ...], points: Sequence[PointScore], measured_on: str) -> Calibration:
    """The classes with the thresholds of the balanced point, and all points as the card carries them."""
    carried = tuple(
        OperatingPoint(
            name=point.name,
            budget=point.budget,
            thresholds=tuple(point.thresholds[spec.name] for spec in classes),
            detection_rate=point.object_recall,
            parcel_detection_rate=point.parcel_recall,
            false_alarm_rate=point.false_alarm_rate,
            resolved=point.resolved,
            measured_on=measured_on,
        )
        for point in points
    )
    (balanced,) = (point for point in carried if point.name == PointName.BALANCED)
    warm = tuple(
        spec.model_copy(update={"threshold": threshold})
        for spec, threshold in zip(classes, balanced.thresholds, strict=True)
    )
    return Calibration(warm, balanced, carried)


def validation_part(run: TrainedRun) -> Part | str:
    """The validation scans of a run, of all its data sets together, or why they cannot be had."""
    try:
        parts = [open_part(path, "val") for path in run.recipe.data]
    except DatasetError as error:
        return error.message
    if not parts:
        return "its recipe names no data"
    return merged(parts)
