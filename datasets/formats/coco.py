"""COCO JSON, and the extras by which it is our native layout.

``{"info": …, "images": […], "annotations": […], "categories": […]}`` with boxes as x y width height.

COCO holds everything a data set knows: attributes other than COCO's own (``iscrowd``, ``segmentation``, ``area``)
stand under ``attributes``, as other annotation tools write them; unknown keys of an object are read as attributes.
Defaults (``iscrowd`` 0, ``area`` of the box, empty ``segmentation``) are not kept. Box corners survive to within one
unit in the last place, since the format stores sizes.

Our extras, each optional in reading: ``info.name``, ``info.licence``; for an image ``scan_id``, ``group``, and
``files`` (low, high) in place of ``file_name`` for a dual-energy pair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...detector.errors import AnnotationError, DatasetError
from ..annotations import Dataset, Record
from .coco_document import OWN_KEYS, FindPicture, parse
from .problems import Problems
from .sources import check_split, inside, read_json, write_text

_PICTURE_FOLDERS = ("images", "scans", "JPEGImages", "")
_NO_TEXT = re.compile("[\ud800-\udfff]")
_EVERY = "all"
_REST = "unsplit"
_NO_SPLITS = (_EVERY, _REST)
"""Names of files that hold no split: every scan, and the scans of no split."""


def annotation_files(folder: Path) -> dict[str, Path]:
    """Split name → COCO file of a folder: ``annotations/instances_train2017.json``, ``annotations/train.json``, …"""
    found = sorted((folder / "annotations").glob("*.json"))
    return {path.stem.removeprefix("instances_").rstrip("0123456789"): path for path in found}


def list_splits(source: Path) -> tuple[str, ...]:
    """The splits a folder tells of, by the names of its files."""
    return tuple(name for name in annotation_files(source) if name not in _NO_SPLITS) if source.is_dir() else ()


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read a COCO file, or a folder of them.

    Args:
        source: a JSON file; or a folder with ``annotations/*.json`` and pictures under ``images/`` or beside.
        problems: gathers what cannot be taken.
        split: one file of a folder, by its name; None takes all.

    Raises:
        AnnotationError: if a file is no COCO JSON.
        DatasetError: if the split or every file is missing.
    """
    files = {source.stem: source} if source.is_file() else annotation_files(source)
    if source.is_dir():
        files = chosen(files, split, source)
    root = _root_of(source) if source.is_file() else source
    return read_files({path: _finder(root, name) for name, path in files.items()}, source, problems)


def chosen(files: Mapping[str, Path], split: str | None, source: Path) -> dict[str, Path]:
    """The file of a split, or all of them.

    Raises:
        DatasetError: if there is none.
    """
    check_split(source, split, files)
    if not files:
        raise DatasetError(f"{source}: holds no COCO JSON", "put it under annotations/")
    return dict(files) if split is None else {split: files[split]}


def find_in(folder: Path, root: Path, name: str) -> Path:
    """The picture ``name`` in a folder of the data set ``root``. Raises AnnotationError where it leaves the folder."""
    return inside(folder, name, root)


def write(
    dataset: Dataset, folder: Path, splits: Mapping[str, Sequence[str]], pictures: Mapping[str, list[str]]
) -> None:
    """Write ``annotations/instances_<split>.json``, and ``instances_unsplit.json`` for scans of no split.

    Without splits there is one file, ``instances_all.json``.

    Args:
        dataset: what to write.
        folder: where to; the pictures are there already.
        splits: split name → scan ids.
        pictures: scan id → its files, relative to the folder.
    """
    by_id = {record.scan_id: record for record in dataset}
    placed = {scan_id for members in splits.values() for scan_id in members}
    rest = tuple(scan_id for scan_id in by_id if scan_id not in placed)
    for name, members in {**splits, **({_REST if splits else _EVERY: rest} if rest else {})}.items():
        part = dataset.with_records([by_id[scan_id] for scan_id in members])
        dump(to_json(part, pictures), folder / "annotations" / f"instances_{name}.json")


def dump(document: Mapping[str, Any], path: Path) -> None:
    """Write JSON, one image or object a line, so that versions can be compared."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            body = ",\n".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in value)
            lines.append(f"{json.dumps(key)}: [\n{body}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    # Bytes of file names that are no text: JSON can hold them escaped, UTF-8 cannot hold them at all.
    write_text(path, _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def to_json(dataset: Dataset, pictures: Mapping[str, list[str]]) -> dict[str, Any]:
    """The COCO document of a data set; ``pictures`` names the files of each scan id as they shall be written."""
    labels = list(dict.fromkeys([*dataset.labels, *(label for r in dataset for label in r.annotations.labels)]))
    ids = {label: i for i, label in enumerate(labels, start=1)}
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for image_id, record in enumerate(dataset, start=1):
        files = pictures[record.scan_id]
        image: dict[str, Any] = {"id": image_id, "width": record.width_px, "height": record.height_px}
        image |= {"file_name": files[0]} if len(files) == 1 else {"file_name": files[0], "files": files}
        images.append(image | {"scan_id": record.scan_id, "group": record.group})
        found = record.annotations
        for box, label, attributes in zip(found.xyxy_px.tolist(), found.labels, found.attributes, strict=True):
            entry = {"id": len(objects) + 1, "image_id": image_id, "category_id": ids[label]}
            objects.append(entry | _object_json(box, attributes))
    return {
        "info": {"name": dataset.name, "licence": dataset.licence},
        "categories": [{"id": i, "name": label} for label, i in ids.items()],
        "images": images,
        "annotations": objects,
    }


def _object_json(box: Sequence[float], attributes: Mapping[str, object]) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    own: dict[str, Any] = {
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": attributes.get("area", (x2 - x1) * (y2 - y1)),
        "iscrowd": attributes.get("iscrowd", 0),
        "segmentation": attributes.get("segmentation", []),
    }
    rest = {key: value for key, value in attributes.items() if key not in OWN_KEYS}
    return own | ({"attributes": rest} if rest else {})


def read_files(files: Mapping[Path, FindPicture], source: Path, problems: Problems) -> Dataset:
    """One data set of several files; of many, a broken one is set aside.

    Raises:
        AnnotationError: if no file can be read.
    """
    parts: list[Dataset] = []
    broken: list[AnnotationError] = []
    for path, find in files.items():
        try:
            parts.append(parse(read_json(path), path, find, problems))
        except AnnotationError as error:
            broken.append(error)
    if not parts:
        raise broken[0]
    for each in broken:
        problems.set_aside(source, each.message, each.remedy)
    return merge(parts, source, problems)


def merge(parts: Sequence[Dataset], source: Path, problems: Problems) -> Dataset:
    """One data set of several files; a scan id that means different things in two of them is set aside."""
    records: dict[str, Record] = {}
    ambiguous: set[str] = set()
    for record in (record for part in parts for record in part):
        first = records.setdefault(record.scan_id, record)
        if first is not record and not _same(first, record):
            ambiguous.add(record.scan_id)
    for scan_id in sorted(ambiguous):
        message = f"scan id {scan_id!r} has other labels or pictures in another file"
        problems.set_aside(source, message, "give every scan its own scan_id", scan_id)
        del records[scan_id]
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    return Dataset(parts[0].name, parts[0].licence, labels, tuple(records.values()))


def _same(one: Record, other: Record) -> bool:
    a, b = one.annotations, other.annotations
    return one.files == other.files and a.labels == b.labels and a.xyxy_px.tolist() == b.xyxy_px.tolist()


def _root_of(path: Path) -> Path:
    """The data set folder a lone COCO file belongs to."""
    return path.parent.parent if path.parent.name == "annotations" else path.parent


def _finder(root: Path, split: str) -> FindPicture:
    """Looks for pictures where COCO sets keep them: images/, images/<split>/, <split>/, <split>2017/, or the root."""
    folders = [root / folder for name in (split, "") for folder in _candidates(name)]
    folders += sorted(path for path in root.glob(f"{split}*") if path.is_dir())

    def find(name: str) -> Path:
        paths = [inside(folder, name, root) for folder in folders]
        return next((path for path in paths if path.is_file()), paths[-1])

    return find


def _candidates(split: str) -> list[str]:
    return [f"{folder}/{split}".strip("/") for folder in _PICTURE_FOLDERS]
