"""A recorded belt as the messages of a scanner: for the virtual scanner, tests and benchmarks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...datasets.belt_files import RecordedBelt
from .protocol import Hello, LinesMessage

BLOCK_LINES = 16
_ODD = re.compile(r"[^A-Za-z0-9._:-]+")


def hello_of(belt: RecordedBelt, stream: str) -> Hello:
    """How the belt introduces itself; ``stream``: any name for this run of it."""
    document = belt.document
    return Hello(
        scanner=_name(document.scanner),
        stream=_name(stream),
        views=document.views,
        detectors=(document.detectors,) * len(document.views),
        pitch_mm=document.pitch_mm,
        line_pitch_mm=document.line_pitch_mm,
        line_rate_hz=document.line_rate_hz,
        air_level=document.air_level,
        calibrated=not document.raw,
    )


def _name(text: str) -> str:
    """A name that the protocol takes."""
    return _ODD.sub("-", text).lstrip("._:-")[:64] or "belt"


def messages_of(
    belt: RecordedBelt,
    first_line: int = 0,
    end_line: int | None = None,
    lines: int = BLOCK_LINES,
    signals: bool = True,
    encoder: bool = False,
) -> Iterator[LinesMessage]:
    """Lines in order, both views of the same lines one after the other; no message spans a change of motion.

    Args:
        belt: the recording.
        first_line: where to begin.
        end_line: behind the last line; None: the belt's end.
        lines: in one message at most.
        signals: tell motion and beam.
        encoder: tell the position.
    """
    end_line = len(belt) if end_line is None else min(end_line, len(belt))
    motion = belt.motion
    for run in motion.runs:
        assert run.lines is not None, "a recorded belt ends"
        end = min(run.first_line + run.lines, end_line)
        for first in range(max(run.first_line, first_line), end, lines):
            for view, name in enumerate(belt.views):
                yield LinesMessage(
                    first,
                    motion.clock_ms(first),
                    view,
                    belt.views[name][first : min(first + lines, end)],
                    motion.position_mm(first) if encoder else None,
                    run.step if signals else None,
                    run.beam if signals else None,
                )
