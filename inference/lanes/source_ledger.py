"""The scans of a ledger once more, in their order and at their pace: what a lane really saw, against a new model."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Literal

from pydantic import Field

from ...datasets.files import ReadLimits, read_bytes
from ...detector.errors import ScanError, SourceError
from .arrival import MAX_PAYLOAD_BYTES, Arrival
from .causes import LossCause
from .source import ALIVE_EVERY_S, Deliver, SourceConfig, SourceHealth, Surroundings
from .spool import spooled_files

_log = logging.getLogger(__name__)
_LIMITS = ReadLimits(max_bytes=MAX_PAYLOAD_BYTES)
_LONGEST_GAP_S = 60.0
"""Of the recording; nights are not waited for."""


class LedgerConfig(SourceConfig):
    """``source: {kind: ledger, folder: …}``: a ledger whose spooled scans were not pruned; it may be in use."""

    kind: Literal["ledger"]
    folder: Path
    recorded_lane: str | None = None
    """Only the scans of this lane; without, of all."""
    speed: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)

    def open(self, lane: str, around: Surroundings) -> LedgerSource:
        """Look into the ledger."""
        return LedgerSource(lane, self)


class LedgerSource:
    """Delivers what another ledger has accepted.

    Raises:
        SourceError: if there is no ledger, or no scan is left in its spool.
    """

    def __init__(self, lane: str, config: LedgerConfig) -> None:
        self.name = f"ledger {config.folder}"
        self._lane, self._config = lane, config
        if next(self._rows(), None) is None:
            raise SourceError(
                f"{config.folder}: no scan is left in this ledger's spool",
                "give one that was not pruned, or another lane",
            )

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Deliver all, spaced as they were accepted."""
        due, before = monotonic(), None
        for row in self._rows():
            accepted = datetime.fromisoformat(row["accepted_at"])
            gap_s = (accepted - before).total_seconds() if before is not None else 0.0
            before = accepted
            due += max(0.0, min(gap_s, _LONGEST_GAP_S)) / self._config.speed
            while not stop.is_set() and (wait_s := due - monotonic()) > 0:
                health.alive()
                stop.wait(min(wait_s, ALIVE_EVERY_S))
            if stop.is_set():
                return
            health.alive()
            self._deliver(row, deliver, health)

    def _deliver(self, row: sqlite3.Row, deliver: Deliver, health: SourceHealth) -> None:
        files = spooled_files(self._config.folder / "spool", row["stem"], row["pair"])
        try:
            payload, high = ([read_bytes(path, _LIMITS) for path in files] + [b""])[:2]
            arrival = Arrival(
                self._lane, row["scan_id"], datetime.now(UTC), payload, high, row["media"],
                clock_ms=row["clock_ms"], barcode=row["barcode"], meta=json.loads(row["meta"]),
            )  # fmt: skip
        except ScanError as error:  # pruned meanwhile
            _log.warning("%s: %s", self._lane, error)
            health.lost(LossCause.UNREADABLE)
            return
        deliver(arrival)

    def _rows(self) -> Iterator[sqlite3.Row]:
        path = self._config.folder / "ledger.db"
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
                database.row_factory = sqlite3.Row
                yield from database.execute(
                    "SELECT * FROM arrivals WHERE stem <> '' AND (? IS NULL OR lane = ?) ORDER BY sequence",
                    (self._config.recorded_lane, self._config.recorded_lane),
                )
        except sqlite3.Error as error:
            raise SourceError(f"{path}: no ledger can be read here ({error})", "name a lane's ledger folder") from error
