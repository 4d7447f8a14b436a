"""A parcel whose lines come twice because we were killed in between has one verdict; a new one is never swallowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.ledger import Ledger
from parcelsight.inference.lanes.parcel_again import LOOK, BeltPlace, look_of

PLACE = BeltPlace("s1", "top", False, 1_000, 1_500)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path, reserve_bytes=0)
    yield made
    made.close()


def parcel(place: BeltPlace = PLACE, seed: int = 0, drift: float = 1.0, clock_ms: float | None = 3_000.0) -> Arrival:
    """A parcel of random blocks; ``drift`` multiplies its levels."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(10_000, 55_000, (8, 8, 2)).repeat(60, axis=0).repeat(40, axis=1)
    scan = Scan(place.id_at(place.first_line), (blocks * drift).astype(np.uint16), ScanKind.DUAL_ENERGY, 1.5)
    meta = {"view": place.view, "lines": f"{place.first_line}-{place.end_line}", LOOK: look_of(scan)}
    now = datetime.now(UTC)
    return Arrival("gate", scan.scan_id, now, scan=scan, place=place, clock_ms=clock_ms, meta=meta)


AGAIN: dict[str, Arrival] = {
    "the same": parcel(),
    "calibrated anew": parcel(drift=1.02),
    "a row earlier": parcel(replace(PLACE, first_line=999), drift=0.99, clock_ms=2_998.0),
    "some rows later": parcel(replace(PLACE, first_line=1_012, end_line=1_502), drift=1.01, clock_ms=3_024.0),
}
NEW: dict[str, Arrival] = {
    "other content": parcel(seed=1),
    "much darker": parcel(drift=0.8),
    "another view": parcel(replace(PLACE, view="side"), drift=1.01),
    "another stream": parcel(replace(PLACE, stream="s2"), drift=1.01),
    "numbers begun anew, later": parcel(drift=1.01, clock_ms=90_000.0),
    "a scanner without a clock": parcel(drift=1.01, clock_ms=None),
    "the next parcel": parcel(replace(PLACE, first_line=1_600, end_line=2_100), clock_ms=4_200.0),
    "twice as long": parcel(replace(PLACE, end_line=2_000), drift=1.01),
}


@pytest.mark.parametrize("case", AGAIN)
def test_a_parcel_that_is_read_again_is_one(ledger: Ledger, case: str) -> None:
    first = ledger.accept(parcel())
    again = ledger.accept(AGAIN[case])
    assert again.again and again.sequence == first.sequence
    assert ledger.counts().accepted == 1


@pytest.mark.parametrize("case", NEW)
def test_a_parcel_that_is_new_is_taken(ledger: Ledger, case: str) -> None:
    ledger.accept(parcel())
    assert not ledger.accept(NEW[case]).again
    assert ledger.counts().accepted == 2


def test_views_of_one_parcel_are_not_each_other(ledger: Ledger) -> None:
    top, side = (replace(PLACE, view=view, several_views=True) for view in ("top", "side"))
    assert ledger.accept(parcel(top)).sequence != ledger.accept(parcel(side)).sequence
    assert [ledger.accept(parcel(place, drift=1.01)).again for place in (top, side)] == [True, True]


def test_it_is_one_after_a_restart(tmp_path: Path) -> None:
    first = Ledger(tmp_path, reserve_bytes=0)
    sequence = first.accept(parcel()).sequence
    first.close()
    second = Ledger(tmp_path, reserve_bytes=0)
    assert second.accept(parcel(drift=1.02)).sequence == sequence
    second.close()


@pytest.mark.parametrize("kind", [ScanKind.DUAL_ENERGY, ScanKind.GREY, ScanKind.PSEUDO_COLOUR])
def test_a_look_is_short(kind: ScanKind) -> None:
    channels = {ScanKind.DUAL_ENERGY: (2,), ScanKind.GREY: (), ScanKind.PSEUDO_COLOUR: (3,)}
    dtype = np.uint8 if kind is ScanKind.PSEUDO_COLOUR else np.uint16
    assert len(look_of(Scan("a", np.ones((50, 30, *channels[kind]), dtype), kind))) == 128
