"""Published research sets, as their authors lay them out, with their labels mapped to the taxonomy.

A set's "gun" or "pistol" says no more than the group ``firearm``, its "bullet" is a ``cartridge``; every other label
keeps its own name and is benign to us. Licences are as their authors state them. Each set is a value; those whose
files are none of the common formats have a reader of their own beside this one.

Layouts meant:

- PIDray (Wang et al., ICCV 2021): COCO in ``annotations/xray_{train,test_easy,test_hard,test_hidden}.json``, pictures
  in train/, easy/, hard/, hidden/.
- CLCXray (Zhao et al., TIFS 2022): COCO in ``annotations/instances_{train,val,test}2017.json``, pictures in train2017/,
  val2017/, test2017/.
- OPIXray (Wei et al., ACM MM 2020) and HiXray (Tao et al., ICCV 2021): text_boxes.py.
- SIXray, DvXray, STCray, GDXray: the file of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..annotations import Annotations, Dataset, Record
from . import coco, dvxray, gdxray, sixray, stcray, text_boxes
from .problems import Problems

THREAT_NAMES: Mapping[str, str] = {
    "gun": "firearm",
    "guns": "firearm",
    "handgun": "firearm",
    "pistol": "firearm",
    "firearm": "firearm",
    "3d gun": "firearm",
    "3d printed gun": "firearm",
    "bullet": "cartridge",
    "bullets": "cartridge",
    "ammunition": "ammunition",
}
"""What published labels mean in the taxonomy, in lower case with blanks between words."""


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """A research set: what it is called, what it allows, how it is recognised and read."""

    name: str
    title: str
    licence: str
    looks_for: str
    fits: Callable[[Path], bool]
    read_files: Callable[[Path, Problems, str | None], Dataset]
    list_splits: Callable[[Path], tuple[str, ...]]

    def read(self, source: Path, problems: Problems, split: str | None = None) -> Dataset:
        """Read it in the taxonomy's words.

        Raises:
            AnnotationError, DatasetError: as the format's reader.
        """
        found = self.read_files(source, problems, split)
        labels = tuple(dict.fromkeys(to_taxonomy(label) for label in found.labels))
        records = tuple(_in_our_words(record) for record in found)
        return Dataset(self.title, self.licence, labels, records)


def _in_our_words(record: Record) -> Record:
    found = record.annotations
    labels = tuple(to_taxonomy(label) for label in found.labels)
    return replace(record, annotations=Annotations(found.xyxy_px, labels, found.attributes))


def to_taxonomy(label: str) -> str:
    """The taxonomy's word for a published label; the label itself where it is no threat."""
    return THREAT_NAMES.get(" ".join(label.lower().replace("_", " ").replace("-", " ").split()), label)


_PIDRAY_FOLDERS = {"train": "train", "test_easy": "easy", "test_hard": "hard", "test_hidden": "hidden"}


def _pidray_files(source: Path) -> dict[str, Path]:
    files = {split: source / "annotations" / f"xray_{split}.json" for split in _PIDRAY_FOLDERS}
    return {split: path for split, path in files.items() if path.is_file()}


def _read_pidray(source: Path, problems: Problems, split: str | None) -> Dataset:
    files = coco.chosen(_pidray_files(source), split, source)
    finders = {path: partial(coco.find_in, source / _PIDRAY_FOLDERS[name], source) for name, path in files.items()}
    return coco.read_files(finders, source, problems)


_CLCXRAY_FOLDERS = ("train2017", "val2017", "test2017")

PUBLISHED: tuple[PublishedSet, ...] = (
    PublishedSet(
        name="pidray",
        title="PIDray",
        licence="academic use only",
        looks_for="annotations/xray_train.json",
        fits=lambda source: bool(_pidray_files(source)),
        read_files=_read_pidray,
        list_splits=lambda source: tuple(_pidray_files(source)),
    ),
    PublishedSet(
        name="clcxray",
        title="CLCXray",
        licence="academic use only",
        looks_for="a folder named CLCXray with annotations/instances_*2017.json and train2017/",
        fits=lambda source: (
            source.is_dir()
            and "clcxray" in source.resolve().name.lower()
            and any((source / folder).is_dir() for folder in _CLCXRAY_FOLDERS)
            and bool(coco.annotation_files(source))
        ),
        read_files=coco.read,
        list_splits=coco.list_splits,
    ),
    PublishedSet(
        name="opixray",
        title="OPIXray",
        licence="academic use only",
        looks_for="train/train_image/ and train/train_annotation/ with knives",
        fits=partial(text_boxes.fits, labels=text_boxes.OPIXRAY),
        read_files=partial(text_boxes.read, labels=text_boxes.OPIXRAY),
        list_splits=text_boxes.list_splits,
    ),
    PublishedSet(
        name="hixray",
        title="HiXray",
        licence="academic use only",
        looks_for="train/train_image/ and train/train_annotation/ with electronics",
        fits=partial(text_boxes.fits, labels=text_boxes.HIXRAY),
        read_files=partial(text_boxes.read, labels=text_boxes.HIXRAY),
        list_splits=text_boxes.list_splits,
    ),
    PublishedSet(
        name="dvxray",
        title="DvXray",
        licence="academic use only",
        looks_for="X.json beside X_OL.png and X_SD.png",
        fits=dvxray.fits,
        read_files=dvxray.read,
        list_splits=lambda _: (),
    ),
    PublishedSet(
        name="stcray",
        title="STCray",
        licence="CC BY 4.0",
        looks_for="STCray_TrainSet/Images/ and …/Json_BB/",
        fits=stcray.fits,
        read_files=stcray.read,
        list_splits=stcray.list_splits,
    ),
    PublishedSet(
        name="sixray",
        title="SIXray",
        licence="academic purposes only",
        looks_for="pictures P00001… or N0000001… with VOC labels of the positive ones",
        fits=sixray.fits,
        read_files=sixray.read,
        list_splits=sixray.list_splits,
    ),
    PublishedSet(
        name="gdxray",
        title="GDXray",
        licence="research and education only",
        looks_for="pictures B0001_0001.png …",
        fits=gdxray.fits,
        read_files=gdxray.read,
        list_splits=lambda _: (),
    ),
)
"""Every published set we can read, the most particular layout first."""
