"""The part of the belt that is still needed: rows of every view, in memory that does not grow beyond a parcel's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines

Value = TypeVar("Value", bound=np.generic)


class RowStore:
    """Rows from ``first_row`` to ``end_row``; appended behind, forgotten in front.

    Args:
        detectors: by view.
    """

    def __init__(self, detectors: Mapping[str, int]) -> None:
        self.first_row = 0
        self._count = 0
        self._begin = 0
        self._levels: dict[str, Lines] = {v: np.empty((256, count, 2), np.uint16) for v, count in detectors.items()}
        self._outlines: dict[str, NDArray[np.int64]] = {view: np.empty((256, 2), np.int64) for view in detectors}
        self._lines: NDArray[np.int64] = np.empty(256, np.int64)
        self._lost: NDArray[np.bool_] = np.empty(256, np.bool_)

    @property
    def end_row(self) -> int:
        """Behind the last row."""
        return self.first_row + self._count

    def append(
        self,
        levels: Mapping[str, Lines],
        outlines: Mapping[str, NDArray[np.int64]],
        lines: NDArray[np.int64],
        lost: bool = False,
    ) -> None:
        """Add rows behind the last: by view (n, detectors, 2) and left and right edges (n, 2), and their lines (n,)."""
        count = len(lines)
        self._make_room(count)
        place = slice(self._begin + self._count, self._begin + self._count + count)
        for view in levels:
            self._levels[view][place] = levels[view]
            self._outlines[view][place] = outlines[view]
        self._lines[place] = lines
        self._lost[place] = lost
        self._count += count

    def repeat_last(self, count: int, lost: bool) -> None:
        """Add copies of the last row, which must be there."""
        last = slice(self._begin + self._count - 1, self._begin + self._count)
        levels = {view: np.repeat(values[last], count, axis=0) for view, values in self._levels.items()}
        outlines = {view: np.repeat(values[last], count, axis=0) for view, values in self._outlines.items()}
        self.append(levels, outlines, np.repeat(self._lines[last], count), lost)

    def forget(self, row: int) -> None:
        """Drop rows before this one."""
        gone = min(max(row - self.first_row, 0), self._count)
        self._begin += gone
        self.first_row += gone
        self._count -= gone

    def start_over(self, row: int) -> None:
        """Drop all; the next row is this one."""
        self._begin = self._count = 0
        self.first_row = row

    def levels(self, view: str, first: int, end: int) -> Lines:
        """(rows, detectors, 2), to be copied before anything is added."""
        return self._levels[view][self._place(first, end)]

    def outline(self, view: str, first: int, end: int) -> NDArray[np.int64]:
        """(rows, 2) first covered detector and that behind the last."""
        return self._outlines[view][self._place(first, end)]

    def line(self, row: int) -> int:
        """The line that first read a row; of a lost one, the row before it."""
        return int(self._lines[self._place(row, row + 1)][0])

    def lost(self, first: int, end: int) -> tuple[tuple[int, int], ...]:
        """Stretches of rows that no line read."""
        flags = np.concatenate([[False], self._lost[self._place(first, end)], [False]])
        edges = np.flatnonzero(np.diff(flags.astype(np.int8))) + first
        return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))

    def _place(self, first: int, end: int) -> slice:
        if not self.first_row <= first <= end <= self.end_row:
            raise IndexError(f"rows {first} to {end} are not among {self.first_row} to {self.end_row}")
        return slice(self._begin + first - self.first_row, self._begin + end - self.first_row)

    def _make_room(self, count: int) -> None:
        """Move what is kept to the front, into twice the room where it would not fit."""
        capacity = len(self._lines)
        if self._begin + self._count + count <= capacity:
            return
        kept = slice(self._begin, self._begin + self._count)
        grown = max(256, 2 * (self._count + count))
        self._levels = {view: _moved(values, kept, grown) for view, values in self._levels.items()}
        self._outlines = {view: _moved(values, kept, grown) for view, values in self._outlines.items()}
        self._lines, self._lost = _moved(self._lines, kept, grown), _moved(self._lost, kept, grown)
        self._begin = 0


def _moved(values: NDArray[Value], kept: slice, capacity: int) -> NDArray[Value]:
    moved: NDArray[Value] = np.empty((capacity, *values.shape[1:]), values.dtype)
    moved[: kept.stop - kept.start] = values[kept]
    return moved
