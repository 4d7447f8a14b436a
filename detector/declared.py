"""What the inputs and outputs of a model of a known contract must be: names, element types, shapes.

Element types are numbers of ONNX's TensorProto.DataType.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import ModelError

FLOAT, UINT8, UINT16, INT64 = 1, 2, 4, 7
ELEMENT_TYPES = {FLOAT: "float32", UINT8: "uint8", UINT16: "uint16", INT64: "int64", 10: "float16"}
"""Those a model of ours may take or give, and float16, which a converter may have left there."""


@dataclass(frozen=True, slots=True)
class DeclaredTensor:
    """An input or output, as a file declares it or as a contract wants it."""

    name: str
    element_type: int
    """0 where it is no tensor."""
    shape: tuple[int | None, ...]
    """None for a side left open."""

    def __str__(self) -> str:
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name[:40]} {ELEMENT_TYPES.get(self.element_type, f'type {self.element_type}')} ({sides})"

    def answers(self, wanted: DeclaredTensor) -> bool:
        """True where this is the wanted tensor; a side left open here or there fits any."""
        return (
            (self.name, self.element_type) == (wanted.name, wanted.element_type)
            and len(self.shape) == len(wanted.shape)
            and all(None in pair or pair[0] == pair[1] for pair in zip(self.shape, wanted.shape, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Tensors:
    """Everything a model takes and gives."""

    inputs: tuple[DeclaredTensor, ...]
    outputs: tuple[DeclaredTensor, ...]


def check_tensors(given: Tensors, wanted: Tensors, contract: str, source: str) -> None:
    """Refuse a file whose inputs or outputs are not those of its contract.

    Raises:
        ModelError: saying what it has and what it should have.
    """
    for has, should in ((given.inputs, wanted.inputs), (given.outputs, wanted.outputs)):
        if not _answer(has, should):
            raise ModelError(
                f"{source} declares {_listed(has)[:200]} where contract {contract} says {_listed(should)}",
                "export the model again with parcelsight export",
            )


def _answer(given: Sequence[DeclaredTensor], wanted: Sequence[DeclaredTensor]) -> bool:
    return len(given) == len(wanted) and all(g.answers(w) for g, w in zip(given, wanted, strict=True))


def _listed(given: Sequence[DeclaredTensor]) -> str:
    return ", ".join(map(str, given)) or "nothing"
