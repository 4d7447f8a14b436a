"""How soon do consoles hear of a parcel? 50 listen, 10 of them take nothing.

python -m benchmarks.console_news [--consoles 50] [--stalled 10] [--parcels 200]

Timed from before the parcel's transaction until the event has been read by a console; server and listeners share the
machine, in two processes' worth of threads of one process, so the figures are an upper bound.
"""

from __future__ import annotations

import argparse
import re
import resource
import selectors
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import numpy as np

from parcelsight.inference.service.server import TimeLimits
from parcelsight.screening.web.guard import COOKIE
from tests.console_parts import Site, running_console

_ARRIVED = re.compile(rb'"id": (\d+), "state": "waiting"')


class Listeners:
    """Pages that listen, all in one thread."""

    def __init__(self, site: Site, listening: int, stalled: int) -> None:
        self.heard: dict[tuple[int, int], float] = {}
        """(Page, parcel) → moment."""
        self.stop = Event()
        logins = ("operator", "colleague", "supervisor", "trainer", "admin")
        tokens = [str(site.sign_in(login).http.cookies[COOKIE]) for login in logins]
        port = int(site.url.rsplit(":", 1)[1])
        self.pages = [_page(port, tokens[number % len(tokens)]) for number in range(listening)]
        self.stalled = [_page(port, tokens[number % len(tokens)], 4096) for number in range(stalled)]
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        for number, page in enumerate(self.pages):
            selector.register(page, selectors.EVENT_READ, number)
        while not self.stop.is_set():
            for key, _ in selector.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                moment = monotonic()
                for found in _ARRIVED.findall(key.fileobj.recv(65_536)):
                    self.heard.setdefault((key.data, int(found)), moment)


def _page(port: int, token: str, buffer_bytes: int | None = None) -> socket.socket:
    made = socket.socket()
    if buffer_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    made.connect(("127.0.0.1", port))
    made.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={token}\r\n\r\n".encode())
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consoles", type=int, default=50)
    parser.add_argument("--stalled", type=int, default=10)
    parser.add_argument("--parcels", type=int, default=200)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, running_console(Path(name), limits=TimeLimits(stalled_s=7.0)) as site:
        listeners = Listeners(site, chosen.consoles - chosen.stalled, chosen.stalled)
        sleep(2.0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sent = {}
        for _ in range(chosen.parcels):
            began = monotonic()
            sent[site.parcel()] = began
            sleep(0.1)
        sleep(2.0)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        listeners.stop.set()
        took = np.array([1e3 * (moment - sent[parcel]) for (_, parcel), moment in listeners.heard.items()])
        missing = len(listeners.pages) * chosen.parcels - len(took)
        p50, p99 = np.percentile(took, [50, 99])
        print(
            f"{chosen.consoles} consoles, {chosen.stalled} stalled, {chosen.parcels} parcels: median {p50:.0f} ms, "
            f"p99 {p99:.0f} ms, {missing} not heard, memory +{grown:.1f} MB"
        )


if __name__ == "__main__":
    main()
