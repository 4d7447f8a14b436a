"""The console's database: SQLite in WAL mode by default, PostgreSQL by URL.

What is committed survives the loss of power: SQLite syncs every commit. Every write transaction of SQLite takes the
write lock at its beginning, so that what it read cannot change before it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from ...detector.errors import MissingExtra, StorageError, UsageError

_BUSY_MS = 10_000
"""How long a writer waits for another one."""
_READING = "parcelsight_reading"


class Database:
    """An open database; threads share it.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``; a bare path is an SQLite file.

    Raises:
        UsageError: if the URL is none of these.
        StorageError: if it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.name = self.url.render_as_string(hide_password=True)
        self.engine = _engine(self.url)
        self._reading = self.engine.execution_options(**{_READING: True})
        with explained(self.name), self.engine.connect():
            pass

    @property
    def is_sqlite(self) -> bool:
        """True for a file, False for a server."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: all of it is kept, or nothing where the block raises.

        Raises:
            StorageError: if the database is gone, locked, full or read-only.
        """
        with explained(self.name), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent look; what the block changes is not kept. Raises StorageError."""
        with explained(self.name), Session(self._reading) as session:
            yield session

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{Path(url).absolute()}")
    except ArgumentError as error:
        raise UsageError(f"{url!r} is no database", "give a file, or postgresql://USER@HOST/NAME") from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise UsageError(
            f"{parsed.render_as_string()} is no database this console knows",
            "give a file, or postgresql://USER@HOST/NAME",
        )
    return parsed.set(drivername="sqlite+pysqlite")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        try:
            return create_engine(
                url, pool_pre_ping=True, connect_args={"connect_timeout": 5, "client_encoding": "utf8"}
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise MissingExtra("PostgreSQL", "screening") from error
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Any) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Errors of the database as ours, with what to do."""
    try:
        yield
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200]
        raise StorageError(f"{name}: {reason}", _remedy(reason)) from error
    except SQLAlchemyError as error:
        raise StorageError(f"{name}: {error}", "report this") from error


_REMEDIES = {
    "full": "free disk space; what was acknowledged is safe",
    "readonly": "give the console the right to write there",
    "unable to open": "create its folder, and give the console the right to write there",
    "locked": "see which other program holds it",
    "not a database": "restore it from a backup",
    "malformed": "restore it from a backup",
    "no such table": "create it with: parcelsight console upgrade",
    "does not exist": "create it with: parcelsight console upgrade",
    "authentication": "correct user and password of the URL",
}


def _remedy(reason: str) -> str:
    lowered = reason.lower()
    return next((remedy for sign, remedy in _REMEDIES.items() if sign in lowered), "see that the database runs")
