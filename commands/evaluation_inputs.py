"""What ``evaluate`` and ``export`` are pointed at, opened: models of either kind, and parts of data sets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..datasets.annotations import Annotations, Dataset, Record
from ..datasets.formats.problems import Outcome, Problems
from ..datasets.native import list_splits, open_dataset
from ..datasets.pairs import find_scans
from ..datasets.readers import read_pair, read_scan
from ..detector.card import ClassSpec, OperatingPoint
from ..detector.errors import DatasetError, ScanError, UsageError
from ..inference.detector import Detector
from ..inference.sources import NO_PICTURES
from ..training.evaluation_result import ModelIdentity, Unreadable
from ..training.scoring import Part, Predict
from ..training.trained_run import read_run

DEFAULT_INPUT_PX = 640


@dataclass(frozen=True, slots=True, eq=False)
class OpenedModel:
    """A model ready to be measured."""

    predict: Predict
    identity: ModelIdentity
    classes: tuple[ClassSpec, ...]
    points: tuple[OperatingPoint, ...] = ()
    """The operating points it carries."""


def open_model(path: Path, score_floor: float, threads: int) -> OpenedModel:
    """Open a contract-1 ONNX file in the runtime, or a run directory or ``.pt`` file in torch.

    Args:
        path: the model.
        score_floor: detections below it are left out.
        threads: CPU threads of the runtime.

    Raises:
        ModelError, RunError: if it cannot be used.
        MissingExtra: if it needs torch and there is none.
    """
    if path.is_dir() or path.suffix == ".pt":
        return _open_network(path, score_floor)
    detector = Detector(path, threads=threads, device="cpu")  # figures are those of the file's own precision
    card = detector.card
    return OpenedModel(
        lambda rgb: detector.detect(rgb, score_floor),
        _identity(f"{card.name} {card.version}", path, card.classes).model_copy(
            update={"weights_sha256": card.weights_sha256}
        ),
        card.classes,
        card.operating_points,
    )


def _open_network(path: Path, score_floor: float) -> OpenedModel:
    from ..detector.network import load_network
    from ..export.reference import ReferenceDetector, class_specs

    run = read_run(path) if path.is_dir() else None
    weights = run.weights if run else path
    network = load_network(weights)
    input_px = run.recipe.input_px if run else network.input_px or DEFAULT_INPUT_PX
    reference = ReferenceDetector(network, input_px)
    classes = class_specs(network.classes, str(weights))
    return OpenedModel(
        lambda rgb: reference.detect(rgb, score_floor),
        _identity(run.recipe.name if run else weights.stem, weights, classes),
        classes,
    )


def _identity(name: str, file: Path, classes: tuple[ClassSpec, ...]) -> ModelIdentity:
    return ModelIdentity(
        name=name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        classes=tuple(spec.name for spec in classes),
    )


def open_part(data: Path, split: str | None) -> Part:
    """Open one split of a data set; scans whose labels cannot be read are set aside and named.

    Args:
        data: a data set of any known layout.
        split: its name, or ``all``; None takes ``test``, or everything where the data set has no splits.

    Raises:
        DatasetError, AnnotationError: if there is no such data set or split.
        UsageError: if a split has to be chosen.
    """
    if not data.exists():
        raise DatasetError(f"{data}: no such folder or file", "give the path of a data set")
    if split is None:
        splits = list_splits(data)
        if splits and "test" not in splits:
            raise UsageError(f"{data} has no split test", f"choose with --split: {', '.join(splits)}, all")
        split = "test" if splits else "all"
    problems = Problems()
    dataset = open_dataset(data, split=None if split == "all" else split, problems=problems)
    # A scan that lost a label would punish the detector for finding the object.
    broken = {p.scan_id: p for p in problems if p.outcome is not Outcome.KEPT}
    set_aside = tuple(
        Unreadable(data=dataset.name, scan_id=scan_id or problem.file, reason=f"labels: {problem.message}")
        for scan_id, problem in broken.items()
    )
    return Part(dataset.with_records([r for r in dataset if r.scan_id not in broken]), split, set_aside)


def open_parts(sources: Sequence[Path], split: str | None) -> Part:
    """Open the same split of one or several data sets, together.

    Raises:
        DatasetError, AnnotationError, UsageError: as :func:`open_part`.
    """
    return merged([open_part(source, split) for source in sources])


def merged(parts: Sequence[Part]) -> Part:
    """Several parts as one; ids and groups of each begin with its name, which every label carries as ``data_set``.

    Args:
        parts: at least one.
    """
    if len(parts) == 1:
        return parts[0]
    names = _distinct([part.dataset.name for part in parts])
    records = tuple(_named(record, name) for name, part in zip(names, parts, strict=True) for record in part.dataset)
    datasets = [part.dataset for part in parts]
    splits = dict.fromkeys(part.split for part in parts)
    return Part(
        Dataset(
            ", ".join(names),
            ", ".join(dict.fromkeys(each.licence for each in datasets)),
            tuple(dict.fromkeys(label for each in datasets for label in each.labels)),
            records,
        ),
        ", ".join(splits),
        tuple(scan for part in parts for scan in part.set_aside),
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, numbered where one is there twice."""
    return [name if names.count(name) == 1 else f"{name} {i}" for i, name in enumerate(names, start=1)]


def _named(record: Record, name: str) -> Record:
    labels = record.annotations
    marked = replace(labels, attributes=tuple({**each, "data_set": name} for each in labels.attributes))
    return replace(record, scan_id=f"{name}/{record.scan_id}", group=f"{name}/{record.group}", annotations=marked)


def open_threat_free(folder: Path) -> Part:
    """Open scans that hold no threat: a data set, or a plain folder of pictures, which is taken at its word.

    Raises:
        DatasetError: if there is no scan in it.
    """
    try:
        return open_part(folder, "all")
    except DatasetError:
        if not folder.is_dir():
            raise
    files = sorted(
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() not in NO_PICTURES
    )
    records: list[Record] = []
    set_aside: list[Unreadable] = []
    for found in find_scans(files):
        scan_id = os.path.relpath(found.scan_id, folder)
        try:
            if found.problem:
                raise found.problem
            records.append(_unlabelled(scan_id, found.files))
        except ScanError as error:
            set_aside.append(Unreadable(data=folder.name, scan_id=scan_id, reason=error.message))
    if not records:
        raise DatasetError(f"{folder}: no scan in it can be read", "give a folder of scans without threats")
    return Part(Dataset(folder.name, "not stated", (), tuple(records)), "all", tuple(set_aside))


def _unlabelled(scan_id: str, files: tuple[Path, ...]) -> Record:
    """A record of a scan nobody labelled."""
    scan = read_pair(*files) if len(files) == 2 else read_scan(files[0])
    return Record(scan_id, files, scan.width_px, scan.height_px, Annotations.empty(), group=scan_id)
