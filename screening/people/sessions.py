"""Sessions on the server: a person at a console, until they leave, rest too long, or the day is over."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..audit.chain import append
from ..storage.tables import SessionRow
from ..storage.times import now
from .accounts import Person, person_of

REST = timedelta(minutes=30)
"""Without any request for so long, a session ends."""
DAY = timedelta(hours=12)
"""No session lives longer."""
_SEEN_EVERY = timedelta(seconds=30)
"""How exactly the last request is noted; writing at every one would cost more than the requests."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A valid session."""

    person: Person
    csrf_token: str


def begin(session: Session, person: Person) -> str:
    """Start a session; the token for the cookie, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    moment = now()
    session.add(
        SessionRow(
            token_hash=token_hash(token),
            person_id=person.id,
            csrf_token=secrets.token_urlsafe(32),
            created_at=moment,
            last_seen_at=moment,
        )
    )
    return token


def find(session: Session, token: str) -> Presence | None:
    """Who it is; None for an unknown, ended or overlong session, or an account that was closed meanwhile."""
    row = session.get(SessionRow, token_hash(token))
    moment = now()
    if row is None or row.ended_at is not None or row.person.disabled_at is not None:
        return None
    if moment - row.last_seen_at > REST or moment - row.created_at > DAY:
        return None
    return Presence(person_of(row.person), row.csrf_token)


def is_due(session: Session, token: str) -> bool:
    """True where ``see`` is worth a write."""
    row = session.get(SessionRow, token_hash(token))
    return row is not None and now() - row.last_seen_at > _SEEN_EVERY


def see(session: Session, token: str) -> None:
    """Note that the person is there."""
    session.execute(update(SessionRow).where(SessionRow.token_hash == token_hash(token)).values(last_seen_at=now()))


def end(session: Session, token: str) -> None:
    """Leave."""
    row = session.get(SessionRow, token_hash(token))
    if row is not None and row.ended_at is None:
        row.ended_at = now()
        append(session, row.person.login, "logout", f"person {row.person.login}", {})


def end_all(session: Session, person_id: int) -> int:
    """End every session of a person: after a new password, a new role, or when the account is closed; how many."""
    rows = session.scalars(
        select(SessionRow).where(SessionRow.person_id == person_id, SessionRow.ended_at.is_(None))
    ).all()
    for row in rows:
        row.ended_at = now()
    return len(rows)


def end_everybody(session: Session) -> None:
    """End all sessions: after a restore, the tokens that were given since are not known, and old ones must not open."""
    session.execute(update(SessionRow).where(SessionRow.ended_at.is_(None)).values(ended_at=now()))


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
