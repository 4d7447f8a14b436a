"""The body of an upload, raw or multipart: read in pieces, and refused at the byte that is too much.

Nothing of a picture is decoded here; that happens in a worker process, under its limits.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from ...detector.errors import ScanError
from ..lanes.arrival import Arrival

FILES = frozenset(("scan", "low", "high"))
NOTES = frozenset(("lane", "id", "barcode", "meta"))
META_PREFIX = "x-meta-"
IN_QUERY = {"lane": "x-lane", "scan_id": "idempotency-key", "barcode": "x-barcode"}
"""What may stand in the address, for clients that set no headers; a header goes before."""
_MOST_PARTS = 8
_MOST_NOTE_BYTES = 16_384
_MOST_HEADER_BYTES = 8_192


class TooLarge(Exception):
    """The body has more bytes than a scan may have."""


class Malformed(Exception):
    """The body or a header does not keep the rules; the text says which."""


@dataclass(slots=True)
class Upload:
    """What a request brought."""

    files: dict[str, bytearray] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    media: str = ""

    def arrival(self, lane: str, headers: Mapping[str, str]) -> Arrival:
        """As the lane takes it; notes of a multipart body go before headers.

        Raises:
            Malformed: if parts or notes do not fit.
        """
        names = set(self.files)
        if names not in ({"scan"}, {"low", "high"}) or not all(self.files.values()):
            raise Malformed("send one scan that is not empty: a raw body, a part `scan`, or the parts `low` and `high`")
        given = self.notes.get("id") or headers.get("idempotency-key") or f"upload-{uuid4()}"
        try:
            return Arrival(
                lane=lane,
                scan_id=given,
                captured_at=datetime.now(UTC),
                payload=bytes(self.files.get("scan") or self.files["low"]),
                high=bytes(self.files.get("high", b"")),
                media=self.media,
                barcode=self.notes.get("barcode") or headers.get("x-barcode", ""),
                meta=self._meta(headers),
            )
        except ScanError as error:
            raise Malformed(str(error)) from error

    def _meta(self, headers: Mapping[str, str]) -> dict[str, str]:
        meta = {name[len(META_PREFIX) :]: text for name, text in headers.items() if name.startswith(META_PREFIX)}
        if "meta" not in self.notes:
            return meta
        try:
            told = json.loads(self.notes["meta"])
        except (ValueError, RecursionError) as error:
            raise Malformed("meta is no JSON") from error
        if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
            raise Malformed("meta is no JSON object of texts")
        return meta | told


def read_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text; names are lower case.

    Raises:
        Malformed: if one of ours is no UTF-8 or is sent twice.
    """
    headers: dict[str, str] = {}
    for name_bytes, value in raw:
        name = name_bytes.decode("latin-1")
        ours = name in ("idempotency-key", "x-barcode", "x-lane") or name.startswith(META_PREFIX)
        if ours and name in headers:
            raise Malformed(f"the header {name} is sent twice")
        try:
            headers[name] = value.decode("utf-8" if ours else "latin-1")
        except UnicodeDecodeError as error:
            raise Malformed(f"the header {name} is no UTF-8") from error
    return headers


async def read_upload(chunks: AsyncIterator[bytes], headers: Mapping[str, str], most_bytes: int) -> Upload:
    """Read a body to its end.

    Args:
        chunks: of the body.
        headers: of the request, names in lower case.
        most_bytes: of the scan; a multipart body may have a little more around it.

    Raises:
        TooLarge: as soon as that is sure.
        Malformed: if it is no such body.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed("the body is compressed; send it as it is")
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > most_bytes + _MOST_NOTE_BYTES:
        raise TooLarge
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        parts = _Parts(options.get(b"boundary", b""), most_bytes)
        async for chunk in chunks:
            parts.feed(chunk)
        return parts.finish()
    upload = Upload(media=kind.decode("latin-1")[:100])
    body = upload.files["scan"] = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > most_bytes:
            raise TooLarge
        body += chunk
    return upload


class _Parts:
    """The parts of a multipart body while it comes in; never more in memory than a scan and its notes."""

    def __init__(self, boundary: bytes, most_bytes: int) -> None:
        if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
            raise Malformed("the multipart body names no boundary of 1 to 70 characters")
        self._upload = Upload()
        self._left = most_bytes
        self._parts = 0
        self._header_bytes = 0
        self._name, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._into = bytearray()
        self._part = ""
        self._ended = False
        self._notes: dict[str, bytearray] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take in a piece."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise Malformed("the multipart body is broken") from error

    def finish(self) -> Upload:
        """All there; the upload."""
        if not self._ended:
            raise Malformed("the multipart body ends too early")
        try:
            self._upload.notes = {name: bytes(text).decode("utf-8") for name, text in self._notes.items()}
        except UnicodeDecodeError as error:
            raise Malformed("a part of the multipart body is no UTF-8") from error
        return self._upload

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Malformed(f"the multipart body has more than {_MOST_PARTS} parts")
        self._headers, self._header_bytes = {}, 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, count: int) -> None:
        self._header_bytes += count
        if self._header_bytes > _MOST_HEADER_BYTES:
            raise Malformed("a part of the multipart body has too long headers")

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        part = options.get(b"name", b"").decode("latin-1")
        if part in FILES and part not in self._upload.files:
            self._into = self._upload.files[part] = bytearray()
            self._upload.media = self._headers.get(b"content-type", b"").decode("latin-1")[:100]
        elif part in NOTES and part not in self._notes:
            self._into = self._notes[part] = bytearray()
        else:
            raise Malformed(f"the part {part[:40]!r} is not known, or there twice")
        self._part = part

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part in FILES:
            self._left -= end - start
            if self._left < 0:
                raise TooLarge
        elif len(self._into) + end - start > _MOST_NOTE_BYTES:
            raise Malformed(f"the part {self._part} is too long")
        self._into += data[start:end]

    def _end(self) -> None:
        self._ended = True
