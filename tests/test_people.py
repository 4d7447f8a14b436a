"""Accounts, passwords, sessions, invitations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from parcelsight.detector.errors import UsageError
from parcelsight.screening.people import accounts, invitations, sessions
from parcelsight.screening.people.accounts import Person, check_password, create_person
from parcelsight.screening.people.roles import Permission, Role, may
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import AuditRow, InvitationRow, PersonRow, SessionRow
from parcelsight.screening.storage.times import now

GOOD = "seven brown parcels wait"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(str(tmp_path / "console.db"))
    upgrade(opened)
    yield opened
    opened.close()


def make(database: Database, login: str, role: Role = Role.OPERATOR) -> Person:
    with database.write() as session:
        return create_person(session, "system", login, login.title(), role, GOOD)


def test_the_right_password_lets_in(database: Database) -> None:
    make(database, "officer17")
    with database.write() as session:
        person = check_password(session, " Officer17 ", GOOD)
    assert person is not None
    assert (person.login, person.role) == ("officer17", Role.OPERATOR)
    with database.read() as session:
        stored = session.scalars(select(PersonRow.password_hash)).one()
    assert stored.startswith("$argon2id$") and GOOD not in stored


@pytest.mark.parametrize("login", ["officer17", "nobody"])
def test_a_wrong_one_does_not(database: Database, login: str) -> None:
    make(database, "officer17")
    with database.write() as session:
        assert check_password(session, login, "wrong") is None


def test_five_wrong_ones_close_the_account_for_a_while(database: Database) -> None:
    make(database, "officer17")
    for _ in range(5):
        with database.write() as session:
            assert check_password(session, "officer17", "wrong") is None
    with database.write() as session:
        assert check_password(session, "officer17", GOOD) is None
    with database.write() as session:
        session.scalars(select(PersonRow)).one().locked_until = now() - timedelta(seconds=1)
    with database.write() as session:
        assert check_password(session, "officer17", GOOD) is not None
    with database.read() as session:
        told = [row.details for row in session.scalars(select(AuditRow).where(AuditRow.action == "login refused"))]
    assert sum('"locked": true' in details for details in told) == 1


WEAK = {
    "short": "eleven char",
    "endless": "x1y2z3" * 40,
    "the login name": "officer17officer17",
    "one key": "aaaaaaaaaaaaaaaa",
}


@pytest.mark.parametrize("case", WEAK)
def test_weak_passwords_are_refused(database: Database, case: str) -> None:
    with pytest.raises(UsageError, match="several words"), database.write() as session:
        create_person(session, "system", "officer17", "Officer", Role.OPERATOR, WEAK[case])


@pytest.mark.parametrize("login", ["", "x", "a b", "<script>", "system", "é" * 4, "a" * 65, "-dash"])
def test_odd_login_names_are_refused(database: Database, login: str) -> None:
    with pytest.raises(UsageError, match="cannot be a login name"), database.write() as session:
        create_person(session, "system", login, "Officer", Role.OPERATOR, GOOD)


def test_a_login_name_is_given_once(database: Database) -> None:
    make(database, "officer17")
    with pytest.raises(UsageError, match="taken"):
        make(database, "OFFICER17")


def test_the_last_administrator_stays(database: Database) -> None:
    make(database, "boss", Role.ADMIN)
    with pytest.raises(UsageError, match="last administrator"), database.write() as session:
        accounts.disable(session, "boss", "boss")
    with pytest.raises(UsageError, match="last administrator"), database.write() as session:
        accounts.set_role(session, "boss", "boss", Role.OPERATOR)
    make(database, "deputy", Role.ADMIN)
    with database.write() as session:
        accounts.disable(session, "deputy", "boss")


def test_a_session_lives_as_long_as_it_should(database: Database) -> None:
    person = make(database, "officer17")
    with database.write() as session:
        token = sessions.begin(session, person)
    with database.read() as session:
        presence = sessions.find(session, token)
        assert presence is not None and presence.person == person
        assert token not in str(session.scalars(select(SessionRow.token_hash)).all())
        assert sessions.find(session, token + "x") is None
    for field, age in (("last_seen_at", sessions.REST), ("created_at", sessions.DAY)):
        with database.write() as session:
            row = session.scalars(select(SessionRow)).one()
            before = getattr(row, field)
            setattr(row, field, now() - age - timedelta(seconds=1))
        with database.read() as session:
            assert sessions.find(session, token) is None
        with database.write() as session:
            setattr(session.scalars(select(SessionRow)).one(), field, before)
    with database.write() as session:
        sessions.end(session, token)
    with database.read() as session:
        assert sessions.find(session, token) is None


def test_a_closed_account_has_no_session(database: Database) -> None:
    person = make(database, "officer17")
    with database.write() as session:
        token = sessions.begin(session, person)
    with database.write() as session:
        accounts.disable(session, "boss", "officer17")
    with database.read() as session:
        assert sessions.find(session, token) is None


def test_the_first_link_makes_one_administrator(database: Database) -> None:
    with database.write() as session:
        older, token = invitations.invite_first(session), invitations.invite_first(session)
    with pytest.raises(UsageError, match="used or is too old"), database.write() as session:
        invitations.accept_first(session, older, "boss", "Boss", GOOD, "en")
    with database.write() as session:
        assert invitations.accept_first(session, token, "boss", "Boss", GOOD, "fr").role is Role.ADMIN
    with pytest.raises(UsageError, match="used or is too old"), database.write() as session:
        invitations.accept_first(session, token, "thief", "Thief", GOOD, "en")
    with pytest.raises(UsageError, match="has accounts already"), database.write() as session:
        invitations.invite_first(session)


def test_an_invitation_sets_a_password_once(database: Database) -> None:
    person = make(database, "officer17")
    with database.write() as session:
        token = invitations.invite(session, "boss", session.get_one(PersonRow, person.id))
        old_session = sessions.begin(session, person)
    with database.write() as session:
        invitations.accept(session, token, "a new set of words")
    with database.write() as session:
        assert check_password(session, "officer17", "a new set of words") is not None
        assert sessions.find(session, old_session) is None
    with pytest.raises(UsageError, match="used or is too old"), database.write() as session:
        invitations.accept(session, token, "yet another set")


def test_an_old_invitation_is_void(database: Database) -> None:
    with database.write() as session:
        token = invitations.invite_first(session)
        session.scalars(select(InvitationRow)).one().expires_at = now() - timedelta(seconds=1)
    with pytest.raises(UsageError, match="used or is too old"), database.write() as session:
        invitations.accept_first(session, token, "boss", "Boss", GOOD, "en")


def test_roles_are_kept_apart() -> None:
    assert not may(Role.ADMIN, Permission.SCREEN)
    assert not may(Role.OPERATOR, Permission.SUPERVISE)
    assert not may(Role.SUPERVISOR, Permission.TRAIN_PEOPLE)
    assert all(may(role, Permission.LEARN) for role in Role)
