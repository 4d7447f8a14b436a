"""A stretch of a recorded belt as a picture: canonical colours, the truth over it, the belt from left to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .belt import BeltParcel
from .belt_files import RecordedBelt
from .canonical import canonical_rgb
from .overlay import CYAN, MAGENTA, Colour, draw_boxes
from .scan import Scan, ScanKind

_STRIP_LINES = 1600
_STRIPS = 4
_LABEL_PX = 34
"""Room for a parcel's name above its frame."""
_BORDER_PX = 4
_BORDER_GREY = 90


def belt_picture(belt: RecordedBelt, first_line: int = 0) -> NDArray[np.uint8]:
    """RGB of lines as they were read, in strips below each other, all views of the same lines together.

    Parcels are framed with their id, threats with their class. Where the belt stood or reversed, a frame reaches from
    the line that first read its begin to the line that first read its end.

    Args:
        belt: calibrated lines.
        first_line: where the first strip begins.
    """
    strips = []
    for first in range(first_line, min(len(belt), first_line + _STRIPS * _STRIP_LINES), _STRIP_LINES):
        strips += [_strip(belt, view, first) for view in belt.views]
    return np.concatenate(strips)


def _strip(belt: RecordedBelt, view: str, first: int) -> NDArray[np.uint8]:
    """(detectors + border, _STRIP_LINES, 3), white behind the belt's end."""
    levels = belt.views[view][first : first + _STRIP_LINES].transpose(1, 0, 2)
    scan = Scan("belt", np.ascontiguousarray(levels), ScanKind.DUAL_ENERGY, belt.document.pitch_mm, view)
    rgb = np.full((belt.document.detectors, _STRIP_LINES, 3), 255, np.uint8)
    rgb[:, : levels.shape[1]] = canonical_rgb(scan)
    boxes, texts, colours = [], [], []
    for parcel in belt.parcels:
        for box, text, colour in _frames(belt, parcel, view):
            x, y, x2, y2 = box[0] - first, box[1], box[2] - first, box[3]
            if x2 > 0 and x < _STRIP_LINES:
                boxes.append([x, y, x2, y2])
                texts.append(text if x >= 0 else "")
                colours.append(colour)
    drawn = draw_boxes(rgb, np.asarray(boxes, np.float64).reshape(-1, 4), texts, colours)
    return np.pad(drawn, ((0, _BORDER_PX), (0, 0), (0, 0)), constant_values=_BORDER_GREY)


def _frames(belt: RecordedBelt, parcel: BeltParcel, view: str) -> list[tuple[list[float], str, Colour]]:
    """(line, detector, line, detector), text and colour of the parcel over the tunnel's width, then of its threats."""
    found = parcel.views[view]
    bottom = float(belt.document.detectors - _BORDER_PX)
    frames = [(parcel.first_row, float(_LABEL_PX), parcel.end_row, bottom, parcel.parcel_id, CYAN)]
    frames += [
        (int(y), x, int(np.ceil(y2)), x2, label, MAGENTA)
        for (x, y, x2, y2), label in zip(found.xyxy_px.tolist(), found.labels, strict=True)
    ]
    drawn = []
    for row, low, end_row, high, text, colour in frames:
        lines = belt.motion.lines_of_rows(row, end_row)
        drawn.append(([float(lines[0]), low, float(lines[-1] + 1), high], text, colour))
    return drawn
