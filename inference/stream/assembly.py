"""Parcels out of rows of belt: where they begin and end, what is looked at while they pass, what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from . import seams
from .cutting import cut
from .outline import SMOOTH_ROWS, Outline
from .parcels import BeltEvent, BeltPart, Flaw, Note, ParcelEnding, ParcelFinished, ParcelStarted, WindowReady
from .store import RowStore


@dataclass(frozen=True, slots=True)
class AssemblySettings:
    """Lengths along the belt."""

    margin_mm: float = 10.0
    """Of air that is kept around a parcel."""
    gap_mm: float = 30.0
    """Of air that ends a parcel; single rendered parcels have up to 21 mm inside."""
    least_mm: float = 6.0
    """What is shorter is no parcel."""
    window_mm: float = 480.0
    """Length of what is looked at while a parcel passes."""
    stride_mm: float = 240.0
    """From window to window; objects up to window less stride lie whole in one of them."""
    longest_mm: float = 4000.0
    """A parcel that is longer is cut, and goes on as another that begins a window earlier."""
    most_skipped_mm: float = 8.0
    """Rows that the belt may have been too fast for, without a word about it."""


DEFAULT_SETTINGS = AssemblySettings()


@dataclass(frozen=True, slots=True)
class BeltGeometry:
    """The lines of a stream."""

    stream: str
    detectors: Mapping[str, int]
    """By view."""
    pitch_mm: float
    line_pitch_mm: float
    line_ms: float


@dataclass(slots=True)
class _Open:
    """The parcel in the beam."""

    parcel_id: str
    first_row: int
    first_line: int
    first_ms: float
    end_row: int
    """Behind its last occupied row so far."""
    notes: dict[Flaw, Note] = field(default_factory=dict)
    windows: int = 0
    seam: tuple[int, int] | None = None
    """Rows of air within it that may part it from another: first, and behind the last."""
    ending: ParcelEnding | None = None
    """While there is air behind it."""


class Assembler:
    """Takes new rows in order, gives events.

    Args:
        belt: the stream.
        settings: lengths.
    """

    def __init__(self, belt: BeltGeometry, settings: AssemblySettings = DEFAULT_SETTINGS) -> None:
        self._belt = belt
        self._settings = settings
        self._store = RowStore(belt.detectors)
        self._open: _Open | None = None
        self._streak = 0
        self._air_rows = 0
        self._margin = self._rows(settings.margin_mm)
        self._gap = self._rows(settings.gap_mm)
        self._least = self._rows(settings.least_mm)
        self._beside = self._rows(seams.BESIDE_MM)
        self._piece = self._rows(seams.LEAST_PIECE_MM)
        self._unseen_before = False
        self._clock = 0, 0.0

    @property
    def in_parcel(self) -> bool:
        """True while a parcel is in the beam."""
        return self._open is not None

    @property
    def needed_line(self) -> int | None:
        """The first line that what is in memory still needs; None where memory is empty."""
        if self._store.end_row == self._store.first_row:
            return None
        return self._store.line(self._store.first_row)

    def add(
        self, levels: Mapping[str, Lines], rows: NDArray[np.int64], lines: NDArray[np.int64], first_ms: float
    ) -> tuple[list[BeltEvent], NDArray[np.bool_]]:
        """Take in new rows.

        Args:
            levels: by view (n, detectors, 2), calibrated.
            rows: (n,) rising.
            lines: (n,) that read them.
            first_ms: clock at the first of these lines.

        Returns:
            What happened, and (n,) which of the rows are air, far enough from any parcel to learn from.
        """
        airy = np.zeros(len(rows), np.bool_)
        if not len(rows):
            return [], airy
        self._clock = int(lines[0]), first_ms
        store = self._store
        recent = max(store.first_row, store.end_row - SMOOTH_ROWS)
        outlines = {
            view: Outline.of(values, self._belt.pitch_mm, store.levels(view, recent, store.end_row))
            for view, values in levels.items()
        }
        occupied = np.logical_or.reduce([outline.occupied for outline in outlines.values()])
        events: list[BeltEvent] = []
        starts = [0, *(np.flatnonzero(np.diff(rows) > 1) + 1).tolist(), len(rows)]
        for begin, end in zip(starts, starts[1:], strict=False):
            events += self._bridge(int(rows[begin]))
            part = slice(begin, end)
            some = {view: values[part] for view, values in levels.items()}
            self._store.append(some, {view: outline.edges[part] for view, outline in outlines.items()}, lines[part])
            events += self._walk(occupied[part], airy[part])
        self._forget()
        return events, airy

    def lost(self, row: int) -> list[BeltEvent]:
        """Lines were lost; the next row to come is this one, or one before it."""
        self._unseen_before = True
        if self._open is not None:
            self._say(Flaw.LINES_LOST, "lines were lost: part of it was not seen")
        return self._bridge(row, lost=True)

    def close(self, flaw: Flaw, text: str) -> list[BeltEvent]:
        """The stream breaks off here: what is in the beam ends, with this said of it."""
        events: list[BeltEvent] = []
        if self._open is not None:
            self._say(flaw, text)
            events = [self._finish()]
        self._store.start_over(self._store.end_row)
        self._streak = 0
        return events

    def _say(self, flaw: Flaw, text: str) -> None:
        if self._open is not None:
            self._open.notes.setdefault(flaw, Note(flaw, text))

    def _bridge(self, row: int, lost: bool = False) -> list[BeltEvent]:
        """Fill rows that no line read, up to this one, or end what is in the beam where they are too many."""
        missing = row - self._store.end_row
        if missing <= 0:
            return []
        if self._open is None or missing > self._rows(self._settings.longest_mm):
            events = self.close(Flaw.END_UNSEEN, f"{missing} rows were not read: it may go on behind them")
            self._store.start_over(row)
            return events
        if not lost and missing * self._belt.line_pitch_mm > self._settings.most_skipped_mm:
            self._say(Flaw.ROWS_SKIPPED, "the belt ran faster than the lines: rows were repeated")
        self._store.repeat_last(missing, lost)
        return []

    def _walk(self, occupied: NDArray[np.bool_], airy: NDArray[np.bool_]) -> Iterator[BeltEvent]:
        """Follow the new rows at the store's end, stretch by stretch of air or not."""
        base = self._store.end_row - len(occupied)
        edges = [0, *(np.flatnonzero(np.diff(occupied.astype(np.int8))) + 1).tolist(), len(occupied)]
        for begin, end in zip(edges, edges[1:], strict=False):
            if occupied[begin]:
                yield from self._matter(base + begin, base + end)
            else:
                yield from self._air(base + end, airy[begin:end])

    def _matter(self, first: int, end: int) -> Iterator[BeltEvent]:
        if self._open is None:
            self._streak += end - first
            if self._streak < self._least:
                return
            yield self._start(end - self._streak)
        assert self._open is not None
        if self._open.seam is None and self._open.end_row > self._open.first_row and self._may_part(first):
            self._open.seam = self._open.end_row, first
        self._air_rows = 0
        self._open.end_row, self._open.ending = end, None
        yield from self._parted()
        yield from self._windows()
        if end - self._open.first_row > self._rows(self._settings.longest_mm):
            yield from self._cut()

    def _air(self, end: int, airy: NDArray[np.bool_]) -> Iterator[BeltEvent]:
        self._streak = 0
        before = self._air_rows
        self._air_rows = min(self._air_rows + len(airy), 1 << 30)
        if self._open is not None and self._air_rows >= self._gap:
            yield self._finish()
        elif self._open is not None and self._air_rows >= self._margin and self._open.ending is None:
            yield self._ending()
        if self._open is None:
            # Scatter and afterglow reach some rows beyond a parcel, and one may begin at any moment.
            airy[max(0, 2 * self._gap - before) : max(0, len(airy) - self._gap)] = True
            self._unseen_before = self._unseen_before and self._air_rows < self._gap

    def _start(self, row: int) -> ParcelStarted:
        row = max(row, self._store.first_row)
        line = self._store.line(row)
        known, known_ms = self._clock
        first_ms = known_ms + (line - known) * self._belt.line_ms
        self._open = _Open(f"{self._belt.stream}-{line:09d}", row, line, first_ms, row)
        if self._unseen_before:
            self._say(Flaw.BEGINNING_UNSEEN, "lines were lost just before it: it may begin earlier")
            self._unseen_before = False
        return ParcelStarted(self._open.parcel_id, row, line)

    def _ending(self) -> ParcelEnding:
        """The parcel in the beam, as it is if no more of it comes."""
        parcel = self._open
        assert parcel is not None
        parts = self._whole(parcel, parcel.end_row + self._margin)
        parcel.ending = ParcelEnding(parcel.parcel_id, *parts)
        return parcel.ending

    def _whole(self, parcel: _Open, end: int) -> tuple[dict[str, BeltPart], dict[str, BeltPart]]:
        """All of a parcel up to a row, and its tail."""
        first = max(parcel.first_row - self._margin, self._store.first_row)
        return self._parts(first, end, parcel.parcel_id), self._tail(parcel, end)

    def _finish(self, room_behind: int | None = None) -> ParcelFinished:
        """The parcel in the beam, as it is. ``room_behind``: the row that the next one begins with."""
        parcel = self._open
        assert parcel is not None
        if any(
            seams.jumps(self._store.outline(view, parcel.first_row, parcel.end_row), *self._pitches)
            for view in self._belt.detectors
        ):
            self._say(Flaw.SEVERAL_PARCELS, "its outline jumps: these may be several parcels that touch")
        if parcel.ending is not None:
            views, tail = parcel.ending.views, parcel.ending.tail
        else:
            end = min(parcel.end_row + self._margin, self._store.end_row if room_behind is None else room_behind)
            views, tail = self._whole(parcel, end)
        self._open = None
        self._streak = 0
        return ParcelFinished(
            parcel.parcel_id,
            parcel.first_row,
            parcel.end_row,
            parcel.first_line,
            self._store.line(parcel.end_row - 1) + 1,
            parcel.first_ms,
            views,
            tail,
            self._store.lost(parcel.first_row, parcel.end_row),
            tuple(parcel.notes.values()),
        )

    def _windows(self) -> Iterator[WindowReady]:
        """Those that are full, with more of the parcel behind them."""
        parcel = self._open
        assert parcel is not None
        length, stride = self._rows(self._settings.window_mm), self._rows(self._settings.stride_mm)
        while parcel.seam is None and parcel.first_row + parcel.windows * stride + length < parcel.end_row:
            number = parcel.windows
            first = parcel.first_row + number * stride
            parcel.windows += 1
            begin = max(first - self._margin, self._store.first_row) if number == 0 else first
            parts = self._parts(begin, first + length, f"{parcel.parcel_id}.{number}")
            parts = {view: replace(part, before=number > 0, behind=True) for view, part in parts.items()}
            yield WindowReady(parcel.parcel_id, number, parts)

    def _tail(self, parcel: _Open, end: int) -> dict[str, BeltPart]:
        """The last window of a parcel that is longer than two."""
        length = self._rows(self._settings.window_mm)
        if parcel.end_row - parcel.first_row <= 2 * length:
            return {}
        parts = self._parts(end - length, end, f"{parcel.parcel_id}.tail")
        return {view: replace(part, before=True) for view, part in parts.items()}

    def _may_part(self, row: int) -> bool:
        """True where the air before this row is long enough for a seam, and so is what lies before it."""
        assert self._open is not None
        return (
            self._air_rows >= self._rows(seams.LEAST_AIR_MM)
            and self._open.end_row - self._open.first_row >= self._piece
        )

    def _parted(self) -> Iterator[BeltEvent]:
        """End the parcel at a seam, as soon as what lies behind it can be told from what lies before."""
        parcel = self._open
        assert parcel is not None
        if parcel.seam is None or parcel.end_row - parcel.seam[1] < self._piece:
            return
        (end, first), parcel.seam = parcel.seam, None
        begin = max(end - self._beside, parcel.first_row)
        if not any(
            seams.jump_mm(
                self._store.outline(view, begin, end),
                self._store.outline(view, first, first + self._beside),
                self._belt.pitch_mm,
            )
            >= seams.JUMP_MM
            for view in self._belt.detectors
        ):
            self._say(Flaw.SEVERAL_PARCELS, "a few rows of it are air: these may be several parcels that touch")
            return
        last, parcel.end_row = parcel.end_row, end
        yield self._finish(room_behind=first)
        yield self._start(first)
        assert self._open is not None
        self._open.end_row = last

    def _cut(self) -> Iterator[BeltEvent]:
        """End a parcel that is too long, and go on with one that begins a window earlier."""
        assert self._open is not None
        end = self._open.end_row
        length = f"{self._settings.longest_mm / 1000:g} m"
        self._say(Flaw.CUT, f"longer than {length}: what follows is told as another parcel")
        yield self._finish()
        yield self._start(end - self._rows(self._settings.window_mm))
        self._say(Flaw.CUT, "the end of a longer parcel, which is told before it")
        self._open.end_row = end

    def _parts(self, first: int, end: int, name: str) -> dict[str, BeltPart]:
        margin = max(1, round(self._settings.margin_mm / self._belt.pitch_mm))
        several = len(self._belt.detectors) > 1
        return {
            view: cut(self._store, view, (first, end), margin, *self._pitches, f"{name}-{view}" if several else name)
            for view in self._belt.detectors
        }

    @property
    def _pitches(self) -> tuple[float, float]:
        return self._belt.pitch_mm, self._belt.line_pitch_mm

    def _forget(self) -> None:
        if self._open is None:
            self._store.forget(self._store.end_row - self._margin - max(self._least, self._streak))
        else:
            self._store.forget(self._open.first_row - self._margin)

    def _rows(self, length_mm: float) -> int:
        return max(1, round(length_mm / self._belt.line_pitch_mm))
