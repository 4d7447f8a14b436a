"""Pictures of the library as the training pages need them: for the viewer, and as small PNGs for feedback."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....datasets.canonical import canonical_rgb
from ....datasets.opencv import cv2
from ....datasets.readers import decode_scan
from ....datasets.scan import Scan
from ....detector.errors import ScanError, StorageError
from ...storage.pictures import PictureStore

Rgb = NDArray[np.uint8]
_LOOK_PX, _WHOLE_PX = 200, 420
_AROUND = 0.35
"""Of the box's longer side is shown around it."""
_HALO, _THREAT, _CLICK = (20, 18, 16), (215, 95, 255), (255, 255, 255)
"""BGR, as OpenCV draws; the threat's hue is one that no palette uses."""


def load(store: PictureStore, file: str, name: str) -> Scan:
    """A picture of the library. Raises StorageError where it is gone, altered or not readable any more."""
    try:
        return decode_scan(store.get(file), name)
    except ScanError as error:
        raise StorageError(
            f"picture {file[:12]} cannot be read: {error.message}", "restore it from a backup"
        ) from error


def look_png(scan: Scan, xyxy_px: Sequence[float]) -> bytes:
    """The square around a threat, in the canonical palette."""
    x0, y0, x1, y1 = xyxy_px
    half = max(x1 - x0, y1 - y0) * (0.5 + _AROUND)
    square = _square(canonical_rgb(scan), (x0 + x1) / 2, (y0 + y1) / 2, half)
    larger = cv2.INTER_CUBIC if square.shape[0] < _LOOK_PX else cv2.INTER_AREA
    return _png(cv2.resize(square, (_LOOK_PX, _LOOK_PX), interpolation=larger))


def whole_png(scan: Scan, boxes: Sequence[Sequence[float]], click_px: tuple[float, float] | None) -> bytes:
    """The whole picture, small, with its threats framed and the click as a cross."""
    rgb = canonical_rgb(scan)
    scale = _WHOLE_PX / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    drawn = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    for box in boxes:
        x0, y0, x1, y1 = (round(edge * scale) for edge in box)
        for colour, width in ((_HALO, 5), (_THREAT, 2)):
            cv2.rectangle(drawn, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), colour, width)
    if click_px is not None:
        at = (round(click_px[0] * scale), round(click_px[1] * scale))
        for colour, width in ((_HALO, 6), (_CLICK, 2)):
            cv2.drawMarker(drawn, at, colour, cv2.MARKER_CROSS, 18, width)
    return _encoded(drawn)


def _square(rgb: Rgb, x: float, y: float, half: float) -> Rgb:
    """Cut out; what lies beyond the picture is air."""
    side = max(8, round(2 * half))
    left, top = round(x - half), round(y - half)
    made = np.full((side, side, 3), 255, np.uint8)
    height, width = rgb.shape[:2]
    from_x, to_x = max(0, left), min(width, left + side)
    from_y, to_y = max(0, top), min(height, top + side)
    if from_x < to_x and from_y < to_y:
        made[from_y - top : to_y - top, from_x - left : to_x - left] = rgb[from_y:to_y, from_x:to_x]
    return made


def _png(rgb: Rgb) -> bytes:
    return _encoded(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def _encoded(bgr: Rgb) -> bytes:
    done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise StorageError("a picture could not be written", "report this")
    return bytes(data)
