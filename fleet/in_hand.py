"""Which scan a worker had in hand when it died: one that kills its worker again and again is set aside, not retried.

The note is one small file a shard, overwritten before every scan: 16 bytes to the page cache, a few microseconds. It is
kept where results are on this machine or a shared disk; object stores take no such notes, and there a deadly scan
ends the run with Ray's message instead.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_NOTE = struct.Struct("<qq")
MOST_DEATHS = 3
"""Workers that may die with the same scan in hand; chance kills rarely meet one scan twice."""


class InHand:
    """The note of one shard.

    Args:
        path: of the note; None keeps none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._row, self._deaths = self._read()

    def is_deadly(self, row: int) -> bool:
        """True where too many workers died with this row in hand."""
        return row == self._row and self._deaths >= MOST_DEATHS

    def take(self, row: int) -> None:
        """From now on this row is in hand."""
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A row before the one that was in hand does not wipe out what is known of that one.
        if row == self._row:
            os.pwrite(self._file, _NOTE.pack(row, self._deaths + 1), 0)
        elif row > self._row:
            os.pwrite(self._file, _NOTE.pack(row, 1), 0)

    def done(self) -> None:
        """The shard is done."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self) -> tuple[int, int]:
        try:
            row, deaths = _NOTE.unpack(self._path.read_bytes()) if self._path is not None else (-1, 0)
        except (OSError, struct.error):
            return -1, 0
        return int(row), int(deaths)
