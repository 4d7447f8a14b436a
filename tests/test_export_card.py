"""What export writes into the card: temperatures and operating points, from validation scans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.commands.export_card import Calibration, measured
from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.card import ClassSpec, PointName
from parcelsight.detector.detections import Detections
from parcelsight.detector.taxonomy import Group
from parcelsight.training.scoring import Part

CLASSES = (
    ClassSpec(name="pistol", group=Group.FIREARM, threshold=0.25),
    ClassSpec(name="cartridge", group=Group.AMMUNITION, threshold=0.25),
)


def part(folder: Path, threats: bool = True) -> Part:
    """Scans with one square each, whose darkness tells how likely it is a pistol; some are."""
    rng = np.random.default_rng(4)
    records = []
    for i in range(160):
        level = int(rng.integers(5, 200))
        rgb = np.full((32, 48, 3), 255, np.uint8)
        rgb[8:24, 8:40] = level
        path = folder / f"s{i:03}.png"
        cv2.imwrite(str(path), rgb)
        is_gun = threats and rng.random() < 1 - level / 205
        labels = Annotations.of([(8, 8, 40, 24)], ["pistol"]) if is_gun else Annotations.empty()
        records.append(Record(path.stem, (path,), 48, 32, labels, path.stem))
    return Part(Dataset("squares", "made up", ("pistol",), tuple(records)), "val")


def boaster(temperature: float) -> Callable[[NDArray[np.uint8]], Detections]:
    """A detector that knows the odds and overstates them."""

    def predict(rgb: NDArray[np.uint8]) -> Detections:
        honest = 1 - float(rgb.min()) / 205
        score = 1 / (1 + (1 / honest - 1) ** temperature)
        return Detections(np.array([[8, 8, 40, 24]], np.float32), np.array([score], np.float32), np.zeros(1, np.int64))

    return predict


def test_a_boaster_is_cooled_and_its_points_are_measured_on_cooled_scores(tmp_path: Path) -> None:
    given = part(tmp_path)
    made, honest = (measured(boaster(t), CLASSES, given, 0.02, lambda: None) for t in (3.0, 1.0))
    assert isinstance(made, Calibration) and isinstance(honest, Calibration)
    assert made.classes[0].temperature == pytest.approx(3 * honest.classes[0].temperature, rel=0.2)
    assert made.classes[1].temperature == made.classes[0].temperature  # no cartridge: what all classes say
    assert made.error and made.error.after.value < made.error.before.value
    assert "fitted" in made.error.measured_on
    assert [point.name for point in made.points] == list(PointName)
    assert made.in_force is made.points[1] and made.in_force.thresholds == (made.classes[0].threshold,) * 2
    strict, balanced, sensitive = (point.thresholds[0] for point in made.points)
    assert strict >= balanced >= sensitive
    # Cooled, both detectors say nearly the same: so do their thresholds.
    assert balanced == pytest.approx(honest.in_force.thresholds[0], abs=0.05)
    for point in made.points:
        assert point.false_alarm_rate and point.budget and point.false_alarm_rate.value <= point.budget
        assert point.detection_rate and point.parcel_detection_rate and not point.resolved
        assert "squares (val), 160 parcels" in point.measured_on


def test_the_budget_of_the_balanced_point_can_be_another(tmp_path: Path) -> None:
    made = measured(boaster(1.0), CLASSES, part(tmp_path), 0.2, lambda: None)
    assert isinstance(made, Calibration)
    assert [point.budget for point in made.points] == [0.01, 0.2, 0.05] and made.in_force.resolved


def test_without_threat_free_parcels_it_says_why(tmp_path: Path) -> None:
    given = part(tmp_path)
    guns = Part(given.dataset.with_records([r for r in given.dataset if len(r.annotations)]), "val")
    assert measured(boaster(1.0), CLASSES, guns, 0.02, lambda: None) == (
        "squares has no threat-free parcel in its split val"
    )
