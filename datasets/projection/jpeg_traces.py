"""How a JPEG was compressed, so that a picture with a projection can be compressed the same way.

Without it the threat would be the one thing in the picture without the JPEG's own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..opencv import cv2

_DQT, _SOF, _SOS = 0xDB, (0xC0, 0xC1, 0xC2), 0xDA
_SAMPLINGS = {0x11: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, 0x21: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422}


@dataclass(frozen=True, slots=True)
class JpegTraces:
    """Compression of a JPEG in the encoder's terms."""

    quality: int
    """1…100 of the standard tables, or the nearest to other tables."""
    sampling: int
    """OpenCV's name of the chroma subsampling."""

    @property
    def options(self) -> list[int]:
        """For cv2.imencode."""
        return [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, self.sampling]


def jpeg_traces(data: bytes) -> JpegTraces | None:
    """Read them off a file's bytes; None where it is no JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    table, luma = _segments(data)
    if table is None:
        return None
    found = np.frombuffer(table, np.uint8).astype(int)
    quality = min(range(30, 101), key=lambda q: int(np.abs(_standard(q) - found).sum()))
    return JpegTraces(quality, _SAMPLINGS.get(luma, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420))


def _segments(data: bytes) -> tuple[bytes | None, int]:
    """The luminance quantisation table (64 bytes), and the sampling factors of luminance."""
    at, table, luma = 2, None, 0x22
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOS:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == _DQT and len(body) >= 65 and body[0] == 0:
            table = body[1:65]
        if marker in _SOF and len(body) >= 8:
            luma = body[7]
        at += 2 + length
    return table, luma


@cache
def _standard(quality: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The luminance table that OpenCV's encoder uses at a quality."""
    _, encoded = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    table, _ = _segments(encoded.tobytes())
    assert table is not None, "an encoder that writes no table"
    return np.frombuffer(table, np.uint8).astype(np.int64)
