"""What all sites share in PostgreSQL: every verdict once, counts by hour, and each lane's state.

The key of a verdict is (site, number): the ledger of a site numbers its verdicts without gaps, so a verdict that is
sent again after a failure is known and counted once. Rows and counts are written in one transaction.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

VERSION = 1
_LOCK = 0x50534653
"""Any number: makes sites that begin at once create the tables one after the other."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS site_verdicts (
    site text NOT NULL, number bigint NOT NULL, sequence bigint NOT NULL, lane text NOT NULL, scan text NOT NULL,
    verdict text NOT NULL, cause text NOT NULL, model text NOT NULL, classes text NOT NULL, score real NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (site, number));
CREATE TABLE IF NOT EXISTS site_hours (
    site text NOT NULL, lane text NOT NULL, hour timestamptz NOT NULL, model text NOT NULL, verdict text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (site, lane, hour, model, verdict));
CREATE TABLE IF NOT EXISTS site_lanes (
    site text NOT NULL, lane text NOT NULL, state text NOT NULL, cause text NOT NULL, detail text NOT NULL,
    since timestamptz NOT NULL, heard_at timestamptz NOT NULL, model text NOT NULL DEFAULT '',
    PRIMARY KEY (site, lane));
"""
_INSERT = """
INSERT INTO site_verdicts (site, number, sequence, lane, scan, verdict, cause, model, classes, score, decided_at)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::real[], %s::timestamptz[])
ON CONFLICT (site, number) DO NOTHING
RETURNING lane, date_trunc('hour', decided_at), model, verdict
"""
_COUNT = """
INSERT INTO site_hours VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (site, lane, hour, model, verdict) DO UPDATE SET count = site_hours.count + excluded.count
"""
_HEARD = """
INSERT INTO site_lanes (site, lane, state, cause, detail, since, heard_at, model)
VALUES (%s, %s, 'UNKNOWN', '', '', now(), now(), %s)
ON CONFLICT (site, lane) DO UPDATE SET heard_at = now(), model = excluded.model
"""
_STATE = """
INSERT INTO site_lanes (site, lane, state, cause, detail, since, heard_at) VALUES (%s, %s, %s, %s, %s, %s, now())
ON CONFLICT (site, lane) DO UPDATE SET state = excluded.state, cause = excluded.cause, detail = excluded.detail,
    since = excluded.since, heard_at = now()
"""
_GONE = """
UPDATE site_lanes SET state = 'NOT_SCREENING', cause = %s, detail = %s, since = %s, heard_at = now() WHERE site = %s
"""


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """One verdict of one site, as it is shared; the picture, boxes and notes stay at the site."""

    number: int
    sequence: int
    lane: str
    scan: str
    verdict: str
    cause: str
    model: str
    classes: str
    """Of its alarms, best first, parted by spaces."""
    score: float
    decided_at: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SiteVerdict:
        """Out of a verdict as ``Ledger.verdicts_since`` gives it.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        found = record.get("detections") or []
        return cls(
            int(record["number"]), int(record["sequence"]), _text(record["lane"], 64), _text(record["scan"], 400),
            _text(record["verdict"], 16), _text(record.get("cause") or "", 32), _text(record.get("model") or "", 128),
            _text(" ".join(dict.fromkeys(str(each["class"]) for each in found)), 400),
            max((float(each["score"]) for each in found), default=0.0), _text(record["decided_at"], 40),
        )  # fmt: skip


def create_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables where they are missing."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_SCHEMA.encode())


def record_verdicts(connection: psycopg.Connection[Any], site: str, verdicts: Sequence[SiteVerdict]) -> int:
    """Write verdicts of a site, and count those that are new, in one transaction; how many were new."""
    if not verdicts:
        return 0
    names = ("number", "sequence", "lane", "scan", "verdict", "cause", "model", "classes", "score", "decided_at")
    columns = [[getattr(each, name) for each in verdicts] for name in names]
    with connection.transaction():
        fresh = connection.execute(_INSERT, ([site] * len(verdicts), *columns)).fetchall()
        for (lane, hour, model, verdict), count in sorted(Counter(fresh).items()):
            connection.execute(_COUNT, (site, lane, hour, model, verdict, count))
        newest = {each.lane: each.model for each in verdicts}
        for lane, model in sorted(newest.items()):
            connection.execute(_HEARD, (site, lane, model))
    return len(fresh)


def record_states(connection: psycopg.Connection[Any], site: str, states: Iterable[Mapping[str, Any]]) -> None:
    """Write lane states, as ``LaneStatus.to_record`` gives them; one without a lane is the whole site's end."""
    with connection.transaction():
        for state in states:
            cause, detail = _text(state.get("cause") or "", 32), _text(state.get("detail") or "", 500)
            if state.get("lane"):
                place = (site, _text(state["lane"], 64), _text(state["state"], 16))
                connection.execute(_STATE, (*place, cause, detail, _text(state["since"], 40)))
            else:
                connection.execute(_GONE, (cause, detail, _text(state["since"], 40), site))


def verdict_of_json(payload: bytes) -> SiteVerdict:
    """A verdict out of a message. Raises ValueError for one that is none."""
    try:
        return SiteVerdict.of(json.loads(payload))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no verdict: {error}") from error


def _text(value: object, most: int) -> str:
    """PostgreSQL takes no null characters, and nobody needs names without end."""
    return str(value).replace("\x00", "")[:most]
