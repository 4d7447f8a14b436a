"""News for the consoles, written in the transaction of what they tell of, so that none is lost and none is untrue.

Numbers are given under the lock of the audit record's head, which every change of a parcel takes anyway: they come
in the order of commits, so whoever has read up to one number has missed nothing before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ..audit.chain import lock_head
from ..storage.tables import EventRow, ParcelRow
from ..storage.times import now
from .queue import is_free

KEPT = timedelta(days=2)
"""A console that was away for longer begins anew."""


def tell(session: Session, kind: str, data: Mapping[str, Any]) -> None:
    """Add news, in a write transaction."""
    lock_head(session)
    session.flush()
    number = newest(session) + 1
    session.add(EventRow(number=number, at=now(), kind=kind, data=dict(data)))
    session.flush()


def tell_parcel(session: Session, parcel: ParcelRow, why: str) -> None:
    """Tell what became of a parcel."""
    tell(session, "parcel", brief(parcel) | {"why": why})


def brief(parcel: ParcelRow) -> dict[str, Any]:
    """A parcel as lists show it."""
    return {
        "id": parcel.id,
        "state": str(parcel.state),
        "lane": parcel.lane,
        "item_id": parcel.item_id,
        "verdict": str(parcel.verdict),
        "arrived_at": parcel.arrived_at.isoformat(timespec="milliseconds"),
        "leased": not is_free(parcel, now()),
    }


def newest(session: Session) -> int:
    """The number of the last news; 0 before the first."""
    return session.scalar(select(func.max(EventRow.number))) or 0


def since(session: Session, number: int, limit: int) -> list[EventRow]:
    """News after a number, in order."""
    wanted = select(EventRow).where(EventRow.number > number).order_by(EventRow.number).limit(limit)
    return list(session.scalars(wanted))


def forget_old(session: Session) -> int:
    """Let old news go; the newest stays, for its number counts on. How many."""
    old = delete(EventRow).where(EventRow.at < now() - KEPT, EventRow.number < newest(session))
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]
