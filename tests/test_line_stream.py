"""Lines over real sockets: scanners that come and go, losses, back-pressure, senders in other languages, the verb."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.belt_files import RecordedBelt
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import SourceError, UsageError
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.belt_screening import BeltScreening
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.events import EarlyResult, Hub
from parcelsight.inference.lanes.jobs import JobFailed, WindowJob, WindowResult
from parcelsight.inference.lanes.source import Receipt, Refusal, Surroundings
from parcelsight.inference.lanes.source_lines import LinesConfig, LinesSource
from parcelsight.inference.lanes.state import Cause
from parcelsight.inference.stream.framing import Damage, Deframer
from parcelsight.inference.stream.parcels import ParcelStarted
from parcelsight.inference.stream.protocol import (
    End,
    Hello,
    Kind,
    LinesMessage,
    Message,
    Refused,
    Status,
    encode,
)
from parcelsight.inference.stream.reading import BeltReader
from parcelsight.inference.stream.sender import send_belt
from parcelsight.inference.stream.sending import hello_of, messages_of
from parcelsight.inference.verdicts import Verdict
from tests.line_streams import HELLO, WIDE, record
from tests.models import model_card

PAGE = Path(__file__).resolve().parents[1] / "docs" / "line-stream.md"


@dataclass
class Health:
    """A lane that notes what it is told."""

    pressed: bool = False
    lines: int = 0
    troubles: set[Cause] = field(default_factory=set)
    losses: dict[LossCause, int] = field(default_factory=dict)

    def alive(self) -> None: ...

    def read(self, lines: int) -> None:
        self.lines += lines

    def trouble(self, cause: Cause, detail: str, *, screening: bool = False) -> None:
        self.troubles.add(cause)

    def well(self, cause: Cause) -> None: ...

    def lost(self, cause: LossCause, count: int = 1) -> None:
        self.losses[cause] = self.losses.get(cause, 0) + count


class DarkDetector:
    """Claims a pistol on the box around everything that lets less than half of the beam through."""

    card = model_card()

    def __init__(self, fails: Callable[[WindowJob], bool] = lambda job: False) -> None:
        self.fails = fails

    def submit(self, job: WindowJob, deadline_s: float | None = None) -> Future[WindowResult]:
        future: Future[WindowResult] = Future()
        if self.fails(job):
            future.set_exception(JobFailed(LossCause.DEADLINE, "too late"))
            return future
        rows, columns = np.nonzero(job.scan.pixels[:, :, 0] < 30_000)
        boxes = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else []
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int64),
        )
        future.set_result(WindowResult(found, np.zeros((0, 4), np.float32)))
        return future


@dataclass
class LiveLane:
    source: LinesSource
    health: Health
    hub: Hub
    arrivals: list[Arrival]
    hold: Event

    @property
    def port(self) -> int:
        return int(self.source.address.rsplit(":", 1)[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def wait(self, parcels: int, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while len(self.arrivals) < parcels and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.arrivals) >= parcels

    def wait_for_loss(self, cause: LossCause, seconds: float = 20) -> None:
        """Losses are counted after the parcel they are in was handed on."""
        until = time.monotonic() + seconds
        while cause not in self.health.losses and time.monotonic() < until:
            time.sleep(0.02)


@contextmanager
def lane(
    listen: str = "tcp://127.0.0.1:0", detector: DarkDetector | None = None, refusals: int = 0
) -> Iterator[LiveLane]:
    """A running line source over real sockets; ``hold``: set while the lane takes scans."""
    hub, health, stop, arrivals, hold = Hub(), Health(), Event(), [], Event()
    hold.set()
    left = [refusals]

    def deliver(arrival: Arrival) -> Receipt | Refusal:
        hold.wait(20)
        if left[0]:
            left[0] -= 1
            return Refusal(LossCause.OVERLOAD, "full", 0.05)
        arrivals.append(arrival)
        return Receipt(len(arrivals))

    around = Surroundings(detector or DarkDetector(), hub)  # type: ignore[arg-type]
    source = LinesConfig(kind="lines", listen=listen, window_mm=100, stride_mm=50).open("hall", around)
    thread = Thread(target=source.run, args=(deliver, stop, health))
    thread.start()
    until = time.monotonic() + 5
    while source.address.endswith(":0") and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield LiveLane(source, health, hub, arrivals, hold)
    finally:
        hold.set()
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def parcel_lines(count: int = 400, *parcels: tuple[int, int]) -> np.ndarray:
    values = np.random.default_rng(2).normal(60_000, 100, (count, WIDE, 2))
    for first, end in parcels:
        values[first:end, 8:24] *= 0.4
    return values.astype(np.uint16)


def send_lines(sock: socket.socket, values: np.ndarray, first: int = 0, end: int | None = None) -> None:
    end = len(values) if end is None else end
    for at in range(first, end, 10):
        sock.sendall(encode(LinesMessage(at, at * 4.0, 0, values[at : min(at + 10, end)], motion=1)))


def answers(sock: socket.socket, deframer: Deframer) -> list[Message | Damage]:
    try:
        return list(deframer.feed(sock.recv(65_536)))
    except (TimeoutError, ConnectionError):
        return []


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> RecordedBelt:
    return record(tmp_path_factory.mktemp("live") / "belt", parcels=4, seed=6, gap_mm=(80, 200))


@pytest.mark.parametrize("scheme", ["tcp", "zmq"])
def test_a_belt_sent_live_arrives_whole(belt: RecordedBelt, scheme: str) -> None:
    if scheme == "zmq":
        pytest.importorskip("zmq", reason="ZeroMQ needs pyzmq; install the extra [zmq]")
    with lane(f"{scheme}://127.0.0.1:0") as live, live.hub.subscribe(1000) as news:
        assert send_belt(belt, live.source.address, "run 1", pace=20) == 0
        live.wait(2 * len(belt.parcels))
        assert {arrival.scan.view for arrival in live.arrivals if arrival.scan} == {"top", "side"}
        assert len({arrival.scan_id for arrival in live.arrivals}) == len(live.arrivals) == 2 * len(belt.parcels)
        assert live.health.lines == len(belt) and not live.health.losses
        early = news.get(1)
        assert isinstance(early, EarlyResult) and early.scan_id in {arrival.scan_id for arrival in live.arrivals}


def test_the_alarm_comes_before_the_parcel_ends_and_stays() -> None:
    values = parcel_lines(600, (100, 500))
    values[150:170, 10:20] //= 8
    with lane() as live, live.hub.subscribe(100) as news, live.connect() as sock:
        sock.sendall(encode(HELLO))
        values = parcel_lines(600, (100, 500)) + np.uint16(0)
        values[:, 8:24] = np.where(values[:, 8:24] < 30_000, 40_000, values[:, 8:24])
        values[150:170, 10:20] = 5_000
        send_lines(sock, values, 0, 300)
        early = news.get(10)
        assert isinstance(early, EarlyResult) and not live.arrivals
        send_lines(sock, values, 300)
        live.wait(1)
        judged = live.arrivals[0].judged
        assert judged is not None and judged.verdict is Verdict.ALARM and judged.claim_numbers == (1,)
        assert early.scan_id == live.arrivals[0].scan_id and early.record["detections"][0]["id"] == 1


@pytest.mark.parametrize(
    ("fails", "verdict"),
    [
        (lambda job: "." not in job.scan.scan_id, Verdict.ALARM),
        (lambda job: True, None),
        (lambda job: job.optional, Verdict.ALARM),
    ],
    ids=["the whole", "everything", "windows shed"],
)  # fmt: skip
def test_a_detector_that_fails_loses_no_parcel(fails: Callable[[WindowJob], bool], verdict: Verdict | None) -> None:
    values = parcel_lines(600, (100, 500))
    values[150:170, 10:20] //= 8
    with lane(detector=DarkDetector(fails)) as live, live.connect() as sock:
        sock.sendall(encode(HELLO))
        send_lines(sock, values)
        live.wait(1)
        judged = live.arrivals[0].judged
        assert (judged.verdict if judged else None) == verdict


def test_a_look_ahead_that_was_shed_is_asked_for_again() -> None:
    """At the end of the parcel, when it is not optional any more; where it was answered, it is not."""
    values = parcel_lines(400, (100, 200))
    asked: list[WindowJob] = []

    def sheds(job: WindowJob) -> bool:
        asked.append(job)
        return shedding and job.optional

    for shedding in (True, False):
        asked.clear()
        with lane(detector=DarkDetector(sheds)) as live, live.connect() as sock:
            sock.sendall(encode(HELLO))
            send_lines(sock, values)
            live.wait(1)
            judged = live.arrivals[0].judged
            assert judged is not None and judged.verdict is Verdict.ALARM
            whole = [job.optional for job in asked if job.scan.scan_id == judged.scan_id]
            assert whole == ([True, False] if shedding else [True])


def test_lost_lines_are_counted_and_make_a_review() -> None:
    values = parcel_lines(400, (100, 200))
    values[:, 8:24] = np.where(values[:, 8:24] < 30_000, 40_000, values[:, 8:24])
    with lane() as live, live.connect() as sock:
        sock.sendall(encode(HELLO))
        send_lines(sock, values, 0, 140)
        send_lines(sock, values, 150)
        live.wait(1)
        judged = live.arrivals[0].judged
        assert judged is not None and judged.verdict is Verdict.REVIEW and "lines were lost" in judged.reason
        assert live.arrivals[0].meta["lost_rows"] == "140-150"
        live.wait_for_loss(LossCause.LINES_LOST)
        assert live.health.losses[LossCause.LINES_LOST] == 10 and Cause.LINES_LOST in live.health.troubles


def test_a_broken_connection_goes_on_where_it_was() -> None:
    values = parcel_lines(400, (100, 200))
    with lane() as live:
        with live.connect() as sock:
            sock.sendall(encode(HELLO))
            send_lines(sock, values, 0, 150)
            while live.health.lines < 150:
                time.sleep(0.01)
        with live.connect() as sock:
            sock.sendall(encode(HELLO))
            status = answers(sock, Deframer(answers=True))[0]
            assert isinstance(status, Status) and (status.expected, status.stop_belt) == (150, False)
            assert status.durable <= 100
            send_lines(sock, values, 130)
            live.wait(1)
        judged = live.arrivals[0].judged
        assert judged is not None and judged.verdict is Verdict.ALARM and "lost" not in judged.reason
        assert not live.health.losses


def test_a_second_scanner_is_refused_while_the_first_is_heard() -> None:
    with lane() as live, live.connect() as first, live.connect() as second:
        first.sendall(encode(HELLO))
        second.sendall(encode(HELLO))
        deframer = Deframer(answers=True)
        said: list[Message | Damage] = []
        while not said:
            said = answers(second, deframer)
        assert isinstance(said[0], Refused) and "connected already" in said[0].reason


def test_a_stranger_is_refused_and_the_lane_goes_on() -> None:
    with lane() as live:
        with live.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            said = answers(sock, Deframer(answers=True))
            assert isinstance(said[0], Refused) and "not the line protocol" in said[0].reason
        assert live.health.losses == {LossCause.MALFORMED: 1}
        with live.connect() as sock:
            sock.sendall(encode(HELLO))
            send_lines(sock, parcel_lines(400, (100, 200)))
            live.wait(1)


def test_a_full_lane_stops_the_belt_and_nothing_is_durable_before_its_receipt() -> None:
    parcels = [(100 * n, 100 * n + 60) for n in range(1, 20)]
    values = parcel_lines(2200, *parcels)
    with lane(refusals=2) as live, live.connect() as sock:
        live.hold.clear()
        sock.sendall(encode(HELLO))
        sender = Thread(target=send_lines, args=(sock, values))
        sender.start()
        deframer = Deframer(answers=True)
        said: list[Message | Damage] = []
        while not any(isinstance(message, Status) and message.stop_belt for message in said):
            said += answers(sock, deframer)
        assert all(message.durable <= 100 for message in said if isinstance(message, Status))
        live.hold.set()
        live.wait(len(parcels))
        sender.join()
        last: Message | Damage = said[-1]
        until = time.monotonic() + 10
        while (
            not (isinstance(last, Status) and last.durable > 1900 and not last.stop_belt) and time.monotonic() < until
        ):
            last = ([last, *answers(sock, deframer)])[-1]
        assert isinstance(last, Status) and last.durable > 1900 and not last.stop_belt


def test_no_parcel_begins_while_two_wait_for_their_verdict() -> None:
    """However few events they make."""
    values = parcel_lines(700, (100, 160), (250, 310), (400, 460))
    reader = BeltReader(HELLO)
    events = list(reader.add(LinesMessage(0, 0.0, 0, values, motion=1)))
    *before, third = events[: [type(event) for event in events].index(ParcelStarted, 4) + 1]
    assert [isinstance(event, ParcelStarted) for event in before].count(True) == 2
    hold, taken = Event(), []

    def deliver(arrival: Arrival) -> Receipt:
        assert hold.wait(20)
        taken.append(arrival.scan_id)
        return Receipt(len(taken))

    screening = BeltScreening("hall", Surroundings(DarkDetector(), Hub()), deliver, Event())  # type: ignore[arg-type]
    screening.start()
    try:
        assert all(screening.take(event, 1) for event in before)
        assert not screening.take(third, 0.05)
        hold.set()
        assert screening.take(third, 20) and taken
    finally:
        hold.set()
        screening.close()
    assert len(taken) == 2


def page_code(language: str) -> str:
    """The sender in this language, as the page shows it."""
    blocks = re.findall(rf"<!-- run by tests/test_line_stream.py -->\n```{language}\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 1
    return str(blocks[0])


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_senders_of_the_page_work(language: str, tmp_path: Path) -> None:
    program = {"python": sys.executable, "javascript": shutil.which("node")}[language]
    if program is None:
        pytest.skip("Node is not installed; apt-get install nodejs")
    code = page_code(language)
    assert len(code.strip().splitlines()) <= 42
    script = tmp_path / f"sender.{language[:2]}"
    script.write_text(code)
    with lane() as live:
        done = subprocess.run(
            [program, str(script), "127.0.0.1", str(live.port)], timeout=60, capture_output=True, text=True
        )
        if "crc32 is not a function" in done.stderr:
            pytest.skip("this Node has no zlib.crc32; install Node 20.15 or newer")
        assert done.returncode == 0, done.stderr
        live.wait(1)
        arrival = live.arrivals[0]
        assert live.health.lines == 1000 and not live.health.losses and arrival.judged is not None
        first, end = (int(row) for row in arrival.meta["rows"].split("-"))
        assert abs(first - 400) <= 2 and abs(end - 600) <= 3


def test_the_byte_tables_of_the_page_are_true() -> None:
    page = PAGE.read_text()
    for key in Hello.model_fields:
        assert f"`{key}`" in page
    for kind in Kind:
        assert kind.name in page
    assert encode(End(5))[12:20] == struct.pack("<Q", 5) and len(encode(Status(1, 2))) == 12 + 24 + 4


# --- the verb


def test_belt_sends_what_it_recorded(belt: RecordedBelt) -> None:
    with lane() as live:
        done = CliRunner().invoke(app, ["belt", str(belt.folder), "--send", live.source.address, "--pace", "50"])
        assert done.exit_code == 0, done.output
        assert f"{len(belt)} lines sent" in done.output
        live.wait(2 * len(belt.parcels))


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("nowhere", UsageError, "is no address"),
        ("tcp://127.0.0.1:99999", UsageError, "is no address"),
        ("tcp://127.0.0.1:1", SourceError, "start the lane first"),
    ],
)
def test_an_address_without_a_lane(belt: RecordedBelt, address: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        send_belt(belt, address, "s", patience_s=0.1)


def test_no_message_spans_a_change_of_motion(belt: RecordedBelt) -> None:
    hello = hello_of(belt, "a run / of it")
    assert hello.stream == "a-run-of-it"
    for message in messages_of(belt, first_line=100, end_line=900, lines=50):
        assert 100 <= message.sequence < 900 and message.motion in (0, 1)
