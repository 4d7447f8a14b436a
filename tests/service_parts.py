"""A service on loopback over a real ledger, with a lane whose judge is the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np

from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.events import Hub, StateChanged, VerdictGiven
from parcelsight.inference.lanes.ledger import Ledger
from parcelsight.inference.lanes.source import Receipt, Refusal
from parcelsight.inference.lanes.source_http import UploadSource
from parcelsight.inference.lanes.state import Cause, StateBoard
from parcelsight.inference.service.app import create_app
from parcelsight.inference.service.config import ServiceConfig
from parcelsight.inference.service.context import LaneGauge, ServiceContext
from parcelsight.inference.service.server import Service, TimeLimits
from tests.models import model_card


def picture(seed: int = 0, side_px: int = 40) -> bytes:
    """A small JPEG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", pixels)[1])


class Health:
    """Hears what a source tells its lane."""

    def __init__(self) -> None:
        self.turns = 0
        self.troubles: list[tuple[Cause, str]] = []
        self.wells: list[Cause] = []
        self.losses: list[tuple[LossCause, int]] = []
        self.pressed = False

    def alive(self) -> None:
        self.turns += 1

    def trouble(self, cause: Cause, detail: str, *, screening: bool = False) -> None:
        self.troubles.append((cause, detail))

    def well(self, cause: Cause) -> None:
        self.wells.append(cause)

    def read(self, lines: int) -> None:
        self.turns += 1

    def lost(self, cause: LossCause, count: int = 1) -> None:
        self.losses.append((cause, count))


@dataclass
class Desk:
    """The test's hand on the lane ``dock-1``."""

    ledger: Ledger
    hub: Hub
    board: StateBoard
    answer: Refusal | None = None
    """Given instead of taking the scan."""
    hold: Event = field(default_factory=Event)
    """Uploads wait for it; set from the start."""
    health: Health = field(default_factory=Health)

    def deliver(self, arrival: Arrival) -> Receipt | Refusal:
        self.hold.wait(20)
        return self.answer or self.ledger.accept(arrival)

    def judge(self, sequence: int, verdict: str = "NO_ALARM", cause: LossCause | None = None) -> int:
        """Give a scan its verdict, as the recorder does."""
        entry = self.ledger.entry(sequence)
        assert entry is not None
        outcome = {"scan": entry.scan_id, "verdict": verdict, "reason": "so said", "detections": [], "timing_ms": {}}
        number = self.ledger.record(sequence, outcome, cause)
        assert number is not None
        self.hub.publish(VerdictGiven(number, sequence, entry.lane, self.ledger.verdicts_since(number - 1, 1)[0]))
        return number


@contextmanager
def running_desk(folder: Path, lanes: Sequence[str] = ("dock-1",)) -> Iterator[tuple[Desk, dict[str, UploadSource]]]:
    """A ledger, a hub, and lanes that take uploads."""
    hub, stop = Hub(), Event()
    board = StateBoard(lanes, lambda status: hub.publish(StateChanged(status)))
    ledger = Ledger(folder)
    desk = Desk(ledger, hub, board)
    desk.hold.set()
    sources = {lane: UploadSource(lane) for lane in lanes}
    threads = [Thread(target=source.run, args=(desk.deliver, stop, desk.health)) for source in sources.values()]
    for thread in threads:
        thread.start()
    try:
        yield desk, sources
    finally:
        desk.hold.set()
        stop.set()
        for thread in threads:
            thread.join(5)
        ledger.close()


@contextmanager
def running_service(
    folder: Path,
    *,
    lanes: Sequence[str] = ("dock-1",),
    config: ServiceConfig | None = None,
    token: str | None = None,
    limits: TimeLimits | None = None,
    heartbeat_s: float = 10.0,
    **more: Any,
) -> Iterator[tuple[Service, Desk]]:
    """The whole service on a free port of loopback."""
    with running_desk(folder, lanes) as (desk, sources):
        context = ServiceContext(
            ledger=desk.ledger,
            hub=desk.hub,
            statuses=desk.board.all,
            card=model_card(),
            uploads=sources,
            gauges=lambda: [LaneGauge(lane, queue_depth=3, lines=500) for lane in lanes],
            config=config or ServiceConfig(),
            token=token,
            **more,
        )
        app = create_app(context, heartbeat_s)
        with Service(app, "127.0.0.1", 0, context.config.max_connections, limits or TimeLimits()) as service:
            yield service, desk
