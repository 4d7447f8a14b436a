"""Published sets: recognised by their layout, read in the taxonomy's words, on made files and on real samples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from parcelsight.datasets.annotations import Dataset
from parcelsight.datasets.formats.problems import Problems
from parcelsight.datasets.formats.published import PUBLISHED, to_taxonomy
from parcelsight.datasets.native import format_of, list_splits, open_dataset
from parcelsight.detector.errors import DatasetError
from tests.labelled_sets import SIZE_PX, write_scan

_VOC = (
    "<annotation><size><width>120</width><height>80</height></size><object><name>{}</name><bndbox>"
    "<xmin>5</xmin><ymin>6</ymin><xmax>40</xmax><ymax>50</ymax></bndbox></object></annotation>"
)


def _coco(file_name: str, names: list[str]) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": file_name, "width": SIZE_PX[0], "height": SIZE_PX[1]}],
            "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
            "annotations": [
                {"id": i, "image_id": 1, "category_id": i, "bbox": [1, 2, 30, 40]} for i in range(len(names))
            ],
        }
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _sixray(root: Path) -> None:
    write_scan(root / "20" / "P00007.jpg")
    _write(root / "Annotation" / "P00007.xml", _VOC.format("Gun"))
    write_scan(root / "0" / "N0000001.jpg")
    write_scan(root / "20" / "P00009.jpg")


def _pidray(root: Path) -> None:
    for split, folder in (("train", "train"), ("test_hard", "hard")):
        write_scan(root / folder / f"xray_{split}.png")
        _write(root / "annotations" / f"xray_{split}.json", _coco(f"xray_{split}.png", ["Gun", "Bullet", "Knife"]))


def _clcxray(root: Path) -> None:
    for split in ("train2017", "val2017"):
        write_scan(root / split / f"{split}.png")
        _write(root / "annotations" / f"instances_{split}.json", _coco(f"{split}.png", ["blade", "Cans"]))


def _text_boxes(root: Path, label: str) -> None:
    for split in ("train", "test"):
        write_scan(root / split / f"{split}_image" / f"{split}1.jpg")
        _write(root / split / f"{split}_annotation" / f"{split}1.txt", f"{split}1.jpg {label} 3 4 50 60\n")


def _dvxray(root: Path) -> None:
    folder = root / "DvXray_Positive_Samples"
    for bag, objects in (
        ("P00001", [{"label": "Gun", "ol_bb": [50, 60, 3, 4], "sd_bb": "difficult"}]),
        ("P00002", "None"),
    ):
        write_scan(folder / f"{bag}_OL.png")
        write_scan(folder / f"{bag}_SD.png")
        _write(folder / f"{bag}.json", json.dumps({"name": bag, "objects": objects}))


def _stcray(root: Path) -> None:
    for split, kind, label in (("Train", "Class 2_Gun", "3D Gun"), ("Test", "Class 19_Bullet", "Bullet")):
        folder = root / f"STCray_{split}Set"
        write_scan(folder / "Images" / kind / f"{split}_1.jpg")
        shapes = [{"label": label, "points": [[50, 60], [3, 4]]}]
        _write(folder / "Json_BB" / kind / f"{split}_1.json", json.dumps({"shapes": shapes}))
    write_scan(root / "STCray_TestSet" / "Images" / "Class 22_Non Threat" / "free_1.jpg")
    write_scan(root / "STCray_TestSet" / "Images" / "Class 19_Bullet" / "unlabelled_1.jpg")


def _gdxray(root: Path) -> None:
    for name in ("B0049_0001", "B0049_0002", "B0008_0001", "B0033_0001"):
        write_scan(root / name[:5] / f"{name}.png")
    _write(root / "B0049" / "ground_truth.txt", "1 3 50 4 60\n")


_CASES: list[tuple[str, Callable[[Path], None], dict[str, tuple[str, ...]], set[str], set[str]]] = [
    ("sixray", _sixray, {"P00007": ("firearm",), "N0000001": ()}, {"P00009"}, set()),
    (
        "pidray",
        _pidray,
        dict.fromkeys(("xray_train", "xray_test_hard"), ("firearm", "cartridge", "Knife")),
        set(),
        {"train", "test_hard"},
    ),
    ("clcxray", _clcxray, dict.fromkeys(("train2017", "val2017"), ("blade", "Cans")), set(), {"train", "val"}),
    ("opixray", lambda r: _text_boxes(r, "Folding_Knife"), {"train1": ("Folding_Knife",), "test1": ("Folding_Knife",)},
     set(), {"train", "test"}),
    ("hixray", lambda r: _text_boxes(r, "Water"), {"train1": ("Water",), "test1": ("Water",)}, set(),
     {"train", "test"}),
    ("dvxray", _dvxray, {"P00001_OL": ("firearm",), "P00002_OL": (), "P00002_SD": ()}, {"P00001_SD"}, set()),
    (
        "stcray",
        _stcray,
        {"Train_1": ("firearm",), "Test_1": ("cartridge",), "free_1": ()},
        {"unlabelled_1"},
        {"train", "test"},
    ),
    ("gdxray", _gdxray, {"B0049_0001": ("firearm",), "B0008_0001": ()}, {"B0049_0002", "B0033_0001"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "labels", "set_aside", "splits"), _CASES, ids=[c[0] for c in _CASES])
def test_published_layouts(
    name: str,
    make: Callable[[Path], None],
    labels: dict[str, tuple[str, ...]],
    set_aside: set[str],
    splits: set[str],
    tmp_path: Path,
) -> None:
    root = tmp_path / ("CLCXray" if name == "clcxray" else "set")
    make(root)
    assert format_of(root) == name
    problems = Problems()
    found = open_dataset(root, problems=problems)
    assert {record.scan_id: record.annotations.labels for record in found} == labels
    assert problems.scans_set_aside() == set_aside
    assert all(problem.remedy for problem in problems)
    assert set(list_splits(root)) == splits
    for split in splits:
        assert 0 < len(open_dataset(root, split=split, problems=Problems())) < len(found)
    with pytest.raises(DatasetError, match="no split 'night'"):
        open_dataset(root, split="night")
    (about,) = (each for each in PUBLISHED if each.name == name)
    assert (found.name, found.licence) == (about.title, about.licence)


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("Gun", "firearm"), ("pistol", "firearm"), ("3D_printed-gun", "firearm"), ("Bullet", "cartridge"),
        ("Ammunition", "ammunition"), ("Knife", "Knife"), ("gunpowder", "gunpowder"),
    ],
)  # fmt: skip
def test_words(label: str, meant: str) -> None:
    assert to_taxonomy(label) == meant


def test_groups_keep_rescans_together(tmp_path: Path) -> None:
    for number in (1, 2, 6, 12, 13):
        write_scan(tmp_path / f"N{number:07d}.jpg")
    found = open_dataset(tmp_path)
    assert [record.group for record in found] == ["N0000001"] * 3 + ["N0000012"] * 2
    _gdxray(tmp_path / "gdxray")
    assert {r.group for r in open_dataset(tmp_path / "gdxray", problems=Problems())} == {"B0049", "B0008"}
    _dvxray(tmp_path / "dvxray")
    assert {r.group for r in open_dataset(tmp_path / "dvxray", problems=Problems())} == {"P00001", "P00002"}


def _count(dataset: Dataset) -> Counter[str]:
    return Counter(label for record in dataset for label in record.annotations.labels)


_REAL = [
    ("sixray/positives", "sixray", 657, {"firearm": 381, "Knife": 93, "Wrench": 183}),
    ("sixray/negatives", "sixray", 320, {}),
    ("sixray", "sixray", 977, {"firearm": 381, "Knife": 93, "Wrench": 183}),
    ("opixray", "yolo", 300, {"0": 63, "1": 54, "2": 44, "3": 72, "4": 67}),
    ("iflytek", "yolo", 300, {"knife": 230, "lighter": 177, "handcuffs": 25}),
    ("gdxray_gray", "gdxray", 40, {}),
]


@pytest.mark.parametrize(("folder", "name", "scans", "counts"), _REAL, ids=[c[0] for c in _REAL])
def test_real_samples(shared_data: Path, folder: str, name: str, scans: int, counts: dict[str, int]) -> None:
    assert format_of(shared_data / folder) == name
    found = open_dataset(shared_data / folder)
    assert len(found) == scans
    assert counts.items() <= _count(found).items()
