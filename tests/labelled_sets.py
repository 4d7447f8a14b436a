"""Small labelled data sets on disk for tests of formats, splits and the dataset verbs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from parcelsight.datasets.annotations import Annotations, Dataset, Record

SIZE_PX = (120, 80)
"""Width and height of the pictures."""


def write_scan(path: Path, seed: int = 0, tone: int = 255) -> Path:
    """A picture of random blocks on a background of one tone; another seed is another bag."""
    rng = np.random.default_rng(seed)
    width, height = SIZE_PX
    pixels = np.full((height, width, 3), tone, np.uint8)
    for _ in range(12):
        x, y = int(rng.integers(10, width - 30)), int(rng.integers(10, height - 25))
        w, h = int(rng.integers(6, 28)), int(rng.integers(6, 20))
        pixels[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def make_record(
    folder: Path,
    scan_id: str,
    labels: Sequence[str] = (),
    group: str | None = None,
    boxes: Sequence[Sequence[float]] | None = None,
    seed: int = 0,
    tone: int = 255,
) -> Record:
    """A labelled scan whose picture exists; boxes default to one place each."""
    path = write_scan(folder / f"{scan_id}.png", seed, tone)
    places = boxes if boxes is not None else [[5 + 9 * i, 6, 25 + 9 * i, 30] for i in range(len(labels))]
    return Record(scan_id, (path,), *SIZE_PX, Annotations.of(places, labels), group or scan_id)


def make_dataset(folder: Path, contents: Sequence[Sequence[str]], prefix: str = "scan") -> Dataset:
    """One scan for each sequence of labels."""
    records = [make_record(folder, f"{prefix}{i:03d}", labels, seed=i) for i, labels in enumerate(contents)]
    used = tuple(dict.fromkeys(label for labels in contents for label in labels))
    return Dataset("made", "CC0", used, tuple(records))


def content(dataset: Dataset) -> dict[str, tuple[list[list[float]], tuple[str, ...], list[dict[str, object]]]]:
    """What a data set says, comparable: scan id → boxes, labels, attributes."""
    return {
        record.scan_id: (
            record.annotations.xyxy_px.tolist(),
            record.annotations.labels,
            [dict(attributes) for attributes in record.annotations.attributes],
        )
        for record in dataset
    }
