"""What comes out of a belt: parcels as they begin, grow and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from ...datasets.scan import Scan
from ...detector.detections import Detections


class Flaw(StrEnum):
    """What is wrong with a parcel's picture, or has to be known about it."""

    LINES_LOST = "lines lost"
    BEGINNING_UNSEEN = "beginning unseen"
    END_UNSEEN = "end unseen"
    ROWS_SKIPPED = "rows skipped"
    """The belt ran faster than the lines: rows were repeated to keep the shape."""
    NOT_CALIBRATED = "not calibrated"
    DEAD_DETECTORS = "dead detectors"
    """Bridged by their neighbours."""
    BLIND = "blind"
    """Too many dead detectors side by side to bridge them."""
    SEVERAL_PARCELS = "several parcels"
    CUT = "cut"

    @property
    def forbids_silence(self) -> bool:
        """True where finding nothing means nothing: a person must look."""
        return self in _FORBIDDING


_FORBIDDING = frozenset((Flaw.LINES_LOST, Flaw.BEGINNING_UNSEEN, Flaw.END_UNSEEN, Flaw.NOT_CALIBRATED, Flaw.BLIND))


@dataclass(frozen=True, slots=True)
class Note:
    """A flaw in words."""

    flaw: Flaw
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class BeltPart:
    """A piece of belt as one view sees it: a scan and where it lies."""

    scan: Scan
    """Pixels are square: rows are as far apart as detectors."""
    first_detector: int
    first_row: int
    rows_per_px: float = 1.0
    """Rows of the belt that a pixel of the scan is long."""
    before: bool = False
    """The parcel begins before this part."""
    behind: bool = False
    """The parcel goes on behind this part."""

    def to_belt(self, found: Detections) -> Detections:
        """Boxes in pixels of the scan → (detector, row, detector, row) of the belt."""
        boxes = found.xyxy_px * np.array([1, self.rows_per_px] * 2, np.float32)
        boxes += np.array([self.first_detector, self.first_row] * 2, np.float32)
        return Detections(boxes, found.score, found.class_id)

    def from_belt(self, found: Detections) -> Detections:
        """The opposite, clipped to the scan."""
        boxes = found.xyxy_px - np.array([self.first_detector, self.first_row] * 2, np.float32)
        boxes /= np.array([1, self.rows_per_px] * 2, np.float32)
        size = np.array([self.scan.width_px, self.scan.height_px] * 2, np.float32)
        return Detections(np.clip(boxes, 0, size), found.score, found.class_id)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Detector, row, detector, row that it covers; ends exclusive."""
        x, y = self.first_detector, self.first_row
        return x, y, x + self.scan.width_px, y + self.scan.height_px * self.rows_per_px


@dataclass(frozen=True, slots=True)
class ParcelStarted:
    """A parcel has come into the beam."""

    parcel_id: str
    first_row: int
    first_line: int


@dataclass(frozen=True, slots=True, eq=False)
class WindowReady:
    """A piece of a parcel that is still in the beam, to be looked at now."""

    parcel_id: str
    number: int
    """From 0."""
    views: Mapping[str, BeltPart]


@dataclass(frozen=True, slots=True, eq=False)
class ParcelEnding:
    """Air behind a parcel, as long as is kept around it: if no more of it comes, this is how it will be finished.

    The air that ends a parcel is longer; whoever looks now has the answer by then.
    """

    parcel_id: str
    views: Mapping[str, BeltPart]
    """These very objects come again in its `ParcelFinished`."""
    tail: Mapping[str, BeltPart]


@dataclass(frozen=True, slots=True, eq=False)
class ParcelFinished:
    """A parcel has passed."""

    parcel_id: str
    first_row: int
    end_row: int
    first_line: int
    """The line that first read its first row."""
    end_line: int
    """The line after the one that first read its last row."""
    first_ms: float
    """Scanner's clock at the first line."""
    views: Mapping[str, BeltPart]
    tail: Mapping[str, BeltPart] = field(default_factory=dict)
    """By view its last window, where it is so long that the whole alone would show too little; else empty."""
    lost_rows: tuple[tuple[int, int], ...] = ()
    """Rows that no line read, filled by the row before them; ends exclusive."""
    notes: tuple[Note, ...] = ()

    @property
    def stream(self) -> str:
        """Whose lines these are; parcel ids are the stream's name and the first line."""
        return self.parcel_id.rpartition("-")[0]

    @property
    def doubts(self) -> list[str]:
        """Why silence about it means nothing."""
        return [note.text for note in self.notes if note.flaw.forbids_silence]


BeltEvent = ParcelStarted | WindowReady | ParcelEnding | ParcelFinished
