"""A contract-1 file in half precision: float16 inside, float32 at both ends and in the decoding.

About half the size. On GPUs and other devices that compute in float16 it is faster too; on most CPUs it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..detector.errors import ModelError
from .network_parts import decoding_nodes, named

_LARGEST = float(np.finfo(np.float16).max)
_STAYS_FLOAT32: dict[str, frozenset[int]] = {"Resize": frozenset({1, 2})}
"""Inputs that the standard wants in float32 whatever the data: Resize's region and scales."""


def in_half_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float16 weights and activations.

    Args:
        model: a contract-1 model in float32; left unchanged.

    Raises:
        ModelError: if a weight is too large for float16, or a node makes floats of its own.
    """
    return _Halving(named(model)).result()


class _Halving:
    """One walk over one graph, in topological order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        graph = model.graph
        self._float32 = set(_float_values(model))
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._constants |= {
            node.output[0]: node.attribute[0].t
            for node in graph.node
            if node.op_type == "Constant" and node.attribute[0].name == "value"
        }
        self._half: set[str] = set()
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[str, onnx.TensorProto] = {}
        self._casts: dict[tuple[str, int], str] = {}

    def result(self) -> onnx.ModelProto:
        """The converted model."""
        graph = self._model.graph
        decoding = decoding_nodes(graph)
        for node in graph.node:
            if node.op_type == "Constant":
                self._nodes.append(node)
            elif node.name in decoding:
                self._keep(node)
            else:
                self._halve(node)
        del graph.node[:]
        graph.node.extend(self._nodes)
        graph.initializer.extend(self._made.values())
        del graph.value_info[:]
        _drop_unused(graph)
        return self._model

    def _halve(self, node: onnx.NodeProto) -> None:
        makes_floats = any(value in self._float32 for value in node.output)
        takes_floats = any(value in self._float32 for value in node.input)
        if makes_floats and not takes_floats:
            raise ModelError(f"{node.name} ({node.op_type}) cannot be halved", "report this with the model")
        fixed = _STAYS_FLOAT32.get(node.op_type, frozenset())
        for index, value in enumerate(node.input):
            if value in self._float32 and value not in self._half and index not in fixed:
                node.input[index] = self._in_half(value)
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT:
            node.attribute[0].i = TensorProto.FLOAT16
        self._half.update(value for value in node.output if value in self._float32)
        self._nodes.append(node)

    def _in_half(self, value: str) -> str:
        """A constant as float16, or the picture cast to it."""
        if value not in self._constants:
            return self._cast(value, TensorProto.FLOAT16)
        name = f"{value}_half"
        if name not in self._made:
            array = numpy_helper.to_array(self._constants[value])
            if np.abs(array).max(initial=0) > _LARGEST:
                raise ModelError(f"the weights {value} are too large for float16", "use the float32 file")
            self._made[name] = numpy_helper.from_array(array.astype(np.float16), name)
        return name

    def _keep(self, node: onnx.NodeProto) -> None:
        for index, value in enumerate(node.input):
            if value in self._half:
                node.input[index] = self._cast(value, TensorProto.FLOAT)
        self._nodes.append(node)

    def _cast(self, value: str, to: int) -> str:
        if (value, to) not in self._casts:
            name = f"{value}_as_{'half' if to == TensorProto.FLOAT16 else 'float'}"
            self._nodes.append(helper.make_node("Cast", [value], [name], name=name, to=to))
            self._casts[value, to] = name
        return self._casts[value, to]


def _float_values(model: onnx.ModelProto) -> Iterator[str]:
    """Names of all values that are float32."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            yield value.name
    yield from (tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove constants that nothing uses any more."""
    used = {value for node in graph.node for value in node.input}
    nodes = [node for node in graph.node if node.op_type != "Constant" or node.output[0] in used]
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
