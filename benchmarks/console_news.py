"""How soon do consoles hear of a parcel? 50 listen, 10 of them take nothing; what becomes of those, and of the memory?

python -m benchmarks.console_news [--consoles 50] [--stalled 10] [--parcels 300] [--json FILE]

Timed from before the parcel's transaction until the event has been read by a console. The server has this process, the
listeners have another. Then so much news is sent that the stalled consoles' buffers are full: it is timed until the
server has let go of them, and each comes back with the number of the last news it had and must be told the rest.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import psutil

from parcelsight.inference.service.server import TimeLimits
from parcelsight.screening.web.guard import COOKIE
from tests.console_parts import Site, running_console

_ARRIVED = re.compile(rb'"id": (\d+), "state": "waiting"')
_NUMBER = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_LOGINS = ("operator", "colleague", "supervisor", "trainer", "admin")
_FILLER = {"lane": "dock-1", "scan": "x", "verdict": "ALARM", "reason": "x" * 900, "detections": []}
_FILL = 700
"""Pieces of passing news, 0.7 MB: more than the kernel and the server hold for one console."""
_DEADLINE_S = 40.0


def page(port: int, token: str, buffer_bytes: int | None = None, after: int | None = None) -> socket.socket:
    """A page that listens."""
    made = socket.socket()
    if buffer_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    made.connect(("127.0.0.1", port))
    last = f"Last-Event-ID: {after}\r\n" if after is not None else ""
    made.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={token}\r\n{last}\r\n".encode())
    return made


def listen(port: int, tokens: Sequence[str], count: int, told: Connection) -> None:
    """Pages that listen, all in one thread of one process, until told to end; sends (page, parcel) → moment."""
    heard: dict[tuple[int, int], float] = {}
    selector = selectors.DefaultSelector()
    for number in range(count):
        selector.register(page(port, tokens[number % len(tokens)]), selectors.EVENT_READ, number)
    while not told.poll():
        for key, _ in selector.select(0.1):
            assert isinstance(key.fileobj, socket.socket)
            moment = monotonic()
            for found in _ARRIVED.findall(key.fileobj.recv(262_144)):
                heard.setdefault((key.data, int(found)), moment)
    told.send(heard)


def measure(site: Site, consoles: int, stalled: int, parcels: int) -> dict[str, Any]:
    """Everything of one run."""
    tokens = [str(site.sign_in(login).http.cookies[COOKIE]) for login in _LOGINS]
    port = int(site.url.rsplit(":", 1)[1])
    here, there = Pipe()
    process = get_context("spawn").Process(target=listen, args=(port, tokens, consoles - stalled, there))
    process.start()
    deaf = [page(port, tokens[number % len(tokens)], 4096) for number in range(stalled)]
    _until(lambda: _connections(port) >= consoles)
    site.parcel()
    sleep(1.0)
    before_mb, sent = _memory_mb(), {}
    for _ in range(parcels):
        began = monotonic()
        sent[site.parcel()] = began
        sleep(0.1)
    sleep(1.0)
    dropped_s = _drop(site, port, consoles - stalled)
    grown_mb = _memory_mb() - before_mb
    here.send("end")
    heard = here.recv()
    process.join()
    took = np.array([1e3 * (moment - sent[parcel]) for (_, parcel), moment in heard.items() if parcel in sent])
    again = [_replayed(port, tokens[number % len(tokens)], sock, set(sent)) for number, sock in enumerate(deaf)]
    return {
        "consoles": consoles,
        "stalled": stalled,
        "parcels": parcels,
        "median_ms": round(float(np.median(took)), 1),
        "p99_ms": round(float(np.percentile(took, 99)), 1),
        "worst_ms": round(float(took.max()), 1),
        "not_heard": (consoles - stalled) * parcels - len(took),
        "stalled_dropped_s": round(dropped_s, 1),
        "not_replayed": sum(again),
        "memory_grown_mb": round(grown_mb, 1),
    }


def _drop(site: Site, port: int, kept: int) -> float:
    """Fill the buffers of those that take nothing; seconds until the server has let go of them."""
    for _ in range(_FILL):
        site.console.early("early", dict(_FILLER))
        sleep(0.001)
    began = monotonic()
    _until(lambda: _connections(port) <= kept)
    return monotonic() - began


def _replayed(port: int, token: str, sock: socket.socket, parcels: set[int]) -> int:
    """How many parcels a console never hears of that had stalled and comes back."""
    sock.settimeout(5.0)
    had = b""
    with suppress(OSError):
        while piece := sock.recv(65_536):
            had += piece
    whole = had[: had.rfind(b"\n\n") + 2]
    numbers = [int(found) for found in _NUMBER.findall(whole)]
    missing = parcels - {int(found) for found in _ARRIVED.findall(whole)}
    back, told = page(port, token, after=numbers[-1] if numbers else 0), b""
    back.settimeout(5.0)
    end = monotonic() + _DEADLINE_S
    with suppress(OSError), back:
        while missing and monotonic() < end:
            told += back.recv(65_536)
            missing -= {int(found) for found in _ARRIVED.findall(told)}
    return len(missing)


def _connections(port: int) -> int:
    """Established on the server's side."""
    found = psutil.Process().net_connections(kind="tcp")
    return sum(one.status == "ESTABLISHED" and one.laddr.port == port for one in found)


def _memory_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def _until(holds: Callable[[], bool]) -> None:
    end = monotonic() + _DEADLINE_S
    while not holds():
        if monotonic() > end:
            raise RuntimeError("it did not happen in time")
        sleep(0.05)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consoles", type=int, default=50)
    parser.add_argument("--stalled", type=int, default=10)
    parser.add_argument("--parcels", type=int, default=300)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    limits = TimeLimits(stalled_s=7.0)
    with tempfile.TemporaryDirectory() as name, running_console(Path(name), limits=limits) as site:
        report = measure(site, chosen.consoles, chosen.stalled, chosen.parcels)
    print(json.dumps(report))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
