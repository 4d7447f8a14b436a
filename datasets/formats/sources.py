"""Files of a data set: bounded reading, paths that stay inside, pictures and their sizes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import tifffile

from ...configs.loading import parse_yaml
from ...detector.errors import AnnotationError, ConfigError, DatasetError, ScanError
from ..files import open_regular, written_whole
from ..pairs import find_scans
from .problems import Problems

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
MAX_JSON_BYTES = 1 << 30
MAX_TEXT_BYTES = 8 << 20
_MOST_READABLE = 50
"""Characters of a scan id that stay in a file name: names have 255 bytes, and a character up to four."""
_NO_NAME = re.compile(r'[\\<>:"|?*\x00-\x1f\x7f\ud800-\udfff]')
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text of a label file, UTF-8 with or without a mark.

    Raises:
        AnnotationError: if it is missing, too large or not UTF-8.
    """
    try:
        with open_regular(path) as stream:
            data = stream.read(max_bytes + 1)
    except ScanError as error:
        raise AnnotationError(error.message, "give a label file") from error
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: cannot be read ({error})", "check the path and its rights") from error
    if len(data) > max_bytes:
        raise AnnotationError(f"{path}: larger than {max_bytes} bytes", "split it, or check that it is a label file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not UTF-8 text", "save it as UTF-8") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        AnnotationError: if it cannot be read or is not JSON.
    """
    text = read_text(path, MAX_JSON_BYTES)
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise AnnotationError(
            f"{path}: not valid JSON at line {error.lineno} ({error.msg})", "restore it, or write it again"
        ) from error
    except (RecursionError, ValueError) as error:
        raise AnnotationError(f"{path}: not usable JSON ({error})", "restore it, or write it again") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a key that is written twice one value would be lost unsaid."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"key {counts.most_common(1)[0][0][:40]!r} is written twice")
    return found


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The mapping in a YAML file.

    Raises:
        AnnotationError: if it cannot be read or holds no mapping.
    """
    text = read_text(path, 1_000_000)
    try:
        data = parse_yaml(text, path)
    except ConfigError as error:
        raise AnnotationError(error.message, error.remedy) from error
    if not isinstance(data, dict):
        raise AnnotationError(f"{path}: holds no keys", "write names: and train:, as YOLO's data.yaml has them")
    return data


def write_text(path: Path, text: str) -> None:
    """Write a label file, whole or not at all.

    Raises:
        ScanError: if the file system refuses.
    """
    with written_whole(path) as temporary:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")


def inside(root: Path, relative: str, source: object) -> Path:
    """A path written in a label file, which must not leave the data set.

    Raises:
        AnnotationError: if it is absolute, climbs out by ``..``, or is no path at all.
    """
    text = relative.replace("\\", "/")
    pure = PurePosixPath(text)
    depth = 0
    for part in pure.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            break
    escapes = depth < 0 or pure.is_absolute() or re.match(r"^[A-Za-z]:", text) is not None
    if escapes or not text.strip() or "\0" in text:
        raise AnnotationError(
            f"{source}: path {relative[:80]!r} leaves the data set folder",
            "write it relative to the folder, without '..'",
        )
    return Path(os.path.normpath(root / text))


def check_split(source: Path, split: str | None, there: Iterable[str]) -> None:
    """Raises DatasetError where a split is asked for that the data set does not have."""
    known = tuple(there)
    if split is not None and split not in known:
        raise DatasetError(
            f"{source}: has no split {split!r} (it has: {', '.join(known) or 'none'})",
            "make splits with: parcelsight dataset split, after converting it to the native layout",
        )


def safe_stem(scan_id: str) -> str:
    """A relative file path without suffix for a scan id; ids that are plain names are their own path."""
    parts = scan_id.split("/")
    plain = all(part not in ("", ".", "..") and part == part.strip() for part in parts)
    if plain and len(scan_id.encode("utf-8", "surrogatepass")) < 200 and not _NO_NAME.search(scan_id):
        return scan_id
    readable = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):X}" for c in scan_id)
    digest = hashlib.blake2s(scan_id.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{readable[:_MOST_READABLE]}%{digest}"  # two ids that read the same when cut stay apart


def list_pictures(folder: Path) -> list[Path]:
    """Pictures under a folder, hidden ones left out, in the order of their paths.

    Raises:
        DatasetError: if the folder cannot be listed.
    """
    try:
        return sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be listed ({error.strerror})", "check its rights") from error


def group_scans(root: Path, pictures: Iterable[Path], problems: Problems) -> dict[str, tuple[Path, ...]]:
    """Scan id → its picture, or its (low, high) pair; broken pairs are set aside.

    The id is the file's stem where that is unique, else its path from ``root`` without suffix, or with it where two
    pictures share that too.
    """
    files_of: dict[Path, list[tuple[Path, ...]]] = {}
    for found in find_scans(pictures):
        if found.problem:
            problems.set_aside(found.files[0], found.problem.message, found.problem.remedy, Path(found.scan_id).name)
            continue
        key = Path(found.scan_id)
        files_of.setdefault(key.with_suffix("") if len(found.files) == 1 else key, []).append(found.files)
    uses = Counter(key.name for key in files_of)
    scans: dict[str, tuple[Path, ...]] = {}
    for key, sharing in sorted(files_of.items()):
        name = key.name if uses[key.name] == 1 else key.relative_to(root).as_posix()
        for files in sharing:
            scans[name if len(sharing) == 1 else f"{name}{files[0].suffix}"] = files
    return scans


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels out of the file's header, without decoding the picture.

    Raises:
        ScanError: if the file is missing or no picture we know.
    """
    try:
        with open_regular(path) as stream:
            head = stream.read(64)
            size = _raster_size(head) or (_jpeg_size(stream) if head.startswith(b"\xff\xd8") else None)
        if size is None and head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            size = _tiff_size(path)
    except FileNotFoundError as error:
        raise ScanError(f"{path}: no such picture", "restore the file, or delete its labels") from error
    except ScanError:
        raise
    except Exception as error:  # damaged tags make tifffile raise whatever its parsers happen to meet
        raise ScanError(f"{path}: its header cannot be read", "restore the picture") from error
    if size is None or min(size) <= 0:
        raise ScanError(f"{path}: not a picture", "give JPEG, PNG, BMP or TIFF")
    return size


def _raster_size(head: bytes) -> tuple[int, int] | None:
    """Size from a PNG or BMP header."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith(b"BM") and len(head) >= 26:
        width = int.from_bytes(head[18:22], "little", signed=True)
        return width, abs(int.from_bytes(head[22:26], "little", signed=True))
    return None


def _jpeg_size(stream: Any) -> tuple[int, int] | None:
    """Size from a JPEG's frame header (ITU-T T.81, B.2.2), skipping the segments before it."""
    stream.seek(2)
    while True:
        marker = stream.read(2)
        while len(marker) == 2 and marker == b"\xff\xff":
            marker = marker[1:] + stream.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            return None
        if marker[1] in _JPEG_BARE:
            continue
        length = int.from_bytes(stream.read(2), "big")
        if marker[1] in _JPEG_SIZES:
            frame = stream.read(5)
            return int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
        if length < 2:
            return None
        stream.seek(length - 2, os.SEEK_CUR)


def _tiff_size(path: Path) -> tuple[int, int]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        return int(page.imagewidth), int(page.imagelength)
