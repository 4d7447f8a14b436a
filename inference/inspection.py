"""Look into the bytes of an ONNX file before any engine touches them, and refuse what could reach outside it.

An ONNX file is a protocol-buffer message. It may name other files (external data), operators from code that is not in
the file (custom domains, model-local functions) and vendor blobs (EPContext); a model that came by mail or download
must not. The base install has no ``onnx`` package, so the few fields needed are walked here, in bounds: a file that
is damaged, hostile or simply something else ends in a ModelError, in time linear in its size.

Field numbers: onnx.proto3 of ONNX 1.18. Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..detector.declared import DeclaredTensor, Tensors
from ..detector.errors import ModelError

MAX_METADATA_BYTES = 4_000_000
BUILT_IN_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
"""Operator domains whose code is part of onnxruntime itself."""

_MAX_FIELDS = 1_000_000
"""A network of this project has some ten thousand."""
_MAX_DEPTH = 16
"""Graphs in graphs (the branches of If and Loop)."""
_MAX_NAME_BYTES = 1_000
_MAX_SIDES = 16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Malformed(Exception):
    """The bytes are not the message they should be."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an ONNX file says about itself."""

    metadata: Mapping[str, str]
    tensors: Tensors
    """Inputs with a default value of their own (an initializer of the same name) included."""


def inspect_model(content: bytes, source: str) -> Declared:
    """Walk a ModelProto.

    Args:
        content: the file's bytes.
        source: the file's name, for messages.

    Raises:
        Malformed: if the bytes are no ModelProto with one graph.
        ModelError: if the model reaches outside itself.
    """
    return _Inspection(content, source).model()


class _Inspection:
    """One walk through one file. Messages are (start, end) offsets, so nothing is copied but short names."""

    def __init__(self, content: bytes, source: str) -> None:
        self._content = content
        self._source = source
        self._fields_left = _MAX_FIELDS
        self._inputs: list[DeclaredTensor] = []
        self._outputs: list[DeclaredTensor] = []

    def model(self) -> Declared:
        metadata: dict[str, str] = {}
        graphs = 0
        for number, start, end in self._messages(0, len(self._content)):
            if number == 7:  # graph
                graphs += 1
                self._graph(start, end, depth=0)
            elif number == 8:  # opset_import
                self._operator_set(start, end)
            elif number == 14:  # metadata_props
                key, value = self._entry(start, end)
                if key in metadata:  # readers differ in which of the two they take
                    raise Malformed(f"its metadata has {key[:40]!r} twice")
                metadata[key] = value
            elif number == 20:  # training_info
                self._refuse("carries training graphs")
            elif number == 25:  # functions
                self._refuse("defines operators of its own (model-local functions)")
        if graphs != 1:
            raise Malformed("no graph in it" if not graphs else "more than one graph in it")
        return Declared(MappingProxyType(metadata), Tensors(tuple(self._inputs), tuple(self._outputs)))

    def _graph(self, start: int, end: int, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise Malformed(f"graphs nested deeper than {_MAX_DEPTH}")
        for number, inner, stop in self._messages(start, end):
            if number == 1:  # node
                self._node(inner, stop, depth)
            elif number == 5:  # initializer
                self._tensor(inner, stop)
            elif number == 15:  # sparse_initializer
                self._sparse(inner, stop)
            elif number == 11 and not depth:  # input
                self._inputs.append(self._declared(inner, stop))
            elif number == 12 and not depth:  # output
                self._outputs.append(self._declared(inner, stop))

    def _node(self, start: int, end: int, depth: int) -> None:
        for number, inner, stop in self._messages(start, end):
            if number == 5:  # attribute
                self._attribute(inner, stop, depth)
            elif number == 4 and self._text(inner, stop) == "EPContext":  # op_type
                self._refuse("holds an EPContext node, a compiled blob for one vendor's device")
            elif number == 7:  # domain
                self._domain(self._text(inner, stop))

    def _attribute(self, start: int, end: int, depth: int) -> None:
        for number, inner, stop in self._messages(start, end):
            if number in (5, 10):  # t, tensors
                self._tensor(inner, stop)
            elif number in (6, 11):  # g, graphs
                self._graph(inner, stop, depth + 1)
            elif number in (22, 23):  # sparse_tensor, sparse_tensors
                self._sparse(inner, stop)

    def _sparse(self, start: int, end: int) -> None:
        for number, inner, stop in self._messages(start, end):
            if number in (1, 2):  # values, indices
                self._tensor(inner, stop)

    def _tensor(self, start: int, end: int) -> None:
        for number, wire, value, _ in self._fields(start, end):
            named = number == 13 and wire == _BYTES  # external_data
            located = number == 14 and wire == _VARINT and value != 0  # data_location
            if named or located:
                self._refuse("keeps weights in another file (external data)")

    def _operator_set(self, start: int, end: int) -> None:
        for number, inner, stop in self._messages(start, end):
            if number == 1:  # domain
                self._domain(self._text(inner, stop))

    def _domain(self, name: str) -> None:
        if name not in BUILT_IN_DOMAINS:
            self._refuse(f"needs operators from the custom domain {name[:60]!r}")

    def _declared(self, start: int, end: int) -> DeclaredTensor:
        """A ValueInfoProto: name = 1, type = 2 → tensor_type = 1 → elem_type = 1, shape = 2 → dim = 1 → value = 1."""
        name, element_type = "", 0
        shape: list[int | None] = []
        for number, inner, stop in self._messages(start, end):
            if number == 1:
                name = self._text(inner, stop)
            elif number == 2:
                for _, tensor, tensor_end in self._only(inner, stop, 1):
                    for field, wire, value, value_end in self._fields(tensor, tensor_end):
                        if field == 1 and wire == _VARINT:
                            element_type = value
                        elif field == 2 and wire == _BYTES:
                            shape += [self._side(*dim) for _, *dim in self._only(value, value_end, 1)]
        if len(shape) > _MAX_SIDES:
            raise Malformed("a tensor in it has too many sides")
        return DeclaredTensor(name, element_type, tuple(shape))

    def _side(self, start: int, end: int) -> int | None:
        for number, wire, value, _ in self._fields(start, end):
            if number == 1 and wire == _VARINT:
                return value
        return None

    def _only(self, start: int, end: int, wanted: int) -> Iterator[tuple[int, int, int]]:
        return (message for message in self._messages(start, end) if message[0] == wanted)

    def _entry(self, start: int, end: int) -> tuple[str, str]:
        """Key and value of a StringStringEntryProto."""
        found = {1: "", 2: ""}
        for number, inner, stop in self._messages(start, end):
            if number in found:
                found[number] = self._text(inner, stop, MAX_METADATA_BYTES)
        return found[1], found[2]

    def _text(self, start: int, end: int, limit: int = _MAX_NAME_BYTES) -> str:
        if end - start > limit:
            raise Malformed("a name or text in it is far too long")
        try:
            return self._content[start:end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("a name in it is not text") from error

    def _messages(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Length-delimited fields of a message: number, start, end."""
        for number, wire, inner, stop in self._fields(start, end):
            if wire == _BYTES:
                yield number, inner, stop

    def _fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Fields of a message: number, wire type, and start and end of the content (a varint's value as start)."""
        position = start
        while position < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise Malformed(f"more than {_MAX_FIELDS} fields")
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            if number == 0:
                raise Malformed("a field has no number")
            if tag >> 32:  # other readers would drop the upper bits and see another field
                raise Malformed("a field's number is too large")
            if wire == _VARINT:
                value, position = self._varint(position, end)
                yield number, wire, value, position
                continue
            if wire == _BYTES:
                length, position = self._varint(position, end)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                raise Malformed("unknown wire type")
            if length > end - position:
                raise Malformed("it ends too early")
            yield number, wire, position, position + length
            position += length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """A base-128 number and the position after it."""
        if position >= end:
            raise Malformed("it ends too early")
        value = self._content[position]
        if value < 0x80:  # nearly all of them
            return value, position + 1
        value &= 0x7F
        for shift in range(7, 70, 7):
            position += 1
            if position >= end:
                raise Malformed("it ends too early")
            byte = self._content[position]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position + 1
        raise Malformed("a number is too long")

    def _refuse(self, why: str) -> None:
        raise ModelError(f"{self._source} {why}", "give a self-contained model, as parcelsight export writes it")
