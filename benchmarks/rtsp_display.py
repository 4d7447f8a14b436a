"""A scanner's display over RTSP, from a real server on loopback: does every parcel come once, round after round?

Needs Debian's rtsp-server-perl (RTP over UDP). A display that shows three parcels scrolling by is encoded and pushed to
the server in real time, over and over; a video lane plays it from there. Prints the widths of the parcels as they came.

    python -m benchmarks.rtsp_display [--seconds 30]
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Event, Thread, Timer
from time import monotonic, sleep

import av
import numpy as np

from benchmarks.ledger_chaos import free_port
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.source import Receipt
from parcelsight.inference.lanes.source_video import VideoConfig, VideoSource
from tests.service_parts import Health
from tests.test_video_source import HEIGHT_PX, WIDTH_PX, belt, scrolled, steps_over

_HZ = 25
_START_S = 8.0
_MOST_START_S = 60.0


def push(address: str, stop: Event) -> None:
    """Send the display until ``stop``."""
    strip = belt()
    pictures = [np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8)] * 20 + list(scrolled(strip, steps_over(strip)))
    with av.open(address, "w", format="rtsp", options={"rtsp_transport": "udp"}) as container:
        stream = container.add_stream("mpeg4", rate=_HZ)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.qmin = stream.codec_context.qmax = 2
        while not stop.is_set():
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                if stop.wait(1 / _HZ):
                    break


def _wait_for(port: int) -> None:
    """Until somebody listens there."""
    until = monotonic() + _MOST_START_S
    while monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        sleep(0.2)


def main() -> int:
    """Push, play, and tell; exit status 1 where parcels are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    seconds = parser.parse_args().seconds
    play, record = free_port(), free_port()
    server = subprocess.Popen(["rtsp-server-perl", "--clientport", str(play), "--serverport", str(record)])
    stop, taken = Event(), list[int]()

    def deliver(arrival: Arrival) -> Receipt:
        assert arrival.scan is not None
        taken.append(arrival.scan.pixels.shape[1])
        return Receipt(len(taken))

    try:
        for port in (play, record):
            _wait_for(port)
        Thread(target=push, args=(f"rtsp://127.0.0.1:{record}/lane", stop), daemon=True).start()
        sleep(_START_S)
        Timer(seconds, stop.set).start()
        config = VideoConfig(kind="video", address=f"rtsp://127.0.0.1:{play}/lane", transport="udp")
        VideoSource("gate", config).run(deliver, stop, Health())
    finally:
        stop.set()
        server.terminate()
    print(f"{len(taken)} parcels in {seconds:g} s, widths in pixels (120, 90, 200 and their margins): {taken}")
    return 0 if len(taken) >= 3 else 1


if __name__ == "__main__":
    sys.exit(main())
