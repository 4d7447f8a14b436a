"""One stream from its messages to its parcels: the stages in their order, and what is to be told of the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from .assembly import DEFAULT_SETTINGS, Assembler, AssemblySettings, BeltGeometry
from .calibration import ViewCalibration, is_dark, widest_run
from .joining import Chunk, Joiner, Lost
from .parcels import BeltEvent, Flaw, Note, ParcelFinished
from .protocol import Hello, LinesMessage
from .rows import RowCounter

MAX_DEAD_RUN_MM = 6.0
"""Dead detectors side by side: what lies behind more of them is not seen."""


SeeRows = Callable[[Hello, NDArray[np.int64], Mapping[str, Lines]], None]
"""Called with new rows of the belt: the stream, (n,) their places, and by view (n, detectors, 2) calibrated levels."""


@dataclass(slots=True)
class StreamCounts:
    """Every line of a stream, by what became of it; together they are all lines that were sent."""

    dark: int = 0
    """The beam was off."""
    learning: int = 0
    """Raw lines from which dark and air are learnt: nothing was screened."""
    repeated_rows: int = 0
    """The belt stood or went back: the place had been read."""
    rows: int = 0
    """New places of the belt."""
    lost: int = 0
    """Never came."""
    repeated: int = 0
    """Sent again, with the same number."""
    parcels: int = 0

    @property
    def lines(self) -> int:
        """That arrived, each once."""
        return self.dark + self.learning + self.repeated_rows + self.rows


@dataclass(slots=True)
class BeltReader:
    """Follows one stream; keeps no more than one parcel in memory.

    Args:
        hello: the stream.
        next_line: the first line that is wanted; None: whatever comes first.
        settings: lengths.
        see_rows: for people who watch the belt; must be quick, and change nothing.
    """

    hello: Hello
    next_line: int | None = None
    settings: AssemblySettings = DEFAULT_SETTINGS
    see_rows: SeeRows | None = None
    counts: StreamCounts = field(default_factory=StreamCounts)
    _joiner: Joiner = field(init=False)
    _rows: RowCounter = field(init=False)
    _assembler: Assembler = field(init=False)
    _calibrations: dict[str, ViewCalibration] = field(init=False)

    def __post_init__(self) -> None:
        hello = self.hello
        detectors = dict(zip(hello.views, hello.detectors, strict=True))
        self._joiner = Joiner(hello, self.next_line)
        self._rows = RowCounter(hello.line_pitch_mm)
        belt = BeltGeometry(hello.stream, detectors, hello.pitch_mm, hello.line_pitch_mm, 1000 / hello.line_rate_hz)
        self._assembler = Assembler(belt, self.settings)
        self._calibrations = {
            view: ViewCalibration(count, hello.air_level, hello.calibrated) for view, count in detectors.items()
        }

    def add(self, message: LinesMessage) -> Iterator[BeltEvent]:
        """Take in lines.

        Raises:
            SourceError: if line numbers have begun anew.
        """
        for item in self._joiner.add(message):
            yield from self._told(self._lost(item) if isinstance(item, Lost) else self._read(item))
        self.counts.repeated = self._joiner.repeated_lines

    def close(self, text: str) -> Iterator[BeltEvent]:
        """No more lines will come; what is in the beam ends with this said of it."""
        for item in self._joiner.flush():
            yield from self._told(self._lost(item) if isinstance(item, Lost) else self._read(item))
        yield from self._told(self._assembler.close(Flaw.END_UNSEEN, text))

    @property
    def expected_line(self) -> int | None:
        """The next line that is wanted; None before the first."""
        return self._joiner.next_line

    @property
    def needed_line(self) -> int | None:
        """The first line that is not done with: of the parcel in the beam, or the next one."""
        needed = self._assembler.needed_line
        return self.expected_line if needed is None else needed

    @property
    def in_parcel(self) -> bool:
        """True while a parcel is in the beam."""
        return self._assembler.in_parcel

    @property
    def moving(self) -> bool:
        """False while the belt stands, as far as it was told or seen."""
        return self._rows.moving

    @property
    def calibrated(self) -> bool:
        """False while raw lines wait for dark and air, or have drifted too far."""
        return all(view.ready and not view.drifted for view in self._calibrations.values())

    def flaws(self) -> Iterator[Note]:
        """What is wrong with the stream as a whole, and so with every parcel in it."""
        for name, view in self._calibrations.items():
            if view.drifted:
                text = f"view {name} drifted by {view.drift:+.0%} since calibration: calibrate the scanner again"
                yield Note(Flaw.NOT_CALIBRATED, text)
            wide_mm = widest_run(view.dead) * self.hello.pitch_mm
            if wide_mm > MAX_DEAD_RUN_MM:
                text = f"view {name}: {wide_mm:.0f} mm of detectors side by side are dead: what lies there is not seen"
                yield Note(Flaw.BLIND, text)
            elif len(view.dead):
                text = f"view {name}: {len(view.dead)} dead detectors were bridged"
                yield Note(Flaw.DEAD_DETECTORS, text)

    def _lost(self, lost: Lost) -> list[BeltEvent]:
        self.counts.lost += lost.lines
        self._rows.lost(lost.lines)
        return self._assembler.lost(max(self._rows.row, self._rows.top) + 1)

    def _read(self, chunk: Chunk) -> Iterator[BeltEvent]:
        dark = self._dark(chunk)
        self.counts.dark += int(dark.sum())
        for view, values in chunk.views.items():
            self._calibrations[view].learn(values, dark)
        if not all(view.ready for view in self._calibrations.values()):
            self.counts.learning += int((~dark).sum())
            return
        new = self._rows.count(chunk, ~dark)
        self.counts.rows += len(new.chosen)
        self.counts.repeated_rows = self._rows.repeated_lines
        if new.jumped:
            yield from self._assembler.close(Flaw.END_UNSEEN, "the encoder was set anew: it may go on behind that")
        if not len(new.chosen):
            return
        fresh = {view: lines[new.chosen] for view, lines in chunk.views.items()}
        levels = {view: self._calibrations[view].levels(lines) for view, lines in fresh.items()}
        if self.see_rows is not None:
            self.see_rows(self.hello, new.rows, levels)
        first_ms = chunk.clock_ms + 1000 / self.hello.line_rate_hz * int(new.chosen[0])
        events, airy = self._assembler.add(levels, new.rows, chunk.first_line + new.chosen, first_ms)
        yield from events
        if airy.any():
            for view, lines in fresh.items():
                self._calibrations[view].follow(lines[airy])

    def _told(self, events: Iterable[BeltEvent]) -> Iterator[BeltEvent]:
        """The same events, parcels with what is wrong with the stream."""
        for event in events:
            if isinstance(event, ParcelFinished):
                self.counts.parcels += 1
                event = replace(event, notes=(*event.notes, *self.flaws()))
            yield event

    def _dark(self, chunk: Chunk) -> NDArray[np.bool_]:
        """(lines,) True where the beam was off, as it was told or as all views show."""
        if chunk.beam is not None:
            return np.full(len(chunk), not chunk.beam)
        dark = [is_dark(values, self.hello.air_level) for values in chunk.views.values()]
        return np.asarray(np.logical_and.reduce(dark), np.bool_)
