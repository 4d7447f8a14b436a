"""The belt as it runs, for people who watch: rows of the belt as a small picture, never at the cost of the lane.

The lane hands over each stretch of new rows, calibrated and not to be changed any more, and goes on; shrinking and
colouring is done by whoever watches. A watcher that is too slow misses rows, and is told how many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from ...datasets.canonical import canonical_rgb
from ...datasets.opencv import cv2
from ...datasets.scan import Scan, ScanKind
from ..stream.protocol import Hello

MOST_WAITING_BYTES = 8_000_000
"""Of rows that wait for one watcher: two seconds of 1,000 detectors at 1,000 lines a second."""
MOST_WATCHERS = 8
"""Of one lane."""
LEAST_PX, USUAL_PX, MOST_PX = 32, 256, 1024


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """New rows of the belt, of every view."""

    hello: Hello
    rows: NDArray[np.int64]
    """(n,) rising places of the belt; a gap was not read."""
    levels: Mapping[str, Lines]
    """By view (n, detectors, 2), calibrated."""


class BeltView:
    """One lane's belt; `show` is called by the lane, `watch` by anybody."""

    def __init__(self) -> None:
        self.dropped_rows = 0
        """That watchers were too slow for, since the start."""
        self._lock = Lock()
        self._watchers: tuple[Watcher, ...] = ()

    @property
    def watchers(self) -> int:
        """How many there are."""
        return len(self._watchers)

    def show(self, hello: Hello, rows: NDArray[np.int64], levels: Mapping[str, Lines]) -> None:
        """New rows; the arrays must not be changed afterwards. Costs next to nothing where nobody watches."""
        if self._watchers:
            shown = Rows(hello, rows, levels)
            for watcher in self._watchers:
                self.dropped_rows += watcher.put(shown)

    def watch(self, wake: Callable[[], None] = lambda: None) -> Watcher | None:
        """Watch from now on; None where enough people do. ``wake`` is called by the lane's thread: it must be quick."""
        with self._lock:
            if len(self._watchers) >= MOST_WATCHERS:
                return None
            watcher = Watcher(self, wake)
            self._watchers = (*self._watchers, watcher)
        return watcher

    def forget(self, watcher: Watcher) -> None:
        """Stop showing to this one."""
        with self._lock:
            self._watchers = tuple(other for other in self._watchers if other is not watcher)


class Watcher:
    """Somebody who watches; a context manager that ends it."""

    def __init__(self, view: BeltView, wake: Callable[[], None]) -> None:
        self._view, self._wake = view, wake
        self._lock = Lock()
        self._waiting: deque[Rows] = deque()
        self._bytes = self._missed = 0

    def put(self, rows: Rows) -> int:
        """Called by the lane; how many rows were dropped for it. Full: all that waits goes, what comes is news."""
        size = sum(values.nbytes for values in rows.levels.values())
        with self._lock:
            dropped = 0
            if self._waiting and self._bytes + size > MOST_WAITING_BYTES:
                dropped = sum(len(waiting.rows) for waiting in self._waiting)
                self._waiting.clear()
                self._bytes = 0
                self._missed += dropped
            self._waiting.append(rows)
            self._bytes += size
        self._wake()
        return dropped

    def take(self) -> tuple[list[Rows], int]:
        """All that came since the last call, and how many rows before that were missed."""
        with self._lock:
            taken, missed = list(self._waiting), self._missed
            self._waiting.clear()
            self._bytes = self._missed = 0
        return taken, missed

    def close(self) -> None:
        """Watch no longer."""
        self._view.forget(self)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.close()
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Some rows of the small picture."""

    first_px: int
    """Place of the first on the belt, in rows of the small picture."""
    rgb: NDArray[np.uint8]
    """(n, width, 3) in the canonical palette."""


class BeltPicture:
    """Makes a small picture with square pixels of one view's rows. Works in the watcher's thread.

    Args:
        hello: the stream.
        view: one of its views.
        most_px: its width at most.
    """

    def __init__(self, hello: Hello, view: str, most_px: int = USUAL_PX) -> None:
        self.hello, self.view = hello, view
        detectors = hello.detectors[hello.views.index(view)]
        self.detectors_per_px = -(-detectors // most_px)
        self.width_px = -(-detectors // self.detectors_per_px)
        self.pitch_mm = self.detectors_per_px * hello.pitch_mm
        self.rows_per_px = max(1, round(self.pitch_mm / hello.line_pitch_mm))
        self._first_px = 0
        self._held: list[Lines] = []

    def add(self, rows: Rows) -> list[Strip]:
        """The strips that are whole now; a row of the picture that waits for more rows is held."""
        levels = rows.levels[self.view]
        places = rows.rows // self.rows_per_px
        starts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
        done: list[tuple[int, Lines]] = []
        for begin, end in zip(starts, starts[1:], strict=False):
            place = int(places[begin])
            if self._held and place != self._first_px:
                done.append((self._first_px, self._shrunk()))
            self._first_px = place
            self._held.append(levels[begin:end])
            if int(rows.rows[end - 1]) % self.rows_per_px == self.rows_per_px - 1:
                done.append((place, self._shrunk()))
        return self._strips(done)

    def _shrunk(self) -> Lines:
        """What is held as one row (width, 2): means over detectors and rows."""
        held = np.concatenate(self._held)
        self._held = []
        row = cv2.resize(held.mean(axis=0, dtype=np.float32)[None], (self.width_px, 1), interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(row[0]), np.uint16)

    def _strips(self, done: list[tuple[int, Lines]]) -> list[Strip]:
        strips: list[Strip] = []
        while done:
            count = next((n for n in range(1, len(done)) if done[n][0] != done[n - 1][0] + 1), len(done))
            levels = np.stack([row for _, row in done[:count]])
            scan = Scan("belt", levels, ScanKind.DUAL_ENERGY, self.pitch_mm, self.view)
            strips.append(Strip(done[0][0], canonical_rgb(scan)))
            done = done[count:]
        return strips
