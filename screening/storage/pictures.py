"""The picture store: the scans that officers look at, by their content.

A file is named after the SHA-256 of its bytes, so a scan that arrives twice is kept once, a name from outside never
becomes a path, and whether a file is still what it was can be told by reading it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...detector.errors import StorageError

_SUFFIX = ".scan"


class PictureStore:
    """A folder of scans.

    Args:
        folder: made if it is missing.

    Raises:
        StorageError: if it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: no scans can be kept here ({error.strerror})", "name another one") from error

    def put(self, content: bytes) -> str:
        """Keep a scan's bytes; on the medium when this returns. Its name. Raises StorageError."""
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if path.exists():
            return name
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".part", delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        except OSError as error:
            raise StorageError(f"{self.folder}: {error.strerror}", "free disk space") from error
        return name

    def get(self, name: str) -> bytes:
        """The bytes of a scan. Raises StorageError where they are gone or not what they were."""
        try:
            content = self._path(name).read_bytes()
        except OSError as error:
            raise StorageError(f"scan {name[:12]} is gone ({error.strerror})", "see the retention rules") from error
        if hashlib.sha256(content).hexdigest() != name:
            raise StorageError(f"scan {name[:12]} was altered on disk", "restore it from a backup")
        return content

    def remove(self, name: str) -> None:
        """Let a scan go; nothing happens where it is gone."""
        self._path(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """All scans."""
        for path in sorted(self.folder.glob(f"??/*{_SUFFIX}")):
            yield path.stem

    def path(self, name: str) -> Path:
        """Where a scan lies."""
        return self._path(name)

    def _path(self, name: str) -> Path:
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise StorageError(f"{name[:64]!r} is no scan of this store", "report this")
        return self.folder / name[:2] / (name + _SUFFIX)
