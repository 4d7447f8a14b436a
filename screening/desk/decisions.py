"""Decisions: one a parcel and look, never twice, taken back only while nothing has happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...inference.verdicts import Verdict
from ..audit.chain import append
from ..people.accounts import Person
from ..people.roles import Permission
from ..storage.tables import DecisionKind, DecisionRow, OpeningRow, ParcelRow, ParcelState
from ..storage.times import now
from . import queue
from .procedure import Procedure

_NOTE_CHARS = 2000
_STATE_AFTER = {
    DecisionKind.RELEASE: ParcelState.RELEASED,
    DecisionKind.SECOND_LOOK: ParcelState.SECOND_LOOK,
    DecisionKind.HOLD: ParcelState.HELD,
    DecisionKind.OPEN: ParcelState.OPENING,
}
_DECIDABLE = (ParcelState.WAITING, ParcelState.SECOND_LOOK, ParcelState.HELD)


class NotYours(UsageError):
    """The parcel is on another screen, or somebody decided it meanwhile."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the console sends."""

    request_id: str
    parcel_id: int
    kind: DecisionKind
    reason: str = ""
    note: str = ""
    took_ms: int = 0
    aid_shown: bool = True


def decide(session: Session, person: Person, wish: Wish, procedure: Procedure) -> DecisionRow:
    """Decide a parcel. Sent again with the same ``request_id`` it gives the same decision and changes nothing.

    Args:
        session: a write transaction; the decision counts once it is committed.
        person: the officer, who holds the parcel.
        wish: what they decided.
        procedure: of the site.

    Raises:
        NotYours: if the parcel is leased to somebody else or no longer waits.
        UsageError: if the procedure does not know the decision, or wants a reason.
    """
    before = session.scalar(select(DecisionRow).where(DecisionRow.request_id == wish.request_id))
    if before is not None:
        _require_same(before, person, wish)
        return before
    parcel = require_decidable(session, person, wish, procedure)
    row = DecisionRow(
        request_id=wish.request_id,
        parcel_id=parcel.id,
        person_id=person.id,
        kind=wish.kind,
        state_before=parcel.state,
        reason=wish.reason,
        note=wish.note[:_NOTE_CHARS],
        decided_at=now(),
        took_ms=max(0, wish.took_ms),
        aid_shown=wish.aid_shown,
    )
    parcel.state = _state_after(session, parcel, person, wish.kind, procedure)
    parcel.leased_to = parcel.leased_until = None
    parcel.settled_at = row.decided_at if parcel.state == ParcelState.RELEASED else None
    session.add(row)
    session.flush()
    append(
        session,
        person.login,
        "decided",
        f"parcel {parcel.id}",
        {"kind": wish.kind, "reason": wish.reason, "verdict": parcel.verdict, "state": parcel.state},
    )
    return row


def require_decidable(session: Session, person: Person, wish: Wish, procedure: Procedure) -> ParcelRow:
    """The parcel, where this person may decide it so. Raises NotYours, UsageError as `decide` says."""
    parcel = session.get(ParcelRow, wish.parcel_id, with_for_update=True)
    if parcel is None:
        raise UsageError(f"there is no parcel {wish.parcel_id}", "go on with the next one")
    _require_turn(parcel, person)
    _require_reason(parcel, wish, procedure)
    return parcel


def undo(session: Session, person: Person, decision_id: int, procedure: Procedure) -> ParcelRow:
    """Take the own decision back; the parcel is on the officer's screen again.

    Raises:
        UsageError: if it is not theirs, too old, or something has happened to the parcel since.
    """
    row = session.get(DecisionRow, decision_id, with_for_update=True)
    if row is None or row.person_id != person.id or row.undone_at is not None:
        raise UsageError("this decision is not yours to take back", "tell your supervisor")
    parcel = session.get_one(ParcelRow, row.parcel_id, with_for_update=True)
    moment = now()
    later = session.scalar(
        select(DecisionRow.id).where(DecisionRow.parcel_id == parcel.id, DecisionRow.id > row.id).limit(1)
    )
    opened = session.scalar(select(OpeningRow.id).where(OpeningRow.parcel_id == parcel.id).limit(1))
    if (
        moment - row.decided_at > timedelta(seconds=procedure.undo_s)
        or later
        or opened
        or not queue.is_free(parcel, moment)
    ):
        raise UsageError("it is too late: the parcel has gone on", "tell your supervisor")
    row.undone_at = moment
    parcel.state, parcel.settled_at = row.state_before, None
    parcel.leased_to, parcel.leased_until = person.id, moment + timedelta(seconds=procedure.lease_s)
    append(session, person.login, "undid", f"parcel {parcel.id}", {"kind": row.kind})
    return parcel


def _require_same(row: DecisionRow, person: Person, wish: Wish) -> None:
    if (row.person_id, row.parcel_id, row.kind) != (person.id, wish.parcel_id, wish.kind):
        raise UsageError("this request was used for another decision", "reload the page")


def _require_turn(parcel: ParcelRow, person: Person) -> None:
    if parcel.state not in _DECIDABLE:
        raise NotYours(f"parcel {parcel.id} is decided already ({parcel.state})", "go on with the next one")
    if parcel.state == ParcelState.HELD:
        if not person.may(Permission.SECOND_LOOK):
            raise NotYours(f"parcel {parcel.id} is held", "ask an officer who may take it up")
    elif not queue.holds(parcel, person, now()):
        raise NotYours(f"parcel {parcel.id} is no longer on your screen", "go on with the next one")


def _require_reason(parcel: ParcelRow, wish: Wish, procedure: Procedure) -> None:
    choice = procedure.choices.get(wish.kind)
    if choice is None:
        raise UsageError(f"the procedure {procedure.name!r} knows no {wish.kind}", "choose another decision")
    if wish.reason and wish.reason not in choice.reasons:
        raise UsageError(
            f"{wish.reason[:60]!r} is no reason to {wish.kind}", f"give one of {', '.join(choice.reasons)}"
        )
    if Verdict(parcel.verdict) in choice.ask_reason_for and not wish.reason:
        raise UsageError(f"to {wish.kind} this parcel takes a reason", f"give one of {', '.join(choice.reasons)}")


def _state_after(
    session: Session, parcel: ParcelRow, person: Person, kind: DecisionKind, procedure: Procedure
) -> ParcelState:
    """Where two must agree, the first one's decision sends the parcel to a second look."""
    if Verdict(parcel.verdict) in procedure.choices[kind].two_persons_for:
        agreed = select(DecisionRow.id).where(
            DecisionRow.parcel_id == parcel.id,
            DecisionRow.kind == kind,
            DecisionRow.person_id != person.id,
            DecisionRow.undone_at.is_(None),
        )
        if session.scalar(agreed.limit(1)) is None:
            return ParcelState.SECOND_LOOK
    return _STATE_AFTER[kind]
