"""What happens, told to whoever listens in this process: verdicts, early alarms, lane states.

The ledger is the truth and the hub only the news: every listener has a bounded queue, nobody is ever waited for, and
one that falls behind is told so and catches up from ``Ledger.verdicts_since``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Any, Literal

from .state import LaneStatus

QUEUE_EVENTS = 256


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """A verdict that stands in the ledger."""

    number: int
    """Gap-free and increasing over all lanes; the cursor of sinks and of Last-Event-ID."""
    sequence: int
    lane: str
    record: Mapping[str, Any]
    """What ``Ledger.verdicts_since`` gives for it."""


@dataclass(frozen=True, slots=True)
class EarlyResult:
    """What is known of a parcel that is still under the beam. Not a verdict; one follows, with the same scan id."""

    lane: str
    scan_id: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A lane's state or its cause changed."""

    status: LaneStatus


@dataclass(frozen=True, slots=True)
class Pressed:
    """A lane asks its belt to stop, or lets it run again."""

    lane: str
    on: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """The listener was too slow: ``count`` events were dropped. Verdicts are read again from the ledger."""

    count: int


Event = VerdictGiven | EarlyResult | StateChanged | Pressed | Missed


class Subscription:
    """One listener's queue; a context manager that ends it."""

    def __init__(self, hub: Hub, size: int, wake: Callable[[], None] | None) -> None:
        self._hub = hub
        self._size = size
        self._wake = wake
        self._missed = 0
        self._events: deque[Event] = deque()
        self._changed = Condition(Lock())

    def get(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None when there was none in time. A ``Missed`` stands where events were dropped."""
        with self._changed:
            if not self._missed and not self._events:
                self._changed.wait(timeout_s)
            if self._missed:
                missed, self._missed = self._missed, 0
                return Missed(missed)
            return self._events.popleft() if self._events else None

    def put(self, event: Event) -> None:
        """Called by the hub. When full, all that waits is dropped at once: what comes next is news again."""
        with self._changed:
            if len(self._events) >= self._size:
                self._missed += len(self._events)
                self._events.clear()
            self._events.append(event)
            self._changed.notify()
        if self._wake is not None:
            self._wake()

    def close(self) -> None:
        """No more events."""
        self._hub.forget(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.close()
        return False


class Hub:
    """Publishes to every subscription; never blocks, whatever listeners do."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: tuple[Subscription, ...] = ()

    def subscribe(self, size: int = QUEUE_EVENTS, wake: Callable[[], None] | None = None) -> Subscription:
        """Listen from now on.

        Args:
            size: events that may wait.
            wake: called, by any thread, after an event was put; an event loop passes ``call_soon_threadsafe``.
        """
        subscription = Subscription(self, size, wake)
        with self._lock:
            self._listeners = (*self._listeners, subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Stop telling this one."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other is not subscription)

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener.put(event)
