"""Links by which people set their own password: the first administrator, and everybody after."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..storage.tables import InvitationRow, PersonRow
from ..storage.times import now
from .accounts import SYSTEM, Person, create_person, person_of, set_password
from .roles import Role
from .sessions import end_all, token_hash

_VALID = timedelta(hours=24)


def is_new(session: Session) -> bool:
    """True where nobody has an account yet."""
    return not session.scalar(select(func.count()).select_from(PersonRow))


def invite_first(session: Session) -> str:
    """A token for the first administrator. Raises UsageError where somebody has an account."""
    if not is_new(session):
        raise UsageError("this console has accounts already", "ask an administrator for an invitation")
    session.execute(update(InvitationRow).where(InvitationRow.used_at.is_(None)).values(used_at=now()))
    return _invite(session, None)


def invite(session: Session, author: str, row: PersonRow) -> str:
    """A token by which a person sets a new password; earlier ones are void."""
    void = update(InvitationRow).where(InvitationRow.person_id == row.id, InvitationRow.used_at.is_(None))
    session.execute(void.values(used_at=now()))
    append(session, author, "invited", f"person {row.login}", {})
    return _invite(session, row.id)


def _invite(session: Session, person_id: int | None) -> str:
    token = secrets.token_urlsafe(32)
    session.add(InvitationRow(token_hash=token_hash(token), person_id=person_id, expires_at=now() + _VALID))
    return token


def invited(session: Session, token: str) -> PersonRow | None:
    """Whom a valid token invites; None for the first administrator. Raises UsageError for any other token."""
    row = _valid(session, token)
    return session.get(PersonRow, row.person_id) if row.person_id is not None else None


def accept_first(session: Session, token: str, login: str, name: str, password: str, language: str) -> Person:
    """Make the first administrator. Raises UsageError for a bad token, name or password."""
    row = _valid(session, token)
    if row.person_id is not None or not is_new(session):
        raise UsageError("this link is not for a first administrator", "ask an administrator for an invitation")
    row.used_at = now()
    return create_person(session, SYSTEM, login, name, Role.ADMIN, password, language)


def accept(session: Session, token: str, password: str) -> Person:
    """Set the invited person's password. Raises UsageError for a bad token or password."""
    row = _valid(session, token)
    if row.person_id is None:
        raise UsageError("this link is for the first administrator", "open it in the browser")
    row.used_at = now()
    person = session.get_one(PersonRow, row.person_id)
    end_all(session, person.id)
    set_password(session, person.login, person, password)
    return person_of(person)


def _valid(session: Session, token: str) -> InvitationRow:
    row = session.get(InvitationRow, token_hash(token), with_for_update=True)
    if row is None or row.used_at is not None or row.expires_at < now():
        raise UsageError("this link was used or is too old", "ask an administrator for another one")
    return row
