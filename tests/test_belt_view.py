"""The belt as people watch it: small pictures that agree with the lines, and watchers that cost the lane nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.belt import Lines
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.inference.lanes.belt_view import MOST_WAITING_BYTES, MOST_WATCHERS, BeltPicture, BeltView, Rows
from parcelsight.inference.stream.protocol import Hello
from tests.service_parts import running_service

DETECTORS = 600
HELLO = Hello(
    scanner="s", stream="s1", views=("top",), detectors=(DETECTORS,), pitch_mm=1.5, line_pitch_mm=1.5, line_rate_hz=333
)


def belt(rows: int, seed: int = 0) -> Lines:
    """Smooth levels (rows, DETECTORS, 2)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(8_000, 60_000, (rows // 12 + 1, DETECTORS // 12, 2))
    return np.ascontiguousarray(coarse.repeat(12, axis=0).repeat(12, axis=1)[:rows], np.uint16)


def shown(levels: Lines, sizes: list[int], first: int = 0) -> list[Rows]:
    """The belt in stretches of these sizes."""
    made, at = [], 0
    for size in sizes:
        places = np.arange(first + at, first + at + len(levels[at : at + size]), dtype=np.int64)
        made.append(Rows(HELLO, places, {"top": levels[at : at + size]}))
        at += size
    return made


def put_together(picture: BeltPicture, stretches: list[Rows]) -> dict[int, NDArray[np.uint8]]:
    rows: dict[int, NDArray[np.uint8]] = {}
    for stretch in stretches:
        for strip in picture.add(stretch):
            for number, row in enumerate(strip.rgb, strip.first_px):
                assert number not in rows, "a row came twice"
                rows[number] = row
    return rows


@pytest.mark.parametrize("sizes", [[240], [1] * 240, [7] * 35, [64, 64, 64, 48]], ids=["at once", "single", "7", "64"])
def test_the_picture_is_that_of_the_lines(sizes: list[int]) -> None:
    levels = belt(240)
    picture = BeltPicture(HELLO, "top", 200)
    assert (picture.detectors_per_px, picture.rows_per_px, picture.width_px) == (3, 3, 200)
    rows = put_together(picture, shown(levels, sizes))
    means = levels.reshape(80, 3, 200, 3, 2).mean(axis=(1, 3))
    expected = canonical_rgb(Scan("a", np.rint(means).astype(np.uint16), ScanKind.DUAL_ENERGY, 4.5))
    assert sorted(rows) == list(range(80))
    assert np.abs(np.stack([rows[n] for n in range(80)]).astype(int) - expected).max() <= 2


def test_rows_that_were_not_read_are_a_gap() -> None:
    picture = BeltPicture(HELLO, "top", 200)
    rows = put_together(picture, shown(belt(60), [60]) + shown(belt(60), [60], first=120))
    assert sorted(rows) == [*range(20), *range(40, 60)]


def test_nobody_watches_and_nothing_is_kept() -> None:
    view = BeltView()
    view.show(HELLO, np.arange(3), {"top": belt(3)})
    with view.watch() or pytest.fail("no place") as watcher:
        assert watcher.take() == ([], 0) and view.watchers == 1
    assert view.watchers == 0


def test_a_watcher_that_sleeps_misses_rows_and_is_told() -> None:
    view = BeltView()
    levels = belt(120)
    turns = 3 * MOST_WAITING_BYTES // levels.nbytes
    with view.watch() or pytest.fail("no place") as watcher:
        for turn in range(turns):
            view.show(HELLO, np.arange(turn * 120, (turn + 1) * 120), {"top": levels})
        taken, missed = watcher.take()
        assert sum(rows.levels["top"].nbytes for rows in taken) <= MOST_WAITING_BYTES
        assert missed + sum(len(rows.rows) for rows in taken) == turns * 120
        assert missed == view.dropped_rows > 0


def test_watchers_are_bounded() -> None:
    view = BeltView()
    watchers = [view.watch() for _ in range(MOST_WATCHERS)]
    assert all(watchers) and view.watch() is None
    assert watchers[0] is not None
    watchers[0].close()
    assert view.watch() is not None


def events(response: httpx.Response, most: int) -> list[tuple[str, dict[str, Any]]]:
    """The next events of a stream."""
    told, kind = [], ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            told.append((kind, json.loads(line[6:])))
            if len(told) == most:
                break
    return told


def test_a_program_watches_over_http(tmp_path: Path) -> None:
    view, levels = BeltView(), belt(240)
    with running_service(tmp_path, belts={"dock-1": view}, heartbeat_s=0.2) as (service, _):
        url = f"{service.url}/v1/lanes/dock-1/belt?width=200"
        with httpx.stream("GET", url, timeout=30) as response:
            view.show(HELLO, np.arange(240), {"top": levels})
            (first, about), (second, rows) = events(response, 2)
        assert (first, second) == ("belt", "rows") and about["stream"] == "s1"
        rgb = np.frombuffer(base64.b64decode(rows["rgb"]), np.uint8).reshape(rows["count"], about["width_px"], 3)
        expected = put_together(BeltPicture(HELLO, "top", 200), shown(levels, [240]))
        assert rows["first_px"] == 0 and np.array_equal(rgb, np.stack([expected[n] for n in range(80)]))
        assert httpx.get(f"{service.url}/v1/lanes/none/belt", timeout=30).status_code == 404
