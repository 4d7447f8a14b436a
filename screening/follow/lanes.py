"""The lanes as the console last heard of them; a lane that cannot be reached is not screened, and that is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..desk.journal import tell
from ..desk.lane_states import lane_json
from ..storage.database import Database
from ..storage.tables import LaneRow
from ..storage.times import now
from .intake import Model
from .link import Service

NOT_SCREENING, UNREACHABLE = "NOT_SCREENING", "unreachable"
_STATES = ("SCREENING", "DEGRADED", NOT_SCREENING)


class LaneBoard:
    """Keeps the lanes of one service."""

    def __init__(self, database: Database, service: Service) -> None:
        self._database, self._service = database, service
        self._names: set[str] = set()

    def heard(self) -> None:
        """The service is there."""
        with self._database.write() as session:
            mine = update(LaneRow).where(LaneRow.name.in_(self._names))
            session.execute(mine.values(heard_at=now()))

    def changed(self, told: Mapping[str, Any], model: Model) -> None:
        """A lane's state came. Raises ValueError for one that cannot be read."""
        name, state = str(told["lane"])[:40], str(told["state"])
        if state not in _STATES:
            raise ValueError(f"the state {state[:40]!r} is not known")
        lane = self._service.lane(name)
        self._names.add(lane)
        details = {
            "detail": str(told.get("detail") or "")[:500],
            "calibrated": model.is_calibrated,
            "model": model.name,
        }
        with self._database.write() as session:
            row = session.get(LaneRow, lane) or LaneRow(name=lane, title="")
            row.state, row.cause = state, str(told.get("cause") or "")[:200]
            row.since, row.heard_at, row.details = _moment(told.get("since")), now(), details
            row.title = self._title(name, str(told.get("title") or name))
            session.add(row)
            session.flush()
            _tell(session, row)

    def _title(self, name: str, title: str) -> str:
        """What people call a lane: its title, of several sites' lanes behind the site's; empty for its name."""
        if title == name:
            return ""
        return " · ".join(filter(None, (self._service.prefix, title[:80])))

    def lost(self, why: str) -> None:
        """The service cannot be reached: nothing is known to be screened."""
        with self._database.write() as session:
            for row in session.scalars(select(LaneRow).where(LaneRow.name.in_(self._mine(session)))):
                if row.cause != UNREACHABLE:
                    row.state, row.cause, row.since = NOT_SCREENING, UNREACHABLE, now()
                    row.details = dict(row.details) | {"detail": why[:500]}
                    session.flush()
                    _tell(session, row)

    def _mine(self, session: Session) -> set[str]:
        """Also those of an earlier run of this program."""
        if not self._names:
            prefix = f"{self._service.prefix}/" if self._service.prefix else ""
            known = session.scalars(select(LaneRow.name)).all()
            self._names = {name for name in known if (name.startswith(prefix) if prefix else "/" not in name)}
        return self._names


def _tell(session: Session, row: LaneRow) -> None:
    tell(session, "lane", lane_json(row))


def _moment(told: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return now()
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
