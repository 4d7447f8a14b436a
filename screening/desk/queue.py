"""The queue: who looks at which parcel. A parcel is on one screen at a time, and on none that went silent.

A lease is kept by hearing from the console. It is taken with a single conditional update, so that of two consoles that
reach for a parcel one gets it, on either database.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ...inference.verdicts import Verdict
from ..audit.chain import append
from ..people.accounts import Person
from ..people.roles import Permission
from ..storage.tables import DecisionRow, ParcelRow, ParcelState
from ..storage.times import now
from .procedure import Procedure

_TRIES = 8
"""How often another console may be faster before a person is told that nothing waits."""
URGENCY = {Verdict.ALARM: 0, Verdict.UNSCREENED: 1, Verdict.REVIEW: 2, Verdict.NO_ALARM: 3}
"""What is looked at first where several parcels wait."""


def take_next(session: Session, person: Person, procedure: Procedure, lane: str | None = None) -> ParcelRow | None:
    """The parcel this person looks at: the one they have, else the most urgent that waits for somebody like them.

    Args:
        session: a write transaction.
        person: the officer.
        procedure: of the site.
        lane: only parcels of this lane.

    Returns:
        The parcel, leased to the person; None where nothing waits.
    """
    moment = now()
    mine = session.scalar(_held_by(person, moment))
    if mine is not None and renew(session, person, mine.id, procedure):
        return mine
    for _ in range(_TRIES):
        parcel = session.scalar(_waiting(person, moment, lane).limit(1))
        if parcel is None:
            return None
        if _lease(session, person, parcel, procedure, moment):
            append(session, person.login, "viewed", f"parcel {parcel.id}", {"state": parcel.state})
            return parcel
    return None


def take_one(session: Session, person: Person, procedure: Procedure, parcel_id: int) -> ParcelRow | None:
    """A certain parcel, leased to the person; None where it does not wait for them, or is on another screen.

    What else they had on their screen goes back to the queue.
    """
    moment = now()
    parcel = session.get(ParcelRow, parcel_id, with_for_update=True)
    if parcel is None or not (holds(parcel, person, moment) or _may_take(session, person, parcel, moment)):
        return None
    parcel.leased_to, parcel.leased_until = person.id, moment + timedelta(seconds=procedure.lease_s)
    put_back_others(session, person, parcel.id)
    session.flush()
    append(session, person.login, "viewed", f"parcel {parcel.id}", {"state": parcel.state})
    return parcel


def _may_take(session: Session, person: Person, parcel: ParcelRow, moment: datetime) -> bool:
    if parcel.state == ParcelState.HELD:
        return is_free(parcel, moment) and person.may(Permission.SECOND_LOOK)
    mine = _waiting(person, moment, None).where(ParcelRow.id == parcel.id)
    return session.scalar(mine) is not None


def waiting(session: Session, person: Person, lane: str | None, limit: int) -> list[ParcelRow]:
    """What waits for somebody like this person, the most urgent first."""
    return list(session.scalars(_waiting(person, now(), lane).limit(limit)))


def waiting_count(session: Session, person: Person, lane: str | None = None) -> int:
    """How many parcels wait for somebody like this person."""
    return session.scalar(select(func.count()).select_from(_waiting(person, now(), lane).subquery())) or 0


def renew(session: Session, person: Person, parcel_id: int, procedure: Procedure) -> bool:
    """The console is still there; False where the parcel is no longer this person's."""
    moment = now()
    mine = update(ParcelRow).where(
        ParcelRow.id == parcel_id, ParcelRow.leased_to == person.id, ParcelRow.leased_until > moment
    )
    changed = session.execute(mine.values(leased_until=moment + timedelta(seconds=procedure.lease_s)))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def expired(session: Session, since: datetime, until: datetime) -> list[ParcelRow]:
    """Parcels whose console went silent in this time: they wait again."""
    ended = (ParcelRow.leased_until > since) & (ParcelRow.leased_until <= until)
    waiting_states = (ParcelState.WAITING, ParcelState.SECOND_LOOK, ParcelState.HELD)
    return list(session.scalars(select(ParcelRow).where(ParcelRow.state.in_(waiting_states), ended).limit(100)))


def put_back(session: Session, person: Person, parcel_id: int) -> None:
    """Let go of a parcel undecided."""
    session.execute(
        update(ParcelRow)
        .where(ParcelRow.id == parcel_id, ParcelRow.leased_to == person.id)
        .values(leased_to=None, leased_until=None)
    )


def put_back_others(session: Session, person: Person, parcel_id: int) -> None:
    """Let go of everything undecided but one parcel: a person looks at one at a time."""
    others = update(ParcelRow).where(ParcelRow.leased_to == person.id, ParcelRow.id != parcel_id)
    session.execute(others.values(leased_to=None, leased_until=None))


def holds(parcel: ParcelRow, person: Person, moment: datetime) -> bool:
    """True while the parcel is leased to the person."""
    return parcel.leased_to == person.id and parcel.leased_until is not None and parcel.leased_until > moment


def is_free(parcel: ParcelRow, moment: datetime) -> bool:
    """True where the parcel is on nobody's screen."""
    return parcel.leased_until is None or parcel.leased_until <= moment


def _lease(session: Session, person: Person, parcel: ParcelRow, procedure: Procedure, moment: datetime) -> bool:
    taken = update(ParcelRow).where(ParcelRow.id == parcel.id, ParcelRow.state == parcel.state, _is_free(moment))
    until = moment + timedelta(seconds=procedure.lease_s)
    changed = session.execute(taken.values(leased_to=person.id, leased_until=until))
    session.refresh(parcel)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _held_by(person: Person, moment: datetime) -> Select[ParcelRow]:
    return select(ParcelRow).where(ParcelRow.leased_to == person.id, ParcelRow.leased_until > moment).limit(1)


def _waiting(person: Person, moment: datetime, lane: str | None) -> Select[ParcelRow]:
    """Free parcels that wait for a first look or, from others than who looked before, a second one."""
    looked = exists().where(
        DecisionRow.parcel_id == ParcelRow.id, DecisionRow.person_id == person.id, DecisionRow.undone_at.is_(None)
    )
    second = (ParcelRow.state == ParcelState.SECOND_LOOK) & ~looked
    states = ParcelRow.state == ParcelState.WAITING
    if person.may(Permission.SECOND_LOOK):
        states = or_(states, second)
    chosen = select(ParcelRow).where(states, _is_free(moment))
    if lane is not None:
        chosen = chosen.where(ParcelRow.lane == lane)
    urgency = case({str(verdict): rank for verdict, rank in URGENCY.items()}, value=ParcelRow.verdict, else_=0)
    return chosen.order_by(urgency, ParcelRow.arrived_at, ParcelRow.id)


def _is_free(moment: datetime) -> ColumnElement[bool]:
    return or_(ParcelRow.leased_until.is_(None), ParcelRow.leased_until <= moment)
