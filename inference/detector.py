"""The detector as the runtime uses it: one canonical picture in, detections in its pixels out."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..datasets.canonical import PALETTE_NAME
from ..datasets.opencv import cv2
from ..detector.calibration import calibrate
from ..detector.card import ModelCard, PointName
from ..detector.contract import from_metadata
from ..detector.detections import Detections
from ..detector.errors import ModelError
from .backend import Device, open_session
from .keys import PublicKey
from .kserve import KServeConfig
from .letterbox import Letterbox
from .model_file import read_model


class Detector:
    """A contract-1 model, ready to detect; threads may share one, they take turns.

    Args:
        model: the ONNX file.
        threads: CPU threads of one detection.
        device: where it runs; ``describe()`` says what was chosen.
        operating_point: ``strict``, ``balanced`` or ``sensitive``; ``card`` is the one with its thresholds in force.
        engine: a server that runs the network in place of this process.
        key: the model must be signed with it; None takes the one that PARCELSIGHT_MODEL_KEY pins, if any.

    Raises:
        ModelError: if the file is not ours, altered, not signed as it must be, reaches outside itself, or does not keep
            the contract.
        UsageError: if the device is not to be had, or the model carries no such operating point.
    """

    def __init__(
        self,
        model: Path,
        *,
        threads: int = 1,
        device: Device = "auto",
        operating_point: PointName | str = PointName.BALANCED,
        key: PublicKey | None = None,
        engine: KServeConfig | None = None,
    ) -> None:
        file = read_model(model, key)
        self.card: ModelCard = from_metadata(file.metadata, str(model)).at(operating_point, str(model))
        if self.card.palette != PALETTE_NAME:
            raise ModelError(
                f"{model} was trained on pictures in the palette {self.card.palette[:60]!r}; this version draws "
                f"{PALETTE_NAME!r}",
                "export the model again with this version, after training on its pictures",
            )
        self._source = model
        side = self.card.input_px
        self._session = open_session(file, side, threads=threads, device=device, engine=engine, name=self.card.name)
        self._thresholds = np.array([c.threshold for c in self.card.classes], np.float32)
        self._temperatures = np.array([c.temperature for c in self.card.classes], np.float32)
        self._turn = Lock()
        # Reused by every detection: an allocation of this size costs more than the work done in it.
        self._scratch = np.empty((side, side, 3), np.uint8)
        self._images = np.ones((1, 3, side, side), np.float32)
        self._letterbox = Letterbox.fit(side, side, side)

    def describe(self) -> str:
        """Which model, at which operating point, runs on which backend, and why, in one sentence."""
        card = self.card
        return (
            f"{card.name} {card.version} at {card.input_px} px, operating point {card.operating_point.name!r}, runs on "
            f"{self._session.description}."
        )

    def detect(self, rgb: NDArray[np.uint8], floor: float | None = None) -> Detections:
        """Find threats in a canonical picture.

        Args:
            rgb: uint8 (H, W, 3), RGB, of any size.
            floor: keep every detection of at least this score, instead of those at or above their class's threshold.

        Returns:
            Detections in pixels of the picture, clipped to it; scores calibrated; best first.

        Raises:
            ModelError: if the network's output is not what its contract promises. Never silently no detections.
            ValueError: if the picture has another shape or type.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"expected uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
        with self._turn:
            letterbox = self._lay_out(rgb)
            rows = self._session.run(self._images)
        return self._decode(rows, letterbox, floor)

    def _lay_out(self, rgb: NDArray[np.uint8]) -> Letterbox:
        """Write the letterboxed picture into the network's input; its letterbox."""
        letterbox = Letterbox.fit(rgb.shape[0], rgb.shape[1], self.card.input_px)
        if letterbox.content != self._letterbox.content:
            self._images[:] = 1.0  # air-white padding; stays while scans keep their shape
        self._letterbox = letterbox
        size = (letterbox.content_width_px, letterbox.content_height_px)
        content = cv2.resize(rgb, size, dst=self._scratch[letterbox.content], interpolation=cv2.INTER_LINEAR)
        rows, columns = letterbox.content
        for channel in range(3):
            plane = self._images[0, channel, rows, columns]
            np.divide(content[:, :, channel], np.float32(255), out=plane)
        return letterbox

    def _decode(self, rows: NDArray[np.float32], letterbox: Letterbox, floor: float | None) -> Detections:
        """Network rows (K, 6) → detections in scan pixels."""
        class_id = np.rint(rows[:, 5]).astype(np.int64)
        raw = rows[:, 4]
        if ((raw < 0) | (raw > 1) | (class_id < 0) | (class_id >= len(self._thresholds))).any():
            raise ModelError(
                f"{self._source} gave a score outside 0…1 or a class its card does not list", "export the model again"
            )
        score = calibrate(raw, self._temperatures[class_id])
        wanted = score >= (self._thresholds[class_id] if floor is None else np.float32(floor))
        order = np.flatnonzero(wanted)[np.argsort(-score[wanted], kind="stable")]
        boxes = _ordered_corners(letterbox.backward(rows[order, :4]))
        size = np.array([letterbox.width_px, letterbox.height_px])
        # A box that lies wholly in the padding claims nothing about the scan.
        inside = np.asarray(np.logical_and(boxes[:, 2:] > 0, boxes[:, :2] < size).all(axis=1))
        clipped = np.clip(boxes, 0, np.tile(size, 2)).astype(np.float32)
        return Detections(clipped, score[order], class_id[order]).keep(inside)


def _ordered_corners(xyxy_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (n, 4) with x1 ≤ x2 and y1 ≤ y2: a regression may cross its edges, and an alarm is never dropped for it."""
    return np.hstack([np.minimum(xyxy_px[:, :2], xyxy_px[:, 2:]), np.maximum(xyxy_px[:, :2], xyxy_px[:, 2:])])
