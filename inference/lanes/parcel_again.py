"""Is a parcel of a line stream one that an earlier run of this program accepted already?

A program that is killed between a parcel's receipt and the status that tells the scanner of it gets the parcel's lines
again. What it makes of them has slightly other pixels, since calibration began anew, and may begin a row earlier or
later, so no hash knows it. It is the same parcel if the same view of the same stream read the same lines at the same
time of the scanner's clock, **and** it looks alike: a scanner that numbers anew under an old name must not have its
parcels taken for old ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.opencv import cv2
from ...datasets.scan import Scan

LOOK = "look"
"""The note that keeps how a parcel looks."""
MOST_LINES_APART = 64
"""Between the first lines of two readings of one parcel."""
_LEAST_OVERLAP = 0.9
"""Of the lines of either reading."""
_MOST_MS_APART = 500.0
_SIDE_CELLS = 8
_ALIKE_LEVELS = 10
"""Of 255, by which any cell of two readings may differ; drift is a few hundredths."""


@dataclass(frozen=True, slots=True)
class BeltPlace:
    """Where a parcel was read."""

    stream: str
    view: str
    several_views: bool
    first_line: int
    end_line: int

    def id_at(self, line: int) -> str:
        """The scan id of a parcel of this stream and view that begins at a line."""
        return f"{self.stream}-{line:09d}" + (f"-{self.view}" if self.several_views else "")

    @property
    def near_ids(self) -> tuple[str, str]:
        """Of what begins nearly here: lowest and highest scan id. Numbers have nine digits, so ids sort like lines."""
        first = max(0, self.first_line - MOST_LINES_APART)
        return self.id_at(first), self.id_at(self.first_line + MOST_LINES_APART)

    def overlaps(self, notes: Mapping[str, Any]) -> bool:
        """True where notes on record tell of the same lines of the same view."""
        try:
            first, end = (int(number) for number in str(notes["lines"]).split("-"))
        except (KeyError, ValueError):
            return False
        shared = min(end, self.end_line) - max(first, self.first_line)
        longer = max(end - first, self.end_line - self.first_line)
        return notes.get("view") == self.view and shared >= _LEAST_OVERLAP * longer


def look_of(scan: Scan) -> str:
    """How a scan looks, in 8 × 8 cells, as hexadecimal."""
    pixels: NDArray[Any] = scan.pixels if scan.pixels.ndim == 2 else scan.pixels[:, :, 0]
    size = (_SIDE_CELLS, _SIDE_CELLS)
    cells = cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    top = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    return np.asarray(np.clip(np.rint(cells * (255 / top)), 0, 255), np.uint8).tobytes().hex()


def is_again(
    place: BeltPlace, clock_ms: float | None, look: str, known_meta: str, known_clock_ms: float | None
) -> bool:
    """True where a parcel is the one that is on record with these notes (JSON) and this clock."""
    notes = json.loads(known_meta)
    if clock_ms is None or known_clock_ms is None or abs(clock_ms - known_clock_ms) > _MOST_MS_APART:
        return False
    return place.overlaps(notes) and _alike(look, str(notes.get(LOOK, "")))


def _alike(first: str, second: str) -> bool:
    if len(first) != len(second) or not first:
        return False
    ours, theirs = (np.frombuffer(bytes.fromhex(look), np.uint8).astype(np.int16) for look in (first, second))
    return bool(np.abs(ours - theirs).max() <= _ALIKE_LEVELS)
