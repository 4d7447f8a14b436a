"""Proof that an exported model and the trained network say the same about the same pictures, whatever their shape.

Both ways: every detection of either above the threshold has its like in the other: same class, IoU ≥ 0.99, score within
0.001. Where a picture has fewer than ten such detections its ten best are compared instead, so that a cautious or weak
network is proven too, and never by an empty comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ..detector.contract import INPUT_NAME, OUTPUT_NAME
from ..detector.detections import Detections
from ..detector.errors import RunError
from ..inference.detector import Detector
from ..inference.onnxruntime import ort
from .reference import ReferenceDetector, decoded, letterboxed

LEAST_IOU = 0.99
MOST_SCORE_DIFFERENCE = 1e-3
BEST_COMPARED = 10
FEWEST_PICTURES = 20
BATCH = 3
_FLOOR = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture both are asked about."""

    name: str
    rgb: NDArray[np.uint8]
    """(H, W, 3)"""


class PictureParity(BaseModel):
    """How well the two agree on one picture."""

    model_config = ConfigDict(frozen=True)

    name: str
    width_px: int
    height_px: int
    compared: int
    """Detections, both ways."""
    unmatched: int
    worst_iou: float
    """Of detections and their likes; 1 where nothing was compared."""
    worst_score_difference: float
    flipped: int = 0
    """Of ``compared``: an alarm in the one whose like, all but equal, lies just under the threshold in the other."""

    @property
    def holds(self) -> bool:
        """True where every detection has its like."""
        return self.unmatched == 0


class ParityReport(BaseModel):
    """The proof, as it is saved beside the model."""

    model_config = ConfigDict(frozen=True)

    model_sha256: str
    least_iou: float = LEAST_IOU
    most_score_difference: float = MOST_SCORE_DIFFERENCE
    threshold: float
    network_and_model: tuple[PictureParity, ...]
    single_and_batch: tuple[PictureParity, ...]
    """The same picture alone and as one of three."""

    @property
    def compared(self) -> int:
        """Detections compared between network and model."""
        return sum(each.compared for each in self.network_and_model)

    @property
    def worst_iou(self) -> float:
        """Over all comparisons."""
        return min(each.worst_iou for each in (*self.network_and_model, *self.single_and_batch))

    @property
    def worst_score_difference(self) -> float:
        """Over all comparisons."""
        return max(each.worst_score_difference for each in (*self.network_and_model, *self.single_and_batch))


def prove_parity(
    model: Path, model_sha256: str, reference: ReferenceDetector, pictures: Sequence[Picture]
) -> ParityReport:
    """Compare an exported model with its network.

    Args:
        model: the contract-1 file.
        model_sha256: its digest, for the report.
        reference: the trained network.
        pictures: at least 20, of portrait, landscape and square shape, smaller and larger than the network's input.

    Raises:
        RunError: naming the picture, if the two do not agree, or if there was nothing to compare.
        ValueError: if there are too few pictures.
    """
    if len(pictures) < FEWEST_PICTURES:
        raise ValueError(f"parity needs {FEWEST_PICTURES} pictures, got {len(pictures)}")
    detector = Detector(model, threads=1, device="cpu")
    threshold = min(spec.threshold for spec in detector.card.classes)
    compared = tuple(compare(p, reference.detect(p.rgb, 0.0), detector.detect(p.rgb, 0.0), threshold) for p in pictures)
    report = ParityReport(
        model_sha256=model_sha256,
        threshold=threshold,
        network_and_model=compared,
        single_and_batch=tuple(_batches(model, reference.input_px, pictures, threshold)),
    )
    _demand("the exported model and the trained network disagree", report.network_and_model)
    _demand("the exported model says something else in a batch than alone", report.single_and_batch)
    if report.compared == 0:
        raise RunError(
            f"parity cannot be proven: the network detects nothing in any picture, not even at score {_FLOOR}",
            "train it longer",
        )
    return report


def compare(
    picture: Picture,
    first: Detections,
    second: Detections,
    threshold: float | NDArray[np.float32],
    most_score_difference: float = MOST_SCORE_DIFFERENCE,
) -> PictureParity:
    """Match the detections of one picture both ways.

    Args:
        picture: what both looked at.
        first: every detection of the one, of whatever score: what is just above the floor here may be below it there.
        second: of the other.
        threshold: detections at or above it are compared, and the ten best above the floor; one for all classes, or
            (classes,).
        most_score_difference: between a detection and its like.
    """
    limits = _limits(threshold, first, second), most_score_difference
    likes = [*_likes(first, second, *limits), *_likes(second, first, *limits)]
    return PictureParity(
        name=picture.name,
        width_px=picture.rgb.shape[1],
        height_px=picture.rgb.shape[0],
        compared=len(likes),
        unmatched=sum(iou < LEAST_IOU or difference > most_score_difference for iou, difference, _ in likes),
        worst_iou=min((iou for iou, _, _ in likes), default=1.0),
        worst_score_difference=max((difference for _, difference, _ in likes), default=0.0),
        flipped=sum(flipped for _, _, flipped in likes),
    )


def _limits(threshold: float | NDArray[np.float32], *both: Detections) -> NDArray[np.float32]:
    """(classes,) thresholds."""
    if isinstance(threshold, np.ndarray):
        return threshold
    classes = 1 + max((int(each.class_id.max()) for each in both if len(each)), default=0)
    return np.full(classes, threshold, np.float32)


def _likes(
    wanted: Detections, given: Detections, thresholds: NDArray[np.float32], most_score_difference: float
) -> Iterator[tuple[float, float, bool]]:
    """IoU and score difference of each wanted detection with its like, and whether only the wanted one alarms.

    (0, 1, False) where there is none of its class.
    """
    tenth = float(wanted.score[min(BEST_COMPARED, len(wanted)) - 1]) if len(wanted) else 1.0
    alarms = wanted.score >= thresholds[wanted.class_id]
    for index in np.flatnonzero((wanted.score >= np.float32(_FLOOR)) & (alarms | (wanted.score >= np.float32(tenth)))):
        rivals = given.class_id == wanted.class_id[index]
        iou = _iou(wanted.xyxy_px[index], given.xyxy_px[rivals])
        difference = np.abs(given.score[rivals] - wanted.score[index])
        if not len(iou):
            yield 0.0, 1.0, False
            continue
        # Several boxes can lie on one object: the like is the best overlap among those of the same score.
        fit = np.where(difference <= most_score_difference, iou + 1, iou) - difference
        best = int(np.argmax(fit))
        silent = given.score[rivals][best] < thresholds[wanted.class_id[index]]
        yield float(iou[best]), float(difference[best]), bool(alarms[index] and silent)


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """IoU of a box (4,) with boxes (n, 4); boxes without area are alike where they are equal."""
    one, many = box.astype(np.float64), boxes.astype(np.float64)
    shared = np.prod(np.clip(np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2]), 0, None), axis=1)
    union = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1) - shared
    equal = np.isclose(one, many, atol=1e-2).all(axis=1)
    return np.where(union > 0, shared / np.where(union > 0, union, 1), equal)


def _batches(model: Path, side_px: int, pictures: Sequence[Picture], threshold: float) -> Iterator[PictureParity]:
    """Compare each picture alone with the same picture as one of three."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    for start in range(0, len(pictures) - BATCH + 1, BATCH):
        batch = pictures[start : start + BATCH]
        images = np.stack([letterboxed(picture.rgb, side_px) for picture in batch])
        together = session.run([OUTPUT_NAME], {INPUT_NAME: images})[0]
        for picture, image, rows in zip(batch, images, together, strict=True):
            alone = session.run([OUTPUT_NAME], {INPUT_NAME: image[None]})[0][0]
            first, second = (decoded(each, picture.rgb.shape[:2], side_px) for each in (alone, rows))
            yield compare(picture, first, second, threshold)


def _demand(claim: str, results: Sequence[PictureParity]) -> None:
    """Raises RunError with the worst picture where one does not hold."""
    failed = [result for result in results if not result.holds]
    if failed:
        worst = max(failed, key=lambda result: result.unmatched)
        raise RunError(
            f"{claim} on {len(failed)} of {len(results)} pictures, most on {worst.name} "
            f"({worst.width_px}×{worst.height_px}): {worst.unmatched} of {worst.compared} detections without a like, "
            f"worst IoU {worst.worst_iou:.4f}, worst score difference {worst.worst_score_difference:.4f}",
            "no file was written; report this with the recipe and the versions of torch and onnxruntime",
        )
