"""GDXray's baggage series as published (Mery et al., JNDE 2015): grey pictures, a folder a series.

``B0046/B0046_0001.png`` … with ``ground_truth.txt`` in the series' folder where it has boxes: a line
``picture x1 x2 y1 y2`` for each. The files do not say what a box holds; the paper's table of series does for those
below. Scans of other series are set aside, for a box of unknown kind can be neither a threat nor benign. A series is
one object turning before the camera, so it is the group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, number
from .problems import Problems
from .sources import check_split, group_scans, list_pictures, picture_size, read_text

_ID = re.compile(r"^(?P<series>B\d{4})_(?P<number>\d{4})$")
_BOX_FILE = "ground_truth.txt"

SERIES: Mapping[str, str] = {
    "B0008": "knife",
    "B0049": "handgun",
    "B0050": "shuriken",
    "B0051": "razor_blade",
}
"""Series that show one kind of object alone."""
_THREAT_FREE = frozenset({"knife", "shuriken", "razor_blade"})
"""Kinds that are no threat of the taxonomy: their scans are usable without boxes."""


def fits(source: Path) -> bool:
    """True for a folder whose pictures are named like GDXray's baggage series."""
    first = next(source.rglob("B*_*.png"), None) if source.is_dir() else None
    return first is not None and _ID.match(first.stem) is not None


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read every series under a folder. The set is published without splits."""
    check_split(source, split, ())
    scans = group_scans(source, list_pictures(source), problems)
    boxes: dict[Path, dict[int, list[list[float]]] | AnnotationError | None] = {}
    records: list[Record] = []
    for scan_id, files in scans.items():
        folder = files[0].parent
        if folder not in boxes:
            boxes[folder] = _boxes_of(folder)
        record = _record(scan_id, files, boxes[folder], problems)
        records += [record] if record else []
    return Dataset(source.name, "not stated", tuple(dict.fromkeys(SERIES.values())), tuple(records))


def _boxes_of(folder: Path) -> dict[int, list[list[float]]] | AnnotationError | None:
    """Picture number → boxes (x1, y1, x2, y2); the error where the file is broken; None where there is none."""
    path = folder / _BOX_FILE
    if not path.exists():
        return None
    found: dict[int, list[list[float]]] = {}
    try:
        for line in read_text(path).splitlines():
            if line.strip():
                picture, x1, x2, y1, y2 = (number(word) for word in line.split())
                found.setdefault(int(picture), []).append([x1, y1, x2, y2])
    except ValueError as error:
        return AnnotationError(f"{path}: {error}", "write a line for each box: picture x1 x2 y1 y2")
    except AnnotationError as error:
        return error
    return found


def _record(
    scan_id: str,
    files: tuple[Path, ...],
    boxes: dict[int, list[list[float]]] | AnnotationError | None,
    problems: Problems,
) -> Record | None:
    match = _ID.match(files[0].stem)
    kind = SERIES.get(match["series"]) if match else None
    try:
        if match is None or kind is None:
            raise AnnotationError(f"{files[0]}: its series does not say what it shows", "label it as COCO, YOLO or VOC")
        if isinstance(boxes, AnnotationError):
            raise boxes
        own = (boxes or {}).get(int(match["number"]), [])
        if not own and kind not in _THREAT_FREE:
            raise AnnotationError(f"{files[0]}: shows a {kind} without a box", f"restore {_BOX_FILE} of its series")
        size_px = picture_size(files[0])
    except (AnnotationError, ScanError) as error:
        problems.set_aside(files[0], error.message, error.remedy, scan_id)
        return None
    taken = ObjectList(scan_id, files[0].parent / _BOX_FILE, problems)
    for box in own:
        taken.add(box, kind, {})
    annotations: Annotations | None = taken.annotations()
    return None if annotations is None else Record(scan_id, files, *size_px, annotations, match["series"])
