"""OPIXray and HiXray as published: a line ``picture class x1 y1 x2 y2`` for each object, in pixels.

``train/train_image/X.jpg`` with ``train/train_annotation/X.txt``, likewise for test; the lists ``train_knife.txt`` and
the like beside them repeat the file names and are not needed. (The read-me files of both projects and their loaders.)
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number
from .problems import Problems
from .sources import check_split, group_scans, list_pictures, picture_size, read_text

OPIXRAY = ("Folding_Knife", "Straight_Knife", "Scissor", "Utility_Knife", "Multi-tool_Knife")
HIXRAY = (
    "Portable_Charger_1",
    "Portable_Charger_2",
    "Water",
    "Laptop",
    "Mobile_Phone",
    "Tablet",
    "Cosmetic",
    "Nonmetallic_Lighter",
)
_SPLITS = ("train", "test")


def fits(source: Path, labels: tuple[str, ...]) -> bool:
    """True where the first label file speaks of this set's classes."""
    for split in list_splits(source):
        first = next(_part(source, split, "annotation").glob("*.txt"), None)
        if first is not None:
            try:
                words = read_text(first).split()
            except AnnotationError:
                return False
            return len(words) > 1 and words[1] in labels
    return False


def list_splits(source: Path) -> tuple[str, ...]:
    """``train`` and ``test``, where they are there."""
    return tuple(split for split in _SPLITS if _part(source, split, "annotation").is_dir())


def read(source: Path, problems: Problems, split: str | None, labels: tuple[str, ...]) -> Dataset:
    """Read the set, or one split of it.

    Raises:
        DatasetError: if the split is missing.
    """
    there = list_splits(source)
    check_split(source, split, there)
    pictures = {each: list_pictures(_part(source, each, "image")) for each in there}
    scans = group_scans(source, [path for paths in pictures.values() for path in paths], problems)
    chosen = {path for each in there if split in (None, each) for path in pictures[each]}
    records = [
        record
        for scan_id, files in scans.items()
        if files[0] in chosen and (record := _record(scan_id, files, problems)) is not None
    ]
    return Dataset(source.name, "not stated", labels, tuple(records))


def _part(source: Path, split: str, what: str) -> Path:
    return source / split / f"{split}_{what}"


def _record(scan_id: str, files: tuple[Path, ...], problems: Problems) -> Record | None:
    folder = files[0].parent
    path = folder.with_name(folder.name.replace("_image", "_annotation")) / f"{files[0].stem}.txt"
    try:
        lines = read_text(path).splitlines()
        size_px = picture_size(files[0])
    except (AnnotationError, ScanError) as error:
        problems.set_aside(path, error.message, error.remedy, scan_id)
        return None
    annotations = _objects(lines, ObjectList(scan_id, path, problems))
    return None if annotations is None else Record(scan_id, files, *size_px, annotations, scan_id)


def _objects(lines: Iterable[str], taken: ObjectList) -> Annotations | None:
    for at, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        try:
            if len(words) != 6:
                raise ValueError(f"{len(words)} words, not six")
            label, box = label_name(words[1]), [number(word) for word in words[2:]]
        except ValueError as error:
            taken.drop(f"line {at}: {error}", "write: picture class x1 y1 x2 y2")
            continue
        taken.add(box, label, {})
    return taken.annotations()
