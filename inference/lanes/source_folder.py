"""A watched folder as a lane: scanners, gateways and shares write pictures into it, each is delivered once it is whole.

The folder is listed again and again, which works on network shares too, where the system tells nothing of changes made
elsewhere. A file is whole when its size and time have not changed for a while and its end is there; a file that appears
under another's name by renaming is just a new file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Literal

from pydantic import Field, model_validator

from ...datasets.files import ReadLimits
from ...datasets.pairs import ScanFiles, energy_of, find_scans
from ...detector.errors import ScanError, SourceError
from .arrival import MAX_ID_CHARS, MAX_PAYLOAD_BYTES, Arrival
from .causes import LossCause
from .folder_files import Changed, Listing, Stamp, is_whole, list_folder, read_seen
from .folder_memory import FolderMemory
from .source import ALIVE_EVERY_S, Deliver, Receipt, Refusal, SourceConfig, SourceHealth, Surroundings

_log = logging.getLogger(__name__)
_LIMITS = ReadLimits(max_bytes=MAX_PAYLOAD_BYTES)


class After(StrEnum):
    """What happens to a file once its scan is in the ledger."""

    LEAVE = "leave"
    """It stays. After a restart it is read once more; the ledger knows it."""
    REMEMBER = "remember"
    """It stays, and is remembered over restarts in the file ``memory``."""
    MOVE = "move"
    """It is moved into the folder ``moved_to``, in the same subfolder; what can never be taken goes there too."""


class FolderConfig(SourceConfig):
    """``source: {kind: folder, path: …}``."""

    kind: Literal["folder"]
    path: Path
    subfolders: bool = True
    poll_s: float = Field(default=0.5, ge=0.05, le=60)
    """Between two looks. Long ones spare a network share."""
    settle_s: float = Field(default=1.0, ge=0, le=600)
    """A file that has not changed for so long is written; 0 where files are only ever renamed into the folder."""
    patience_s: float = Field(default=30, ge=0, le=3600)
    """A picture whose end is missing, or half of a pair, is waited for so long; then it is taken as it is."""
    after: After = After.LEAVE
    memory: Path | None = None
    moved_to: Path | None = None

    @model_validator(mode="after")
    def _after_has_its_place(self) -> FolderConfig:
        for choice, key, value in ((After.REMEMBER, "memory", self.memory), (After.MOVE, "moved_to", self.moved_to)):
            if (self.after is choice) != (value is not None):
                raise ValueError(f"after: {choice} and {key} belong together")
        if self.moved_to is not None and self.moved_to.absolute().is_relative_to(self.path.absolute()):
            raise ValueError("moved_to lies in the watched folder")
        return self

    def open(self, lane: str, around: Surroundings) -> FolderSource:
        """Check the folder."""
        return FolderSource(lane, self)


@dataclass(slots=True)
class _Met:
    """A file that is not done yet."""

    stamp: Stamp
    since: float
    """Monotonic: it has not changed since."""
    again: float = 0.0
    """Monotonic: not to be tried before."""


class FolderSource:
    """Follows one folder.

    Raises:
        SourceError: if it is no folder, or the memory cannot be read.
    """

    def __init__(self, lane: str, config: FolderConfig) -> None:
        self.name = f"folder {config.path}"
        self._lane, self._config = lane, config
        if not config.path.is_dir():
            raise SourceError(f"{config.path} is no folder", "make it, or mount the share")
        self._memory = FolderMemory(config.memory)
        self._met: dict[str, _Met] = {}
        self._listed: dict[str, Stamp] = {}
        self.ignored: set[str] = set()
        """Names of what is there and no scan, now."""

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Follow until ``stop``."""
        while not stop.is_set():
            self.look(deliver, stop, health)
            self._rest(stop, health)

    def look(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """List the folder once, and deliver what is whole, the oldest first.

        Raises:
            SourceError: if the folder cannot be listed.
        """
        try:
            listing = list_folder(self._config.path, self._config.subfolders, health.alive)
        except OSError as error:
            raise SourceError(
                f"{self._config.path}: cannot be listed ({error.strerror})", "check the share and its rights"
            ) from error
        self._note(listing)
        for found in self._waiting(listing):
            if stop.is_set():
                return
            health.alive()
            self._take(found, deliver, health)

    def _note(self, listing: Listing) -> None:
        """Follow what changed since the last look."""
        new_junk = listing.junk - self.ignored
        if new_junk:
            _log.info("%s: %d files ignored, such as %r", self.name, len(new_junk), min(new_junk))
        self.ignored = set(listing.junk)
        now = monotonic()
        self._listed = listing.files
        before, self._met = self._met, {}
        for name, stamp in listing.files.items():
            if self._memory.knows(name, stamp):
                continue
            met = before.get(name)
            self._met[name] = met if met is not None and met.stamp == stamp else _Met(stamp, now)
        self._memory.keep_only(set(listing.files))

    def _waiting(self, listing: Listing) -> list[ScanFiles]:
        """Scans all of whose files have settled, the oldest first."""
        now = monotonic()
        root = self._config.path
        # Halves that are done count as there, or the second of a pair would be called alone.
        scans = find_scans(root / name for name in sorted(listing.files) if name in self._met or energy_of(Path(name)))
        ready = []
        for found in scans:
            met = [self._met.get(_below(path, root)) for path in found.files]
            known = [one for one in met if one is not None]
            if known and all(now - one.since >= self._config.settle_s and now >= one.again for one in known):
                ready.append((min(one.stamp.mtime_ns for one in known), found))
        return [found for _, found in sorted(ready, key=lambda pair: (pair[0], pair[1].scan_id))]

    def _take(self, found: ScanFiles, deliver: Deliver, health: SourceHealth) -> None:
        """Deliver one scan, or leave it for a later look, or give it up."""
        names = [_below(path, self._config.path) for path in found.files]
        newest = max(self._met[name].since for name in names if name in self._met)
        waited = monotonic() - newest >= self._config.patience_s
        if found.problem is not None:
            if waited:  # the other half has not come, or there are two: nobody can tell what to screen
                self._give_up(names, LossCause.UNREADABLE, str(found.problem), health)
            return
        if sum(self._listed[name].bytes for name in names) > MAX_PAYLOAD_BYTES:
            self._give_up(names, LossCause.TOO_LARGE, f"{found.scan_id} is too large", health)
            return
        try:
            parts = [read_seen(path, self._listed[name]) for path, name in zip(found.files, names, strict=True)]
        except (Changed, FileNotFoundError):
            return  # the next look sees what is there then
        except OSError as error:
            if waited:
                why = f"{found.scan_id}: cannot be read ({error.strerror}); give this user the right to"
                self._give_up(names, LossCause.UNREADABLE, why, health)
            return
        whole = all(data and is_whole(data, name, _LIMITS) for data, name in zip(parts, names, strict=True))
        if whole or (waited and all(parts)):
            self._hand_over(found, names, parts, deliver, health)
        elif waited:
            self._give_up(names, LossCause.UNREADABLE, f"{found.scan_id} is empty", health)

    def _hand_over(
        self, found: ScanFiles, names: list[str], parts: list[bytes], deliver: Deliver, health: SourceHealth
    ) -> None:
        try:
            arrival = Arrival(
                lane=self._lane,
                scan_id=scan_id_of_name(_below(Path(found.scan_id), self._config.path)),
                captured_at=_time_of(self._listed[names[0]]),
                payload=parts[0],
                high=parts[1] if len(parts) == 2 else b"",
                media=found.files[0].suffix.lower()[:10] if found.files[0].suffix.isprintable() else "",
            )
        except ScanError as error:
            self._give_up(names, LossCause.MALFORMED, str(error), health)
            return
        answer = deliver(arrival)
        if isinstance(answer, Receipt):
            self._done(names)
        elif answer.retry_after_s is not None:
            for name in self._met.keys() & names:
                self._met[name].again = monotonic() + answer.retry_after_s
        else:
            self._refused(names, answer)

    def _refused(self, names: list[str], refusal: Refusal) -> None:
        """The lane has counted it and does not want it again."""
        _log.warning("%s: %r is refused: %s", self.name, names[0], refusal.reason)
        self._done(names)

    def _give_up(self, names: list[str], cause: LossCause, why: str, health: SourceHealth) -> None:
        """Count what can be no scan; it is not met again unless it changes."""
        _log.warning("%s: %s", self.name, why)
        health.lost(cause)
        self._done(names)

    def _done(self, names: list[str]) -> None:
        for name in names:
            met = self._met.pop(name, None)
            if met is None and self._config.moved_to is None:
                continue
            stamp = self._listed[name]
            if self._config.moved_to is not None and self._moved(name, stamp, self._config.moved_to):
                continue
            try:
                self._memory.add(name, stamp)
            except OSError as error:
                raise SourceError(
                    f"{self._config.memory}: cannot be written ({error.strerror})", "check free space and rights"
                ) from error

    def _moved(self, name: str, stamp: Stamp, target: Path) -> bool:
        """Move one file; False where that fails: then it is remembered, so that it is not delivered for ever."""
        source, place = self._config.path / name, target / name
        try:
            if Stamp.of(source.lstat()) != stamp:
                return True  # the name belongs to another file already, which the next look meets
            place.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(place):
                place = place.with_name(f"{place.stem}.{stamp.mtime_ns:x}-{stamp.inode:x}{place.suffix}")
            shutil.move(source, place)
        except OSError as error:
            _log.warning("%s: %r cannot be moved to %s (%s)", self.name, name, target, error)
            return False
        return True

    def _rest(self, stop: Event, health: SourceHealth) -> None:
        """Wait for the next look, alive."""
        until = monotonic() + self._config.poll_s
        while not stop.is_set() and (left_s := until - monotonic()) > 0:
            health.alive()
            stop.wait(min(left_s, ALIVE_EVERY_S))
        health.alive()


def _time_of(stamp: Stamp) -> datetime:
    """When the file was written, as far as its time can be believed."""
    try:
        return datetime.fromtimestamp(stamp.mtime_ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


def _below(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)


def scan_id_of_name(name: str) -> str:
    """A scan's id by its path in the folder: as it is where it is short and printable, else shortened with a digest."""
    if name.isprintable() and len(name) <= MAX_ID_CHARS:
        return name
    digest = hashlib.blake2s(name.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    plain = "".join(c if c.isprintable() else "_" for c in name)
    return f"{plain[-(MAX_ID_CHARS - 20) :]}.{digest}"
