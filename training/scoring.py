"""A detector run over a data set: what it claims about every scan, and which scans nobody could read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Dataset, Record
from ..detector.detections import Detections
from ..detector.errors import ScanError
from .evaluation_result import DataIdentity, Unreadable
from .pictures import canonical_picture

Predict = Callable[[NDArray[np.uint8]], Detections]
"""Canonical picture (H, W, 3) → detections in its pixels, down to the settings' score floor."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A data set and the name of the split it is."""

    dataset: Dataset
    split: str = "all"
    set_aside: tuple[Unreadable, ...] = ()
    """Scans of the source that are not in ``dataset`` because their labels or files cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scans with what was detected in them."""

    scans: tuple[tuple[Record, Detections], ...]
    unreadable: tuple[Unreadable, ...]


NOTHING = Scored((), ())


def score_scans(predict: Predict, part: Part, on_scan: Callable[[], None] = lambda: None) -> Scored:
    """Detect in every scan; those that cannot be read are named, not dropped.

    Args:
        predict: the detector.
        part: the scans.
        on_scan: called after each scan, for progress.
    """
    scans: list[tuple[Record, Detections]] = []
    unreadable = list(part.set_aside)
    for record in part.dataset:
        try:
            scans.append((record, predict(canonical_picture(record))))
        except ScanError as error:
            unreadable.append(Unreadable(data=part.dataset.name, scan_id=record.scan_id, reason=error.message))
        on_scan()
    return Scored(tuple(scans), tuple(unreadable))


def identify(part: Part) -> DataIdentity:
    """Which scans these are, by ids, groups, sizes and labels."""
    digest = hashlib.sha256()
    for record in part.dataset:
        line = [
            record.scan_id,
            record.group,
            record.width_px,
            record.height_px,
            record.annotations.labels,
            record.annotations.xyxy_px.tolist(),
        ]
        digest.update(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    return DataIdentity(
        name=part.dataset.name,
        licence=part.dataset.licence,
        split=part.split,
        scans=len(part.dataset),
        groups=len({record.group for record in part.dataset}),
        manifest_sha256=digest.hexdigest(),
    )


def identify_with_files(part: Part) -> DataIdentity:
    """Which scans these are, down to the bytes of their files; of a file that cannot be read its name alone counts."""
    digest = hashlib.sha256()
    for record in part.dataset:
        for file in record.files:
            digest.update(_file_sha256(file) + file.name.encode() + b"\n")
    return identify(part).model_copy(update={"files_sha256": digest.hexdigest()})


def _file_sha256(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""
