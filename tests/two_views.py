"""A data set of parcels that a scanner saw from two sides, for tests: the side view is cut closer, as data sets are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.writers import write_dual_energy
from parcelsight.screening.tutor.library import import_dataset
from tests.console_site import ConsoleSite, middle_alarm, sample_files
from tests.tutor_console import TRAINER, who

CUT_PX = 12
"""Rows of the belt that the top view shows above the side view's first one."""


def import_two_views(site: ConsoleSite, folder: Path, labels: Sequence[str]) -> None:
    """Take parcels into the library, one a label; empty for a harmless one."""
    records = []
    for number, label in enumerate(labels):
        records += _parcel(folder / "pictures", number, label)
    used = tuple(dict.fromkeys(label for label in labels if label)) or ("pistol",)
    write_native(Dataset("two views", "CC0", used, tuple(records)), folder / "set", copy="copy")
    done = import_dataset(site.console.database, site.console.library, who(site, TRAINER), folder / "set")
    assert (done.added, done.refused) == (2 * len(labels), ())


def _parcel(folder: Path, number: int, label: str) -> list[Record]:
    source = sample_files()[number]
    top = read_scan(source)
    side = np.ascontiguousarray(top.pixels[CUT_PX:, ::-1])
    x0, y0, x1, y1 = middle_alarm(source).xyxy_px
    boxes = {
        "top": [x0, y0, x1, y1],
        "side": [top.width_px - x1, max(0.0, y0 - CUT_PX), top.width_px - x0, y1 - CUT_PX],
    }
    records = []
    for view, pixels in (("top", top.pixels), ("side", side)):
        name = f"s1-{number:06d}_{view}"
        path = folder / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dual_energy(path, pixels, top.pitch_mm)
        found = Annotations.of([boxes[view]], [label]) if label else Annotations.empty()
        records.append(Record(name, (path,), pixels.shape[1], pixels.shape[0], found, f"p{number}"))
    return records
