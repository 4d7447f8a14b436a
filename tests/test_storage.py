"""The console's database: the same on SQLite and PostgreSQL, and clear where it cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from parcelsight.detector.errors import ParcelSightError, StorageError, UsageError
from parcelsight.screening.audit.chain import append, head_of
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import latest, require_current, revision, upgrade
from parcelsight.screening.storage.tables import Base, LaneRow
from tests.databases import KINDS


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An upgraded, empty database of each kind."""
    url = str(tmp_path / "console.db")
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        url = make()
    opened = Database(url)
    upgrade(opened)
    yield opened
    opened.close()


def test_migrations_make_the_tables_of_this_version(database: Database) -> None:
    assert revision(database) == latest()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    upgrade(database)  # once more changes nothing
    require_current(database)


def test_moments_come_back_with_their_zone(database: Database) -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)
    with database.write() as session:
        session.add(LaneRow(name="1", title="", state="SCREENING", cause="", since=moment, heard_at=moment, details={}))
    with database.read() as session:
        assert session.get_one(LaneRow, "1").since == moment


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        append(session, "system", "tried", "nothing", {})
        raise RuntimeError
    with database.read() as session:
        assert head_of(session).number == 0


def test_writers_wait_for_each_other_and_none_is_lost(database: Database) -> None:
    with database.write() as session:
        append(session, "system", "began", "test", {})

    def write() -> None:
        for _ in range(10):
            with database.write() as session:
                append(session, "system", "wrote", "test", {})

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert head_of(session).number == 61


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer version.*update ParcelSight"):
        upgrade(database)
    with pytest.raises(StorageError, match="revision 9999"):
        require_current(database)


BAD = {
    "another server": ("mysql://u:secret@h/d", UsageError, "no database this console knows"),
    "in memory": ("sqlite://", UsageError, "no database this console knows"),
    "no such folder": ("sqlite:////nowhere/at/all/x.db", StorageError, "create its folder"),
    "nobody listens": ("postgresql://u:secret@127.0.0.1:1/d", StorageError, "see that the database runs"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_database_that_cannot_be_had_is_told(case: str) -> None:
    url, kind, message = BAD[case]
    with pytest.raises(ParcelSightError) as caught:
        Database(url)
    assert isinstance(caught.value, kind)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(StorageError, match="restore it from a backup"):
        upgrade(Database(str(tmp_path / "x.db")))
