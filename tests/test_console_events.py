"""News: to everybody at once, to those who come back all they missed, and nobody is waited for."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from parcelsight.inference.service.server import TimeLimits
from parcelsight.screening.desk.journal import forget_old, since, tell
from parcelsight.screening.storage.tables import EventRow, ParcelRow, SessionRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.guard import COOKIE
from tests.console_parts import Browser, Site, running_console
from tests.lane_parts import until

News = tuple[str, int | None, dict[str, Any]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_console(tmp_path, limits=TimeLimits(stalled_s=1.0, look_every_s=0.2)) as site:
        yield site


class Listener:
    """A console's page that listens."""

    def __init__(self, browser: Browser, after: int | None = None) -> None:
        self.heard: list[News] = []
        self.is_over = False
        self._browser, self._after = browser, after
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        headers = {} if self._after is None else {"Last-Event-ID": str(self._after)}
        with suppress(httpx.HTTPError), self._browser.http.stream("GET", "/api/events", headers=headers) as answer:
            kind, number = "", None
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    number = int(value)
                elif name == "data":
                    self.heard.append((kind, number, json.loads(value)))
                    kind, number = "", None
        self.is_over = True

    def parcels(self) -> list[int]:
        return [data["id"] for kind, _, data in self.heard if kind == "parcel"]


def test_everybody_hears_and_whoever_comes_back_hears_what_was_missed(site: Site) -> None:
    listeners = [Listener(site.sign_in(login)) for login in ("operator", "colleague", "supervisor")]
    until(lambda: all(listener.heard for listener in listeners))
    first = site.parcel()
    until(lambda: all(listener.parcels() == [first] for listener in listeners))
    last = max(number or 0 for _, number, _ in listeners[0].heard)
    more = [site.parcel() for _ in range(300)]
    back = Listener(site.sign_in("operator"), last)
    until(lambda: len(back.parcels()) == 300)
    assert back.parcels() == more and listeners[1].parcels() == [first, *more]
    after = site.parcel()
    until(lambda: back.parcels()[-1] == after)
    assert len(back.parcels()) == 301


def test_what_happens_to_a_parcel_is_told(site: Site) -> None:
    listener, browser = Listener(site.sign_in("colleague")), site.sign_in("operator")
    until(lambda: listener.heard)
    parcel = site.parcel()
    browser.post("/api/desk/next")
    browser.decide(parcel)
    until(lambda: len(listener.parcels()) == 3)
    told = [data for kind, _, data in listener.heard if kind == "parcel"]
    assert [data["why"] for data in told] == ["arrived", "taken", "decided"]
    assert [data["leased"] for data in told] == [False, True, False]
    until(lambda: listener.heard[-1][2].get("waiting") == 0)


def test_a_lease_that_runs_out_is_told(site: Site) -> None:
    listener, browser = Listener(site.sign_in("colleague")), site.sign_in("operator")
    parcel = site.parcel()
    browser.post("/api/desk/next")
    with site.console.database.write() as session:
        ends = now() + timedelta(seconds=1.2)
        session.execute(update(ParcelRow).where(ParcelRow.id == parcel).values(leased_until=ends))
    until(lambda: any(data.get("why") == "expired" for _, _, data in listener.heard))


def test_a_session_that_ends_ends_its_news(site: Site) -> None:
    listener = Listener(site.sign_in("operator"))
    until(lambda: listener.heard)
    with site.console.database.write() as session:
        session.execute(update(SessionRow).values(ended_at=now()))
    until(lambda: listener.is_over)
    assert listener.heard[-1][0] == "ended"


def test_one_person_keeps_no_more_pages_open_than_anybody_needs(site: Site) -> None:
    listeners = [Listener(site.sign_in("operator")) for _ in range(12)]
    until(lambda: all(listener.heard for listener in listeners))
    assert site.sign_in("operator").get("/api/events").status_code == 429


@contextmanager
def stalled(site: Site, token: str) -> Iterator[socket.socket]:
    """A page that listens and takes nothing."""
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect(("127.0.0.1", int(site.url.rsplit(":", 1)[1])))
        made.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={token}\r\n\r\n".encode())
        yield made


def test_a_stalled_page_is_cut_off_and_the_others_hear_all(site: Site) -> None:
    listener = Listener(site.sign_in("operator"))
    token = str(site.sign_in("colleague").http.cookies[COOKIE])
    until(lambda: listener.heard)
    with stalled(site, token) as sock:
        sleep(0.3)
        for _ in range(40):
            with site.console.write() as session:
                tell(session, "parcel", {"id": 1, "why": "x" * 60_000})
        until(lambda: len(listener.parcels()) == 40)
        sleep(3)
        sock.settimeout(5)
        deadline, taken, is_over = monotonic() + 10, 0, False
        while not is_over and monotonic() < deadline:
            try:
                piece = sock.recv(65_536)
            except ConnectionResetError:
                piece = b""
            taken, is_over = taken + len(piece), not piece
        assert is_over and taken < 40 * 60_000


def test_old_news_go_and_numbers_count_on(site: Site) -> None:
    for _ in range(3):
        site.parcel()
    with site.console.database.write() as session:
        session.execute(update(EventRow).values(at=now() - timedelta(days=3)))
        assert forget_old(session) == 2
        tell(session, "parcel", {"id": 9})
        assert [row.number for row in since(session, 0, 10)] == [3, 4]
