"""Lines of all views side by side, in order; what was lost or came twice is counted, never passed over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from ...detector.errors import SourceError
from .protocol import Hello, LinesMessage

MAX_SKEW_LINES = 1024
"""Lines that one view may be ahead of another; beyond, the other's lines are lost."""
MAX_REPEATED = 1 << 16
"""Lines in a row that had all been read: numbers began anew without a new stream name."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive lines of all views, during which the belt moved in one way."""

    first_line: int
    clock_ms: float
    views: Mapping[str, Lines]
    """Each (lines, detectors, 2), as the scanner sent them."""
    position_mm: float | None = None
    motion: int | None = None
    beam: bool | None = None

    def __len__(self) -> int:
        return len(next(iter(self.views.values())))


@dataclass(frozen=True, slots=True)
class Lost:
    """Lines that never came, or only in one view."""

    first_line: int
    lines: int


class Joiner:
    """Joins views by their line numbers.

    Args:
        hello: the stream.
        next_line: the first line that is wanted; None: whatever comes first.
    """

    def __init__(self, hello: Hello, next_line: int | None = None) -> None:
        self.next_line = next_line
        """The next line that is given out."""
        self.lost_lines = 0
        self.repeated_lines = 0
        self._views = hello.views
        self._line_ms = 1000 / hello.line_rate_hz
        self._line_mm = hello.line_pitch_mm
        self._waiting: list[deque[LinesMessage]] = [deque() for _ in hello.views]
        self._ends: list[int | None] = [next_line for _ in hello.views]
        self._repeated_at_once = 0

    def add(self, message: LinesMessage) -> Iterator[Chunk | Lost]:
        """What this message completes.

        Raises:
            SourceError: if line numbers have begun anew.
        """
        fresh = self._fresh(message)
        if fresh is None:
            return
        self._waiting[message.view].append(fresh)
        self._ends[message.view] = fresh.sequence + len(fresh.values)
        if self.next_line is None:
            if not all(self._waiting):
                if self._skew() > MAX_SKEW_LINES:
                    self.next_line = fresh.sequence
                else:
                    return
            else:
                # Views that begin at different lines: nothing was promised before the first common one.
                self.next_line = max(queue[0].sequence for queue in self._waiting)
        yield from self._joined()

    def flush(self) -> Iterator[Chunk | Lost]:
        """No more will come: lines that only one view has are lost."""
        yield from self._joined()
        ends = [end for end in self._ends if end is not None]
        if self.next_line is not None and ends and max(ends) > self.next_line:
            yield self._skip(max(ends))

    def _fresh(self, message: LinesMessage) -> LinesMessage | None:
        """The lines of a message that its view has not sent before; None where it has sent all."""
        end = self._ends[message.view]
        repeated = 0 if end is None else min(max(end - message.sequence, 0), len(message.values))
        if not repeated:
            self._repeated_at_once = 0
            return message
        self.repeated_lines += repeated
        self._repeated_at_once += repeated
        if self._repeated_at_once > MAX_REPEATED:
            raise SourceError(
                f"line numbers went back to {message.sequence}, where {end} was next",
                "name the stream anew when its numbers begin anew",
            )
        return _without_first(message, repeated, self._line_ms, self._line_mm)

    def _joined(self) -> Iterator[Chunk | Lost]:
        while self.next_line is not None:
            self._drop_old()
            if all(self._waiting):
                first = max(queue[0].sequence for queue in self._waiting)
                yield self._skip(first) if first > self.next_line else self._take()
            elif self._skew() > MAX_SKEW_LINES:
                first = min(queue[0].sequence for queue in self._waiting if queue)
                yield self._skip(max(first, self.next_line) + MAX_SKEW_LINES // 2)
            else:
                return

    def _take(self) -> Chunk:
        """As many lines as every view has in one message."""
        heads = [queue.popleft() for queue in self._waiting]
        count = min(len(head.values) for head in heads)
        for queue, head in zip(self._waiting, heads, strict=True):
            rest = _without_first(head, count, self._line_ms, self._line_mm)
            if rest is not None:
                queue.appendleft(rest)
        views = {name: head.values[:count] for name, head in zip(self._views, heads, strict=True)}
        one = heads[0]
        chunk = Chunk(one.sequence, one.clock_ms, views, one.position_mm, one.motion, one.beam)
        self.next_line = one.sequence + count
        return chunk

    def _skip(self, line: int) -> Lost:
        assert self.next_line is not None
        lost = Lost(self.next_line, line - self.next_line)
        self.lost_lines += lost.lines
        self.next_line = line
        return lost

    def _drop_old(self) -> None:
        """Forget waiting lines before the next one."""
        assert self.next_line is not None
        for queue in self._waiting:
            while queue and queue[0].sequence < self.next_line:
                head = queue.popleft()
                rest = _without_first(head, self.next_line - head.sequence, self._line_ms, self._line_mm)
                if rest is not None:
                    queue.appendleft(rest)

    def _skew(self) -> int:
        """Lines that wait for the other view."""
        return max((sum(len(message.values) for message in queue) for queue in self._waiting), default=0)


def _without_first(message: LinesMessage, count: int, line_ms: float, line_mm: float) -> LinesMessage | None:
    """The message less its first lines; None where nothing is left."""
    if count >= len(message.values):
        return None
    if count <= 0:
        return message
    position = message.position_mm
    if position is not None:
        position += count * line_mm * (1 if message.motion is None else message.motion)
    values: NDArray[np.uint16] = message.values[count:]
    return replace(
        message,
        sequence=message.sequence + count,
        clock_ms=message.clock_ms + count * line_ms,
        position_mm=position,
        values=values,
    )
