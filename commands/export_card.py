"""The model card of a run's network, and the operating point it goes into service with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import __version__
from ..datasets.annotations import Dataset
from ..datasets.canonical import PALETTE_NAME
from ..detector.card import ClassSpec, ModelCard, OperatingPoint
from ..detector.errors import DatasetError, RunError
from ..detector.taxonomy import TAXONOMY
from ..training.categories import ANY_THREAT
from ..training.evaluation import evaluate
from ..training.evaluation_result import Evaluation, EvaluationSettings, ModelIdentity, read_evaluation
from ..training.scoring import Part, Predict
from ..training.trained_run import TrainedRun
from .evaluation_inputs import open_part

LICENCE = "AGPL-3.0-or-later"
"""Of everything built with the training engine, weights included."""
_REPLICATES = 100
"""The card takes no average precision, so its intervals may be coarse."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The classes with their thresholds, and what is known of them."""

    classes: tuple[ClassSpec, ...]
    point: OperatingPoint


def weights_identity(run: TrainedRun, classes: Sequence[ClassSpec]) -> ModelIdentity:
    """Which weights the run holds."""
    return ModelIdentity(
        name=run.recipe.name,
        sha256=hashlib.sha256(run.weights.read_bytes()).hexdigest(),
        classes=tuple(spec.name for spec in classes),
    )


def card_maker(run: TrainedRun, calibration: Calibration, name: str, version: str) -> Callable[[str], ModelCard]:
    """Makes the card once the digest of the weights is known."""
    digest = run.state.start_weights_sha256
    return lambda weights_sha256: ModelCard(
        name=name,
        version=version,
        licence=LICENCE,
        taxonomy=TAXONOMY.version,
        classes=calibration.classes,
        input_px=run.recipe.input_px,
        palette=PALETTE_NAME,
        operating_point=calibration.point,
        training_data=run.training_data,
        start_weights=f"{run.state.start_weights} sha256:{digest}" if digest else run.state.start_weights,
        weights_sha256=weights_sha256,
        toolkit_version=__version__,
    )


def not_measured(classes: tuple[ClassSpec, ...]) -> Calibration:
    """The stated default: nobody measured these thresholds."""
    return Calibration(classes, OperatingPoint(name="default, not measured"))


def from_file(file: Path, identity: ModelIdentity, classes: tuple[ClassSpec, ...]) -> Calibration:
    """The operating point of a saved evaluation of this very network.

    Raises:
        RunError: if the evaluation is of another model or holds no operating point.
    """
    result = read_evaluation(file)
    remedy = "evaluate the run directory itself: parcelsight evaluate RUN DATA --out FILE"
    if (result.model.sha256, result.model.classes) != (identity.sha256, identity.classes):
        raise RunError(f"{file}: evaluates {result.model.name}, not the weights of this run", remedy)
    if result.operating_point is None:
        raise RunError(f"{file}: holds no operating point, for want of threat-free scans", remedy)
    return calibrated(result, classes)


def measured(
    predict: Predict,
    identity: ModelIdentity,
    classes: tuple[ClassSpec, ...],
    part: Part,
    false_positive_rate: float,
    on_scan: Callable[[], None],
) -> Calibration | str:
    """The operating point measured on validation scans, or why it cannot be."""
    settings = EvaluationSettings(false_positive_rate=false_positive_rate, replicates=_REPLICATES)
    result = evaluate(predict, identity, classes, part, settings, on_scan=on_scan)
    if result.operating_point is None or not result.operating_point.resolved:
        return f"{part.dataset.name} has {result.threat_free_scans} threat-free scans, too few"
    return calibrated(result, classes)


def calibrated(result: Evaluation, classes: tuple[ClassSpec, ...]) -> Calibration:
    """Classes with the thresholds of an evaluation that has an operating point."""
    point = result.operating_point
    if point is None:
        raise ValueError("the evaluation has no operating point")
    rate = result.settings.false_positive_rate
    return Calibration(
        tuple(spec.model_copy(update={"threshold": point.thresholds[spec.name]}) for spec in classes),
        OperatingPoint(
            name=f"at most {100 * rate:g} % false alarms, {point.rule} threshold",
            detection_rate=result.score(ANY_THREAT).object_recall,
            false_alarm_rate=point.false_alarm_rate,
            measured_on=f"{result.data.name} ({result.data.split}), {result.scored_scans} scans; "
            f"thresholds from {point.chosen_on}",
        ),
    )


def validation_part(run: TrainedRun) -> Part | str:
    """The validation scans of a run, of all its data sets together, or why they cannot be had."""
    try:
        parts = [open_part(path, "val") for path in run.recipe.data]
    except DatasetError as error:
        return error.message
    if not parts:
        return "its recipe names no data"
    records = tuple(
        replace(record, scan_id=f"{part.dataset.name}/{record.scan_id}", group=f"{part.dataset.name}/{record.group}")
        if len(parts) > 1
        else record
        for part in parts
        for record in part.dataset
    )
    datasets = [part.dataset for part in parts]
    merged = Dataset(
        ", ".join(each.name for each in datasets),
        ", ".join(dict.fromkeys(each.licence for each in datasets)),
        tuple(dict.fromkeys(label for each in datasets for label in each.labels)),
        records,
    )
    return Part(merged, "val", tuple(scan for part in parts for scan in part.set_aside))
