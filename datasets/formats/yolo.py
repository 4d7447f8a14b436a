"""YOLO: ``data.yaml`` with the class names, and one text file a picture with ``class cx cy width height`` lines.

Numbers are relative to the picture's size. ``images`` in a picture's path becomes ``labels`` in its label file's. An
empty label file is a threat-free scan; a picture without one is set aside, for nobody has said what it holds.
Polygons (``class x y x y x y …``) are read as their box, and kept as the attribute ``segmentation``.

YOLO cannot hold: attributes, groups, polygons beside boxes. Name and licence are kept as extra keys of data.yaml.
Boxes survive to within 1e-9 of the picture's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ...detector.errors import AnnotationError, DatasetError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number
from .problems import Problems
from .sources import check_split, group_scans, inside, list_pictures, picture_size, read_text, read_yaml, write_text

_SPLIT_KEYS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_MOST_RELATIVE = 2.0
"""Coordinates beyond this are pixels by mistake, not boxes that reach outside."""


def find_yaml(source: Path) -> Path | None:
    """The file that describes a YOLO data set."""
    if source.is_file():
        return source if source.suffix in (".yaml", ".yml") else None
    return next((source / name for name in _NAMES if (source / name).is_file()), None)


def list_splits(source: Path) -> tuple[str, ...]:
    """The splits data.yaml tells of and whose pictures are there."""
    described = _describe(source)
    return tuple(split for split in _SPLIT_KEYS if _split_pictures(described, split))


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read a folder with data.yaml, or that file.

    Raises:
        AnnotationError: if data.yaml is broken.
        DatasetError: if it names no pictures that are there, or not the split.
    """
    root, described = _describe(source)
    names = _class_names(described, root, problems)
    listed = {path for each in _SPLIT_KEYS for path in _split_pictures((root, described), each)}
    # Pictures beside listed ones belong to the set though to no split.
    everything = {path for folder in {path.parent for path in listed} or {root} for path in list_pictures(folder)}
    chosen = everything if split is None else set(_split_pictures((root, described), split))
    if not chosen:
        check_split(source, split, list_splits(source))
    # Ids are given over all splits, so that a scan has the same id in each reading.
    scans = group_scans(root, sorted(everything), problems)
    wanted = {scan_id: files for scan_id, files in scans.items() if files[0] in chosen}
    records = [record for scan in wanted.items() if (record := _record(*scan, root, names, problems)) is not None]
    _tell_orphans(root, {_label_file(files, root) for files in scans.values()}, problems)
    labels = tuple(dict.fromkeys(name for _, name in sorted(names.items())))
    return Dataset(
        str(described.get("name") or root.name), str(described.get("licence") or "not stated"), labels, tuple(records)
    )


def write(
    dataset: Dataset, folder: Path, splits: Mapping[str, Sequence[str]], pictures: Mapping[str, list[str]]
) -> None:
    """Write data.yaml and labels/ for pictures that are under images/ already.

    Args:
        dataset: what to write.
        folder: where to.
        splits: split name → scan ids; each becomes a list of pictures ``<split>.txt``.
        pictures: scan id → its files, relative to the folder.
    """
    labels = list(dict.fromkeys([*dataset.labels, *(label for r in dataset for label in r.annotations.labels)]))
    ids = {label: i for i, label in enumerate(labels)}
    for record in dataset:
        write_text(_label_file(tuple(folder / name for name in pictures[record.scan_id]), folder), _lines(record, ids))
    entries: dict[str, str] = {name: f"{name}.txt" for name in splits} or {"train": "images"}
    for name, members in splits.items():
        listed = "".join(f"./{file}\n" for scan_id in members for file in pictures[scan_id])
        write_text(folder / f"{name}.txt", listed)
    described: dict[str, Any] = entries | {"names": dict(enumerate(labels))}
    described |= {"name": dataset.name, "licence": dataset.licence}
    write_text(folder / "data.yaml", yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=1000))


def _lines(record: Record, ids: Mapping[str, int]) -> str:
    lines = []
    for (x1, y1, x2, y2), label in zip(record.annotations.xyxy_px.tolist(), record.annotations.labels, strict=True):
        width, height = record.width_px, record.height_px
        cx, cy = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
        lines.append(f"{ids[label]} {cx!r} {cy!r} {(x2 - x1) / width!r} {(y2 - y1) / height!r}\n")
    return "".join(lines)


def _describe(source: Path) -> tuple[Path, Mapping[str, Any]]:
    """The data set's folder and what its data.yaml says."""
    path = find_yaml(source)
    if path is None:
        raise DatasetError(f"{source}: holds no data.yaml", "write one with names: and train:")
    return path.parent, read_yaml(path)


def _class_names(described: Mapping[str, Any], root: Path, problems: Problems) -> dict[int, str]:
    """Class id → name.

    Raises:
        AnnotationError: if names is missing or no list or mapping.
    """
    names = described.get("names")
    if not isinstance(names, list | dict):
        raise AnnotationError(f"{root}/data.yaml: names must list the classes", "write names: [pistol, …]")
    found: dict[int, str] = {}
    for key, value in names.items() if isinstance(names, dict) else enumerate(names):
        try:
            found[int(key)] = label_name(str(value))
        except (ValueError, TypeError):
            problems.note(f"{root}/data.yaml", f"names: class {key!r} is broken", "write one line of text a class")
    count = described.get("nc")
    if isinstance(count, int) and count != len(names):
        problems.note(f"{root}/data.yaml", f"nc is {count}, but names has {len(names)}", "correct nc, or leave it out")
    return found


def _split_pictures(described: tuple[Path, Mapping[str, Any]], split: str) -> list[Path]:
    """Pictures of a split: by data.yaml, or where YOLO sets usually keep them."""
    root, entries = described
    for key in _SPLIT_KEYS.get(split, (split,)):
        value = entries.get(key)
        for entry in value if isinstance(value, list) else [value] if value else []:
            places = _resolve(root, str(entries.get("path") or ""), str(entry))
            found = [picture for place in places for picture in _pictures_at(place, root)]
            if found:
                return found
        for place in (root / "images" / key, root / key / "images"):
            if place.is_dir():
                return list_pictures(place)
    return []


def _resolve(root: Path, base: str, entry: str) -> list[Path]:
    """Where an entry may point: tools write it relative to data.yaml, to ``path``, or one folder too high."""
    found = []
    for text in (f"{base}/{entry}" if base else entry, entry, entry.removeprefix("../")):
        try:
            place = inside(root, text, f"{root}/data.yaml")
        except AnnotationError:
            continue  # Paths of the machine that wrote it mean nothing here; the usual places are tried next.
        if place.exists():
            found.append(place)
            break
    return found


def _pictures_at(place: Path, root: Path) -> list[Path]:
    if place.is_dir():
        return list_pictures(place)
    names = [line.strip() for line in read_text(place, 1 << 28).splitlines()]
    return [path for name in names if name and (path := inside(root, name.removeprefix("./"), place)).is_file()]


def _label_file(files: tuple[Path, ...], root: Path) -> Path:
    """labels/x.txt for images/x.jpg, or labels_<anything>/ where that is the name; else beside the picture."""
    picture = files[0]
    stem = picture.stem if len(files) == 1 else picture.stem.removesuffix("_low").removesuffix("_LOW")
    parts = list(picture.relative_to(root).parts[:-1])
    if "images" in parts:
        at = len(parts) - 1 - parts[::-1].index("images")
        above = root.joinpath(*parts[:at])
        named = above / "labels"
        others = [] if named.is_dir() else sorted(path for path in above.glob("labels*") if path.is_dir())
        return (others[0] if others else named).joinpath(*parts[at + 1 :], f"{stem}.txt")
    return picture.with_name(f"{stem}.txt")


def _record(
    scan_id: str, files: tuple[Path, ...], root: Path, names: Mapping[int, str], problems: Problems
) -> Record | None:
    """One labelled scan; None where it had to be set aside."""
    path = _label_file(files, root)
    try:
        if not path.exists():
            raise AnnotationError(f"{files[0]}: no label file {path.name}", "make it; empty for a threat-free scan")
        width_px, height_px = picture_size(files[0])
        lines = read_text(path).splitlines()
    except (AnnotationError, ScanError) as error:
        problems.set_aside(path, error.message, error.remedy, scan_id)
        return None
    annotations = _objects(lines, (width_px, height_px), names, ObjectList(scan_id, path, problems))
    return None if annotations is None else Record(scan_id, files, width_px, height_px, annotations, scan_id)


def _objects(
    lines: Iterable[str], size_px: tuple[int, int], names: Mapping[int, str], taken: ObjectList
) -> Annotations | None:
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            class_id, *values = (number(part) for part in line.split())
            _check_values(class_id, values, names)
        except ValueError as error:
            taken.drop(f"line {at}: {error}", "write: class cx cy width height, relative to the picture")
            continue
        box, attributes = _box_px(values, size_px)
        taken.add(box, names[int(class_id)], attributes)
    return taken.annotations()


def _check_values(class_id: float, values: Sequence[float], names: Mapping[int, str]) -> None:
    if class_id not in names:
        raise ValueError(f"unknown class id {class_id:g} (data.yaml names {len(names)})")
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise ValueError(f"{len(values)} numbers after the class, neither a box (4) nor a polygon (6, 8, …)")
    if max(abs(value) for value in values) > _MOST_RELATIVE:
        raise ValueError("numbers are not relative to the picture (0…1)")


def _box_px(values: Sequence[float], size_px: tuple[int, int]) -> tuple[tuple[float, ...], dict[str, object]]:
    """(x1, y1, x2, y2) in pixels, and the polygon where it was one."""
    width, height = size_px
    if len(values) == 4:
        cx, cy, w, h = values
        return ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height), {}
    xs, ys = [x * width for x in values[0::2]], [y * height for y in values[1::2]]
    polygon = [value for point in zip(xs, ys, strict=True) for value in point]
    return (min(xs), min(ys), max(xs), max(ys)), {"segmentation": [polygon]}


def _tell_orphans(root: Path, known: set[Path], problems: Problems) -> None:
    """Label files without a picture."""
    for folder in {path.parent for path in known}:
        for path in sorted(folder.glob("*.txt")) if folder.name.startswith("labels") or folder != root else ():
            if path not in known and path.name not in ("classes.txt", "train.txt", "val.txt", "test.txt"):
                problems.set_aside(path, "label file without a picture", "restore the picture, or delete it", path.stem)
