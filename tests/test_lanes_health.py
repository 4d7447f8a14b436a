"""Image health: what one picture tells, what a lane is blamed for, and which silence is not believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.health import ImageHealth, doubted
from parcelsight.inference.lanes.jobs import Traits
from parcelsight.inference.lanes.state import Cause, State
from parcelsight.inference.lanes.traits import traits_of
from parcelsight.inference.verdicts import ScreenedScan, Verdict

SAMPLES = sorted(
    path for path in (Path(__file__).parents[1] / "datasets" / "samples").iterdir() if path.suffix in (".tif", ".jpg")
)
GOOD = Traits("", blank=False, saturated=0.0, dead_columns=0.0, disorder=0.4)


def sample(number: int = 0) -> Scan:
    return read_scan(SAMPLES[number])


def spoilt(change: Callable[[NDArray[Any]], NDArray[Any]], number: int = 0) -> Traits:
    scan = sample(number)
    return traits_of(replace(scan, pixels=np.ascontiguousarray(change(scan.pixels.copy()))))


def shuffled(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.random.default_rng(2).permutation(pixels, axis=0)


def dead_block(pixels: NDArray[Any]) -> NDArray[Any]:
    columns = pixels.shape[1]
    pixels[:, columns // 4 : columns // 4 + columns // 5] = 900
    return pixels


def one_dead_detector_in_air(pixels: NDArray[Any]) -> NDArray[Any]:
    pixels[:, 40::9] = 1000
    return pixels


def too_much_gain(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.minimum(pixels.astype(np.float64) * 1.6, 65_535).astype(np.uint16)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.name))
def test_a_good_scan_has_no_fault(path: Path) -> None:
    traits = traits_of(read_scan(path))
    assert not traits.blank and traits.saturated < 0.3 and traits.dead_columns < 0.02 and traits.disorder < 0.6


def test_shuffled_lines_show() -> None:
    assert spoilt(shuffled).disorder > 0.8


def test_dead_detectors_show() -> None:
    assert spoilt(dead_block).dead_columns == pytest.approx(0.2, abs=0.03)
    assert spoilt(one_dead_detector_in_air).dead_columns > 0.05


def test_too_much_gain_shows() -> None:
    assert spoilt(too_much_gain).saturated > 0.3


def test_nothing_to_see_shows_in_every_kind() -> None:
    for pixels, kind in (
        (np.full((60, 50, 2), AIR_LEVEL, np.uint16), ScanKind.DUAL_ENERGY),
        (np.zeros((60, 50, 3), np.uint8), ScanKind.PSEUDO_COLOUR),
        (np.ones((60, 50, 2), np.float32), ScanKind.DUAL_ENERGY),
        (np.full((3, 2), 255, np.uint8), ScanKind.GREY),
    ):
        traits = traits_of(Scan("s", pixels, kind))
        assert traits.blank and traits.disorder == 0


def test_equal_pixels_have_one_fingerprint_and_noise_changes_it() -> None:
    scan = sample()
    noisy = scan.pixels + np.random.default_rng(1).integers(0, 2, scan.pixels.shape, np.uint16)
    assert traits_of(scan).fingerprint == traits_of(replace(scan, scan_id="other")).fingerprint
    assert traits_of(scan).fingerprint != traits_of(replace(scan, pixels=noisy)).fingerprint


def looked(*traits: Traits) -> dict[Cause, State]:
    """Complaints after the last of these scans; pictures differ unless they have a fingerprint."""
    health, found = ImageHealth(), []
    for n, one in enumerate(traits):
        found = health.look(replace(one, fingerprint=one.fingerprint or str(n)))
    return {complaint.cause: complaint.state for complaint in found}


SAME = replace(GOOD, fingerprint="same")
WINDOWS: dict[str, tuple[list[Traits], dict[Cause, State]]] = {
    "good": ([GOOD] * 8, {}),
    "twice the same": ([GOOD, SAME, SAME], {}),
    "frozen": ([GOOD, SAME, SAME, SAME], {Cause.FROZEN: State.NOT_SCREENING}),
    "thawed": ([SAME, SAME, SAME, GOOD], {}),
    "one blank among good": ([GOOD, GOOD, replace(GOOD, blank=True)], {}),
    "blank": ([GOOD, *[replace(GOOD, blank=True)] * 3], {Cause.BLANK: State.NOT_SCREENING}),
    "saturated": ([replace(GOOD, saturated=0.7)] * 4, {Cause.SATURATED: State.NOT_SCREENING}),
    "one saturated": ([GOOD, GOOD, GOOD, replace(GOOD, saturated=0.7)], {}),
    "shuffled": ([GOOD, *[replace(GOOD, disorder=1.0)] * 4], {Cause.SHUFFLED: State.NOT_SCREENING}),
    "some dead": ([replace(GOOD, dead_columns=0.04)] * 3, {Cause.DEAD_COLUMNS: State.DEGRADED}),
    "many dead": ([replace(GOOD, dead_columns=0.2)] * 3, {Cause.DEAD_COLUMNS: State.NOT_SCREENING}),
    "too few to tell": ([replace(GOOD, disorder=1.0)] * 2, {}),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_a_lane_is_judged_by_its_window(case: str) -> None:
    traits, expected = WINDOWS[case]
    assert looked(*traits) == expected


def test_silence_of_a_bad_picture_is_not_believed() -> None:
    clear = ScreenedScan("s", Verdict.NO_ALARM, "nothing")
    alarm = ScreenedScan("s", Verdict.ALARM, "pistol 0.9")
    bad = replace(GOOD, disorder=1.0)
    review, cause = doubted(clear, bad, [])
    assert (review.verdict, cause) == (Verdict.REVIEW, None) and "out of order" in review.reason
    assert doubted(alarm, bad, [])[0] is alarm
    assert doubted(clear, GOOD, [])[0] is clear
    health = ImageHealth()
    for _ in range(3):
        complaints = health.look(SAME)
    frozen, cause = doubted(clear, SAME, complaints)
    assert (frozen.verdict, cause) == (Verdict.UNSCREENED, LossCause.FROZEN)
