"""Codecs and optional packages, as ``doctor`` sees them: what can be read here, and what can be added."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata, util

from .findings import Finding, Level

_EXTRA = re.compile(r"extra\s*==\s*[\"']([\w-]+)[\"']")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_FOR_DEVELOPERS = frozenset(("test", "check"))
_VIDEO_CODECS = ("h264", "hevc", "mjpeg", "mpeg4")


def check_packages() -> Iterator[Finding]:
    """What can be decoded, and which extras are there."""
    yield _pictures()
    yield _videos()
    yield from _extras()


def _pictures() -> Finding:
    """Every format is written and read back: a codec may be listed and still not work."""
    import numpy as np

    from ..datasets.opencv import cv2

    picture = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    broken = []
    for suffix in (".png", ".jpg", ".tiff", ".bmp"):
        try:
            written, data = cv2.imencode(suffix, picture)
            decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if written else None
        except cv2.error:
            decoded = None
        if decoded is None or decoded.shape != picture.shape:
            broken.append(suffix[1:].upper())
    if broken:
        return Finding(
            "codecs",
            "pictures",
            Level.FAIL,
            f"{', '.join(broken)} cannot be read",
            "install ParcelSight again: pip install --force-reinstall opencv-python-headless",
        )
    return Finding("codecs", "pictures", Level.OK, f"PNG, JPEG, TIFF, BMP (OpenCV {cv2.__version__})")


def _videos() -> Finding:
    remedy = "for RTSP and frame grabbers: pip install 'parcelsight[video]'"
    if util.find_spec("av") is None:
        return Finding("codecs", "video", Level.OK, f"files only (OpenCV); {remedy}")
    import av

    missing = [name for name in _VIDEO_CODECS if name not in av.codecs_available]
    if missing:
        return Finding("codecs", "video", Level.WARN, f"without {', '.join(missing)}", remedy)
    return Finding("codecs", "video", Level.OK, f"files, RTSP, frame grabbers: {', '.join(_VIDEO_CODECS)} (PyAV)")


def _extras() -> Iterator[Finding]:
    try:
        requirements = metadata.requires("parcelsight") or []
    except metadata.PackageNotFoundError:
        yield Finding("packages", "ParcelSight", Level.FAIL, "is not installed as a package", "pip install .")
        return
    wanted: dict[str, list[str]] = defaultdict(list)
    for requirement in requirements:
        name, marker = _NAME.match(requirement), _EXTRA.search(requirement)
        if name:
            wanted[marker[1] if marker else ""].append(name[0])
    yield _needed(wanted.pop("", []))
    for extra in sorted(set(wanted) - _FOR_DEVELOPERS):
        yield _extra(extra, wanted[extra])


def _needed(names: list[str]) -> Finding:
    missing = _missing(names)
    if missing:
        return Finding(
            "packages", "base", Level.FAIL, f"missing: {', '.join(missing)}", "install again: pip install parcelsight"
        )
    return Finding("packages", "base", Level.OK, ", ".join(f"{name} {metadata.version(name)}" for name in names))


def _extra(extra: str, names: list[str]) -> Finding:
    missing = _missing(names)
    check, remedy = f"[{extra}]", f"pip install 'parcelsight[{extra}]'"
    if not missing:
        return Finding("packages", check, Level.OK, "installed")
    if len(missing) == len(names):
        return Finding("packages", check, Level.OK, f"not installed; if you want it: {remedy}")
    return Finding("packages", check, Level.WARN, f"half installed, without {', '.join(missing)}", remedy)


def _missing(names: list[str]) -> list[str]:
    return [name for name in names if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
