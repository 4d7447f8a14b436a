"""Read scans from untrusted files and bytes: by content, within limits, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..detector.errors import ScanError
from .containers import COPY_AGAIN, Container, check_container, container_of
from .files import DEFAULT_LIMITS, ReadLimits, read_bytes
from .levels import as_levels, merge_identical_channels, to_air_level, without_alpha
from .opencv import cv2
from .pairs import energy_of, find_partner, scan_id_of
from .scan import AIR_LEVEL, Scan, ScanKind
from .tiff import RawPicture, decode_tiff

__all__ = ["ReadLimits", "decode_pair", "decode_scan", "is_blank", "read_pair", "read_scan"]

_BLANK_RANGE = 0.02
_BLANK_CELL_PX = 8
_GLANCE_PX = 16
_GLANCE_RANGE = 0.25


def read_scan(path: Path, *, limits: ReadLimits = DEFAULT_LIMITS, air_level: float | None = None) -> Scan:
    """Read one scan: a picture, a two-channel TIFF, or either half of a pair ``NAME_low.*`` / ``NAME_high.*``.

    Args:
        path: the file; its content decides the format.
        limits: what is refused unread.
        air_level: the value of air in 16-bit files, where known; levels.py says how it is found otherwise.

    Raises:
        ScanError: naming the file, what is wrong with it and the remedy.
    """
    path = Path(path)
    if energy_of(path):
        # Looked at first, so that a missing file is called missing and not half of a pair.
        data = read_bytes(path, limits)
        low, high = find_partner(path)
        other = read_bytes(high if path == low else low, limits)
        halves = (data, other) if path == low else (other, data)
        return _decode_pair(halves, (low, high), limits, air_level)
    return decode_scan(read_bytes(path, limits), str(path), limits=limits, air_level=air_level)


def read_pair(low: Path, high: Path, *, limits: ReadLimits = DEFAULT_LIMITS, air_level: float | None = None) -> Scan:
    """Read the low- and the high-energy picture of one scan.

    Raises:
        ScanError: if either cannot be read, is no grey picture, or they differ in size or depth.
    """
    return _decode_pair((read_bytes(low, limits), read_bytes(high, limits)), (low, high), limits, air_level)


def decode_pair(halves: tuple[bytes, bytes], names: tuple[Path, Path], *, limits: ReadLimits = DEFAULT_LIMITS) -> Scan:
    """Decode the bytes of a low- and a high-energy picture; the names, which need not be files, give the id.

    Raises:
        ScanError: as read_pair.
    """
    return _decode_pair(halves, names, limits, None)


def decode_scan(data: bytes, name: str, *, limits: ReadLimits = DEFAULT_LIMITS, air_level: float | None = None) -> Scan:
    """Decode a scan from the bytes of a file; ``name`` becomes its id and stands in every message.

    Raises:
        ScanError: as read_scan.
    """
    picture = _decode(data, name, limits)
    pixels = _flattened(picture, name)
    air = air_level if air_level is not None else picture.air_level
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return _scan(name, pixels, ScanKind.PSEUDO_COLOUR, picture.pitch_mm, name)
    if pixels.ndim == 3:
        return _scan(name, to_air_level(pixels, air, name), ScanKind.DUAL_ENERGY, picture.pitch_mm, name)
    if pixels.dtype != np.uint8:
        pixels = as_levels(to_air_level(pixels, air, name))
    return _scan(name, pixels, ScanKind.GREY, picture.pitch_mm, name)


def is_blank(scan: Scan) -> bool:
    """True where nothing can be seen: every channel uniform within noise, be it all air, all black or switched off.

    The picture is averaged over cells of 8×8 pixels, which takes the noise away, and blank if no channel's cells
    differ by more than 2 % of full scale.
    """
    full_scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): float(AIR_LEVEL)}.get(scan.pixels.dtype, 1.0)
    glance = scan.pixels[::_GLANCE_PX, ::_GLANCE_PX].reshape(-1, scan.pixels[0, 0].size)
    few, many = np.percentile(glance, (5, 95), axis=0)
    if (many - few).max() > _GLANCE_RANGE * full_scale:
        return False  # a tenth of the picture differs by more than noise ever does: the usual case, told in a moment
    size = (max(1, scan.width_px // _BLANK_CELL_PX), max(1, scan.height_px // _BLANK_CELL_PX))
    cells = cv2.resize(scan.pixels, size, interpolation=cv2.INTER_AREA)
    cells = cells.reshape(size[0] * size[1], -1)
    return bool((np.ptp(cells.astype(np.float32), axis=0) <= _BLANK_RANGE * full_scale).all())


def _decode_pair(
    halves: tuple[bytes, bytes], paths: tuple[Path, Path], limits: ReadLimits, air_level: float | None
) -> Scan:
    pictures = [_decode(data, str(path), limits) for data, path in zip(halves, paths, strict=True)]
    low, high = (_flattened(p, str(path)) for p, path in zip(pictures, paths, strict=True))
    for pixels, path in zip((low, high), paths, strict=True):
        if pixels.ndim != 2:
            raise ScanError(
                f"{path} is not grey, so it is no half of a dual-energy pair", "rename it without _low or _high"
            )
    if low.shape != high.shape or low.dtype != high.dtype:
        raise ScanError(
            f"{paths[0]} and {paths[1].name} do not fit: {_describe(low)} and {_describe(high)}",
            "give both halves of the same scan",
        )
    noted = pictures[0].air_level
    scan_id = scan_id_of(paths[0])
    stacked = np.stack([low, high], axis=-1)
    levels = to_air_level(stacked, air_level if air_level is not None else noted, scan_id)
    return _scan(scan_id, levels, ScanKind.DUAL_ENERGY, pictures[0].pitch_mm, scan_id)


def _describe(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}×{pixels.shape[0]} {pixels.dtype}"


def _scan(scan_id: str, pixels: NDArray[Any], kind: ScanKind, pitch_mm: float | None, name: str) -> Scan:
    try:
        return Scan(scan_id, pixels, kind, pitch_mm)
    except ValueError as error:
        raise ScanError(f"{name}: {error}", "give a grey, colour or two-channel scan of 8 or 16 bit") from error


def _decode(data: bytes, name: str, limits: ReadLimits) -> RawPicture:
    container = container_of(data, name)
    if container is Container.TIFF:
        return decode_tiff(data, name, limits)
    check_container(data, name, container, limits)
    # Never rotated by EXIF: labels and boxes mean the pixels as stored.
    mode = cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise ScanError(f"{name}: the {container} data cannot be decoded", COPY_AGAIN) from error
    if pixels is None:
        raise ScanError(f"{name} is damaged: the {container} data cannot be decoded", COPY_AGAIN)
    if pixels.ndim == 2:
        return RawPicture(pixels)
    if pixels.shape[2] == 4:
        return RawPicture(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA), has_alpha=True)
    return RawPicture(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _flattened(picture: RawPicture, name: str) -> NDArray[Any]:
    """(H, W), (H, W, 2) or 8-bit (H, W, 3): without alpha, grey where colours are equal, colours in 8 bit."""
    pixels = picture.pixels
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3 and (picture.has_alpha or pixels.shape[2] == 4):
        pixels = without_alpha(pixels)
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = merge_identical_channels(pixels)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype != np.uint8:
        raise ScanError(f"{name} has colours of type {pixels.dtype}", "save it as an 8-bit colour picture")
    return pixels
