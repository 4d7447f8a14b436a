"""What was found in opened parcels: the truth that everything else is measured by."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.tables import OpeningRow, ParcelRow, ParcelState
from ..storage.times import now
from .procedure import Procedure

_NOTE_CHARS = 2000


class Found(BaseModel):
    """One kind of thing that was found, as the UN questionnaire on illicit arms flows asks for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str = Field(min_length=1, max_length=60)
    """One of the procedure's findings, or a class of the taxonomy."""
    amount: int = Field(default=1, ge=1, le=1_000_000)
    type: str = Field(default="", max_length=200)
    """Make, model, calibre as far as they are known."""
    condition: str = Field(default="", max_length=200)
    marks: str = Field(default="", max_length=200)
    """Serial number and markings: what a request for tracing asks for."""
    route: str = Field(default="", max_length=200)
    """From where, through where, to where."""


_FOUND = TypeAdapter(tuple[Found, ...])


def record_opening(
    session: Session,
    person: Person,
    parcel_id: int,
    request_id: str,
    found: Sequence[dict[str, object]],
    note: str,
    procedure: Procedure,
) -> OpeningRow:
    """Record what an opened parcel held; nothing, where ``found`` is empty. The same request again changes nothing.

    Raises:
        UsageError: if the parcel is not being opened, or an entry is malformed or unknown to the procedure.
    """
    before = session.scalar(select(OpeningRow).where(OpeningRow.request_id == request_id))
    if before is not None:
        return before
    parcel = session.get(ParcelRow, parcel_id, with_for_update=True)
    if parcel is None or parcel.state != ParcelState.OPENING:
        raise UsageError(f"parcel {parcel_id} is not being opened", "look it up in the list of parcels to open")
    try:
        things = _FOUND.validate_python(list(found))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"what was found: {first['msg']}", "correct it and send it again") from error
    if unknown := [thing.what for thing in things if thing.what not in procedure.findings]:
        raise UsageError(f"{unknown[0]!r} is nothing the procedure lists", f"use {', '.join(procedure.findings)}")
    row = OpeningRow(
        request_id=request_id,
        parcel_id=parcel.id,
        person_id=person.id,
        found=[thing.model_dump() for thing in things],
        note=note[:_NOTE_CHARS],
        at=now(),
    )
    session.add(row)
    parcel.state, parcel.settled_at = ParcelState.DONE, row.at
    session.flush()
    append(session, person.login, "opened", f"parcel {parcel.id}", {"found": row.found})
    return row
