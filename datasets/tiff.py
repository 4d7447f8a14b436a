"""TIFF pictures, the only container for two-channel scans: checked as a whole, then decoded.

tifffile parses the tags and decodes uncompressed and deflated pixels. It inflates without a limit, so every segment is
measured first, and it lacks codecs such as LZW, so those go to OpenCV. Reference: TIFF 6.0.
"""

from __future__ import annotations

import io
import json
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..detector.errors import ParcelSightError, ScanError
from .containers import COPY_AGAIN
from .files import ReadLimits
from .opencv import cv2

# Its warnings about odd tags would reach the terminal; what matters is raised as an error here.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_NONE = 1
_DEFLATE = (8, 32946)
_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_MOST_PAGES = 64
"""Pages that are looked at; a preview has few levels."""
_ALPHA = (1, 2)
_TYPES = ("u1", "u2", "f2", "f4", "f8")
_CENTIMETRE = 3
_PITCH_RANGE_MM = (0.05, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """Pixels as a file holds them, before they mean anything."""

    pixels: NDArray[Any]
    """(H, W) or (H, W, channels 2…4), colours in RGB order."""
    has_alpha: bool = False
    """The last channel is opacity."""
    pitch_mm: float | None = None
    air_level: float | None = None
    """Where the file notes it."""


def decode_tiff(data: bytes, name: str, limits: ReadLimits) -> RawPicture:
    """Decode a TIFF file with one picture, or with the two channels of a dual-energy scan as two pages.

    Raises:
        ScanError: if it is over the limits, truncated, damaged or of a kind that is not read here.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            pages = _first_pages(file, name)
            for page in pages:
                _check_page(page, data, name, limits)
            pixels = _pixels(pages, data, name)
            air_level, pitch_mm = _notes(pages[0])
            extra = tuple(getattr(pages[0], "extrasamples", ()) or ())
            return RawPicture(pixels, bool(extra) and extra[-1] in _ALPHA, pitch_mm, air_level)
    except ParcelSightError:
        raise
    except Exception as error:  # damaged tags make tifffile raise whatever its parsers happen to meet
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ScanError(f"{name} is a damaged TIFF ({reason})", COPY_AGAIN) from error


def _first_pages(file: tifffile.TiffFile, name: str) -> list[Any]:
    """The only page besides previews, or the two that are the channels of one scan.

    Whatever else the file holds would go unseen, so it is refused.
    """
    first = file.pages[0]
    later = list(islice(_later_pages(file), _MOST_PAGES))
    pages = [first, *(page for page in later if len(later) == _MOST_PAGES or not _is_preview(page, first))]
    if len(pages) == 1 and not first.is_reduced and not first.subifds:
        return pages
    alike = len(pages) == 2 and (pages[1].shape, pages[1].dtype) == (first.shape, first.dtype) and first.ndim == 2
    if not alike or any(page.is_reduced or page.subifds for page in pages):
        raise ScanError(
            f"{name} holds several pictures",
            "save one scan a file; two channels as (H, W, 2), in tifffile with planarconfig='contig'",
        )
    return pages


def _is_preview(page: Any, first: Any) -> bool:
    """True for a smaller copy of the first picture, by its own tag and by its size."""
    return bool(page.is_reduced) and page.imagewidth < first.imagewidth and page.imagelength < first.imagelength


def _later_pages(file: tifffile.TiffFile) -> Iterator[Any]:
    """Pages after the first; they are never counted, for a file may chain millions of empty ones."""
    for index in count(1):
        try:
            yield file.pages[index]
        except IndexError:
            return


def _check_page(page: Any, data: bytes, name: str, limits: ReadLimits) -> None:
    """Size within the limits, a type that can be a scan, and every strip or tile whole and no larger than it may be."""
    limits.check_size(name, page.imagewidth, page.imagelength)
    if page.samplesperpixel > 4 or page.imagedepth != 1:
        raise ScanError(f"{name} has {page.samplesperpixel} channels", "give a grey, colour or two-channel scan")
    if page.photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR):
        colours = getattr(page.photometric, "name", page.photometric)
        raise ScanError(f"{name} holds {colours} colours", "save it as grey or RGB")
    if page.dtype is None or page.dtype.str[1:] not in _TYPES or page.bitspersample != 8 * page.dtype.itemsize:
        raise ScanError(
            f"{name} has pixels of type {page.dtype} ({page.bitspersample} bit)",
            "save it as 8 or 16 bit, or as 32-bit float",
        )
    if int(np.prod(page.chunked)) * int(np.prod(page.chunks)) > 4 * limits.max_pixels:
        # Tiles reach over the edge of the picture, and a malicious file makes them reach far.
        raise ScanError(f"{name} is a damaged TIFF (its tiles are larger than the picture)", "save it without tiles")
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(offsets) != len(counts) or len(offsets) != int(np.prod(page.chunked)):
        raise ScanError(f"{name} is a damaged TIFF (its pixel data are not listed completely)", COPY_AGAIN)
    most = int(np.prod(page.chunks)) * page.dtype.itemsize
    for index, (offset, length) in enumerate(zip(offsets, counts, strict=True)):
        if offset <= 0 or length <= 0 or offset + length > len(data):
            raise ScanError(f"{name} is truncated: its pixel data end early", COPY_AGAIN)
        if page.compression == _NONE:
            held = min(length, most)
        elif page.compression in _DEFLATE:
            held = _inflated_bytes(data[offset : offset + length], most)
        else:
            continue
        if not _least_bytes(page, index, most) <= held <= most:
            raise ScanError(f"{name} is a damaged TIFF (strip {index} does not hold what it should)", COPY_AGAIN)


def _least_bytes(page: Any, index: int, most: int) -> int:
    """Bytes that a strip or tile must hold: the last strip of a plane may be shorter than the others."""
    if page.is_tiled:
        return most
    strips = -(-page.imagelength // page.rowsperstrip)
    rows = min(page.rowsperstrip, page.imagelength - index % strips * page.rowsperstrip)
    return int(most // min(page.rowsperstrip, page.imagelength) * rows)


def _inflated_bytes(segment: bytes, limit: int) -> int:
    """Size of a deflated segment; a bomb or a cut end comes out larger than ``limit`` or as 0."""
    inflater = zlib.decompressobj()
    size = len(inflater.decompress(segment, limit + 1))
    return size if inflater.eof or size > limit else 0


def _pixels(pages: list[Any], data: bytes, name: str) -> NDArray[Any]:
    page = pages[0]
    if page.compression == _NONE or page.compression in _DEFLATE:
        if page.photometric not in (_MINISWHITE, _MINISBLACK, _RGB):
            return _opencv_pixels(page, data, name)
        layers = [np.asarray(p.asarray(maxworkers=1)) for p in pages]
        pixels = layers[0] if len(layers) == 1 else np.stack(layers, axis=-1)
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == _MINISWHITE:
            pixels = (1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max) - pixels
        return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    return _opencv_pixels(page, data, name)


def _opencv_pixels(page: Any, data: bytes, name: str) -> NDArray[Any]:
    """Compressions and colour models that tifffile cannot decode by itself."""
    if page.samplesperpixel == 2 or page.photometric == _MINISWHITE or page.dtype.kind == "f":
        raise ScanError(
            f"{name}: this kind of TIFF is not read with {_compression_name(page)} compression",
            "save it uncompressed or with deflate (zip) compression",
        )
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ScanError(f"{name} is a damaged TIFF, or one of an unknown kind", "save it uncompressed or as PNG")
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return np.asarray(pixels)


def _compression_name(page: Any) -> str:
    return str(getattr(page.compression, "name", page.compression))


def _notes(page: Any) -> tuple[float | None, float | None]:
    """(air level, pitch in mm) that the file tells.

    Our own writer notes both in the description. Elsewhere the resolution counts only in centimetres: resolutions in
    inches are nearly always a program's default, and a wrong pitch is worse than none.
    """
    description = page.description
    if description.startswith('{"parcelsight"'):
        try:
            notes = json.loads(description)["parcelsight"]
            return _positive(notes.get("air_level")), _positive(notes.get("pitch_mm"))
        except (ValueError, KeyError, AttributeError, RecursionError):
            return None, None
    unit, resolution = page.tags.get("ResolutionUnit"), page.tags.get("XResolution")
    if unit is None or resolution is None or unit.value != _CENTIMETRE or 0 in resolution.value:
        return None, None
    pitch_mm = 10.0 * resolution.value[1] / resolution.value[0]
    return None, pitch_mm if _PITCH_RANGE_MM[0] <= pitch_mm <= _PITCH_RANGE_MM[1] else None


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < 1e6 else None
