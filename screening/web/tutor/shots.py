"""Pictures of the library as the training pages need them: for the viewer, and as small PNGs for feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
_GAP_PX, _GAP = 6, 90
"""Between views, and how grey it is."""
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


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One view of an answered parcel; everything in pixels of its picture."""

    scan: Scan
    boxes: Sequence[Sequence[float]]
    """Of its threats, xyxy."""
    click_px: Sequence[float] | None
    """xy."""


def whole_png(shots: Sequence[Shot]) -> bytes:
    """The views of a parcel, of one height, beside each other: small, threats framed, the click a cross."""
    scale = _WHOLE_PX / max(sum(shot.scan.width_px for shot in shots), shots[0].scan.height_px)
    drawn = [_drawn(shot, scale) for shot in shots]
    apart = [np.pad(one, ((0, 0), (_GAP_PX, 0), (0, 0)), constant_values=_GAP) for one in drawn[1:]]
    return _encoded(np.hstack([drawn[0], *apart]))


def _drawn(shot: Shot, scale: float) -> Rgb:
    """BGR, as OpenCV draws."""
    rgb = canonical_rgb(shot.scan)
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    drawn: Rgb = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    for box in shot.boxes:
        x0, y0, x1, y1 = (round(edge * scale) for edge in box)
        for colour, width in ((_HALO, 5), (_THREAT, 2)):
            cv2.rectangle(drawn, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), colour, width)
    if shot.click_px is not None:
        at = (round(shot.click_px[0] * scale), round(shot.click_px[1] * scale))
        for colour, width in ((_HALO, 6), (_CLICK, 2)):
            cv2.drawMarker(drawn, at, colour, cv2.MARKER_CROSS, 18, width)
    return drawn


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
