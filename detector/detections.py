"""Detections of one scan as parallel arrays, validated at construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What the detector claims about one scan, best score first.

    Raises:
        ValueError: if lengths differ, a value is not finite, a box is inverted or a score is outside 0…1.
    """

    xyxy_px: NDArray[np.float32]
    """(n, 4) boxes in pixels of the scan; ends exclusive."""
    score: NDArray[np.float32]
    """(n,) in 0…1."""
    class_id: NDArray[np.int64]
    """(n,) positions in the model card's class list."""

    def __post_init__(self) -> None:
        n = len(self.score)
        if self.xyxy_px.shape != (n, 4) or self.score.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(
                f"detections disagree: boxes {self.xyxy_px.shape}, scores {self.score.shape}, "
                f"classes {self.class_id.shape}"
            )
        if not (np.isfinite(self.xyxy_px).all() and np.isfinite(self.score).all()):
            raise ValueError("detections hold values that are not finite")
        if ((self.score < 0) | (self.score > 1)).any():
            raise ValueError("detection scores lie outside 0…1")
        if (self.xyxy_px[:, 2:] < self.xyxy_px[:, :2]).any():
            raise ValueError("detection boxes are inverted")

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def keep(self, mask: NDArray[np.bool_]) -> Detections:
        """The detections where ``mask`` (n,) is true, order kept."""
        return Detections(self.xyxy_px[mask], self.score[mask], self.class_id[mask])
