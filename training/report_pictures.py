"""Small pictures of the scans a report shows: what was missed, and what was taken for a threat."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from ..datasets.annotations import Dataset
from ..datasets.opencv import cv2
from ..datasets.overlay import CYAN, MAGENTA, draw_boxes
from ..detector.errors import ScanError
from .evaluation_parts import Example, ExampleKind
from .pictures import canonical_picture

_SIDE_PX = 420
_QUALITY = 80

Pictures = Mapping[tuple[ExampleKind, str], str]
"""(kind, scan id) → a picture as a data address."""


def example_pictures(examples: Sequence[Example], dataset: Dataset) -> Pictures:
    """A picture of each example with its box; examples whose scan cannot be read have none.

    Args:
        examples: of the evaluation.
        dataset: the scans they come from.
    """
    records = {record.scan_id: record for record in dataset}
    pictures: dict[tuple[ExampleKind, str], str] = {}
    for example in examples:
        if example.scan_id not in records:
            continue
        try:
            rgb = canonical_picture(records[example.scan_id])
        except ScanError:
            continue  # it was read a moment ago; a report without this picture is still a report
        scale = min(1.0, _SIDE_PX / max(rgb.shape[:2]))
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        colour = CYAN if example.kind is ExampleKind.MISS else MAGENTA
        drawn = draw_boxes(small, np.asarray([example.xyxy_px]) * scale, [example.name], [colour])
        done, encoded = cv2.imencode(".jpg", drawn[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if done:
            pictures[example.kind, example.scan_id] = (
                "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
            )
    return pictures
