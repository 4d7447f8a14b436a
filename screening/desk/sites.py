"""All lanes of all sites, out of the tables that sites share in PostgreSQL (inference/sinks/sites.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from ..rates import Rate

SILENT = timedelta(minutes=15)
"""After so long without a verdict or a change of state a page says so: at night that is right, by day it is not."""
_SHARED = text("SELECT to_regclass('site_lanes') IS NOT NULL AND to_regclass('site_hours') IS NOT NULL")
_LANES = text("SELECT site, lane, state, cause, detail, since, heard_at, model FROM site_lanes ORDER BY site, lane")
_COUNTS = text("""
SELECT site, lane, verdict, hour >= :day, sum(count)::bigint FROM site_hours
WHERE hour >= :before AND hour < :until GROUP BY 1, 2, 3, 4
""")
_MISSING = text("SELECT site, max(number) - count(*) FROM site_verdicts GROUP BY site HAVING max(number) > count(*)")


@dataclass(frozen=True, slots=True)
class SiteLane:
    """One lane, as its site last told."""

    site: str
    lane: str
    state: str
    cause: str
    detail: str
    since: datetime
    heard_at: datetime
    model: str
    is_silent: bool
    scans: int
    """In the last 24 hours."""
    unscreened: Rate
    alarms: Rate
    """Of scans that were judged, in the last 24 hours."""
    alarms_before: Rate
    """In the 28 days before."""

    @property
    def drift(self) -> str:
        """``more`` or ``less`` where the two intervals do not meet, ``same``, or nothing where there is too little."""
        if self.alarms.is_few or self.alarms_before.is_few:
            return ""
        (low, high), (low_before, high_before) = self.alarms.interval, self.alarms_before.interval
        return "more" if low > high_before else "less" if high < low_before else "same"


def is_shared(session: Session) -> bool:
    """True where this console's database is one that sites write to."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    return bool(session.execute(_SHARED).scalar())


def site_lanes(session: Session, at: datetime) -> Sequence[SiteLane]:
    """Every lane, by site and name."""
    day = at - timedelta(hours=24)
    asked = {"day": day, "before": day - timedelta(days=28), "until": at}
    counted: dict[tuple[str, str, bool], dict[str, int]] = {}
    for site, lane, verdict, is_today, count in session.execute(_COUNTS, asked):
        counted.setdefault((site, lane, is_today), {})[verdict] = int(count)
    return [_lane(row, counted, at) for row in session.execute(_LANES)]


def missing_verdicts(session: Session) -> Mapping[str, int]:
    """Site → how many of its numbered verdicts have not arrived."""
    return {site: int(count) for site, count in session.execute(_MISSING)}


def _lane(row: Any, counted: Mapping[tuple[str, str, bool], Mapping[str, int]], at: datetime) -> SiteLane:
    today, before = (counted.get((row.site, row.lane, is_today), {}) for is_today in (True, False))
    return SiteLane(
        row.site, row.lane, row.state, row.cause, row.detail, row.since, row.heard_at, row.model,
        at - row.heard_at > SILENT, sum(today.values()), Rate(today.get("UNSCREENED", 0), sum(today.values())),
        _alarms(today), _alarms(before),
    )  # fmt: skip


def _alarms(counts: Mapping[str, int]) -> Rate:
    return Rate(counts.get("ALARM", 0), sum(counts.values()) - counts.get("UNSCREENED", 0))
