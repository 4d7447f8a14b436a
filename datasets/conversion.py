"""From one layout to another, losing nothing unsaid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..detector.errors import DatasetError
from .annotations import Annotations, Dataset, Record
from .formats import coco, voc, yolo
from .formats.objects import ObjectList
from .formats.problems import Problems
from .native import list_splits, open_dataset, place_pictures, write_native

Writer = Callable[[Dataset, Path, Mapping[str, Sequence[str]], Mapping[str, list[str]]], None]

_WRITERS: Mapping[str, tuple[Writer, str]] = {
    "yolo": (yolo.write, "images"),
    "voc": (voc.write, "JPEGImages"),
    "coco": (coco.write, "images"),
}
"""Layout → its writer, and the folder its pictures lie in."""

TARGETS = ("native", *_WRITERS)


def open_with_splits(source: Path, format: str, problems: Problems) -> tuple[Dataset, dict[str, tuple[str, ...]]]:
    """A data set, and the scan ids of each of its splits.

    Raises:
        DatasetError, AnnotationError: as ``open_dataset``.
    """
    dataset = open_dataset(source, format, None, problems)
    there = {record.scan_id for record in dataset}
    splits: dict[str, tuple[str, ...]] = {}
    for split in list_splits(source, format):
        # What a split's own reading finds wrong was found when everything was read.
        part = open_dataset(source, format, split, Problems())
        splits[split] = tuple(record.scan_id for record in part if record.scan_id in there)
    return dataset, splits


def rename_labels(dataset: Dataset, names: Mapping[str, str]) -> Dataset:
    """The same data set with other names for some labels.

    Raises:
        DatasetError: if a label to be renamed is not there.
    """
    used = {label for record in dataset for label in record.annotations.labels} | set(dataset.labels)
    absent = sorted(set(names) - used)
    if absent:
        raise DatasetError(
            f"{dataset.name}: has no label {absent[0]!r}", f"it has: {', '.join(sorted(used)) or 'none'}"
        )

    def renamed(record: Record) -> Record:
        found = record.annotations
        labels = tuple(names.get(label, label) for label in found.labels)
        return replace(record, annotations=Annotations(found.xyxy_px, labels, found.attributes))

    labels = tuple(dict.fromkeys(names.get(label, label) for label in dataset.labels))
    return replace(dataset, labels=labels, records=tuple(renamed(record) for record in dataset))


def fit_boxes(dataset: Dataset, problems: Problems) -> Dataset:
    """Clip boxes to their scans; what lies wholly outside is dropped, and each change is told."""
    records = [fitted for record in dataset if (fitted := _fit(record, problems)) is not None]
    return dataset.with_records(records)


def _fit(record: Record, problems: Problems) -> Record | None:
    found = record.annotations
    size = np.array([record.width_px, record.height_px] * 2, np.float64)
    clipped = np.clip(found.xyxy_px, 0, size)
    changed = (clipped != found.xyxy_px).any(axis=1)
    if not changed.any():
        return record
    taken = ObjectList(record.scan_id, record.files[0], problems)
    for at, label in enumerate(found.labels):
        if changed[at] and (clipped[at, 2:] <= clipped[at, :2]).any():
            taken.drop(f"object {at + 1} ({label}) lies outside the scan", "correct its box")
            continue
        if changed[at]:
            message = f"object {at + 1} ({label}) reached outside the scan and was clipped"
            problems.note(record.files[0], message, "look at its box", record.scan_id)
        taken.add(clipped[at].tolist(), label, found.attributes[at])
    annotations = taken.annotations()
    return None if annotations is None else replace(record, annotations=annotations)


def write_as(dataset: Dataset, folder: Path, layout: str, copy: str, splits: Mapping[str, Sequence[str]]) -> None:
    """Write a data set in a layout.

    Args:
        dataset: its pictures must exist.
        folder: a new or empty folder.
        layout: one of TARGETS.
        copy: ``link`` or ``copy`` the pictures.
        splits: split name → scan ids.

    Raises:
        DatasetError: if the folder is not empty, the layout unknown, or a picture cannot be placed.
        ScanError: if a label file cannot be written.
    """
    if layout not in TARGETS:
        raise DatasetError(f"unknown layout {layout!r}", f"known: {', '.join(TARGETS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder}: is not empty", "name a new folder")
    there = {record.scan_id for record in dataset}
    kept = {split: tuple(scan_id for scan_id in members if scan_id in there) for split, members in splits.items()}
    if layout == "native":
        write_native(dataset, folder, copy, kept)
        return
    write, under = _WRITERS[layout]
    write(dataset, folder, kept, place_pictures(dataset, folder, under, copy))
