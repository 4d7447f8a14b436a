"""Line streams for tests: recorded belts from the coarse scanner, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.belt_files import RecordedBelt, open_belt
from parcelsight.datasets.belt_motion import BeltEvent as Kind
from parcelsight.datasets.belt_motion import ScriptedEvent
from parcelsight.datasets.synthetic import belt_recording
from parcelsight.datasets.synthetic.belt_recording import record_belt
from parcelsight.inference.stream.parcels import BeltEvent, ParcelFinished
from parcelsight.inference.stream.protocol import Hello, LinesMessage
from parcelsight.inference.stream.reading import BeltReader
from parcelsight.inference.stream.sending import hello_of
from tests.belts import coarse, plan

EVENTS = (
    ScriptedEvent(1000, Kind.STOP, 700),
    ScriptedEvent(1900, Kind.REVERSE, 600),
    ScriptedEvent(3000, Kind.BEAM_OFF, 400),
)

WIDE = 32
HELLO = Hello(scanner="s", stream="t", views=("top",), detectors=(WIDE,), pitch_mm=2, line_pitch_mm=2, line_rate_hz=250)


def some_lines(first: int = 0, count: int = 4, **told: object) -> LinesMessage:
    return LinesMessage(first, first * 4.0, 0, np.full((count, WIDE, 2), 60_000, np.uint16), **told)  # type: ignore[arg-type]


def record(out: Path, **changes: object) -> RecordedBelt:
    """A belt of the coarse dual-view scanner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(belt_recording, "load_scanner", lambda name: coarse())
        record_belt(plan(**changes), out)
    return open_belt(out)


def read(
    belt: RecordedBelt, messages: Iterable[LinesMessage], reader: BeltReader | None = None
) -> tuple[BeltReader, list[BeltEvent]]:
    """All events of a stream, its end included."""
    reader = reader or BeltReader(hello_of(belt, "test"))
    events = [event for message in messages for event in reader.add(message)]
    return reader, [*events, *reader.close("the stream ended")]


def finished(events: Iterable[BeltEvent]) -> list[ParcelFinished]:
    return [event for event in events if isinstance(event, ParcelFinished)]
