"""The same scans in other colours: what the pictures become, and what a change means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parcelsight.training.evaluation import evaluate
from parcelsight.training.renderings import RENDERED, Rendering, grey, inverted, other_air
from parcelsight.training.scoring import Part
from tests.test_evaluate_verb import CLASSES, FAST, MODEL, darkest, dataset, scan

Rgb = NDArray[np.uint8]


def parcel(air: tuple[int, int, int], matter: tuple[int, int, int] = (60, 120, 180)) -> Rgb:
    rgb = np.full((40, 60, 3), air, np.uint8)
    rgb[10:30, 15:45] = matter
    return rgb


@pytest.mark.parametrize(
    ("air", "wanted"),
    [
        pytest.param((255, 255, 255), (205, 208, 214), id="white becomes grey"),
        pytest.param((251, 252, 250), (205, 208, 214), id="nearly white becomes grey"),
        pytest.param((222, 222, 222), (255, 255, 255), id="grey becomes white"),
        pytest.param((240, 244, 225), (255, 255, 255), id="tinted becomes white"),
        pytest.param((20, 20, 20), (20, 20, 20), id="too dark to be air"),
    ],
)
def test_air_gets_another_tone_and_matter_stays(air: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    changed = other_air(parcel(air))
    assert np.abs(changed[0, 0].astype(int) - wanted).max() <= 1
    assert (changed[20, 30] == (60, 120, 180)).all()


def test_grey_and_inverted_hold_brightness_alone() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    assert np.ptp(grey(rgb), axis=2).max() == 0
    assert (inverted(rgb) == 255 - grey(rgb)).all() and (inverted(inverted(rgb)) == grey(rgb)).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Rendering)))
@settings(max_examples=40, deadline=None)
def test_every_picture_keeps_its_shape(seed: int, rendering: Rendering) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (*rng.integers(1, 40, 2), 3)).astype(np.uint8)
    before = rgb.copy()
    made = RENDERED[rendering](rgb)
    assert made.shape == rgb.shape and made.dtype == np.uint8 and (rgb == before).all()


def test_a_detector_of_dark_things_is_blind_in_inverted_and_sees_no_difference_in_grey(tmp_path: Path) -> None:
    guns = [scan(tmp_path, f"gun{i}", 30, "pistol") for i in range(12)]
    bags = [scan(tmp_path, f"bag{i}", None, None) for i in range(30)]
    part = Part(dataset([*guns, *bags]))
    result = evaluate(darkest, MODEL, CLASSES, part, FAST, renderings=[Rendering.GREY, Rendering.INVERTED])
    same, turned = result.mirrors
    lines = {line.name: line for line in same.lines}
    assert set(lines) == {"pistol", "firearm", "any threat"}
    unchanged = lines["firearm"].ap50_change
    assert unchanged.value == 0 and -0.3 < unchanged.low < 0 < unchanged.high < 0.3  # twelve guns prove no more
    assert (same.scans, same.changed) == (42, 0)
    gone = {line.name: line for line in turned.lines}["firearm"]
    assert turned.changed == 42 and gone.ap50_change.high < -0.5
    assert gone.object_recall == 0 and gone.object_recall_change and gone.object_recall_change.value == -1
    assert turned.false_alarm_rate and turned.false_alarm_rate.value == 1  # air is dark now, and taken for a gun
    assert turned.false_alarm_change and 0.8 < turned.false_alarm_change.low < 1
