"""The embed contracts: models that take a scanner's raw picture and give boxes in its pixels, with no code around them.

| what | ``embed-1`` | ``embed-batch-1`` | ``embed-dual-1`` |
| --- | --- | --- | --- |
| input ``image`` | uint8 (H, W, 3) RGB | uint8 (B, H, W, 3) RGB | uint16 (H, W, 2) low and high energy |
| input ``threshold_scale`` | float32, 1 where not given | the same | the same |
| input ``air_level`` | – | – | float32, 60000 where not given |
| output ``boxes_xyxy`` | float32 (N, 4), pixels of the image, clipped to it | the same | the same |
| output ``scores`` | float32 (N,), calibrated, 0…1 | the same | the same |
| output ``labels`` | int64 (N,), positions in the card's class list | the same | the same |
| output ``batch_index`` | – | int64 (N,), position of the picture | – |
| metadata | ``parcelsight.contract``, ``parcelsight.card`` | the same | the same |

Detections are best first; in a batch, picture by picture. Each class has the threshold of the card's operating point in
force, multiplied by ``threshold_scale``: 0 gives every row the network makes. Inputs with a value of their own are
initializers that are also graph inputs (ONNX IR 4 and later), so that a caller may leave them out.
"""

from __future__ import annotations

from enum import StrEnum

from .card import ModelCard
from .contract import CARD_KEY, CONTRACT_KEY
from .declared import FLOAT, INT64, UINT8, UINT16, DeclaredTensor, Tensors

IMAGE_NAME = "image"
THRESHOLD_SCALE_NAME = "threshold_scale"
AIR_LEVEL_NAME = "air_level"
BOXES_NAME = "boxes_xyxy"
SCORES_NAME = "scores"
LABELS_NAME = "labels"
BATCH_INDEX_NAME = "batch_index"


class EmbedKind(StrEnum):
    """Which raw picture an embed model takes; the value is its contract."""

    SINGLE = "embed-1"
    BATCH = "embed-batch-1"
    DUAL = "embed-dual-1"

    @property
    def suffix(self) -> str:
        """What such a file's name ends in."""
        return {"embed-1": ".embed.onnx", "embed-batch-1": ".embed-batch.onnx", "embed-dual-1": ".embed-dual.onnx"}[
            self.value
        ]


def embed_metadata(kind: EmbedKind, card: ModelCard) -> dict[str, str]:
    """The ONNX metadata of an embed model."""
    return {CONTRACT_KEY: kind.value, CARD_KEY: card.model_dump_json()}


def embed_tensors(kind: EmbedKind) -> Tensors:
    """What an embed model takes and gives."""
    element_type, shape = {
        EmbedKind.SINGLE: (UINT8, (None, None, 3)),
        EmbedKind.BATCH: (UINT8, (None, None, None, 3)),
        EmbedKind.DUAL: (UINT16, (None, None, 2)),
    }[kind]
    optional = (THRESHOLD_SCALE_NAME, AIR_LEVEL_NAME) if kind is EmbedKind.DUAL else (THRESHOLD_SCALE_NAME,)
    listed = (LABELS_NAME, BATCH_INDEX_NAME) if kind is EmbedKind.BATCH else (LABELS_NAME,)
    return Tensors(
        (
            DeclaredTensor(IMAGE_NAME, element_type, shape),
            *(DeclaredTensor(name, FLOAT, ()) for name in optional),
        ),
        (
            DeclaredTensor(BOXES_NAME, FLOAT, (None, 4)),
            DeclaredTensor(SCORES_NAME, FLOAT, (None,)),
            *(DeclaredTensor(name, INT64, (None,)) for name in listed),
        ),
    )
