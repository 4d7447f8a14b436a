"""Which files of a watched folder are done, also over a restart where that is wanted."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ...detector.errors import SourceError
from .folder_files import Stamp

_COMPACT_AFTER = 10_000
"""Lines more than there are files; then the memory is written anew."""


class FolderMemory:
    """Path → stamp of what is done. With a file, one line of JSON each, appended.

    What a power cut takes from the file is delivered again, and the ledger knows it: this only saves the reading.

    Args:
        path: the file; None keeps everything in this process.

    Raises:
        SourceError: if the file cannot be read or is something else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[str, Stamp] = {}
        self._lines = 0
        if path is not None and path.exists():
            self._read(path)

    def knows(self, name: str, stamp: Stamp) -> bool:
        """True where exactly this file is done; one that was written anew under the same name is not."""
        return self._done.get(name) == stamp

    def add(self, name: str, stamp: Stamp) -> None:
        """It is done.

        Raises:
            OSError: if the file cannot be written.
        """
        self._done[name] = stamp
        if self._path is not None:
            with self._path.open("a", encoding="ascii") as file:
                file.write(_line(name, stamp))
            self._lines += 1

    def keep_only(self, names: set[str]) -> None:
        """Forget what is no longer in the folder.

        Raises:
            OSError: if the file cannot be written.
        """
        for name in self._done.keys() - names:
            del self._done[name]
        if self._path is not None and self._lines > len(self._done) + _COMPACT_AFTER:
            temporary = self._path.with_name(f"{self._path.name}.new")
            temporary.write_text("".join(_line(*item) for item in self._done.items()), encoding="ascii")
            os.replace(temporary, self._path)
            self._lines = len(self._done)

    def _read(self, path: Path) -> None:
        try:
            whole, end, torn = path.read_text(encoding="ascii").rpartition("\n")
            if torn:  # cut off by a kill; what is appended must not be glued to it
                os.truncate(path, len(whole) + len(end))
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: the folder's memory cannot be read ({error})", "name another file") from error
        lines = whole.splitlines()
        for number, line in enumerate(lines, 1):
            try:
                name, *stamp = json.loads(line)
                self._done[str(name)] = Stamp(*map(int, stamp))
            except (ValueError, TypeError) as error:
                raise SourceError(
                    f"{path}, line {number}: this is no memory of a watched folder", "name another file, or delete it"
                ) from error
        self._lines = len(lines)


def _line(name: str, stamp: Stamp) -> str:
    return json.dumps([name, stamp.device, stamp.inode, stamp.bytes, stamp.mtime_ns]) + "\n"
