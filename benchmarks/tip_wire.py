"""Everything that a browser receives of parcels before they are answered, as numbers."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter, time
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.tip_site import TipSite, open_site, plain_parcel
from parcelsight.inference.service.server import Service, TimeLimits
from parcelsight.screening.people import sessions
from parcelsight.screening.tutor import tip
from parcelsight.screening.tutor.tip_desk import open_projection
from parcelsight.screening.web.app import create_app
from parcelsight.screening.web.guard import COOKIE

LABELS = ("cartridge", "cartridge_pack", "slide", "bolt", "cylinder", "magazine")
_RATE = 0.5
"""Above what a site may set, so that fewer parcels say as much."""


class _News(threading.Thread):
    """Listens as a desk does: parcel → (seconds from its scan to its news, length of the news, its number)."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self.url, self.token, self.heard = url, token, dict[int, tuple[float, int, int]]()
        self.over = threading.Event()

    def run(self) -> None:
        number = 0
        client = httpx.Client(base_url=self.url, cookies={COOKIE: self.token}, timeout=None)
        with client as http, http.stream("GET", "/api/events") as response:
            for line in response.iter_lines():
                if self.over.is_set():
                    return
                if line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: "):
                    self._take(line[6:], number)

    def _take(self, text: str, number: int) -> None:
        data = json.loads(text)
        if data.get("why") == "arrived":
            delay_s = time() - datetime.fromisoformat(data["arrived_at"]).replace(tzinfo=UTC).timestamp()
            self.heard[data["id"]] = (delay_s, len(text), number - data["id"])


def wire_samples(
    folder: Path, parcels: int, hold_s: float | None, minutes: float = 600
) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """(features, whether each parcel carries a projection, names of the features).

    Args:
        folder: for the console; empty.
        parcels: how many.
        hold_s: for which parcels are held on their way in.
        minutes: after which it ends with what it has.
    """
    most, tip._MOST_RATE = tip._MOST_RATE, _RATE
    try:
        site = open_site(folder, _RATE, hold_s, LABELS)
        with site.console.database.write() as session:
            token = sessions.begin(session, site.officer)
        with Service(create_app(site.console), "127.0.0.1", 0, 100, TimeLimits()) as service:
            return _samples(site, service.url, token, parcels, monotonic() + 60 * minutes)
    finally:
        tip._MOST_RATE = most


def _samples(
    site: TipSite, url: str, token: str, parcels: int, until: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    news = _News(url, token)
    news.start()
    rng = np.random.default_rng(7)
    pictures = [plain_parcel(rng) for _ in range(32)]
    rows: list[dict[str, float]] = []
    carrying: list[int] = []
    with httpx.Client(base_url=url, cookies={COOKIE: token}, timeout=30) as http:
        csrf = http.get("/api/me").json()["csrf_token"]
        for number in range(parcels):
            if monotonic() > until:
                break
            parcel = site.arrive(pictures[int(rng.integers(len(pictures)))])
            with site.console.read() as session:
                carrying.append(int(open_projection(session, parcel) is not None))
            rows.append(_received(http, csrf, parcel, number) | _told(news, parcel))
            _answer(http, csrf, parcel, number)
    news.over.set()
    names = tuple(sorted(set().union(*rows)))
    return np.array([[row.get(name, -1.0) for name in names] for row in rows]), np.array(carrying), names


def _told(news: _News, parcel: int) -> dict[str, float]:
    began = perf_counter()
    while parcel not in news.heard and perf_counter() - began < 5:
        threading.Event().wait(0.01)
    delay_s, length, ahead = news.heard.get(parcel, (-1.0, -1, -1))
    return {"news.delay_s": delay_s, "news.length": float(length)}


def _received(http: httpx.Client, csrf: str, parcel: int, number: int) -> dict[str, float]:
    """Every request of a desk for a parcel, in its order."""
    found: dict[str, float] = {}
    headers = {"X-CSRF-Token": csrf}
    queue = _timed(found, "queue", http, "GET", "/api/desk/queue")
    brief: dict[str, Any] = next((one for one in queue.json()["waiting"] if one["id"] == parcel), {})
    found |= _flat("brief", brief)
    ahead = _timed(found, "ahead", http, "GET", f"/api/parcels/{parcel}").json()
    _timed(found, "ahead pixels", http, "GET", ahead["scans"][0]["pixels_url"])
    taken = _timed(found, "take", http, "POST", f"/api/desk/take/{parcel}", headers=headers, json={}).json()["parcel"]
    found |= _flat("parcel", taken)
    pixels = _timed(found, "pixels", http, "GET", taken["scans"][0]["pixels_url"])
    length = int.from_bytes(pixels.content[8:12], "little")
    found |= _flat("container", json.loads(pixels.content[12 : 12 + length]))
    _timed(found, "again", http, "GET", taken["scans"][0]["pixels_url"])
    _timed(found, "renew", http, "POST", "/api/desk/renew", headers=headers, json={"parcel_id": parcel})
    return found


def _timed(
    found: dict[str, float], name: str, http: httpx.Client, method: str, url: str, **more: Any
) -> httpx.Response:
    began = perf_counter()
    response = http.request(method, url, **more)
    found[f"{name}.ms"] = 1000 * (perf_counter() - began)
    found[f"{name}.length"] = float(len(response.content))
    found[f"{name}.headers"] = float(sum(len(key) + len(value) for key, value in response.headers.items()))
    found[f"{name}.status"] = float(response.status_code)
    return response


def _flat(prefix: str, value: Any) -> dict[str, float]:
    """Numbers as they are, texts by their length, lists by theirs; numbers that only count on are left out."""
    if isinstance(value, Mapping):
        return {key: one for name, inner in value.items() if name != "id"
                for key, one in _flat(f"{prefix}.{name}", inner).items()}  # fmt: skip
    if isinstance(value, list):
        first = _flat(f"{prefix}[0]", value[0]) if value else {}
        return {f"{prefix}#": float(len(value))} | first
    if isinstance(value, bool) or value is None:
        return {prefix: float(bool(value))}
    if isinstance(value, int | float):
        return {prefix: float(value)}
    return {prefix: float(len(str(value)))}


def _answer(http: httpx.Client, csrf: str, parcel: int, number: int) -> None:
    """Answer and decide, so that the next one comes."""
    for part in ("a", "b"):
        body = {"request_id": f"wire-{number:06d}-{part}", "parcel_id": parcel, "kind": "release", "next": False}
        if http.post("/api/desk/decisions", json=body, headers={"X-CSRF-Token": csrf}).json().get("decision"):
            return
