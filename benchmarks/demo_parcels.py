"""The parcels of the demonstration's virtual scanner: both views, small enough to be shipped.

python -m benchmarks.demo_parcels [--count 8] [--seed 41] [--picture sheet.jpg]

Records a belt of the dual-view scanner with 1.6 mm detectors (needs the extra [synthetic]), cuts its parcels out and
writes ``datasets/belts/samples.npz`` as ``datasets/belt_samples.py`` reads it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from parcelsight.configs.loading import shipped
from parcelsight.datasets.belt import Lines
from parcelsight.datasets.belt_files import RecordedBelt, open_belt
from parcelsight.datasets.belt_samples import SAMPLES, write_samples
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.datasets.synthetic.belt_plan import BeltPlan
from parcelsight.datasets.synthetic.belt_recording import record_belt

PITCH_MM = 1.6
_MARGIN_ROWS, _MARGIN_DETECTORS = 6, 8
_SHADOW = 0.97
"""A detector column whose darkest row lets through less saw the parcel."""


def cut_parcel(belt: RecordedBelt, number: int) -> dict[str, Lines]:
    """(rows, detectors, 2) by view; detectors that saw nothing are left out."""
    parcel = belt.parcels[number]
    found = {}
    for view in belt.views:
        levels = belt.cut(view, parcel.first_row - _MARGIN_ROWS, parcel.end_row + _MARGIN_ROWS)
        seen = np.flatnonzero(np.percentile(levels[..., 0], 20, axis=0) < _SHADOW * AIR_LEVEL)
        first, end = max(0, seen[0] - _MARGIN_DETECTORS), seen[-1] + 1 + _MARGIN_DETECTORS
        found[view] = levels[:, first:end]
    return found


def sheet(parcels: Sequence[dict[str, Lines]]) -> np.ndarray:
    """All of them beside each other, to look at."""
    columns = []
    for views in parcels:
        pictures = [canonical_rgb(Scan(name, levels, ScanKind.DUAL_ENERGY)) for name, levels in views.items()]
        columns.append(np.vstack([_padded(picture) for picture in pictures]))
    return np.hstack(columns)[..., ::-1]


def _padded(picture: np.ndarray, side: int = 400) -> np.ndarray:
    whole = np.full((side, side, 3), 255, np.uint8)
    part = picture[:side, :side]
    whole[: part.shape[0], : part.shape[1]] = part
    return whole


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--out", type=Path, default=SAMPLES)
    parser.add_argument("--picture", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        scanner = Path(name) / "duo.yaml"
        preset = yaml.safe_load(shipped("scanners")["duo140"].read_text(encoding="utf-8"))
        scanner.write_text(yaml.safe_dump(preset | {"pitch_mm": PITCH_MM}), encoding="utf-8")
        plan = BeltPlan(str(scanner), seed=chosen.seed, parcels=chosen.count, threat_share=0.6, gap_mm=(150, 200))
        record_belt(plan, Path(name) / "belt")
        belt = open_belt(Path(name) / "belt")
        parcels = [cut_parcel(belt, number) for number in range(len(belt.parcels))]
    write_samples(chosen.out, parcels)
    print(f"{chosen.out}: {len(parcels)} parcels, {chosen.out.stat().st_size / 1e6:.1f} MB")
    if chosen.picture is not None:
        cv2.imwrite(str(chosen.picture), sheet(parcels))


if __name__ == "__main__":
    main()
