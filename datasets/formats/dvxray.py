"""DvXray as published (Ma et al., TIFS 2024): two views of each bag, labels in one small JSON a bag.

``DvXray_Positive_Samples/P00001.json`` beside ``P00001_OL.png`` (top view) and ``P00001_SD.png`` (side view), likewise
``DvXray_Negative_Samples``. ``objects`` lists ``label`` with a box for each view, ``ol_bb`` and ``sd_bb``, as two
corners, or the word "difficult" where the annotators could not draw one; it is the string "None" for a clean bag.

An object without a box is there all the same: such a view is set aside rather than taken as threat-free.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number
from .problems import Problems
from .sources import check_split, picture_size, read_json

_VIEWS = {"OL": "ol_bb", "SD": "sd_bb"}
_NO_BOX = "difficult"


def fits(source: Path) -> bool:
    """True for a folder that holds bags of two views with their JSON."""
    if not source.is_dir():
        return False
    first = next(source.rglob("*_OL.png"), None)
    return first is not None and first.with_name(f"{bag_of(first.stem)}.json").is_file()


def bag_of(scan_id: str) -> str:
    """The bag a view shows: P00001_OL → P00001."""
    return scan_id.rpartition("_")[0] or scan_id


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read every bag's two views as two scans of one group. The set is published without splits."""
    check_split(source, split, ())
    records: list[Record] = []
    for path in sorted(source.rglob("*.json")):
        try:
            objects = _listed(path)
        except AnnotationError as error:
            for view in _VIEWS:
                problems.set_aside(path, error.message, error.remedy, f"{path.stem}_{view}")
            continue
        for view, key in _VIEWS.items():
            record = _record(path, view, [_one_view(entry, key) for entry in objects], problems)
            records += [record] if record else []
    used = sorted({label for record in records for label in record.annotations.labels})
    return Dataset(source.name, "not stated", tuple(used), tuple(records))


def _listed(path: Path) -> list[Any]:
    document = read_json(path)
    objects = document.get("objects") if isinstance(document, dict) else None
    if objects in ("None", None) and isinstance(document, dict) and "objects" in document:
        return []
    if not isinstance(objects, list):
        raise AnnotationError("no DvXray labels: objects must be a list", "restore the file")
    return objects


def _one_view(entry: Any, key: str) -> tuple[object, object]:
    """(label, box) of an object in one view."""
    return (entry.get("label"), entry.get(key)) if isinstance(entry, dict) else (None, None)


def _record(path: Path, view: str, objects: Iterable[tuple[object, object]], problems: Problems) -> Record | None:
    scan_id = f"{path.stem}_{view}"
    picture = path.with_name(f"{scan_id}.png")
    try:
        size_px = picture_size(picture)
    except ScanError as error:
        problems.set_aside(picture, error.message, error.remedy, scan_id)
        return None
    annotations = _objects(objects, ObjectList(scan_id, path, problems))
    return None if annotations is None else Record(scan_id, (picture,), *size_px, annotations, path.stem)


def _objects(objects: Iterable[tuple[object, object]], taken: ObjectList) -> Annotations | None:
    for at, (label, box) in enumerate(objects, start=1):
        try:
            name = label_name(label)
            if box == _NO_BOX:
                raise ValueError(f"{name} is there, but too hidden for a box")
            if not isinstance(box, list) or len(box) != 4:
                raise ValueError(f"{name} has no box")
            x1, y1, x2, y2 = (number(value) for value in box)
        except ValueError as error:
            taken.drop(f"object {at}: {error}", "draw its box, or leave the scan out")
            continue
        # The corners come in any order.
        taken.add((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), name, {})
    return taken.annotations()
