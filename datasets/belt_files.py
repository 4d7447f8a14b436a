"""A recorded belt: a folder with ``belt.json`` and one ``lines_VIEW.npy`` a view, written whole or not at all.

``lines_VIEW.npy`` is an ordinary uint16 array (lines, detectors, 2), which any reader of NumPy files can replay:
``numpy.load(path, mmap_mode="r", allow_pickle=False)``.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from pydantic import ValidationError

from ..detector.errors import RunError, ScanError, UsageError
from .belt import BeltLabel, BeltParcel, LineBlock, Lines
from .belt_document import BeltDocument
from .belt_motion import Motion
from .files import ReadLimits, read_bytes

NAME = "belt.json"
_JSON_LIMITS = ReadLimits(max_bytes=64 << 20)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedBelt:
    """A belt on disk; lines are read when they are looked at."""

    folder: Path
    document: BeltDocument
    motion: Motion
    parcels: tuple[BeltParcel, ...]
    views: Mapping[str, Lines]
    """Each (lines, detectors, 2), mapped into memory, read-only."""
    labels: tuple[BeltLabel, ...] = ()

    def __len__(self) -> int:
        return self.document.lines

    def blocks(self, lines: int = 64) -> Iterator[LineBlock]:
        """The stream from its first line, in blocks of so many lines; only the last may be shorter."""
        for first in range(0, len(self), lines):
            yield LineBlock(first, {name: levels[first : first + lines] for name, levels in self.views.items()})

    def cut(self, view: str, first_row: int, end_row: int) -> Lines:
        """(rows, detectors, 2) levels of a stretch of belt, each row as it was first read by the running belt.

        Raises:
            ScanError: if a row was never read.
        """
        lines = self.motion.lines_of_rows(first_row, end_row)
        if first_row >= end_row or (lines < 0).any() or (lines >= len(self)).any():
            raise ScanError(f"{self.folder}: rows {first_row} to {end_row} were not all read", "choose fewer rows")
        return np.asarray(self.views[view][lines])


def lines_file(view: str) -> str:
    """Name of the file that holds a view's lines."""
    return f"lines_{view}.npy"


class BeltWriter:
    """Writes a belt block by block into a folder that appears when it is complete.

    A context manager; leaving it without ``finish`` removes what was begun.

    Raises:
        UsageError: if the folder exists.
        RunError: if the disk refuses.
    """

    def __init__(self, folder: Path, detectors: Mapping[str, int]) -> None:
        """``detectors``: number of them by view."""
        if folder.exists():
            raise UsageError(f"{folder}: exists", "choose another folder, or delete this one")
        self._folder = folder
        self._part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        self._stack = ExitStack()
        self._detectors = dict(detectors)
        self._files: dict[str, BinaryIO] = {}
        self._starts: dict[str, int] = {}
        self.lines = 0

    def __enter__(self) -> BeltWriter:
        try:
            self._part.mkdir(parents=True)
            self._stack.callback(shutil.rmtree, self._part, ignore_errors=True)
            for view in self._detectors:
                self._files[view] = self._stack.enter_context((self._part / lines_file(view)).open("wb"))
                self._head(view)
                self._starts[view] = self._files[view].tell()
        except OSError as error:
            self._stack.close()
            raise self._refused(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, block: LineBlock) -> None:
        """Append lines.

        Raises:
            ValueError: if they do not follow the lines before them.
        """
        if block.first_sequence != self.lines:
            raise ValueError(f"line {block.first_sequence} cannot follow {self.lines} lines")
        try:
            for view, levels in block.views.items():
                np.ascontiguousarray(levels, "<u2").tofile(self._files[view])
        except OSError as error:
            raise self._refused(error) from error
        self.lines += len(block)

    def finish(self, document: BeltDocument) -> None:
        """Write the document and give the folder its name."""
        try:
            for view, file in self._files.items():
                file.seek(0)
                # NumPy pads headers so that the first axis can grow without moving the data.
                self._head(view)
                if file.tell() != self._starts[view]:
                    raise RunError(f"{self._part}: the header outgrew its place", "record a shorter belt")
                file.close()
            (self._part / NAME).write_text(document.model_dump_json(indent=1), encoding="utf-8")
            self._part.rename(self._folder)
        except OSError as error:
            raise self._refused(error) from error

    def _head(self, view: str) -> None:
        shape = (self.lines, self._detectors[view], 2)
        npy.write_array_header_1_0(self._files[view], {"descr": "<u2", "fortran_order": False, "shape": shape})

    def _refused(self, error: OSError) -> RunError:
        reason = error.strerror or str(error)
        return RunError(f"{self._folder}: cannot be written ({reason})", "check free space and rights of the folder")


def open_belt(folder: Path) -> RecordedBelt:
    """Open a recorded belt from anywhere; nothing in it is trusted.

    Raises:
        ScanError: naming the file, where it is missing, damaged, too large or at odds with the others.
    """
    path = folder / NAME
    if not folder.is_dir():
        raise ScanError(f"{folder}: no such folder", "give a folder recorded with: parcelsight belt")
    try:
        document = BeltDocument.model_validate_json(read_bytes(path, _JSON_LIMITS))
        motion, parcels, labels = document.to_motion(), document.to_parcels(), document.to_labels()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ScanError(f"{path}: {where}: {first['msg']}", "record the belt again") from error
    except (ValueError, OverflowError) as error:
        raise ScanError(f"{path}: {error}", "record the belt again") from error
    views = {name: _mapped(folder / lines_file(name), document) for name in document.views}
    return RecordedBelt(folder, document, motion, parcels, views, labels)


def _mapped(path: Path, document: BeltDocument) -> Lines:
    """The lines of one view, of exactly the shape and size that the document tells."""
    expected = (document.lines, document.detectors, 2)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ScanError(f"{path}: no regular file", "record the belt again")
        levels = npy.open_memmap(path, mode="r")
        size = path.stat().st_size
    except OSError as error:
        raise ScanError(f"{path}: cannot be read ({error.strerror or error})", "record the belt again") from error
    except (ValueError, OverflowError, TypeError) as error:
        raise ScanError(f"{path}: no array of lines, or cut short ({error})", "record the belt again") from error
    if levels.dtype != np.dtype("<u2") or levels.shape != expected or not levels.flags.c_contiguous:
        raise ScanError(
            f"{path}: holds {levels.shape} {levels.dtype}, where {NAME} tells {expected} uint16", "record it again"
        )
    if size != levels.offset + levels.nbytes:
        raise ScanError(f"{path}: {size - levels.offset - levels.nbytes} bytes too long", "record the belt again")
    return levels
