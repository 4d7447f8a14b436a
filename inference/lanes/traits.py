"""What one picture tells about the health of its scanner: measured in the worker, a few numbers a scan."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.opencv import cv2
from ...datasets.readers import is_blank
from ...datasets.scan import AIR_LEVEL, Scan
from .jobs import Traits

_GLANCE = 4
"""Every fourth line and detector is looked at for the fingerprint: a frozen source repeats all of them."""
_LOOK_LINES, _LOOK_COLUMNS = 128, 256
"""About how many are looked at."""
_MOST_LINES = 1024
_CELL_COLUMNS = 8
"""Columns averaged before lines are compared, which takes the noise away."""
_FAR_LINES = 8
_STILL = 0.004
"""A detector whose values spread less than this share of full scale over all lines does not see the belt."""
_NEAR_AIR = 0.9
_STEP = 0.05


def traits_of(scan: Scan) -> Traits:
    """Measure a scan; lines run down, detectors across. About a millisecond: only a part of it is looked at."""
    one = _one_channel(scan.pixels)
    top = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): float(AIR_LEVEL)}.get(one.dtype, 1.0)
    lines, columns = one.shape
    some_lines = one[:: max(1, lines // _LOOK_LINES)]
    some_columns = one[:_MOST_LINES, :: max(1, columns // _LOOK_COLUMNS)]
    return Traits(
        fingerprint=_fingerprint(scan.pixels),
        blank=is_blank(scan),
        saturated=_saturated(scan.pixels),
        dead_columns=_dead_columns(some_lines.astype(np.float32) / np.float32(top)),
        disorder=_disorder(some_columns.astype(np.float32) / np.float32(top)),
    )


def _one_channel(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W) grey, low energy, or green, in which organic, mixed and metal differ most."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(pixels[:, :, 1 if pixels.shape[2] == 3 else 0])


def _fingerprint(pixels: NDArray[Any]) -> str:
    glance = np.ascontiguousarray(pixels[::_GLANCE, ::_GLANCE])
    return hashlib.blake2b(glance.data, digest_size=12, key=str(pixels.shape).encode()).hexdigest()


def _saturated(pixels: NDArray[Any]) -> float:
    """Share of pixels whose every channel is at an end of the range; in 8-bit pictures white is air, so only black."""
    glance = pixels[::_GLANCE, ::_GLANCE]
    if pixels.dtype == np.float32:
        ends = (glance <= 0) | (glance >= 2)
    elif pixels.dtype == np.uint16:
        ends = (glance == 0) | (glance == np.iinfo(np.uint16).max)
    else:
        ends = glance == 0
    return float((ends.all(axis=2) if ends.ndim == 3 else ends).mean())


def _dead_columns(levels: NDArray[np.float32]) -> float:
    """Share of columns that never change although they do not show air, or stick out from both neighbours."""
    lines, columns = levels.shape
    if lines < _FAR_LINES or columns < 3:
        return 0.0
    still = np.ptp(levels, axis=0) < _STILL
    middle = levels[:, 1:-1]
    step = np.minimum(np.abs(middle - levels[:, :-2]), np.abs(middle - levels[:, 2:]))
    sticks_out = np.zeros(columns, bool)
    sticks_out[1:-1] = (step > _STEP).mean(axis=0) > 0.2
    return float((still & ((levels.mean(axis=0) < _NEAR_AIR) | sticks_out)).mean())


def _disorder(levels: NDArray[np.float32]) -> float:
    """Mean difference of neighbouring lines over that of lines eight apart; 0 where nothing differs at all."""
    lines, columns = levels.shape
    if lines < 4 * _FAR_LINES:
        return 0.0
    cells = cv2.resize(levels, (max(1, columns // _CELL_COLUMNS), lines), interpolation=cv2.INTER_AREA)
    near = float(np.abs(cells[1:] - cells[:-1]).mean())
    far = float(np.abs(cells[_FAR_LINES:] - cells[:-_FAR_LINES]).mean())
    return near / far if far > 1e-3 else 0.0
