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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...detector.errors import AnnotationError, DatasetError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number
from .problems import Problems
from .sources import check_split, inside, picture_size, read_json, write_text

FindPicture = Callable[[str], Path]
"""The picture an image entry names. Raises AnnotationError where the name leaves the data set."""

_OWN_KEYS = frozenset({"id", "image_id", "category_id", "bbox", "attributes", "area", "iscrowd", "segmentation"})
_PICTURE_FOLDERS = ("images", "scans", "JPEGImages", "")


def annotation_files(folder: Path) -> dict[str, Path]:
    """Split name → COCO file of a folder: ``annotations/instances_train2017.json``, ``annotations/train.json``, …"""
    found = sorted((folder / "annotations").glob("*.json"))
    return {path.stem.removeprefix("instances_").rstrip("0123456789"): path for path in found}


def list_splits(source: Path) -> tuple[str, ...]:
    """The splits a folder tells of, by the names of its files."""
    return tuple(annotation_files(source)) if source.is_dir() else ()


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
    """Write ``annotations/instances_<split>.json``, or ``instances_all.json`` where there are no splits.

    Args:
        dataset: what to write.
        folder: where to; the pictures are there already.
        splits: split name → scan ids.
        pictures: scan id → its files, relative to the folder.
    """
    by_id = {record.scan_id: record for record in dataset}
    for name, members in (splits or {"all": tuple(by_id)}).items():
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
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


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
    rest = {key: value for key, value in attributes.items() if key not in _OWN_KEYS}
    return own | ({"attributes": rest} if rest else {})


def parse(document: Any, source: Path, find: FindPicture, problems: Problems) -> Dataset:
    """The data set a COCO document tells of.

    Raises:
        AnnotationError: if it lacks the three lists.
    """
    lists = [
        document.get(key) if isinstance(document, dict) else None for key in ("images", "annotations", "categories")
    ]
    if not all(isinstance(part, list) for part in lists):
        raise AnnotationError(
            f"{source}: no COCO JSON: images, annotations and categories must each be a list",
            "export the labels as COCO detection JSON",
        )
    images, objects, categories = lists
    labels = _labels(categories, source, problems)
    by_image = _objects_by_image(objects, images, source, problems)
    records = [
        record
        for image in _unambiguous(images, source, problems)
        if (record := _record(image, by_image.get(image["id"], []), labels, source, find, problems)) is not None
    ]
    info = document.get("info") if isinstance(document.get("info"), dict) else {}
    name = str(info.get("name") or source.stem)
    unique = tuple(dict.fromkeys(labels.values()))
    return Dataset(name, str(info.get("licence") or "not stated"), unique, tuple(records))


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
    for error in broken:
        problems.set_aside(source, error.message, error.remedy)
    return merge(parts, source, problems)


def merge(parts: Sequence[Dataset], source: Path, problems: Problems) -> Dataset:
    """One data set of several files; a scan id that comes twice is taken once, and told if its labels differ."""
    records: dict[str, Record] = {}
    for record in (record for part in parts for record in part):
        first = records.setdefault(record.scan_id, record)
        if first is not record and not _same_labels(first.annotations, record.annotations):
            problems.note(
                source,
                f"scan id {record.scan_id!r} occurs twice with other labels; the first is taken",
                "give every scan its own id",
                record.scan_id,
            )
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    return Dataset(parts[0].name, parts[0].licence, labels, tuple(records.values()))


def _same_labels(one: Annotations, other: Annotations) -> bool:
    return one.labels == other.labels and one.xyxy_px.tolist() == other.xyxy_px.tolist()


def _labels(categories: Iterable[Any], source: Path, problems: Problems) -> dict[object, str]:
    """Category id → label; an id that names two classes names none."""
    labels: dict[object, str] = {}
    ambiguous: set[object] = set()
    for position, category in enumerate(categories):
        try:
            key = _key(category["id"])
            name = label_name(category["name"])
        except (KeyError, TypeError, ValueError) as error:
            problems.note(source, f"category {position + 1} is broken ({error})", "give it an id and a name")
            continue
        if labels.setdefault(key, name) != name:
            ambiguous.add(key)
            problems.note(source, f"category id {key} names two classes", "give each class its own id")
    return {key: name for key, name in labels.items() if key not in ambiguous}


def _key(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("its id is neither a number nor text")
    return value


def _unambiguous(images: Iterable[Any], source: Path, problems: Problems) -> list[dict[str, Any]]:
    """Image entries that have an id of their own; the objects of a shared id could belong to any of them."""
    by_id: dict[int | str, list[dict[str, Any]]] = {}
    for position, image in enumerate(images):
        try:
            by_id.setdefault(_key(image["id"]), []).append(image)
        except (KeyError, TypeError, ValueError):
            problems.set_aside(source, f"image {position + 1} has no id", "give it one", f"image {position + 1}")
    for image_id, sharing in by_id.items():
        for image in sharing if len(sharing) > 1 else ():
            problems.set_aside(
                source,
                f"image id {image_id} occurs twice ({_scan_id(image)})",
                "give every image its own id",
                _scan_id(image),
            )
    return [sharing[0] for sharing in by_id.values() if len(sharing) == 1]


def _objects_by_image(
    objects: Iterable[Any], images: Iterable[Any], source: Path, problems: Problems
) -> dict[object, list[dict[str, Any]]]:
    """Image id → its objects; those of no image are dropped."""
    known = {image["id"] for image in images if isinstance(image, dict) and isinstance(image.get("id"), int | str)}
    found: dict[object, list[dict[str, Any]]] = {}
    seen: set[object] = set()
    for position, entry in enumerate(objects):
        image_id = entry.get("image_id") if isinstance(entry, dict) else None
        if not isinstance(image_id, int | str) or image_id not in known:
            problems.drop(
                source, f"annotation {position + 1} belongs to no image", "correct its image_id, or delete it"
            )
            continue
        own_id = entry.get("id")
        if isinstance(own_id, int | str):
            if own_id in seen:
                problems.note(source, f"annotation id {own_id} occurs twice", "give every annotation its own id")
            seen.add(own_id)
        found.setdefault(image_id, []).append(entry)
    return found


def _record(
    image: dict[str, Any],
    objects: Iterable[dict[str, Any]],
    labels: Mapping[object, str],
    source: Path,
    find: FindPicture,
    problems: Problems,
) -> Record | None:
    """One labelled scan; None where it had to be set aside."""
    scan_id = _scan_id(image)
    try:
        files = tuple(find(name) for name in _file_names(image))
        width_px, height_px = _size(image, files[0])
    except (AnnotationError, ScanError) as error:
        problems.set_aside(source, error.message, error.remedy, scan_id)
        return None
    taken = ObjectList(scan_id, source, problems)
    for entry in objects:
        _take(entry, labels, taken)
    annotations = taken.annotations()
    if annotations is None:
        return None
    group = image.get("group")
    return Record(scan_id, files, width_px, height_px, annotations, group if isinstance(group, str) else scan_id)


def _take(entry: dict[str, Any], labels: Mapping[object, str], taken: ObjectList) -> None:
    name = f"annotation {entry.get('id', '?')}"
    category = entry.get("category_id")
    label = labels.get(category) if isinstance(category, int | str) else None
    if label is None:
        taken.drop(f"{name}: unknown class id {category!r}", "add the class to categories, or correct category_id")
        return
    try:
        x, y, width, height = (number(v) for v in entry["bbox"])
    except (KeyError, TypeError, ValueError) as error:
        taken.drop(f"{name} ({label}): bbox is no x, y, width, height ({error})", "correct or delete it")
        return
    taken.add((x, y, x + width, y + height), label, _attributes(entry, width * height))


def _attributes(entry: dict[str, Any], box_area: float) -> dict[str, object]:
    found: dict[str, object] = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    extra = entry.get("attributes")
    found |= extra if isinstance(extra, dict) else {}
    for key, default in (("iscrowd", 0), ("segmentation", []), ("area", None)):
        value = entry.get(key, default)
        if value not in (default, None):
            found[key] = value
    area = found.get("area")
    if isinstance(area, int | float) and abs(area - box_area) <= 1e-6 * abs(box_area):
        del found["area"]
    return found


def _file_names(image: dict[str, Any]) -> list[str]:
    files = image.get("files", [image.get("file_name")])
    if not isinstance(files, list) or len(files) not in (1, 2) or not all(isinstance(name, str) for name in files):
        raise AnnotationError(
            f"image {image['id']}: names no picture", "give file_name, or files: [low, high] of a dual-energy scan"
        )
    return files


def _scan_id(image: dict[str, Any]) -> str:
    given = image.get("scan_id")
    if isinstance(given, str) and given.strip():
        return given
    name = image.get("file_name")
    return (
        Path(name.replace("\\", "/")).with_suffix("").as_posix()
        if isinstance(name, str) and name
        else f"image {image['id']}"
    )


def _size(image: dict[str, Any], file: Path) -> tuple[int, int]:
    """The size the entry states; else the picture's own."""
    if not file.is_file():
        raise ScanError(f"{file}: no such picture", "restore the file, or delete its labels")
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return picture_size(file)


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
