"""What the network is given: transmissions until they are varied, the same pictures when resumed, and on a sheet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

if any(find_spec(package) is None for package in ("torch", "ultralytics", "albumentations")):
    pytest.skip("training packages are not installed: pip install 'parcelsight[train]'", allow_module_level=True)

from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.native import write_native
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.datasets.writers import write_dual_energy
from parcelsight.detector.errors import ParcelSightError, RunError
from parcelsight.detector.lesson import Lesson
from parcelsight.detector.network import EnginePictures
from parcelsight.detector.start_weights import SHIPPED, find_start_weights
from parcelsight.training.material import Material, open_splits, prepare
from parcelsight.training.recipe import Augmentation, TrainingRecipe, Transmissions
from parcelsight.training.train import make_lesson
from tests.tiny_scans import write_tiny


@pytest.fixture(scope="module")
def dual_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six dual-energy scans of 90×60 px with a metal bar each."""
    folder = tmp_path_factory.mktemp("dual")
    records = []
    for number in range(6):
        levels = np.full((60, 90, 2), AIR_LEVEL, np.uint16)
        levels[8:52, 6:84] = (54_000, 55_000)
        levels[20:40, 20 + number : 54 + number] = (6_000, 18_000)
        file = folder / f"scan{number}.tif"
        write_dual_energy(file, levels, 1.0)
        label = Annotations.of([[20 + number, 20, 54 + number, 40]], ["pistol"])
        records.append(Record(f"scan{number}", (file,), 90, 60, label, f"scan{number}"))
    ids = [record.scan_id for record in records]
    dataset = Dataset("dual", "CC0", ("pistol",), tuple(records))
    write_native(dataset, folder / "set", splits={"train": ids[:4], "val": ids[4:]})
    return folder / "set"


def material_of(data: Path, **changes: object) -> tuple[TrainingRecipe, Material]:
    recipe = TrainingRecipe(name="x", data=(data,), input_px=64, **changes)  # type: ignore[arg-type]
    return recipe, prepare(recipe, open_splits(recipe), ("pistol",), lambda done, total: None)


def lesson_of(recipe: TrainingRecipe, material: Material) -> Lesson:
    return make_lesson(recipe, Path(), material, "cpu")


def test_transmissions_stay_what_they_are_until_they_are_varied(dual_set: Path) -> None:
    recipe, material = material_of(dual_set)
    learned, validated = material.train.pictures[0].read(), material.val.pictures[0].read()
    assert learned.dtype == np.uint16 and learned.shape == (60, 90, 2)
    scan = read_scan(dual_set / "scans" / "scan4.tif")
    assert np.array_equal(validated, canonical_rgb(scan)), "validation sees what the runtime sees"
    lesson = lesson_of(recipe, material)
    pictures = EnginePictures(lesson.train, lesson, varied=True)
    kept = pictures._square(0)
    assert kept.pixels.dtype == np.uint16 and kept.pixels.shape == (64, 64, 2)
    assert (kept.pixels[0] == AIR_LEVEL).all(), "what surrounds the scan is air"
    assert kept.content_px == (0, 10, 64, 53)
    item = pictures[0]["img"].numpy()
    assert item.shape == (3, 64, 64) and item.dtype == np.uint8


def test_every_epoch_shows_another_scanner(dual_set: Path) -> None:
    looks = Augmentation(transmissions=Transmissions(looks=1))
    recipe, material = material_of(dual_set, augmentation=looks)
    lesson = lesson_of(recipe, material)
    pictures = EnginePictures(lesson.train, lesson, varied=True)
    tones = set()
    for pictures.epoch in range(12):
        tones.add(tuple(pictures[0]["img"].numpy().reshape(3, -1).min(axis=1) // 16))
    assert len(tones) > 6


def test_a_network_is_taught_on_windows_and_validated_on_whole_scans(dual_set: Path) -> None:
    recipe, material = material_of(dual_set, augmentation=Augmentation(window_px=32, transmissions=Transmissions()))
    lesson = lesson_of(recipe, material)
    taught = EnginePictures(lesson.train, lesson, varied=True)
    for position in range(len(taught)):
        item = taught[position]
        assert item["img"].shape == (3, 32, 32) and item["ori_shape"] == (32, 32)
        edges = item["bboxes"].numpy()
        assert (edges[:, :2] - edges[:, 2:] / 2 >= -1e-6).all() and (edges[:, :2] + edges[:, 2:] / 2 <= 1 + 1e-6).all()
    assert EnginePictures(lesson.val, lesson, varied=False)[0]["img"].shape == (3, 64, 64)


@pytest.mark.parametrize("kind", ["dual-energy", "coloured"])
def test_a_resumed_training_sees_the_same_pictures(kind: str, dual_set: Path, tmp_path: Path) -> None:
    data = dual_set if kind == "dual-energy" else write_tiny(tmp_path)
    recipe, material = material_of(data, augmentation=Augmentation(mix=0.7, threats=0.7))

    def shown(epochs: range) -> list[bytes]:
        lesson = lesson_of(recipe, material)
        pictures = EnginePictures(lesson.train, lesson, varied=True)
        content = []
        for pictures.epoch in epochs:
            content += [pictures[i]["img"].numpy().tobytes() for i in range(len(pictures))]
            content += [pictures[i]["bboxes"].numpy().tobytes() for i in reversed(range(len(pictures)))]
        return content

    unbroken = shown(range(3))
    assert shown(range(2)) + shown(range(2, 3)) == unbroken
    assert unbroken[: len(unbroken) // 3] != unbroken[len(unbroken) // 3 : 2 * len(unbroken) // 3]


def test_the_sheet_shows_training_pictures(dual_set: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.jpg"
    run = CliRunner().invoke(app, ["train", "smoke", "--data", str(dual_set), "--show", str(sheet)])
    assert run.exit_code == 0, run.output
    drawn = np.asarray(cv2.imread(str(sheet)))
    assert drawn.shape[0] > 2 * 96 and not (tmp_path / "runs").exists()
    assert (np.abs(drawn.astype(int) - (200, 0, 255)).max(axis=2) < 60).any(), "boxes are drawn"


def test_a_sheet_that_is_no_picture_is_refused(dual_set: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["train", "smoke", "--data", str(dual_set), "--show", str(tmp_path / "sheet.txt")])
    assert isinstance(run.exception, ParcelSightError) and "name it .png" in str(run.exception)


def test_shipped_start_weights_are_found_or_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "parcelsight-n.pt"
    monkeypatch.setattr("parcelsight.detector.start_weights.SHIPPED_START_WEIGHTS", weights)
    with pytest.raises(RunError, match="no parcelsight-n.pt") as caught:
        find_start_weights(SHIPPED)
    assert "start_weights: auto" in caught.value.remedy
    weights.write_bytes(b"weights")
    assert find_start_weights(SHIPPED) == weights
