"""What the console's routes stand on, made once a start."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...inference.service.config import is_loopback
from ..desk.procedure import Procedure, load_procedure
from ..desk.site_figures import SiteFigures
from ..follow.belts import BeltRelay
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..tutor.clocks import Clock
from ..tutor.library_folder import THREATS
from ..tutor.tip_desk import TipDesk
from ..tutor.tip_intake import HOLD_S, TipIntake
from ..tutor.tip_library import TipLibrary
from ..tutor.tip_settings import current, secret_of

PROJECTED = "projected"
"""Folder of the pictures that carry a projected threat, apart from the real ones."""
LIBRARY = "library"
"""Folder of the training library's pictures, beside the scans: their retention must not empty it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console is run."""

    public_url: str = ""
    """As officers' browsers call it, where a proxy stands before it; ``https://…``."""
    procedure: Procedure = field(default_factory=lambda: load_procedure("standard"))
    has_lanes: bool = False
    demo_token: str = ""
    """Signs the demo's people in; empty in earnest."""
    heartbeat_s: float = 10.0
    """Between comments to consoles that hear nothing else."""

    def __post_init__(self) -> None:
        if self.public_url and (urlsplit(self.public_url).scheme != "https" or not urlsplit(self.public_url).hostname):
            raise UsageError(
                f"{self.public_url[:80]!r} is no https:// address",
                "give the address officers type, whose TLS a proxy before the console ends",
            )

    @property
    def is_secure(self) -> bool:
        """True where browsers reach it over TLS."""
        return bool(self.public_url)

    def serves(self, host: str) -> bool:
        """Whether a request's Host header names this console: strangers' names may be made to point here."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or (bool(self.public_url) and name == urlsplit(self.public_url).hostname)


class Console:
    """The database, the scans, and who is told when something changed.

    Args:
        database: with current tables.
        pictures: the scans.
        settings: how it is run.
    """

    def __init__(self, database: Database, pictures: PictureStore, settings: Settings) -> None:
        self.database, self.pictures, self.settings = database, pictures, settings
        self.procedure = settings.procedure
        self.library = PictureStore(pictures.folder.parent / LIBRARY)
        self.tip = TipDesk(PictureStore(pictures.folder.parent / PROJECTED))
        self.site_figures = SiteFigures(database)
        self._projecting: bool | None = None
        self.clock = Clock()
        """Of this process, for the time limits of exercises."""
        self.pre_session_key = secrets.token_bytes(32)
        """Signs the CSRF tokens of people who are not signed in."""
        self.is_ending = False
        self.belts = BeltRelay()
        self._listeners: list[Callable[[], None]] = []
        self._early: list[Callable[[str, dict[str, object]], None]] = []

    @property
    def threats(self) -> TipLibrary:
        """What is projected at lanes."""
        return TipLibrary(self.pictures.folder.parent / THREATS)

    def training(self, hold_s: float | None = HOLD_S) -> TipIntake:
        """Projects into parcels on their way in. Raises StorageError where the site's secret cannot be kept."""
        data = self.pictures.folder.parent
        store = PictureStore(data / PROJECTED)
        return TipIntake(self.database, self.pictures, store, self.threats, secret_of(data), hold_s)

    def is_projecting(self) -> bool:
        """Whether threats are projected now; the answer is remembered until somebody changes it here."""
        if self._projecting is None:
            with self.database.read() as session:
                self._projecting = current(session).is_on
        return self._projecting

    def projection_changed(self) -> None:
        """Somebody set, stopped or started projection."""
        self._projecting = None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction after whose commit the consoles are told. Raises StorageError."""
        with self.database.write() as session:
            yield session
        self.changed()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent look. Raises StorageError."""
        with self.database.read() as session:
            yield session

    def changed(self) -> None:
        """Something was committed; from any thread."""
        for listener in self._listeners:
            listener()

    def early(self, kind: str, data: dict[str, object]) -> None:
        """News that is not kept; from any thread."""
        for listener in self._early:
            listener(kind, data)

    def end(self) -> None:
        """The server is about to stop: pages that listen are let go, and come back by themselves."""
        self.is_ending = True
        self.changed()

    def listen(self, changed: Callable[[], None], early: Callable[[str, dict[str, object]], None]) -> None:
        """Be told from now on."""
        self._listeners.append(changed)
        self._early.append(early)


def open_console(data: Path, database_url: str | None, settings: Settings) -> Console:
    """The console over a folder and a database, whose tables are current.

    Raises:
        StorageError: if the database cannot be opened or has other tables.
    """
    from ..storage.schema import require_current

    database = open_database(data, database_url)
    require_current(database)
    return Console(database, PictureStore(data / "scans"), settings)


def open_database(data: Path, url: str | None) -> Database:
    """The database by URL, or the file in the console's folder. Raises StorageError."""
    from ...detector.errors import StorageError

    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"{data}: cannot be made ({error.strerror})", "name another folder with --data") from error
    return Database(url or str(data / "console.db"))
