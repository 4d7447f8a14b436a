"""Label files from strangers: bombs, pipes, absurd numbers and names end in one line or in a sound set."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parcelsight.configs.loading import parse_yaml
from parcelsight.datasets.conversion import open_with_splits, write_as
from parcelsight.datasets.files import written_whole
from parcelsight.datasets.formats.problems import Problems
from parcelsight.datasets.formats.sources import picture_size, read_json, read_text, read_yaml, safe_stem
from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.writers import write_picture
from parcelsight.detector.errors import AnnotationError, ConfigError, ParcelSightError, ScanError

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)


def yaml_bomb(levels: int = 12) -> str:
    """Nine times as many values a level; written out they would fill any memory."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join([*lines, f"names: *a{levels - 1}"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (yaml_bomb(), "at line 2 (aliases are not read)"),
        ("[" * 100_000, "not valid YAML"),
        (f"names: {'9' * 10_000}", "not valid YAML"),
        ("when: 2026-99-99", "not valid YAML"),
        ("names: [a]\nnames: [b]", "(a key is written twice)"),
        ("x: !!python/object/apply:os.system [ls]", "not valid YAML at line 1"),
        ("? [a]\n: b", "not valid YAML at line 1"),
        ("a: [", "not valid YAML at line"),
    ],
    ids=["bomb", "deep", "endless number", "no date", "key twice", "code", "list as key", "syntax"],
)
def test_yaml_that_is_not_taken(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "recipe.yaml")
    assert caught.value.message.startswith("recipe.yaml: ") and says in caught.value.message and caught.value.remedy
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(AnnotationError, match="data.yaml: not valid YAML"):
        read_yaml(tmp_path / "data.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 200_000, "not usable JSON"),
        (f'{{"id": {"9" * 10_000}}}', "not usable JSON"),
        ('{"images": [], "images": [1]}', "key 'images' is written twice"),
        ('{"images": [', "not valid JSON at line 1"),
    ],
    ids=["deep", "endless number", "key twice", "cut"],
)
def test_json_that_is_not_taken(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(AnnotationError) as caught:
        read_json(tmp_path / "train.json")
    assert "train.json: " in caught.value.message and says in caught.value.message and caught.value.remedy


@pytest.mark.parametrize("read", [read_text, picture_size], ids=["labels", "picture"])
def test_a_pipe_is_never_waited_for(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParcelSightError, match="pipe is no regular file"):
        read(tmp_path / "pipe")


def test_a_damaged_tiff_header_is_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = tmp_path / "x.tif"
    for _ in range(200):
        path.write_bytes(b"II*\0\x08\0\0\0" + rng.bytes(300))
        with pytest.raises(ScanError, match="x.tif"):
            picture_size(path)


def coco(root: Path, image: dict[str, Any], annotation: dict[str, Any] | None = None) -> Path:
    """A COCO set of one sound scan and the given one."""
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for name in ("sound.png", "a.png"):
        write_picture(root / "images" / name, PICTURE)
    images = [{"id": 1, "file_name": "sound.png"}, {"id": 2, "file_name": "a.png"} | image]
    objects = [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 20, 30]} | (annotation or {})]
    document = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "pistol"}]}
    (root / "annotations" / "train.json").write_text(json.dumps(document))
    return root


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ({"width": 10**4000, "height": 40}, {}),
        ({"width": 1e300, "height": float("inf")}, {}),
        ({"width": True, "height": -3}, {}),
        ({}, {"area": -(10**4000)}),
        ({}, {"area": 10**4000}),
        ({"scan_id": "\ud800\udcff"}, {}),
        ({"scan_id": "../../up"}, {}),
        ({"scan_id": "\x1b[2J" + "包" * 300}, {}),
    ],
    ids=["huge width", "no number", "no size", "negative area", "huge area", "no text", "climbs", "long and hostile"],
)
def test_absurd_fields_end_in_a_sound_set(tmp_path: Path, image: dict[str, Any], annotation: dict[str, Any]) -> None:
    dataset, splits = open_with_splits(coco(tmp_path / "in", image, annotation), "auto", Problems())
    assert [(record.width_px, record.height_px) for record in dataset] == [(60, 40), (60, 40)]
    write_as(dataset, tmp_path / "out", "native", "copy", splits)
    again = open_dataset(tmp_path / "out")
    assert [record.scan_id for record in again] == [record.scan_id for record in dataset]
    assert all(record.files[0].resolve().is_relative_to(tmp_path / "out") for record in again)


@pytest.mark.parametrize("name", ["/", ".", "..", "../../../etc/passwd", "/etc/passwd", "C:\\x.png", "a\0b.png", ""])
def test_pictures_outside_the_set_are_set_aside(tmp_path: Path, name: str) -> None:
    problems = Problems()
    dataset = open_dataset(coco(tmp_path, {"file_name": name}), problems=problems)
    assert [record.scan_id for record in dataset] == ["sound"] and problems.scans_set_aside()


def test_no_file_that_is_no_picture_is_copied_out_of_another_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("-----BEGIN PRIVATE KEY-----")
    root = coco(tmp_path / "in", {"width": 60, "height": 40})
    (root / "images" / "a.png").unlink()
    (root / "images" / "a.png").symlink_to(tmp_path / "secret")
    dataset = open_dataset(root)
    with pytest.raises(ScanError, match="a.png: not a picture"):
        write_as(dataset, tmp_path / "out", "native", "copy", {})
    assert "PRIVATE" not in "".join(path.read_text("latin-1") for path in tmp_path.glob("out/**/*") if path.is_file())


def test_file_names_of_different_scans_differ() -> None:
    long = "s" * 240
    ids = [
        "a:b",
        "a%3Ab",
        f"{long}1",
        f"{long}2",
        "..",
        "包" * 100 + "1",
        "包" * 100 + "2",
        "\udcff",
        "\ud800",
        " a",
        "a",
    ]
    stems = [safe_stem(scan_id) for scan_id in ids]
    assert len(set(stems)) == len(ids) and safe_stem("lane 2/P01200") == "lane 2/P01200"
    assert all(len(f"{stem}_high.tiff".encode()) < 256 and "/" not in stem for stem in stems)


def test_temporary_names_fit_and_cannot_be_guessed(tmp_path: Path) -> None:
    target = tmp_path / f"{'包' * 80}.png"
    names = []
    for _ in range(2):
        with written_whole(target) as temporary:
            temporary.write_bytes(b"x")
            names.append(temporary.name)
    assert target.read_bytes() == b"x" and len(set(names)) == 2 and list(tmp_path.iterdir()) == [target]
