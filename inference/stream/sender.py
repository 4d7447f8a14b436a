"""A scanner's side of the line protocol: sends a recorded belt at its pace, stops when asked, goes on where it was."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from ...datasets.belt_files import RecordedBelt
from ...detector.errors import SourceError
from .framing import Damage, Deframer
from .protocol import ANYWHERE, End, Message, Refused, Status, encode
from .sending import hello_of, messages_of
from .transport import load_zmq, parse_address

_TRY_S = 0.5
_ANSWER_S = 5.0
_LAST_S = 30.0


class _Line:
    """A connection to the lane: messages out, the newest status in."""

    def __init__(self, address: str) -> None:
        scheme, host, port = parse_address(address)
        self.status: Status | None = None
        self._deframer = Deframer(answers=True)
        self._socket: Any
        self._zmq: Any = None
        if scheme == "zmq":
            zmq = load_zmq()
            self._zmq = zmq
            self._socket = zmq.Context.instance().socket(zmq.DEALER)
            self._socket.setsockopt(zmq.LINGER, 2000)
            self._socket.setsockopt(zmq.SNDHWM, 64)
            self._socket.connect(f"tcp://{host}:{port}")
        else:
            self._socket = socket.create_connection((host.strip("[]"), port), timeout=_ANSWER_S)

    def send(self, message: Message) -> None:
        """All of it. Raises OSError where the lane has gone."""
        data = encode(message)
        if self._zmq is None:
            self._socket.sendall(data)
        elif self._socket.poll(round(1000 * _ANSWER_S), self._zmq.POLLOUT):
            self._socket.send(data)
        else:
            raise OSError("the lane takes no more")

    def listen(self, timeout_s: float) -> None:
        """Take in what has come. Raises OSError where the lane has gone, SourceError where it refuses."""
        for message in self._deframer.feed(self._read(timeout_s)):
            if isinstance(message, Refused):
                raise SourceError(f"the lane refused the belt: {message.reason}", "see docs/line-stream.md")
            if isinstance(message, Status):
                self.status = message
            elif not isinstance(message, Damage):
                raise SourceError(
                    "this is no lane: it answers like a scanner", "give the address that a lane listens at"
                )

    def _read(self, timeout_s: float) -> bytes:
        if self._zmq is not None:
            return bytes(self._socket.recv()) if self._socket.poll(round(1000 * timeout_s)) else b""
        self._socket.settimeout(max(timeout_s, 1e-3))
        try:
            data: bytes = self._socket.recv(1 << 16)
        except TimeoutError:
            return b""
        finally:
            self._socket.settimeout(_ANSWER_S)
        if not data:
            raise OSError("the lane hung up")
        return data

    def drain(self, lines: int) -> None:
        """Read on until the lane has taken so many lines: hanging up before it may throw away what is on the way.

        Raises:
            OSError: if it does not tell so in time.
        """
        until = time.monotonic() + _LAST_S
        while self.status is None or self.status.expected < lines:
            if time.monotonic() > until:
                raise OSError("the lane does not confirm the last lines")
            self.listen(_TRY_S)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def send_belt(
    belt: RecordedBelt,
    address: str,
    stream: str,
    *,
    pace: float = 1.0,
    patience_s: float = 30.0,
    on_progress: Callable[[int, bool], None] = lambda line, stopped: None,
) -> int:
    """Send a belt to a lane, in its own time; after a broken connection go on with the line that is wanted.

    Args:
        belt: the recording.
        address: where the lane listens.
        stream: name of this run; another one for every run.
        pace: 2 sends twice as fast.
        patience_s: how long to try to reach the lane.
        on_progress: told the lines sent, and whether the lane has stopped the belt.

    Returns:
        How often the connection was made anew.

    Raises:
        SourceError: if the lane cannot be reached, or refuses.
        UsageError, MissingExtra: for an address that is none, or ZeroMQ without its package.
    """
    next_line, again, given_up = 0, -1, time.monotonic() + patience_s
    while True:
        try:
            with closing(_Line(address)) as line:
                again += 1
                next_line = _introduce(line, belt, stream, next_line)
                for sent in _play(line, belt, next_line, pace, on_progress):
                    next_line, given_up = sent, time.monotonic() + patience_s
                line.send(End(len(belt)))
                line.drain(len(belt))
                return again
        except OSError as error:
            if time.monotonic() > given_up:
                raise SourceError(
                    f"{address}: {error.strerror or error}", "start the lane first: parcelsight run"
                ) from error
            time.sleep(_TRY_S)


def _introduce(line: _Line, belt: RecordedBelt, stream: str, next_line: int) -> int:
    """Say hello; the line to go on with."""
    line.send(hello_of(belt, stream))
    until = time.monotonic() + _ANSWER_S
    while line.status is None and time.monotonic() < until:
        line.listen(0.1)
    if line.status is None:
        raise SourceError("the lane does not answer", "give the address that a lane listens at")
    return next_line if line.status.expected == ANYWHERE else min(line.status.expected, len(belt))


def _play(
    line: _Line, belt: RecordedBelt, first_line: int, pace: float, on_progress: Callable[[int, bool], None]
) -> Iterator[int]:
    """Send message by message; yields the line to go on with after each."""
    begin = time.monotonic() - belt.motion.clock_ms(first_line) / 1000 / pace
    for message in messages_of(belt, first_line):
        end = message.sequence + len(message.values)
        due = begin + belt.motion.clock_ms(end) / 1000 / pace
        while (wait_s := due - time.monotonic()) > 0:
            line.listen(min(wait_s, 0.05))
        line.listen(0)
        stopped = time.monotonic()
        while line.status is not None and line.status.stop_belt:
            on_progress(message.sequence, True)
            line.listen(0.1)
        begin += time.monotonic() - stopped
        line.send(message)
        on_progress(end, False)
        yield end if message.view == len(belt.views) - 1 else message.sequence
