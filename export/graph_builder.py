"""A few lines around onnx's node maker: values are named after what they are, constants are kept once."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT32, INT64, UINT8, UINT16, DOUBLE, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.UINT16,
    TensorProto.DOUBLE,
    TensorProto.BOOL,
)


class GraphBuilder:
    """Collects nodes and initializers; every value is known by its name.

    Args:
        prefix: of every name made here, so that none meets one of the network's.
    """

    def __init__(self, prefix: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._prefix = prefix
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._made = 0

    def add(self, op: str, *inputs: str, named: str = "", **attributes: Any) -> str:
        """Append a node with one output; its name, ``named`` where it must have a certain one."""
        return self.add_many(op, *inputs, outputs=[named or self._new_name(op)], **attributes)[0]

    def add_many(self, op: str, *inputs: str, outputs: list[str] | int, **attributes: Any) -> list[str]:
        """Append a node with several outputs; their names."""
        names = [self._new_name(op) for _ in range(outputs)] if isinstance(outputs, int) else outputs
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], **attributes))
        return names

    def constant(self, value: NDArray[Any]) -> str:
        """The name of an initializer of this value."""
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = self._new_name("constant")
            self.initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def int64(self, value: int | list[int]) -> str:
        """An int64 constant: a scalar, or (n,)."""
        return self.constant(np.array(value, np.int64))

    def float32(self, value: float) -> str:
        """A float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def cast(self, value: str, to: int) -> str:
        """A value in another element type."""
        return self.add("Cast", value, to=to)

    def side(self, shape: str, axis: int) -> str:
        """(1,) int64 entry of a shape."""
        return self.add("Gather", shape, self.int64([axis]), axis=0)

    def _new_name(self, what: str) -> str:
        self._made += 1
        return f"{self._prefix}{what}_{self._made}"
