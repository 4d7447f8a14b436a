"""Parcels that touch: what their outline tells.

Measured on 120 rendered parcels, of which 57 touch the one before: of the touching ones 9 in 20 leave some rows of air
between their corners, and nearly all let both edges jump by over JUMP_MM; of single parcels 13 have such rows inside
(pouches, bags with handles), and one in four jumps somewhere. Both together are taken for a seam; either alone is only
told, because a parcel that is kept together is seen whole, and one that is cut is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JUMP_MM = 60.0
"""Of both edges of the outline, within SLACK_MM along the belt."""
LEAST_AIR_MM = 2.0
"""Of air, at a seam."""
LEAST_PIECE_MM = 100.0
"""On either side of a seam: a handle or a flap is no parcel."""
BESIDE_MM = 10.0
"""Length of belt whose median edge is compared, before and behind."""
SLACK_MM = 4.0


def jump_mm(before: NDArray[np.int64], behind: NDArray[np.int64], pitch_mm: float) -> float:
    """By how much both edges differ at least, between rows (n, 2) and (m, 2) of left and right edges.

    0 where one of them is all air.
    """
    before, behind = before[before[:, 1] > before[:, 0]], behind[behind[:, 1] > behind[:, 0]]
    if not len(before) or not len(behind):
        return 0.0
    moved = np.abs(np.median(before, axis=0) - np.median(behind, axis=0))
    return float(moved.min()) * pitch_mm


def jumps(edges: NDArray[np.int64], pitch_mm: float, line_pitch_mm: float) -> bool:
    """True where the outline (rows, 2) of a parcel jumps anywhere but near its ends."""
    beside, slack = max(2, round(BESIDE_MM / line_pitch_mm)), max(1, round(SLACK_MM / line_pitch_mm))
    occupied = edges[edges[:, 1] > edges[:, 0]]
    if len(occupied) < 6 * beside + slack:
        return False
    medians = np.median(np.lib.stride_tricks.sliding_window_view(occupied, beside, axis=0), axis=2)
    moved = np.abs(medians[beside + slack :] - medians[: -beside - slack]).min(axis=1) * pitch_mm
    return bool((moved[beside : len(moved) - beside] >= JUMP_MM).any())
