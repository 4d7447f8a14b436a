"""The threat images that are projected at lanes, as a console keeps them, and the few that every console has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ...datasets.files import DEFAULT_LIMITS, read_bytes, written_whole
from ...detector.errors import DatasetError, ScanError, StorageError
from .library_folder import ThreatEntry
from .threat_images import TurnedThreat, read_threat

INDEX = "index.json"
STARTER = Path(__file__).parent / "starter_threats"
"""Shipped: a handful for each class, so that a demonstration needs no renderer. Far fewer than the rule asks for."""


class _Index(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threats: tuple[ThreatEntry, ...] = ()


class TipLibrary:
    """A folder of threat images; the shipped ones while it is empty.

    Args:
        folder: of the console; made when something is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> tuple[ThreatEntry, ...]:
        """All images. Raises DatasetError if the index cannot be read."""
        return _entries(self._home, _stamp(self._home))

    @property
    def is_starter(self) -> bool:
        """True while only the shipped images are there."""
        return self._home == STARTER

    def labels(self) -> tuple[str, ...]:
        """Classes that have an image."""
        return tuple(sorted({one.label for one in self.entries()}))

    def choose(self, label: str, rng: np.random.Generator) -> TurnedThreat | None:
        """One image of a class, all articles alike likely; None where there is none.

        Raises:
            DatasetError: if the file is gone or damaged.
        """
        of_class = [one for one in self.entries() if one.label == label]
        if not of_class:
            return None
        articles = sorted({one.design for one in of_class})
        article = articles[int(rng.integers(len(articles)))]
        poses = [one for one in of_class if one.design == article]
        return self.read(poses[int(rng.integers(len(poses)))])

    def read(self, entry: ThreatEntry) -> TurnedThreat:
        """One image. Raises DatasetError if it is gone or altered."""
        path = self._home / entry.file
        try:
            content = read_bytes(path, DEFAULT_LIMITS)
        except ScanError as error:
            raise DatasetError(f"{path}: {error.message}", "import the library again") from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise DatasetError(f"{path}: altered since it was imported", "import the library again")
        return read_threat(content, str(path))

    def add(self, entry: ThreatEntry, content: bytes) -> None:
        """Keep an image; it is used once `keep` names it. Raises StorageError, DatasetError."""
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise DatasetError(f"{entry.file}: not what the library's manifest says", "replace it there")
        path = self.folder / entry.file
        if path.exists():
            return
        self._write(path, content)

    def keep(self, entries: Sequence[ThreatEntry]) -> None:
        """From now on these images and no others. Raises StorageError."""
        self._write(self.folder / INDEX, _Index(threats=tuple(entries)).model_dump_json(indent=0).encode())
        names = {one.file for one in entries}
        for path in self.folder.glob("*.threat"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as temporary:
                temporary.write_bytes(content)
        except (OSError, ScanError) as error:
            raise StorageError(f"{path}: cannot be written ({error})", "free disk space") from error

    @property
    def _home(self) -> Path:
        return self.folder if (self.folder / INDEX).is_file() else STARTER


def _stamp(home: Path) -> int:
    try:
        return (home / INDEX).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _entries(home: Path, stamp: int) -> tuple[ThreatEntry, ...]:
    """Read once for as long as the file stays the same (``stamp``)."""
    if not stamp:
        return ()
    try:
        return _Index.model_validate_json((home / INDEX).read_bytes()).threats
    except (OSError, ValidationError) as error:
        raise DatasetError(f"{home / INDEX}: cannot be read", "import the library again") from error
