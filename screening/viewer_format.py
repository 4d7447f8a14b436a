"""How pictures travel to the browser: one small binary container for scans and for lines of the belt.

::

    0    8 bytes   MAGIC (as PNG's: a transfer that mangles text is found at once)
    8    uint32    length of the header in bytes, little endian
    12   …         header: JSON, UTF-8 (class Header)
    …    …         each view's pixels, row by row; every view begins at a multiple of 8, the gaps are zero

Pixels are little endian and interleaved: ``dual-energy`` uint16 (low, high), ``grey-16`` uint16, ``grey-8`` uint8,
``pseudo-colour`` uint8 RGB. Nothing follows the last view. The container is not compressed itself; servers send it
with ``Content-Encoding: gzip`` where the line is slow. ``static/viewer/format.js`` reads it with the same limits.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..datasets.belt import LineBlock
from ..datasets.levels import as_levels
from ..datasets.scan import AIR_LEVEL, Scan, ScanKind
from ..detector.errors import ScanError, UsageError

MAGIC = b"\x89PSV1\r\n\n"
MEDIA_TYPE = "application/vnd.parcelsight.picture"
MAX_HEADER_BYTES = 65_536
MAX_SIDE_PX = 32_768
MAX_PIXELS = 40_000_000
"""Of all views together: 160 MB of dual-energy levels, more than any parcel needs."""
MAX_VIEWS = 4
_ALIGNMENT = 8

WireKind = Literal["dual-energy", "pseudo-colour", "grey-8", "grey-16"]
_LAYOUT: dict[WireKind, tuple[int, str]] = {
    "dual-energy": (2, "<u2"),
    "pseudo-colour": (3, "|u1"),
    "grey-8": (1, "|u1"),
    "grey-16": (1, "<u2"),
}
Text = Annotated[str, Field(max_length=200)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ViewHeader(_Strict):
    """One view: what its pixels mean and how many there are."""

    name: Text
    kind: WireKind
    height_px: Side
    width_px: Side
    pitch_mm: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None
    air_level: Annotated[int, Field(ge=1, le=65_535)]

    @property
    def n_bytes(self) -> int:
        """Of its pixels, without the gap behind them."""
        channels, dtype = _LAYOUT[self.kind]
        return self.height_px * self.width_px * channels * np.dtype(dtype).itemsize


class Header(_Strict):
    """What a container holds."""

    content: Literal["scan", "lines"]
    id: Text
    first_line: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    """Of ``lines``: the sequence number of the first; each line is a row of every view."""
    views: Annotated[tuple[ViewHeader, ...], Field(min_length=1, max_length=MAX_VIEWS, strict=False)]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A container read back: the header and each view's pixels, (H, W, channels), or (H, W) of grey ones."""

    header: Header
    pixels: tuple[NDArray[Any], ...]


def pack_scans(picture_id: str, scans: Sequence[Scan]) -> bytes:
    """The views of one parcel as a container.

    Raises:
        UsageError: if there are no scans, more than MAX_VIEWS, or they are larger than the limits.
    """
    pixels = [as_levels(scan.pixels) if scan.kind is ScanKind.DUAL_ENERGY else scan.pixels for scan in scans]
    views = [
        _view(scan.view, _wire_kind(scan), levels, scan.pitch_mm) for scan, levels in zip(scans, pixels, strict=True)
    ]
    return _pack({"content": "scan", "id": picture_id, "views": views}, pixels)


def pack_lines(lane: str, block: LineBlock, pitch_mm: float | None) -> bytes:
    """A block of belt lines of all views as a container. Raises UsageError as `pack_scans` does."""
    views = [_view(name, "dual-energy", levels, pitch_mm) for name, levels in block.views.items()]
    header = {"content": "lines", "id": lane, "first_line": block.first_sequence, "views": views}
    return _pack(header, list(block.views.values()))


def unpack(data: bytes, name: str) -> Picture:
    """Read a container from an untrusted source; pixels are views into ``data``.

    Args:
        data: the whole container.
        name: where it came from, for messages.

    Raises:
        ScanError: if it is no container, is damaged or cut short, or declares more than the limits allow.
    """
    if len(data) < len(MAGIC) + 4 or not data.startswith(MAGIC):
        raise ScanError(f"{name} is no picture container", "fetch it again")
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    start = len(MAGIC) + 4
    if length > MAX_HEADER_BYTES or start + length > len(data):
        raise ScanError(f"{name} is cut short or damaged: its header claims {length} bytes", "fetch it again")
    header = _checked(data[start : start + length], name)
    places = list(_places(header, start + length))
    end = places[-1] + header.views[-1].n_bytes
    if end != len(data):
        raise ScanError(f"{name} holds {len(data)} bytes where its header tells of {end}", "fetch it again")
    return Picture(header, tuple(_pixels(data, view, place) for view, place in zip(header.views, places, strict=True)))


def _checked(raw: bytes, name: str) -> Header:
    try:
        header = Header.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "header"
        raise ScanError(f"{name}: {where}: {first['msg']}", "fetch it again") from error
    pixels = sum(view.height_px * view.width_px for view in header.views)
    if pixels > MAX_PIXELS:
        raise ScanError(f"{name} declares {pixels} pixels, more than {MAX_PIXELS}", "send a smaller picture")
    return header


def _places(header: Header, end_of_header: int) -> Iterator[int]:
    """Where each view's pixels begin."""
    place = _aligned(end_of_header)
    for view in header.views:
        yield place
        place = _aligned(place + view.n_bytes)


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


def _pixels(data: bytes, view: ViewHeader, place: int) -> NDArray[Any]:
    channels, dtype = _LAYOUT[view.kind]
    count = view.height_px * view.width_px * channels
    flat = np.frombuffer(data, dtype, count, place)
    return flat.reshape((view.height_px, view.width_px, *((channels,) if channels > 1 else ())))


def _wire_kind(scan: Scan) -> WireKind:
    if scan.kind is ScanKind.GREY:
        return "grey-8" if scan.pixels.dtype == np.uint8 else "grey-16"
    return "dual-energy" if scan.kind is ScanKind.DUAL_ENERGY else "pseudo-colour"


def _view(name: str, kind: WireKind, pixels: NDArray[Any], pitch_mm: float | None) -> dict[str, Any]:
    height, width = pixels.shape[:2]
    air = AIR_LEVEL if pixels.dtype == np.uint16 else 255
    sides = {"height_px": int(height), "width_px": int(width)}
    return {"name": name, "kind": kind, **sides, "pitch_mm": pitch_mm, "air_level": air}


def _pack(fields: Mapping[str, Any], pixels: Sequence[NDArray[Any]]) -> bytes:
    try:
        header = Header.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"picture {fields['id']!r}: {where}: {first['msg']}", "send a smaller picture") from error
    if sum(view.height_px * view.width_px for view in header.views) > MAX_PIXELS:
        raise UsageError(f"picture {header.id!r} has more than {MAX_PIXELS} pixels", "send a smaller picture")
    text = json.dumps(header.model_dump(), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    packed = bytearray(MAGIC + struct.pack("<I", len(text)) + text)
    for view, place, levels in zip(header.views, _places(header, len(packed)), pixels, strict=True):
        packed += bytes(place - len(packed))
        packed += np.ascontiguousarray(levels, _LAYOUT[view.kind][1]).tobytes()
    return bytes(packed)
