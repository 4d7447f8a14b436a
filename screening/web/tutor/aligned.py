"""Two views of a parcel row by row beside each other: the pointer's place along the belt is then right in both.

A scanner reads all views at once, but pictures of data sets are cut around the parcel, each view by itself. How many
rows they are apart shows in what each row holds: the belt brings the same matter past both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....datasets.scan import AIR_LEVEL, Scan, ScanKind
from ....detector.errors import StorageError
from ...storage.pictures import PictureStore
from .shots import load

Profile = NDArray[np.float64]
"""(H,): what a picture's rows hold."""
Box = Sequence[float]
_LEAST_SHARED = 0.6
"""Of the shorter picture's rows, both show at least so many."""
_LEAST_ALIKE = 0.5
"""Correlation below which nothing is moved: the pictures do not tell."""
_DARKEST = 0.01
_KNOWN = 1024


def rows_above(store: PictureStore, files: Mapping[str, str]) -> dict[str, int]:
    """View → rows of air to put above its picture.

    Args:
        store: of the library.
        files: view → name in the store.
    """
    try:
        return dict(zip(files, _rows_above(store, tuple(files.values())), strict=True))
    except StorageError:  # whoever asks for the pixels next is told
        return dict.fromkeys(files, 0)


@lru_cache(maxsize=_KNOWN)
def _rows_above(store: PictureStore, files: tuple[str, ...]) -> tuple[int, ...]:
    if len(files) < 2:
        return (0,) * len(files)
    scans = [load(store, file, file[:12]) for file in files]
    if len({scan.pitch_mm for scan in scans}) > 1:
        return (0,) * len(files)
    first = profile_of(scans[0])
    behind = [0, *(rows_apart(first, profile_of(scan)) for scan in scans[1:])]
    return tuple(rows - min(behind) for rows in behind)


def profile_of(scan: Scan) -> Profile:
    """(H,): attenuation summed over each row, of the low energy where there are two."""
    levels = scan.pixels.astype(np.float64)
    grey = levels.mean(axis=2) if scan.kind is ScanKind.PSEUDO_COLOUR else levels.reshape(*levels.shape[:2], -1)[..., 0]
    found: Profile = -np.log(np.clip(grey / _air(scan), _DARKEST, 1.0)).sum(axis=1)
    return found


def rows_apart(first: Profile, second: Profile) -> int:
    """Row of the first picture that is row 0 of the second; 0 where the pictures do not tell."""
    least = int(_LEAST_SHARED * min(len(first), len(second)))
    alike = {lag: _alike(first, second, lag) for lag in range(least - len(second), len(first) - least + 1)}
    best = max(alike, key=lambda lag: (alike[lag], -abs(lag)), default=0)
    return best if alike.get(best, 0.0) >= _LEAST_ALIKE else 0


def _alike(first: Profile, second: Profile, lag: int) -> float:
    """Correlation of the rows that both show."""
    begin, end = max(0, lag), min(len(first), len(second) + lag)
    one, other = first[begin:end], second[begin - lag : end - lag]
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else 0.0


def aligned(scans: Sequence[Scan], above: Sequence[int]) -> list[Scan]:
    """The scans with air above and below, all of one height."""
    height = max(scan.height_px + rows for scan, rows in zip(scans, above, strict=True))
    return [_framed(scan, rows, height - rows - scan.height_px) for scan, rows in zip(scans, above, strict=True)]


def moved(box: Box, rows: int) -> list[float]:
    """A box (xyxy) or place (xy) so many rows farther down."""
    return [edge + rows * (at % 2) for at, edge in enumerate(box)]


def _framed(scan: Scan, above: int, below: int) -> Scan:
    if not above and not below:
        return scan
    around = ((above, below), *((0, 0),) * (scan.pixels.ndim - 1))
    return replace(scan, pixels=np.pad(scan.pixels, around, constant_values=_air(scan)))


def _air(scan: Scan) -> int:
    if scan.pixels.dtype == np.float32:
        return 1
    return AIR_LEVEL if scan.pixels.dtype == np.uint16 else 255
