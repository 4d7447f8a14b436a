"""``parcelsight evaluate`` and what stands behind it: whole evaluations, accounting, and a user's mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.card import ClassSpec
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import RunError
from parcelsight.detector.taxonomy import Group
from parcelsight.training.categories import ANY_THREAT
from parcelsight.training.evaluation import evaluate
from parcelsight.training.evaluation_result import EvaluationSettings, ModelIdentity, read_evaluation
from parcelsight.training.operating_points import ThresholdRule
from parcelsight.training.scoring import Part, identify
from tests.models import DARK_SCORE, dark_model, save

CLASSES = (
    ClassSpec(name="pistol", group=Group.FIREARM, threshold=0.5),
    ClassSpec(name="cartridge", group=Group.AMMUNITION, threshold=0.5),
)
MODEL = ModelIdentity(name="dark", sha256="0" * 64, classes=("pistol", "cartridge"))
FAST = EvaluationSettings(replicates=100)
SIDE_PX = 64


def darkest(rgb: NDArray[np.uint8]) -> Detections:
    """Claims a pistol around everything dark, the surer the darker."""
    dark = rgb.max(axis=2) < 100
    if not dark.any():
        return Detections.empty()
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
    return Detections(box, np.array([1 - rgb[dark].mean() / 255], np.float32), np.zeros(1, np.int64))


def scan(folder: Path, name: str, level: int | None, label: str | None, group: str = "") -> Record:
    """A white picture with a square of one grey level, labelled or not."""
    rgb = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    if level is not None:
        rgb[20:40, 10:50] = level
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), rgb)
    labels = Annotations.of([(10, 20, 50, 40)], [label]) if label else Annotations.empty()
    return Record(name, (folder / f"{name}.png",), SIDE_PX, SIDE_PX, labels, group or name)


def dataset(records: Sequence[Record], name: str = "squares") -> Dataset:
    return Dataset(name, "made up", ("pistol", "cartridge", "firearm", "knife"), tuple(records))


@pytest.fixture
def squares(tmp_path: Path) -> Dataset:
    """Guns in 12 scans (two too bright to be seen), 50 threat-free scans, one of which looks like a gun."""
    guns = [scan(tmp_path / "in", f"gun{i:02}", 30 if i < 10 else 200, "pistol") for i in range(12)]
    bags = [scan(tmp_path / "in", f"bag{i:02}", 60 if i == 0 else None, "knife" if i < 5 else None) for i in range(50)]
    return dataset([*guns, *bags])


def test_a_whole_evaluation(squares: Dataset) -> None:
    result = evaluate(darkest, MODEL, CLASSES, Part(squares, "test"), FAST)
    pistol = result.score("pistol")
    assert (pistol.objects, pistol.scans) == (12, 12)
    assert pistol.ap50 and pistol.ap50.value == pytest.approx(84 / 101)  # 10 of 12 found, none wrong before them
    assert pistol.ap50.low < pistol.ap50.value < pistol.ap50.high
    assert pistol.object_recall and pistol.object_recall.value == pytest.approx(10 / 12)
    assert result.score("firearm").ap50 == pistol.ap50 and result.score(ANY_THREAT).objects == 12
    assert result.score("cartridge").ap50 is None and result.score("cartridge").objects == 0
    point = result.operating_point
    assert point and point.false_alarm_rate and point.false_alarm_rate.n == result.threat_free_scans == 50
    assert not point.resolved and point.false_alarm_rate.value == 0.02  # one of 50: fewer than five may alarm
    assert 0.001 < point.thresholds["pistol"] == point.thresholds["cartridge"] < 1 - 60 / 255
    assert "labels outside the taxonomy count as benign: knife" in result.notes


def test_a_budget_too_small_to_be_resolved_is_said(squares: Dataset) -> None:
    settings = EvaluationSettings(replicates=100, false_positive_rate=0.01)
    result = evaluate(darkest, MODEL, CLASSES, Part(squares), settings)
    assert result.operating_point and not result.operating_point.resolved
    assert result.operating_point.false_alarm_rate and result.operating_point.false_alarm_rate.value == 0
    assert any("too few threat-free parcels" in note for note in result.notes)
    assert result.operating_point.thresholds["pistol"] > 1 - 61 / 255


def test_thresholds_of_the_card_and_of_other_scans(squares: Dataset, tmp_path: Path) -> None:
    settings = EvaluationSettings(replicates=100, threshold_rule=ThresholdRule.CARD)
    carried = evaluate(darkest, MODEL, CLASSES, Part(squares), settings).operating_point
    assert carried and carried.thresholds == {"pistol": 0.5, "cartridge": 0.5}
    hard = dataset([scan(tmp_path / "val", f"v{i}", 100 - i, None) for i in range(10)], "hard")
    chosen = evaluate(darkest, MODEL, CLASSES, Part(squares), FAST, thresholds_from=Part(hard, "val"))
    assert chosen.thresholds_from and chosen.thresholds_from.name == "hard"
    assert chosen.operating_point and "10 threat-free parcels of hard (val)" in chosen.operating_point.chosen_on
    assert chosen.threat_free_scans == 50


def test_more_threat_free_scans_join_the_rate_only(squares: Dataset, tmp_path: Path) -> None:
    more = dataset([scan(tmp_path / "more", f"m{i}", None, None) for i in range(30)], "more")
    result = evaluate(darkest, MODEL, CLASSES, Part(squares), FAST, more_threat_free=Part(more))
    alone = evaluate(darkest, MODEL, CLASSES, Part(squares), FAST)
    assert (result.threat_free_scans, result.scored_scans) == (80, 62)
    assert result.score("pistol").ap50 == alone.score("pistol").ap50


def test_without_threat_free_scans_there_is_no_operating_point(tmp_path: Path) -> None:
    guns = dataset([scan(tmp_path / "in", f"gun{i}", 30, "pistol") for i in range(3)])
    result = evaluate(darkest, MODEL, CLASSES, Part(guns), FAST)
    assert result.operating_point is None and result.score("pistol").object_recall is None
    assert any("no threat-free parcel" in note for note in result.notes)
    assert any("3 group(s)" in note for note in result.notes)


def test_a_class_the_model_lacks_counts_for_its_group(tmp_path: Path) -> None:
    scans = dataset([scan(tmp_path / "in", f"g{i}", 30, "revolver" if i else "pistol") for i in range(4)])
    result = evaluate(darkest, MODEL, CLASSES, Part(scans), FAST)
    assert result.score("firearm").objects == 4 and result.score("pistol").objects == 1
    assert any("no class revolver" in note for note in result.notes)


def test_unreadable_scans_are_counted_and_named(squares: Dataset) -> None:
    squares.records[0].files[0].write_bytes(b"not a picture")
    squares.records[1].files[0].unlink()
    result = evaluate(darkest, MODEL, CLASSES, Part(squares), FAST)
    assert [each.scan_id for each in result.unreadable] == ["gun00", "gun01"]
    assert all(str(squares.records[i].files[0]) in result.unreadable[i].reason for i in range(2))
    assert result.scored_scans == len(squares) - 2 and result.score("pistol").objects == 10


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    gun = scan(tmp_path / "in", "gun", 30, "pistol")
    gun.files[0].unlink()
    with pytest.raises(RunError, match="no scan could be scored"):
        evaluate(darkest, MODEL, CLASSES, Part(dataset([gun])), FAST)


def test_the_same_question_has_the_same_answer(squares: Dataset) -> None:
    first, second = (evaluate(darkest, MODEL, CLASSES, Part(squares), FAST) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()
    fewer = squares.with_records(squares.records[1:])
    assert identify(Part(fewer)).manifest_sha256 != first.data.manifest_sha256


# --- the verb


def run_verb(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parcelsight.commands.main", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(dark_model(), tmp_path / "dark.onnx")


@pytest.fixture
def data(squares: Dataset, tmp_path: Path) -> Path:
    ids = [record.scan_id for record in squares]
    write_native(squares, tmp_path / "data", splits={"val": ids[::2], "test": ids[1::2]})
    return tmp_path / "data"


def test_the_verb_prints_saves_and_reads_back(model: Path, data: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    for i in range(3):
        scan(plain, f"empty{i}", None, None)
    (plain / "broken.png").write_bytes(b"\x89PNG")
    (plain / "notes.txt").write_text("no scan")
    saved = tmp_path / "results" / "e.json"
    done = run_verb(model, data, "--threat-free", plain, "--replicates", 100, "--json", "--out", saved)
    assert done.returncode == 3, done.stderr
    result = read_evaluation(saved)
    assert json.loads(done.stdout) == json.loads(saved.read_text())
    assert [each.scan_id for each in result.unreadable] == ["broken.png"]
    assert result.data.split == "test" and result.scored_scans == 31
    assert result.threat_free_scans == 25 + 3
    assert result.model.sha256 != MODEL.sha256 and result.model.name == "test 1"
    assert result.operating_point and result.operating_point.thresholds["pistol"] <= DARK_SCORE


def test_the_table_tells_what_limits_the_figures(model: Path, data: Path) -> None:
    done = run_verb(model, data, "--split", "all", "--thresholds-split", "val", "--replicates", 100)
    assert done.returncode == 0, done.stderr
    for words in (
        "all scans",
        "AP50-95",
        "any threat",
        "95 % interval",
        "threat-free parcels",
        "sensitive",
        "labels outside the taxonomy count as benign: knife",
        "No object in the data: cartridge",
    ):
        assert words in done.stdout
    assert "error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        pytest.param(["{tmp}/no.onnx", "{data}"], "no.onnx: no such model file", "give", id="no model"),
        pytest.param(
            ["{foreign}", "{data}"], "foreign.onnx is not a ParcelSight model", "export it with", id="foreign"
        ),
        pytest.param(["{data}", "{data}"], "no training run", "parcelsight train", id="a folder that is no run"),
        pytest.param(["{model}", "{tmp}/none"], "none: no such folder", "give the path", id="no data"),
        pytest.param(["{model}", "{tmp}/in"], "no data set layout fits", "convert", id="pictures without labels"),
        pytest.param(["{model}", "{data}", "--split", "holdout"], "no split 'holdout'", "dataset split", id="split"),
        pytest.param(["{model}", "{data}", "--thresholds", "best"], "--thresholds 'best'", "per-class", id="rule"),
        pytest.param(
            ["{model}", "{data}", "--threat-free", "{tmp}/empty"], "no scan in it", "give a folder", id="empty"
        ),
    ],
)
def test_mistakes_end_in_one_line(
    model: Path, data: Path, tmp_path: Path, arguments: list[str], message: str, remedy: str
) -> None:
    foreign = dark_model()
    del foreign.metadata_props[:]
    save(foreign, tmp_path / "foreign.onnx")
    (tmp_path / "empty").mkdir()
    places = {"tmp": tmp_path, "data": data, "model": model, "foreign": tmp_path / "foreign.onnx"}
    done = run_verb(*(argument.format(**places) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr and remedy in done.stderr
    assert done.stderr.strip().count("\n") == 0 and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_evaluation(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("{}")
    with pytest.raises(RunError, match=r"e\.json: not an evaluation.*--out FILE"):
        read_evaluation(tmp_path / "e.json")


def test_real_scans_go_through_the_whole_chain(shared_data: Path, model: Path, tmp_path: Path) -> None:
    pictures = sorted((shared_data / "sixray" / "negatives").rglob("*.jpg"))[:6]
    (tmp_path / "real").mkdir()
    for picture in pictures:
        (tmp_path / "real" / picture.name).symlink_to(picture)
    gun = dataset([scan(tmp_path / "in", f"gun{i}", 30, "pistol") for i in range(2)])
    write_native(gun, tmp_path / "guns")
    done = run_verb(model, tmp_path / "guns", "--threat-free", tmp_path / "real", "--json", "--replicates", 100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["threat_free_scans"] == 6
