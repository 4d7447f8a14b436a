"""Contract 1: what a ParcelSight ONNX model takes, gives and says about itself.

| what | value |
| --- | --- |
| input ``images`` | float32 (N, 3, S, S), RGB 0…1, letterboxed: aspect kept, centred, padded with air-white |
| output ``detections`` | float32 (N, K, 6): x1 y1 x2 y2 in input pixels, score 0…1, class; NMS-free, best first |
| metadata ``parcelsight.contract`` | "1" |
| metadata ``parcelsight.card`` | the model card as JSON |
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from .card import ModelCard
from .declared import FLOAT, DeclaredTensor, Tensors
from .errors import ModelError

CONTRACT_VERSION = 1
INPUT_NAME = "images"
OUTPUT_NAME = "detections"
CONTRACT_KEY = "parcelsight.contract"
CARD_KEY = "parcelsight.card"

SHIPPED_MODEL = Path(__file__).parent / "weights" / "parcelsight-n.onnx"
"""The default weights."""


def tensors(input_px: int) -> Tensors:
    """What a contract-1 model with an input of this side takes and gives; N is free, or 1."""
    return Tensors(
        (DeclaredTensor(INPUT_NAME, FLOAT, (None, 3, input_px, input_px)),),
        (DeclaredTensor(OUTPUT_NAME, FLOAT, (None, None, 6)),),
    )


def to_metadata(card: ModelCard) -> dict[str, str]:
    """The ONNX metadata of a contract-1 model."""
    return {CONTRACT_KEY: str(CONTRACT_VERSION), CARD_KEY: card.model_dump_json()}


def from_metadata(metadata: Mapping[str, str], source: str) -> ModelCard:
    """Read the card out of ONNX metadata.

    Args:
        metadata: the model's custom metadata.
        source: the file's name, for messages.

    Raises:
        ModelError: if the model is not ours, speaks another contract or carries a broken card.
    """
    version = metadata.get(CONTRACT_KEY)
    if version is None:
        raise ModelError(
            f"{source} is not a ParcelSight model: its metadata carries no contract",
            "export it with: parcelsight export RUN",
        )
    if version != str(CONTRACT_VERSION):
        raise ModelError(
            f"{source} speaks contract {version[:20]!r}; this version knows contract {CONTRACT_VERSION}",
            "update ParcelSight, or export the model again with this version",
        )
    return read_card(metadata, source)


def read_card(metadata: Mapping[str, str], source: str) -> ModelCard:
    """The card in ONNX metadata, whatever the contract.

    Raises:
        ModelError: if there is none, or it is broken.
    """
    try:
        return ModelCard.model_validate_json(metadata.get(CARD_KEY, ""))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise ModelError(
            f"{source} carries a broken model card ({where}: {first['msg']})",
            "export the model again",
        ) from error
