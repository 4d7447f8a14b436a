"""Verdicts and lane states into the PostgreSQL database that all sites share (sites.py).

The site's own ledger is the outbox: while the database cannot be reached verdicts wait in it, lanes go on, and the pump
sends from its cursor when it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ...detector.errors import MissingExtra, SinkError
from ..lanes.state import LaneStatus
from .sink import Record, SinkConfig

if TYPE_CHECKING:
    import psycopg

    from .sites import SiteVerdict


class PostgresConfig(SinkConfig):
    """``{kind: postgres, name: …, site: …, url: postgresql://USER@HOST/NAME}``."""

    kind: Literal["postgres"]
    site: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    """Of this ledger alone: with the verdict's number it is the key. A new ledger is a new site."""
    url: str = Field(pattern=r"^postgresql://[^\s]+$", max_length=500)
    password_file: Path | None = None
    timeout_s: int = Field(default=5, ge=1, le=60)

    def open(self) -> PostgresSink:
        """Read the password.

        Raises:
            MissingExtra: without psycopg.
            UsageError: if the password cannot be read.
        """
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise MissingExtra(f"sink {self.name} (PostgreSQL)", "fleet") from error
        return PostgresSink(self, self.password_in(self.password_file))


class PostgresSink:
    """One connection; after a failure a new one."""

    def __init__(self, config: PostgresConfig, password: str | None = None) -> None:
        self._config, self._password = config, password
        self._connection: psycopg.Connection[Any] | None = None
        self._batch: list[SiteVerdict] = []

    def resume(self, cursor: int) -> int:
        """Where the cursor stands: a database that has more knows it by the key."""
        self._connected()
        return cursor

    def deliver(self, record: Record) -> None:
        """Keep it for ``flush``, which writes all at once."""
        from .sites import SiteVerdict

        self._batch.append(SiteVerdict.of(record))

    def flush(self) -> None:
        """Write the batch; it is committed when this returns."""
        from .sites import record_verdicts

        batch, self._batch = self._batch, []
        self._do(lambda connection: record_verdicts(connection, self._config.site, batch))

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """Write every lane's state."""
        from .sites import record_states

        states = [status.to_record() for status in statuses]
        self._do(lambda connection: record_states(connection, self._config.site, states))

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        self._batch.clear()
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _do(self, action: Any) -> None:
        import psycopg

        connection = self._connected()
        try:
            action(connection)
        except psycopg.Error as error:
            self.close()
            raise self._lost(error) from error

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        from .sites import create_tables

        if self._connection is not None and not self._connection.closed:
            return self._connection
        limit_ms = 1000 * self._config.timeout_s
        try:
            self._connection = psycopg.connect(
                self._config.url, password=self._password, connect_timeout=self._config.timeout_s, autocommit=True,
                application_name="parcelsight", tcp_user_timeout=limit_ms, keepalives_idle=5,
                options=f"-c statement_timeout={limit_ms}",
            )  # fmt: skip
            create_tables(self._connection)
        except psycopg.Error as error:
            self.close()
            raise self._lost(error) from error
        return self._connection

    def _lost(self, error: Exception) -> SinkError:
        where = self._config.url.rpartition("@")[2]
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return SinkError(f"the database {where} does not take verdicts ({why})", "start it, or check url and password")
