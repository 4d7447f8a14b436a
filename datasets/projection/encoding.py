"""A changed scan as a file of the same format as the one it came from, so that nothing tells them apart by it."""

from __future__ import annotations

import io
import json

import tifffile

from ...detector.errors import ScanError
from ..levels import as_levels
from ..opencv import cv2
from ..scan import AIR_LEVEL, Scan, ScanKind
from .jpeg_traces import jpeg_traces

_PNG = b"\x89PNG\r\n\x1a\n"


def encode_like(scan: Scan, original: bytes) -> bytes:
    """The bytes of a file that holds a scan as the original held its own.

    Args:
        scan: with the original's size and kind.
        original: bytes of the file that the scan was read from.

    Raises:
        ScanError: if it cannot be encoded.
    """
    traces = jpeg_traces(original)
    if traces is not None:
        return _by_opencv(scan, ".jpg", traces.options)
    if original.startswith(_PNG):
        return _by_opencv(scan, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if original.startswith(b"BM"):
        return _by_opencv(scan, ".bmp", [])
    return _tiff(scan)


def _by_opencv(scan: Scan, suffix: str, options: list[int]) -> bytes:
    pixels = cv2.cvtColor(scan.pixels, cv2.COLOR_RGB2BGR) if scan.kind is ScanKind.PSEUDO_COLOUR else scan.pixels
    done, encoded = cv2.imencode(suffix, pixels, options)
    if not done:
        raise ScanError(f"{scan.scan_id}: cannot be written as {suffix}", "report this")
    return bytes(encoded.tobytes())


def _tiff(scan: Scan) -> bytes:
    """As lanes keep scans: not compressed, with air level and pitch."""
    pixels = as_levels(scan.pixels) if scan.kind is ScanKind.DUAL_ENERGY else scan.pixels
    notes = json.dumps({"parcelsight": {"air_level": AIR_LEVEL, "pitch_mm": scan.pitch_mm}})
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        photometric="rgb" if scan.kind is ScanKind.PSEUDO_COLOUR else "minisblack",
        planarconfig="contig" if pixels.ndim == 3 else None,
        description=notes if pixels.dtype.itemsize == 2 else None,
        metadata=None,
    )
    return file.getvalue()
