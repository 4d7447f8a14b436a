"""Too coarse to judge at once: pictures of a size or shape in which the detector would see too little of a threat.

The letterbox shrinks a scan until its longer side fits the network's input. A strip that is much longer than wide, such
as a belt recorded without a cut, then keeps a few pixels of each parcel, and silence about it means nothing. Such a
scan is looked at in overlapping tiles (``tiling.py``); what even tiles do not help ends in a person's hands.
"""

from __future__ import annotations

from ..datasets.scan import Scan

MAX_ELONGATION = 8.0
"""Longer side to shorter side. Of 1,728 real scans measured the longest has 6.2."""
MIN_SIDE_PX = 16
"""The shorter side of a scan, as it was read; the smallest real scan measured has 26."""
MAX_SEEN_PITCH_MM = 5.0
"""Width of what one pixel of the network's input covers, where the pitch is known: a pistol spans 30 of these."""
TILE_ELONGATION = 3.0
"""Length of a tile to its width: in the middle of the shapes that whole parcels have."""
MAX_TILES = 64
"""A scan of more is refused: one detection each takes seconds already."""


def tile_spans(scan: Scan, input_px: int) -> list[tuple[int, int]]:
    """Where to cut a scan that the detector would see too little of as a whole: spans of its longer side, in pixels.

    Spans overlap by half, so that every object up to half a tile long lies whole in one of them.

    Args:
        scan: the scan.
        input_px: side of the square the network sees.

    Returns:
        Spans from first to last, together all of the longer side; empty where the whole is seen well enough, or where
        tiles would not help.
    """
    long_px, short_px = max(scan.height_px, scan.width_px), min(scan.height_px, scan.width_px)
    if long_px <= MAX_ELONGATION * short_px and _seen_mm(scan, long_px, input_px) <= MAX_SEEN_PITCH_MM:
        return []
    length = min(long_px, round(TILE_ELONGATION * short_px))
    if scan.pitch_mm is not None:
        length = min(length, int(MAX_SEEN_PITCH_MM * input_px / scan.pitch_mm))
    if short_px < MIN_SIDE_PX or length < short_px:
        return []
    return _spans(long_px, length) if -(-2 * long_px // length) <= MAX_TILES + 1 else []


def _spans(long_px: int, length: int) -> list[tuple[int, int]]:
    """Evenly laid, neighbours overlapping by at least half."""
    count = max(2, -(-2 * (long_px - length) // length) + 1)
    firsts = [round(i * (long_px - length) / (count - 1)) for i in range(count)]
    return [(first, first + length) for first in firsts]


def _seen_mm(scan: Scan, long_px: int, input_px: int) -> float:
    return (scan.pitch_mm or 0.0) * long_px / input_px


def coarse_reason(scan: Scan, input_px: int) -> str:
    """Why silence about this scan means nothing, even looked at in tiles; empty where the detector sees enough.

    Args:
        scan: the scan.
        input_px: side of the square the network sees.
    """
    long_px, short_px = max(scan.height_px, scan.width_px), min(scan.height_px, scan.width_px)
    size = f"{scan.width_px}×{scan.height_px} pixels"
    if short_px < MIN_SIDE_PX:
        return f"{size} are too few to judge: give the scan in full resolution"
    if tile_spans(scan, input_px):
        return ""
    if long_px > MAX_ELONGATION * short_px:
        return f"{size} are too long and narrow to judge: cut it into one scan a parcel"
    seen_mm = _seen_mm(scan, long_px, input_px)
    if seen_mm > MAX_SEEN_PITCH_MM:
        return f"too large to judge: one pixel would show {seen_mm:.0f} mm; cut it into one scan a parcel"
    return ""
