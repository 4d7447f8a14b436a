"""The trained network itself as a detector: what an exported model has to agree with.

Written apart from the runtime's ``Detector`` on purpose: straightforward arrays, no reused buffers. Two ways that share
only the letterbox's geometry and agree on pictures of every shape prove the whole path, not only the graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2
from ..detector.calibration import calibrate
from ..detector.card import ClassSpec
from ..detector.detections import Detections
from ..detector.errors import ModelError
from ..detector.network import Network
from ..detector.taxonomy import TAXONOMY
from ..inference.letterbox import Letterbox

DEFAULT_THRESHOLD = 0.25


class ReferenceDetector:
    """A network in torch behind the runtime's interface.

    Args:
        network: the trained network.
        input_px: side of the square it sees.
        temperatures: of its classes; None leaves scores as the network gives them.
    """

    def __init__(self, network: Network, input_px: int, temperatures: Sequence[float] | None = None) -> None:
        self._network = network
        self.input_px = input_px
        self._temperatures = np.asarray(temperatures or [1.0] * len(network.classes), np.float32)

    def detect(self, rgb: NDArray[np.uint8], floor: float) -> Detections:
        """Detections of at least ``floor`` in a canonical picture (H, W, 3), in its pixels, best first."""
        rows = self._network.predict(letterboxed(rgb, self.input_px)[None])[0]
        rows[:, 4] = calibrate(rows[:, 4], self._temperatures[np.rint(rows[:, 5]).astype(np.int64)])
        return decoded(rows[rows[:, 4] >= np.float32(floor)], rgb.shape[:2], self.input_px)


def letterboxed(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.float32]:
    """A picture (H, W, 3) as the network sees it: (3, S, S) in 0…1, padded with air-white."""
    fit = Letterbox.fit(rgb.shape[0], rgb.shape[1], side_px)
    canvas = np.full((side_px, side_px, 3), 255, np.uint8)
    size = (fit.content_width_px, fit.content_height_px)
    canvas[fit.content] = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1), np.float32) / np.float32(255)


def decoded(rows: NDArray[np.float32], shape: tuple[int, ...], side_px: int) -> Detections:
    """Network rows (k, 6) as detections in a picture of ``shape`` (H, W), clipped to it."""
    height, width = shape
    corners = Letterbox.fit(height, width, side_px).backward(rows[:, :4]).reshape(-1, 2, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    inside = ((high > 0) & (low < [width, height])).all(axis=1)
    boxes = np.hstack([np.clip(low, 0, [width, height]), np.clip(high, 0, [width, height])])
    order = np.flatnonzero(inside)[np.argsort(-rows[inside, 4], kind="stable")]
    return Detections(boxes[order].astype(np.float32), rows[order, 4], np.rint(rows[order, 5]).astype(np.int64))


def class_specs(names: Sequence[str], source: str, threshold: float = DEFAULT_THRESHOLD) -> tuple[ClassSpec, ...]:
    """A network's classes as a card lists them.

    Args:
        names: class names in class-id order.
        source: the network's file, for messages.
        threshold: for every class, until an operating point is measured.

    Raises:
        ModelError: if a name is no class or group of the taxonomy.
    """
    specs: list[ClassSpec] = []
    for name in names:
        group = TAXONOMY.group_of(name)
        if group is None:
            raise ModelError(
                f"{source} detects {name!r}, which is no threat of taxonomy {TAXONOMY.version}",
                f"train on the classes {', '.join(TAXONOMY.classes)}, or on groups",
            )
        specs.append(ClassSpec(name=name, group=group, threshold=threshold))
    return tuple(specs)
