"""One scan in, exactly one verdict out: verdicts by rule, dense areas by physics, records for programs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ModelError
from parcelsight.inference.dense import DensePolicy, dense_areas
from parcelsight.inference.detector import Detector
from parcelsight.inference.report import to_json_line
from parcelsight.inference.screening import screen_scan, unscreened
from parcelsight.inference.verdicts import Verdict
from tests.models import constant_model, dark_model, model_card, save

NAN_ROW = (0.0, 0.0, 9.0, 9.0, float("nan"), 0.0)


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(save(dark_model(), tmp_path_factory.mktemp("model") / "dark.onnx"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """A detector that claims nothing."""
    row = (0.0, 0.0, 9.0, 9.0, 0.1, 0.0)
    return Detector(save(constant_model([row]), tmp_path_factory.mktemp("model") / "quiet.onnx"))


def colour(level: int, size_px: int = 40) -> Scan:
    """A white picture of 200×100 with a square of one grey level, as a scanner's colours."""
    rgb = np.full((100, 200, 3), 255, np.uint8)
    rgb[30 : 30 + size_px, 50 : 50 + size_px] = level
    rgb[0, 0] = (255, 250, 200)
    return Scan("colour.png", rgb, ScanKind.PSEUDO_COLOUR)


def dual(low: float, high: float, size_px: int = 40, dtype: Any = np.uint16, pitch_mm: float | None = 1.0) -> Scan:
    """A dual-energy scan of 200×100 with a square of the given transmissions."""
    pixels = np.ones((100, 200, 2), np.float32)
    pixels[30 : 30 + size_px, 50 : 50 + size_px] = low, high
    if dtype == np.uint16:
        pixels = np.rint(pixels * AIR_LEVEL)
    return Scan("dual.tiff", pixels.astype(dtype), ScanKind.DUAL_ENERGY, pitch_mm)


def striped(height_px: int, width_px: int, pitch_mm: float | None = None) -> Scan:
    """Something to see in every part of a picture of any shape."""
    stripes = np.where(np.arange(height_px)[:, None] // 3 + np.arange(width_px) // 3 & 1, 255, 100)
    return Scan("striped", stripes.astype(np.uint8), ScanKind.GREY, pitch_mm)


# --- dense areas

SQUARE = [[50.0, 30.0, 90.0, 70.0]]


@pytest.mark.parametrize(
    ("scan", "expected"),
    [
        (dual(0.001, 0.002), SQUARE),
        (dual(0.001, 0.002, dtype=np.float32), SQUARE),
        (dual(-1.5, -2.0, dtype=np.float32), SQUARE),
        (dual(0.001, 0.2), []),
        (dual(0.2, 0.001), []),
        (dual(0.01, 0.01), []),
        (dual(0.001, 0.001, size_px=19), []),
        (dual(0.001, 0.001, size_px=19, pitch_mm=2.0), [[50, 30, 69, 49]]),
        (dual(0.001, 0.001, size_px=4, pitch_mm=None), []),
        (dual(0.001, 0.001, size_px=5, pitch_mm=None), [[50, 30, 55, 35]]),
        (colour(20), SQUARE),
        (colour(60), []),
        (colour(0, size_px=9), []),
        (Scan("grey", colour(20).pixels[:, :, 0].copy(), ScanKind.GREY), SQUARE),
        (Scan("grey", dual(0.001, 1.0).pixels[:, :, 0].copy(), ScanKind.GREY), SQUARE),
    ],
    ids=[
        "both energies, 16 bit",
        "both energies, float",
        "float far below 0",
        "low only",
        "high only",
        "above the floor",
        "under 400 mm² at 1 mm",
        "over 400 mm² at 2 mm",
        "under the fraction, no pitch",
        "over the fraction, no pitch",
        "dark colours",
        "dim colours",
        "dark but small",
        "dark grey, 8 bit",
        "grey, 16 bit",
    ],
)
def test_dense_areas(scan: Scan, expected: list[list[float]]) -> None:
    assert dense_areas(scan).tolist() == expected


def test_dense_areas_come_largest_first_and_touch_over_corners() -> None:
    pixels = np.full((60, 60), 255, np.uint8)
    pixels[5:10, 5:10] = pixels[30:40, 30:40] = pixels[40:50, 40:50] = 0
    found = dense_areas(Scan("s", pixels, ScanKind.GREY), DensePolicy(min_dark_fraction=0.0))
    assert found.tolist() == [[30, 30, 50, 50], [5, 5, 10, 10]]


def test_frames_and_lines_are_not_dense_areas() -> None:
    pixels = np.full((300, 400), 255, np.uint8)
    pixels[-4:] = pixels[:, -4:] = pixels[:, 100:104] = 0
    assert len(dense_areas(Scan("framed", pixels, ScanKind.GREY))) == 0
    pixels[260:, 300:] = 0
    assert dense_areas(Scan("cut by the edge", pixels, ScanKind.GREY)).tolist() == [[300, 260, 400, 300]]


# --- verdicts


def test_alarm_names_the_classes_and_mentions_density(dark: Detector) -> None:
    screened = screen_scan(dark, colour(10), read_ms=2.5)
    assert screened.verdict is Verdict.ALARM and screened.reason == "pistol 0.90; 1 area too dense to judge"
    assert list(screened.timing_ms) == ["read", "render", "detect", "dense", "total"]
    assert screened.timing_ms["total"] >= sum(list(screened.timing_ms.values())[:-1]) - 1e-6


@pytest.mark.parametrize(
    ("scan", "verdict", "reason"),
    [
        (dual(0.001, 0.001), Verdict.REVIEW, "1 area too dense to judge"),
        (dual(0.5, 0.6), Verdict.NO_ALARM, "nothing above the thresholds of the operating point 'test'"),
        (colour(100), Verdict.NO_ALARM, "nothing above"),
        (colour(255), Verdict.UNSCREENED, "blank: "),
        (Scan("b", np.zeros((50, 50), np.uint8), ScanKind.GREY), Verdict.UNSCREENED, "blank: "),
        (striped(5000, 1), Verdict.REVIEW, "1×5000 pixels are too few to judge: give"),
        (striped(15, 90), Verdict.REVIEW, "90×15 pixels are too few to judge: give"),
        (striped(100, 9_800), Verdict.REVIEW, "9800×100 pixels are too long and narrow to judge: cut"),
        (striped(100, 9_600), Verdict.NO_ALARM, "nothing above"),
        (striped(400, 400, 1.0), Verdict.REVIEW, "too large to judge: one pixel would show 6 mm; cut"),
        (striped(200, 400, 0.9), Verdict.NO_ALARM, "nothing above"),
        (striped(100, 400, 1.0), Verdict.NO_ALARM, "nothing above"),
        (striped(100, 300, 1.0), Verdict.NO_ALARM, "nothing above"),
    ],
    ids=[
        "dense",
        "clear",
        "clear colours",
        "all air",
        "all black",
        "a line",
        "a thumbnail",
        "more than 64 tiles",
        "64 tiles",
        "four metres each way",
        "short tiles",
        "four metres in tiles",
        "three metres",
    ],
)
def test_verdicts(quiet: Detector, scan: Scan, verdict: Verdict, reason: str) -> None:
    screened = screen_scan(quiet, scan)
    assert screened.verdict is verdict and screened.reason.startswith(reason) and len(screened.detections) == 0


def test_a_blank_scan_is_never_cleared_even_by_an_alarm(dark: Detector) -> None:
    assert screen_scan(dark, Scan("b", np.zeros((50, 50), np.uint8), ScanKind.GREY)).verdict is Verdict.UNSCREENED


class Breaks:
    """A detector that fails while it detects."""

    card = model_card()

    def __init__(self, error: Exception) -> None:
        self._error = error

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        raise self._error


@pytest.mark.parametrize(
    ("error", "reason", "logged"),
    [
        (ModelError("m.onnx gave NaN", "use another"), "m.onnx gave NaN; use another", False),
        (ZeroDivisionError("oops"), "internal error: ZeroDivisionError: oops", True),
        (MemoryError(), "internal error: MemoryError: ", True),
    ],
    ids=["model error", "program error", "out of memory"],
)
def test_a_scan_that_breaks_the_program_is_unscreened(
    error: Exception, reason: str, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        screened = screen_scan(Breaks(error), colour(100))  # type: ignore[arg-type]
    assert (screened.verdict, screened.reason) == (Verdict.UNSCREENED, reason)
    assert ("colour.png" in caplog.text) == logged


# --- records


def test_the_json_line_has_exactly_the_documented_keys(dark: Detector) -> None:
    line = to_json_line(screen_scan(dark, colour(10)), dark.card)
    record = json.loads(line)
    assert "\n" not in line
    assert list(record) == ["scan", "verdict", "reason", "detections", "dense", "timing_ms"]
    assert list(record["detections"][0]) == ["xyxy_px", "score", "class", "group"]
    assert record["detections"][0]["group"] == "firearm"
    assert record["dense"] == [{"xyxy_px": [50, 30, 90, 70]}]
    assert all(round(edge, 1) == edge for edge in record["detections"][0]["xyxy_px"])


@pytest.mark.parametrize("name", ["ä\n\x1b[31m", "\udcff.png", "日本.jpg"], ids=["escape", "not UTF-8", "Japanese"])
def test_any_file_name_makes_one_ascii_line(dark: Detector, name: str) -> None:
    line = to_json_line(unscreened(name, f"{Path(name)} is damaged"), dark.card)
    assert line.isascii() and "\n" not in line and json.loads(line)["scan"] == name
