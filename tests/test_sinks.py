"""Sinks over a real ledger: real files, a real web server, a real broker; none lost, none doubled, nobody held up."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from parcelsight.detector.errors import SinkError, UsageError
from parcelsight.inference.lanes.state import Cause, State
from parcelsight.inference.sinks.json_lines import JsonLinesConfig, JsonLinesSink
from parcelsight.inference.sinks.mqtt import MqttConfig
from parcelsight.inference.sinks.pump import SinkPump
from parcelsight.inference.sinks.registry import AnySink
from parcelsight.inference.sinks.sink import ListSink, Record, Sink
from parcelsight.inference.sinks.webhook import SIGNATURE, WebhookConfig, WebhookSink, is_signed, sign
from tests.service_parts import Desk, running_desk
from tests.test_service import until
from tests.test_service_abuse import arrival

SECRET = b"a secret of the two of us"
WAIT_S = 20.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path / "ledger") as (desk, _):
        yield desk


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parcelsight.inference.sinks.pump._FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("parcelsight.inference.sinks.pump._LONGEST_WAIT_S", 0.1)
    monkeypatch.setattr("parcelsight.inference.sinks.pump._IDLE_S", 0.1)


def give(desk: Desk, count: int, reason: str = "so said") -> list[int]:
    """Judge so many new scans; the numbers of their verdicts."""
    first = desk.ledger.counts().accepted
    receipts = [desk.ledger.accept(arrival(first + i)) for i in range(count)]
    return [desk.judge(receipt.sequence) for receipt in receipts]


@contextmanager
def pumping(desk: Desk, sink: Sink, name: str = "out") -> Iterator[SinkPump]:
    pump = SinkPump(name, sink, desk.ledger, desk.hub, desk.board.all)
    pump.start()
    try:
        yield pump
    finally:
        assert pump.stop(WAIT_S)


def numbers(records: Sequence[Record]) -> list[int]:
    return [record["number"] for record in records]


def test_a_sink_gets_every_verdict_once_and_goes_on_where_it_was(desk: Desk) -> None:
    given, sink = give(desk, 120), ListSink()
    with pumping(desk, sink) as pump:
        until(lambda: len(sink.records) == 120)
        given += give(desk, 3)
        until(lambda: len(sink.records) == 123 and pump.status.behind == 0)
        assert pump.status.up and pump.status.delivered == 123
    given += give(desk, 2)
    again = ListSink()
    with pumping(desk, again):
        until(lambda: len(again.records) == 2)
    assert numbers(sink.records) + numbers(again.records) == given and sink.closed


class Flaky(ListSink):
    """Fails as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: Callable[[Record], bool] = lambda record: False

    def deliver(self, record: Record) -> None:
        if self.broken(record):
            raise SinkError("the receiver is down", "start it")
        super().deliver(record)


def test_a_dead_sink_is_visible_and_holds_nobody_up(desk: Desk) -> None:
    sink = Flaky()
    sink.broken = lambda record: record["number"] > 2
    with pumping(desk, sink) as pump:
        given = give(desk, 5)  # judging goes on
        until(lambda: not pump.status.up)
        assert "the receiver is down" in pump.status.problem and pump.status.since is not None
        until(lambda: pump.status.behind == 3)
        assert desk.ledger.cursor("out") == 2  # what was taken before the failure is not sent again
        sink.broken = lambda record: False
        until(lambda: pump.status.up and pump.status.behind == 0)
        assert pump.status.failures >= 1 and pump.status.problem == ""
    assert numbers(sink.records) == given


def test_a_stuck_sink_does_not_hold_up_another(desk: Desk) -> None:
    stuck, free, hold = Flaky(), ListSink(), Event()
    stuck.broken = lambda record: not hold.wait(WAIT_S)
    with pumping(desk, stuck, "stuck"), pumping(desk, free, "free"):
        give(desk, 10)
        until(lambda: len(free.records) == 10)
        assert stuck.records == []
        hold.set()
        until(lambda: len(stuck.records) == 10)


def test_states_are_told_at_the_start_and_after_each_change(desk: Desk) -> None:
    sink = ListSink()
    with pumping(desk, sink):
        until(lambda: sink.told)
        desk.board.trouble("dock-1", Cause.DISK_FULL, State.NOT_SCREENING, "full")
        until(lambda: sink.told[-1][0].cause is Cause.DISK_FULL)


# Lines of JSON


def lines(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


def written(folder: Path) -> list[int]:
    """All numbers in rotated files and the current one, in order."""
    return [n for path in sorted(folder.glob("v.*.jsonl")) for n in lines(path)] + lines(folder / "v.jsonl")


def json_lines(folder: Path, **more: Any) -> JsonLinesSink:
    return JsonLinesConfig(kind="json-lines", name="out", path=folder / "v.jsonl", **more).open()


def test_lines_rotate_and_none_is_lost(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    given = []
    for _ in range(3):
        with pumping(desk, json_lines(folder, rotate_mb=0.005)) as pump:
            given += give(desk, 30)
            until(lambda: pump.status.behind == 0 and pump.status.delivered >= 30)
    (folder / "v.jsonl").touch()
    assert written(folder) == given and len(list(folder.glob("v.*.jsonl"))) > 2


def test_only_so_many_rotated_files_are_kept(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "x").mkdir(parents=True)
    (folder / "v.mine.jsonl").write_text("not ours")
    with pumping(desk, json_lines(folder, rotate_mb=0.0005, keep=2)):
        for _ in range(5):
            numbers_given = give(desk, 3)
            until(lambda n=numbers_given[-1]: desk.ledger.cursor("out") == n)
    assert len(list(folder.glob("v.0*.jsonl"))) == 2 and (folder / "v.mine.jsonl").exists()


TORN = {
    "half a line": (b'{"number": 99, "verd', 5),
    "a line without its end": (b'{"number": 6}', 5),
    "nothing torn": (b"", 5),
}


@pytest.mark.parametrize("case", TORN)
def test_a_kill_while_writing_neither_loses_nor_doubles(desk: Desk, tmp_path: Path, case: str) -> None:
    torn, whole = TORN[case]
    folder = tmp_path / "out"
    given = give(desk, 8)
    with pumping(desk, json_lines(folder)):
        until(lambda: desk.ledger.cursor("out") == 8)
    # As after a kill: the file has more, or less, than the cursor knows.
    kept = (folder / "v.jsonl").read_bytes().splitlines(keepends=True)[:whole]
    (folder / "v.jsonl").write_bytes(b"".join(kept) + torn)
    with pumping(desk, json_lines(folder)):
        until(lambda: (folder / "v.jsonl").read_bytes().count(b"\n") == 8)
    assert lines(folder / "v.jsonl") == given


def test_a_moved_file_is_begun_anew(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with pumping(desk, json_lines(folder)):
        give(desk, 2)
        until(lambda: desk.ledger.cursor("out") == 2)
        (folder / "v.jsonl").rename(folder / "taken-away")
        give(desk, 2)
        until(lambda: desk.ledger.cursor("out") == 4)
    assert lines(folder / "taken-away") == [1, 2] and lines(folder / "v.jsonl") == [3, 4]


def test_a_full_disk_leaves_no_half_line(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, full = tmp_path / "out", Event()
    real = __import__("os").write

    def write(handle: int, data: bytes) -> int:
        if full.is_set() and b'"number"' in bytes(data)[:4000]:
            real(handle, bytes(data)[:7])
            raise OSError(28, "No space left on device")
        return int(real(handle, data))

    monkeypatch.setattr("parcelsight.inference.sinks.json_lines.os.write", write)
    with pumping(desk, json_lines(folder)) as pump:
        give(desk, 2)
        until(lambda: desk.ledger.cursor("out") == 2)
        full.set()
        give(desk, 2)
        until(lambda: not pump.status.up)
        assert "No space left" in pump.status.problem and str(folder) in pump.status.problem
        assert lines(folder / "v.jsonl") == [1, 2]
        full.clear()
        until(lambda: desk.ledger.cursor("out") == 4)
    assert lines(folder / "v.jsonl") == [1, 2, 3, 4]


def test_a_file_of_something_else_is_not_written_over(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_text("shopping list\n")
    with pumping(desk, json_lines(tmp_path)) as pump:
        give(desk, 1)
        until(lambda: not pump.status.up)
        assert "no verdict" in pump.status.problem
    assert (tmp_path / "v.jsonl").read_text() == "shopping list\n"


# Webhooks


class Receiver:
    """A web server that keeps what it is sent, and answers as told."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.signed: list[bool] = []
        self.status = 200
        self.location: str | None = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.signed.append(is_signed(SECRET, body, self.headers[SIGNATURE], time.time()))
                if receiver.status < 300:
                    receiver.keys.append(self.headers["Idempotency-Key"])
                    receiver.taken.append(json.loads(body))
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def webhook(port: int) -> WebhookSink:
    return WebhookSink(f"http://127.0.0.1:{port}/verdicts?key=k", SECRET, timeout_s=5)


def test_verdicts_are_posted_signed_and_numbered(desk: Desk, receiver: Receiver) -> None:
    with pumping(desk, webhook(receiver.port)):
        given = give(desk, 20)
        until(lambda: len(receiver.taken) == 20)
    assert numbers(receiver.taken) == given and receiver.keys == [str(n) for n in given] and all(receiver.signed)


def test_a_failing_receiver_gets_all_when_it_is_back(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 503
    with pumping(desk, webhook(receiver.port)) as pump:
        given = give(desk, 6)
        until(lambda: pump.status.failures >= 2)
        assert "answered 503" in pump.status.problem and "key=k" not in pump.status.problem
        receiver.status = 202
        until(lambda: len(receiver.taken) == 6)
    assert numbers(receiver.taken) == given


def test_nobody_there_is_said(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pumping(desk, webhook(taken.getsockname()[1])) as pump:
            give(desk, 1)
            until(lambda: not pump.status.up)
            assert "cannot be reached" in pump.status.problem and desk.ledger.cursor("out") == 0


def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    other = Receiver()
    receiver.status, receiver.location = 307, f"http://127.0.0.1:{other.port}/"
    with pumping(desk, webhook(receiver.port)) as pump:
        give(desk, 1)
        until(lambda: not pump.status.up)
        assert "307" in pump.status.problem and "redirects are not followed" in pump.status.problem
    other.close()
    assert other.taken == []


SIGNATURES: dict[str, tuple[str, bool]] = {
    "as signed": (sign(SECRET, b"body", 1_000), True),
    "of another body": (sign(SECRET, b"other", 1_000), False),
    "by another secret": (sign(b"x" * 20, b"body", 1_000), False),
    "too old": (sign(SECRET, b"body", 100), False),
    "empty": ("", False),
    "rubbish": ("t=a,v1=b", False),
    "another time with the same digest": (sign(SECRET, b"body", 1_000).replace("1000", "1001"), False),
    "not ascii": ("t=1000,v1=ä", False),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_signatures(case: str) -> None:
    signature, good = SIGNATURES[case]
    assert is_signed(SECRET, b"body", signature, 1_010.0) is good


BAD_ADDRESSES = [
    "ftp://a/b",
    "http://",
    "https://user:pw@host/",
    "http://host:99999/",
    "http://ho st/",
    "file:///etc/passwd",
    "//a",
]


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        WebhookConfig(kind="webhook", name="out", url=url, secret_file=Path("s"))


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("short\n")
    config = WebhookConfig(kind="webhook", name="out", url="http://h/", secret_file=tmp_path / "s")
    with pytest.raises(UsageError, match="fewer than 16") as caught:
        config.open()
    assert str(tmp_path / "s") in caught.value.message
    with pytest.raises(UsageError, match="cannot be read"):
        WebhookConfig(kind="webhook", name="out", url="http://h/", secret_file=tmp_path / "none").open()


# MQTT


class Broker:
    """mosquitto on a free port, that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("no MQTT broker: apt-get install mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = folder / "mosquitto.conf"
        settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._command = [program, "-c", str(settings)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    pytest.importorskip("paho.mqtt.client")
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@contextmanager
def hearing(broker: Broker) -> Iterator[list[tuple[str, dict[str, Any], bool]]]:
    """Topic, value and retain flag of everything under parcelsight/."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    heard: list[tuple[str, dict[str, Any], bool]] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe("parcelsight/#", qos=1)
    client.on_message = lambda _, __, message: heard.append(
        (message.topic, json.loads(message.payload), message.retain)
    )
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def mqtt(broker: Broker) -> MqttConfig:
    return MqttConfig(kind="mqtt", name="out", host="127.0.0.1", port=broker.port, timeout_s=3)


def of(heard: list[tuple[str, dict[str, Any], bool]], topic: str) -> list[dict[str, Any]]:
    return [value for name, value, _ in heard if name == f"parcelsight/{topic}"]


def test_a_broker_gets_verdicts_and_states(desk: Desk, broker: Broker) -> None:
    with hearing(broker) as heard:
        with pumping(desk, mqtt(broker).open()):
            given = give(desk, 30)
            until(lambda: len(of(heard, "lanes/dock-1/verdict")) == 30)
            desk.board.trouble("dock-1", Cause.WORKERS, State.NOT_SCREENING, "none")
            until(lambda: [s["cause"] for s in of(heard, "lanes/dock-1/state")][-1:] == ["workers"])
            desk.board.well("dock-1", Cause.WORKERS)
            until(lambda: of(heard, "state")[-1]["state"] == "SCREENING")
        assert numbers(of(heard, "lanes/dock-1/verdict")) == given
        until(lambda: of(heard, "state")[-1]["cause"] == "stopped")  # said on the way out
    with hearing(broker) as later:
        until(lambda: len(later) == 2)
        assert all(retained for _, _, retained in later)  # states are there for who comes later, verdicts are not
        assert {topic for topic, _, _ in later} == {"parcelsight/state", "parcelsight/lanes/dock-1/state"}


def test_the_last_will_says_that_nobody_screens(desk: Desk, broker: Broker) -> None:
    sink = mqtt(broker).open()
    with hearing(broker) as heard:
        sink.tell(desk.board.all())
        until(lambda: of(heard, "state")[-1:] and of(heard, "state")[-1]["state"] == "SCREENING")
        assert sink._client is not None
        sink._client._sock_close()  # the line is cut, without a word
        until(lambda: of(heard, "state")[-1]["cause"] == "connection-lost")
        assert of(heard, "state")[-1]["state"] == "NOT_SCREENING"
        until(lambda: of(heard, "state")[-1]["state"] == "SCREENING")  # and comes back by itself
    sink.close()


def test_a_broker_that_was_away_gets_what_it_missed(desk: Desk, broker: Broker) -> None:
    with pumping(desk, mqtt(broker).open()) as pump:
        given = give(desk, 5)
        until(lambda: pump.status.behind == 0 and pump.status.delivered >= 5)
        broker.stop()
        given += give(desk, 5)
        until(lambda: not pump.status.up, timeout_s=30)
        assert str(broker.port) in pump.status.problem
        broker.start()
        with hearing(broker) as heard:
            until(lambda: {*numbers(of(heard, "lanes/dock-1/verdict"))} >= {*given[5:]}, timeout_s=30)
            until(lambda: pump.status.up)


def test_kinds_are_told_apart_and_unknown_keys_refused() -> None:
    sinks: TypeAdapter[Any] = TypeAdapter(AnySink)
    assert isinstance(sinks.validate_python({"kind": "mqtt", "name": "m", "host": "h"}), MqttConfig)
    bad: list[dict[str, object]] = [
        {"kind": "mqtt", "name": "m", "host": "h", "hots": 1},
        {"kind": "fax", "name": "m"},
        {"kind": "mqtt", "name": "../m", "host": "h"},
        {"kind": "mqtt", "name": "m", "host": "h", "prefix": "a/#"},
    ]
    for values in bad:
        with pytest.raises(ValidationError):
            sinks.validate_python(values)
