"""Bringing a database to the tables of this version, with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ...detector.errors import StorageError
from ..tutor import tables as _tutor_tables  # noqa: F401 - importing them is what adds them to the metadata
from ..tutor import tip_tables as _tip_tables  # noqa: F401
from .database import Database, explained
from .tables import Base
from .times import Moment

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create or bring up to date all tables; nothing is lost, and where it fails nothing is changed.

    Raises:
        StorageError: if the database was written by a newer version, or cannot be changed.
    """
    found = revision(database)
    if found is not None and found not in _known():
        raise StorageError(
            f"{database.name} was written by a newer version (revision {found})", "update ParcelSight on this machine"
        )
    with explained(database.name), database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(database: Database) -> None:
    """Raises StorageError where the tables are not those of this version."""
    found = revision(database)
    if found != latest():
        raise StorageError(
            f"{database.name} has tables of revision {found or 'none'}, this version needs {latest()}",
            "make a backup, then: parcelsight console upgrade",
        )


def revision(database: Database) -> str | None:
    """The revision of a database's tables; None where it has none."""
    with explained(database.name), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def latest() -> str:
    """The revision of this version."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def draft(database: Database, message: str, number: str) -> None:
    """Write the migration from a database's tables to those of ``tables.py``, for a developer to look over."""
    with explained(database.name), database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=number)


def _render(kind: str, column: Any, autogenerating: Any) -> str | Literal[False]:
    """Migrations must not depend on code that may change after them."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(column, Moment) else False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes.update(metadata=Base.metadata, render_item=_render)
    return config
