"""Look into an ONNX file before any engine touches it, and refuse what could reach outside it.

An ONNX file is a protocol-buffer message. It may name other files (external data), operators from code that is not in
the file (custom domains, model-local functions) and vendor blobs (EPContext); a model that came by mail or download
must not. The base install has no ``onnx`` package, so the few fields needed are walked here, in bounds: a file that
is damaged, hostile or simply something else ends in a ModelError, in time linear in its size.

Field numbers: onnx.proto3 of ONNX 1.18. Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..detector.errors import ModelError

MAX_MODEL_BYTES = 200_000_000
MAX_METADATA_BYTES = 4_000_000
BUILT_IN_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
"""Operator domains whose code is part of onnxruntime itself."""

_MAX_FIELDS = 1_000_000
"""A network of this project has some ten thousand."""
_MAX_DEPTH = 16
"""Graphs in graphs (the branches of If and Loop)."""
_MAX_NAME_BYTES = 1_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PT_MAGIC = b"PK\x03\x04"


class _Malformed(Exception):
    """The bytes are not the message they should be."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model that was read once and looked through; what runs is exactly these bytes."""

    path: Path
    content: bytes
    metadata: MappingProxyType[str, str]


def read_model(path: Path) -> ModelFile:
    """Read an ONNX file and refuse what must not run.

    Raises:
        ModelError: if the file is missing, too large, not ONNX, or reaches outside itself.
    """
    content = _read(path)
    if content.startswith(_PT_MAGIC):
        raise ModelError(f"{path} is a PyTorch checkpoint, not an ONNX model", "export it with: parcelsight export RUN")
    try:
        metadata = _Inspection(content, path).model()
    except _Malformed as error:
        raise ModelError(
            f"{path} is not an ONNX model, or is damaged ({error})", "give a file written by: parcelsight export RUN"
        ) from error
    return ModelFile(path, content, MappingProxyType(metadata))


def _read(path: Path) -> bytes:
    """The file's bytes, no more of them than allowed."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ModelError(f"{path} is not a regular file", "give an ONNX file with --model")
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file", "give an ONNX file with --model") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})", "give a readable ONNX file") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(
            f"{path} is larger than {MAX_MODEL_BYTES // 1_000_000} MB", "give a model exported by ParcelSight"
        )
    return content


class _Inspection:
    """One walk through one file. Messages are (start, end) offsets, so nothing is copied but short names."""

    def __init__(self, content: bytes, path: Path) -> None:
        self._content = content
        self._path = path
        self._fields_left = _MAX_FIELDS

    def model(self) -> dict[str, str]:
        """Walk a ModelProto; its metadata.

        Raises:
            _Malformed: if the bytes are no ModelProto with a graph.
            ModelError: if the model reaches outside itself.
        """
        metadata: dict[str, str] = {}
        graphs = 0
        for number, start, end in self._messages(0, len(self._content)):
            if number == 7:  # graph
                graphs += 1
                self._graph(start, end, depth=0)
            elif number == 8:  # opset_import
                self._domain(start, end, field=1)
            elif number == 14:  # metadata_props
                key, value = self._entry(start, end)
                metadata[key] = value
            elif number == 25:  # functions
                self._refuse("defines operators of its own (model-local functions)")
        if not graphs:
            raise _Malformed("no graph in it")
        return metadata

    def _graph(self, start: int, end: int, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Malformed(f"graphs nested deeper than {_MAX_DEPTH}")
        for number, inner, stop in self._messages(start, end):
            if number == 1:  # node
                self._node(inner, stop, depth)
            elif number == 5:  # initializer
                self._tensor(inner, stop)
            elif number == 15:  # sparse_initializer
                self._sparse(inner, stop)

    def _node(self, start: int, end: int, depth: int) -> None:
        self._domain(start, end, field=7)
        for number, inner, stop in self._messages(start, end):
            if number == 4 and self._text(inner, stop) == "EPContext":  # op_type
                self._refuse("holds an EPContext node, a compiled blob for one vendor's device")
            elif number == 5:  # attribute
                self._attribute(inner, stop, depth)

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

    def _domain(self, start: int, end: int, field: int) -> None:
        for number, inner, stop in self._messages(start, end):
            if number == field and (name := self._text(inner, stop)) not in BUILT_IN_DOMAINS:
                self._refuse(f"needs operators from the custom domain {name[:60]!r}")

    def _entry(self, start: int, end: int) -> tuple[str, str]:
        """Key and value of a StringStringEntryProto."""
        found = {1: "", 2: ""}
        for number, inner, stop in self._messages(start, end):
            if number in found:
                found[number] = self._text(inner, stop, MAX_METADATA_BYTES)
        return found[1], found[2]

    def _text(self, start: int, end: int, limit: int = _MAX_NAME_BYTES) -> str:
        if end - start > limit:
            raise _Malformed("a name or text in it is far too long")
        try:
            return self._content[start:end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Malformed("a name in it is not text") from error

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
                raise _Malformed(f"more than {_MAX_FIELDS} fields")
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            if number == 0:
                raise _Malformed("a field has no number")
            if wire == _VARINT:
                value, position = self._varint(position, end)
                yield number, wire, value, position
                continue
            if wire == _BYTES:
                length, position = self._varint(position, end)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                raise _Malformed("unknown wire type")
            if length > end - position:
                raise _Malformed("it ends too early")
            yield number, wire, position, position + length
            position += length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """A base-128 number and the position after it."""
        value = 0
        for shift in range(0, 70, 7):
            if position >= end:
                raise _Malformed("it ends too early")
            byte = self._content[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
        raise _Malformed("a number is too long")

    def _refuse(self, why: str) -> None:
        raise ModelError(f"{self._path} {why}", "give a self-contained model, as parcelsight export writes it")
