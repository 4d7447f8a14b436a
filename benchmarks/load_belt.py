"""Makes the belt that lanes are loaded with: back-to-back parcels of one length, from a recorded belt's own parcels.

Rendered parcels have the lengths they have; here each is stretched along the belt to the same one (0.8 m), with air of
the recording between them (one every 2 s at 0.5 m/s). Its pictures are for load and timing alone: stretched
objects say nothing about what is found.

    parcelsight belt rendered --parcels 12 --line-rate 500 --gap 200 200 --touching 0 --threat-share 1 --seed 5
    python -m benchmarks.load_belt rendered load [--length-mm 800] [--every-mm 1000]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from parcelsight.datasets.annotations import Annotations
from parcelsight.datasets.belt import BeltParcel, LineBlock, Lines
from parcelsight.datasets.belt_document import BeltDocument, RunEntry, parcel_entry
from parcelsight.datasets.belt_files import BeltWriter, RecordedBelt, open_belt

_AIR_ROWS = 100


def main() -> int:
    """Make it; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorded", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--length-mm", type=float, default=800)
    parser.add_argument("--every-mm", type=float, default=1000)
    options = parser.parse_args()
    belt = open_belt(options.recorded)
    pitch_mm = belt.document.line_pitch_mm
    make(belt, options.out, round(options.length_mm / pitch_mm), round(options.every_mm / pitch_mm))
    return 0


def make(belt: RecordedBelt, out: Path, length: int, every: int) -> None:
    """Write the belt ``out``: parcels of ``length`` rows, one every ``every`` rows."""
    document = belt.document
    (view,) = document.views
    lines, parcels = [], []
    for number, parcel in enumerate(belt.parcels):
        lines.append(_air(belt, view, every - length))
        lines.append(_stretched(belt.cut(view, parcel.first_row, parcel.end_row), length))
        parcels.append(_moved(parcel, number * every + every - length, length, view))
    whole = np.concatenate([*lines, _air(belt, view, every - length)])
    run = RunEntry(first_line=0, lines=len(whole), first_row=0, step=1, beam=True)
    told = {"lines": len(whole), "events": [], "runs": [run], "parcels": [parcel_entry(p) for p in parcels]}
    with BeltWriter(out, {view: whole.shape[1]}) as writer:
        writer.add(LineBlock(0, {view: whole}))
        writer.finish(BeltDocument.model_validate(document.model_dump() | told))


def _air(belt: RecordedBelt, view: str, rows: int) -> Lines:
    """Rows of air, as they were before the first parcel."""
    end = belt.parcels[0].first_row - _AIR_ROWS // 2
    air = belt.cut(view, end - _AIR_ROWS, end)
    return np.ascontiguousarray(np.resize(air, (rows, *air.shape[1:])))


def _stretched(rows: Lines, length: int) -> Lines:
    size = (rows.shape[1], length)
    return np.asarray(cv2.resize(np.ascontiguousarray(rows), size, interpolation=cv2.INTER_LINEAR), np.uint16)


def _moved(parcel: BeltParcel, first: int, length: int, view: str) -> BeltParcel:
    """The truth of a stretched parcel that begins at row ``first``; lines are rows here."""
    scale = length / (parcel.end_row - parcel.first_row)
    truth = parcel.views[view]
    boxes = truth.xyxy_px.astype(np.float64).copy()
    boxes[:, 1::2] = first + (boxes[:, 1::2] - parcel.first_row) * scale
    labels = Annotations.of(boxes.tolist(), list(truth.labels), [dict(a) for a in truth.attributes])
    return BeltParcel(parcel.parcel_id, parcel.scenario, first, first + length, first, first + length, {view: labels})


if __name__ == "__main__":
    sys.exit(main())
