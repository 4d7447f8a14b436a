"""A model repository for NVIDIA's Triton Inference Server, without ensembles.

Two models: the contract-1 network, which Triton gathers into batches from requests that arrive together, and the embed
model, which takes whole pictures one by one, since pictures of different sizes make no batch.

Fields: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto ; a test parses what is
written with that message's own definition.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..detector.card import ModelCard
from ..detector.declared import FLOAT, INT64, UINT8, UINT16, DeclaredTensor, Tensors

FOLDER = "triton"
MODEL_FILE = "1/model.onnx"
"""Version 1 of a model in the repository."""
MAX_BATCH = 16
MAX_QUEUE_DELAY_US = 2000
"""How long a request may wait for company: little beside the network's own time on a CPU."""

_TYPES = {FLOAT: "TYPE_FP32", UINT8: "TYPE_UINT8", UINT16: "TYPE_UINT16", INT64: "TYPE_INT64"}


def batched_config(name: str, tensors: Tensors) -> str:
    """config.pbtxt of a contract-1 model: dynamic batching.

    Args:
        name: of the folder in the repository.
        tensors: as the model declares them, the batch side first and open.
    """
    return _config(
        name,
        MAX_BATCH,
        [(each, each.shape[1:]) for each in tensors.inputs],
        [(each, each.shape[1:]) for each in tensors.outputs],
        [f"dynamic_batching {{ max_queue_delay_microseconds: {MAX_QUEUE_DELAY_US} }}"],
    )


def single_config(name: str, tensors: Tensors) -> str:
    """config.pbtxt of an embed model: one picture of any size a request, its thresholds as they are."""
    # Inputs with a value of their own are no inputs to Triton's onnxruntime backend.
    pictures = [each for each in tensors.inputs if each.shape]
    return _config(
        name,
        0,
        [(each, each.shape) for each in pictures],
        [(each, each.shape) for each in tensors.outputs],
        [],
    )


def labels_text(card: ModelCard) -> str:
    """One class a line, in class-id order."""
    return "".join(f"{spec.name}\n" for spec in card.classes)


_Sides = tuple[int | None, ...]


def _config(
    name: str,
    max_batch: int,
    inputs: Sequence[tuple[DeclaredTensor, _Sides]],
    outputs: Sequence[tuple[DeclaredTensor, _Sides]],
    more: Sequence[str],
) -> str:
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {max_batch}",
        *(_tensor("input", *each) for each in inputs),
        *(_tensor("output", *each) for each in outputs),
        *more,
    ]
    return "\n".join(lines) + "\n"


def _tensor(kind: str, tensor: DeclaredTensor, sides: _Sides) -> str:
    dims = ", ".join("-1" if side is None else str(side) for side in sides)
    return f'{kind} [ {{ name: "{tensor.name}" data_type: {_TYPES[tensor.element_type]} dims: [ {dims} ] }} ]'
