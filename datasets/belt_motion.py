"""How a belt moves under the lines of a scanner.

Two counts run side by side. A *line* is one read-out, numbered by the scanner's clock without a gap. A *row* is a place
on the belt, one line pitch long, numbered in the direction of travel. While the belt runs forward each line reads the
next row; while it stands the same row is read again and again; while it reverses rows come back. ``Motion`` translates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class BeltEvent(StrEnum):
    """What can happen to a running belt."""

    STOP = "stop"
    """The belt stands, the beam stays on: one row is read again and again."""
    BEAM_OFF = "beam_off"
    """The belt stands and the beam is off: dark lines."""
    REVERSE = "reverse"
    """The belt runs backwards, then forwards over the same rows again."""


@dataclass(frozen=True, slots=True)
class ScriptedEvent:
    """Something that happens once, when the belt first reaches a position."""

    position_mm: float
    event: BeltEvent
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Run:
    """Lines during which the belt moves in one way."""

    first_line: int
    lines: int | None
    """None for the last run, which goes on until somebody stops listening."""
    first_row: int
    step: int
    """Rows from line to line: 1 forward, 0 standing, -1 backward."""
    beam: bool = True

    def rows(self, first_line: int, count: int) -> NDArray[np.int64]:
        """(count,) rows read by lines of this run."""
        return self.first_row + self.step * (np.arange(count) + first_line - self.first_line)

    @property
    def lowest_row(self) -> int:
        """The smallest row that is read."""
        return self.first_row - (self.lines - 1 if self.step < 0 and self.lines else 0)


@dataclass(frozen=True, slots=True)
class Motion:
    """Which row each line reads, and when.

    Raises:
        ValueError: if the runs do not follow each other line by line.
    """

    line_rate_hz: float
    line_pitch_mm: float
    """Belt travel from line to line; belt speed over line rate."""
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        for one, following in zip(self.runs, self.runs[1:], strict=False):
            if one.lines is None or one.lines < 1 or following.first_line != one.first_line + one.lines:
                raise ValueError(f"the run after line {one.first_line} does not follow it")
        if not self.runs or self.runs[0].first_line != 0 or any(run.step not in (-1, 0, 1) for run in self.runs):
            raise ValueError("a motion begins at line 0 and moves by at most one row a line")

    @classmethod
    def scripted(
        cls,
        line_rate_hz: float,
        line_pitch_mm: float,
        events: Sequence[ScriptedEvent] = (),
        dark_lines: int = 0,
        air_lines: int = 0,
    ) -> Motion:
        """A belt that calibrates standing still, dark lines first, then air, and runs forward but for the events.

        Raises:
            ValueError: if an event lies before the belt's start, lasts no line, or reverses beyond the start.
        """
        stages = [(dark_lines, 0, 0, False), (air_lines, 0, 0, True)]
        row = 0
        for event in sorted(events, key=lambda e: e.position_mm):
            at, lines = round(event.position_mm / line_pitch_mm), round(event.duration_ms * line_rate_hz / 1000)
            if at < 0 or lines < 1 or (event.event is BeltEvent.REVERSE and lines > at):
                raise ValueError(f"{event.event} at {event.position_mm:g} mm for {event.duration_ms:g} ms")
            stages.append((at - row, row, 1, True))
            row = at
            if event.event is BeltEvent.REVERSE:
                stages.append((lines, row - 1, -1, True))
                row -= lines
            else:
                stages.append((lines, row, 0, event.event is BeltEvent.STOP))
        runs, line = [], 0
        for lines, first_row, step, beam in stages:
            if lines > 0:
                runs.append(Run(line, lines, first_row, step, beam))
                line += lines
        return cls(line_rate_hz, line_pitch_mm, (*runs, Run(line, None, row, 1)))

    @property
    def belt_speed_m_s(self) -> float:
        """While the belt moves."""
        return self.line_rate_hz * self.line_pitch_mm / 1000

    def clock_ms(self, line: int) -> float:
        """Scanner clock at which a line is read; line 0 at 0."""
        return line * 1000 / self.line_rate_hz

    def rows(self, first_line: int, count: int) -> NDArray[np.int64]:
        """(count,) rows that consecutive lines read."""
        return np.concatenate([run.rows(at, n) for run, at, n in self._parts(first_line, count)])

    def beam(self, first_line: int, count: int) -> NDArray[np.bool_]:
        """(count,) whether the beam was on."""
        return np.concatenate([np.full(n, run.beam) for run, _, n in self._parts(first_line, count)])

    def position_mm(self, line: int) -> float:
        """Belt position that a line reads, as an encoder on the belt tells it."""
        return float(self.rows(line, 1)[0]) * self.line_pitch_mm

    def lines_of_rows(self, first_row: int, end_row: int) -> NDArray[np.int64]:
        """(rows,) the line that first read each row in the beam of the running belt; -1 where none did."""
        lines = np.full(end_row - first_row, -1, np.int64)
        for run in self.runs:
            if run.step != 1 or not run.beam:
                continue
            begin = max(first_row, run.first_row)
            end = end_row if run.lines is None else min(end_row, run.first_row + run.lines)
            if begin < end:
                found = lines[begin - first_row : end - first_row]
                numbers = run.first_line + np.arange(begin, end) - run.first_row
                found[:] = np.where(found < 0, numbers, found)
        return lines

    def span_of_rows(self, first_row: int, end_row: int) -> tuple[int, int]:
        """First line that reads any of the rows, and the line after the last that does."""
        spans = []
        for run in self.runs:
            count = end_row - run.first_row if run.lines is None else run.lines
            rows = run.rows(run.first_line, max(count, 0))
            inside = np.flatnonzero((rows >= first_row) & (rows < end_row))
            if len(inside):
                spans.append((run.first_line + int(inside[0]), run.first_line + int(inside[-1]) + 1))
        return min(first for first, _ in spans), max(end for _, end in spans)

    def lowest_row_from(self, line: int) -> int:
        """The smallest row that this line or any later one reads: what lies before it is gone for good."""
        later = [run.lowest_row for run in self.runs if run.first_line > line]
        (run, at, _), *_ = self._parts(line, 1)
        here = int(run.rows(at, 1)[0]) if run.step >= 0 else run.lowest_row
        return min([here, *later])

    def ended(self, lines: int) -> Motion:
        """The same motion of a belt that ends after so many lines."""
        kept = [run for run in self.runs if run.first_line < lines]
        lengths = [lines - run.first_line if run.lines is None else run.lines for run in kept]
        runs = [replace(run, lines=min(n, lines - run.first_line)) for run, n in zip(kept, lengths, strict=True)]
        return replace(self, runs=tuple(runs))

    def _parts(self, first_line: int, count: int) -> Iterator[tuple[Run, int, int]]:
        """Runs that the lines belong to, each with its first of these lines and their number."""
        end_line = first_line + count
        for run in self.runs:
            begin = max(first_line, run.first_line)
            end = end_line if run.lines is None else min(end_line, run.first_line + run.lines)
            if begin < end:
                yield run, begin, end - begin
