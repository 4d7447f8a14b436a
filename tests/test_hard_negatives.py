"""Mining: what is a false alarm, what it lies on, and that a training shows those scans more often."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

if any(find_spec(package) is None for package in ("torch", "ultralytics", "albumentations", "faster_coco_eval")):
    pytest.skip("training packages are not installed: pip install 'parcelsight[train]'", allow_module_level=True)

from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ParcelSightError, RunError
from parcelsight.detector.network import build_network, load_network
from parcelsight.training.evaluation_result import ModelIdentity
from parcelsight.training.hard_negatives import UNLABELLED, mine, read_hard_negatives, write_hard_negatives
from parcelsight.training.material import open_splits, prepare
from parcelsight.training.recipe import load_recipe
from parcelsight.training.scoring import Part
from tests.tiny_scans import write_tiny

MODEL = ModelIdentity(name="fake", sha256="0" * 64, classes=("pistol", "magazine"))


def record(folder: Path, name: str, boxes: list[list[float]], labels: list[str]) -> Record:
    file = folder / f"{name}.png"
    cv2.imwrite(str(file), np.full((60, 90, 3), 255, np.uint8))
    return Record(name, (file,), 90, 60, Annotations.of(boxes, labels), name)


def claims(rgb: np.ndarray) -> Detections:
    """A model that claims the same four boxes in every scan."""
    boxes = np.array([[10, 10, 30, 30], [50, 10, 70, 30], [12, 32, 28, 50], [50, 40, 60, 50]], np.float32)
    score = np.array([0.9, 0.8, 0.5, 0.1], np.float32)
    return Detections(boxes, score, np.array([0, 1, 0, 1]))


def test_false_alarms_touch_no_threat_and_tell_what_they_lie_on(tmp_path: Path) -> None:
    records = (
        record(tmp_path, "with", [[8, 8, 32, 34], [48, 8, 72, 31]], ["pistol", "hair dryer"]),
        record(tmp_path, "without", [], []),
    )
    part = Part(Dataset("rendered-test", "none", (), records), "train")
    found = mine(claims, MODEL, part, 0.25)
    alarms = [(alarm.scan_id, alarm.claim, round(alarm.score, 2), alarm.lies_on) for alarm in found.false_alarms]
    assert alarms == [
        ("without", "pistol", 0.9, UNLABELLED),
        ("with", "magazine", 0.8, "hair dryer"),
        ("without", "magazine", 0.8, UNLABELLED),
        ("without", "pistol", 0.5, UNLABELLED),
    ], "a poor box on a threat is no false alarm, nor is what scores below the floor"
    assert (found.scans, found.threat_free_scans, sorted(found.scan_ids)) == (2, 1, ["with", "without"])
    assert sorted(found.by(lambda alarm: alarm.lies_on)) == [("hair dryer", 1, 1, 0.8), (UNLABELLED, 3, 1, 0.9)]


def test_of_what_lies_under_one_another_the_smallest_is_told(tmp_path: Path) -> None:
    boxes = [[0.0, 0.0, 90.0, 60.0], [9.0, 9.0, 31.0, 31.0], [46.0, 0.0, 90.0, 60.0]]
    records = (record(tmp_path, "nested", boxes, ["carton", "drill", "tray"]),)
    found = mine(claims, MODEL, Part(Dataset("rendered-test", "none", (), records), "train"), 0.25)
    assert [alarm.lies_on for alarm in found.false_alarms] == ["drill", "tray", "carton"]


def test_a_list_survives_being_written_and_read(tmp_path: Path) -> None:
    part = Part(Dataset("rendered-test", "none", (), (record(tmp_path, "a", [], []),)), "train")
    found = mine(claims, MODEL, part, 0.25)
    write_hard_negatives(found, tmp_path / "lists" / "hard.json")
    assert read_hard_negatives(tmp_path / "lists" / "hard.json")[0] == found


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), ("[]", "is no list of hard negatives"), ("{", "is no list of hard negatives")],
)
def test_what_is_no_list_is_told_so(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "hard.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RunError, match=f"hard.json.*{says}") as caught:
        read_hard_negatives(file)
    assert caught.value.remedy


def test_a_training_shows_them_more_often(tmp_path: Path) -> None:
    data = write_tiny(tmp_path, ("pistol",) * 6 + ("", "", "pistol", "pistol"))
    found = mine(claims, MODEL, Part(Dataset("t", "", (), (record(tmp_path, "scan6", [], []),)), "train"), 0.25)
    write_hard_negatives(found, tmp_path / "hard.json")
    recipe = load_recipe("smoke").model_copy(update={"data": (data,)}).with_hard_negatives(tmp_path / "hard.json")
    material = prepare(recipe, open_splits(recipe), ("pistol",), lambda done, total: None)
    assert material.data["hard_negatives"]["scans"] == 1
    drawn = np.concatenate([material.draw(epoch) for epoch in range(30)])
    shown = np.bincount(drawn, minlength=8)
    hard = [picture.name for picture in material.train.pictures].index("scan6")
    assert shown[hard] > 2 * np.delete(shown, hard).max()


def test_a_list_of_other_scans_is_refused(tmp_path: Path) -> None:
    data = write_tiny(tmp_path)
    found = mine(claims, MODEL, Part(Dataset("t", "", (), (record(tmp_path, "elsewhere", [], []),)), "val"), 0.25)
    write_hard_negatives(found, tmp_path / "hard.json")
    recipe = load_recipe("smoke").model_copy(update={"data": (data,)}).with_hard_negatives(tmp_path / "hard.json")
    with pytest.raises(RunError, match="none of which is in the train split") as caught:
        prepare(recipe, open_splits(recipe), ("pistol",), lambda done, total: None)
    assert "parcelsight mine" in caught.value.remedy


def test_the_verbs_work_on_a_network_and_its_start_weights(tmp_path: Path) -> None:
    data = write_tiny(tmp_path)
    start = tmp_path / "start.pt"
    build_network("yolo26n", ("pistol",), None).write_start_weights(start)
    run = CliRunner().invoke(app, ["start-weights", str(start), "--out", str(tmp_path / "again.pt")])
    assert run.exit_code == 0 and "1 classes" in run.output
    assert load_network(tmp_path / "again.pt").classes == ("pistol",)
    assert str(tmp_path).encode() not in (tmp_path / "again.pt").read_bytes(), "no path goes along"
    hard = tmp_path / "hard.json"
    run = CliRunner().invoke(app, ["mine", str(start), str(data), "--out", str(hard), "--floor", "0"])
    assert run.exit_code == 0, run.output
    assert json.loads(hard.read_text())["scans"] == 8
    assert "lies on" in run.output and "was not rendered by parcelsight" in run.stderr


def test_start_weights_must_end_in_pt(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["start-weights", str(tmp_path), "--out", str(tmp_path / "w.onnx")])
    assert isinstance(run.exception, ParcelSightError) and "end in .pt" in str(run.exception)
