"""A tiny labelled data set, written to disk in the native layout: bright parcels with dark bars as pistols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native


def write_tiny(folder: Path, labels: Sequence[str] = ("pistol",) * 10, n_val: int = 2) -> Path:
    """Write ``len(labels)`` scans of 90×60 px with one object each; an empty label is a threat-free scan.

    The last ``n_val`` are the validation split. Returns the data set's folder.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    records = [_record(pictures / f"scan{i}.png", i, label) for i, label in enumerate(labels)]
    ids = [record.scan_id for record in records]
    dataset = Dataset("tiny", "CC0", tuple(dict.fromkeys(label for label in labels if label)), tuple(records))
    cut = len(ids) - n_val
    write_native(dataset, folder / "set", splits={"train": ids[:cut], "val": ids[cut:]})
    return folder / "set"


def _record(path: Path, seed: int, label: str) -> Record:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(215, 256, (60, 90, 3), dtype=np.uint8)
    left, top = int(rng.integers(5, 40)), int(rng.integers(5, 25))
    if label:
        pixels[top : top + 22, left : left + 34] = (150, 60, 30)
    cv2.imwrite(str(path), pixels)
    boxes = [[left, top, left + 34, top + 22]] if label else []
    return Record(f"scan{seed}", (path,), 90, 60, Annotations.of(boxes, [label] if label else []), f"scan{seed}")
