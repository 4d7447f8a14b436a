"""Operating points: chosen for a budget, measured with bounds, carried by the card, used by the runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.annotations import Record
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.card import ModelCard, OperatingPoint, PointName
from parcelsight.detector.contract import SHIPPED_MODEL, from_metadata, to_metadata
from parcelsight.detector.errors import ModelError, UsageError
from parcelsight.inference.detector import Detector
from parcelsight.training.categories import categories_of
from parcelsight.training.evaluation import sample_of
from parcelsight.training.evaluation_result import EvaluationSettings
from parcelsight.training.hits import hits_of
from parcelsight.training.operating_points import ThresholdRule
from parcelsight.training.parcels import parcel_numbers, threat_free_parcels
from parcelsight.training.points import Point, chosen_points, measure_point, recalls
from tests.models import constant_model, model_card, save
from tests.test_metrics import CARTRIDGE, CLASSES, FAR, PISTOL, A, B, Scored, category, scored

SCORES = {"strict": 0.8, "balanced": 0.5, "sensitive": 0.2}


def card_with_points() -> ModelCard:
    points = tuple(
        OperatingPoint(name=name, budget=PointName(name).budget, thresholds=(score, score), resolved=name != "strict")
        for name, score in SCORES.items()
    )
    return model_card().model_copy(update={"operating_points": points, "operating_point": points[1]})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    rows = [(0, 0, 20, 20, 0.9, 0), (20, 20, 40, 40, 0.6, 0), (40, 40, 60, 60, 0.3, 1)]
    return save(constant_model(rows, card_with_points()), tmp_path / "points.onnx")


# --- the card and the runtime


@pytest.mark.parametrize(("name", "found"), [("strict", 1), ("balanced", 2), ("sensitive", 3)])
def test_the_runtime_uses_the_point_it_is_given(model: Path, name: str, found: int) -> None:
    detector = Detector(model, operating_point=name)
    assert len(detector.detect(np.full((64, 64, 3), 255, np.uint8))) == found
    assert detector.card.operating_point.name == name and f"operating point {name!r}" in detector.describe()
    assert {spec.threshold for spec in detector.card.classes} == {SCORES[name]}


def test_balanced_is_in_force_where_nothing_is_said(model: Path) -> None:
    assert Detector(model).card == card_with_points()


def test_an_older_model_has_its_own_thresholds_and_no_other_point(tmp_path: Path) -> None:
    """The fields are new; models written before them stay readable."""
    written = json.loads(model_card().model_dump_json())
    for field in ("operating_points", "calibration"):
        del written[field]
    for field in ("budget", "thresholds", "parcel_detection_rate", "resolved"):
        del written["operating_point"][field]
    metadata = to_metadata(model_card()) | {"parcelsight.card": json.dumps(written)}
    old = from_metadata(metadata, "old.onnx")
    assert old == model_card() and old.at("balanced") is old
    with pytest.raises(UsageError, match=r"old\.onnx has no operating point 'strict'; it has: balanced"):
        old.at(PointName.STRICT, "old.onnx")


def test_the_shipped_model_has_a_balanced_point() -> None:
    assert Detector(SHIPPED_MODEL, operating_point="balanced").card.operating_point.false_alarm_rate is not None


@pytest.mark.parametrize(
    ("points", "message"),
    [
        pytest.param([("strict", 2), ("strict", 2)], "not each of strict, balanced, sensitive once", id="twice"),
        pytest.param([("lenient", 2)], "operating points are lenient", id="unknown name"),
        pytest.param([("strict", 1)], "not one threshold a class", id="too few thresholds"),
    ],
)
def test_a_card_with_broken_points_is_refused(points: list[tuple[str, int]], message: str) -> None:
    written = json.loads(model_card().model_dump_json())
    written["operating_points"] = [{"name": name, "thresholds": [0.5] * n} for name, n in points]
    metadata = to_metadata(model_card()) | {"parcelsight.card": json.dumps(written)}
    with pytest.raises(ModelError, match=f"broken.onnx carries a broken model card .*{message}"):
        from_metadata(metadata, "broken.onnx")


def test_screen_takes_an_operating_point(model: Path, tmp_path: Path) -> None:
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[5:30, 5:30] = (40, 90, 160)
    cv2.imwrite(str(tmp_path / "p.png"), picture)

    def screen(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "parcelsight.commands.main", "screen", "p.png", "--model", str(model), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    for name, found in (("strict", 1), ("sensitive", 3)):
        done = screen("--operating-point", name, "--json")
        assert done.returncode == 0 and len(json.loads(done.stdout)["detections"]) == found
    wrong = screen("--operating-point", "lenient")
    assert wrong.returncode == 2 and "'strict', 'balanced', 'sensitive'" in wrong.stderr


# --- choosing and measuring


def parcels_of(*scans: tuple[str, Scored]) -> list[Scored]:
    """Scans renamed; all of one group."""
    return [
        (Record(name, record.files, 100, 100, record.annotations, name.split("_")[0]), found)
        for name, (record, found) in scans
    ]


def test_views_of_one_parcel_are_one_parcel() -> None:
    names = ("p1_top", "p1_side", "p2_top", "p3", "p1_back")
    records = [record for record, _ in parcels_of(*((name, scored([], [])) for name in names))]
    assert parcel_numbers(records).tolist() == [0, 0, 1, 2, 3]


def test_a_threat_that_shows_in_one_view_makes_no_false_alarm_of_the_other() -> None:
    hidden = scored([], [(B, 0.9, PISTOL)])
    seen = scored([(A, "pistol")], [])
    free = [("p2_top", scored([], [(B, 0.3, PISTOL)])), ("p2_side", scored([], [(B, 0.6, CARTRIDGE)]))]
    found = threat_free_parcels(parcels_of(("p1_top", hidden), ("p1_side", seen), *free), len(CLASSES))
    assert found.scores.shape == (1, len(CLASSES)) and found.first_scan.tolist() == [2]
    assert found.scores[0, [PISTOL, CARTRIDGE]].tolist() == pytest.approx([0.3, 0.6])


def scene(seed: int, n: int) -> list[Scored]:
    """Threats found with any score, and threat-free parcels with quieter false alarms; two views each."""
    rng = np.random.default_rng(seed)
    scans: list[tuple[str, Scored]] = []
    for i in range(n):
        for view in ("top", "side"):
            claims = [(FAR, float(rng.beta(1, 6)), PISTOL)]
            labels = [(A, "pistol")] if i % 2 else []
            if labels and rng.random() < 0.9:
                claims.append((A, float(rng.beta(4, 2)), PISTOL))
            scans.append((f"p{i}_{view}", scored(labels, claims)))
    return parcels_of(*scans)


def test_points_keep_their_budgets_and_are_ordered() -> None:
    scans = scene(1, 1200)
    sample = sample_of(scans, EvaluationSettings(replicates=100))
    free = threat_free_parcels(scans, len(CLASSES)).scores
    points = chosen_points(free, ThresholdRule.COMMON, 0.001, 0.02)
    told = [measure_point(point, sample, category("any threat"), free, CLASSES) for point in points]
    assert [point.resolved for point in points] == [True, True, True] and len(free) == 600
    for name, point in zip(PointName, told, strict=True):
        assert point.name is name and point.budget == name.budget
        assert point.false_alarm_rate and point.false_alarm_rate.value <= name.budget < point.false_alarm_rate.high
        assert point.parcel_recall and point.object_recall and point.parcel_recall.n == 600
        assert point.parcel_recall.value > point.object_recall.value  # two views, two chances
    found = [point.object_recall.value for point in told if point.object_recall]
    assert found == sorted(found) and found[0] < found[-1]


def test_a_threshold_chosen_on_the_measured_scans_widens_the_interval() -> None:
    """The recall at a false-alarm rate is uncertain by the threshold too; leaving that out would flatter."""
    scans = scene(2, 120)
    sample = sample_of(scans, EvaluationSettings(replicates=400))
    free = threat_free_parcels(scans, len(CLASSES))
    draws = sample.weights[:, free.first_scan]
    hits = hits_of(scans, category("pistol"))
    widths = {}
    for own in (None, draws):
        point = chosen_points(free.scores, ThresholdRule.COMMON, 0.001, 0.05, own)[1]
        told = recalls(point, category("pistol"), hits, sample).objects
        widths[own is None] = told.high - told.low
        assert told.low <= told.value <= told.high
    assert widths[False] > 1.2 * widths[True]


def test_recalls_by_hand() -> None:
    scans = parcels_of(
        ("p1", scored([(A, "pistol"), (B, "cartridge")], [(A, 0.9, PISTOL), (B, 0.4, CARTRIDGE)])),
        ("p2", scored([(A, "pistol")], [(FAR, 0.8, CARTRIDGE)])),
        ("p3", scored([], [(A, 0.45, PISTOL)])),
    )
    sample = sample_of(scans, EvaluationSettings(replicates=100))
    point = Point(PointName.BALANCED, None, np.full(len(CLASSES), 0.5, np.float32), True)
    pistol = recalls(point, category("pistol"), hits_of(scans, category("pistol")), sample)
    assert (pistol.objects.value, pistol.parcels.value) == (0.5, 1.0)  # p2 alarms, though beside its pistol
    ammunition = recalls(point, category("ammunition"), hits_of(scans, category("ammunition")), sample)
    assert (ammunition.objects.value, ammunition.parcels.value) == (0.0, 1.0)
    told = measure_point(
        point, sample, categories_of(CLASSES)[-1], threat_free_parcels(scans, len(CLASSES)).scores, CLASSES
    )
    assert told.object_recall and told.object_recall.value == pytest.approx(1 / 3)
    assert told.false_alarm_rate and (told.false_alarm_rate.value, told.false_alarm_rate.n) == (0.0, 1)
