"""Where scans to screen come from: pictures, pairs, folders and videos, read lazily and accounted for one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter

from ..datasets.containers import Container, container_of
from ..datasets.files import DEFAULT_LIMITS, ReadLimits, open_regular
from ..datasets.pairs import ScanFiles, energy_of, find_scans, scan_id_of
from ..datasets.readers import read_pair, read_scan
from ..datasets.scan import Scan
from ..detector.errors import ScanError, UsageError
from .video import EVERY_S, VIDEO_SUFFIXES, Frame, read_frames

NO_PICTURES = frozenset(
    (".txt", ".xml", ".json", ".jsonl", ".md", ".rst", ".yaml", ".yml", ".csv", ".tsv", ".log", ".ini", ".cfg", ".toml")
    + (".html", ".htm", ".py", ".ipynb", ".sh", ".db", ".names", ".onnx", ".pt", ".sha256")
)
"""Suffixes of files that lie beside scans and are none: in folders they are counted, not complained about, unless their
content is a picture's."""
_MAGIC_BYTES = 16


class Fate(StrEnum):
    """What became of one input."""

    READ = "read"
    FAILED = "failed"
    IGNORED = "ignored"
    """In a folder: a file that is clearly no picture, by suffix and content; a hidden file, or a hidden folder."""
    REPEATED = "repeated"
    """A video frame that shows the same as the one before it: the belt stands still."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceItem:
    """One input with its fate: a scan where it was read, the reason where it failed.

    Raises:
        ValueError: if scan and error do not fit the fate.
    """

    scan_id: str
    fate: Fate
    scan: Scan | None = None
    error: ScanError | None = None
    read_ms: float = 0.0

    def __post_init__(self) -> None:
        if (self.scan is not None) != (self.fate is Fate.READ) or (self.error is not None) != (
            self.fate is Fate.FAILED
        ):
            raise ValueError(f"an item that was {self.fate} cannot hold {self.scan!r} and {self.error!r}")


def iter_scans(
    paths: Iterable[Path],
    *,
    every_s: float = EVERY_S,
    limits: ReadLimits = DEFAULT_LIMITS,
    air_level: float | None = None,
) -> Iterator[SourceItem]:
    """Read the scans of files, folders (recursively, sorted, hidden names only counted) and videos, one at a time.

    Every input ends in an item; nothing raises but a wrong call. A file reached twice is read once.

    Args:
        paths: what to screen, in this order.
        every_s: seconds between the frames taken from a video.
        limits: what is refused unread.
        air_level: the value of air in 16-bit files, where known.

    Raises:
        UsageError: if every_s is too short, or air_level not positive.
    """
    seen: set[tuple[str, bool]] = set()
    for path in map(Path, paths):
        for found in _inputs_in(path):
            # By its folder's real path: a folder, a link to it and a file in it may all be named.
            parent, name = os.path.split(found.scan_id)
            halves = isinstance(found, ScanFiles) and energy_of(found.files[0]) is not None
            key = os.path.join(os.path.realpath(parent), name), halves
            if key in seen:
                continue
            seen.add(key)
            if isinstance(found, SourceItem):
                yield found
            else:
                yield from _read(found, every_s, limits, air_level)


def _inputs_in(path: Path) -> Iterator[ScanFiles | SourceItem]:
    """Everything under one path the user named: scans still to be read, and what needs no reading."""
    if not os.path.isdir(path):
        yield ScanFiles(scan_id_of(path), (path,))
        return
    empty = True
    unreadable: list[OSError] = []
    for folder, names in _walk(path, unreadable):
        empty = empty and not names
        passed_over = {name for name in names if _is_passed_over(folder / name)}
        yield from (SourceItem(str(folder / name), Fate.IGNORED) for name in names if name in passed_over)
        yield from find_scans(folder / name for name in names if name not in passed_over)
    for error in unreadable:
        why = ScanError(f"{error.filename}: cannot be listed ({error.strerror})", "give this user the right to read it")
        yield SourceItem(str(error.filename), Fate.FAILED, error=why)
    if empty and not unreadable:
        yield SourceItem(str(path), Fate.FAILED, error=ScanError(f"{path} holds no files", "name a folder of scans"))


def _is_passed_over(path: Path) -> bool:
    """True for what is hidden, and for files beside scans that are none."""
    return path.name.startswith(".") or (path.suffix.lower() in NO_PICTURES and not _starts_as_picture(path))


def _starts_as_picture(path: Path) -> bool:
    """True for a picture under another kind's name."""
    try:
        with open_regular(path) as file:
            # A BMP's two letters begin many a text.
            return container_of(file.read(_MAGIC_BYTES), path.name) is not Container.BMP
    except (OSError, ScanError):
        return False


def _walk(root: Path, unreadable: list[OSError]) -> Iterator[tuple[Path, list[str]]]:
    """Folders with their sorted names: files and hidden folders. Links to folders are followed, each folder once."""
    visited: set[str] = set()
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        hidden = [name for name in subfolders if name.startswith(".")]
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(folder), sorted(names + hidden)


def _read(files: ScanFiles, every_s: float, limits: ReadLimits, air_level: float | None) -> Iterator[SourceItem]:
    if files.problem:
        yield SourceItem(files.scan_id, Fate.FAILED, error=files.problem)
        return
    first = files.files[0]
    if first.suffix.lower() in VIDEO_SUFFIXES:
        yield from _read_video(first, every_s, limits)
        return
    started = perf_counter()
    try:
        if len(files.files) == 2:
            scan = read_pair(*files.files, limits=limits, air_level=air_level)
        else:
            scan = read_scan(first, limits=limits, air_level=air_level)
        yield SourceItem(files.scan_id, Fate.READ, scan=scan, read_ms=1e3 * (perf_counter() - started))
    except UsageError:
        raise
    except Exception as error:  # the batch must go on, and what broke a decoder must not pass unseen
        yield SourceItem(files.scan_id, Fate.FAILED, error=_as_scan_error(first, error))


def _as_scan_error(path: Path, error: Exception) -> ScanError:
    """Decoders fail in ways of their own: out of memory, an assertion in a codec."""
    if isinstance(error, ScanError):
        return error
    what = " ".join(f"{type(error).__name__} {error}".split())[:200]
    return ScanError(f"{path}: cannot be decoded ({what})", "export the scan again, as PNG or TIFF")


def _read_video(path: Path, every_s: float, limits: ReadLimits) -> Iterator[SourceItem]:
    frames = read_frames(path, every_s=every_s, limits=limits)
    while True:
        # Not a for loop: only what reading raises is this file's fault.
        try:
            frame = next(frames, None)
        except UsageError:
            raise
        except Exception as error:  # as above
            yield SourceItem(str(path), Fate.FAILED, error=_as_scan_error(path, error))
            return
        if frame is None:
            return
        yield _frame_item(frame)


def _frame_item(frame: Frame) -> SourceItem:
    if frame.scan is None:
        return SourceItem(frame.frame_id, Fate.REPEATED)
    return SourceItem(frame.frame_id, Fate.READ, scan=frame.scan, read_ms=frame.read_ms)
