"""Who sends parcels: consignments stay together, splits get their shares, and more parcels change nothing before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.synthetic.packing import SIZE_LIMIT_MM, SPREAD, compose_consignment
from parcelsight.datasets.synthetic.pipeline import render_parcel
from parcelsight.datasets.synthetic.plan import Plan
from parcelsight.datasets.synthetic.scanner import load_scanner
from parcelsight.datasets.synthetic.senders import SPLITS, Sender, senders
from parcelsight.datasets.synthetic.solids import Split, split_of_design

SHARES = (80.0, 10.0, 10.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 600), st.integers(0, 400), st.integers(0, 2**40), st.floats(0, 1))
def test_more_parcels_change_no_sender(count: int, more: int, seed: int, threat_share: float) -> None:
    few, many = (senders(n, seed, "all", SHARES, threat_share) for n in (count, count + more))
    assert many[: len(few)] == few
    starts = [sender.first for sender in few]
    assert starts[0] == 0
    assert all(sender.first + sender.parcels == after for sender, after in zip(few, starts[1:], strict=False))
    assert few[-1].first < count <= few[-1].first + few[-1].parcels


@pytest.mark.parametrize(
    ("shares", "parcels"),
    [((80, 10, 10), {"train": 800, "val": 100, "test": 100}), ((1, 0, 1), {"train": 500, "test": 500})],
    ids=["usual", "no val"],
)
def test_splits_get_their_shares(shares: tuple[float, float, float], parcels: dict[str, int]) -> None:
    found: Counter[str] = Counter()
    for sender in senders(1000, 5, "all", shares, 1.0):
        found[sender.split] += sender.parcels
    assert set(found) == set(parcels)
    assert all(abs(found[split] - wanted) <= 4 for split, wanted in parcels.items())


@pytest.mark.parametrize("split", SPLITS)
def test_one_split_takes_every_sender(split: Split) -> None:
    assert {sender.split for sender in senders(200, 1, split, SHARES, 0.5)} == {split}


def test_without_threats_nobody_spreads_any() -> None:
    assert {sender.parcels for sender in senders(3000, 2, "train", SHARES, 0.0)} == {1}
    assert {sender.parcels for sender in senders(3000, 2, "train", SHARES, 1.0)} == {1, 2, 3, 4}


@pytest.mark.parametrize("parcels", [2, 3, 4])
def test_a_gun_is_spread_over_parcels(parcels: int) -> None:
    for seed in range(3):
        split = SPLITS[seed]
        packed = compose_consignment(np.random.default_rng([parcels, seed]), split, parcels=parcels)
        assert len(packed) == parcels
        assert {parcel.scenario for parcel in packed} == {SPREAD}
        threats = [[item for item in parcel.contents if item.label] for parcel in packed]
        assert all(threats), "a parcel of the consignment holds no part"
        assert len({item.design_id for each in threats for item in each}) == 1
        assert {item.attributes["scenario"] for each in threats for item in each} == {SPREAD}
        assert all(len(parcel.contents) > len(each) for parcel, each in zip(packed, threats, strict=True))
        for parcel in packed:
            assert {split_of_design(item.design_id) for item in parcel.items} == {split}
            assert (np.ptp(parcel.packaging.bounds_mm, axis=0) <= np.array(SIZE_LIMIT_MM) + 0.5).all()


def test_parcels_of_one_sender_share_a_group_whoever_renders_them(tmp_path: Path) -> None:
    sender = Sender(6, 2, "train")
    scanners = [load_scanner("tunnel160")]
    entries = []
    for name, indices in (("forth", (6, 7)), ("back", (7, 6))):
        plan = Plan(tmp_path / name, 8, 4, ("tunnel160",), only="pictures")
        (plan.out / "pictures").mkdir(parents=True)
        entries.append({index: render_parcel(plan, scanners, index, sender) for index in indices})
    assert entries[0] == entries[1]
    assert {scan["group"] for entry in entries[0].values() for scan in entry["scans"]} == {"s4-000006"}
    for file in (tmp_path / "forth").rglob("*.jpg"):
        assert file.read_bytes() == (tmp_path / "back" / "pictures" / file.name).read_bytes()
