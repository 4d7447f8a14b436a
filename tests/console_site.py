"""A console as on a working day, for browser tests and for the pictures in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import Scan
from parcelsight.inference.service.server import Service, TimeLimits
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.journal import tell, tell_parcel
from parcelsight.screening.desk.lane_states import lane_json
from parcelsight.screening.people import invitations, sessions
from parcelsight.screening.people.accounts import create_person, person_of, require_row
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import LaneRow, ParcelRow, ParcelState, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.app import create_app
from parcelsight.screening.web.console import Console, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SAMPLES = Path(__file__).resolve().parents[1] / "datasets" / "samples"
S10 = (
    "RR473124829DE",
    "CP118220415FR",
    "LX903311275BA",
    "EE204417733ES",
    "RB750031129AE",
    "CX662190456IT",
    "LM118345027HR",
)
_KEEP_PROBLEMS = """
window.problems = [];
addEventListener("error", (event) => problems.push(event.message));
addEventListener("unhandledrejection", (event) => problems.push(String(event.reason)));
"""
DECLARED: tuple[dict[str, Any], ...] = (
    {"contents": "Coffee maker", "value": "85 EUR", "weight-kg": 3.2},
    {"contents": "Spare parts for bicycle", "value": "40 EUR", "weight-kg": 1.4},
    {"contents": "Toys", "value": "20 EUR", "weight-kg": 0.9},
    {},
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the lane said of a place."""

    label: str
    group: str
    score: float
    xyxy_px: tuple[float, float, float, float]

    def to_record(self, number: int) -> dict[str, Any]:
        """As the lane writes it."""
        box = list(self.xyxy_px)
        return {"id": f"d{number}", "class": self.label, "group": self.group, "score": self.score, "xyxy_px": box}


@dataclass(frozen=True, slots=True)
class View:
    """One scan of a parcel to come."""

    file: Path
    view: str = "top"
    alarms: tuple[Alarm, ...] = ()
    dense: tuple[tuple[float, float, float, float], ...] = ()


class ConsoleSite:
    """A running console.

    Args:
        console: its database and scans.
        url: where it listens.
    """

    def __init__(self, console: Console, url: str) -> None:
        self.console, self.url = console, url
        self._number = 0

    def person(self, login: str, name: str, role: Role, language: str = "en") -> None:
        """An account without a password."""
        with self.console.database.write() as session:
            create_person(session, "system", login, name, role, None, language)

    def setup_path(self) -> str:
        """The link of the first start."""
        with self.console.database.write() as session:
            return f"/setup/{invitations.invite_first(session)}"

    def invitation_path(self, login: str) -> str:
        """The link by which somebody sets their password."""
        with self.console.database.write() as session:
            return f"/invitation/{invitations.invite(session, 'system', require_row(session, login))}"

    def session(self, login: str) -> str:
        """A session's token, without a password, which is slow on purpose."""
        with self.console.database.write() as session:
            return sessions.begin(session, person_of(require_row(session, login)))

    def speak(self, login: str, language: str) -> None:
        """Set somebody's language."""
        with self.console.database.write() as session:
            require_row(session, login).language = language

    def lane(self, state: str = "SCREENING", cause: str = "", name: str = "sarajevo-2") -> None:
        """Hear of a lane."""
        with self.console.write() as session:
            row = session.get(LaneRow, name)
            if row is None:
                row = LaneRow(name=name, title="Sarajevo 2", details={"calibrated": True}, since=now())
                session.add(row)
            row.state, row.cause, row.heard_at = state, cause, now() + timedelta(hours=1)
            session.flush()
            tell(session, "lane", lane_json(row))

    def parcel(self, *views: View, verdict: Verdict = Verdict.NO_ALARM, item_id: str | None = None) -> int:
        """A parcel arrives; its number."""
        self._number += 1
        with self.console.write() as session:
            row = ParcelRow(
                lane="sarajevo-2", lane_number=self._number, arrived_at=now(), verdict=verdict, item_id=item_id,
                state=ParcelState.WAITING, declared=DECLARED[self._number % len(DECLARED)],
            )  # fmt: skip
            row.scans = [self._scan(view, verdict) for view in views]
            session.add(row)
            session.flush()
            tell_parcel(session, row, "arrived")
            return row.id

    def _scan(self, view: View, verdict: Verdict) -> ScanRow:
        scan = read_scan(view.file)
        name = self.console.pictures.put(view.file.read_bytes())
        return ScanRow(
            view=view.view, scan_id=f"s{self._number}-{view.view}", file=name, sha256=name, kind=scan.kind,
            width_px=scan.pixels.shape[1], height_px=scan.pixels.shape[0], pitch_mm=scan.pitch_mm, verdict=verdict,
            reason="", model="parcelsight-n 2026.1", operating_point="balanced",
            detections=[alarm.to_record(at) for at, alarm in enumerate(view.alarms)],
            dense=[{"xyxy_px": list(box)} for box in view.dense],
        )  # fmt: skip


@contextmanager
def console_site(folder: Path, settings: Settings | None = None) -> Iterator[ConsoleSite]:
    """A console without people or parcels, on a free port of loopback."""
    database = Database(str(folder / "console.db"))
    upgrade(database)
    console = Console(database, PictureStore(folder / "scans"), settings or Settings(heartbeat_s=1.0, has_lanes=True))
    with Service(create_app(console), "127.0.0.1", 0, 200, TimeLimits()) as service:
        try:
            yield ConsoleSite(console, service.url)
        finally:
            console.end()
    database.close()


def middle_alarm(file: Path, label: str = "pistol", group: str = "firearm", score: float = 0.91) -> Alarm:
    """An alarm about the densest place of a scan."""
    scan: Scan = read_scan(file)
    grey = scan.pixels.reshape(*scan.pixels.shape[:2], -1).mean(axis=-1)
    y, x = np.unravel_index(int(np.argmin(grey)), grey.shape)
    height, width = grey.shape
    return Alarm(
        label, group, score, (max(0.0, x - 60.0), max(0.0, y - 40.0), min(width, x + 60.0), min(height, y + 40.0))
    )


def signed_in(browser: Browser, site: ConsoleSite, login: str, **options: Any) -> Any:
    """A browser's context with somebody's session; problems of its scripts are kept in ``window.problems``."""
    context = browser.new_context(base_url=site.url, **options)
    context.add_init_script(_KEEP_PROBLEMS)
    context.add_cookies([{"name": "parcelsight_session", "value": site.session(login), "url": site.url}])
    return context


def sample_files(kind: str = ".tif") -> Sequence[Path]:
    """The shipped sample scans."""
    return sorted(path for path in SAMPLES.iterdir() if path.suffix == kind)
