"""Write scans and pictures so that a reader never meets half a file: a temporary name first, then a rename."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..detector.errors import ScanError
from .files import written_whole
from .opencv import cv2
from .scan import AIR_LEVEL

_JPEG_QUALITY = 92
_PNG_COMPRESSION = 3
"""Twice as fast as OpenCV's deepest setting for a few per cent of size."""

PICTURE_SUFFIXES = {".png": [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]} | dict.fromkeys(
    (".jpg", ".jpeg"), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
)


def write_dual_energy(
    path: Path,
    pixels_u16: NDArray[np.uint16],
    pitch_mm: float | None = None,
    *,
    compression: Literal["none", "zlib"] = "none",
) -> None:
    """Write a dual-energy scan as a two-channel 16-bit TIFF that notes its air level and pitch.

    Args:
        path: ends in .tif or .tiff.
        pixels_u16: (H, W, 2) transmissions, order (low, high), air at AIR_LEVEL.
        pitch_mm: size of a pixel at the belt.
        compression: ``none`` reads ten times as fast as ``zlib``, which saves about a third of a real scan.

    Raises:
        ScanError: if the file cannot be written, or pixels are no dual-energy scan.
    """
    if pixels_u16.ndim != 3 or pixels_u16.shape[2] != 2 or pixels_u16.dtype != np.uint16 or not pixels_u16.size:
        raise ScanError(
            f"{path}: pixels {pixels_u16.shape} {pixels_u16.dtype} are no dual-energy scan",
            "give (H, W, 2) uint16, order (low, high)",
        )
    _check_suffix(path, (".tif", ".tiff"))
    notes = {"parcelsight": {"air_level": AIR_LEVEL, "pitch_mm": pitch_mm, "channels": ["low", "high"]}}
    options: dict[str, Any] = {"compression": "zlib", "predictor": True} if compression == "zlib" else {}
    if pitch_mm is not None:
        options |= {"resolution": (10.0 / pitch_mm, 10.0 / pitch_mm), "resolutionunit": "CENTIMETER"}
    with written_whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            pixels_u16,
            photometric="minisblack",
            planarconfig="contig",
            description=json.dumps(notes),
            metadata=None,
            **options,
        )


def write_picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a picture as PNG or JPEG, as the suffix says.

    Args:
        path: ends in .png, .jpg or .jpeg.
        rgb: (H, W, 3) RGB, or (H, W) grey.

    Raises:
        ScanError: if the file cannot be written, the suffix is another, or rgb is no picture.
    """
    if rgb.dtype != np.uint8 or not rgb.size or not (rgb.ndim == 2 or (rgb.ndim == 3 and rgb.shape[2] == 3)):
        raise ScanError(f"{path}: pixels {rgb.shape} {rgb.dtype} are no picture", "give (H, W, 3) uint8 RGB")
    _check_suffix(path, tuple(PICTURE_SUFFIXES))
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 else rgb
    suffix = path.suffix.lower()
    try:
        _, encoded = cv2.imencode(suffix, bgr, PICTURE_SUFFIXES[suffix])
    except cv2.error as error:
        raise ScanError(f"{path}: a picture of {rgb.shape} cannot be encoded", "write a smaller one, or PNG") from error
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _check_suffix(path: Path, known: tuple[str, ...]) -> None:
    if path.suffix.lower() not in known:
        raise ScanError(f"{path}: {path.suffix or 'no suffix'} is not written here", f"name it {', '.join(known)}")
