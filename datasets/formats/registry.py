"""The layouts we can read, and how each is recognised; the native one is native.py's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ...detector.errors import DatasetError
from ..annotations import Dataset
from . import coco, voc, yolo
from .problems import Problems
from .published import PUBLISHED


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of laying out labelled scans on disk."""

    name: str
    looks_for: str
    """What ``fits`` looks for, in words for messages."""
    fits: Callable[[Path], bool]
    read: Callable[[Path, Problems, str | None], Dataset]
    list_splits: Callable[[Path], tuple[str, ...]]


_SELF_DESCRIBING = (
    Layout("yolo", "data.yaml", lambda path: yolo.find_yaml(path) is not None, yolo.read, yolo.list_splits),
    Layout(
        "coco",
        "annotations/*.json, or a COCO JSON file",
        lambda path: path.suffix == ".json" if path.is_file() else bool(coco.annotation_files(path)),
        coco.read,
        coco.list_splits,
    ),
)
_VOC = Layout(
    "voc",
    "Annotations/*.xml",
    lambda path: path.is_dir() and voc.label_folder(path) is not None,
    voc.read,
    voc.list_splits,
)
_PUBLISHED = tuple(Layout(each.name, each.looks_for, each.fits, each.read, each.list_splits) for each in PUBLISHED)
_BY_FILE_NAMES = ("sixray", "gdxray")
"""Recognised by the names of pictures alone, so a folder that describes itself is taken at its word first."""

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            *(each for each in _PUBLISHED if each.name not in _BY_FILE_NAMES),
            *_SELF_DESCRIBING,
            *(each for each in _PUBLISHED if each.name in _BY_FILE_NAMES),
            _VOC,
        )
    }
)
"""Every layout but the native one, the most particular first."""


def detect(path: Path) -> str:
    """The name of the first layout that fits.

    Raises:
        DatasetError: listing what was looked for.
    """
    for layout in LAYOUTS.values():
        if layout.fits(path):
            return layout.name
    looked = "; ".join(["native: annotations.json", *(f"{each.name}: {each.looks_for}" for each in LAYOUTS.values())])
    raise DatasetError(f"{path}: no data set layout fits (looked for {looked})", "name the layout, or convert the set")
