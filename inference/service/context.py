"""What the service shows and uses of the running lanes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...detector.card import ModelCard
from ..lanes.arrival import Arrival
from ..lanes.belt_view import BeltView
from ..lanes.events import Hub
from ..lanes.ledger import Ledger
from ..lanes.source import Receipt, Refusal
from ..lanes.state import LaneStatus
from ..sinks.pump import SinkStatus
from .config import ServiceConfig
from .ending import Ending


class Uploads(Protocol):
    """The lane's end of uploads (`lanes.source_http.UploadSource`)."""

    def submit(self, arrival: Arrival) -> Receipt | Refusal:
        """Hand one scan to the lane; blocks as long as the lane holds its source."""


@dataclass(frozen=True, slots=True)
class LaneGauge:
    """Figures of a lane that only the running program knows."""

    lane: str
    queue_depth: int
    """Accepted scans that wait for a worker."""
    lines: int = 0
    """Lines of its stream that arrived since the start."""
    belt_watchers: int = 0
    belt_rows_dropped: int = 0
    """Rows that people who watch the belt were too slow for; the lane took them all."""


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Everything the service stands on; tests make one of real parts."""

    ledger: Ledger
    hub: Hub
    statuses: Callable[[], Sequence[LaneStatus]]
    """Of all lanes, in the order of the configuration."""
    card: ModelCard
    uploads: Mapping[str, Uploads] = field(default_factory=dict)
    """Lane → where its uploads go; only lanes of ``kind: http``."""
    belts: Mapping[str, BeltView] = field(default_factory=dict)
    """Lane → its belt to watch; only lanes whose sources give lines."""
    turn_away: Callable[[str], Refusal | None] = lambda lane: None
    """Asked before an upload's body is read: the refusal, where its lane is full."""
    gauges: Callable[[], Sequence[LaneGauge]] = tuple
    sinks: Callable[[], Sequence[SinkStatus]] = tuple
    config: ServiceConfig = ServiceConfig()
    token: str | None = None
    ending: Ending = field(default_factory=Ending)
    """Set before the server stops: streams end then."""
