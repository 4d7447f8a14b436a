"""A detection whose result is known beforehand: shows that this machine computes what was measured at home.

Beside the shipped model lies its answer about one sample parcel, written by ``benchmarks/known_answer.py``. Other
processors round differently, so scores and boxes agree within a tolerance; a broken kernel, a wrong colour order or a
damaged decoder lies far outside it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..datasets.canonical import canonical_rgb
from ..datasets.readers import read_scan
from ..detector.contract import SHIPPED_MODEL
from ..detector.detections import Detections
from ..detector.errors import ModelError, ScanError
from .detector import Detector

ANSWER = SHIPPED_MODEL.with_suffix(".answer.json")
SAMPLES = Path(__file__).parents[1] / "datasets" / "samples"
SCORE_TOLERANCE = 0.03
"""Rounding, and the decoders of JPEG differ by a level; between machines scores moved by less than 0.01."""
BOX_TOLERANCE_PX = 3.0
_MAX_BYTES = 100_000


class KnownDetection(BaseModel):
    """One detection that must be found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    score: float = Field(ge=0, le=1)
    xyxy_px: tuple[float, float, float, float]


class KnownAnswer(BaseModel):
    """What one model says of one sample parcel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: str = Field(pattern=r"^[\w-]+\.(jpg|tif)$")
    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    detections: tuple[KnownDetection, ...] = Field(min_length=1)

    def sample_file(self) -> Path:
        """The sample parcel in this installation."""
        return SAMPLES / self.sample

    def differences(self, found: Detections, names: tuple[str, ...]) -> str:
        """What differs from the answer, in words; empty where it agrees."""
        left = list(range(len(found)))
        for known in self.detections:
            match = next((i for i in left if _agrees(known, found, i, names)), None)
            if match is None:
                return f"{known.name} {known.score:.2f} at {[round(edge) for edge in known.xyxy_px]} was not found"
            left.remove(match)
        # A detection at the very threshold may fall on either side; one well above it is a difference.
        strangers = [i for i in left if found.score[i] > min(k.score for k in self.detections) + SCORE_TOLERANCE]
        return f"{len(strangers)} more detections than known" if strangers else ""


def _agrees(known: KnownDetection, found: Detections, index: int, names: tuple[str, ...]) -> bool:
    return (
        names[found.class_id[index]] == known.name
        and abs(float(found.score[index]) - known.score) <= SCORE_TOLERANCE
        and float(np.abs(found.xyxy_px[index] - known.xyxy_px).max()) <= BOX_TOLERANCE_PX
    )


def read_answer(path: Path = ANSWER) -> KnownAnswer | None:
    """The answer that lies beside the shipped model; None where there is none.

    Raises:
        ModelError: if the file is damaged.
    """
    try:
        with path.open("rb") as file:
            return KnownAnswer.model_validate_json(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{path} is damaged, so the model's known answer cannot be checked", "install again"
        ) from error


def make_answer(model: Path, sample: str) -> KnownAnswer:
    """Ask a model about a sample parcel.

    Raises:
        ModelError: if the model is refused.
        ScanError: if the sample cannot be read, or nothing is found in it.
    """
    detector = Detector(model, device="cpu")
    found = detector.detect(canonical_rgb(read_scan(SAMPLES / sample)))
    # What lies at its threshold here may lie under it elsewhere.
    thresholds = np.array([spec.threshold for spec in detector.card.classes], np.float32)
    found = found.keep(found.score > thresholds[found.class_id] + SCORE_TOLERANCE)
    if not len(found):
        raise ScanError(f"{sample}: the model finds nothing in it", "take a sample with an alarm")
    return KnownAnswer(
        sample=sample,
        model_sha256=sha256_of(model),
        detections=tuple(
            KnownDetection(
                name=detector.card.classes[class_id].name,
                score=round(float(score), 4),
                xyxy_px=(round(float(x1), 1), round(float(y1), 1), round(float(x2), 1), round(float(y2), 1)),
            )
            for (x1, y1, x2, y2), score, class_id in zip(found.xyxy_px, found.score, found.class_id, strict=True)
        ),
    )


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
