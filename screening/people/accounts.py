"""Accounts: who exists, with which role, and the way in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..storage.tables import PersonRow
from ..storage.times import now
from .passwords import hashed, is_outdated, matches
from .roles import Permission, Role, may

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_TRIES = 5
"""Wrong passwords in a row until the account rests."""
_REST = timedelta(minutes=15)
SYSTEM = "system"
"""Author of what no person did."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, as the rest of the console sees them."""

    id: int
    login: str
    name: str
    role: Role
    language: str

    def may(self, permission: Permission) -> bool:
        """True where their role has the permission."""
        return may(self.role, permission)


class LoginRefused(UsageError):
    """The way in is closed; the message does not tell whether the account exists."""


def person_of(row: PersonRow) -> Person:
    """The value of a row."""
    return Person(row.id, row.login, row.name, Role(row.role), row.language)


def create_person(
    session: Session, author: str, login: str, name: str, role: Role, password: str | None, language: str = "en"
) -> Person:
    """Make an account; without a password nobody can log in until an invitation is used.

    Raises:
        UsageError: if the login name is taken or malformed, the name is empty, or the password too weak.
    """
    login, name = login.strip().lower(), name.strip()
    if not _LOGIN.fullmatch(login) or login == SYSTEM:
        raise UsageError(f"{login[:64]!r} cannot be a login name", "use 2 to 64 of a-z, 0-9, dot, dash, underscore")
    if not 0 < len(name) <= 200 or not name.isprintable():
        raise UsageError("a person needs a name", "give the name that colleagues know, up to 200 characters")
    if session.scalar(select(PersonRow.id).where(PersonRow.login == login)) is not None:
        raise UsageError(f"the login name {login} is taken", "choose another one")
    row = PersonRow(
        login=login,
        name=name,
        role=role,
        language=language,
        password_hash=hashed(password, login) if password is not None else "",
        preferences={},
        created_at=now(),
        failed_logins=0,
    )
    session.add(row)
    session.flush()
    append(session, author, "account created", f"person {login}", {"role": role, "name": name})
    return person_of(row)


def check_password(session: Session, login: str, password: str) -> Person | None:
    """The person, where the password is right; None otherwise. Wrong ones are counted and noted.

    Commit the transaction in both cases: a refusal must be remembered.
    """
    row = session.scalar(select(PersonRow).where(PersonRow.login == login.strip().lower()).with_for_update())
    right = matches(row.password_hash if row else None, password)
    if row is None:
        return None
    if _is_closed(row, now()):
        append(session, row.login, "login refused", f"person {row.login}", {"why": "closed"})
        return None
    if not right:
        _count_failure(session, row)
        return None
    row.failed_logins, row.locked_until = 0, None
    if is_outdated(row.password_hash):
        row.password_hash = hashed(password, row.login)
    append(session, row.login, "login", f"person {row.login}", {})
    return person_of(row)


def _is_closed(row: PersonRow, moment: datetime) -> bool:
    return row.disabled_at is not None or (row.locked_until is not None and row.locked_until > moment)


def _count_failure(session: Session, row: PersonRow) -> None:
    row.failed_logins += 1
    locked = row.failed_logins >= _TRIES
    if locked:
        row.locked_until, row.failed_logins = now() + _REST, 0
    append(session, row.login, "login refused", f"person {row.login}", {"why": "password", "locked": locked})


def change_password(session: Session, person: Person, old: str, new: str) -> None:
    """Raises UsageError if the old password is wrong or the new one too weak."""
    row = session.get_one(PersonRow, person.id)
    if not matches(row.password_hash, old):
        raise UsageError("the present password is not right", "type it again")
    set_password(session, person.login, row, new)


def set_password(session: Session, author: str, row: PersonRow, password: str) -> None:
    """Give somebody a password and open the account again. Raises UsageError if it is too weak."""
    row.password_hash = hashed(password, row.login)
    row.failed_logins, row.locked_until = 0, None
    append(session, author, "password changed", f"person {row.login}", {})


def set_role(session: Session, author: str, login: str, role: Role) -> None:
    """Raises UsageError for nobody, and where the last administrator would be gone."""
    row = require_row(session, login)
    if row.role == Role.ADMIN and role is not Role.ADMIN:
        _require_another_admin(session, row)
    append(session, author, "role changed", f"person {login}", {"from": row.role, "to": role})
    row.role = role


def disable(session: Session, author: str, login: str) -> None:
    """End an account. Raises UsageError for nobody, and for the last administrator."""
    row = require_row(session, login)
    _require_another_admin(session, row)
    row.disabled_at = row.disabled_at or now()
    append(session, author, "account disabled", f"person {login}", {})


def enable(session: Session, author: str, login: str) -> None:
    """Open an account again, also one that rests after wrong passwords. Raises UsageError for nobody."""
    row = require_row(session, login)
    row.disabled_at, row.locked_until, row.failed_logins = None, None, 0
    append(session, author, "account enabled", f"person {login}", {})


def people(session: Session) -> list[PersonRow]:
    """Everybody, by login name."""
    return list(session.scalars(select(PersonRow).order_by(PersonRow.login)))


def require_row(session: Session, login: str) -> PersonRow:
    """The row of a login name. Raises UsageError for nobody."""
    row = session.scalar(select(PersonRow).where(PersonRow.login == login))
    if row is None:
        raise UsageError(f"nobody has the login name {login[:64]!r}", "see the list of accounts")
    return row


def _require_another_admin(session: Session, row: PersonRow) -> None:
    if row.role != Role.ADMIN:
        return
    others = (
        select(func.count())
        .select_from(PersonRow)
        .where(PersonRow.role == Role.ADMIN, PersonRow.disabled_at.is_(None), PersonRow.id != row.id)
    )
    if not session.scalar(others):
        raise UsageError(f"{row.login} is the last administrator", "make somebody else administrator first")
