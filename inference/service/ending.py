"""Streams end with the service: who listens is told so by a whole answer, and comes back by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Ending:
    """Set once, when the service is about to stop. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wakes: list[Callable[[], None]] = []
        self.is_set = False

    def set(self) -> None:
        """The service is about to stop: wake every stream that waits."""
        with self._lock:
            self.is_set = True
            wakes = tuple(self._wakes)
        for wake in wakes:
            wake()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake`` at the end, while the block runs; ask ``is_set`` before waiting."""
        with self._lock:
            self._wakes.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakes.remove(wake)
