"""The seam to scanners: a source delivers arrivals, and acknowledges to its scanner only what has a receipt.

A new kind of source is one file: a class that is a `Source`, and a `SourceConfig` with its own ``kind`` whose ``open``
makes it. ``registry.py`` lists them all. What a source needs besides the base install it imports inside ``open``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from .arrival import Arrival
from .causes import LossCause
from .events import Hub
from .jobs import DetectorSeam
from .state import Cause

ALIVE_EVERY_S = 0.5
"""A source says at least this often that it is alive; after 1.5 s of silence its lane is NOT SCREENING."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The scan is on disk and in the ledger; it will end in exactly one verdict. Only now may it be acknowledged."""

    sequence: int
    again: bool = False
    """The same scan had been accepted before: the acknowledgement was lost, or the file was met twice."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The scan was not taken. It stays with the source, which keeps it, tells its sender, or lets it be counted."""

    cause: LossCause
    reason: str
    """In words, with the remedy."""
    retry_after_s: float | None = None
    """When to come again; None where that is useless."""


Deliver = Callable[[Arrival], "Receipt | Refusal"]
"""Blocks while the lane is full, which is back-pressure; safe to call from several threads."""


class SourceHealth(Protocol):
    """What a source tells its lane. Every method may be called from any thread and is cheap."""

    def alive(self) -> None:
        """The scanner is there: called for every line, poll or idle turn, at least every ALIVE_EVERY_S."""

    def trouble(self, cause: Cause, detail: str, *, screening: bool = False) -> None:
        """Something is wrong with the scanner or its stream; ``screening``: degraded only, scans still count."""

    def well(self, cause: Cause) -> None:
        """That trouble is over."""

    def read(self, lines: int) -> None:
        """Count lines of a stream that arrived; says that the source is alive, too."""

    def lost(self, cause: LossCause, count: int = 1) -> None:
        """Count what was lost before it could be delivered: lines that never came, messages that were no scan."""

    @property
    def pressed(self) -> bool:
        """True while the lane asks its belt to stop; a source that can stop its belt does."""


class Source(Protocol):
    """One scanner's stream."""

    name: str
    """What it is, for messages: "folder /data/in", "lines on tcp 4001"."""

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Deliver until ``stop`` is set or the source has ended for good (a recording at its end); then return.

        It returns within a second of ``stop``. What it raises is shown as the lane's cause, and it is run again after
        a while, so a source keeps no connection over an exception.

        Raises:
            ParcelSightError: where the scanner cannot be reached or does not keep its protocol.
        """


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source may use besides its lane: the detector while a parcel passes, and the hub for early results."""

    detector: DetectorSeam
    hub: Hub


class SourceConfig(BaseModel):
    """The ``source:`` section of a lane in LANES.yaml; subclasses add ``kind: Literal["…"]`` and their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def open(self, lane: str, around: Surroundings) -> Source:
        """Make the source; nothing runs before its ``run``.

        Raises:
            ParcelSightError: if it can be told now that it will never work (`parcelsight run --check` calls this).
        """
        raise NotImplementedError


class FakeSource:
    """Delivers given arrivals as fast as the lane takes them, then ends; keeps what it was answered."""

    def __init__(self, arrivals: Iterable[Arrival], name: str = "fake") -> None:
        self.name = name
        self._arrivals = arrivals
        self.answers: list[Receipt | Refusal] = []

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Deliver all."""
        for arrival in self._arrivals:
            if stop.is_set():
                return
            health.alive()
            self.answers.append(deliver(arrival))
