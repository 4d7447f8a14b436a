"""Splits: disjoint, complete, balanced, deterministic; and the leak check that proves them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.leaks import Fingerprints, find_leaks, fingerprints
from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.splits import NEIGHBOUR_IDS, Split, SplitBy, id_family, id_runs, split_dataset
from parcelsight.detector.errors import DatasetError
from tests.labelled_sets import make_dataset

_SHARES = {Split.TRAIN: 0.7, Split.VAL: 0.1, Split.TEST: 0.2}


def _record(number: int, label: str, group: str, design: str = "") -> Record:
    boxes = [[1, 2, 30, 40]] if label else []
    attributes = [{"design_id": design}] if label and design else [{}] * len(boxes)
    annotations = Annotations.of(boxes, [label] if label else [], attributes)
    return Record(f"P{number:05d}", (Path("none.png"),), 120, 80, annotations, group)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["", "pistol", "barrel"]), st.integers(0, 25)), min_size=40, max_size=120),
    st.sampled_from(list(SplitBy)),
    st.integers(0, 3),
)
def test_splits_are_disjoint_and_deterministic(scans: list[tuple[str, int]], by: SplitBy, seed: int) -> None:
    records = tuple(_record(3 * i, label, f"bag{g}", f"design{g % 7}") for i, (label, g) in enumerate(scans))
    dataset = Dataset("set", "CC0", ("pistol", "barrel"), records)
    try:
        parts = split_dataset(dataset, _SHARES, by, seed)
    except DatasetError as error:
        assert by is not SplitBy.SCAN, "scans alone can always be dealt"
        assert "nothing is left for" in error.message
        return
    ids = [record.scan_id for part in parts.values() for record in part]
    assert len(ids) == len(set(ids)) and set(ids) <= {record.scan_id for record in dataset}
    if by is not SplitBy.ID_RANGE:
        assert len(ids) == len(dataset)
    again = split_dataset(dataset, _SHARES, by, seed)
    assert {k: [r.scan_id for r in v] for k, v in parts.items()} == {
        k: [r.scan_id for r in v] for k, v in again.items()
    }
    for one, other in combinations(parts.values(), 2):
        if by in (SplitBy.GROUP, SplitBy.DESIGN):
            assert not {r.group for r in one} & {r.group for r in other}
        if by is SplitBy.DESIGN:
            assert not _designs(one) & _designs(other)
        if by is SplitBy.ID_RANGE:
            pairs = ((id_family(a.scan_id)[1], id_family(b.scan_id)[1]) for a in one for b in other)
            assert min(abs(a - b) for a, b in pairs) > NEIGHBOUR_IDS


def _designs(part: Dataset) -> set[object]:
    return {attributes["design_id"] for record in part for attributes in record.annotations.attributes}


def test_labels_are_balanced() -> None:
    labels = ["pistol"] * 100 + ["barrel"] * 20 + [""] * 80
    records = tuple(_record(10 * i, label, f"bag{i // 2}") for i, label in enumerate(labels))
    parts = split_dataset(Dataset("set", "CC0", (), records), _SHARES)
    counts = {split: Counter(r.annotations.labels for r in part) for split, part in parts.items()}
    assert [len(part) for part in parts.values()] == [140, 20, 40]
    assert [counts[split][("pistol",)] for split in parts] == [70, 10, 20]
    assert [counts[split][("barrel",)] for split in parts] == [14, 2, 4]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({Split.TRAIN: 0.7, Split.VAL: 0.7}, "add up to 1"),
        ({Split.TRAIN: 1.2, Split.VAL: -0.2}, "add up to 1"),
        ({Split.TRAIN: 0.5, Split.TEST: 0.5}, "nothing is left"),
    ],
)
def test_impossible_shares(shares: dict[Split, float], message: str) -> None:
    one = Dataset("set", "CC0", (), tuple(_record(i, "pistol", "one bag") for i in range(4)))
    with pytest.raises(DatasetError, match=message):
        split_dataset(one, shares)


@pytest.mark.parametrize(
    ("scan_id", "family"),
    [
        ("P01237", ("P", 1237)), ("st_P0135", ("st_P", 135)), ("B0009_0001", ("B", 9)), ("belt", ("belt", -1)),
        ("train/P01237", ("P", 1237)), ("010728_jpg.rf.becb5f", ("", 10728)), ("cam2_00017", ("cam2_", 17)),
    ],
)  # fmt: skip
def test_id_families(scan_id: str, family: tuple[str, int]) -> None:
    assert id_family(scan_id) == family


def test_runs() -> None:
    assert id_runs(["P0001", "P0003", "P0020", "N0004"]) == {
        "P0001": "P0001", "P0003": "P0001", "P0020": "P0020", "N0004": "N0004",
    }  # fmt: skip


def test_a_rescan_is_found_and_others_are_not(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, [["pistol"]] * 8)
    picture = cv2.imread(str(dataset.records[0].files[0]))
    assert picture is not None
    shifted = np.roll(picture, 1, axis=1).astype(np.float32)
    noisy = np.clip(shifted * 0.95 + np.random.default_rng(1).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    cv2.imwrite(str(dataset.records[7].files[0]), noisy)
    dataset.records[3].files[0].write_bytes(b"not a picture")
    prints, unread = fingerprints(dataset)
    assert len(unread) == 1 and "scan003" in unread[0]
    ids = [record.scan_id for record in dataset]
    (leak,) = find_leaks({"train": ids[:4], "test": ids[4:]}, prints)
    assert (leak.split_a, leak.scan_a, leak.split_b, leak.scan_b) == ("train", "scan000", "test", "scan007")
    assert not find_leaks({"train": [ids[0], ids[7]], "test": ids[1:7]}, prints)


def test_blank_scans_resemble_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, [[], []])
    for record in dataset:
        cv2.imwrite(str(record.files[0]), np.full((80, 120, 3), 255, np.uint8))
    prints, _ = fingerprints(dataset)
    assert not find_leaks({"train": ["scan000"], "test": ["scan001"]}, prints)


def test_leaks_in_sixray(shared_data: Path) -> None:
    """The measure that leaks.py and splits.py quote: neighbours are rescans, strangers are not, ranges are clean."""
    dataset = open_dataset(shared_data / "sixray" / "positives")
    prints, _ = fingerprints(dataset)
    assert _share_alike(prints, 1, 1) == pytest.approx(0.443, abs=0.03)
    assert _share_alike(prints, 301, 9999) == 0
    for by, clean in ((SplitBy.ID_RANGE, True), (SplitBy.GROUP, True), (SplitBy.SCAN, False)):
        parts = split_dataset(dataset, _SHARES, by)
        members = {str(split): [record.scan_id for record in part] for split, part in parts.items()}
        assert (not find_leaks(members, prints)) is clean
        tested = Counter(label for record in parts[Split.TEST] for label in record.annotations.labels)
        assert tested["firearm"] / 381 == pytest.approx(0.2, abs=0.04)


def _share_alike(prints: Fingerprints, nearest: int, farthest: int) -> float:
    """Share of pairs, so many ids apart, that the leak check reports."""
    numbers = np.array([int(re.sub(r"\D", "", scan_id)) for scan_id in prints.scan_ids])
    leaks = find_leaks({"a": prints.scan_ids, "b": prints.scan_ids}, prints)
    found = [abs(int(a.scan_a[1:]) - int(a.scan_b[1:])) for a in leaks if a.scan_a < a.scan_b]
    gaps = np.abs(numbers[:, None] - numbers[None])[np.triu_indices(len(numbers), 1)]
    return sum(nearest <= gap <= farthest for gap in found) / int(((gaps >= nearest) & (gaps <= farthest)).sum())
