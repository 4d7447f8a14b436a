"""What a picture file says of itself before a pixel is decoded: format by content, size, and whether it is all there.

References: PNG (ISO/IEC 15948) §5 and §11.2, JPEG (ITU-T T.81) annex B, BMP (Windows BITMAPINFOHEADER), TIFF 6.0 §2.
"""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum

from ..detector.errors import ScanError
from .files import ReadLimits

COPY_AGAIN = "copy or export the scan again"


class Container(StrEnum):
    """A picture file format, told by its first bytes; suffixes are not believed."""

    PNG = "PNG"
    JPEG = "JPEG"
    BMP = "BMP"
    TIFF = "TIFF"


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", Container.PNG),
    (b"\xff\xd8\xff", Container.JPEG),
    (b"BM", Container.BMP),
    (b"II*\0", Container.TIFF),
    (b"MM\0*", Container.TIFF),
    (b"II+\0", Container.TIFF),
    (b"MM\0+", Container.TIFF),
)
_MAX_PNG_CHUNKS = 100_000
"""Real writers make chunks of 8 kB and more; a file of empty ones would cost minutes."""
_EOI = b"\xff\xd9"
_NEXT_JPEG = b"\xff\xd8\xff"
_JPEG_START_OF_SCAN = 0xDA
_JPEG_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BMP_UNCOMPRESSED = {0, 3}

Probe = tuple[int, int, bool, int]
"""Width and height in pixels, whether the data are whole, and how many pictures they hold."""


def container_of(data: bytes, name: str) -> Container:
    """The format of a file by its content.

    Raises:
        ScanError: if it is none that is read here.
    """
    for magic, container in _MAGIC:
        if data.startswith(magic):
            return container
    what = "text" if data[:512].isascii() and b"\0" not in data[:512] else "an unknown format"
    raise ScanError(f"{name} is not a picture ({what})", "give a JPEG, PNG, TIFF or BMP file")


def check_container(data: bytes, name: str, container: Container, limits: ReadLimits) -> None:
    """Check size and completeness of a PNG, JPEG or BMP file; TIFF is checked by its own reader.

    Raises:
        ScanError: if the picture is over the limits, empty, truncated or one of several, or its header makes no sense.
    """
    try:
        width_px, height_px, complete, pictures = _PROBES[container](data)
    except (struct.error, IndexError) as error:
        raise ScanError(f"{name} is truncated: the {container} header is incomplete", COPY_AGAIN) from error
    limits.check_size(name, width_px, height_px)
    if not complete:
        raise ScanError(f"{name} is truncated or damaged: the {container} data are not whole", COPY_AGAIN)
    if pictures > 1:  # only the first would be decoded
        raise ScanError(f"{name} holds several pictures", "save one scan a file")


def _probe_png(data: bytes) -> Probe:
    """Walk the chunks to the end chunk, checksums included: a file with a hole is as bad as one cut short."""
    width, height = struct.unpack_from(">II", data, 16)
    view = memoryview(data)
    at, pictures = 8, 1
    for _ in range(_MAX_PNG_CHUNKS):
        if at + 12 > len(data):
            break
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data) or zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            break
        if data[at + 4 : at + 8] == b"acTL":  # an animation, and how many frames it has
            (pictures,) = struct.unpack_from(">I", data, at + 8)
        if data[at + 4 : at + 8] == b"IEND":
            return width, height, True, pictures
        at = end + 4
    return width, height, False, pictures


def _probe_jpeg(data: bytes) -> Probe:
    """Walk the segments to the first scan; the end marker must come after it (thumbnails bring their own before).

    A multi-picture file (CIPA DC-007) is several whole JPEG files one after the other.
    """
    width = height = 0
    at = 2
    while True:
        if data[at] != 0xFF:
            raise IndexError("no marker where one must be")
        marker = data[at + 1]
        if marker == 0xFF or marker in _JPEG_STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
        if marker == _JPEG_START_OF_SCAN:
            first_end = data.find(_EOI, at)
            return width, height, first_end >= 0, 1 + (data.find(_NEXT_JPEG, max(first_end, at)) >= 0)


def _probe_bmp(data: bytes) -> Probe:
    declared_bytes, offset, header_bytes = struct.unpack_from("<2xI4xII", data)
    if header_bytes == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: rows run from the top
    need = declared_bytes
    if compression in _BMP_UNCOMPRESSED:
        need = offset + (width * bits + 31) // 32 * 4 * height
    return width, height, len(data) >= need, 1


_PROBES = {Container.PNG: _probe_png, Container.JPEG: _probe_jpeg, Container.BMP: _probe_bmp}
