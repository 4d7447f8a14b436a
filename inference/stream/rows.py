"""Which place of the belt each line reads: forward a new one, standing the same, backward one that was read before.

The encoder is believed before the belt's signal, and the signal before the lines themselves. Only places that are new
are passed on; the rest is counted. A line carries the motion since the line before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .joining import Chunk

MAX_JUMP_ROWS = 20_000
"""Farther the belt cannot have come between two lines; the encoder was set anew."""


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """The lines of a chunk that read places for the first time."""

    chosen: NDArray[np.intp]
    """(n,) which lines of the chunk."""
    rows: NDArray[np.int64]
    """(n,) the places, rising."""
    jumped: bool = False
    """The encoder was set anew: rows before and after do not belong together."""


class RowCounter:
    """Counts rows of belt. Row 0 is that of the first line.

    Args:
        line_pitch_mm: length of a row.
    """

    def __init__(self, line_pitch_mm: float) -> None:
        self.top = -1
        """The farthest row that was read."""
        self.row: int = -1
        """The one read last."""
        self.repeated_lines = 0
        """Lines that read a place again: the belt stood or went back."""
        self._pitch_mm = line_pitch_mm
        self._offset: int | None = None
        self._motion = 1

    @property
    def moving(self) -> bool:
        """As far as the belt was last heard of."""
        return self._motion != 0

    def lost(self, lines: int) -> None:
        """Lines that never came: the belt went on as it last did. An encoder will tell better."""
        if self._offset is None:
            self.row += self._motion * min(lines, MAX_JUMP_ROWS)

    def count(self, chunk: Chunk, seen: NDArray[np.bool_]) -> NewRows:
        """The new rows of a chunk.

        Args:
            chunk: the lines.
            seen: (lines,) False where the beam was off: such a line reads nothing.
        """
        jumped = False
        if chunk.motion is not None:
            self._motion = chunk.motion
        if self.top < 0:
            self.row = -self._motion
        if chunk.position_mm is None:
            rows = self.row + self._motion * np.arange(1, len(chunk) + 1, dtype=np.int64)
        else:
            steps = self._motion * np.arange(len(chunk))
            told = np.rint(chunk.position_mm / self._pitch_mm + steps).astype(np.int64)
            if self._offset is None or abs(int(told[0]) + self._offset - self.row) > MAX_JUMP_ROWS:
                jumped = self._offset is not None
                self._offset = self.row + (1 if jumped else self._motion) - int(told[0])
            rows = told + self._offset
        self.row = int(rows[-1])
        farthest = np.maximum.accumulate(np.where(seen, rows, np.iinfo(np.int64).min))
        before = np.concatenate([[self.top], np.maximum(farthest[:-1], self.top)])
        new = seen & (rows > before)
        self.top = max(self.top, int(farthest[-1]))
        chosen = np.flatnonzero(new)
        self.repeated_lines += int(seen.sum()) - len(chosen)
        return NewRows(chosen, rows[chosen], jumped)
