"""STCray as published (Velayudhan et al., CVPR 2025): a folder a class, labels in LabelMe JSON.

``STCray_TrainSet/Images/Class 2_Gun/X.jpg`` with ``STCray_TrainSet/Json_BB/Class 2_Gun/X.json``, likewise
``STCray_TestSet``. ``shapes`` lists ``label`` with the two corners of a rectangle. Only the folder "Non Threat" has no
label files. (The set's own read-me and public loaders of it.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number
from .problems import Problems
from .sources import check_split, group_scans, list_pictures, picture_size, read_json

_FOLDERS = {"train": "STCray_TrainSet", "test": "STCray_TestSet"}
_THREAT_FREE = "non threat"


def fits(source: Path) -> bool:
    """True where a published folder of the set is there."""
    return bool(list_splits(source))


def list_splits(source: Path) -> tuple[str, ...]:
    """``train`` and ``test``, where they are there."""
    return tuple(split for split, folder in _FOLDERS.items() if (source / folder / "Images").is_dir())


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read the set, or one split of it.

    Raises:
        DatasetError: if the split is missing.
    """
    there = list_splits(source)
    check_split(source, split, there)
    pictures = {each: list_pictures(source / _FOLDERS[each] / "Images") for each in there}
    scans = group_scans(source, [path for paths in pictures.values() for path in paths], problems)
    chosen = {path for each in there if split in (None, each) for path in pictures[each]}
    records = [
        record
        for scan_id, files in scans.items()
        if files[0] in chosen and (record := _record(scan_id, files, problems)) is not None
    ]
    used = sorted({label for record in records for label in record.annotations.labels})
    return Dataset(source.name, "not stated", tuple(used), tuple(records))


def _record(scan_id: str, files: tuple[Path, ...], problems: Problems) -> Record | None:
    folder = files[0].parent
    path = folder.parent.with_name("Json_BB") / folder.name / f"{files[0].stem}.json"
    try:
        size_px = picture_size(files[0])
        known_free = not path.exists() and _THREAT_FREE in folder.name.lower().replace("_", " ").replace("-", " ")
        shapes = [] if known_free else _shapes(path)
    except (AnnotationError, ScanError) as error:
        problems.set_aside(path, error.message, error.remedy, scan_id)
        return None
    annotations = _objects(shapes, ObjectList(scan_id, path, problems))
    return None if annotations is None else Record(scan_id, files, *size_px, annotations, scan_id)


def _shapes(path: Path) -> list[Any]:
    document = read_json(path)
    shapes = document.get("shapes") if isinstance(document, dict) else None
    if not isinstance(shapes, list):
        raise AnnotationError("no LabelMe labels: shapes must be a list", "restore the file")
    return shapes


def _objects(shapes: list[Any], taken: ObjectList) -> Annotations | None:
    for at, shape in enumerate(shapes, start=1):
        try:
            label = label_name(shape["label"])
            points = [(number(x), number(y)) for x, y in shape["points"]]
            if len(points) < 2:
                raise ValueError(f"{label} has fewer than two points")
        except (KeyError, TypeError, ValueError) as error:
            taken.drop(f"shape {at}: {error}", "draw it again, or delete it")
            continue
        xs, ys = [x for x, _ in points], [y for _, y in points]
        taken.add((min(xs), min(ys), max(xs), max(ys)), label, {})
    return taken.annotations()
