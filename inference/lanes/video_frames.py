"""Frames of a video file, an RTSP stream or a frame grabber, by PyAV.

FFmpeg follows addresses it finds in playlists and picks demuxers by content; here the protocols and the format are
named beforehand, files must begin like videos, and waiting has its limits.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ...datasets.files import DEFAULT_LIMITS
from ...detector.errors import MissingExtra, ParcelSightError, ScanError, SourceError
from ..video import check_video

Transport = Literal["tcp", "udp"]
_TIMEOUT_S = (5.0, 5.0)
"""To open, and from one frame to the next."""
_DEVICE = re.compile(r"/dev/video\d{1,3}")
_OF_STREAMS = {"rtsp": "rtsp,rtp,udp,tcp,tls", "rtsps": "rtsp,rtp,udp,tcp,tls,srtp"}
_LONGEST_UNKEYED = 250
"""Frames of a stream that are passed over while no key frame has come: they show what was never sent, in grey. Some
encoders send no key frames at all, so it is not waited for longer."""
_MOST_ERRORS = 50
"""Frames in a row that cannot be decoded; single ones are usual at a stream's start."""


def load_av(lane: str) -> ModuleType:
    """PyAV. Raises MissingExtra where it is not installed."""
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise MissingExtra(f"lane {lane} (video)", "video") from error


def is_live(address: str) -> bool:
    """True for a stream or a grabber, which goes on while nobody looks; False for a file."""
    return urlsplit(address).scheme in _OF_STREAMS or _DEVICE.fullmatch(address) is not None


def shown(address: str) -> str:
    """The address without user and password."""
    parts = urlsplit(address)
    return address if parts.username is None else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def frames(address: str, lane: str, transport: Transport = "tcp") -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Seconds since the start and picture, uint8 (H, W, 3) RGB, of each frame that can be decoded.

    ``transport``: of an RTSP stream.

    Raises:
        MissingExtra: without PyAV.
        SourceError: if it cannot be opened, ends in an error, or gives nothing in time.
    """
    av = load_av(lane)
    try:
        with closing(_open(av, address, transport)) as container:
            yield from _decoded(av, container, address)
    except av.FFmpegError as error:
        raise SourceError(f"{shown(address)}: {error.strerror or error}", "check address, cable and rights") from error


def _open(av: ModuleType, address: str, transport: Transport) -> Any:
    """The opened container."""
    scheme = urlsplit(address).scheme
    if scheme in _OF_STREAMS:
        options = {"protocol_whitelist": _OF_STREAMS[scheme], "rtsp_transport": transport}
        return av.open(address, format="rtsp", options=options, timeout=_TIMEOUT_S)
    if _DEVICE.fullmatch(address):
        return av.open(address, format="v4l2", timeout=_TIMEOUT_S)
    try:
        check_video(Path(address))
    except ScanError as error:
        raise SourceError(error.message, error.remedy) from error
    return av.open(address, options={"protocol_whitelist": "file"}, timeout=_TIMEOUT_S)


def _decoded(av: ModuleType, container: Any, address: str) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    if not container.streams.video:
        raise SourceError(f"{shown(address)}: no video in it", "name a video")
    stream = container.streams.video[0]
    stream.thread_type = "NONE"  # one thread: the cores are the workers'
    _check_size(stream.codec_context.width, stream.codec_context.height, address)
    period_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
    errors, time_s, unkeyed = 0, 0.0, 0 if is_live(address) else _LONGEST_UNKEYED
    for packet in container.demux(stream):
        try:
            pictures = packet.decode()
        except av.InvalidDataError as error:
            errors += 1
            if errors > _MOST_ERRORS:
                raise SourceError(f"{shown(address)}: cannot be decoded", "check the encoder") from error
            continue
        for picture in pictures:
            errors = 0
            _check_size(picture.width, picture.height, address)
            unkeyed = _LONGEST_UNKEYED if picture.key_frame else unkeyed + 1
            if unkeyed >= _LONGEST_UNKEYED:
                yield time_s, picture.to_ndarray(format="rgb24")
            time_s += period_s


def _check_size(width_px: int, height_px: int, address: str) -> None:
    try:
        DEFAULT_LIMITS.check_size(shown(address), width_px, height_px)
    except ParcelSightError as error:
        raise SourceError(error.message, error.remedy) from error
