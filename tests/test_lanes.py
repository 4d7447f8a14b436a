"""Live lanes as a whole: real workers, a real ledger, faults put in, and one verdict for every scan all the same."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest

from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import SourceError
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.causes import LossCause, LossPolicy
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.events import Missed, Pressed, StateChanged, VerdictGiven
from parcelsight.inference.lanes.ledger import Ledger
from parcelsight.inference.lanes.runtime import Lanes
from parcelsight.inference.lanes.source import FakeSource, Receipt, Refusal
from parcelsight.inference.lanes.state import Cause, LaneStatus, State, StateBoard
from parcelsight.inference.lanes.watch import ClockWatch
from parcelsight.inference.verdicts import ScreenedScan, Verdict
from tests.lane_parts import NOW, arrival, png, until
from tests.models import dark_model, save


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(dark_model(), tmp_path_factory.mktemp("model") / "dark.onnx")


class Held:
    """A source that stays, so that tests deliver through it when they like."""

    def __init__(self) -> None:
        self.name = "held"
        self.talk = Event()
        self.talk.set()
        self.fail = Event()
        self.health: object = None

    def run(self, deliver: object, stop: Event, health: object) -> None:
        self.health = health
        while not stop.wait(0.05):
            if self.fail.is_set():
                raise SourceError("the scanner hung up", "check its cable")
            if self.talk.is_set():
                health.alive()  # type: ignore[attr-defined]


@pytest.fixture
def start(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Lanes]]:
    started: list[Lanes] = []

    def begin(
        source: object = None, workers: int = 1, wait: bool = True, job_limit_s: float = 1.8, **lane: object
    ) -> Lanes:
        config = LanesConfig.model_validate(
            {
                "ledger": tmp_path / "ledger",
                "model": model,
                "workers": {"count": workers, "job_limit_s": job_limit_s},
                "lanes": [{"name": "lane1", "source": {"kind": "http"}, **lane}],
            }
        )
        given = source or Held()
        monkeypatch.setattr("parcelsight.inference.lanes.runtime.open_sources", lambda config, around: {"lane1": given})
        lanes = Lanes(config)
        started.append(lanes)
        lanes.start()
        if wait:
            assert lanes.pool.wait_ready(30)
            if source is None:
                until(lambda: lanes.board.of("lane1").state is State.SCREENING)
        return lanes

    yield begin
    for lanes in started:
        if not lanes.stopping.is_set():
            lanes.stop()


def scans(count: int, first: int = 0) -> Iterable[Arrival]:
    return (arrival(f"parcel-{n}", png(n, dark=n % 2 == 0)) for n in range(first, first + count))


def verdicts(lanes: Lanes) -> dict[str, str]:
    return {record["scan"]: record["verdict"] for record in lanes.ledger.verdicts_since(0, limit=10_000)}


def test_every_scan_gets_its_verdict_and_is_told(start: Callable[..., Lanes]) -> None:
    source = FakeSource(scans(20))
    lanes = start(source, wait=False)
    news = lanes.hub.subscribe()
    until(lambda: lanes.done)
    assert verdicts(lanes) == {f"parcel-{n}": ["ALARM", "NO_ALARM"][n % 2] for n in range(20)}
    assert [type(answer) for answer in source.answers] == [Receipt] * 20
    told = [event for event in iter(lambda: news.get(0), None) if isinstance(event, VerdictGiven)]
    assert [event.number for event in told] == list(range(21 - len(told), 21))
    assert told[-1].record == lanes.ledger.verdicts_since(19)[0]
    status = lanes.board.of("lane1")
    assert (status.state, status.cause) == (State.NOT_SCREENING, Cause.SOURCE_ENDED)


def test_a_stopped_program_goes_on_where_it_ended(start: Callable[..., Lanes]) -> None:
    lanes = start(queue=50)
    with ThreadPoolExecutor(4) as threads:
        receipts = list(threads.map(lanes.lanes["lane1"].deliver, scans(30)))
    assert all(isinstance(receipt, Receipt) for receipt in receipts)
    lanes.stop()
    assert isinstance(lanes.lanes["lane1"].deliver(next(iter(scans(1, 99)))), Refusal)
    again = start(queue=50)
    until(lambda: not again.ledger.unfinished())
    assert verdicts(again) == {f"parcel-{n}": ["ALARM", "NO_ALARM"][n % 2] for n in range(30)}
    numbers = [record["number"] for record in again.ledger.verdicts_since(0)]
    assert numbers == list(range(1, 31))


def test_a_scan_of_a_lane_that_is_gone_goes_to_a_person(tmp_path: Path, start: Callable[..., Lanes]) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.accept(arrival("orphan", png(1), lane="lane9"))
    ledger.close()
    lanes = start()
    until(lambda: verdicts(lanes))
    (record,) = lanes.ledger.verdicts_since(0)
    assert record["verdict"] == "UNSCREENED" and "'lane9' is no longer configured" in record["reason"]


def test_a_parcel_that_was_judged_on_the_belt_keeps_that_outcome(start: Callable[..., Lanes]) -> None:
    lanes = start()
    rng = np.random.default_rng(1)
    levels = rng.integers(20_000, AIR_LEVEL, (60, 40, 2)).astype(np.uint16)
    found = Detections(np.array([[1, 2, 3, 4]], np.float32), np.array([0.75], np.float32), np.array([1]))
    judged = ScreenedScan("belt-1", Verdict.ALARM, "cartridge 0.75", found)
    scan = Scan("belt-1", levels, ScanKind.DUAL_ENERGY, 1.0)
    lanes.lanes["lane1"].deliver(Arrival("lane1", "belt-1", NOW, scan=scan, judged=judged))
    until(lambda: verdicts(lanes))
    (record,) = lanes.ledger.verdicts_since(0)
    assert record["detections"] == [
        {"xyxy_px": [1.0, 2.0, 3.0, 4.0], "score": 0.75, "class": "cartridge", "group": "ammunition"}
    ]


PATIENT_S = 30.0
"""For a stopped worker that no busy machine may take for a hung one."""


def stopped_worker(lanes: Lanes) -> int:
    """No scan is judged while it is stopped (until it is found, after 1.8 s)."""
    (pid,) = lanes.pool.pids
    os.kill(pid, signal.SIGSTOP)
    return pid


OVERLOADS: dict[LossPolicy, tuple[int, int]] = {LossPolicy.REFUSE: (2, 6), LossPolicy.UNSCREENED: (8, 0)}
"""Policy → receipts and refusals of eight scans while two may wait."""


@pytest.mark.parametrize("policy", OVERLOADS)
def test_too_many_scans_meet_the_lanes_policy(policy: LossPolicy, start: Callable[..., Lanes]) -> None:
    lanes = start(policy=policy, queue=2, wait_s=0.05, job_limit_s=PATIENT_S)
    lane, news = lanes.lanes["lane1"], lanes.hub.subscribe()
    pid = stopped_worker(lanes)
    answers = [lane.deliver(scan) for scan in scans(8)]
    os.kill(pid, signal.SIGCONT)
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert (8 - len(refusals), len(refusals)) == OVERLOADS[policy]
    assert all(refusal.cause is LossCause.OVERLOAD and refusal.retry_after_s for refusal in refusals)
    until(lambda: not lanes.ledger.unfinished() and lane.depth == 0)
    tallies = {(t.outcome, t.cause): t.count for t in lanes.ledger.tallies()}
    assert tallies.get(("REFUSED", LossCause.OVERLOAD), 0) + tallies.get(("UNSCREENED", LossCause.OVERLOAD), 0) == 6
    pressed = [event.on for event in iter(lambda: news.get(0), None) if isinstance(event, Pressed)]
    assert pressed == [True, False]
    until(lambda: lanes.board.of("lane1").cause in (Cause.OVERLOAD, None))


def test_a_full_lane_turns_uploads_away_before_they_are_read(start: Callable[..., Lanes]) -> None:
    lanes = start(policy="refuse", queue=1, wait_s=0.05, job_limit_s=PATIENT_S)
    lane = lanes.lanes["lane1"]
    assert lane.turn_away() is None
    pid = stopped_worker(lanes)
    first, second = (lane.deliver(scan) for scan in scans(2))
    refusal = lane.turn_away()
    os.kill(pid, signal.SIGCONT)
    assert isinstance(first, Receipt) and isinstance(second, Refusal)
    assert refusal is not None and refusal.cause is LossCause.OVERLOAD and refusal.retry_after_s
    until(lambda: lane.depth == 0)
    assert lane.turn_away() is None
    refused = [t.count for t in lanes.ledger.tallies() if t.outcome == "REFUSED"]
    assert refused == [2]


def test_a_source_that_waits_loses_nothing(start: Callable[..., Lanes]) -> None:
    lanes = start(FakeSource(scans(12)), policy="wait", queue=1, wait_s=0.01)
    stopped_worker(lanes)
    until(lambda: lanes.done)
    assert len(verdicts(lanes)) == 12 and lanes.ledger.counts().accepted == 12


def test_a_scan_past_its_deadline_goes_to_a_person(start: Callable[..., Lanes]) -> None:
    lanes = start(deadline_s=0.2, queue=4, job_limit_s=PATIENT_S)
    pid = stopped_worker(lanes)
    for scan in scans(3):
        lanes.lanes["lane1"].deliver(scan)
    until(lambda: "UNSCREENED" in verdicts(lanes).values())
    os.kill(pid, signal.SIGCONT)
    until(lambda: len(verdicts(lanes)) == 3)
    causes = {record["cause"] for record in lanes.ledger.verdicts_since(0)}
    assert "deadline" in causes


def test_killed_workers_are_shown_and_come_back(start: Callable[..., Lanes]) -> None:
    lanes = start()
    news = lanes.hub.subscribe()
    os.kill(lanes.pool.pids[0], signal.SIGKILL)
    until(lambda: lanes.board.of("lane1").cause is Cause.WORKERS)
    assert lanes.board.of("lane1").state is State.NOT_SCREENING
    assert "SIGKILL" in lanes.board.of("lane1").detail
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)
    assert any(isinstance(event, StateChanged) for event in iter(lambda: news.get(0), None))


def test_a_disk_that_fills_up_is_shown_refused_and_got_over(
    start: Callable[..., Lanes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = start()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("parcelsight.inference.lanes.spool.os.write", full)
    answer = lanes.lanes["lane1"].deliver(next(iter(scans(1))))
    assert isinstance(answer, Refusal) and answer.cause is LossCause.DISK_FULL
    assert (lanes.board.of("lane1").state, lanes.board.of("lane1").cause) == (State.NOT_SCREENING, Cause.DISK_FULL)
    monkeypatch.undo()
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)
    assert isinstance(lanes.lanes["lane1"].deliver(next(iter(scans(1)))), Receipt)
    until(lambda: len(verdicts(lanes)) == 1)
    assert len(list((lanes.ledger.folder / "spool").iterdir())) == 1


def test_a_disk_that_turns_read_only_is_seen_without_a_scan(
    start: Callable[..., Lanes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = start()

    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("parcelsight.inference.lanes.spool.os.write", read_only)
    until(lambda: lanes.board.of("lane1").cause is Cause.READ_ONLY)
    monkeypatch.undo()
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)


def test_a_verdict_the_disk_refuses_is_written_later(
    start: Callable[..., Lanes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = start()
    record = lanes.ledger.record
    refusals: list[object] = []

    def refuse_thrice(*args: object) -> int | None:
        if len(refusals) < 3:
            refusals.append(args)
            raise lanes.ledger._refused(sqlite3.OperationalError("database or disk is full"))
        return record(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(lanes.ledger, "record", refuse_thrice)
    lanes.lanes["lane1"].deliver(next(iter(scans(1))))
    until(lambda: lanes.board.of("lane1").cause is Cause.DISK_FULL)
    until(lambda: verdicts(lanes) == {"parcel-0": "ALARM"})
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)


def test_a_silent_source_is_shown_and_comes_back(start: Callable[..., Lanes]) -> None:
    source = Held()
    lanes = start(source)
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)
    source.talk.clear()
    assert until(lambda: lanes.board.of("lane1").cause is Cause.SOURCE_SILENT) < 10
    source.talk.set()
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)


def test_a_source_that_fails_is_shown_and_run_again(start: Callable[..., Lanes]) -> None:
    source = Held()
    lanes = start(source)
    source.fail.set()
    until(lambda: lanes.board.of("lane1").cause is Cause.SOURCE_FAILED)
    assert "the scanner hung up; check its cable" in lanes.board.of("lane1").detail
    source.fail.clear()
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)


def test_a_frozen_picture_is_not_taken_for_clean_parcels(start: Callable[..., Lanes]) -> None:
    lanes = start()
    for n in range(4):
        lanes.lanes["lane1"].deliver(arrival(f"frozen-{n}", png(1)))
        until(lambda n=n: len(verdicts(lanes)) == n + 1)  # type: ignore[misc]
    assert list(verdicts(lanes).values()) == ["NO_ALARM", "NO_ALARM", "UNSCREENED", "UNSCREENED"]
    assert lanes.board.of("lane1").cause is Cause.FROZEN
    lanes.lanes["lane1"].deliver(arrival("moving", png(2)))
    until(lambda: lanes.board.of("lane1").state is State.SCREENING)
    assert verdicts(lanes)["moving"] == "NO_ALARM"


def test_a_jump_of_the_wall_clock_is_shown_and_passes() -> None:
    board, now = StateBoard(["lane1"]), [100.0, 5000.0]
    watch = ClockWatch(board, clock=lambda: now[0], wall=lambda: now[1])
    now[:] = [101.0, 5001.0]
    watch.look()
    assert board.of("lane1").state is State.SCREENING
    now[:] = [102.0, 1402.0]
    watch.look()
    assert board.of("lane1").cause is Cause.CLOCK and "-3600.0 s" in board.of("lane1").detail
    now[:] = [108.0, 1408.0]
    watch.look()
    assert board.of("lane1").state is State.SCREENING


def test_the_worst_cause_is_shown_with_its_time_and_others() -> None:
    announced: list[LaneStatus] = []
    board = StateBoard(["a", "b"], announced.append)
    board.trouble("a", Cause.DEAD_COLUMNS, State.DEGRADED, "3 %")
    board.trouble(None, Cause.WORKERS, State.NOT_SCREENING, "none")
    assert (board.of("a").cause, board.of("a").others) == (Cause.WORKERS, (Cause.DEAD_COLUMNS,))
    since = board.of("a").since
    board.trouble("a", Cause.WORKERS, State.NOT_SCREENING, "still none")
    assert board.of("a").since == since and board.of("a").detail == "still none"
    board.well(None, Cause.WORKERS)
    assert [(s.lane, s.state) for s in board.all()] == [("a", State.DEGRADED), ("b", State.SCREENING)]
    assert len(announced) == 6
    board.well(None, Cause.WORKERS)
    assert len(announced) == 6, "nothing changed, nothing is said"


def test_a_lanes_title_is_told_with_its_state() -> None:
    board = StateBoard(["hall-1", "b"], titles={"hall-1": "Hall 1, inbound"})
    board.trouble(None, Cause.WORKERS, State.NOT_SCREENING, "none")
    assert [status.to_record()["title"] for status in board.all()] == ["Hall 1, inbound", "b"]


def test_a_slow_listener_is_told_what_it_missed_and_nobody_waits(start: Callable[..., Lanes]) -> None:
    lanes = start()
    slow = lanes.hub.subscribe(size=3)
    for scan in scans(6):
        lanes.lanes["lane1"].deliver(scan)
    until(lambda: len(verdicts(lanes)) == 6)
    sleep(0.1)
    missed = slow.get(0)
    assert isinstance(missed, Missed) and missed.count >= 3
    rest = [event.number for event in iter(lambda: slow.get(0), None) if isinstance(event, VerdictGiven)]
    assert rest == list(range(7 - len(rest), 7))


def test_arrivals_are_frozen() -> None:
    with pytest.raises(AttributeError):
        arrival().lane = "other"  # type: ignore[misc]
    assert replace(arrival(), barcode="1").barcode == "1"
