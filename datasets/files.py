"""Untrusted files in, whole files out: never block, never read without a limit, never leave half a file."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from ..detector.errors import ScanError
from .opencv import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """The largest picture that is decoded; its declared size is checked before any pixel is."""

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = MAX_PIXELS
    max_side_px: int = 65_000

    def check_size(self, name: str, width_px: int, height_px: int) -> None:
        """Raises ScanError where a picture of this size must not be decoded."""
        if width_px < 1 or height_px < 1:
            raise ScanError(f"{name} is {width_px}×{height_px} pixels: empty", "export the scan again")
        if max(width_px, height_px) > self.max_side_px or width_px * height_px > self.max_pixels:
            raise ScanError(
                f"{name} declares {width_px}×{height_px} pixels, more than the limit of "
                f"{self.max_pixels / 1e6:g} megapixels and {self.max_side_px} pixels a side",
                "crop or scale the scan down",
            )


DEFAULT_LIMITS = ReadLimits()
_MOST_STEM = 50
"""Of the name that a temporary one repeats: names have 255 bytes, and a character up to four."""


def read_bytes(path: Path, limits: ReadLimits) -> bytes:
    """The content of a regular file.

    Raises:
        ScanError: if it is missing, unreadable, not a regular file (a FIFO is never waited for), empty, over the limit
            or changed while it was read.
    """
    try:
        with open_regular(path) as file:
            before = os.fstat(file.fileno())
            if before.st_size > limits.max_bytes:
                raise ScanError(
                    f"{path} has {before.st_size / 1e6:.0f} MB, more than the limit of {limits.max_bytes / 1e6:.0f} MB",
                    "crop or scale the scan down",
                )
            data = file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        _refuse_access(path, error)
    if len(data) != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise ScanError(f"{path} changed while it was read", "wait until it is written completely")
    if not data:
        raise ScanError(f"{path} is empty (0 bytes)", "copy or export the scan again")
    return data


def open_regular(path: Path) -> BinaryIO:
    """Open a file that is a file: a pipe is never waited for, and a device never touched.

    Raises:
        ScanError: if it is something else.
        OSError, ValueError: as ``open``; ValueError for a path with a null byte in it.
    """
    # Asked before opening too: opening a device can already act on it.
    _check_regular(path, path.stat().st_mode)
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _check_regular(path, os.fstat(file.fileno()).st_mode)
    except ScanError:
        file.close()
        raise
    return file


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise ScanError(f"{path} is a folder, not a scan", "name a picture in it")
    if not stat.S_ISREG(mode):
        raise ScanError(f"{path} is no regular file (a pipe, socket or device)", "give a picture file")


def _refuse_access(path: Path, error: OSError | ValueError) -> NoReturn:
    if isinstance(error, FileNotFoundError):
        raise ScanError(f"{path}: no such file", "check the path") from error
    if isinstance(error, PermissionError):
        raise ScanError(f"{path}: permission denied", "give this user the right to read it") from error
    # ValueError: a path with a null byte in it.
    raise ScanError(f"{path!s}: cannot be read ({error})", "check the path and the disk") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` at the end of the block, or vanishes if the block fails.

    Raises:
        ScanError: if the file system refuses (full disk, missing folder, no permission).
    """
    # The suffix stays last: writers choose the format by it. Nobody can guess the name and put a link there.
    temporary = path.with_name(f".{path.stem[:_MOST_STEM]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScanError(f"{path}: cannot be written ({reason})", "check free space and rights of the folder") from error
    finally:
        if os.path.exists(temporary):  # unlike Path.exists it only answers, whatever is wrong with the path
            temporary.unlink()
