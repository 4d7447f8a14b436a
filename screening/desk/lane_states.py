"""Lanes as pages show them: is this lane screened right now, and if not, why and what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..storage.tables import LaneRow
from ..storage.times import now

SILENT = timedelta(seconds=20)
"""A lane that is not heard of for so long is not taken for screened, whatever it said last."""
_WORDS = {
    "starting": "The lane is starting.",
    "source-silent": "Nothing is heard from the scanner.",
    "source-failed": "The connection to the scanner failed.",
    "source-ended": "The scanner said goodbye, or the recording is over.",
    "belt-stopped": "The belt stands.",
    "not-calibrated": "The scanner is not calibrated.",
    "lines-lost": "Lines of the picture were lost.",
    "workers": "The program that looks for threats does not run.",
    "overload": "More parcels come than can be judged.",
    "disk-full": "The disk of the lane is full.",
    "read-only": "The disk of the lane takes no writes.",
    "storage": "The disk of the lane fails.",
    "clock": "The clock of the lane jumped.",
    "frozen": "The scanner sends the same picture again and again.",
    "blank": "The scanner sends empty pictures.",
    "saturated": "The pictures are black or over-exposed.",
    "dead-columns": "Detectors of the scanner are dead.",
    "shuffled": "The lines of the picture are out of order.",
    "stopped": "The lane was stopped.",
    "unreachable": "The lane cannot be reached.",
}


def lanes_json(session: Session) -> list[dict[str, Any]]:
    """All lanes, by name."""
    return [lane_json(row) for row in session.scalars(select(LaneRow).order_by(LaneRow.name))]


def lane_titles(session: Session) -> dict[str, str]:
    """By name, what people call each lane; in the order of names."""
    return {row.name: row.title or row.name for row in session.scalars(select(LaneRow).order_by(LaneRow.name))}


def lane_json(row: LaneRow) -> dict[str, Any]:
    """A lane; ``words`` is its cause in English, to be translated by ``cause``."""
    silent = now() - row.heard_at > SILENT
    state, cause = ("NOT_SCREENING", "unreachable") if silent else (row.state, row.cause)
    return {
        "name": row.name,
        "title": row.title or row.name,
        "state": state,
        "cause": cause or None,
        "detail": str(row.details.get("detail", "")),
        "since": (row.heard_at if silent else row.since).isoformat(timespec="milliseconds"),
        "heard_at": row.heard_at.isoformat(timespec="milliseconds"),
        "words": _WORDS.get(cause, cause) if state != "SCREENING" else "",
    }
