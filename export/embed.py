"""Embed models: a contract-1 file with everything around it in the graph (detector/embed_contract.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnx.compose
from onnx import TensorProto, helper, numpy_helper

from .. import __version__
from ..datasets.scan import AIR_LEVEL
from ..detector.card import ModelCard
from ..detector.contract import INPUT_NAME, OUTPUT_NAME
from ..detector.embed_contract import (
    AIR_LEVEL_NAME,
    BATCH_INDEX_NAME,
    BOXES_NAME,
    IMAGE_NAME,
    LABELS_NAME,
    SCORES_NAME,
    THRESHOLD_SCALE_NAME,
    EmbedKind,
    embed_metadata,
)
from ..detector.errors import ModelError
from ..detector.seal import sealed
from .contract_file import read_contract_file
from .embed_decode import add_decoding
from .embed_letterbox import add_letterbox
from .embed_palette import add_palette
from .graph_builder import GraphBuilder

_PREFIX = "embed/"
_NETWORK_PREFIX = "network/"


def embed_bytes(contract_file: bytes, kind: EmbedKind, source: str = "the model") -> bytes:
    """The bytes of an embed model, sealed; the same contract file gives the same bytes.

    Args:
        contract_file: a contract-1 model of any precision.
        kind: which raw picture it shall take.
        source: the file's name, for messages.

    Raises:
        ModelError: if the file is no contract-1 model, or cannot be embedded.
    """
    network, card = read_contract_file(contract_file, source)
    model = _embedded(network, card, kind)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # onnx raises its checker's and its inference's own errors
        raise ModelError(f"{source} cannot be embedded ({error})", "report this with the model") from error
    return sealed(bytes(model.SerializeToString(deterministic=True)))


def _embedded(network: onnx.ModelProto, card: ModelCard, kind: EmbedKind) -> onnx.ModelProto:
    """The whole model."""
    # A value of the network may be called "scores" too.
    network = onnx.compose.add_prefix(network, _NETWORK_PREFIX)
    before, after = GraphBuilder(_PREFIX), GraphBuilder(f"{_PREFIX}out_")
    defaults = {THRESHOLD_SCALE_NAME: 1.0}
    if kind is EmbedKind.DUAL:
        defaults[AIR_LEVEL_NAME] = float(AIR_LEVEL)
        pictures = add_palette(before, IMAGE_NAME, AIR_LEVEL_NAME)
    elif kind is EmbedKind.BATCH:
        pictures = IMAGE_NAME
    else:
        pictures = before.add("Unsqueeze", IMAGE_NAME, before.int64([0]))
    squares, frame = add_letterbox(before, pictures, card.input_px, planar=kind is EmbedKind.DUAL)
    before.add("Identity", squares, named=_NETWORK_PREFIX + INPUT_NAME)
    add_decoding(after, _NETWORK_PREFIX + OUTPUT_NAME, frame, card, THRESHOLD_SCALE_NAME, batch=kind is EmbedKind.BATCH)
    made = [
        *before.initializers,
        *after.initializers,
        *(numpy_helper.from_array(np.array(value, np.float32), name) for name, value in defaults.items()),
    ]
    graph = helper.make_graph(
        [*before.nodes, *network.graph.node, *after.nodes],
        "parcelsight",
        _inputs(kind, defaults),
        _outputs(kind),
        [*network.graph.initializer, *made],
    )
    model = helper.make_model(
        graph,
        opset_imports=network.opset_import,
        ir_version=network.ir_version,
        producer_name="parcelsight",
        producer_version=__version__,
    )
    helper.set_model_props(model, embed_metadata(kind, card))
    return model


def _inputs(kind: EmbedKind, defaults: dict[str, float]) -> Sequence[onnx.ValueInfoProto]:
    """The picture, and the values that need not be given."""
    element, shape = {
        EmbedKind.SINGLE: (TensorProto.UINT8, ["height", "width", 3]),
        EmbedKind.BATCH: (TensorProto.UINT8, ["pictures", "height", "width", 3]),
        EmbedKind.DUAL: (TensorProto.UINT16, ["height", "width", 2]),
    }[kind]
    scalars = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in defaults]
    return [helper.make_tensor_value_info(IMAGE_NAME, element, shape), *scalars]


def _outputs(kind: EmbedKind) -> Sequence[onnx.ValueInfoProto]:
    outputs = [
        helper.make_tensor_value_info(BOXES_NAME, TensorProto.FLOAT, ["detections", 4]),
        helper.make_tensor_value_info(SCORES_NAME, TensorProto.FLOAT, ["detections"]),
        helper.make_tensor_value_info(LABELS_NAME, TensorProto.INT64, ["detections"]),
    ]
    if kind is EmbedKind.BATCH:
        outputs.append(helper.make_tensor_value_info(BATCH_INDEX_NAME, TensorProto.INT64, ["detections"]))
    return outputs
