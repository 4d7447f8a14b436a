"""A scanner's display as a lane: a video file, an RTSP stream or a frame grabber on the monitor's cable.

For scanners that give nothing but their picture. Buttons and frames around the scan are told by their standing still,
the scan's scrolling is measured, and every parcel is put together once (`inference/scroll_strip.py`).
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from threading import Event
from time import monotonic
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from ...datasets.levels import merge_identical_channels
from ...datasets.scan import Scan, ScanKind
from ..scroll_strip import Direction, DirectionFinder, ScrollStrip, Stitched
from ..scroll_window import Window, WindowFinder
from .arrival import Arrival
from .source import ALIVE_EVERY_S, Deliver, SourceConfig, SourceHealth, Surroundings
from .video_frames import Transport, frames, is_live, load_av, shown

_log = logging.getLogger(__name__)
_MOST_HELD_BYTES = 200_000_000
"""Of frames kept until window and direction are known."""
_SAFE = re.compile(r"[^\w.-]+", re.ASCII)
Pixels = Annotated[int, Field(ge=0, le=65_000)]


def _known_address(address: str) -> str:
    if not address.isprintable() or ("://" in address and not is_live(address)):
        raise ValueError("is no video file, rtsp:// or rtsps:// address, or /dev/videoN")
    return address


class VideoConfig(SourceConfig):
    """``source: {kind: video, address: …}``."""

    kind: Literal["video"]
    address: Annotated[str, AfterValidator(_known_address)]
    """A file, ``rtsp://…``, or a frame grabber ``/dev/videoN``."""
    direction: Direction | None = None
    """Where the picture moves to; without, it is found out."""
    window: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    """Left, top, right, bottom of the scan on the display, in pixels; without, it is found out."""
    pitch_mm: float | None = Field(default=None, gt=0, le=100)
    """Of a pixel of the display at the belt, where known."""
    transport: Transport = "tcp"
    """Of an RTSP stream. Over UDP frames may be lost on the way; for servers that know nothing else."""
    paced: bool = False
    """A file is played at its own speed, as the scanner showed it; otherwise as fast as it is taken."""

    def open(self, lane: str, around: Surroundings) -> VideoSource:
        """Check that it can be decoded here.

        Raises:
            MissingExtra: without PyAV.
        """
        load_av(lane)
        return VideoSource(lane, self)


class VideoSource:
    """Follows one display."""

    def __init__(self, lane: str, config: VideoConfig) -> None:
        self.name = f"video {shown(config.address)}"
        self._lane, self._config = lane, config
        self.repeated = 0
        """Frames that showed nothing new."""

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Deliver every parcel shown, until ``stop`` or the file's end."""
        began = datetime.now(UTC)
        pictures = self._followed(stop, health)
        for count, parcel in enumerate(self.parcels(pictures), 1):
            health.alive()
            deliver(self._arrival(parcel, count, began))

    def parcels(self, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[Stitched]:
        """Parcels out of frames (H, W, 3), in the order they are done."""
        display: _Display | None = None
        for picture in pictures:
            if display is None or display.shape != picture.shape:
                if display is not None:
                    yield from display.finish()
                display = _Display(picture.shape, self._config)
            yield from display.add(picture)
            self.repeated = display.repeated
        if display is not None:
            yield from display.finish()

    def _followed(self, stop: Event, health: SourceHealth) -> Iterator[NDArray[np.uint8]]:
        """Pictures, as they come or at the file's pace, until ``stop``."""
        started = monotonic()
        for time_s, picture in frames(self._config.address, self._lane, self._config.transport):
            health.alive()
            while self._config.paced and not stop.is_set() and (wait_s := started + time_s - monotonic()) > 0:
                stop.wait(min(wait_s, ALIVE_EVERY_S))
                health.alive()
            if stop.is_set():
                return
            yield picture

    def _arrival(self, parcel: Stitched, count: int, began: datetime) -> Arrival:
        rgb = merge_identical_channels(parcel.rgb)
        kind = ScanKind.GREY if rgb.ndim == 2 else ScanKind.PSEUDO_COLOUR
        # A file gives the same ids when it is played again; a stream begins anew each time.
        base = _SAFE.sub("_", shown(self._config.address).rpartition("/")[2])[-80:] or "video"
        when = f"@{began:%Y%m%dT%H%M%SZ}" if is_live(self._config.address) else ""
        scan_id = f"{base}{when}#{count}"
        scan = Scan(scan_id, rgb, kind, self._config.pitch_mm)
        meta = {"belt_px": str(parcel.from_px), "complete": str(parcel.complete).lower()}
        return Arrival(self._lane, scan_id, datetime.now(UTC), scan=scan, meta=meta)


class _Display:
    """One display size: its window and direction are found out, then its frames are stitched."""

    def __init__(self, shape: tuple[int, ...], config: VideoConfig) -> None:
        self.shape = shape
        height_px, width_px = shape[:2]
        self._window: Window | None = None
        if config.window is not None:
            left, top, right, bottom = config.window
            self._window = Window(left, top, min(right, width_px), min(bottom, height_px))
        self._finder = WindowFinder(height_px, width_px)
        self._ways = DirectionFinder()
        self._direction = config.direction
        self._held: deque[NDArray[np.uint8]] = deque()
        self._strip: ScrollStrip | None = None

    @property
    def repeated(self) -> int:
        """Frames that showed nothing new."""
        return self._strip.repeated if self._strip is not None else 0

    def add(self, picture: NDArray[np.uint8]) -> Iterator[Stitched]:
        """Take one frame."""
        if self._strip is not None and self._window is not None:
            yield from self._strip.add(self._window.of(picture))
            return
        if self._window is None:
            self._finder.add(picture)
        if self._held and np.array_equal(self._held[-1], picture):
            return  # the belt stands still before it was ever seen moving
        self._held.append(picture)
        full = len(self._held) * picture.nbytes > _MOST_HELD_BYTES
        if self._window is not None or self._finder.is_sure or full:
            yield from self._settle(at_last=full)

    def finish(self) -> Iterator[Stitched]:
        """No more frames."""
        if self._strip is None and self._held:
            yield from self._settle(at_last=True)
        if self._strip is not None:
            yield from self._strip.finish()

    def _settle(self, at_last: bool) -> Iterator[Stitched]:
        """Decide on window and direction by the frames held, and stitch those; nothing while it is not yet sure."""
        window = self._window or self._finder.window()
        if self._direction is None:
            self._direction = self._found_direction(window)
        if self._direction is None and not at_last:
            return
        # A display that shows one picture after the other moves nowhere: every picture is then a scan of its own.
        self._window, self._strip = window, ScrollStrip(self._direction or Direction.LEFT)
        _log.info("window %s, picture moves %s", window, self._direction or "nowhere")
        while self._held:
            yield from self._strip.add(window.of(self._held.popleft()))

    def _found_direction(self, window: Window) -> Direction | None:
        self._ways = DirectionFinder()
        found = None
        for before, after in zip(self._held, list(self._held)[1:], strict=False):
            found = found or self._ways.add(window.of(before), window.of(after))
        return found
