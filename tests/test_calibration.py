"""Calibration: temperatures are found again where they are known, and the error is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from parcelsight.detector.calibration import calibrate, logit
from parcelsight.detector.card import ClassSpec
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.training.calibration import (
    FEWEST_RIGHT,
    FROM_SCORE,
    class_hits,
    fit_temperatures,
    reliability,
    telling,
    with_temperatures,
)
from parcelsight.training.hits import Hits
from parcelsight.training.intervals import bootstrap_weights
from tests.test_metrics import PISTOL, REVOLVER, A, B, C, scored

CLASSES = tuple(ClassSpec(name=name, group=TAXONOMY.groups[name], threshold=0.25) for name in TAXONOMY.groups)
SILENCER = TAXONOMY.class_id("silencer")


def hits(class_id: int, n: int, temperature: float, seed: int = 0) -> Hits:
    """Detections that are right as often as their scores say, then made too sure (or too shy) by a temperature."""
    rng = np.random.default_rng(seed)
    honest = rng.uniform(0.02, 0.98, n)
    score = 1 / (1 + np.exp(-logit(honest) * temperature))
    return Hits(
        scan=np.arange(n) % 50,
        class_id=np.full(n, class_id),
        score=score,
        right=rng.random(n) < honest,
        counted=np.ones(n, bool),
        objects=np.ones(50, np.int64),
    )


def joined(*parts: Hits) -> Hits:
    return Hits(
        scan=np.concatenate([part.scan for part in parts]),
        class_id=np.concatenate([part.class_id for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        right=np.concatenate([part.right for part in parts]),
        counted=np.concatenate([part.counted for part in parts]),
        objects=parts[0].objects,
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    fitted = fit_temperatures(hits(PISTOL, 4000, temperature), CLASSES)[PISTOL]
    assert fitted.fitted_on == "pistol" and fitted.value == pytest.approx(temperature, rel=0.1)


def test_too_few_objects_fall_back_to_the_group_then_to_all_then_to_none() -> None:
    few = FEWEST_RIGHT // 2
    given = joined(hits(PISTOL, 2000, 2.0), hits(REVOLVER, few, 0.5))
    fitted = fit_temperatures(given, CLASSES)
    assert [fitted[i].fitted_on for i in (PISTOL, REVOLVER, SILENCER)] == ["pistol", "firearm", "all classes"]
    assert fitted[REVOLVER].value > 1.5  # what the many pistols of its group say, not its own handful
    alone = fit_temperatures(hits(PISTOL, few, 2.0), CLASSES)
    assert {(each.value, each.fitted_on) for each in alone} == {(1.0, "nothing")}


def test_the_error_falls_by_calibration_and_is_known_by_hand() -> None:
    given = telling(hits(PISTOL, 4000, 2.0))
    weights = bootstrap_weights([str(i) for i in range(50)], 200, 0)
    temperature = fit_temperatures(given, CLASSES)[PISTOL].value
    warm = calibrate(given.score.astype(np.float32), np.full(len(given.score), temperature, np.float32))
    before, after = (reliability(given, weights, 50, score).error for score in (given.score, warm.astype(float)))
    assert before.value > 0.08 and after.value < 0.04 and after.high < before.low
    four = Hits(
        scan=np.array([0, 0, 1, 1]),
        class_id=np.zeros(4, np.int64),
        score=np.array([0.82, 0.88, 0.12, 0.18]),
        right=np.array([True, False, False, False]),
        counted=np.ones(4, bool),
        objects=np.ones(2, np.int64),
    )
    told = reliability(four, np.ones((100, 2), np.float32), 2, four.score)
    assert told.error.value == pytest.approx((2 * 0.35 + 2 * 0.15) / 4)
    assert [(each.detections, each.precision) for each in told.bins] == [(2, 0.0), (2, 0.5)]


def test_only_what_could_be_an_alarm_takes_part() -> None:
    scans = [scored([(A, "pistol")], [(A, 0.9, PISTOL), (B, 0.6, PISTOL), (C, FROM_SCORE / 2, PISTOL)])]
    given = telling(class_hits(scans, CLASSES))
    assert sorted(zip(given.score.round(2), given.right, strict=True)) == [(0.6, False), (0.9, True)]


def test_a_group_label_is_no_verdict_on_a_class() -> None:
    scans = [scored([(A, "firearm")], [(A, 0.9, PISTOL), (B, 0.6, PISTOL)])]
    assert telling(class_hits(scans, CLASSES)).score.round(2).tolist() == [0.6]
    coarse = (ClassSpec(name="firearm", group=TAXONOMY.groups["pistol"], threshold=0.5),)
    (one,) = telling(class_hits([scored([(A, "pistol")], [(A, 0.9, 0)])], coarse)).right
    assert one


def test_calibrated_detections_are_ranked_anew() -> None:
    _, found = scored([], [(A, 0.9, PISTOL), (B, 0.8, REVOLVER)])
    temperatures = [4.0 if i == PISTOL else 1.0 for i in range(len(CLASSES))]
    warm = with_temperatures(found, temperatures)
    assert warm.class_id.tolist() == [REVOLVER, PISTOL]
    assert warm.score.tolist() == pytest.approx([0.8, 1 / (1 + np.exp(-np.log(9) / 4))], rel=1e-4)
