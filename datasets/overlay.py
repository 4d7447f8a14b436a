"""Boxes drawn over a scan: thin, with a dark halo, in hues no X-ray palette uses, the label outside the object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .opencv import cv2

Colour = tuple[int, int, int]

MAGENTA: Colour = (255, 0, 200)
CYAN: Colour = (0, 220, 255)
_HALO: Colour = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARGIN_PX = 3
_REFERENCE_PX = 900
"""The long side at which lines are drawn one size thick; larger pictures get thicker ones."""


def draw_boxes(
    rgb: NDArray[np.uint8],
    xyxy_px: NDArray[np.float64],
    texts: Sequence[str],
    colours: Sequence[Colour] | None = None,
) -> NDArray[np.uint8]:
    """A copy of the picture with labelled boxes.

    Args:
        rgb: (H, W, 3).
        xyxy_px: (n, 4) boxes; parts outside the picture are not drawn.
        texts: n labels, empty for none.
        colours: n colours, MAGENTA where not given.
    """
    picture = np.ascontiguousarray(rgb).copy()
    scale = max(1.0, max(picture.shape[:2]) / _REFERENCE_PX)
    hues = list(colours) if colours is not None else [MAGENTA] * len(texts)
    taken: list[tuple[int, int, int, int]] = []
    for box, colour in zip(xyxy_px, hues, strict=True):
        # Outline and halo lie outside the box, so that they hide nothing of the object.
        away = round(1.5 * scale) + 1
        corners = (
            *(np.floor(box[:2]).astype(int) - away).tolist(),
            *(np.ceil(box[2:]).astype(int) + away - 1).tolist(),
        )
        for hue, thickness in ((_HALO, round(1.5 * scale) * 2 - 1), (colour, round(scale))):
            cv2.rectangle(picture, corners[:2], corners[2:], hue, thickness)
    for box, text, colour in zip(xyxy_px, texts, hues, strict=True):
        if text:
            taken.append(_label(picture, box, text, colour, scale, taken))
    return picture


def _label(
    picture: NDArray[np.uint8],
    box: NDArray[np.float64],
    text: str,
    colour: Colour,
    scale: float,
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int, int, int]:
    """Write a label at the first free place round its box; returns the place (x1, y1, x2, y2)."""
    # OpenCV's fonts hold ASCII only.
    shown = text.encode("ascii", "replace").decode()
    size = 0.5 * scale
    (width, height), baseline = cv2.getTextSize(shown, _FONT, size, 1)
    width, height = width + 2 * _MARGIN_PX, height + baseline + 2 * _MARGIN_PX
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    rows, columns = picture.shape[:2]
    places = [(x1, y1 - height - 2), (x1, y2 + 2), (x2 + 2, y1), (x1 - width - 2, y1), (x1, y1)]
    fitted = [(min(max(x, 0), max(columns - width, 0)), min(max(y, 0), max(rows - height, 0))) for x, y in places]
    free = [
        at for at, wish in zip(fitted, places, strict=True) if at[1] == wish[1] and not _hits(at, width, height, taken)
    ]
    x, y = free[0] if free else fitted[0]
    cv2.rectangle(picture, (x, y), (x + width, y + height), _HALO, -1)
    at = (x + _MARGIN_PX, y + height - baseline - _MARGIN_PX)
    cv2.putText(picture, shown, at, _FONT, size, colour, max(1, round(scale)), cv2.LINE_AA)
    return x, y, x + width, y + height


def _hits(at: tuple[int, int], width: int, height: int, taken: Sequence[tuple[int, int, int, int]]) -> bool:
    x, y = at
    return any(x < x2 and x + width > x1 and y < y2 and y + height > y1 for x1, y1, x2, y2 in taken)
