"""A belt as a scanner delivers it: lines read by the clock, in blocks, and the truth about what lay on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .annotations import Annotations
from .belt_motion import Motion

Lines = NDArray[np.uint16]
"""(lines, detectors, 2) levels in units of 1/AIR_LEVEL, order (low, high)."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltLine:
    """One read-out of one view."""

    sequence: int
    clock_ms: float
    position_mm: float
    values: NDArray[np.uint16]
    """(detectors, 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class LineBlock:
    """Consecutive lines of all views; views share the clock, so line n of each was read at the same time."""

    first_sequence: int
    views: Mapping[str, Lines]

    def __len__(self) -> int:
        return len(next(iter(self.views.values())))

    def lines(self, view: str, motion: Motion) -> Iterator[BeltLine]:
        """One by one, with clock and belt position."""
        positions = motion.rows(self.first_sequence, len(self)) * motion.line_pitch_mm
        for offset, values in enumerate(self.views[view]):
            sequence = self.first_sequence + offset
            yield BeltLine(sequence, motion.clock_ms(sequence), float(positions[offset]), values)


@dataclass(frozen=True, slots=True, eq=False)
class BeltParcel:
    """The truth about one parcel on the belt."""

    parcel_id: str
    scenario: str
    first_row: int
    end_row: int
    """Rows of the belt that it covers, end exclusive."""
    first_line: int
    end_line: int
    """Lines from the first that reads any of it to the last, end exclusive; more than its rows where the belt stood
    or reversed under the beam."""
    views: Mapping[str, Annotations]
    """Its threats in each view: boxes are (detector, row, detector, row) of the whole belt."""


@dataclass(frozen=True, slots=True)
class Label:
    """What comes with a parcel besides its picture."""

    barcodes: tuple[str, ...] = ()
    """Read off it; of a belt that is played again and again, one for each time, so that no parcel comes twice."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the sender declared: ``declared`` for the contents, ``declared-value`` and so on."""

    def barcode(self, turn: int) -> str:
        """The barcode when the belt is played for the ``turn``-th time, from 0; empty without one."""
        return self.barcodes[turn % len(self.barcodes)] if self.barcodes else ""


@dataclass(frozen=True, slots=True)
class BeltLabel:
    """A label and the parcel it belongs to: the one that was read between these lines, end exclusive."""

    first_line: int
    end_line: int
    label: Label

    def __post_init__(self) -> None:
        if not 0 <= self.first_line < self.end_line:
            raise ValueError(f"a label of lines {self.first_line} to {self.end_line}")


def play(
    blocks: Iterable[LineBlock],
    line_rate_hz: float,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LineBlock]:
    """Give each block out when its last line has been read, as a live scanner would.

    The schedule is absolute: after a delay, blocks follow at once until the schedule is met again, and none is dropped.

    Args:
        blocks: of one belt, in order.
        line_rate_hz: of the scanner.
        speed: 2 plays twice as fast.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
    """
    started: float | None = None
    for block in blocks:
        if started is None:
            started = clock() - block.first_sequence / (line_rate_hz * speed)
        due = started + (block.first_sequence + len(block)) / (line_rate_hz * speed)
        wait = due - clock()
        if wait > 0:
            sleep(wait)
        yield block
