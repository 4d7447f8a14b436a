"""Pascal VOC: one XML file a picture, boxes as xmin ymin xmax ymax in pixels.

Corners are taken as written, without VOC's historical shift by one: X-ray sets in VOC hold fractions of pixels.
The XML is not trusted: document type declarations, and with them every entity, are refused.

VOC holds for each object: ``pose``, ``truncated``, ``difficult``, ``occluded``. It cannot hold other attributes,
groups, the data set's name and licence, or the order of classes (read in the order of their names). Boxes survive
exactly.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...detector.errors import AnnotationError, ScanError
from ..annotations import Annotations, Dataset, Record
from .objects import ObjectList, label_name, number, stated_size
from .problems import Problems
from .sources import check_split, group_scans, list_pictures, picture_size, read_text, write_text

_LABEL_FOLDERS = ("Annotations", "annotations", "Annotation", "annotations_voc", "labels")
_PICTURE_FOLDERS = ("JPEGImages", "JPEGImage", "images", "Images")
_SPLIT_FOLDERS = ("ImageSets/Main", "ImageSets", "ImageSet")
_FLAGS = ("truncated", "difficult", "occluded")
_DEFAULT_POSE = "Unspecified"


def label_folder(source: Path) -> Path | None:
    """The folder of XML files; the data set's own folder where they lie beside the pictures."""
    named = (source / name for name in (*_LABEL_FOLDERS, ""))
    return next((path for path in named if path.is_dir() and next(path.glob("*.xml"), None)), None)


def list_splits(source: Path) -> tuple[str, ...]:
    """The splits under ImageSets/Main."""
    return tuple(_split_files(source))


def read(
    source: Path, problems: Problems, split: str | None = None, threat_free: Callable[[str], bool] = lambda _: False
) -> Dataset:
    """Read a folder of XML files and their pictures.

    Args:
        source: the data set's folder.
        problems: gathers what cannot be taken.
        split: one of ``list_splits``; None takes all.
        threat_free: tells of a scan id whether a scan without XML is known to hold nothing; others are set aside.

    Raises:
        DatasetError: if the split is missing.
    """
    check_split(source, split, list_splits(source))
    folder = next((source / name for name in _PICTURE_FOLDERS if (source / name).is_dir()), source)
    scans = group_scans(folder, list_pictures(folder), problems)
    xml_folder = label_folder(source) or source
    labels = {
        path.relative_to(xml_folder).with_suffix("").as_posix(): path for path in sorted(xml_folder.rglob("*.xml"))
    }
    return join(source, scans, labels, problems, threat_free, _members(source, split))


def join(
    source: Path,
    scans: Mapping[str, tuple[Path, ...]],
    labels: Mapping[str, Path],
    problems: Problems,
    threat_free: Callable[[str], bool],
    members: set[str] | None = None,
) -> Dataset:
    """Bring scans and XML files together by their names.

    Args:
        source: the data set's folder.
        scans: scan id → pictures.
        labels: name of each XML file without suffix → the file.
        problems: gathers what cannot be taken.
        threat_free: as in ``read``.
        members: scan ids to take; None takes all.
    """
    left = dict(labels)
    records = []
    for scan_id, files in scans.items():
        path = left.pop(scan_id, None) or left.pop(Path(scan_id).name, None)
        if members is not None and not {scan_id, Path(scan_id).name} & members:
            continue
        record = _record(scan_id, files, path, problems, threat_free(scan_id))
        records += [record] if record else []
    for name, path in left.items():
        if members is None or name in members:
            problems.set_aside(path, "label file without a picture", "restore the picture, or delete it", name)
    used = sorted({label for record in records for label in record.annotations.labels})
    return Dataset(source.name, "not stated", tuple(used), tuple(records))


def _record(
    scan_id: str, files: tuple[Path, ...], path: Path | None, problems: Problems, threat_free: bool
) -> Record | None:
    """One labelled scan; None where it had to be set aside."""
    try:
        if path is None and not threat_free:
            raise AnnotationError("picture without a label file", "make its XML; without <object> if threat-free")
        root = parse_xml(path) if path else None
        size_px = _stated_size(root) or picture_size(files[0])
    except (AnnotationError, ScanError) as error:
        problems.set_aside(path or files[0], error.message, error.remedy, scan_id)
        return None
    annotations = _objects(root, ObjectList(scan_id, path, problems)) if root is not None else Annotations.empty()
    return None if annotations is None else Record(scan_id, files, *size_px, annotations, scan_id)


def write(
    dataset: Dataset, folder: Path, splits: Mapping[str, Sequence[str]], pictures: Mapping[str, list[str]]
) -> None:
    """Write Annotations/ and ImageSets/Main/ for pictures that are under JPEGImages/ already.

    Args:
        dataset: what to write.
        folder: where to.
        splits: split name → scan ids.
        pictures: scan id → its files, relative to the folder.
    """
    stems: dict[str, str] = {}
    for record in dataset:
        picture = Path(pictures[record.scan_id][0]).relative_to("JPEGImages")
        stem = picture.with_suffix("").as_posix()
        stems[record.scan_id] = stem = stem if len(record.files) == 1 else stem.removesuffix("_low")
        write_text(folder / "Annotations" / f"{stem}.xml", _to_xml(record, dataset.name, picture.name))
    for name, members in splits.items():
        write_text(folder / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{stems[m]}\n" for m in members))


def parse_xml(path: Path) -> ET.Element:
    """The root of an untrusted XML file.

    Raises:
        AnnotationError: if it cannot be read, is no XML, declares a document type, or is no <annotation>.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise AnnotationError("declares a document type, which labels never need", "delete its <!DOCTYPE …>")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise AnnotationError(f"not valid XML ({error})", "restore it, or write it again") from error
    if root.tag != "annotation":
        raise AnnotationError(f"no VOC labels: its root is <{root.tag[:40]}>, not <annotation>", "export Pascal VOC")
    return root


def _objects(root: ET.Element, taken: ObjectList) -> Annotations | None:
    for at, entry in enumerate(root.iter("object"), start=1):
        try:
            label = label_name(entry.findtext("name"))
            box = entry.find("bndbox")
            if box is None:
                raise ValueError("it has no <bndbox>")
            xyxy_px = [number(box.findtext(corner)) for corner in ("xmin", "ymin", "xmax", "ymax")]
        except ValueError as error:
            taken.drop(f"object {at}: {error}", "correct or delete this <object>")
            continue
        taken.add(xyxy_px, label, _attributes(entry))
    return taken.annotations()


def _attributes(entry: ET.Element) -> dict[str, object]:
    """Flags that are set, and a pose that says something."""
    found: dict[str, object] = {flag: 1 for flag in _FLAGS if (entry.findtext(flag) or "").strip() in ("1", "true")}
    pose = (entry.findtext("pose") or "").strip()
    return found | ({"pose": pose} if pose not in ("", _DEFAULT_POSE) else {})


def _stated_size(root: ET.Element | None) -> tuple[int, int] | None:
    return None if root is None else stated_size(root.findtext("size/width"), root.findtext("size/height"))


def _to_xml(record: Record, database: str, picture: str) -> str:
    root = ET.Element("annotation")
    _text(root, "filename", picture)
    _text(ET.SubElement(root, "source"), "database", database)
    size = ET.SubElement(root, "size")
    for tag, value in (("width", record.width_px), ("height", record.height_px), ("depth", 3)):
        _text(size, tag, str(value))
    found = record.annotations
    for box, label, attributes in zip(found.xyxy_px.tolist(), found.labels, found.attributes, strict=True):
        entry = ET.SubElement(root, "object")
        _text(entry, "name", label)
        _text(entry, "pose", str(attributes.get("pose", _DEFAULT_POSE)))
        for flag in _FLAGS:
            _text(entry, flag, "1" if attributes.get(flag) else "0")
        bounds = ET.SubElement(entry, "bndbox")
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            _text(bounds, corner, repr(value))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _split_files(source: Path) -> dict[str, Path]:
    for folder in _SPLIT_FOLDERS:
        found = {path.stem: path for path in sorted((source / folder).glob("*.txt"))}
        if found:
            return found
    return {}


def _members(source: Path, split: str | None) -> set[str] | None:
    """Scan ids of a split; None for all."""
    if split is None:
        return None
    lines = read_text(_split_files(source)[split], 1 << 28).splitlines()
    return {line.strip().removesuffix(".jpg") for line in lines if line.strip()}
