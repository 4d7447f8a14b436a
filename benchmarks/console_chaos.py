"""Kill the console at random moments while an officer decides: is a decision lost or doubled, and how soon is it back?

python -m benchmarks.console_chaos [--kills 200] [--minutes M] [--seed 1] [--database URL] [--json FILE]

A real ``parcelsight console`` process is killed with SIGKILL and started again. The officer is a client that does what
the page does: it sends a decision with its request id until it is acknowledged, and goes on. At the end every
acknowledged decision must stand in the database once, nothing else may, and the audit record must be whole.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import httpx

from benchmarks.ledger_chaos import free_port
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.people import sessions
from parcelsight.screening.people.accounts import create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import DecisionRow, ParcelRow, ParcelState, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.guard import COOKIE

_AGAIN_S = 0.05
_DEADLINE_S = 300.0


@dataclass
class Officer:
    """Decides parcel after parcel, whatever happens to the server."""

    url: str
    token: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Request id → parcel."""
    killed_s: float = 0.0
    """When the console was killed last."""
    went_on_s: list[float] = field(default_factory=list)
    """From the last kill to the first answer after it."""
    longest_wait_s: float = 0.0
    stop: Event = field(default_factory=Event)

    def work(self) -> None:
        """Until told to stop."""
        with httpx.Client(base_url=self.url, cookies={COOKIE: self.token}, timeout=10) as http:
            csrf = self._insist(http, "GET", "/api/me", {}, None)["csrf_token"]
            number = 0
            while not self.stop.is_set():
                parcel = self._insist(http, "POST", "/api/desk/next", {"X-CSRF-Token": csrf}, {}).get("parcel")
                if parcel is None:
                    return
                number += 1
                request = f"officer-{number:06}"
                body = {"request_id": request, "parcel_id": parcel["id"], "kind": "release", "next": False}
                answer = self._insist(http, "POST", "/api/desk/decisions", {"X-CSRF-Token": csrf}, body)
                if "decision" in answer:
                    self.acknowledged[request] = parcel["id"]

    def _insist(self, http: httpx.Client, method: str, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
        """Send it until there is an answer, as the page does."""
        began = monotonic()
        has_failed = False
        while True:
            try:
                answer = http.request(method, path, headers=headers, json=body)
                if answer.status_code < 500:
                    self.longest_wait_s = max(self.longest_wait_s, monotonic() - began)
                    if has_failed:
                        self.went_on_s.append(monotonic() - self.killed_s)
                    found: dict[str, Any] = answer.json()
                    return found
            except httpx.HTTPError:
                has_failed = True
            if monotonic() - began > _DEADLINE_S:
                raise RuntimeError(f"{path}: no answer for {_DEADLINE_S:.0f} s")
            sleep(_AGAIN_S)


@dataclass(frozen=True, slots=True)
class Report:
    """What came out."""

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    record_is_whole: bool
    longest_wait_s: float
    """Of the officer for an answer, over as many kills as came before it."""
    median_goes_on_s: float
    """From the last kill before it until the officer has an answer."""
    worst_goes_on_s: float
    median_back_s: float
    """From a kill until the console answers again."""
    worst_back_s: float


def chaos(
    folder: Path, kills: int, seed: int, url: str | None = None, parcels: int = 20_000, most_s: float = float("inf")
) -> Report:
    """Do it.

    Args:
        folder: for the console's data.
        kills: how often.
        seed: of the moments.
        url: of a database; None for SQLite.
        parcels: that wait at the beginning.
        most_s: stop killing after so long.
    """
    database = Database(url or str(folder / "console.db"))
    token = _prepare(database, parcels)
    port = free_port()
    officer = Officer(f"http://127.0.0.1:{port}", token)
    moments = random.Random(seed)
    process = start(folder, url, port)
    officer.killed_s = monotonic()  # the first start counts as one after a kill
    thread = Thread(target=officer.work, daemon=True)
    thread.start()
    began, back_s = monotonic(), list[float]()
    try:
        wait_until_up(officer.url)
        while len(back_s) < kills and monotonic() - began < most_s:
            sleep(moments.uniform(0.0, 1.5))  # long enough to decide something in between on a slow machine, too
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed = officer.killed_s = monotonic()
            process = start(folder, url, port)
            wait_until_up(officer.url)
            back_s.append(monotonic() - killed)
        sleep(0.5)
        officer.stop.set()
        thread.join(_DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    report = _judge(database, officer, back_s)
    database.close()
    return report


def _prepare(database: Database, parcels: int) -> str:
    upgrade(database)
    moment = now()
    with database.write() as session:
        person = create_person(session, "system", "officer", "Officer", Role.OPERATOR, None)
        token = sessions.begin(session, person)
        for number in range(1, parcels + 1):
            row = ParcelRow(
                lane="1", lane_number=number, arrived_at=moment, verdict="NO_ALARM", state=ParcelState.WAITING
            )
            row.scans = [
                ScanRow(
                    view="top", scan_id=f"s{number}", file=None, sha256="0" * 64, kind="gone", width_px=1, height_px=1,
                    pitch_mm=None, verdict="NO_ALARM", reason="", model="", operating_point="", detections=[], dense=[],
                )
            ]  # fmt: skip
            session.add(row)
    return token


def start(folder: Path, url: str | None, port: int) -> subprocess.Popen[bytes]:
    """A console of its own process; ``url`` of a database, None for SQLite in the folder."""
    where = ["--database", url] if url else []
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "parcelsight.commands.main",
            "console",
            "--data",
            str(folder),
            *where,
            "--port",
            str(port),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until_up(url: str) -> None:
    """Until it answers. Raises RuntimeError after a long while."""
    began = monotonic()
    while monotonic() - began < _DEADLINE_S:
        try:
            if httpx.get(f"{url}/healthz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            sleep(_AGAIN_S)
    raise RuntimeError(f"the console is not back after {_DEADLINE_S:.0f} s")


def _judge(database: Database, officer: Officer, back_s: list[float]) -> Report:
    with database.read() as session:
        rows = session.query(DecisionRow).all()
        kept = {row.request_id: row.parcel_id for row in rows}
        whole = verify(session).is_whole
    lost = sum(kept.get(request) != parcel for request, parcel in officer.acknowledged.items())
    doubled = len(rows) - len({row.parcel_id for row in rows})
    return Report(
        kills=len(back_s),
        acknowledged=len(officer.acknowledged),
        lost=lost,
        doubled=doubled,
        record_is_whole=whole,
        longest_wait_s=round(officer.longest_wait_s, 2),
        median_goes_on_s=round(median(officer.went_on_s), 2) if officer.went_on_s else 0.0,
        worst_goes_on_s=round(max(officer.went_on_s, default=0.0), 2),
        median_back_s=round(median(back_s), 2),
        worst_back_s=round(max(back_s), 2),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out; exit status 1 where a decision was lost or doubled, or none was made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default=None)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop killing after so long")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="console-chaos-") as name:
        report = chaos(Path(name), chosen.kills, chosen.seed, chosen.database, most_s=60 * chosen.minutes)
    print(json.dumps(asdict(report)))
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    return 0 if report.acknowledged and report.record_is_whole and not report.lost and not report.doubled else 1


if __name__ == "__main__":
    sys.exit(main())
