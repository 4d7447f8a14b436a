"""Does a console with a season of parcels answer as fast as an empty one? Times of what people call most, in one run.

python -m benchmarks.console_scale [--parcels 200000] [--json FILE]

A real ``parcelsight console`` process over a database with so many parcels of 90 days, one in twenty alarmed, almost
all of them decided; beside it one with a hundredth of them. Prints the median and the slowest time of each call, and
that of the first one after a start.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import httpx
from sqlalchemy import insert

from benchmarks.console_chaos import start, wait_until_up
from benchmarks.ledger_chaos import free_port
from benchmarks.results import tell
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.people import sessions
from parcelsight.screening.people.accounts import create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import DecisionKind, DecisionRow, ParcelRow, ParcelState, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.guard import COOKIE

_WAITING = 200
_DAYS = 90
_CHUNK = 5_000
_CALLS = 15


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    sizes = (options.parcels // 100, options.parcels)
    tell({str(size): measured(size) for size in sizes}, options.json)


def measured(parcels: int) -> dict[str, Any]:
    """Times in milliseconds of a console with so many parcels."""
    with tempfile.TemporaryDirectory(prefix="console-scale-") as folder:
        database = Database(str(Path(folder) / "console.db"))
        operator, supervisor = _season(database, parcels)
        database.close()
        port = free_port()
        process = start(Path(folder), None, port)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(url)
            with _client(url, operator) as desk, _client(url, supervisor) as office:
                return {name: _times(call) for name, call in _calls(desk, office).items()}
        finally:
            process.kill()
            process.wait()


def _season(database: Database, parcels: int) -> tuple[str, str]:
    """Fill it; returns the tokens of an operator and of a supervisor."""
    upgrade(database)
    until = now()
    with database.write() as session:
        officer = create_person(session, "system", "officer", "Officer", Role.OPERATOR, None)
        head = create_person(session, "system", "head", "Head", Role.SUPERVISOR, None)
        tokens = sessions.begin(session, officer), sessions.begin(session, head)
        officer_id = officer.id
    for first in range(1, parcels + 1, _CHUNK):
        numbers = range(first, min(first + _CHUNK, parcels + 1))
        with database.write() as session:
            at = {n: until - timedelta(days=_DAYS * (1 - n / parcels)) for n in numbers}
            state = {n: ParcelState.WAITING if n > parcels - _WAITING else ParcelState.RELEASED for n in numbers}
            verdict = {n: Verdict.ALARM if n % 20 == 0 else Verdict.NO_ALARM for n in numbers}
            session.execute(
                insert(ParcelRow),
                [
                    {"id": n, "lane": str(n % 4), "lane_number": n, "arrived_at": at[n], "verdict": verdict[n],
                     "state": state[n], "declared": {}, "item_id": f"RX{n:09d}DE"} for n in numbers
                ],
            )  # fmt: skip
            alarm = {"id": "d0", "class": "pistol", "group": "firearm", "score": 0.9, "xyxy_px": [1, 1, 9, 9]}
            session.execute(
                insert(ScanRow),
                [
                    {"id": n, "parcel_id": n, "view": "top", "scan_id": f"s{n}", "file": None, "sha256": "0" * 64,
                     "kind": "gone", "width_px": 1, "height_px": 1, "pitch_mm": None, "verdict": verdict[n],
                     "reason": "", "model": "", "operating_point": "", "dense": [],
                     "detections": [alarm] if verdict[n] == Verdict.ALARM else []} for n in numbers
                ],
            )  # fmt: skip
            decided = [n for n in numbers if state[n] != ParcelState.WAITING]
            session.execute(
                insert(DecisionRow),
                [
                    {"request_id": f"r{n:09}", "parcel_id": n, "person_id": officer_id, "kind": DecisionKind.RELEASE,
                     "decided_at": at[n], "took_ms": 4000, "state_before": ParcelState.WAITING, "aid_shown": True}
                    for n in decided
                ],
            )  # fmt: skip
    return tokens


@contextmanager
def _client(url: str, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, cookies={COOKIE: token}, timeout=120) as client:
        client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf_token"]
        yield client


def _calls(desk: httpx.Client, office: httpx.Client) -> dict[str, Callable[[], httpx.Response]]:
    number = 0

    def decide() -> httpx.Response:
        nonlocal number
        number += 1
        parcel = desk.post("/api/desk/next", json={}).json()["parcel"]
        body = {"request_id": f"scale-{number:06}", "parcel_id": parcel["id"], "kind": "release", "next": False}
        reason = {"reason": "harmless_object"} if parcel["verdict"] == Verdict.ALARM else {}
        return desk.post("/api/desk/decisions", json=body | reason)

    return {
        "next parcel and decision": decide,
        "desk page": lambda: desk.get("/desk"),
        "parcels page": lambda: office.get("/parcels"),
        "a parcel by its number": lambda: office.get("/parcels?q=RX000000777DE"),
        "supervisor, a week": lambda: office.get("/supervisor?hours=168"),
        "supervisor, the season": lambda: office.get("/supervisor?hours=2160"),
        "decisions of the season as CSV": lambda: office.get("/supervisor/decisions.csv?hours=2160"),
        "classes, the season": lambda: office.get("/supervisor/classes?hours=2160"),
    }


def _times(call: Callable[[], httpx.Response]) -> dict[str, float]:
    took_ms = []
    for _ in range(_CALLS):
        began = monotonic()
        answer = call()
        took_ms.append(1000 * (monotonic() - began))
        if answer.status_code != 200:
            raise SystemExit(f"{answer.url}: {answer.status_code} {answer.text[:200]}")
    return {"first_ms": round(took_ms[0]), "median_ms": round(median(took_ms)), "most_ms": round(max(took_ms[1:]))}


if __name__ == "__main__":
    main()
