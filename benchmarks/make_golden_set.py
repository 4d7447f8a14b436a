"""Make tests/golden, the small rendered test set that the shipped model is held to.

    python benchmarks/make_golden_set.py

Parcels of unseen designs in random looks, about half of them threat-free, chosen so that every class is there, with
pictures reduced to GOLDEN_PX. It is made once: another set would need another recorded metric, and hide a loss.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.native import open_dataset, relative_pictures, write_labels
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.readers import read_scan
from parcelsight.detector.taxonomy import TAXONOMY

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
RENDERED, SEED = 300, 20_261
"""Parcels that are rendered to choose from."""
THREATS, THREAT_FREE = 64, 56
GOLDEN_PX = 400
_QUALITY = 70


def main() -> int:
    """Render, choose, reduce, write; the exit status."""
    if any(GOLDEN.glob("pictures/*.jpg")):
        print(f"{GOLDEN} holds a set; remove its pictures first if it really has to be another", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        _render(Path(folder))
        chosen = _choose(open_dataset(folder))
        (GOLDEN / "pictures").mkdir(parents=True, exist_ok=True)
        records = tuple(_reduced(record) for record in chosen)
    dataset = Dataset("golden", "rendered by ParcelSight, no third-party material", TAXONOMY.classes, records)
    write_labels(dataset, GOLDEN, relative_pictures(dataset, GOLDEN))
    labels = Counter(label for record in records for label in record.annotations.labels)
    print(f"{len(records)} parcels; {dict(sorted(labels.items()))}")
    return 0


def _render(folder: Path) -> None:
    words = ["synthesize", str(folder), "--count", str(RENDERED), "--seed", str(SEED), "--split", "test"]
    words += ["--only", "pictures", "--looks", "random", "--threat-share", "0.75", "--several-share", "0.3"]
    subprocess.run([sys.executable, "-m", "parcelsight.commands.main", *words], check=True)


def _choose(dataset: Dataset) -> list[Record]:
    """Threat-free parcels in order, and those with threats that add most to the rarest classes."""
    free = [record for record in dataset if not len(record.annotations)][:THREAT_FREE]
    left = [record for record in dataset if 1 <= len(record.annotations) <= 6]
    counts = Counter(dict.fromkeys(TAXONOMY.classes, 0))
    taken: list[Record] = []
    while len(taken) < THREATS and left:
        best = max(left, key=lambda record: sum(1 / (1 + counts[name]) for name in set(record.annotations.labels)))
        counts.update(best.annotations.labels)
        taken.append(best)
        left.remove(best)
    return sorted([*free, *taken], key=lambda record: record.scan_id)


def _reduced(record: Record) -> Record:
    """The record with a small picture of its scan, written among the golden ones."""
    rgb = canonical_rgb(read_scan(record.files[0]))
    scale = min(1.0, GOLDEN_PX / max(rgb.shape[:2]))
    width, height = (max(1, round(side * scale)) for side in (rgb.shape[1], rgb.shape[0]))
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    path = GOLDEN / "pictures" / f"{record.scan_id}.jpg"
    if not cv2.imwrite(str(path), small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        raise OSError(f"{path} cannot be written")
    old = record.annotations
    factors = np.array([width / rgb.shape[1], height / rgb.shape[0]] * 2)
    boxes = np.round(old.xyxy_px * factors, 2)
    return replace(
        record,
        files=(path,),
        width_px=width,
        height_px=height,
        annotations=Annotations(boxes, old.labels, old.attributes),
    )


if __name__ == "__main__":
    sys.exit(main())
