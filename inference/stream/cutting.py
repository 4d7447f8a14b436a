"""Scans cut out of the belt: the rows of a parcel, as wide as its outline, with square pixels."""

from __future__ import annotations

import numpy as np

from ...datasets.belt import Lines
from ...datasets.opencv import cv2
from ...datasets.scan import Scan, ScanKind
from .parcels import BeltPart
from .store import RowStore

OBLONG = 0.02
"""Rows that are so much longer or shorter than detectors are resampled."""


def cut(
    store: RowStore, view: str, rows: tuple[int, int], margin: int, pitch_mm: float, line_pitch_mm: float, name: str
) -> BeltPart:
    """Rows of one view as a scan of its own.

    Args:
        store: the belt.
        view: which view.
        rows: first and behind the last.
        margin: detectors to keep on both sides of the outline.
        pitch_mm: of detectors.
        line_pitch_mm: of rows.
        name: the scan's id.
    """
    first, end = rows
    left, right = _extent(store, view, first, end)
    levels = store.levels(view, first, end)
    left, right = max(0, left - margin), min(levels.shape[1], right + margin)
    pixels = _square(levels[:, left:right], line_pitch_mm / pitch_mm)
    scan = Scan(name, pixels, ScanKind.DUAL_ENERGY, pitch_mm, view)
    return BeltPart(scan, left, first, (end - first) / len(pixels))


def _extent(store: RowStore, view: str, first: int, end: int) -> tuple[int, int]:
    """The outline's leftmost and rightmost detector; all where the view sees only air."""
    edges = store.outline(view, first, end)
    left, right = int(edges[:, 0].min()), int(edges[:, 1].max())
    return (left, right) if right > left else (0, store.levels(view, first, end).shape[1])


def _square(levels: Lines, ratio: float) -> Lines:
    """A copy, resampled along the belt where rows are not as long as detectors are wide."""
    height = max(1, round(len(levels) * ratio))
    if abs(ratio - 1) <= OBLONG or height == len(levels):
        return levels.copy()
    way = cv2.INTER_AREA if height < len(levels) else cv2.INTER_LINEAR
    resampled = cv2.resize(np.ascontiguousarray(levels), (levels.shape[1], height), interpolation=way)
    return np.asarray(resampled, np.uint16)
