"""Scans that programs upload: the service hands them in, this source hands them on.

The HTTP side lives in ``inference/service``; here is only the place where its threads meet the lane.
"""

from __future__ import annotations

from threading import Event, Lock
from typing import Literal

from .arrival import Arrival
from .causes import LossCause
from .source import ALIVE_EVERY_S, Deliver, Receipt, Refusal, SourceConfig, SourceHealth, Surroundings

_COME_AGAIN_S = 2.0


class HttpConfig(SourceConfig):
    """``source: {kind: http}``: the lane takes what is sent to ``POST /v1/scans`` of the service."""

    kind: Literal["http"]

    def open(self, lane: str, around: Surroundings) -> UploadSource:
        """Make the source."""
        return UploadSource(lane)


class UploadSource:
    """The lane's end of uploads. Nobody sending is no trouble: it is alive as long as it runs."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.name = "uploads over HTTP"
        self._lock = Lock()
        self._deliver: Deliver | None = None

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Take uploads until ``stop``."""
        with self._lock:
            self._deliver = deliver
        try:
            health.alive()
            while not stop.wait(ALIVE_EVERY_S):
                health.alive()
        finally:
            with self._lock:
                self._deliver = None

    def submit(self, arrival: Arrival) -> Receipt | Refusal:
        """Hand one scan to the lane; blocks as long as the lane holds its source. For any number of threads."""
        with self._lock:
            deliver = self._deliver
        if deliver is None:
            return Refusal(LossCause.STOPPING, f"lane {self.lane} takes no scans now; send it again", _COME_AGAIN_S)
        return deliver(arrival)
