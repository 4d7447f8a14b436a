"""Training recipes: what the shipped ones say, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from parcelsight.configs.loading import shipped
from parcelsight.detector.errors import ConfigError
from parcelsight.training.recipe import TrainingRecipe, load_recipe


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
        ({"name": "x", "augmentation": {"mix": 1.5}}, "^augmentation.mix: "),
        ({"name": "x", "augmentation": {"looks": 1}}, "^augmentation.looks: unknown key"),
        ({"name": "x", "augmentation": {"transmissions": {"looks": -1}}}, "^augmentation.transmissions.looks: "),
        ({"name": "x", "augmentation": {"transmissions": {"hue": 1}}}, "^augmentation.transmissions.hue: unknown key"),
        ({"name": "x", "sampling": {"rare": 1}}, "^sampling.rare: unknown key"),
        ({"name": "x", "sampling": {"rare_classes": 2}}, "^sampling.rare_classes: "),
        ({"name": "x", "sampling": {"threat_free": 1}}, "^sampling.threat_free: "),
        ({"name": "x", "sampling": {"hard_negative_weight": 0}}, "^sampling.hard_negative_weight: "),
        ({"name": "x", "sampling": {"pictures": 0}}, "^sampling.pictures: "),
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
    (tmp_path / "mine.yaml").write_text("name: mine\ndata: scans\nsampling: {hard_negatives: hard.json}\n")
    assert load_recipe(tmp_path / "mine.yaml").data == (tmp_path / "scans",)
    assert load_recipe(tmp_path / "mine.yaml").sampling.hard_negatives == tmp_path / "hard.json"


def test_a_recipe_survives_being_written_and_read(tmp_path: Path) -> None:
    recipe = load_recipe("nano").model_copy(update={"labels": ("firearm", "pistol"), "data": (tmp_path,)})
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert load_recipe(tmp_path / "again.yaml") == recipe


def test_recipes_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainingRecipe(name="x").epochs = 3
