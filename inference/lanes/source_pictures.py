"""Recorded pictures as a lane: the files of a folder, one by one at a pace. For demonstrations, tests and replay."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Literal

from pydantic import Field

from ...datasets.files import ReadLimits, read_bytes
from ...datasets.pairs import ScanFiles, find_scans
from ...detector.errors import ScanError, SourceError
from ..sources import NO_PICTURES
from .arrival import MAX_PAYLOAD_BYTES, Arrival
from .causes import LossCause
from .source import ALIVE_EVERY_S, Deliver, SourceConfig, SourceHealth, Surroundings

_log = logging.getLogger(__name__)
_LIMITS = ReadLimits(max_bytes=MAX_PAYLOAD_BYTES)


class PicturesConfig(SourceConfig):
    """``source: {kind: pictures, folder: …}``."""

    kind: Literal["pictures"]
    folder: Path
    every_s: float = Field(default=1.0, ge=0, le=3600, allow_inf_nan=False)
    """Between two scans; 0 as fast as the lane takes them."""
    repeat: bool = False
    """Begin again at the end, for ever."""

    def open(self, lane: str, around: Surroundings) -> PicturesSource:
        """Find the pictures."""
        return PicturesSource(lane, self)


class PicturesSource:
    """Delivers every picture (or pair of halves) of a folder in the order of names.

    Raises:
        SourceError: if the folder is missing or holds no files.
    """

    def __init__(self, lane: str, config: PicturesConfig) -> None:
        self.name = f"pictures of {config.folder}"
        self._lane, self._config = lane, config
        try:
            paths = [path for path in sorted(config.folder.iterdir()) if _may_be_scan(path)]
        except OSError as error:
            raise SourceError(
                f"{config.folder}: cannot be listed ({error.strerror})", "name a folder of scans"
            ) from error
        self._scans = find_scans(paths)
        if not self._scans:
            raise SourceError(f"{config.folder} holds no scans", "name a folder of scans")

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Deliver until the end, or for ever."""
        due = monotonic()
        for turn in count():
            for found in self._scans:
                while not stop.is_set() and (wait_s := due - monotonic()) > 0:
                    health.alive()
                    stop.wait(min(wait_s, ALIVE_EVERY_S))
                if stop.is_set():
                    return
                health.alive()
                due = max(due + self._config.every_s, monotonic() - self._config.every_s)
                self._deliver(found, turn, deliver, health)
            if not self._config.repeat:
                return

    def _deliver(self, found: ScanFiles, turn: int, deliver: Deliver, health: SourceHealth) -> None:
        """One scan; a file that cannot be read is counted, for there is nothing to deliver."""
        try:
            if found.problem:
                raise found.problem
            payload, high = ([read_bytes(path, _LIMITS) for path in found.files] + [b""])[:2]
            name = Path(found.scan_id).name
            scan_id = f"{name}#{turn + 1}" if self._config.repeat else name
            media = found.files[0].suffix.lower()
            arrival = Arrival(self._lane, scan_id, datetime.now(UTC), payload, high, media)
        except ScanError as error:
            _log.warning("%s: %s", self._lane, error)
            health.lost(LossCause.UNREADABLE)
            return
        deliver(arrival)


def _may_be_scan(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in NO_PICTURES
