"""What a rendering run has finished: one JSON line a parcel, so that a killed run goes on where it stopped.

The first line states what is rendered (seed, scanners, split, …). A run that would render something else into the same
folder is refused. A line cut short by a kill is dropped; its parcel is rendered again, to the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ...detector.errors import DatasetError, RunError, ScanError
from ..files import written_whole

NAME = "journal.jsonl"

Entry = Mapping[str, Any]
"""``{"index": parcel number, "scans": [record of each view]}``."""


@dataclass(slots=True)
class Journal:
    """The journal of one data set folder, open for appending.

    Raises:
        DatasetError: if the folder holds another data set.
        RunError: if the journal cannot be read or written.
    """

    path: Path
    statement: Mapping[str, object]
    entries: dict[int, Entry] = field(default_factory=dict)
    _file: TextIO | None = None

    def __enter__(self) -> Journal:
        try:
            sound = self._read()
            # Rewritten without a broken tail, so that appending starts on a fresh line.
            lines = [json.dumps({"statement": self.statement}), *sound]
            with written_whole(self.path) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            self._file = self.path.open("a", encoding="utf-8")
        except (OSError, ScanError) as error:
            raise cannot_write(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, entry: Entry) -> None:
        """Note a finished parcel at once. Raises RunError if the disk refuses."""
        assert self._file is not None, "the journal is not open"
        try:
            self._file.write(json.dumps(entry, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.entries[int(entry["index"])] = entry

    def _read(self) -> list[str]:
        """Fill ``entries``; returns the sound lines after the statement."""
        if not self.path.exists():
            return []
        head, *lines = self.path.read_text(encoding="utf-8").splitlines() or [""]
        if _parsed(head).get("statement") != json.loads(json.dumps(self.statement)):
            raise DatasetError(
                f"{self.path.parent}: holds scans rendered with other settings ({_difference(head, self.statement)})",
                "choose another folder, or delete this one",
            )
        sound = []
        for line in lines:
            entry = _parsed(line)
            if isinstance(entry.get("index"), int) and "scans" in entry:
                self.entries[entry["index"]] = entry
                sound.append(line)
        return sound


def cannot_write(path: Path, error: OSError | ScanError) -> RunError:
    """The error of a disk that refuses, with what to do about it."""
    reason = error.message if isinstance(error, ScanError) else f"{path}: cannot be written ({error.strerror or error})"
    return RunError(
        reason, "free space or choose another folder, then run the same command again: finished scans are kept"
    )


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _difference(head: str, wanted: Mapping[str, object]) -> str:
    there = _parsed(head).get("statement")
    if not isinstance(there, dict):
        return "its journal is damaged"
    differing = [key for key in wanted if there.get(key) != json.loads(json.dumps(wanted[key]))]
    return ", ".join(f"{key} {there.get(key)!r}" for key in differing) or "unknown settings"
