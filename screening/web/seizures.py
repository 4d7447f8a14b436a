"""What was found in opened parcels, as tables: for the site, and shaped for seizure reporting.

The United Nations' questionnaire on illicit arms flows asks of each seizure for amount, type, condition, marks and
tracing, route, modality and context, with parts and ammunition apart from firearms: one line a kind of thing, with its
group, so that they are never counted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ..desk.figures import Period
from ..desk.item_id import parse_item_id
from ..storage.tables import OpeningRow, ParcelRow, PersonRow

Rows = Iterator[tuple[Any, ...]]
MOST_ROWS = 100_000


def openings(session: Session, period: Period) -> Rows:
    """Every opened parcel, those in which nothing was found included."""
    yield "parcel", "item_id", "lane", "verdict", "opened_at", "person", "what", "amount", "type", "condition"
    for row, parcel, login in _opened(session, period):
        begin = (parcel.id, parcel.item_id or "", parcel.lane, parcel.verdict, row.at.isoformat(), login)
        for found in row.found or [{"what": "nothing", "amount": 0}]:
            yield *begin, found["what"], found["amount"], found.get("type", ""), found.get("condition", "")


def seizures(session: Session, period: Period) -> Rows:
    """What was found, one line a kind of thing."""
    yield (
        "seized_at", "place", "parcel", "item_id", "modality", "sent_from", "route", "declared", "group", "what",
        "amount", "type", "condition", "marks", "detector_verdict", "context", "person",
    )  # fmt: skip
    for row, parcel, login in _opened(session, period):
        declared = "; ".join(f"{name}: {value}" for name, value in parcel.declared.items())
        modality, sent_from = _way(parcel.item_id or "")
        for found in row.found:
            yield (
                row.at.isoformat(), parcel.lane, parcel.id, parcel.item_id or "", modality, sent_from,
                found.get("route", ""), declared, _group(found["what"]), found["what"], found["amount"],
                found.get("type", ""), found.get("condition", ""), found.get("marks", ""), parcel.verdict, row.note,
                login,
            )  # fmt: skip


def _opened(session: Session, period: Period) -> Iterable[tuple[OpeningRow, ParcelRow, str]]:
    wanted = (
        select(OpeningRow, ParcelRow, PersonRow.login)
        .join(ParcelRow, OpeningRow.parcel_id == ParcelRow.id)
        .join(PersonRow, OpeningRow.person_id == PersonRow.id)
        .where(OpeningRow.at >= period.since, OpeningRow.at < period.until)
        .order_by(OpeningRow.id)
        .limit(MOST_ROWS)
    )
    if period.lane is not None:
        wanted = wanted.where(ParcelRow.lane == period.lane)
    return session.execute(wanted)


def _way(item_id: str) -> tuple[str, str]:
    """Modality, and the country whose post gave the number: S10 numbers end with it."""
    try:
        is_s10 = bool(item_id) and parse_item_id(item_id).is_s10
    except UsageError:
        is_s10 = False
    return ("post", item_id[-2:]) if is_s10 else ("parcel", "")


def _group(what: str) -> str:
    """A class's group; what the procedure lists is one already."""
    return str(TAXONOMY.groups[what]) if what in TAXONOMY.groups else what
