"""Files of a folder that came from a stranger: no link is followed, and nothing outside is read."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..detector.errors import ModelError

MAX_ENTRIES = 10_000
_REMEDY = "get the bundle again from where it was exported"
_CHUNK_BYTES = 1 << 20
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_within(folder: Path, name: str, max_bytes: int) -> bytes:
    """The content of a small file.

    Raises:
        ModelError: if it is missing, no plain file, or larger than allowed.
    """
    with open_within(folder, name) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ModelError(f"{folder / name} is larger than {max_bytes} bytes", _REMEDY)
    return content


def digest_within(folder: Path, name: str, size_bytes: int) -> str:
    """The sha256 of a file that must have this size; no byte more is read.

    Raises:
        ModelError: if it is missing, no plain file, or of another size.
    """
    with open_within(folder, name) as file:
        found = os.fstat(file.fileno()).st_size
        if found != size_bytes:
            raise ModelError(f"{folder / name} has {found} bytes where the manifest says {size_bytes}", _REMEDY)
        digest, left = hashlib.sha256(), size_bytes
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()


@contextmanager
def open_within(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file below a folder, one step at a time, following no link and waiting for no pipe.

    Raises:
        ModelError: if it is not there, or is no plain file.
    """
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in Path(name).parts:
            inner = os.open(part, _PLAIN, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ModelError(f"{folder / name} is not a regular file", _REMEDY)
        with os.fdopen(descriptor, "rb") as file:
            descriptor = -1
            yield file
    except OSError as error:
        raise ModelError(f"{folder / name} {_why(error)}", _REMEDY) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def names_within(folder: Path) -> list[str]:
    """Every file below a folder, as relative paths with forward slashes, sorted.

    Raises:
        ModelError: at a link, a pipe or a device, and where there are too many.
    """
    names: list[str] = []

    def fail(error: OSError) -> None:
        raise ModelError(f"{error.filename} {_why(error)}", _REMEDY) from error

    for parent, folders, files in os.walk(folder, onerror=fail):
        for name in (*folders, *files):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise ModelError(f"{path} is a symbolic link, which a bundle never holds", _REMEDY)
            if not stat.S_ISDIR(mode):
                names.append(path.relative_to(folder).as_posix())
        if len(names) > MAX_ENTRIES:
            raise ModelError(f"{folder} holds more than {MAX_ENTRIES} files", "name the folder of one bundle")
    return sorted(names)


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a symbolic link, which a bundle never holds"
    if error.errno == errno.ENOENT:
        return "is missing"
    return f"cannot be read ({error.strerror})"
