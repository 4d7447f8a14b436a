"""Annotation formats: round trips without loss of what a format holds, and bad labels that cost only themselves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.conversion import TARGETS, write_as
from parcelsight.datasets.formats.problems import Outcome, Problems
from parcelsight.datasets.native import list_splits, open_dataset, write_native
from parcelsight.detector.errors import AnnotationError, DatasetError
from tests.labelled_sets import SIZE_PX, content, make_dataset, write_scan

_PICTURE = write_scan(Path(tempfile.mkdtemp()) / "picture.png")

_LABELS = st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=12).map(
    lambda text: text.strip() or "x"
)
_VOC_ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "difficult": st.just(1),
        "truncated": st.just(1),
        "occluded": st.just(1),
        "pose": st.sampled_from(["Frontal", "von links", "側面"]),
    },
)
_COCO_ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "difficult": st.just(1),
        "iscrowd": st.just(1),
        "segmentation": st.just([[1.5, 2.0, 30.25, 2.0, 30.25, 40.125]]),
        "design_id": st.sampled_from(["pistol/07", "é 7"]),
        "contrast": st.floats(0, 1),
        "views": st.lists(st.text(max_size=3), max_size=2),
    },
)


@st.composite
def _annotations(draw: st.DrawFn, attributes: st.SearchStrategy[dict[str, object]]) -> Annotations:
    """Boxes inside the picture with sizes of at least a hundredth of a pixel."""
    width, height = SIZE_PX
    boxes, labels, extras = [], [], []
    for _ in range(draw(st.integers(0, 4))):
        x1, y1 = draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))
        x2, y2 = draw(st.floats(x1 + 0.01, width)), draw(st.floats(y1 + 0.01, height))
        boxes.append([x1, y1, x2, y2])
        labels.append(draw(_LABELS))
        extras.append(draw(attributes))
    return Annotations.of(boxes, labels, extras)


def _dataset(*annotations: Annotations) -> Dataset:
    records = tuple(
        Record(f"scan {i}", (_PICTURE,), *SIZE_PX, each, f"bag {i % 2}") for i, each in enumerate(annotations)
    )
    return Dataset("naïve set", "CC BY 4.0", tuple(dict.fromkeys(n for a in annotations for n in a.labels)), records)


def _round_trip(dataset: Dataset, layout: str) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        write_as(dataset, Path(folder), layout, "link", {})
        return open_dataset(folder, layout)


def _assert_same(found: Dataset, dataset: Dataset, tolerance_px: float, attributes: bool) -> None:
    assert [record.scan_id for record in found] == [record.scan_id for record in dataset]
    for got, put in zip(found, dataset, strict=True):
        assert got.annotations.labels == put.annotations.labels
        np.testing.assert_allclose(got.annotations.xyxy_px, put.annotations.xyxy_px, rtol=0, atol=tolerance_px)
        assert (got.width_px, got.height_px) == (put.width_px, put.height_px)
        if attributes:
            assert got.annotations.attributes == put.annotations.attributes


_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_SETTINGS
@given(_annotations(_COCO_ATTRIBUTES), _annotations(_COCO_ATTRIBUTES))
def test_native_holds_everything(one: Annotations, other: Annotations) -> None:
    dataset = _dataset(one, other)
    found = _round_trip(dataset, "native")
    _assert_same(found, dataset, 1e-9, attributes=True)
    assert (found.name, found.licence, found.labels) == (dataset.name, dataset.licence, dataset.labels)
    assert [record.group for record in found] == ["bag 0", "bag 1"]


@_SETTINGS
@given(_annotations(_COCO_ATTRIBUTES))
def test_coco_holds_everything(annotations: Annotations) -> None:
    dataset = _dataset(annotations)
    _assert_same(_round_trip(dataset, "coco"), dataset, 1e-9, attributes=True)


@_SETTINGS
@given(_annotations(_VOC_ATTRIBUTES))
def test_voc_holds_boxes_exactly_and_its_own_attributes(annotations: Annotations) -> None:
    dataset = _dataset(annotations)
    _assert_same(_round_trip(dataset, "voc"), dataset, 0, attributes=True)


@_SETTINGS
@given(_annotations(st.just({})))
def test_yolo_holds_boxes_labels_and_their_order(annotations: Annotations) -> None:
    dataset = _dataset(annotations)
    found = _round_trip(dataset, "yolo")
    _assert_same(found, dataset, 1e-6, attributes=True)
    assert (found.labels, found.name, found.licence) == (dataset.labels, dataset.name, dataset.licence)


@pytest.mark.parametrize("layout", TARGETS)
def test_splits_pairs_and_threat_free_scans_survive(layout: str, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "in", [["pistol"], [], ["knife", "pistol"]])
    pair = tuple(write_scan(tmp_path / "in" / f"dual_{energy}.png") for energy in ("low", "high"))
    dual = Record("dual", pair, *SIZE_PX, Annotations.of([[1, 2, 30, 40]], ["barrel"]), "dual")
    dataset = Dataset("set", "CC0", ("pistol", "knife", "barrel"), (dual, *dataset.records))
    splits = {"train": ("dual", "scan000"), "val": ("scan001",)}
    write_as(dataset, tmp_path / "out", layout, "copy", splits)
    found = open_dataset(tmp_path / "out")
    assert {k: v[1] for k, v in content(found).items()} == {k: v[1] for k, v in content(dataset).items()}
    (found_dual,) = (record for record in found if record.scan_id == "dual")
    assert [file.stem for file in found_dual.files] == ["dual_low", "dual_high"]
    assert set(list_splits(tmp_path / "out")) == set(splits)
    for split, members in splits.items():
        part = open_dataset(tmp_path / "out", split=split)
        assert tuple(record.scan_id for record in part) == members
    with pytest.raises(DatasetError, match="no split 'night'"):
        open_dataset(tmp_path / "out", split="night")


def test_linked_and_copied_pictures(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "in", [["pistol"]])
    write_native(dataset, tmp_path / "linked")
    write_native(dataset, tmp_path / "copied", copy="copy")
    assert (tmp_path / "linked" / "scans" / "scan000.png").is_symlink()
    copied = tmp_path / "copied" / "scans" / "scan000.png"
    assert not copied.is_symlink() and copied.read_bytes() == dataset.records[0].files[0].read_bytes()


def _edit_coco(folder: Path, edit: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
    path = folder / "annotations.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


_COCO_CASES: list[tuple[str, Callable[[dict[str, list[dict[str, object]]]], object], str, Outcome, int]] = [
    ("inverted", lambda d: d["annotations"][0].update(bbox=[9, 9, -5, 5]), "inverted", Outcome.OBJECT_DROPPED, 3),
    ("no area", lambda d: d["annotations"][0].update(bbox=[9, 9, 0, 5]), "no area", Outcome.OBJECT_DROPPED, 3),
    ("nan", lambda d: d["annotations"][0].update(bbox=[float("nan"), 9, 5, 5]), "finite", Outcome.OBJECT_DROPPED, 3),
    ("huge", lambda d: d["annotations"][0].update(bbox=[1e300, 9, 5, 5]), "beyond", Outcome.OBJECT_DROPPED, 3),
    ("three numbers", lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), "x, y, width", Outcome.OBJECT_DROPPED, 3),
    ("box of words", lambda d: d["annotations"][0].update(bbox="here"), "x, y, width", Outcome.OBJECT_DROPPED, 3),
    ("unknown class", lambda d: d["annotations"][0].update(category_id=99), "class id 99", Outcome.OBJECT_DROPPED, 3),
    ("class is a list", lambda d: d["annotations"][0].update(category_id=[1]), "class id", Outcome.OBJECT_DROPPED, 3),
    ("orphan object", lambda d: d["annotations"][0].update(image_id=77), "no image", Outcome.OBJECT_DROPPED, 3),
    ("double image id", lambda d: d["images"][1].update(id=1), "image id 1 occurs twice", Outcome.SCAN_SET_ASIDE, 1),
    (
        "double scan id",
        lambda d: d["images"][1].update(scan_id="scan000"),
        "scan id 'scan000' occurs twice",
        Outcome.SCAN_SET_ASIDE,
        1,
    ),
    ("double object id", lambda d: d["annotations"][1].update(id=1), "id 1 occurs twice", Outcome.KEPT, 3),
    ("missing picture", lambda d: d["images"][0].update(file_name="scans/x.png"), "no such", Outcome.SCAN_SET_ASIDE, 2),
    ("climbs out", lambda d: d["images"][0].update(file_name="../../etc/x.png"), "leaves", Outcome.SCAN_SET_ASIDE, 2),
    ("absolute path", lambda d: d["images"][0].update(file_name="/etc/passwd"), "leaves", Outcome.SCAN_SET_ASIDE, 2),
    ("drive letter", lambda d: d["images"][0].update(file_name="C:\\x.png"), "leaves", Outcome.SCAN_SET_ASIDE, 2),
    ("no file name", lambda d: d["images"][0].pop("file_name"), "names no picture", Outcome.SCAN_SET_ASIDE, 2),
    ("image is text", lambda d: d["images"].append("x"), "has no id", Outcome.SCAN_SET_ASIDE, 3),  # type: ignore[arg-type]
    ("class id twice", lambda d: d["categories"].append({"id": 1, "name": "z"}), "two classes", Outcome.KEPT, 1),
]


@pytest.mark.parametrize(
    ("edit", "message", "outcome", "left"), [c[1:] for c in _COCO_CASES], ids=[c[0] for c in _COCO_CASES]
)
def test_bad_coco_costs_only_itself(
    edit: Callable[[dict[str, list[dict[str, object]]]], object],
    message: str,
    outcome: Outcome,
    left: int,
    tmp_path: Path,
) -> None:
    dataset = make_dataset(tmp_path / "in", [["pistol", "pistol"], ["pistol"], []])
    write_native(dataset, tmp_path / "set")
    _edit_coco(tmp_path / "set", edit)
    problems = Problems()
    found = open_dataset(tmp_path / "set", problems=problems)
    first = next(problem for problem in problems if message in problem.message)
    assert first.outcome is outcome and first.file and first.remedy
    assert len(found) == left
    if outcome is not Outcome.KEPT:
        with pytest.raises(DatasetError, match="dataset check"):
            open_dataset(tmp_path / "set")


def test_a_scan_that_lost_every_object_is_not_threat_free(tmp_path: Path) -> None:
    write_native(make_dataset(tmp_path / "in", [["pistol"], []]), tmp_path / "set")
    _edit_coco(tmp_path / "set", lambda d: d["annotations"][0].update(bbox=[9, 9, -5, 5]))
    problems = Problems()
    found = open_dataset(tmp_path / "set", problems=problems)
    assert [record.scan_id for record in found] == ["scan001"]
    assert problems.scans_set_aside() == {"scan000"}


_BROKEN_FILES = [
    ("empty", b"", "not valid JSON"),
    ("truncated", b'{"images": [', "not valid JSON"),
    ("not a document", b"[1, 2]", "must each be a list"),
    ("another document", b'{"images": 3}', "must each be a list"),
    ("deep", b"[" * 200_000, "not usable JSON"),
    ("binary", b"\xff\xfe\x00\x80", "not UTF-8"),
]


@pytest.mark.parametrize(("data", "message"), [c[1:] for c in _BROKEN_FILES], ids=[c[0] for c in _BROKEN_FILES])
def test_broken_json_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_bytes(data)
    with pytest.raises(AnnotationError, match=message) as caught:
        open_dataset(tmp_path)
    assert "annotations.json" in caught.value.message and caught.value.remedy


_YOLO_LINES = [
    ("unknown class", "7 .5 .5 .2 .2", "unknown class id 7"),
    ("a word", "pistol .5 .5 .2 .2", "not a number"),
    ("five numbers", "0 .5 .5 .2 .2 .9", "5 numbers"),
    ("pixels", "0 60 40 20 20", "not relative"),
    ("not finite", "0 nan .5 .2 .2", "not a finite number"),
    ("negative size", "0 .5 .5 -.2 .2", "inverted"),
    ("half a class", "0.5 .5 .5 .2 .2", "unknown class id 0.5"),
]


@pytest.mark.parametrize(("line", "message"), [c[1:] for c in _YOLO_LINES], ids=[c[0] for c in _YOLO_LINES])
def test_bad_yolo_lines_cost_only_themselves(line: str, message: str, tmp_path: Path) -> None:
    write_as(make_dataset(tmp_path / "in", [["pistol"], []]), tmp_path / "set", "yolo", "link", {})
    label = tmp_path / "set" / "labels" / "scan000.txt"
    label.write_text(f"{label.read_text()}\n{line}\n")
    problems = Problems()
    found = open_dataset(tmp_path / "set", problems=problems)
    assert [len(record.annotations) for record in found] == [1, 0]
    (problem,) = problems
    assert message in problem.message and problem.file.endswith("scan000.txt")
    assert problem.outcome is Outcome.OBJECT_DROPPED


def test_yolo_polygons_missing_labels_and_orphans(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write_as(make_dataset(tmp_path / "in", [["pistol"], ["pistol"], []]), folder, "yolo", "link", {})
    (folder / "labels" / "scan000.txt").write_text("0 .1 .1 .5 .1 .5 .6\n")
    (folder / "labels" / "scan001.txt").unlink()
    (folder / "labels" / "gone.txt").write_text("")
    problems = Problems()
    found = open_dataset(folder, problems=problems)
    assert found.records[0].annotations.xyxy_px[0].tolist() == pytest.approx([12, 8, 60, 48])
    assert "segmentation" in found.records[0].annotations.attributes[0]
    assert problems.scans_set_aside() == {"scan001", "gone"}
    assert [record.scan_id for record in found] == ["scan000", "scan002"]


@pytest.mark.parametrize(
    "entry", ["../train/images", "train/images", "C:/Users/someone/train/images", "/elsewhere/train/images"]
)
def test_yolo_paths_other_machines_wrote(entry: str, tmp_path: Path) -> None:
    write_scan(tmp_path / "train" / "images" / "a.png")
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a.txt").write_text("0 .5 .5 .2 .2\n")
    (tmp_path / "data.yaml").write_text(f"train: {entry}\nnames: [pistol]\n")
    found = open_dataset(tmp_path, split="train")
    assert found.records[0].annotations.labels == ("pistol",)


_XML = "<annotation><size><width>120</width><height>80</height></size>{}</annotation>"
_OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>5</ymin><xmax>40</xmax><ymax>50</ymax></bndbox></object>"
_XML_CASES = [
    ("truncated", "<annotation><obj", "not valid XML"),
    ("entity bomb", '<!DOCTYPE a [<!ENTITY b "c">]>' + _XML.format(""), "document type"),
    ("outside entity", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation/>', "document type"),
    ("another root", "<html/>", "not <annotation>"),
    ("empty", "", "not valid XML"),
    ("no name", _XML.format(_OBJECT.format("", 5)), "none of its objects"),
    ("a word for a number", _XML.format(_OBJECT.format("pistol", "left")), "none of its objects"),
    ("no box", _XML.format("<object><name>pistol</name></object>"), "none of its objects"),
]


@pytest.mark.parametrize(("text", "message"), [c[1:] for c in _XML_CASES], ids=[c[0] for c in _XML_CASES])
def test_unreadable_xml_sets_its_scan_aside(text: str, message: str, tmp_path: Path) -> None:
    write_as(make_dataset(tmp_path / "in", [["pistol"], []]), tmp_path / "set", "voc", "link", {})
    (tmp_path / "set" / "Annotations" / "scan000.xml").write_text(text)
    problems = Problems()
    found = open_dataset(tmp_path / "set", problems=problems)
    assert [record.scan_id for record in found] == ["scan001"]
    told = next(problem for problem in problems if message in problem.message)
    assert told.file.endswith("scan000.xml") and told.outcome is Outcome.SCAN_SET_ASIDE


def test_nothing_that_fits_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"annotations\.json.*data\.yaml.*Annotations") as caught:
        open_dataset(tmp_path)
    assert str(tmp_path) in caught.value.message
    with pytest.raises(DatasetError, match="no such folder"):
        open_dataset(tmp_path / "absent")
    with pytest.raises(DatasetError, match="unknown data set format 'dota'"):
        open_dataset(tmp_path, "dota")


def test_one_id_for_two_pictures_is_set_aside(tmp_path: Path) -> None:
    for split, box in (("train", [1, 2, 30, 40]), ("val", [5, 6, 20, 30])):
        write_scan(tmp_path / split / "0001.png")
        document = {
            "images": [{"id": 1, "file_name": "0001.png"}],
            "categories": [{"id": 1, "name": "pistol"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"{split}.json").write_text(json.dumps(document))
    problems = Problems()
    assert len(open_dataset(tmp_path, problems=problems)) == 0
    assert problems.scans_set_aside() == {"0001"}
    assert len(open_dataset(tmp_path, split="val")) == 1
