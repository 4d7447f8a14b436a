"""The line protocol, version 1: what a scanner tells, what it is answered, and the bytes of both (docs/line-stream.md).

All numbers are little-endian. A message is ``"PSL1"``, kind, length of the body (u32 each), the body, and the CRC-32
of all that stands before it.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...datasets.belt_document import MAX_DETECTORS, ViewName
from ...detector.errors import SourceError

MAGIC = b"PSL1"
PROTOCOL: Literal[1] = 1
MAX_BODY_BYTES = 4 << 20
MAX_HELLO_BYTES = 4096
MAX_LINES = 1024
"""In one message."""
MAX_SEQUENCE = 1 << 62
ANYWHERE = (1 << 64) - 1
"""As ``expected``: nothing is known of this stream; begin where you like."""

_HEAD = struct.Struct("<4sII")
_LINES = struct.Struct("<QddHHbBH")
_STATUS = struct.Struct("<QQII")
_CRC = struct.Struct("<I")
HEAD_BYTES = _HEAD.size
CRC_BYTES = _CRC.size
_UNTOLD_MOTION = 127
_UNTOLD_BEAM = 255


class Kind(IntEnum):
    """What a message is; below 16 from the scanner, above to it."""

    HELLO = 1
    LINES = 2
    END = 3
    STATUS = 16
    REFUSED = 17


_KINDS = frozenset(int(kind) for kind in Kind)
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""Becomes part of scan ids and messages, so nothing else is let through."""
_Millimetres = Annotated[float, Field(allow_inf_nan=False, ge=0.05, le=50)]


class Hello(BaseModel):
    """The scanner, as it introduces itself: the body is this as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Literal[1] = PROTOCOL
    scanner: _Name
    stream: _Name
    """Names this numbering of lines; another one whenever numbers begin anew."""
    views: tuple[ViewName, ...] = Field(min_length=1, max_length=2)
    detectors: tuple[Annotated[int, Field(ge=16, le=MAX_DETECTORS)], ...]
    """By view."""
    pitch_mm: _Millimetres
    """Detector pitch at the belt."""
    line_pitch_mm: _Millimetres
    """Belt travel from line to line."""
    line_rate_hz: Annotated[float, Field(allow_inf_nan=False, ge=1, le=20_000)]
    air_level: Annotated[int, Field(ge=1_000, le=65_535)] = 60_000
    """Full scale: the value of unattenuated beam; of raw lines about."""
    calibrated: bool = True
    """False: raw; dark lines and then lines of air come first."""

    @model_validator(mode="after")
    def _agree(self) -> Hello:
        if len(set(self.views)) != len(self.views) or len(self.views) != len(self.detectors):
            raise ValueError("one number of detectors a view, and no view twice")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class LinesMessage:
    """Consecutive lines of one view, during which the belt moved in one way."""

    sequence: int
    """Of the first line; views share the numbers: line n of each was read at the same time."""
    clock_ms: float
    """Scanner's clock at the first line."""
    view: int
    values: NDArray[np.uint16]
    """(lines, detectors, 2), order (low, high)."""
    position_mm: float | None = None
    """The encoder's, at the first line; None where there is no encoder."""
    motion: int | None = None
    """Since the line before: 1 forward, 0 stands, -1 backward; None where the belt tells nothing."""
    beam: bool | None = None
    """None where the scanner does not tell."""


@dataclass(frozen=True, slots=True)
class End:
    """The scanner goes; so many lines were sent in all, counted from line 0."""

    lines: int


@dataclass(frozen=True, slots=True)
class Status:
    """The answer: at once after hello, at every change, and at least once a second."""

    expected: int
    """The next line that is wanted; ANYWHERE where nothing is known of the stream."""
    durable: int
    """Lines before this one may be forgotten: every parcel in them is stored."""
    stop_belt: bool = False
    """The receiver is overloaded and asks the belt to stop."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The last words before the connection is closed."""

    reason: str


Message = Hello | LinesMessage | End | Status | Refused


def frame(kind: Kind, body: bytes) -> bytes:
    """A whole message."""
    head = _HEAD.pack(MAGIC, kind, len(body)) + body
    return head + _CRC.pack(zlib.crc32(head))


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    match message:
        case Hello():
            return frame(Kind.HELLO, message.model_dump_json().encode())
        case LinesMessage():
            return frame(Kind.LINES, _lines_body(message))
        case End():
            return frame(Kind.END, struct.pack("<Q", message.lines))
        case Status():
            return frame(Kind.STATUS, _STATUS.pack(message.expected, message.durable, message.stop_belt, 0))
        case Refused():
            return frame(Kind.REFUSED, message.reason.encode()[:MAX_HELLO_BYTES])


def _lines_body(message: LinesMessage) -> bytes:
    head = _LINES.pack(
        message.sequence,
        message.clock_ms,
        math.nan if message.position_mm is None else message.position_mm,
        message.view,
        len(message.values),
        _UNTOLD_MOTION if message.motion is None else message.motion,
        _UNTOLD_BEAM if message.beam is None else int(message.beam),
        0,
    )
    return head + np.ascontiguousarray(message.values, "<u2").tobytes()


def unpack_head(data: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Kind and body length of the message that begins here.

    Raises:
        SourceError: if no message begins here.
    """
    magic, kind, length = _HEAD.unpack_from(data)
    if magic != MAGIC or kind not in _KINDS or length > (MAX_BODY_BYTES if kind == Kind.LINES else MAX_HELLO_BYTES):
        raise SourceError("no message begins here", "send messages whole, one after the other")
    return kind, length


def decode(kind: int, body: bytes, hello: Hello | None) -> Message:
    """A message from its body, whose CRC was right.

    Args:
        kind: one of Kind.
        body: its bytes.
        hello: what the scanner said of itself; None before it did.

    Raises:
        SourceError: naming what is out of its limits.
    """
    try:
        match Kind(kind):
            case Kind.HELLO:
                return _hello(body)
            case Kind.LINES:
                return _lines(body, hello)
            case Kind.END:
                return End(*struct.unpack("<Q", body))
            case Kind.STATUS:
                expected, durable, stop, _ = _STATUS.unpack(body)
                return Status(expected, durable, bool(stop))
            case Kind.REFUSED:
                return Refused(body.decode("utf-8", "replace"))
    except struct.error as error:
        raise SourceError(f"a {Kind(kind).name} of {len(body)} bytes", "see the byte table of the protocol") from error


def _hello(body: bytes) -> Hello:
    try:
        return Hello.model_validate_json(body)
    except (ValidationError, ValueError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise SourceError(f"HELLO: {where}: {first['msg']}", "see the table of HELLO in the protocol") from error


def _lines(body: bytes, hello: Hello | None) -> LinesMessage:
    if hello is None:
        raise SourceError("LINES came before HELLO", "introduce the scanner first")
    sequence, clock_ms, position_mm, view, count, motion, beam, _ = _LINES.unpack_from(body)
    faults = {
        f"sequence {sequence}": sequence + count > MAX_SEQUENCE,
        f"clock {clock_ms}": not abs(clock_ms) < 1e15,
        f"position {position_mm}": not (math.isnan(position_mm) or abs(position_mm) < 1e12),
        f"view {view}": view >= len(hello.views),
        f"{count} lines": not 1 <= count <= MAX_LINES,
        f"motion {motion}": motion not in (-1, 0, 1, _UNTOLD_MOTION),
        f"beam {beam}": beam not in (0, 1, _UNTOLD_BEAM),
    }
    for fault, found in faults.items():
        if found:
            raise SourceError(f"LINES with {fault}", "see the limits in the byte table of LINES")
    shape = (count, hello.detectors[view], 2)
    if len(body) != _LINES.size + 2 * math.prod(shape):
        raise SourceError(
            f"LINES of view {hello.views[view]}: {len(body) - _LINES.size} bytes of values for {count} lines of "
            f"{shape[1]} detectors",
            "send detectors × 2 values of 16 bit a line",
        )
    values = np.frombuffer(body, "<u2", offset=_LINES.size).reshape(shape)
    return LinesMessage(
        sequence,
        clock_ms,
        view,
        values,
        None if math.isnan(position_mm) else position_mm,
        None if motion == _UNTOLD_MOTION else motion,
        None if beam == _UNTOLD_BEAM else bool(beam),
    )
