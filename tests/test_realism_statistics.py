"""The realism table: pictures of known content give the figures they must."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "realism_statistics.py"
MEASURES = runpy.run_path(str(SCRIPT))["measures"]


def picture(*, noise: float = 0.0) -> NDArray[np.uint8]:
    """A quarter orange matter on white with two black bars, 640 pixels wide."""
    canvas = np.full((480, 640, 3), 250.0)
    canvas[120:360, 160:480] = (60, 150, 230)
    canvas[140:160, 200:400] = canvas[300:320, 200:300] = 10
    canvas += np.random.default_rng(0).normal(0, noise, canvas.shape)
    return np.asarray(np.clip(canvas, 0, 255), np.uint8)


def test_known_content_gives_known_figures() -> None:
    found = MEASURES(picture())
    assert found["air share"] == pytest.approx(0.75, abs=0.02)
    assert found["orange"] == pytest.approx(0.92, abs=0.03) and found["blue"] == 0 and found["green"] == 0
    assert found["dense objects"] == 2
    assert found["the largest's long side"] == pytest.approx(200 / 640, abs=0.01)
    assert found["their long side, median"] == pytest.approx(150 / 640, abs=0.01)


def test_noise_is_seen_in_the_local_noise_only_of_matter() -> None:
    assert MEASURES(picture(noise=5.0))["local noise"] > MEASURES(picture())["local noise"] + 5


def test_an_empty_picture_is_all_air() -> None:
    assert MEASURES(np.full((64, 64, 3), 240, np.uint8)) == {"air share": 1.0}


def test_the_script_prints_a_column_for_each_folder(tmp_path: Path) -> None:
    for folder in ("real", "rendered"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), picture())
    folders = [str(tmp_path / "real"), str(tmp_path / "rendered")]
    done = subprocess.run([sys.executable, str(SCRIPT), *folders], capture_output=True, text=True, check=True)
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["real", "rendered"] and len(rows) >= 14


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and f"{tmp_path}: no pictures" in done.stderr
