"""A raw ONNX graph made into a contract-1 file: nothing in it but the network, the contract and the card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .. import __version__
from ..detector.card import ModelCard
from ..detector.contract import INPUT_NAME, OUTPUT_NAME, from_metadata, to_metadata
from ..detector.errors import ModelError
from ..detector.seal import sealed

MAX_OPSET = 18
"""Engines in the field (OpenVINO, TensorRT, DirectML) lag behind; the network needs no more."""
_FORBIDDEN = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8, TensorProto.DOUBLE}


def weights_sha256(model: onnx.ModelProto) -> str:
    """A digest of the weights alone: name, type, shape and bytes of every initializer, sorted by name."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda each: str(each.name)):
        values = np.ascontiguousarray(numpy_helper.to_array(tensor))
        digest.update(f"{tensor.name}\0{values.dtype.str}\0{values.shape}\0".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def load_raw(path: Path) -> onnx.ModelProto:
    """Read a graph that the network's exporter wrote.

    Raises:
        ModelError: if it is no valid ONNX.
    """
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # onnx raises protobuf's, its checker's and its own errors, without a common base
        raise ModelError(f"{path.name}: the exported graph is not valid ({error})", "train and export again") from error
    return model


def read_contract_file(content: bytes, source: str = "the model") -> tuple[onnx.ModelProto, ModelCard]:
    """A contract-1 file of any precision as a graph, and its card.

    Args:
        content: the file.
        source: its name, for messages.

    Raises:
        ModelError: if it is no ONNX, or of another contract.
    """
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's errors have no public base class
        raise ModelError(f"{source} is not an ONNX model ({error})", "give a contract-1 file") from error
    return model, from_metadata({entry.key: entry.value for entry in model.metadata_props}, source)


def contract_bytes(model: onnx.ModelProto, card: ModelCard) -> bytes:
    """The bytes of a contract-1 file, sealed; the same model and card give the same bytes.

    Whatever the exporter left behind (producer, source paths in doc strings, its own metadata) is removed.

    Args:
        model: a raw graph; left unchanged.
        card: what the file says about itself.

    Raises:
        ModelError: if the graph does not keep contract 1.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    _strip_remarks(made)
    made.graph.name = "parcelsight"
    made.producer_name, made.producer_version = "parcelsight", __version__
    made.domain, made.model_version = "", 0
    helper.set_model_props(made, to_metadata(card))
    _check(made, card)
    return sealed(bytes(made.SerializeToString(deterministic=True)))


def _strip_remarks(model: onnx.ModelProto) -> None:
    """Remove doc strings (onnx's own helper fails with protobuf 7) and the exporter's metadata."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def _check(model: onnx.ModelProto, card: ModelCard) -> None:
    """Refuse a graph that breaks the contract."""
    onnx.checker.check_model(model, full_check=True)
    side = card.input_px
    given = [(value.name, *_type_of(value)) for value in (*model.graph.input, *model.graph.output)]
    if len(given) != 2 or given[0][:2] != (INPUT_NAME, TensorProto.FLOAT) or given[0][2][1:] != (3, side, side):
        _refuse(f"input is not {INPUT_NAME} float32 (N, 3, {side}, {side})", given)
    name, kind, shape = given[1]
    if (name, kind) != (OUTPUT_NAME, TensorProto.FLOAT) or len(shape) != 3 or shape[2] != 6 or not shape[1]:
        _refuse(f"output is not {OUTPUT_NAME} float32 (N, K, 6)", given)
    if given[0][2][0] or shape[0]:
        _refuse("the batch is not free", given)
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    if opsets.get("", MAX_OPSET + 1) > MAX_OPSET or len(opsets) != 1:
        _refuse(f"operator sets are {opsets}, wanted: the standard one, at most {MAX_OPSET}", given)
    reduced = sorted({tensor.name for tensor in model.graph.initializer if tensor.data_type in _FORBIDDEN})
    if reduced:
        _refuse(f"weights are not float32: {', '.join(reduced[:3])}", given)


def _type_of(value: onnx.ValueInfoProto) -> tuple[int, tuple[int, ...]]:
    """Element type and shape; 0 for a free side."""
    tensor = value.type.tensor_type
    return int(tensor.elem_type), tuple(int(side.dim_value) for side in tensor.shape.dim)


def _refuse(why: str, given: object) -> None:
    raise ModelError(f"the exported graph breaks contract 1: {why} (it has {given})", "report this with the recipe")
