"""Many scans on one picture, for the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..detector.taxonomy import TAXONOMY, Taxonomy
from .annotations import Record
from .canonical import canonical_rgb
from .leaks import read_record
from .opencv import cv2
from .overlay import CYAN, MAGENTA, draw_boxes

_TILE_PX = (480, 360)
_CAPTION_PX = 26
_GAP_PX = 10
_SURROUND = (58, 58, 60)
_TEXT = (225, 225, 225)


def tile(record: Record, taxonomy: Taxonomy = TAXONOMY) -> NDArray[np.uint8]:
    """A scan with its boxes, threats magenta and benign objects cyan, scaled to fit, with its id below.

    Raises:
        ScanError: if the scan cannot be read.
    """
    rgb = canonical_rgb(read_record(record))
    scale = min(_TILE_PX[0] / rgb.shape[1], _TILE_PX[1] / rgb.shape[0])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    found = record.annotations
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    colours = [CYAN if taxonomy.group_of(label) is None else MAGENTA for label in found.labels]
    drawn = draw_boxes(small, found.xyxy_px * scale, found.labels, colours)
    canvas = np.full((_TILE_PX[1] + _CAPTION_PX, _TILE_PX[0], 3), _SURROUND, np.uint8)
    top, left = (_TILE_PX[1] - size[1]) // 2, (_TILE_PX[0] - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = drawn
    count = f"{len(found)} object" + ("" if len(found) == 1 else "s")
    caption = f"{record.scan_id[-44:]}  {count}".encode("ascii", "replace").decode()
    at = (4, _TILE_PX[1] + _CAPTION_PX - 8)
    cv2.putText(canvas, caption, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TEXT, 1, cv2.LINE_AA)
    return canvas


def contact_sheet(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Tiles in rows, about as wide as high."""
    columns = max(1, min(len(tiles), round((len(tiles) * 1.2) ** 0.5)))
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[0] + _GAP_PX, tiles[0].shape[1] + _GAP_PX
    sheet = np.full((rows * height + _GAP_PX, columns * width + _GAP_PX, 3), _SURROUND, np.uint8)
    for at, picture in enumerate(tiles):
        top, left = at // columns * height + _GAP_PX, at % columns * width + _GAP_PX
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet
