"""Messages between this program and a worker: a bounded JSON head and raw bytes, never a pickle, never without a limit.

A worker decodes what strangers send; were it taken over, its answers must not be able to run code here.
"""

from __future__ import annotations

import json
import socket
import struct
from time import monotonic
from typing import Any

_LENGTHS = struct.Struct("!II")
_MOST_HEAD = 4_000_000
_MOST_BLOB = 1 << 30


class PipeClosed(Exception):
    """The other side is gone, or said something that is no message."""


class MessagePipe:
    """One end of a stream socket; one thread uses it."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, head: dict[str, Any], blob: bytes | memoryview = b"", limit_s: float | None = None) -> None:
        """Send one message.

        Raises:
            PipeClosed: if nobody listens any more.
            TimeoutError: if the other side did not take it in time.
        """
        text = json.dumps(head, allow_nan=False).encode()
        self._socket.settimeout(limit_s)
        try:
            self._socket.sendall(_LENGTHS.pack(len(text), len(blob)) + text)
            if len(blob):
                self._socket.sendall(blob)
        except TimeoutError:
            raise
        except OSError as error:
            raise PipeClosed(str(error)) from error

    def receive(self, limit_s: float | None = None) -> tuple[dict[str, Any], bytearray]:
        """The next message.

        Raises:
            PipeClosed: at the end, and for what is no message.
            TimeoutError: if none came whole in time.
        """
        until = None if limit_s is None else monotonic() + limit_s
        head, blob = _LENGTHS.unpack(self._exactly(_LENGTHS.size, until))
        if head > _MOST_HEAD or blob > _MOST_BLOB:
            raise PipeClosed("no message of ours")
        try:
            value = json.loads(bytes(self._exactly(head, until)))
        except ValueError as error:
            raise PipeClosed("no message of ours") from error
        if not isinstance(value, dict):
            raise PipeClosed("no message of ours")
        return value, self._exactly(blob, until)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _exactly(self, size: int, until: float | None) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(None if until is None else max(0.001, until - monotonic()))
            try:
                count = self._socket.recv_into(rest)
            except TimeoutError:
                raise
            except OSError as error:
                raise PipeClosed(str(error)) from error
            if count == 0:
                raise PipeClosed("end of stream")
            rest = rest[count:]
        return data
