"""Where scans lie and results go: a folder of this machine, or anything fsspec reaches (object stores, WebDAV, …)."""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ..datasets.files import ReadLimits, read_bytes
from ..detector.errors import MissingExtra, ScanError, StorageError, UsageError

LIMITS = ReadLimits()


class Store(Protocol):
    """A folder of files by relative names with forward slashes."""

    url: str

    def names(self, below: str = "") -> Iterator[str]:
        """Every file that is not hidden, with those of subfolders, folder by folder in a fixed order.

        Raises:
            StorageError, UsageError: if it cannot be listed.
        """

    def read(self, name: str, limits: ReadLimits = LIMITS) -> bytes:
        """The content. Raises ScanError if it is missing, unreadable or too large."""

    def write(self, name: str, data: bytes) -> None:
        """Make or replace a file, whole or not at all. Raises StorageError."""

    def exists(self, name: str) -> bool:
        """True where there is such a file. Raises StorageError."""


def open_store(url: str) -> Store:
    """The store behind a path or URL.

    Raises:
        MissingExtra: for a URL without fsspec.
        UsageError: if its kind is not known or its driver is not installed.
    """
    if url.startswith("file://"):
        url = url.removeprefix("file://")
    return RemoteStore(url) if "://" in url else LocalStore(Path(url))


class LocalStore:
    """A folder; a file is written under another name, forced to disk and renamed."""

    def __init__(self, root: Path) -> None:
        self.root, self.url = root, str(root)

    def names(self, below: str = "") -> Iterator[str]:
        """Links to folders are not followed: an archive's link may lead anywhere, or round in a circle."""
        top = self.root / below
        failed: list[OSError] = []
        for folder, subfolders, files in os.walk(top, onerror=failed.append):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith("."):
                    yield (Path(folder) / name).relative_to(self.root).as_posix()
        missing = [error for error in failed if not (below and isinstance(error, FileNotFoundError))]
        if missing:
            why = f"{missing[0].filename}: cannot be listed ({missing[0].strerror})"
            raise UsageError(why, "check the path, and give this user the right to read it")

    def read(self, name: str, limits: ReadLimits = LIMITS) -> bytes:
        """Never waits for a pipe and never touches a device."""
        return read_bytes(self.root / name, limits)

    def write(self, name: str, data: bytes) -> None:
        """Atomic for readers, and on disk when it returns."""
        path = self.root / name
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StorageError(
                f"{path}: cannot be written ({error.strerror})", "free space, or name another"
            ) from error

    def exists(self, name: str) -> bool:
        """True for a file."""
        return (self.root / name).is_file()


class RemoteStore:
    """Whatever fsspec reaches. An object appears there whole when its upload ends, so no rename is needed."""

    def __init__(self, url: str) -> None:
        if importlib.util.find_spec("fsspec") is None:
            raise MissingExtra(f"reading and writing {url.split('://')[0]}:// addresses", "fleet")
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        try:
            self._files, self._root = url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{url}: {error}", "install the driver that it names, or give a folder") from error
        self._root = str(self._root).rstrip("/")

    def names(self, below: str = "") -> Iterator[str]:
        """Folder by folder, as a walk gives them: halves of a pair come together."""
        top = f"{self._root}/{below}" if below else self._root
        found: Any = self._do("listed", lambda: self._files.find(top) if self._files.exists(top) else None)
        if found is None and not below:
            raise UsageError(f"{self.url}: nothing is there", "check the address")
        for path in sorted(found or (), key=lambda each: str(each).rpartition("/")[::2]):
            name = str(path)[len(self._root) :].lstrip("/")
            if name and not any(part.startswith(".") for part in name.split("/")):
                yield name

    def read(self, name: str, limits: ReadLimits = LIMITS) -> bytes:
        """No more of it than the limit."""
        path = f"{self._root}/{name}"
        try:
            with self._files.open(path, "rb") as file:
                data: bytes = file.read(limits.max_bytes + 1)
        except Exception as error:  # every driver fails in its own way
            raise ScanError(f"{self.url}/{name}: cannot be read ({_words(error)})", "check the store") from error
        if not data:
            raise ScanError(f"{self.url}/{name} is empty (0 bytes)", "copy or export the scan again")
        if len(data) > limits.max_bytes:
            raise ScanError(f"{self.url}/{name} is over {limits.max_bytes / 1e6:.0f} MB", "crop or scale the scan down")
        return data

    def write(self, name: str, data: bytes) -> None:
        """One upload."""

        def put() -> None:
            path = f"{self._root}/{name}"
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(path, data)

        self._do("written", put)

    def exists(self, name: str) -> bool:
        """Asked of the store, not of a cache."""
        self._files.invalidate_cache()
        return bool(self._do("looked up", lambda: self._files.isfile(f"{self._root}/{name}")))

    def _do(self, what: str, action: Any) -> Any:
        try:
            return action()
        except Exception as error:  # every driver fails in its own way
            raise StorageError(f"{self.url}: cannot be {what} ({_words(error)})", "check address and rights") from error


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())[:200]
