"""The native layout of a data set, and the one door to data sets of any layout.

::

    annotations.json     COCO with our extras (formats/coco.py): every scan
    train.json           the same for the scans of a split; likewise val.json and test.json
    scans/               the pictures, or (low, high) pairs
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ..detector.errors import AnnotationError, DatasetError
from .annotations import Dataset, Record
from .formats import coco
from .formats.problems import Problems
from .formats.registry import LAYOUTS, detect
from .formats.sources import picture_size, safe_stem

ALL_SCANS = "annotations.json"
SPLIT_NAMES = ("train", "val", "test")
NATIVE = "native"
AUTO = "auto"


def open_dataset(
    path: str | Path, format: str = AUTO, split: str | None = None, problems: Problems | None = None
) -> Dataset:
    """Open labelled scans of any layout we know.

    Args:
        path: a data set folder, or the file that describes one (COCO JSON, YOLO's data.yaml).
        format: ``auto`` recognises the layout; or ``native``, ``yolo``, ``voc``, ``coco``, or a published set's name.
        split: ``train``, ``val``, ``test``, or another split the data set tells of; None takes every scan.
        problems: gathers objects and scans that cannot be taken, and the rest is returned. Without it the first
            such loss is an error, so that no label is ever lost unsaid.

    Raises:
        DatasetError: if no layout fits, the split is missing, or (without ``problems``) labels are broken.
        AnnotationError: if the file describing the data set cannot be read.
    """
    source = Path(path)
    if not source.exists():
        raise DatasetError(f"{source}: no such folder or file", "give the path of a data set")
    found = problems if problems is not None else Problems()
    dataset = _read(source, format_of(source, format), split, found)
    losses = found.losses()
    if problems is None and losses:
        raise DatasetError(
            f"{source}: {len(losses)} labels or scans cannot be read; the first: {losses[0]}",
            f"list them with: parcelsight dataset check {source}; "
            f"take what is sound with: parcelsight dataset convert {source} OUT --to native",
        )
    return dataset


def format_of(source: Path, format: str = AUTO) -> str:
    """The layout's name, recognised where it is ``auto``.

    Raises:
        DatasetError: if it is unknown or none fits.
    """
    if format == AUTO:
        return NATIVE if is_native(source) else detect(source)
    if format != NATIVE and format not in LAYOUTS:
        raise DatasetError(f"unknown data set format {format!r}", f"known: auto, native, {', '.join(LAYOUTS)}")
    return format


def list_splits(source: Path, format: str = AUTO) -> tuple[str, ...]:
    """The splits a data set tells of."""
    name = format_of(source, format)
    if name == NATIVE:
        return tuple(split for split in SPLIT_NAMES if source.is_dir() and (source / f"{split}.json").is_file())
    return LAYOUTS[name].list_splits(source)


def is_native(source: Path) -> bool:
    """True for a folder of our layout, or one of its files."""
    if source.is_dir():
        return any((source / name).is_file() for name in (ALL_SCANS, *(f"{split}.json" for split in SPLIT_NAMES)))
    return source.suffix == ".json" and (source.parent / "scans").is_dir()


def write_native(
    dataset: Dataset, folder: str | Path, copy: str = "link", splits: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write a data set in the native layout.

    Args:
        dataset: its pictures must exist.
        folder: where to; pictures come under ``scans/``.
        copy: ``link`` (symbolic links to the pictures) or ``copy``.
        splits: split name → scan ids.

    Raises:
        DatasetError: if a file cannot be written.
    """
    root = Path(folder)
    pictures = place_pictures(dataset, root, "scans", copy)
    write_labels(dataset, root, pictures)
    write_splits(dataset, root, splits or {}, pictures)


def write_labels(dataset: Dataset, root: Path, pictures: Mapping[str, list[str]], name: str = ALL_SCANS) -> None:
    """Write the labels of a data set, or of one split of it, into its folder."""
    coco.dump(coco.to_json(dataset, pictures), root / name)


def write_splits(
    dataset: Dataset, root: Path, splits: Mapping[str, Sequence[str]], pictures: Mapping[str, list[str]]
) -> None:
    """Write the JSON of each split beside the labels of all scans."""
    by_id = {record.scan_id: record for record in dataset}
    for split, members in splits.items():
        write_labels(dataset.with_records([by_id[scan_id] for scan_id in members]), root, pictures, f"{split}.json")


def relative_pictures(dataset: Dataset, root: Path) -> dict[str, list[str]]:
    """scan id → its files, relative to the data set folder they lie in."""
    return {record.scan_id: [file.relative_to(root).as_posix() for file in record.files] for record in dataset}


def place_pictures(dataset: Dataset, root: Path, under: str, copy: str) -> dict[str, list[str]]:
    """Link or copy every picture to ``root/under/<scan id><suffix>``.

    Returns:
        scan id → its files, relative to root.

    Raises:
        DatasetError: if a picture is missing or cannot be written.
        ScanError: if a link leads to something that is no picture.
    """
    placed: dict[str, list[str]] = {}
    for record in dataset:
        placed[record.scan_id] = names = [f"{under}/{name}" for name in _file_names(record)]
        for source, name in zip(record.files, names, strict=True):
            try:
                _place(source, root / name, copy)
            except OSError as error:
                raise DatasetError(
                    f"{source}: cannot be put into {root} ({error.strerror or error})", "check rights and space"
                ) from error
    return placed


def _file_names(record: Record) -> list[str]:
    stem = safe_stem(record.scan_id)
    if len(record.files) == 1:
        return [stem + record.files[0].suffix.lower()]
    return [f"{stem}_{energy}{file.suffix.lower()}" for energy, file in zip(("low", "high"), record.files, strict=True)]


def _place(source: Path, target: Path, copy: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    if os.path.realpath(source) != os.path.abspath(source):
        picture_size(source)  # a link in a foreign data set must not carry other files of this machine along
    if copy == "link":
        os.symlink(source.resolve(strict=True), target)
    else:
        shutil.copyfile(source, target)


def _read(source: Path, name: str, split: str | None, problems: Problems) -> Dataset:
    if name == NATIVE:
        return _read_native(source, split, problems)
    return LAYOUTS[name].read(source, problems, split)


def _read_native(source: Path, split: str | None, problems: Problems) -> Dataset:
    root, files = (source.parent, [source]) if source.is_file() else (source, _native_files(source, split))
    return coco.read_files({file: partial(coco.find_in, root, root) for file in files}, source, problems)


def _native_files(folder: Path, split: str | None) -> list[Path]:
    """The JSON of a split; of all scans where none is asked for."""
    wanted = ALL_SCANS if split is None else f"{split}.json"
    if (folder / wanted).is_file():
        return [folder / wanted]
    there = [folder / f"{name}.json" for name in SPLIT_NAMES if (folder / f"{name}.json").is_file()]
    if split is None and there:
        return there
    if split is None:
        raise AnnotationError(f"{folder}: holds no {ALL_SCANS}", "give a data set folder")
    names = ", ".join(file.stem for file in there) or "none"
    raise DatasetError(
        f"{folder}: has no split {split!r} (it has: {names})", f"make one with: parcelsight dataset split {folder}"
    )
