"""Too coarse to judge: pictures of a size or shape in which the detector would see too little of a threat.

The letterbox shrinks a scan until its longer side fits the network's input. A strip that is much longer than wide, such
as a belt recorded without a cut, then keeps a few pixels of each parcel, and silence about it means nothing.
"""

from __future__ import annotations

from ..datasets.scan import Scan

MAX_ELONGATION = 8.0
"""Longer side to shorter side. Of 1,728 real scans measured the longest has 6.2."""
MIN_SIDE_PX = 16
"""The shorter side of a scan, as it was read; the smallest real scan measured has 26."""
MAX_SEEN_PITCH_MM = 5.0
"""Width of what one pixel of the network's input covers, where the pitch is known: a pistol spans 30 of these."""


def coarse_reason(scan: Scan, input_px: int) -> str:
    """Why silence about this scan means nothing; empty where the detector sees enough.

    Args:
        scan: the scan.
        input_px: side of the square the network sees.
    """
    long_px, short_px = max(scan.height_px, scan.width_px), min(scan.height_px, scan.width_px)
    size = f"{scan.width_px}×{scan.height_px} pixels"
    if short_px < MIN_SIDE_PX:
        return f"{size} are too few to judge: give the scan in full resolution"
    if long_px > MAX_ELONGATION * short_px:
        return f"{size} are too long and narrow to judge: cut it into one scan a parcel"
    seen_mm = (scan.pitch_mm or 0.0) * long_px / input_px
    if seen_mm > MAX_SEEN_PITCH_MM:
        return f"too large to judge: one pixel would show {seen_mm:.0f} mm; cut it into one scan a parcel"
    return ""
