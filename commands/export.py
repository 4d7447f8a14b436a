"""The verb ``export``: a run directory in, a contract-1 ONNX file with its card and its proof out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import ScanError, UsageError
from .bundle import calibration_scans, check_bundle, report_bundle, write_bundle
from .extras import EXPORTING, require
from .rates import percent, thresholds_text
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..detector.card import ClassSpec, ModelCard
    from ..export.export import Exported
    from ..export.parity import Picture
    from ..export.reference import ReferenceDetector
    from ..inference.bundle import VerifiedBundle
    from ..training.scoring import Part
    from ..training.trained_run import TrainedRun
    from .export_card import Calibration

MOST_REAL_PICTURES = 16


def export(
    run: Annotated[Path, typer.Argument(help="Run directory of parcelsight train.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ONNX file to write [default: RUN/NAME.onnx].")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Model name on the card [default: the recipe's].")] = None,
    version: Annotated[str, typer.Option(help="Model version on the card.")] = "1",
    fpr: Annotated[
        float,
        typer.Option(
            "--fpr", min=0, max=1, help="Share of threat-free validation parcels that may alarm at the balanced point."
        ),
    ] = 0.02,
    operating_point_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the operating points of an evaluation of this run (evaluate … --out)."),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure/--no-measure", help="Fit temperatures and choose thresholds on the run's validation scans."
        ),
    ] = True,
    calibrate_on: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="More or other scans to do that on, never seen in training nor used for testing: hundreds of "
            "threat-free ones place a threshold well.",
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write a bundle for integrators into this folder (parcelsight bundle)."),
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="PRIVATE", help="Sign the bundle with this private key (parcelsight keys).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on stdout.")] = False,
) -> None:
    """Write a trained network as one ONNX file that any runtime can use, and prove that it is the same network.

    The file takes float32 RGB pictures `images` (N, 3, S, S) and gives `detections` (N, K, 6): box, score, class. Its
    metadata carries the model card: classes, score calibration, the operating points strict, balanced and sensitive
    with what they were measured to do, training data and licences.

    The proof compares network and file on at least 20 pictures of every shape: each detection above threshold has its
    like at IoU ≥ 0.99 with a score within 0.001, alone and in a batch. It is saved beside the model as
    `NAME.parity.json`. If it fails, no file is written.
    """
    require("exporting", "train", EXPORTING)
    from ..training.trained_run import read_run

    trained = read_run(run)
    if out is None:
        out = run / f"{name or trained.recipe.name}.onnx"
    if out.suffix != ".onnx":
        raise UsageError(f"{out}: a model file ends in .onnx", "correct --out")
    check_bundle(bundle, sign)
    if not trained.is_finished:
        _say(f"training of {run} is {trained.state.status}, not done: exporting the best weights so far")
    from ..detector.network import load_network  # torch: seconds, so mistakes above are told first
    from ..export.export import export_model
    from ..export.pictures import generated_pictures
    from ..export.reference import ReferenceDetector, class_specs
    from .evaluation_inputs import open_part
    from .export_card import card_maker, validation_part

    network = load_network(trained.weights)
    classes = class_specs(network.classes, str(trained.weights))
    reference = ReferenceDetector(network, trained.recipe.input_px)
    part = open_part(calibrate_on, "all") if calibrate_on else validation_part(trained)
    calibration = _calibrate(
        trained, reference, classes, part if measure else "--no-measure", operating_point_from, fpr
    )
    pictures = (*_real_pictures(part), *generated_pictures())
    with stderr.status(f"exporting and comparing on {len(pictures)} pictures"):
        card_of = card_maker(trained, calibration, name or trained.recipe.name, version)
        exported = export_model(network, card_of, trained.recipe.input_px, out, pictures)
    made = write_bundle(exported.model, bundle, sign, calibration_scans(part)) if bundle else None
    _report(exported, as_json, made)


def _calibrate(
    trained: TrainedRun,
    reference: ReferenceDetector,
    classes: tuple[ClassSpec, ...],
    part: Part | str,
    file: Path | None,
    fpr: float,
) -> Calibration:
    """Operating points and calibration: from a file, else measured, else the stated default, saying why."""
    from ..training.evaluation_result import EvaluationSettings
    from .export_card import from_file, measured, not_measured, weights_identity

    if file:
        return from_file(file, weights_identity(trained, classes), classes)
    outcome: Calibration | str
    if isinstance(part, str):
        outcome = part
    else:
        floor = EvaluationSettings().score_floor
        with progress() as bars:
            task = bars.add_task("measuring the operating point", total=len(part.dataset))
            outcome = measured(lambda rgb: reference.detect(rgb, floor), classes, part, fpr, lambda: bars.advance(task))
    if isinstance(outcome, str):
        _say(f"no operating point measured ({outcome}): every threshold is the default {classes[0].threshold:g}")
        return not_measured(classes)
    return outcome


def _real_pictures(part: Part | str) -> tuple[Picture, ...]:
    """Validation scans spread evenly over the split; those that cannot be read are passed over."""
    from ..export.parity import Picture
    from ..training.pictures import canonical_picture

    records = () if isinstance(part, str) else part.dataset.records
    step = max(1, -(-len(records) // MOST_REAL_PICTURES))
    pictures: list[Picture] = []
    for record in records[::step]:
        try:
            pictures.append(Picture(f"validation: {record.scan_id}", canonical_picture(record)))
        except ScanError as error:
            _say(f"passed over: {error.message}")
    return tuple(pictures)


def _report(exported: Exported, as_json: bool, bundle: VerifiedBundle | None) -> None:
    """Say what was written and what was proven."""
    parity, card = exported.parity, exported.card
    if as_json:
        outcome = {
            "model": str(exported.model),
            "sha256": parity.model_sha256,
            "card": card.model_dump(mode="json"),
            "parity": {
                "file": str(exported.parity_file),
                "pictures": len(parity.network_and_model),
                "detections": parity.compared,
                "worst_iou": parity.worst_iou,
                "worst_score_difference": parity.worst_score_difference,
            },
            "bundle": str(bundle.folder) if bundle else None,
        }
        typer.echo(json.dumps(outcome, indent=1))
        return
    lines = (
        f"{exported.model}: {card.name} {card.version}, {len(card.classes)} classes, {card.input_px} px, "
        f"sha256 {parity.model_sha256[:16]}…",
        *card_lines(card),
        f"parity: {parity.compared} detections on {len(parity.network_and_model)} pictures matched, alone and in a "
        f"batch; worst IoU {parity.worst_iou:.6f}, worst score difference {parity.worst_score_difference:.1e} "
        f"({exported.parity_file.name})",
    )
    for line in lines:
        stdout.print(line)
    if bundle:
        report_bundle(bundle)


def card_lines(card: ModelCard) -> Iterator[str]:
    """Operating points and calibration of a card, a line each."""
    for point in card.operating_points or (card.operating_point,):
        rates = (point.false_alarm_rate, point.parcel_detection_rate, point.detection_rate)
        names = ("false alarms", "parcels with threats alarmed", "objects found")
        told = [f"{name} {percent(rate)} %" for name, rate in zip(names, rates, strict=True) if rate]
        thresholds = thresholds_text(point.thresholds or (spec.threshold for spec in card.classes))
        rough = "" if point.resolved else " (roughly placed: too few threat-free parcels)"
        yield "; ".join((f"operating point {point.name}{rough}: threshold {thresholds}", *told))
    yield f"measured on: {card.operating_point.measured_on}"
    if card.calibration:
        yield (
            f"calibration error {percent(card.calibration.before)} % before temperatures, "
            f"{percent(card.calibration.after)} % with them"
        )


def _say(text: str) -> None:
    stderr.print(f"note: {text}", style="yellow")
