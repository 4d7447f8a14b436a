"""A console on loopback, with people, parcels that carry pictures, and browsers that are an HTTP client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from parcelsight.inference.service.server import Service, TimeLimits
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.journal import tell_parcel
from parcelsight.screening.people import sessions
from parcelsight.screening.people.accounts import create_person, person_of, require_row
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import ParcelRow, ParcelState, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.app import SEND_BUFFER_BYTES, create_app
from parcelsight.screening.web.console import Console, Settings
from parcelsight.screening.web.guard import COOKIE
from tests.lane_parts import png

PASSWORD = "many brown parcels"
ALARM = {"id": "d1", "xyxy_px": [10.0, 10.0, 60.0, 40.0], "score": 0.9, "class": "pistol", "group": "firearm"}
_NUMBERS = count(1)


class Browser:
    """An HTTP client with a session, which sends the token as the console's pages do."""

    def __init__(self, url: str, token: str = "") -> None:
        cookies = {COOKIE: token} if token else {}
        self.http = httpx.Client(base_url=url, cookies=cookies, timeout=120, follow_redirects=False)
        self.csrf = self.http.get("/api/me").json()["csrf_token"] if token else ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def page(self, path: str) -> httpx.Response:
        return self.http.get(path, headers={"Accept": "text/html"})

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, path, json=body, headers={"X-CSRF-Token": self.csrf})

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.send("POST", path, body if body is not None else {})

    def form(self, path: str, **fields: str) -> httpx.Response:
        fields.setdefault("csrf_token", self.csrf)
        return self.http.post(path, data=fields, headers={"Accept": "text/html"})

    def decide(self, parcel: int, kind: str = "release", **more: Any) -> httpx.Response:
        more.setdefault("request_id", f"request-{next(_NUMBERS)}")
        return self.post("/api/desk/decisions", {"parcel_id": parcel, "kind": kind} | more)


@dataclass
class Site:
    """A running console and what stands in its database."""

    console: Console
    url: str
    browsers: list[Browser] = field(default_factory=list)

    def sign_in(self, login: str) -> Browser:
        """A browser that has a session, without typing a password (which is slow on purpose)."""
        with self.console.database.write() as session:
            token = sessions.begin(session, person_of(require_row(session, login)))
        return self.visitor(token)

    def visitor(self, token: str = "") -> Browser:
        self.browsers.append(Browser(self.url, token))
        return self.browsers[-1]

    def parcel(self, verdict: Verdict = Verdict.NO_ALARM, lane: str = "dock-1", **more: Any) -> int:
        number = next(_NUMBERS)
        name = self.console.pictures.put(png(number))
        with self.console.write() as session:
            row = ParcelRow(
                lane=lane, lane_number=number, arrived_at=now(), verdict=verdict, state=ParcelState.WAITING, declared={}
            )
            row.scans = [
                ScanRow(
                    view="top", scan_id=f"s{number}", file=name, sha256=name, kind="pseudo-colour", width_px=96,
                    height_px=96, pitch_mm=None, verdict=verdict, reason="", model="m", operating_point="",
                    detections=[ALARM] if verdict is Verdict.ALARM else [], dense=[],
                )
            ]  # fmt: skip
            for key, value in more.items():
                setattr(row, key, value)
            session.add(row)
            session.flush()
            tell_parcel(session, row, "arrived")
            return row.id


def database_in(folder: Path) -> Database:
    """An SQLite database with tables."""
    database = Database(str(folder / "console.db"))
    upgrade(database)
    return database


def add_people(database: Database) -> None:
    """One person a role, and a second operator."""
    with database.write() as session:
        for role in Role:
            create_person(session, "system", str(role), f"The {role}", role, None)
        create_person(session, "system", "colleague", "A colleague", Role.OPERATOR, None)


@contextmanager
def running_console(
    folder: Path, database: Database | None = None, settings: Settings | None = None, limits: TimeLimits | None = None
) -> Iterator[Site]:
    """A console with people on a free port of loopback."""
    database = database or database_in(folder)
    add_people(database)
    console = Console(database, PictureStore(folder / "scans"), settings or Settings(heartbeat_s=0.3))
    with Service(create_app(console), "127.0.0.1", 0, 500, limits or TimeLimits(), SEND_BUFFER_BYTES) as service:
        site = Site(console, service.url)
        try:
            yield site
        finally:
            console.end()
            for browser in site.browsers:
                browser.http.close()
    database.close()
