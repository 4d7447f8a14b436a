"""Training recipes: what the shipped ones say, what a wrong one is told, and that variation keeps a picture X-ray."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("albumentations", reason="training packages are not installed: pip install 'parcelsight[train]'")

from parcelsight.configs.loading import shipped
from parcelsight.detector.errors import ConfigError
from parcelsight.training.augmentation import make_augment
from parcelsight.training.recipe import Augmentation, TrainingRecipe, load_recipe


@pytest.mark.parametrize("name", sorted(shipped("recipes")))
def test_shipped_recipes_load_and_name_themselves(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.data == (), "a shipped recipe knows no one's folders"


def test_nano_begins_with_the_networks_own_coco_weights() -> None:
    assert load_recipe("nano").start_weights_name == "yolo26n"
    assert load_recipe("smoke").start_weights_name is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"name": "x", "epoch": 3}, "^epoch: unknown key"),
        ({"name": "x", "augmentation": {"mosaic": 1.0}}, "^augmentation.mosaic: unknown key"),
        ({"name": "x", "augmentation": {"hue": 0.1}}, "^augmentation.hue: unknown key"),
        ({}, "^name: "),
        ({"name": "../x"}, "^name: "),
        ({"name": "x", "input_px": 100}, "^input_px: .*multiple of 32"),
        ({"name": "x", "epochs": 0}, "^epochs: "),
        ({"name": "x", "learning_rate": float("nan")}, "^learning_rate: "),
        ({"name": "x", "network": "yolo11n"}, "^network: .*'yolo26n'"),
        ({"name": "x", "device": "tpu"}, "^device: "),
        ({"name": "x", "labels": []}, "^labels: .*names no label"),
        ({"name": "x", "labels": ["pistol", "banana"]}, "^labels: .*unknown label 'banana'"),
        ({"name": "x", "labels": ["pistol", "pistol"]}, "^labels: .*twice"),
        ({"name": "x", "augmentation": {"flip_horizontal": 2}}, "^augmentation.flip_horizontal: "),
    ],
)
def test_wrong_recipes_are_told_the_key(tmp_path: Path, content: dict[str, object], says: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=says) as caught:
        load_recipe(file)
    assert "wrong.yaml" in caught.value.message
    assert caught.value.remedy


def test_data_is_relative_to_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ndata: scans\n")
    assert load_recipe(tmp_path / "mine.yaml").data == (tmp_path / "scans",)


def test_a_recipe_survives_being_written_and_read(tmp_path: Path) -> None:
    recipe = load_recipe("nano").model_copy(update={"labels": ("firearm", "pistol"), "data": (tmp_path,)})
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert load_recipe(tmp_path / "again.yaml") == recipe


_BOXES = np.array([[20, 30, 60, 50], [0, 0, 96, 96]], np.float32)
_IDS = np.array([2, 0])


def _parcel() -> np.ndarray:
    rgb = np.full((96, 96, 3), 255, np.uint8)
    rgb[30:50, 20:60] = (40, 70, 150)  # metal: blue
    rgb[60:80, 20:60] = (220, 150, 60)  # organic: orange
    return rgb


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_variation_keeps_size_bounds_and_repeats_itself(seed: int) -> None:
    augment = make_augment(Augmentation())
    rgb, xyxy, class_ids = augment(_parcel(), _BOXES, _IDS, seed)
    assert rgb.shape == (96, 96, 3) and rgb.dtype == np.uint8
    assert len(xyxy) == len(class_ids) <= 2
    assert ((xyxy >= 0) & (xyxy <= 96)).all() and (xyxy[:, 2:] > xyxy[:, :2]).all()
    again = augment(_parcel(), _BOXES, _IDS, seed)
    assert np.array_equal(rgb, again[0]) and np.array_equal(xyxy, again[1]) and np.array_equal(class_ids, again[2])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_variation_keeps_the_material_code(seed: int) -> None:
    rgb, xyxy, class_ids = make_augment(Augmentation(grey=0, noise=0))(_parcel(), _BOXES[:1], _IDS[:1], seed)
    if len(xyxy) == 0:
        return
    x, y = ((xyxy[0, :2] + xyxy[0, 2:]) / 2).astype(int)
    red, green, blue = rgb[min(y, 95), min(x, 95)].astype(int)
    assert blue > green >= red, "what was metal blue is still blue"
    assert class_ids.tolist() == [2]


def test_what_moves_into_view_is_air() -> None:
    settings_ = Augmentation(scale=0.0, translate=0.5, gain=0, brightness=0, noise=0, blur=0, grey=0)
    dark = np.zeros((64, 64, 3), np.uint8)
    shifted = make_augment(settings_)(dark, _BOXES[:0], _IDS[:0], 5)[0]
    assert set(np.unique(shifted)) == {0, 255}


def test_everything_off_changes_nothing() -> None:
    off = Augmentation(
        flip_horizontal=0,
        flip_vertical=0,
        rotate_90=0,
        scale=0,
        translate=0,
        gain=0,
        brightness=0,
        noise=0,
        blur=0,
        grey=0,
    )
    rgb, xyxy, class_ids = make_augment(off)(_parcel(), _BOXES, _IDS, 1)
    assert np.array_equal(rgb, _parcel())
    np.testing.assert_allclose(xyxy, _BOXES, atol=1e-4)
    assert class_ids.tolist() == _IDS.tolist()


def test_recipes_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainingRecipe(name="x").epochs = 3
