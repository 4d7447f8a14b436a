"""One scanner's conversation: its bytes in, parcels out, status back. ``lanes/source_lines.py`` wires it."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from ...detector.errors import SourceError
from .assembly import DEFAULT_SETTINGS, AssemblySettings
from .framing import Damage, Deframer
from .parcels import BeltEvent
from .protocol import ANYWHERE, End, Hello, LinesMessage, Refused, Status, encode
from .reading import BeltReader, SeeRows
from .transport import Connection

STATUS_EVERY_S = 1.0


class BeltStream:
    """A stream of lines that outlives its connections: the same scanner and stream name go on where they were.

    Args:
        settings: lengths of parcels and windows.
        see_rows: as `BeltReader` has it.
    """

    def __init__(self, settings: AssemblySettings = DEFAULT_SETTINGS, see_rows: SeeRows | None = None) -> None:
        self.reader: BeltReader | None = None
        self._settings, self._see_rows = settings, see_rows

    def begin(self, hello: Hello) -> Iterator[BeltEvent]:
        """A scanner has introduced itself; what another stream left in the beam ends."""
        if self.reader is not None and self.reader.hello == hello:
            return
        yield from self.break_off("the scanner began another stream")
        self.reader = BeltReader(hello, settings=self._settings, see_rows=self._see_rows)

    def break_off(self, text: str) -> Iterator[BeltEvent]:
        """What is in the beam ends, with this said of it."""
        if self.reader is not None:
            yield from self.reader.close(text)

    def forget(self) -> None:
        """The scanner has said goodbye; numbers may begin anew."""
        self.reader = None


class Session:
    """One connection of a scanner.

    Args:
        connection: to it.
        stream: what it goes on with.
    """

    def __init__(self, connection: Connection, stream: BeltStream) -> None:
        self.connection = connection
        self.damaged = 0
        """Stretches of bytes that were no message."""
        self.lines = 0
        """Lines received, those sent again included, of the first view."""
        self.ended = False
        """True once the scanner has hung up or said goodbye."""
        self.heard = monotonic()
        """When the last bytes came."""
        self._stream = stream
        self._deframer = Deframer()
        self._told = Status(ANYWHERE, 0)
        self._told_at = float("-inf")

    @property
    def introduced(self) -> bool:
        """True once the scanner has said hello."""
        return self._deframer.hello is not None

    def receive(self, timeout_s: float) -> Iterator[BeltEvent]:
        """Take in what has come, and follow it.

        Raises:
            SourceError: if the scanner does not keep the protocol.
        """
        data = self.connection.receive(timeout_s)
        if data is None:
            return
        if data == b"":
            self.ended = True
            return
        self.heard = monotonic()
        for message in self._deframer.feed(data):
            match message:
                case Damage():
                    self.damaged += 1
                case Hello():
                    yield from self._stream.begin(message)
                case LinesMessage():
                    assert self._stream.reader is not None, "lines come after hello"
                    self.lines += len(message.values) if message.view == 0 else 0
                    yield from self._stream.reader.add(message)
                case End():
                    yield from self._stream.break_off("the scanner said goodbye in the middle of it")
                    self.ended = True
                    self._told_at = float("-inf")  # the last status says how far the lane has come
                    return
                case _:
                    raise SourceError("the scanner sent what only we send", "see the kinds of the protocol")

    def tell(self, durable: int, stop_belt: bool) -> None:
        """Send the status where it has changed, and once a second."""
        reader = self._stream.reader
        if not self.introduced or reader is None:
            return
        expected = ANYWHERE if reader.expected_line is None else reader.expected_line
        status = Status(expected, durable, stop_belt)
        now = monotonic()
        changed = (status.durable, status.stop_belt) != (self._told.durable, self._told.stop_belt)
        if changed or now - self._told_at >= STATUS_EVERY_S:
            self._told, self._told_at = status, now
            if not self.connection.send(encode(status)):
                self.ended = True

    def refuse(self, reason: str) -> None:
        """Say why, and hang up."""
        self.connection.send(encode(Refused(reason)))
        self.connection.close()
