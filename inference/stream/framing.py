"""Messages out of bytes as they arrive, in pieces of any size; damage is told and stepped over, within limits."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ...detector.errors import SourceError
from .protocol import CRC_BYTES, HEAD_BYTES, MAGIC, Hello, Message, decode, unpack_head

MAX_DAMAGE = 32
"""Damaged stretches until the connection is given up, if not MAX_GOOD messages came between."""
MAX_GOOD = 1000
MAX_SKIPPED_BYTES = 8 << 20
"""Without any message between."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that were no message."""

    skipped_bytes: int
    reason: str


class Deframer:
    """Takes bytes, gives messages. Holds at most one message and what came with its end.

    The first message must be HELLO; a second one is refused.

    Args:
        answers: take what the other side says, which does not introduce itself.
    """

    def __init__(self, answers: bool = False) -> None:
        self._answers = answers
        self.hello: Hello | None = None
        self._buffer = bytearray()
        self._damaged = 0
        self._good = 0
        self._skipped = 0

    def feed(self, data: bytes) -> Iterator[Message | Damage]:
        """What these bytes complete.

        Raises:
            SourceError: if the sender does not speak the protocol, or too much of it arrives damaged.
        """
        self._buffer += data
        while True:
            at = self._buffer.find(MAGIC)
            if at != 0:
                # The last bytes may be the beginning of the next message's magic.
                skipped = at if at > 0 else max(0, len(self._buffer) - len(MAGIC) + 1)
                if at < 0 and MAGIC.startswith(bytes(self._buffer[: len(MAGIC)])):
                    return
                if skipped:
                    yield self._damage(skipped, "no message begins here")
                if at < 0:
                    return
            if len(self._buffer) < HEAD_BYTES:
                return
            try:
                kind, length = unpack_head(self._buffer)
            except SourceError:
                yield self._damage(len(MAGIC), "a message of unknown kind or impossible length")
                continue
            end = HEAD_BYTES + length
            if len(self._buffer) < end + CRC_BYTES:
                return
            with memoryview(self._buffer) as view:
                right = zlib.crc32(view[:end]) == int.from_bytes(view[end : end + CRC_BYTES], "little")
                body = bytes(view[HEAD_BYTES:end]) if right else b""
            if not right:
                # Its length may be what is damaged: the next message is searched from just behind its magic.
                yield self._damage(len(MAGIC), "the CRC is wrong")
                continue
            del self._buffer[: end + CRC_BYTES]
            yield self._taken(decode(kind, body, self.hello))

    @property
    def waiting_bytes(self) -> int:
        """Of a message that is not complete yet."""
        return len(self._buffer)

    def _taken(self, message: Message) -> Message:
        if isinstance(message, Hello):
            if self.hello is not None:
                raise SourceError("a second HELLO", "open another connection for another stream")
            self.hello = message
        elif self.hello is None and not self._answers:
            raise SourceError("the first message is no HELLO", "introduce the scanner first")
        self._skipped = 0
        self._good += 1
        if self._good >= MAX_GOOD:
            self._good = self._damaged = 0
        return message

    def _damage(self, skipped: int, reason: str) -> Damage:
        del self._buffer[:skipped]
        # What is stepped over after one damaged place, until a message is found again, is one stretch.
        self._damaged += self._skipped == 0
        self._skipped += skipped
        if self.hello is None and not self._answers:
            raise SourceError(f"this is not the line protocol: {reason}", "begin with HELLO (docs/line-stream.md)")
        if self._damaged > MAX_DAMAGE or self._skipped > MAX_SKIPPED_BYTES:
            raise SourceError(
                f"too much arrives damaged: {self._damaged} stretches, the last {self._skipped} bytes long",
                "check the sender's lengths and CRC-32",
            )
        return Damage(skipped, reason)
