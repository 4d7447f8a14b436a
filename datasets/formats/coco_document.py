"""A COCO document as a data set: every image and object checked as it enters. The format is coco.py's."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Dataset, Record
from .objects import ObjectList, label_name, number, stated_size
from .problems import Problems
from .sources import picture_size

FindPicture = Callable[[str], Path]
"""The picture an image entry names. Raises AnnotationError where the name leaves the data set."""

_HUGE = 1e15
"""Integers of a JSON file can be larger than any float."""
OWN_KEYS = frozenset({"id", "image_id", "category_id", "bbox", "attributes", "area", "iscrowd", "segmentation"})


def parse(document: Any, source: Path, find: FindPicture, problems: Problems) -> Dataset:
    """The data set a COCO document tells of.

    Raises:
        AnnotationError: if it lacks the three lists.
    """
    fields = document if isinstance(document, dict) else {}
    lists = [part for key in ("images", "annotations", "categories") if isinstance(part := fields.get(key), list)]
    if len(lists) != 3:
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
    stated = fields.get("info")
    info = stated if isinstance(stated, dict) else {}
    name = str(info.get("name") or source.stem)
    unique = tuple(dict.fromkeys(labels.values()))
    return Dataset(name, str(info.get("licence") or "not stated"), unique, tuple(records))


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
    """Image entries whose id and scan id are their own; the objects of a shared id could belong to any of them."""
    by_id: dict[int | str, list[dict[str, Any]]] = {}
    for position, image in enumerate(images):
        try:
            by_id.setdefault(_key(image["id"]), []).append(image)
        except (KeyError, TypeError, ValueError):
            problems.set_aside(source, f"image {position + 1} has no id", "give it one", f"image {position + 1}")
    single: list[dict[str, Any]] = []
    for image_id, sharing in by_id.items():
        for image in sharing if len(sharing) > 1 else ():
            message = f"image id {image_id} occurs twice ({_scan_id(image)})"
            problems.set_aside(source, message, "give every image its own id", _scan_id(image))
        single += sharing if len(sharing) == 1 else []
    uses = Counter(_scan_id(image) for image in single)
    for scan_id in (scan_id for scan_id, count in uses.items() if count > 1):
        problems.set_aside(source, f"scan id {scan_id!r} occurs twice", "give every scan its own scan_id", scan_id)
    return [image for image in single if uses[_scan_id(image)] == 1]


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
    found: dict[str, object] = {key: value for key, value in entry.items() if key not in OWN_KEYS}
    extra = entry.get("attributes")
    found |= extra if isinstance(extra, dict) else {}
    for key, default in (("iscrowd", 0), ("segmentation", []), ("area", None)):
        value = entry.get(key, default)
        if value not in (default, None):
            found[key] = value
    area = found.get("area")
    if isinstance(area, int | float) and 0 <= area < _HUGE and abs(area - box_area) <= 1e-6 * abs(box_area):
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
    if not isinstance(name, str) or not name.strip():
        return f"image {image['id']}"
    return posixpath.splitext(posixpath.normpath(name.replace("\\", "/")))[0]


def _size(image: dict[str, Any], file: Path) -> tuple[int, int]:
    """The size the entry states; else the picture's own."""
    if not file.is_file():
        raise ScanError(f"{file}: no such picture", "restore the file, or delete its labels")
    return stated_size(image.get("width"), image.get("height")) or picture_size(file)
