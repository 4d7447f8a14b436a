"""How a data set becomes what the training engine reads: pictures with boxes of the learned classes.

Nothing is copied or converted on disk: the engine reads scans through the same readers and the same canonical
rendering as the runtime. Scans of 16 bits that are learned from stay transmissions, which are varied and coloured
each time they are shown; what is validated on is the canonical picture. Every scan is read once beforehand, so that a
broken one is named at the beginning and set aside instead of ending a training in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..datasets.annotations import Dataset, Record
from ..datasets.canonical import canonical_rgb
from ..datasets.levels import as_levels
from ..datasets.readers import read_pair, read_scan
from ..datasets.scan import Scan, ScanKind
from ..detector.errors import DatasetError, ScanError
from ..detector.lesson import LabelledPicture, Pixels, Rgb
from ..detector.taxonomy import TAXONOMY, Group

_LEAST_SIDE_PX = 2.0
"""A box with less than this inside its scan cannot be learned."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A scan that is not learned from, and why."""

    scan_id: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One split, ready to learn from."""

    pictures: tuple[LabelledPicture, ...]
    set_aside: tuple[SetAside, ...]
    objects: Mapping[str, int]
    """Learned label → how many objects."""
    background: Mapping[str, int]
    """Label that is not learned → how many objects count as background."""


NOTHING_PREPARED = Prepared((), (), {}, {})


def canonical_picture(record: Record) -> Rgb:
    """The canonical picture of a record.

    Raises:
        ScanError: if it cannot be read, or has another size than its labels were made for.
    """
    return canonical_rgb(_read(record))


def picture_to_vary(record: Record) -> Pixels:
    """The transmissions (H, W, C) uint16 of a record that holds them, else its canonical picture. Raises ScanError."""
    scan = _read(record)
    if scan.kind is ScanKind.DUAL_ENERGY:
        return as_levels(scan.pixels)
    if scan.kind is ScanKind.GREY and scan.pixels.dtype == np.uint16:
        return np.asarray(scan.pixels[:, :, None])
    return canonical_rgb(scan)


def _read(record: Record) -> Scan:
    scan = read_pair(*record.files) if len(record.files) == 2 else read_scan(record.files[0])
    if (scan.width_px, scan.height_px) != (record.width_px, record.height_px):
        raise ScanError(
            f"{record.files[0]}: {scan.width_px}×{scan.height_px} pixels, "
            f"labelled as {record.width_px}×{record.height_px}",
            "correct the size in the annotations",
        )
    return scan


def choose_labels(wanted: tuple[str, ...] | None, datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """The labels to learn, in class-id order: those wanted, or all of the taxonomy that the training data uses.

    Raises:
        DatasetError: if there is nothing to learn, or a wanted label never occurs.
    """
    used = {label for dataset in datasets for record in dataset for label in record.annotations.labels}
    names = ", ".join(dataset.name for dataset in datasets)
    if wanted is None:
        known = (*TAXONOMY.classes, *(group.value for group in Group))
        if chosen := tuple(label for label in known if label in used):
            return chosen
        raise DatasetError(
            f"{names}: no label of the training split is a threat of taxonomy {TAXONOMY.version} "
            f"(it has: {', '.join(sorted(used)) or 'none'})",
            "convert the labels with: parcelsight dataset convert",
        )
    learnable = {_learned_as(label, wanted) for label in used}
    if missing := [label for label in wanted if label not in learnable]:
        raise DatasetError(
            f"{names}: no object of class {missing[0]!r} in the training split",
            "add scans that show it, or take it out of labels:",
        )
    return wanted


def prepare_split(
    datasets: Sequence[Dataset], labels: tuple[str, ...], on_scan: Callable[[], None], varied: bool = False
) -> Prepared:
    """Check every scan and select what is learned from it.

    Args:
        datasets: the same split of each data set.
        labels: what to learn, in class-id order.
        on_scan: called after each scan, for progress.
        varied: the pictures are to be varied; else they are canonical.
    """
    pictures: list[LabelledPicture] = []
    set_aside: list[SetAside] = []
    records = [record for dataset in datasets for record in dataset]
    with ThreadPoolExecutor() as pool:  # decoding releases the interpreter
        for record, problem in zip(records, pool.map(partial(_problem, labels=labels), records), strict=True):
            if problem:
                set_aside.append(SetAside(record.scan_id, problem))
            else:
                pictures.append(_picture(record, labels, picture_to_vary if varied else canonical_picture))
            on_scan()
    counts = np.zeros(len(labels), np.int64)
    for picture in pictures:
        counts += np.bincount(picture.class_ids, minlength=len(labels))
    return Prepared(
        tuple(pictures),
        tuple(set_aside),
        {label: int(count) for label, count in zip(labels, counts, strict=True)},
        _background(records, labels),
    )


def _problem(record: Record, labels: tuple[str, ...]) -> str:
    """Why a scan cannot be learned from; empty where it can."""
    for label in record.annotations.labels:
        if _is_ambiguous(label, labels):
            return f"its label {label!r} names a whole group, of which only some classes are learned"
    try:
        canonical_picture(record)
    except ScanError as error:
        return error.message
    return ""


def _is_ambiguous(label: str, labels: tuple[str, ...]) -> bool:
    """True for a group label that may mean a learned class: as background it would teach to overlook that class."""
    group = TAXONOMY.group_of(label)
    return (
        TAXONOMY.is_group_label(label)
        and label not in labels
        and any(TAXONOMY.group_of(learned) is group for learned in labels)
    )


def _learned_as(label: str, labels: tuple[str, ...]) -> str | None:
    """The learned label of an object: its own, else its group's; None where it is background."""
    if label in labels:
        return label
    group = TAXONOMY.group_of(label)
    return group.value if group is not None and group.value in labels else None


def _picture(record: Record, labels: tuple[str, ...], read: Callable[[Record], Pixels]) -> LabelledPicture:
    size = np.array([record.width_px, record.height_px] * 2, np.float64)
    xyxy = np.clip(record.annotations.xyxy_px, 0.0, size)
    learned = [_learned_as(label, labels) for label in record.annotations.labels]
    shorter_side = (xyxy[:, 2:] - xyxy[:, :2]).min(axis=1)
    keep = [i for i, label in enumerate(learned) if label is not None and shorter_side[i] >= _LEAST_SIDE_PX]
    return LabelledPicture(
        name=record.scan_id,
        read=partial(read, record),
        xyxy_px=xyxy[keep].astype(np.float32),
        class_ids=np.array([labels.index(str(learned[i])) for i in keep], np.int64),
    )


def _background(records: Sequence[Record], labels: tuple[str, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in records:
        for label in record.annotations.labels:
            if _learned_as(label, labels) is None:
                counts[label] = counts.get(label, 0) + 1
    return dict(sorted(counts.items()))
