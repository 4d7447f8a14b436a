"""A scanner that sends its lines: parcels are found on the belt, looked at while they pass, and delivered whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event
from time import monotonic
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ...detector.errors import SourceError, UsageError
from ..stream.assembly import DEFAULT_SETTINGS, AssemblySettings
from ..stream.parcels import BeltEvent
from ..stream.session import BeltStream, Session
from ..stream.transport import Listener, listen, parse_address
from .belt_screening import BeltScreening
from .belt_view import BeltView
from .causes import LossCause
from .source import Deliver, SourceConfig, SourceHealth, Surroundings
from .state import Cause

_log = logging.getLogger(__name__)

_TURN_S = 0.05
_SILENT_S = 2.0
"""A scanner that was silent for so long gives way to another that connects."""
_ABANDONED_S = 10.0
"""Without lines for so long, what is in the beam ends."""
_SHOWN_S = 10.0
"""Lost lines are shown for so long."""
_STANDING_S = 2.0
"""A belt that stands for so long is shown."""

Length = Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)]


class LinesConfig(SourceConfig):
    """``source: {kind: lines, listen: "tcp://0.0.0.0:4001"}``: the scanner connects and sends its lines."""

    kind: Literal["lines"]
    listen: str = Field(max_length=200)
    """``tcp://HOST:PORT`` or ``zmq://HOST:PORT``."""
    gap_mm: Length = DEFAULT_SETTINGS.gap_mm
    """Air along the belt that ends a parcel."""
    window_mm: Length = DEFAULT_SETTINGS.window_mm
    """What is looked at while a parcel passes."""
    stride_mm: Length = DEFAULT_SETTINGS.stride_mm
    """From window to window."""
    longest_mm: Length = DEFAULT_SETTINGS.longest_mm
    """A longer parcel is told in parts."""

    @field_validator("listen")
    @classmethod
    def _is_address(cls, address: str) -> str:
        try:
            parse_address(address)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return address

    def open(self, lane: str, around: Surroundings) -> LinesSource:
        """Make the source; it listens from its ``run`` on."""
        if self.stride_mm > self.window_mm or self.longest_mm < 2 * self.window_mm:
            raise SourceError(
                f"lane {lane}: windows of {self.window_mm:g} mm every {self.stride_mm:g} mm in parcels of up to "
                f"{self.longest_mm:g} mm",
                "let stride_mm be at most window_mm, and longest_mm at least two windows",
            )
        return LinesSource(lane, self, around)


class LinesSource:
    """Listens for one scanner; it may come and go, and its stream goes on."""

    def __init__(self, lane: str, config: LinesConfig, around: Surroundings) -> None:
        self.name = f"lines on {config.listen}"
        self.address = config.listen
        """With the port that was found, once it runs."""
        self.view = BeltView()
        self._lane, self._config, self._around = lane, config, around
        self._settings = AssemblySettings(
            gap_mm=config.gap_mm,
            window_mm=config.window_mm,
            stride_mm=config.stride_mm,
            longest_mm=config.longest_mm,
        )

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Follow scanners until ``stop``.

        Raises:
            SourceError, MissingExtra: if the address cannot be listened at.
        """
        listener = listen(self._config.listen)
        self.address = listener.address
        screening = BeltScreening(self._lane, self._around, deliver, stop)
        screening.start()
        try:
            _Follower(self._settings, self.view, listener, screening, stop, health).run()
        finally:
            listener.close()
            screening.close()


class _Follower:
    """The reading side: one scanner after the other, one stream through all of them."""

    def __init__(
        self,
        settings: AssemblySettings,
        view: BeltView,
        listener: Listener,
        screening: BeltScreening,
        stop: Event,
        health: SourceHealth,
    ) -> None:
        self._listener, self._screening, self._stop, self._health = listener, screening, stop, health
        self._stream = BeltStream(settings, view.show)
        self._session: Session | None = None
        self._read = self._damaged = self._lost = 0
        self._lost_at = self._moved = float("-inf")
        self._heard = monotonic()

    def run(self) -> None:
        """Until the source stops."""
        while not self._stop.is_set():
            self._meet(0.0 if self._session is not None else _TURN_S)
            if self._session is not None:
                self._listen(self._session)
            elif monotonic() - self._heard > _ABANDONED_S:
                self._hand_on(self._stream.break_off("no more lines came while it was in the beam"))
        if self._session is not None:
            self._session.connection.close()

    def _meet(self, timeout_s: float) -> None:
        """Let a scanner in that has come."""
        connection = self._listener.accept(timeout_s)
        if connection is None:
            return
        fresh = Session(connection, self._stream)
        if self._session is not None:
            if monotonic() - self._session.heard < _SILENT_S:
                fresh.refuse(f"a scanner is connected already ({self._session.connection.peer}); one lane, one scanner")
                return
            self._session.refuse("another scanner took this one's place after it had been silent")
        self._session, self._read, self._damaged = fresh, 0, 0

    def _listen(self, session: Session) -> None:
        """One turn with the scanner."""
        try:
            self._hand_on(session.receive(_TURN_S))
        except SourceError as error:
            _log.warning("%s: %s", session.connection.peer, error)
            self._health.lost(LossCause.MALFORMED)
            self._health.trouble(Cause.SOURCE_FAILED, f"{session.connection.peer} was refused: {error}")
            session.refuse(str(error))
            self._session = None
            return
        self._report(session)
        self._tell(session)
        if session.ended:
            session.connection.close()
            self._session = None

    def _hand_on(self, events: Iterable[BeltEvent]) -> None:
        """Give events to the screening side; while it is behind, the belt is asked to stop."""
        for event in events:
            while not self._screening.take(event, _TURN_S):
                if self._stop.is_set():
                    return
                if self._session is not None:
                    self._health.alive()
                    self._tell(self._session, behind=True)

    def _tell(self, session: Session, behind: bool = False) -> None:
        reader = self._stream.reader
        if reader is None:
            return
        needed = reader.needed_line or 0
        session.tell(self._screening.durable(needed), behind or self._health.pressed)

    def _report(self, session: Session) -> None:
        """Tell the lane what is to be known of the stream."""
        now = monotonic()
        fresh = session.lines - self._read
        if fresh:
            self._read, self._heard = session.lines, now
            self._health.read(fresh)
            self._health.well(Cause.SOURCE_FAILED)
        elif self._health.pressed:
            self._health.alive()  # a belt that was asked to stop may be silent
        if session.damaged > self._damaged:
            self._health.lost(LossCause.MALFORMED, session.damaged - self._damaged)
            self._damaged = session.damaged
        reader = self._stream.reader
        if reader is None:
            return
        self._report_losses(reader.counts.lost, now)
        if reader.moving or not fresh:
            self._moved = now
            self._health.well(Cause.BELT_STOPPED)
        elif now - self._moved > _STANDING_S:
            self._health.trouble(Cause.BELT_STOPPED, "the belt stands", screening=True)
        if reader.calibrated:
            self._health.well(Cause.NOT_CALIBRATED)
        else:
            detail = next((note.text for note in reader.flaws()), "raw lines wait for dark lines and lines of air")
            self._health.trouble(Cause.NOT_CALIBRATED, detail)

    def _report_losses(self, lost: int, now: float) -> None:
        if lost > self._lost:
            self._health.lost(LossCause.LINES_LOST, lost - self._lost)
            self._health.trouble(
                Cause.LINES_LOST, f"{lost - self._lost} lines never came; what passed then was not seen", screening=True
            )
            self._lost_at = now
        elif now - self._lost_at > _SHOWN_S:
            self._health.well(Cause.LINES_LOST)
        self._lost = lost
