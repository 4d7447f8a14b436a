"""The service under clients that mean no good, or are broken: never a crash, a hang, or memory without end.

``PARCELSIGHT_MUTATIONS=5000`` runs the long form.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.service.config import ServiceConfig
from parcelsight.inference.service.server import Service, TimeLimits
from tests.service_parts import Desk, picture, running_service

MUTATIONS = int(os.environ.get("PARCELSIGHT_MUTATIONS", "400"))
HASTY = TimeLimits(head_s=0.6, refused_body_s=0.4, stalled_s=0.8, look_every_s=0.1)
GENEROUS_S = 15.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Desk]]:
    folder = tmp_path_factory.mktemp("ledger")
    config = ServiceConfig(max_scan_mb=2, max_connections=64)
    with running_service(folder, config=config, limits=HASTY, heartbeat_s=0.2) as running:
        yield running


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=GENEROUS_S)


def talk(service: Service, request: bytes) -> bytes:
    """Send bytes and read until the service closes, or has answered."""
    with connect(service) as client:
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # refused while we still send: the answer may be there all the same
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    answer = b""
    try:
        while data := client.recv(65_536):
            answer += data
    except ConnectionResetError:
        pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def assert_alive(service: Service) -> None:
    assert httpx.get(f"{service.url}/v2/health/live", timeout=GENEROUS_S).json() == {"live": True}


def memory_mb() -> float:
    """Resident memory of this process, in which the service runs."""
    text = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1e3


BODIES: dict[str, tuple[bytes, bytes]] = {
    "declared too large": (b"Content-Length: 3000000\r\n\r\n", b""),
    "declared far too large": (b"Content-Length: 99999999999999999999\r\n\r\n", b""),
    "chunked without end": (b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "multipart without end": (
        b"Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'34\r\n--b\r\nContent-Disposition: form-data; name="scan"\r\n\r\n\r\n',
        b"10000\r\n" + b"x" * 65_536 + b"\r\n",
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_too_large_is_refused_while_it_comes(running: tuple[Service, Desk], case: str) -> None:
    service, desk = running
    before, accepted = memory_mb(), desk.ledger.counts().accepted
    head, again = BODIES[case]
    with connect(service) as client:
        sent = 0
        try:
            client.sendall(b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\n" + head)
            while again and sent < 400_000_000:
                client.sendall(again)
                sent += len(again)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(client)
    assert sent < 50_000_000, "it went on reading"
    # The answer is lost where the kernel resets a connection with unread data in it.
    assert statuses(answer) in ([413], [])
    assert memory_mb() - before < 60
    assert desk.ledger.counts().accepted == accepted
    assert_alive(service)


def test_a_refusal_before_the_body_is_readable(running: tuple[Service, Desk]) -> None:
    answer = talk(running[0], b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\nabc")
    assert statuses(answer) == [413]


@pytest.mark.parametrize("head", [b"Connection: close\r\n", b"X-Lane: none\r\n", b"Broken header\r\n"])
def test_a_refusal_is_read_whatever_still_comes(running: tuple[Service, Desk], head: bytes) -> None:
    """Bytes that come behind the answer must not have the kernel reset the line before the answer is read."""
    length = 2_500_000
    with connect(running[0]) as client:
        client.sendall(b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\n" + head)
        client.sendall(b"Content-Length: %d\r\n\r\n" % length)
        for _ in range(length // 50_000):
            client.sendall(bytes(50_000))
        answer = read_all(client)
    assert len(statuses(answer)) == 1 and 400 <= statuses(answer)[0] < 500, answer


def test_an_answer_reaches_who_has_finished_speaking(running: tuple[Service, Desk]) -> None:
    """A client may close its sending side and still wait: for a page, a verdict, or for why its body was too short."""
    service, _ = running
    assert statuses(talk(service, b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")) == [200]
    assert statuses(talk(service, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)) == [200] * 3
    short = b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"
    assert statuses(talk(service, short)) == [400]


SLOW: dict[str, tuple[bytes, bytes]] = {
    "silent from the start": (b"", b""),
    "a head that never ends": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: 1\r\n"),
    "a second head that never ends": (b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET ", b"/"),
    "a refused body that goes on": (
        b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nX-Lane: none\r\nContent-Length: 9000000\r\n\r\n", b"x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SLOW)
def test_a_client_that_dawdles_is_cut_off(running: tuple[Service, Desk], case: str) -> None:
    first, drip = SLOW[case]
    started = time.monotonic()
    with connect(running[0]) as client:
        client.settimeout(0.05)
        client.sendall(first) if first else None
        while time.monotonic() - started < GENEROUS_S:
            try:
                client.sendall(drip) if drip else None
                if client.recv(65_536) == b"":
                    break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
        else:
            pytest.fail("the connection was kept")
    assert_alive(running[0])


def test_a_body_that_drips_is_given_up(running: tuple[Service, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parcelsight.inference.service.scans._BODY_GRACE_S", 0.3)
    service, desk = running
    accepted = desk.ledger.counts().accepted
    with connect(service) as client:
        client.sendall(b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        answer = b""
        try:
            for _ in range(100):
                client.sendall(b"x")
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(client)
    assert statuses(answer) in ([408], [])
    assert desk.ledger.counts().accepted == accepted
    assert_alive(service)


def test_a_body_that_ends_too_early_is_no_scan(running: tuple[Service, Desk]) -> None:
    service, desk = running
    accepted = desk.ledger.counts().accepted
    talk(service, b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
    assert_alive(service)
    assert desk.ledger.counts().accepted == accepted


def test_a_listener_that_takes_nothing_is_dropped(tmp_path: Path) -> None:
    with running_service(tmp_path, limits=HASTY, config=ServiceConfig(max_listeners=1), heartbeat_s=0.1) as (
        service,
        desk,
    ):
        for i in range(40):
            sequence = desk.ledger.accept(arrival(i)).sequence
            outcome = {"scan": f"{i}", "verdict": "ALARM", "reason": "x" * 100_000, "detections": [], "timing_ms": {}}
            desk.ledger.record(sequence, outcome)
        before = memory_mb()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", service.port))
            client.sendall(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            end = time.monotonic() + GENEROUS_S
            while not _has_place(service):  # its place comes free although it keeps the connection open
                assert time.monotonic() < end, "the listener was kept"
                time.sleep(0.1)
        assert memory_mb() - before < 30


def arrival(i: int) -> Arrival:
    return Arrival("dock-1", f"{i}", datetime.now(UTC), payload=b"x")


def _has_place(service: Service) -> bool:
    with httpx.stream("GET", f"{service.url}/v1/events", timeout=GENEROUS_S) as response:
        return response.status_code == 200


def test_connections_are_bounded(tmp_path: Path) -> None:
    with running_service(tmp_path, config=ServiceConfig(max_connections=8)) as (service, _):
        idle = [connect(service) for _ in range(12)]
        try:
            assert httpx.get(f"{service.url}/v2/health/live", timeout=GENEROUS_S).status_code == 503
        finally:
            for client in idle:
                client.close()


INJECTIONS: dict[str, bytes] = {
    "bare return": b"Idempotency-Key: a\rX-Injected: 1\r\n",
    "null": b"X-Barcode: a\0b\r\n",
    "space before the colon": b"X-Barcode : 1\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "the same key twice": b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
    "escape sequence": b"X-Meta-A: \x1b[2J\r\n",
    "a long head": b"X-A: " + b"a" * 20_000 + b"\r\n",
    "many headers": b"X-A: 1\r\n" * 5_000,
}


@pytest.mark.parametrize("case", INJECTIONS)
def test_a_header_cannot_smuggle_anything_in(running: tuple[Service, Desk], case: str) -> None:
    service, desk = running
    accepted = desk.ledger.counts().accepted
    head = b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + INJECTIONS[case]
    tail = b"\r\nabc" if b"Content-Length" in head else b"Content-Length: 3\r\n\r\nabc"
    answer = talk(service, head + tail)
    assert b"x-injected" not in answer.lower()
    assert all(400 <= code < 500 for code in statuses(answer)), answer
    assert desk.ledger.counts().accepted == accepted
    assert_alive(service)


def test_a_folded_header_is_one_line(running: tuple[Service, Desk]) -> None:
    """RFC 9112, 5.2: a line end with a blank behind it reads as a blank."""
    head = b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n\tX-Injected: 1\r\n"
    answer_head, _, body = talk(running[0], head + b"Content-Length: 3\r\n\r\nabc").partition(b"\r\n\r\n")
    assert statuses(answer_head) == [202] and b"x-injected" not in answer_head.lower()
    assert json.loads(body)["scan"] == "a X-Injected: 1"


SEEDS: tuple[bytes, ...] = (
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nX-Barcode: RR1\r\nIdempotency-Key: k1\r\nX-Meta-a: b\r\n"
    b"Content-Length: 5\r\n\r\nabcde",
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b'Content-Length: 146\r\n\r\n--b\r\nContent-Disposition: form-data; name="scan"; filename="a"\r\n\r\nabc\r\n'
    b'--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"a": "b"}\r\n--b--\r\n',
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"GET /v1/scans?after=1&limit=2&scan=a&lane=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/scans/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/verdicts?after=0&limit=9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v2/models/test HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v2/health/ready?lane=dock-1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
)
_TOKENS = (
    *(
        b"\0",
        b"\r\n",
        b"\n",
        b"%00",
        b"..%2f",
        b"%ff",
        b"\xff",
        b"9" * 30,
        b"-1",
        b"'",
        b'"',
        b"{",
        b"--b",
        b";",
        b"name=",
    ),
    *(b"boundary=", b"1e400", b"\xed\xa0\x80", b"A" * 3000, b"chunked", b"HTTP/1.0", b"\x1b[2J", b"ffffffff\r\n"),
)


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """One to six changes: bytes flipped, parts cut, doubled or replaced by something nasty."""
    data = bytearray(seed)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(0, 12))
        match rng.randrange(5):
            case 0 if at < len(data):
                data[at] = rng.randrange(256)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * rng.randint(1, 4)
            case 3:
                data[at:end] = rng.choice(_TOKENS)
            case _:
                data[at:at] = rng.choice(_TOKENS)
    return bytes(data)


def test_mutated_requests_never_break_it(running: tuple[Service, Desk]) -> None:
    service, desk = running
    rng = random.Random(1)
    desk.judge(desk.ledger.accept(arrival(0)).sequence)
    talk(service, SEEDS[0])
    before = memory_mb()
    for turn in range(MUTATIONS):
        request = mutated(SEEDS[turn % len(SEEDS)], rng)
        answer = talk(service, request)
        assert not [code for code in statuses(answer) if code >= 500], (request, answer)
    assert memory_mb() - before < 50
    assert_alive(service)
    counts = desk.ledger.counts()
    entries = desk.ledger.entries_since(0, 100_000)
    assert len(entries) == counts.accepted and all(entry.bytes > 0 for entry in entries)
    assert httpx.post(f"{service.url}/v1/scans", content=picture(), timeout=GENEROUS_S).status_code == 202
