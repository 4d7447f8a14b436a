"""The breaker: workers that die again and again are not restarted as fast as they die."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

CRASHES = 5
"""In a row, without one answer between: two scans that kill two workers each stay below."""
COOLDOWN_S = 2.0


class Breaker:
    """Closed: start at will. Open: nobody starts for a while. Half open: one tries, the others wait for its answer."""

    def __init__(
        self, crashes: int = CRASHES, cooldown_s: float = COOLDOWN_S, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._cooldown_s, self._clock = crashes, cooldown_s, clock
        self._lock = Lock()
        self._crashes = 0
        self._open_until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """True from too many crashes until the next answer."""
        with self._lock:
            return self._crashes >= self._most

    def may_start(self) -> bool:
        """True where a worker may be started now; whoever is told so starts one."""
        with self._lock:
            if self._crashes < self._most:
                return True
            if self._trying or self._clock() < self._open_until:
                return False
            self._trying = True
            return True

    def crashed(self) -> None:
        """A worker died, or did not start."""
        with self._lock:
            self._crashes += 1
            self._trying = False
            self._open_until = self._clock() + self._cooldown_s

    def answered(self) -> None:
        """A worker did what it was asked."""
        with self._lock:
            self._crashes = 0
            self._trying = False
