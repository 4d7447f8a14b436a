"""A recorded belt as a lane: its lines at their pace, through the same parcel assembly as a live scanner's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Literal

from pydantic import Field

from ...datasets.belt_files import RecordedBelt, open_belt
from ..stream.assembly import DEFAULT_SETTINGS
from ..stream.parcels import BeltEvent
from ..stream.reading import BeltReader
from ..stream.sending import hello_of, messages_of
from .belt_screening import BeltScreening
from .belt_view import BeltView
from .labelling import labelled
from .source import ALIVE_EVERY_S, Deliver, SourceConfig, SourceHealth, Surroundings

_TURN_S = 0.1


class BeltConfig(SourceConfig):
    """``source: {kind: belt, folder: …}``: a folder recorded with ``parcelsight belt``."""

    kind: Literal["belt"]
    folder: Path
    speed: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    repeat: bool = False
    """Begin again at the end, for ever."""

    def open(self, lane: str, around: Surroundings) -> BeltSource:
        """Open the recording."""
        return BeltSource(lane, self, around)


class BeltSource:
    """Plays a belt; while the lane is behind the belt stands still, so no line is lost.

    Raises:
        ScanError: if the recording cannot be read.
    """

    def __init__(self, lane: str, config: BeltConfig, around: Surroundings) -> None:
        self.name = f"belt {config.folder}"
        self._lane, self._config, self._around = lane, config, around
        self._belt = open_belt(config.folder)
        self.view = BeltView()
        self.stood_s = 0.0
        """How long the belt stood for the lane."""

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Play to the end, or for ever."""
        turn = 0
        while not stop.is_set():
            with_labels = labelled(deliver, self._belt.labels, turn)
            screening = BeltScreening(self._lane, self._around, with_labels, stop)
            screening.start()
            try:
                self._play(turn, self._belt, screening, stop, health)
            finally:
                screening.close()
            turn += 1
            if not self._config.repeat:
                return

    def _play(self, turn: int, belt: RecordedBelt, screening: BeltScreening, stop: Event, health: SourceHealth) -> None:
        stream = self._config.folder.resolve().name + (f"#{turn + 1}" if turn else "")
        reader = BeltReader(hello_of(belt, stream), settings=DEFAULT_SETTINGS, see_rows=self.view.show)
        first_view, lag_s = 0, 0.0
        started = monotonic()
        for message in messages_of(belt):
            end_line = message.sequence + len(message.values)
            due = started + lag_s + belt.motion.clock_ms(end_line) / 1000 / self._config.speed
            while not stop.is_set() and (wait_s := due - monotonic()) > 0:
                health.alive()
                stop.wait(min(wait_s, ALIVE_EVERY_S))
            if stop.is_set():
                return
            if message.view == first_view:
                health.read(len(message.values))
            stood_s = _hand_on(reader.add(message), screening, stop, health)
            lag_s, self.stood_s = lag_s + stood_s, self.stood_s + stood_s
        _hand_on(reader.close("the recording ends in the middle of it"), screening, stop, health)


def _hand_on(events: Iterable[BeltEvent], screening: BeltScreening, stop: Event, health: SourceHealth) -> float:
    """Give events to the screening side; how many seconds the belt had to stand for it."""
    waited_s = 0.0
    for event in events:
        while not stop.is_set():
            asked = monotonic()
            taken = screening.take(event, _TURN_S)
            waited_s += monotonic() - asked
            if taken:
                break
            health.alive()
    return waited_s
