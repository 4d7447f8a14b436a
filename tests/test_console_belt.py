"""The belt of a lane on the desks: passed on from the lane service to whoever may look, at nobody's cost."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np

from parcelsight.inference.lanes.belt_view import BeltView
from parcelsight.inference.stream.protocol import Hello
from parcelsight.screening.follow.belts import BeltRelay, Piece
from parcelsight.screening.follow.link import Service
from tests.console_parts import Site, running_console
from tests.lane_parts import until
from tests.service_parts import running_service

DETECTORS, ROWS = 100, 40
HELLO = Hello(
    scanner="s", stream="s1", views=("top", "side"), detectors=(DETECTORS,) * 2, pitch_mm=1.5, line_pitch_mm=1.5,
    line_rate_hz=333,
)  # fmt: skip


def run_belt(view: BeltView, stop: Event) -> None:
    """Air in the top view, steel in the side view, until told to stop."""
    first = 0
    while not stop.wait(0.05):
        places = np.arange(first, first + ROWS, dtype=np.int64)
        air, steel = (np.full((ROWS, DETECTORS, 2), level, np.uint16) for level in (60_000, 300))
        view.show(HELLO, places, {"top": air, "side": steel})
        first += ROWS


@contextmanager
def a_running_belt(folder: Path) -> Iterator[tuple[Site, BeltView]]:
    """A console that follows a lane service whose belt runs."""
    view, stop = BeltView(), Event()
    belt = Thread(target=run_belt, args=(view, stop))
    (folder / "lanes").mkdir()
    service_at = running_service(folder / "lanes", belts={"dock-1": view}, heartbeat_s=0.2)
    with service_at as (service, _), running_console(folder) as site:
        site.console.belts = BeltRelay([Service(service.url, "hall")])
        belt.start()
        try:
            yield site, view
        finally:
            stop.set()
            belt.join()


def pieces(answer: httpx.Response, enough: int) -> dict[str, list[dict[str, Any]]]:
    """Events by kind, until there are rows enough of every view."""
    found: dict[str, list[dict[str, Any]]] = {"belt": [], "rows": [], "missed": []}
    kind = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found[kind].append(json.loads(line.removeprefix("data: ")))
            counts = [sum(row["count"] for row in found["rows"] if row["view"] == name) for name in HELLO.views]
            if min(counts) >= enough:
                break
    return found


def test_both_views_reach_a_desk_row_by_row(tmp_path: Path) -> None:
    with a_running_belt(tmp_path) as (site, view):
        browser = site.sign_in("operator")
        with browser.http.stream("GET", "/api/belt", params={"lane": "hall/dock-1"}) as answer:
            assert answer.status_code == 200
            found = pieces(answer, 3 * ROWS)
        assert {told["view"] for told in found["belt"]} == set(HELLO.views)
        colours = {}
        for row in found["rows"]:
            width = next(told["width_px"] for told in found["belt"] if told["view"] == row["view"])
            pixels = np.frombuffer(base64.b64decode(row["rgb"]), np.uint8)
            assert pixels.size == row["count"] * width * 3
            colours[row["view"]] = float(pixels.mean())
        assert colours["top"] > 240 > 120 > colours["side"], "each view has its own picture"
        until(lambda: view.watchers == 0, 20)


def test_many_desks_are_one_line_a_view_to_the_lane(tmp_path: Path) -> None:
    with a_running_belt(tmp_path) as (site, view):
        watchers = [site.console.belts.watch("hall/dock-1") for _ in range(30)]
        assert all(watcher is not None for watcher in watchers)
        until(lambda: all(any(one.kind == "rows" for one in watcher.take()) for watcher in watchers if watcher), 20)
        assert view.watchers == len(HELLO.views)
        for watcher in watchers:
            assert watcher is not None
            watcher.__exit__()
        until(lambda: view.watchers == 0, 20)


def test_who_may_look(tmp_path: Path) -> None:
    with running_console(tmp_path) as site:
        asked = {"lane": "dock-1"}
        assert site.visitor().get("/api/belt", params=asked).status_code == 401
        assert site.sign_in("trainer").get("/api/belt", params=asked).status_code == 403
        operator = site.sign_in("operator")
        assert operator.get("/api/belt", params=asked).status_code == 404, "no service is followed"
        assert operator.get("/api/belt").status_code == 422


def test_one_person_keeps_no_more_belts_open_than_anybody_needs(tmp_path: Path) -> None:
    with a_running_belt(tmp_path) as (site, _), ExitStack() as stack:
        browser = site.sign_in("operator")
        asked = {"lane": "hall/dock-1"}
        listening = []  # a reader that is let go of closes its line
        for _ in range(6):
            answer = stack.enter_context(browser.http.stream("GET", "/api/belt", params=asked))
            assert answer.status_code == 200
            listening.append(answer.iter_lines())
            next(listening[-1])
        with browser.http.stream("GET", "/api/belt", params=asked) as one_more:
            assert one_more.status_code == 429


def test_a_desk_that_takes_nothing_keeps_the_geometry_and_is_told_what_it_missed() -> None:
    relay = BeltRelay([Service("http://127.0.0.1:9")])
    assert relay.watch("other/lane") is None
    watcher = relay.watch("lane")
    assert watcher is not None
    with watcher:
        watcher.put(Piece("belt", {"view": "top", "width_px": 3}))
        for number in range(1000):
            watcher.put(Piece("rows", {"view": "top", "first_px": 4 * number, "count": 4, "rgb": ""}))
        taken = watcher.take()
        assert taken[0].kind == "missed" and taken[1].kind == "belt"
        rows = [one for one in taken if one.kind == "rows"]
        assert 4 * len(rows) + taken[0].data["rows"] == 4000, "every row is given or counted"
        assert len(taken) < 500 and watcher.take() == []
