"""Tiny contract-1 models for tests: real ONNX files that need no training, so that tests know what they must find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from parcelsight.datasets.canonical import PALETTE_NAME
from parcelsight.detector.card import ClassSpec, ModelCard, OperatingPoint
from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME, to_metadata
from parcelsight.detector.seal import sealed
from parcelsight.detector.taxonomy import Group

SIDE_PX = 64
DARK_SCORE = 0.9
"""The score of every box the dark-pixel model finds."""

Row = tuple[float, float, float, float, float, float]


def model_card(
    thresholds: Sequence[float] = (0.5, 0.5), temperatures: Sequence[float] = (1.0, 1.0), input_px: int = SIDE_PX
) -> ModelCard:
    """A card of two classes, a pistol and a cartridge."""
    specs = zip((("pistol", Group.FIREARM), ("cartridge", Group.AMMUNITION)), thresholds, temperatures, strict=True)
    return ModelCard(
        name="test",
        version="1",
        licence="AGPL-3.0-or-later",
        taxonomy="2026.1",
        classes=tuple(ClassSpec(name=n, group=g, threshold=t, temperature=k) for (n, g), t, k in specs),
        input_px=input_px,
        palette=PALETTE_NAME,
        operating_point=OperatingPoint(name="test"),
        training_data=(),
        start_weights="none",
        weights_sha256="0" * 64,
        toolkit_version="0",
    )


def contract_model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    card: ModelCard,
    rows: int,
    extra_opsets: Sequence[onnx.OperatorSetIdProto] = (),
) -> onnx.ModelProto:
    """A model that declares contract 1; ``nodes`` make OUTPUT_NAME (1, rows, 6) from INPUT_NAME."""
    side = card.input_px
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [1, rows, 6])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), *extra_opsets], ir_version=9)
    helper.set_model_props(model, to_metadata(card))
    return model


def constant_model(rows: Sequence[Row], card: ModelCard | None = None) -> onnx.ModelProto:
    """Claims the same rows (x1 y1 x2 y2 in input pixels, score, class) about every picture."""
    values = np.array([rows], np.float32).reshape(1, len(rows), 6)
    node = helper.make_node("Identity", ["rows"], [OUTPUT_NAME])
    return contract_model([node], {"rows": values}, card or model_card(), len(rows))


def dark_model(card: ModelCard | None = None) -> onnx.ModelProto:
    """Claims a pistol on the one box around all pixels darker than a quarter; score 0 where there are none."""
    make = helper.make_node
    nodes = [
        make("ReduceMax", [INPUT_NAME], ["brightest"], axes=[1], keepdims=0),  # (1, S, S)
        make("Less", ["brightest", "quarter"], ["is_dark"]),
        make("Cast", ["is_dark"], ["dark"], to=TensorProto.FLOAT),
        make("ReduceMax", ["dark"], ["columns"], axes=[1], keepdims=0),  # (1, S)
        make("ReduceMax", ["dark"], ["lines"], axes=[2], keepdims=0),
        make("ReduceMax", ["dark"], ["any"], axes=[1, 2], keepdims=0),  # (1,)
        make("Mul", ["any", "confident"], ["score"]),
    ]
    for edge, source, last in (("x1", "columns", 0), ("y1", "lines", 0), ("x2", "columns", 1), ("y2", "lines", 1)):
        nodes += [
            make("ArgMax", [source], [f"{edge}_at"], axis=1, keepdims=0, select_last_index=last),
            make("Cast", [f"{edge}_at"], [f"{edge}_float"], to=TensorProto.FLOAT),
            make("Add", [f"{edge}_float", "one" if last else "zero"], [edge]),
        ]
    nodes += [
        make("Concat", ["x1", "y1", "x2", "y2", "score", "zero"], ["flat"], axis=0),
        make("Reshape", ["flat", "shape"], [OUTPUT_NAME]),
    ]
    constants: dict[str, np.ndarray] = {
        "quarter": np.array(0.25, np.float32),
        "confident": np.array([DARK_SCORE], np.float32),
        "zero": np.zeros(1, np.float32),
        "one": np.ones(1, np.float32),
        "shape": np.array([1, 1, 6], np.int64),
    }
    return contract_model(nodes, constants, card or model_card(), rows=1)


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write the model, sealed; the path."""
    path.write_bytes(sealed(model.SerializeToString()))
    return path


def with_open_batch() -> bytes:
    """The dark-pixel model, sealed, for any number of pictures at once."""
    model = dark_model()
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    return sealed(model.SerializeToString())
