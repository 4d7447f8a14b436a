"""Proof that an embed model and the runtime say the same about the same raw pictures.

What is compared, and how, is as in parity.py, with twice its tolerance of scores: the letterbox is the same to the last
bit but for one pixel in a million, and boxes and scores are computed in single instead of double precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets.canonical import canonical_rgb
from ..datasets.levels import to_air_level
from ..datasets.scan import AIR_LEVEL, Scan, ScanKind
from ..detector.card import ModelCard
from ..detector.detections import Detections
from ..inference.detector import Detector
from .embed_session import EmbedSession
from .parity import Picture, PictureParity, compare

MOST_SCORE_DIFFERENCE = 2e-3
_EVERYTHING = 0.0


def colour_parity(runtime: Detector, embed: EmbedSession, picture: Picture) -> PictureParity:
    """Compare on a picture (H, W, 3)."""
    return _compared(runtime, picture, embed.detect(picture.rgb, _EVERYTHING))


def batch_parity(runtime: Detector, embed: EmbedSession, pictures: Sequence[Picture]) -> tuple[PictureParity, ...]:
    """Compare on pictures of one size, which the embed model sees together."""
    found, owner = embed.detect_batch(np.stack([picture.rgb for picture in pictures]), _EVERYTHING)
    return tuple(_compared(runtime, picture, found.keep(owner == index)) for index, picture in enumerate(pictures))


def dual_parity(
    runtime: Detector, embed: EmbedSession, name: str, levels: NDArray[np.uint16], air_level: float | None = None
) -> PictureParity:
    """Compare on a dual-energy scan (H, W, 2) of any air level; None: air is at AIR_LEVEL."""
    ours = to_air_level(levels, air_level or AIR_LEVEL, name)
    picture = Picture(name, canonical_rgb(Scan(name, ours, ScanKind.DUAL_ENERGY)))
    return _compared(runtime, picture, embed.detect(levels, _EVERYTHING, air_level))


def _compared(runtime: Detector, picture: Picture, found: Detections) -> PictureParity:
    ours = runtime.detect(picture.rgb, _EVERYTHING)
    return compare(picture, ours, found, thresholds_of(runtime.card), MOST_SCORE_DIFFERENCE)


def thresholds_of(card: ModelCard) -> NDArray[np.float32]:
    """(classes,) the thresholds in force."""
    return np.array([spec.threshold for spec in card.classes], np.float32)
