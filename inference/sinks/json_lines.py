"""Verdicts as lines of JSON in a file that rotates.

The file itself is the cursor: its last whole line tells the next, so a kill neither loses nor doubles a verdict.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from ...detector.errors import SinkError
from ..lanes.state import LaneStatus
from .sink import Record, SinkConfig

_TAIL_BYTES = 4_000_000
"""A line is read back from the end; a verdict with every detection the network can give has 60 kB."""


class Fsync(StrEnum):
    """When lines are forced to disk. What a power cut takes is written again: the ledger still has it."""

    BATCH = "batch"
    """After each batch, which is each verdict unless many come at once."""
    NEVER = "never"
    """When the system likes."""


class JsonLinesConfig(SinkConfig):
    """``{kind: json-lines, name: …, path: verdicts.jsonl}``."""

    kind: Literal["json-lines"]
    path: Path
    rotate_mb: float = Field(default=100, gt=0, le=100_000)
    """A larger file is renamed to ``NAME.<number of its last verdict>.jsonl``."""
    keep: int = Field(default=30, ge=1, le=10_000)
    """Rotated files; older ones are deleted."""
    fsync: Fsync = Fsync.BATCH

    def open(self) -> JsonLinesSink:
        """Make the sink; the file is opened at the first verdict."""
        return JsonLinesSink(self)


class JsonLinesSink:
    """Appends to one file."""

    def __init__(self, config: JsonLinesConfig) -> None:
        self._config = config
        self._path = config.path
        self._rotated = re.compile(rf"{re.escape(self._path.stem)}\.(\d{{20}}){re.escape(self._path.suffix)}")
        self._handle = -1
        self._pending: list[bytes] = []
        self._last = 0

    def resume(self, cursor: int) -> int:
        """The number in the last whole line; a line cut off by a kill is removed. Without a file, the cursor."""
        try:
            self._open()
            last = self._repair()
        except OSError as error:
            raise self._refused(error) from error
        self._last = last if last is not None else max([0, *self._rotated_numbers()]) or cursor
        return self._last

    def deliver(self, record: Record) -> None:
        """Keep the line for the flush."""
        self._pending.append(json.dumps(dict(record), allow_nan=False).encode("ascii") + b"\n")
        self._last = int(record["number"])

    def flush(self) -> None:
        """Write the lines, whole or not at all, and force them to disk."""
        data, last = b"".join(self._pending), self._last
        self._pending.clear()
        try:
            self._open()
            before = os.fstat(self._handle).st_size
            try:
                _write_all(self._handle, data)
                if self._config.fsync is Fsync.BATCH:
                    os.fsync(self._handle)
            except OSError:
                os.ftruncate(self._handle, before)
                raise
            if before + len(data) > self._config.rotate_mb * 1e6:
                self._rotate(last)
        except OSError as error:
            raise self._refused(error) from error

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """Only verdicts go to the file."""

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> None:
        """Open the file, again where somebody has moved or deleted it."""
        if self._handle >= 0 and not self._is_current():
            self.close()
        if self._handle < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._handle = os.open(self._path, flags, 0o640)

    def _is_current(self) -> bool:
        try:
            there, ours = os.stat(self._path), os.fstat(self._handle)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _repair(self) -> int | None:
        """Cut a torn line off the end; the number in the last whole one, None where there is none."""
        size = os.fstat(self._handle).st_size
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._handle, size - start, start)
        end = tail.rfind(b"\n") + 1
        if start + end < size:
            os.ftruncate(self._handle, start + end)
        lines = tail[:end].splitlines()
        if not lines:
            return None
        try:
            return int(json.loads(lines[-1])["number"])
        except (ValueError, KeyError, TypeError) as error:
            raise SinkError(
                f"{self._path}: its last line is no verdict", "name another file, or move this one away"
            ) from error

    def _rotate(self, last: int) -> None:
        self.close()
        os.rename(self._path, self._path.with_name(f"{self._path.stem}.{last:020d}{self._path.suffix}"))
        for number in sorted(self._rotated_numbers())[: -self._config.keep]:
            self._path.with_name(f"{self._path.stem}.{number:020d}{self._path.suffix}").unlink(missing_ok=True)

    def _rotated_numbers(self) -> list[int]:
        matches = (self._rotated.fullmatch(path.name) for path in self._path.parent.iterdir())
        return [int(match[1]) for match in matches if match]

    def _refused(self, error: OSError) -> SinkError:
        return SinkError(f"{self._path}: cannot be written ({error.strerror or error})", "check free space and rights")


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
