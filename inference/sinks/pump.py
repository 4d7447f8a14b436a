"""What moves verdicts from the ledger to one sink: a thread with a durable cursor, which nobody ever waits for.

The cursor moves only after the sink's ``flush``; what a kill or a failure interrupts is delivered again, so a receiver
sees every verdict at least once and knows repeats by their ``number``.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Any

from ...detector.errors import LedgerError, ParcelSightError
from ..lanes.events import Hub, Missed, StateChanged
from ..lanes.ledger import Ledger
from ..lanes.state import LaneStatus
from .sink import Sink

BATCH = 50
_IDLE_S = 1.0
"""Verdicts are looked for at least this often, should an event have been missed."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How one sink is doing."""

    name: str
    up: bool
    """False from a failure to the next success."""
    behind: int
    """Verdicts that wait for it."""
    delivered: int
    """Since the start, repeats included."""
    failures: int
    problem: str = ""
    since: datetime | None = None
    """Of the problem, UTC."""


class SinkPump:
    """Runs one sink.

    Args:
        name: the cursor's name.
        sink: where verdicts go.
        ledger: where they come from.
        hub: tells that there are new ones.
        statuses: the lanes' states.
    """

    def __init__(
        self, name: str, sink: Sink, ledger: Ledger, hub: Hub, statuses: Callable[[], Sequence[LaneStatus]] = tuple
    ) -> None:
        self.name = name
        self._sink, self._ledger, self._hub, self._statuses = sink, ledger, hub, statuses
        self._stop, self._news = Event(), Event()
        self._lock = Lock()
        self._status = SinkStatus(name, True, 0, 0, 0)
        self._cursor: int | None = None
        self._to_tell = True
        self._thread = Thread(target=self._run, name=f"sink {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End after what is in hand; True if it ended in time. What was not delivered waits in the ledger."""
        self._stop.set()
        self._news.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def status(self) -> SinkStatus:
        """How it is doing now."""
        with self._lock:
            return self._status

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        with self._hub.subscribe(wake=self._news.set) as events:
            while not self._stop.is_set():
                self._news.clear()
                while (event := events.get(0)) is not None:
                    self._to_tell |= isinstance(event, StateChanged | Missed)
                try:
                    more = self._turn()
                    wait_s = _FIRST_WAIT_S
                except Exception as error:  # whatever a receiver does, its verdicts wait and are tried again
                    self._cursor = None  # the sink is asked again from where it wants to go on
                    self._failed(error)
                    self._stop.wait(wait_s * random.uniform(0.8, 1.2))
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                    continue
                if not more:
                    self._news.wait(_IDLE_S)
        self._close()

    def _turn(self) -> bool:
        """One batch and what is to be told; True where more waits."""
        if self._cursor is None:
            self._cursor = self._sink.resume(self._ledger.cursor(self.name))
        if self._to_tell:
            self._sink.tell(self._statuses())
            self._to_tell = False
        records = self._ledger.verdicts_since(self._cursor, BATCH)
        self._deliver(records)
        behind = self._ledger.counts().last_number - self._cursor
        with self._lock:
            before = self._status
            self._status = SinkStatus(self.name, True, behind, before.delivered, before.failures)
        return len(records) == BATCH

    def _deliver(self, records: list[dict[str, Any]]) -> None:
        """Hand over a batch; the cursor follows as far as it is safe, also where a later verdict fails."""
        taken = 0
        try:
            for record in records:
                if self._stop.is_set():
                    break
                self._sink.deliver(record)
                taken += 1
        finally:
            if taken:
                self._sink.flush()
                self._cursor = int(records[taken - 1]["number"])
                self._ledger.move_cursor(self.name, self._cursor)
                with self._lock:
                    before = self._status
                    self._status = SinkStatus(
                        self.name, before.up, before.behind, before.delivered + taken, before.failures,
                        before.problem, before.since,
                    )  # fmt: skip

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ParcelSightError):
            _log.exception("sink %s", self.name)
        problem = str(error) or type(error).__name__
        with self._lock:
            before = self._status
            behind = before.behind
            with suppress(LedgerError):  # the lanes say so themselves; the count of before stands
                behind = self._ledger.counts().last_number - self._ledger.cursor(self.name)
            since = before.since or datetime.now(UTC)
            self._status = SinkStatus(
                self.name, False, behind, before.delivered, before.failures + 1, problem[:500], since
            )
        if before.up:
            _log.warning("sink %s: %s", self.name, problem)

    def _close(self) -> None:
        try:
            self._sink.close()
        except Exception:  # it ends anyway
            _log.exception("sink %s", self.name)
