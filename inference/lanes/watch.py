"""Faults of the machine that no scan would show in time: a disk that fills up or hangs, a clock that jumps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic, time

from ...detector.errors import LedgerError
from .causes import LossCause
from .config import RetentionConfig
from .ledger import Ledger, cause_of
from .state import Cause, State, StateBoard

_log = logging.getLogger(__name__)

PROBE_EVERY_S = 1.0
HANGS_AFTER_S = 1.5
PRUNE_EVERY_S = 60.0
CLOCK_JUMP_S = 1.0
_CLOCK_SHOWN_S = 5.0
_CAUSES = {LossCause.DISK_FULL: Cause.DISK_FULL, LossCause.READ_ONLY: Cause.READ_ONLY, LossCause.STORAGE: Cause.STORAGE}


class StorageWatch:
    """Tries the disk once a second, prunes what is old, and shows on every lane when the disk refuses.

    The tries have their own thread: a disk that hangs holds them, and `look` tells.
    """

    def __init__(self, ledger: Ledger, retention: RetentionConfig, board: StateBoard) -> None:
        self._ledger, self._board = ledger, board
        self._keep = timedelta(days=retention.days)
        self._keep_bytes = int(retention.gigabytes * 1e9)
        self._lock = Lock()
        self._shown: Cause | None = None
        self._answered = self._pruned = monotonic()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="storage", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a disk that hangs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(HANGS_AFTER_S)

    def on_storage(self, error: LedgerError | None) -> None:
        """A write was refused, or accepted again."""
        cause = _CAUSES[cause_of(error)] if error is not None else None
        self._show(cause, str(error))

    def look(self) -> None:
        """Called a few times a second."""
        if monotonic() - self._answered > HANGS_AFTER_S + PROBE_EVERY_S and not self._stop.is_set():
            self._show(Cause.STORAGE, f"{self._ledger.folder}: the disk does not answer; check it")

    def _run(self) -> None:
        while not self._stop.wait(PROBE_EVERY_S):
            try:
                self._try()
            except LedgerError as error:
                self.on_storage(error)
            self._answered = monotonic()

    def _try(self) -> None:
        try:
            self._ledger.flush()
        except LedgerError as error:
            if cause_of(error) is LossCause.DISK_FULL:
                self._prune()
            raise
        self._show(None, "")
        if monotonic() - self._pruned > PRUNE_EVERY_S:
            self._prune()

    def _prune(self) -> None:
        self._pruned = monotonic()
        if count := self._ledger.prune(self._keep, self._keep_bytes):
            _log.info("%d spooled scans were deleted by the rules of retention", count)

    def _show(self, cause: Cause | None, detail: str) -> None:
        with self._lock:
            if self._shown not in (None, cause):
                self._board.well(None, self._shown)
            if cause is not None:
                self._board.trouble(None, cause, State.NOT_SCREENING, detail)
            self._shown = cause


class ClockWatch:
    """Sees the wall clock jump against the monotonic one. Screening goes on: nothing is timed by the wall clock."""

    def __init__(
        self, board: StateBoard, clock: Callable[[], float] = monotonic, wall: Callable[[], float] = time
    ) -> None:
        self._board, self._clock, self._wall = board, clock, wall
        self._offset_s = wall() - clock()
        self._shown_until: float | None = None

    def look(self) -> None:
        """Called a few times a second."""
        now = self._clock()
        offset_s = self._wall() - now
        jump_s = offset_s - self._offset_s
        self._offset_s = offset_s
        if abs(jump_s) > CLOCK_JUMP_S:
            _log.warning("the wall clock jumped by %+.1f s", jump_s)
            detail = f"the clock of this machine jumped by {jump_s:+.1f} s; times in records before and after differ"
            self._board.trouble(None, Cause.CLOCK, State.DEGRADED, detail)
            self._shown_until = now + _CLOCK_SHOWN_S
        elif self._shown_until is not None and now > self._shown_until:
            self._shown_until = None
            self._board.well(None, Cause.CLOCK)
