"""Frames of a recorded belt as scans: sampled by time, repeats told apart, a missing end never passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.files import DEFAULT_LIMITS, ReadLimits, open_regular
from ..datasets.levels import merge_identical_channels
from ..datasets.opencv import cv2
from ..datasets.scan import Scan, ScanKind
from ..detector.errors import ScanError, UsageError

EVERY_S = 0.5
"""A parcel is seen for several seconds on the belt, so it is met several times."""
VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"))

_MAGIC = (
    (4, b"ftyp"),  # MP4, QuickTime
    (4, b"moov"),
    (4, b"mdat"),
    (0, b"RIFF"),  # AVI
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (0, b"\0\0\x01\xba"),  # MPEG program stream
    (0, b"\0\0\x01\xb3"),  # MPEG video
    (0, b"G"),  # MPEG transport stream
    (0, b"0&\xb2u"),  # ASF, WMV
)
"""Playlists are not among them: FFmpeg would follow the addresses in one."""
_SHORTEST_EVERY_S = 0.01
_USUAL_HZ = 25.0
"""Assumed where a file tells no believable rate."""
_FASTEST_HZ = 1_000.0
_LONGEST_STEP_S = 3_600.0
"""Between two frames; more is a broken time stamp, and would cost the clock its precision."""
_CELL_PX = 16
_SAME_LEVELS = 3
"""Cells that differ by no more, of 255, show the same: compression noise stays below, an edge that moves does not."""
_MISSING_SHARE = 0.02
"""Containers without an index estimate their length; a shortfall within this is no damage."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sampled moment of a video; ``scan`` is None where it repeats the one before."""

    frame_id: str
    scan: Scan | None
    read_ms: float


def read_frames(path: Path, *, every_s: float = EVERY_S, limits: ReadLimits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Frames of a video file, one every ``every_s`` seconds, ids like ``belt.mp4#t=1.20s``.

    Raises:
        ScanError: if the file is no video, or, after the frames that could be read, if its end is missing.
        UsageError: if every_s is shorter than 10 ms.
    """
    if not every_s >= _SHORTEST_EVERY_S:
        raise UsageError(f"frames every {every_s} s are too dense", f"take at least {_SHORTEST_EVERY_S} s")
    check_video(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise ScanError(f"{path} is damaged: no video can be opened in it", "copy or export the video again")
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        limits.check_size(str(path), width, height)
        yield from _sampled(capture, path, every_s)
    finally:
        capture.release()


def check_video(path: Path) -> None:
    """A regular, readable file that starts like a video; a pipe is never waited for."""
    try:
        with open_regular(path) as file:
            head = file.read(16)
    except (OSError, ValueError) as error:
        raise ScanError(f"{path}: cannot be read ({error})", "check the path and its rights") from error
    if not head:
        raise ScanError(f"{path} is empty (0 bytes)", "copy or export the video again")
    if not any(head.startswith(magic, at) for at, magic in _MAGIC):
        raise ScanError(f"{path} is not a video", "give an MP4, AVI, MKV, MPEG or WMV file")


class Clock:
    """Seconds of the recording so far: they only grow, whatever the file's time stamps do.

    Recorders that join clips begin their stamps again, and some write none; a clock that believed them would stand
    still, and what passes while it stands would never be sampled.
    """

    def __init__(self, capture: Any) -> None:
        rate_hz = capture.get(cv2.CAP_PROP_FPS)
        self._frame_s = 1 / rate_hz if 1 <= rate_hz <= _FASTEST_HZ else 1 / _USUAL_HZ
        self._capture = capture
        self._stamp_s = self.time_s = -self._frame_s

    def tick(self) -> float:
        """A frame was grabbed; its time."""
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        step_s = stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        self.time_s = max(0.0, self.time_s + (min(step_s, _LONGEST_STEP_S) if step_s > 0 else self._frame_s))
        return self.time_s


def _sampled(capture: Any, path: Path, every_s: float) -> Iterator[Frame]:
    frames, time_s, next_s = 0, 0.0, 0.0
    clock = Clock(capture)
    shown: NDArray[np.int16] | None = None
    started = perf_counter()
    while capture.grab():
        time_s = clock.tick()
        frames += 1
        if time_s < next_s - 1e-6:
            continue
        next_s += every_s * max(1, int((time_s - next_s) / every_s) + 1)
        decoded, bgr = capture.retrieve()
        if not decoded:
            raise ScanError(
                f"{path} is damaged: its frame at {time_s:.2f} s cannot be decoded",
                "copy or export the video again; what comes after has not been screened",
            )
        cells = _cells(bgr)
        repeats = shown is not None and _same(cells, shown)
        # Compared with the last frame shown, not the one before: a slow drift must not pass as standing still.
        shown = shown if repeats else cells
        frame_id = f"{path}#t={time_s:.2f}s"
        scan = None if repeats else _scan(frame_id, bgr)
        yield Frame(frame_id, scan, 1e3 * (perf_counter() - started))
        started = perf_counter()
    _check_end(capture, path, frames, time_s)


def _check_end(capture: Any, path: Path, frames: int, time_s: float) -> None:
    """Raises ScanError where fewer frames came than the file declares; ``time_s`` is the last one's."""
    rate_hz = capture.get(cv2.CAP_PROP_FPS)
    declared = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if frames == 0:
        raise ScanError(f"{path} is damaged: no frame of it can be decoded", "copy or export the video again")
    if declared - frames > max(1, _MISSING_SHARE * declared):
        end = f" of {declared / rate_hz:.2f} s" if rate_hz > 0 else ""
        raise ScanError(
            f"{path} is truncated or damaged: it can be decoded up to {time_s:.2f} s{end}, "
            f"{declared - frames} of {declared} frames are missing",
            "copy or export the video again; what is missing has not been screened",
        )


def _scan(frame_id: str, bgr: NDArray[Any]) -> Scan:
    rgb = merge_identical_channels(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    return Scan(frame_id, rgb, ScanKind.GREY if rgb.ndim == 2 else ScanKind.PSEUDO_COLOUR)


def _cells(bgr: NDArray[Any]) -> NDArray[np.int16]:
    """The picture averaged over cells of 16×16 pixels."""
    height, width = bgr.shape[:2]
    size = (max(1, width // _CELL_PX), max(1, height // _CELL_PX))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.int16)


def _same(cells: NDArray[np.int16], shown: NDArray[np.int16]) -> bool:
    return cells.shape == shown.shape and int(np.abs(cells - shown).max()) <= _SAME_LEVELS
