"""An embed model run by onnxruntime: for the parity proof and the benchmarks, which hold it against the runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..detector.detections import Detections
from ..detector.embed_contract import (
    AIR_LEVEL_NAME,
    BATCH_INDEX_NAME,
    BOXES_NAME,
    IMAGE_NAME,
    LABELS_NAME,
    SCORES_NAME,
    THRESHOLD_SCALE_NAME,
)
from ..inference.onnxruntime import ort

_ERRORS_ONLY = 3  # it warns that inputs with a value of their own are no constants, which is what they are for


class EmbedSession:
    """One embed model, with the session options of the runtime.

    Args:
        content: the model's bytes.
        threads: CPU threads of one run; they do not spin.
    """

    def __init__(self, content: bytes, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def detect(
        self,
        image: NDArray[np.uint8] | NDArray[np.uint16],
        threshold_scale: float | None = None,
        air_level: float | None = None,
    ) -> Detections:
        """Detections in one picture, (H, W, 3) or dual-energy (H, W, 2); None leaves the file's own value."""
        outputs = self._session.run([BOXES_NAME, SCORES_NAME, LABELS_NAME], feed(image, threshold_scale, air_level))
        return Detections(*outputs)

    def detect_batch(
        self, images: NDArray[np.uint8], threshold_scale: float | None = None
    ) -> tuple[Detections, NDArray[np.int64]]:
        """Detections in pictures (B, H, W, 3), and which picture each is of, (n,)."""
        names = [BOXES_NAME, SCORES_NAME, LABELS_NAME, BATCH_INDEX_NAME]
        *outputs, picture = self._session.run(names, feed(images, threshold_scale, None))
        return Detections(*outputs), picture


def feed(
    image: NDArray[np.uint8] | NDArray[np.uint16], threshold_scale: float | None, air_level: float | None
) -> dict[str, NDArray[np.generic]]:
    """The inputs that are given."""
    given: dict[str, NDArray[np.generic]] = {IMAGE_NAME: image}
    for name, value in ((THRESHOLD_SCALE_NAME, threshold_scale), (AIR_LEVEL_NAME, air_level)):
        if value is not None:
            given[name] = np.array(value, np.float32)
    return given
