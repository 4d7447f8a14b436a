"""What comes with a belt's parcels besides their pictures: kept with the belt, given to the right parcel or to none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.belt import BeltLabel, Label
from parcelsight.datasets.belt_files import NAME, open_belt
from parcelsight.datasets.belt_samples import lay_belt
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.detector.errors import ScanError
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.labelling import labelled
from parcelsight.inference.lanes.parcel_again import BeltPlace
from parcelsight.inference.lanes.source import Receipt

PARCEL = {"top": np.full((40, 50, 2), 9000, np.uint16), "side": np.full((40, 60, 2), 9000, np.uint16)}
SHIRT = Label(("LX903311275BA", "LX903311893BA"), {"declared": "Cotton shirt", "declared-value": "25 EUR"})
TOOLS = Label(("RR473124829DE",), {"declared": "Hand tools"})
LABELS = (BeltLabel(100, 140, SHIRT), BeltLabel(240, 280, TOOLS))


def arrival(first_line: int, end_line: int) -> Arrival:
    scan = Scan("belt-1-top", PARCEL["top"], ScanKind.DUAL_ENERGY, 1.6, "top")
    place = BeltPlace("belt", "top", True, first_line, end_line)
    return Arrival("hall-1", scan.scan_id, datetime.now(UTC), scan=scan, place=place, meta={"view": "top"})


def delivered(first_line: int, end_line: int, turn: int = 0) -> Arrival:
    """What reaches the lane."""
    came: list[Arrival] = []

    def deliver(one: Arrival) -> Receipt:
        came.append(one)
        return Receipt(len(came))

    labelled(deliver, LABELS, turn)(arrival(first_line, end_line))
    return came[0]


@pytest.mark.parametrize(
    ("lines", "turn", "barcode"),
    [
        ((98, 141), 0, "LX903311275BA"),
        ((98, 141), 1, "LX903311893BA"),
        ((98, 141), 2, "LX903311275BA"),
        ((241, 250), 5, "RR473124829DE"),
    ],
    ids=["a little more than its lines", "second time", "numbers begin again", "a part of it"],
)
def test_a_parcel_gets_its_label(lines: tuple[int, int], turn: int, barcode: str) -> None:
    came = delivered(*lines, turn)
    assert came.barcode == barcode and came.meta["view"] == "top"
    assert came.meta["declared"] == (SHIRT if barcode.startswith("LX") else TOOLS).notes["declared"]


@pytest.mark.parametrize("lines", [(0, 90), (140, 240), (130, 250)], ids=["before", "between", "two that touch"])
def test_where_it_is_not_clear_whose_label_it_is_nobody_gets_it(lines: tuple[int, int]) -> None:
    came = delivered(*lines)
    assert not came.barcode and dict(came.meta) == {"view": "top"}


def test_labels_are_kept_with_the_belt(tmp_path: Path) -> None:
    belt = lay_belt(tmp_path / "belt", [PARCEL, PARCEL], 0.25, 160.0, [SHIRT, TOOLS])
    assert belt.labels == open_belt(tmp_path / "belt").labels == LABELS
    assert not lay_belt(tmp_path / "plain", [PARCEL], 0.25, 160.0).labels


@pytest.mark.parametrize(
    ("old", "new"),
    [("Hand tools", "Hand\\u001b[2Jtools"), ("RR473124829DE", "R" * 65), ('"first_line": 240', '"first_line": 280')],
    ids=["a terminal's escape", "a barcode without end", "no lines"],
)
def test_a_damaged_label_is_told(tmp_path: Path, old: str, new: str) -> None:
    lay_belt(tmp_path / "belt", [PARCEL, PARCEL], 0.25, 160.0, [SHIRT, TOOLS])
    file = tmp_path / "belt" / NAME
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ScanError, match=r"belt\.json"):
        open_belt(tmp_path / "belt")
