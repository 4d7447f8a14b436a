"""A lane's source in its thread: run, watched, and run again after a failure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic

from ...detector.errors import ParcelSightError
from .arrival import Arrival
from .causes import LossCause
from .lane import Lane
from .ledger import LOST, Ledger
from .source import Receipt, Refusal, Source
from .state import Cause, State, StateBoard

_log = logging.getLogger(__name__)

SILENT_AFTER_S = 1.5
_AGAIN_S = 1.0
"""After a failure; a scanner that comes back is followed at once."""


class Feed:
    """Runs one source into its lane; its source's `SourceHealth`.

    Args:
        lane: where scans go.
        source: the scanner.
        board: where its troubles are shown.
        ledger: where its losses are counted.
        stop: ends it.
    """

    def __init__(self, lane: Lane, source: Source, board: StateBoard, ledger: Ledger, stop: Event) -> None:
        self.lane, self.source = lane, source
        self._board, self._ledger, self._stop = board, ledger, stop
        self._lock = Lock()
        self._delivering = 0
        self._heard = monotonic()
        self._silent = False
        self._failed = False
        self._raised: set[Cause] = set()
        self.lines = 0
        """Lines of the stream that arrived."""
        self.ended = False
        """True once the source has nothing more to give."""
        self._thread = Thread(target=self._run, name=f"source-{lane.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False where the source does not listen to `stop`."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def pressed(self) -> bool:
        """True while the lane asks its belt to stop."""
        return self.lane.pressed

    def alive(self) -> None:
        """The scanner is there."""
        self._heard = monotonic()
        if self._silent or self._failed:
            self._silent = self._failed = False
            self._board.well(self.lane.name, Cause.SOURCE_SILENT)
            self._board.well(self.lane.name, Cause.SOURCE_FAILED)

    def read(self, lines: int) -> None:
        """Count lines."""
        self.lines += lines
        self.alive()

    def trouble(self, cause: Cause, detail: str, *, screening: bool = False) -> None:
        """Show it."""
        self._raised.add(cause)
        self._board.trouble(self.lane.name, cause, State.DEGRADED if screening else State.NOT_SCREENING, detail)

    def well(self, cause: Cause) -> None:
        """It is over."""
        self._raised.discard(cause)
        self._board.well(self.lane.name, cause)

    def lost(self, cause: LossCause, count: int = 1) -> None:
        """Count a loss."""
        self._ledger.count(self.lane.name, LOST, cause, count)

    def watch(self) -> None:
        """Called a few times a second: is the source still heard?"""
        quiet_s = monotonic() - self._heard
        if quiet_s > SILENT_AFTER_S and not (self._delivering or self.ended or self._failed or self._silent):
            self._silent = True
            detail = f"nothing was heard from {self.source.name} for {quiet_s:.1f} s; check the scanner and its cable"
            self._board.trouble(self.lane.name, Cause.SOURCE_SILENT, State.NOT_SCREENING, detail)

    def _deliver(self, arrival: Arrival) -> Receipt | Refusal:
        with self._lock:
            self._delivering += 1
        try:
            return self.lane.deliver(arrival)
        finally:
            with self._lock:
                self._delivering -= 1
            self._heard = monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._heard = monotonic()
            failure = _failure_of(lambda: self.source.run(self._deliver, self._stop, self))
            for cause in tuple(self._raised):
                self.well(cause)
            if self._stop.is_set():
                return
            if failure is None:
                self.ended = True
                self._board.trouble(
                    self.lane.name, Cause.SOURCE_ENDED, State.NOT_SCREENING, f"{self.source.name} ended"
                )
                return
            self._failed = True
            self._board.trouble(self.lane.name, Cause.SOURCE_FAILED, State.NOT_SCREENING, failure)
            self._stop.wait(_AGAIN_S)


def _failure_of(run: Callable[[], None]) -> str | None:
    """Why a source stopped with an error, in words; None where it ended."""
    try:
        run()
    except ParcelSightError as error:
        return str(error)
    except Exception as error:  # a source's own mistake must not end the lane
        _log.exception("internal error in a source")
        return f"internal error: {type(error).__name__}: {error}"
    return None
