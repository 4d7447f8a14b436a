"""A folder that others write into, looked through without trust: what is there, what is whole, what is none of ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...datasets.containers import Container, check_container, container_of
from ...datasets.files import ReadLimits
from ...detector.errors import ScanError
from ..sources import NO_PICTURES

_STILL_WRITTEN = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp", "~")
_DEEPEST = 16
_MAGIC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What of a file changes when it is written to, or another takes its place."""

    device: int
    inode: int
    bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """From what the system tells."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds now."""

    files: dict[str, Stamp]
    """Path relative to the folder → stamp; regular files that may be scans."""
    junk: frozenset[str]
    """Links, hidden and unfinished names, pipes, and files that are no pictures by their suffix."""


def list_folder(root: Path, subfolders: bool, on_folder: Callable[[], None]) -> Listing:
    """List a folder; links are never followed.

    Args:
        root: the folder.
        subfolders: look into them too.
        on_folder: called for each folder: a large share takes its time.

    Raises:
        OSError: if the folder itself cannot be listed; one below it that has gone meanwhile is passed over.
    """
    files: dict[str, Stamp] = {}
    junk: set[str] = set()
    todo = [("", 0)]
    while todo:
        below, depth = todo.pop()
        on_folder()
        try:
            entries = list(os.scandir(root / below))
        except (FileNotFoundError, PermissionError):
            if not below:
                raise
            junk.add(below)
            continue
        for entry in entries:
            name = os.path.join(below, entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                if subfolders and depth < _DEEPEST and not entry.name.startswith("."):
                    todo.append((name, depth + 1))
            elif stat.S_ISREG(status.st_mode) and not is_junk(entry.name):
                files[name] = Stamp.of(status)
            else:
                junk.add(name)
    return Listing(files, frozenset(junk))


def is_junk(name: str) -> bool:
    """True for a name that no scanner gives a finished scan."""
    return (
        name.startswith((".", "~$"))
        or name.lower().endswith(_STILL_WRITTEN)
        or Path(name).suffix.lower() in NO_PICTURES
        or name.lower() in ("thumbs.db", "desktop.ini")
    )


def read_seen(path: Path, seen: Stamp) -> bytes:
    """The content of the very file that was listed.

    Raises:
        OSError: if it cannot be read.
        Changed: if another file is there now, or it changed while it was read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        # The stamp has device and inode: a link that was put in the way, at any level, leads to another file.
        if Stamp.of(os.fstat(handle)) != seen:
            raise Changed
        data = file.read(seen.bytes + 1)
        if Stamp.of(os.fstat(handle)) != seen or len(data) != seen.bytes:
            raise Changed
    return data


class Changed(Exception):
    """The file is not the one that was listed, or not finished."""


def is_whole(data: bytes, name: str, limits: ReadLimits) -> bool:
    """False for a picture whose end is missing, as a slow copy leaves it. Only structure is looked at, no pixel.

    TIFF files may be written in any order, and what is no picture at all will not become one: both count as whole.
    """
    try:
        container = container_of(data[:_MAGIC_BYTES], name)
    except ScanError:
        return True
    if container is Container.TIFF:
        return True
    try:
        check_container(data, name, container, limits)
    except ScanError as error:
        return "truncated" not in error.message
    return True
