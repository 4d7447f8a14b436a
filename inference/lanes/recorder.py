"""The end of the line: outcomes become verdicts in the ledger, then news, then room for the next scan.

One thread writes. When the disk refuses it keeps the outcome and tries again: a verdict is never dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any

from ...detector.errors import LedgerError
from .causes import LossCause
from .events import Hub, VerdictGiven
from .ledger import Ledger

_log = logging.getLogger(__name__)
_TRY_AGAIN_S = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one accepted scan, on its way into the ledger."""

    sequence: int
    lane: str
    record: Mapping[str, Any]
    cause: LossCause | None
    accepted: float
    """Monotonic time."""
    done: Callable[[], None]
    """Called once the verdict is on disk."""


class Recorder:
    """Writes outcomes in the order they come.

    Args:
        ledger: where.
        hub: who is told.
        on_storage: told of every refusal by the disk (the error), and of the first success after it (None).
    """

    def __init__(self, ledger: Ledger, hub: Hub, on_storage: Callable[[LedgerError | None], None]) -> None:
        self._ledger, self._hub, self._on_storage = ledger, hub, on_storage
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, outcome: Outcome) -> None:
        """Take an outcome; returns at once. The queue is as bounded as the lanes are."""
        self._outcomes.put(outcome)

    def stop(self) -> None:
        """Write what has come in, as far as the disk takes it, and end; the rest stays unfinished in the ledger."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not (self._stop.is_set() and self._outcomes.empty()):
            try:
                outcome = self._outcomes.get(timeout=0.1)
            except Empty:
                continue
            number = self._write(outcome)
            if number is not None:
                given = self._ledger.verdicts_since(number - 1, 1)[0]
                self._hub.publish(VerdictGiven(number, outcome.sequence, outcome.lane, given))
            outcome.done()

    def _write(self, outcome: Outcome) -> int | None:
        """The verdict's number; None where there was one already, or the program stops with a disk that refuses."""
        since_ms = round(1e3 * (monotonic() - outcome.accepted), 3)
        timing = {**outcome.record["timing_ms"], "since_accepted": since_ms}
        refused = False
        while True:
            try:
                number = self._ledger.record(outcome.sequence, {**outcome.record, "timing_ms": timing}, outcome.cause)
            except LedgerError as error:
                refused = True
                self._on_storage(error)
                if self._stop.wait(_TRY_AGAIN_S):
                    _log.error("scan %d stays unfinished: %s", outcome.sequence, error)
                    return None
            else:
                if refused:
                    self._on_storage(None)
                return number
