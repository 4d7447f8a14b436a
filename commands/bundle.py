"""The verb ``bundle``: one contract-1 file in, a folder with every variant, its manifest and its signature out."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import ScanError, UsageError
from .extras import require
from .terminal import stderr, stdout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..datasets.annotations import Record
    from ..export.calibration_scans import CalibrationScans
    from ..inference.bundle import VerifiedBundle
    from ..training.scoring import Part

BUNDLING = ("onnx",)


def bundle(
    model: Annotated[Path, typer.Argument(help="Contract-1 ONNX model, as parcelsight export writes it.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write; must not exist, or be empty.")],
    scans: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="32 scans or more, such as it will see, to fit INT8 variants and their thresholds to; the more the "
            "better, up to 1000; without, none.",
        ),
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="PRIVATE", help="Sign everything with this private key (parcelsight keys).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON on stdout.")] = False,
) -> None:
    """Write all that an integrator needs of one model into a folder.

    It holds the model in fp32, fp16 and INT8; *embed* variants, which take raw pictures and need no code around them;
    a model repository for Triton; the model card; a bill of materials (CycloneDX); and `manifest.json`, which says of
    every file what it is and what its sha256 must be. With --sign every model and the manifest carry your signature.

    Whoever receives the folder checks it with: parcelsight verify FOLDER --key YOUR.pub
    """
    require("bundling", "train", BUNDLING)
    from .evaluation_inputs import open_threat_free

    check_bundle(folder, sign)
    made = write_bundle(model, folder, sign, calibration_scans(open_threat_free(scans)) if scans else None)
    if as_json:
        typer.echo(json.dumps(made.manifest.model_dump(mode="json"), indent=1))
    else:
        report_bundle(made)


def check_bundle(folder: Path | None, sign: Path | None) -> None:
    """Refuse, before any work, a folder that is taken and a key that cannot be read.

    Raises:
        UsageError: saying which.
    """
    from ..export.bundle import check_free
    from ..inference.key_pairs import read_private_key

    if folder is None:
        if sign is not None:
            raise UsageError("--sign signs a bundle, and none is asked for", "add --bundle DIR")
        return
    check_free(folder)
    if sign is not None:
        read_private_key(sign)


def calibration_scans(part: Part | str) -> CalibrationScans | None:
    """The scans of a split, to fit INT8 variants to; None where it has too few, which is said."""
    from ..export.calibration_scans import FEWEST_SCANS, CalibrationScans

    records = () if isinstance(part, str) else part.dataset.records
    if isinstance(part, str) or len(records) < FEWEST_SCANS:
        stderr.print(
            f"note: no INT8 variants: {FEWEST_SCANS} scans are needed to fit them to, and there are {len(records)}",
            style="yellow",
        )
        return None
    return CalibrationScans(part.dataset.name, [partial(_picture, record) for record in records])


def _picture(record: Record) -> NDArray[np.uint8] | None:
    """A scan's canonical picture; None, which is said, where it cannot be read."""
    from ..training.pictures import canonical_picture

    try:
        return canonical_picture(record)
    except ScanError as error:
        stderr.print(f"note: passed over: {error.message}", style="yellow")
        return None


def write_bundle(model: Path, folder: Path, sign: Path | None, scans: CalibrationScans | None) -> VerifiedBundle:
    """Make every variant of a model and write the bundle."""
    from ..export import bundle as bundles
    from ..export.variants import assortment
    from ..inference.key_pairs import read_private_key

    key = read_private_key(sign) if sign else None
    with stderr.status("making the variants"):
        made = assortment(model, scans)
        return bundles.write_bundle(folder, made.variants, made.companions, key)


def report_bundle(made: VerifiedBundle) -> None:
    """Say what was written."""
    models = [entry for entry in made.manifest.files if entry.kind == "model"]
    signed = f"signed with key {made.signed_by.name}" if made.signed_by else "not signed"
    stdout.print(f"{made.folder}: {len(made.manifest.files)} files, {len(models)} of them models, {signed}")
