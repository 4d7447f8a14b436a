"""What runs over a virtual scanner's belt, checked before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass

from ...detector.errors import UsageError
from ..belt_motion import BeltEvent, Motion, ScriptedEvent
from .solids import Split

_LONGEST_REVERSE_M = 5.0
"""Rows that may come back are kept in memory."""
_LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class BeltPlan:
    """What runs over the belt.

    Raises:
        UsageError: for what cannot be.
    """

    scanner: str
    """Preset by name or path."""
    seed: int = 0
    split: Split = "test"
    belt_speed_m_s: float = 0.5
    line_rate_hz: float | None = None
    """None: one line a detector pitch, so that pixels are square."""
    parcels: int | None = None
    """None: without end."""
    seconds: float | None = None
    """Length of the stream in scanner time; no parcel lies across its end. None: until all parcels have passed."""
    gap_mm: tuple[float, float] = (100.0, 600.0)
    touching: float = 0.0
    """Chance of a parcel to touch the one before it."""
    threat_share: float = 0.5
    events: tuple[ScriptedEvent, ...] = ()
    dark_lines: int = 256
    """Beam off, before the belt starts."""
    air_lines: int = 256
    """Beam on, belt still standing empty."""
    raw: bool = False
    """Lines before calibration: each detector with its own offset and gain."""

    def __post_init__(self) -> None:
        low, high = self.gap_mm
        faults = {
            f"seed {self.seed}": self.seed < 0,
            f"belt speed {self.belt_speed_m_s:g} m/s": not 0.01 <= self.belt_speed_m_s <= 5,
            f"line rate {self.line_rate_hz} Hz": self.line_rate_hz is not None
            and not 10 <= self.line_rate_hz <= 20_000,
            f"{self.parcels} parcels": self.parcels is not None and self.parcels < 1,
            f"{self.seconds} seconds": self.seconds is not None and not 0 < self.seconds <= _LONGEST_S,
            f"gap {low:g} to {high:g} mm": not 0 <= low <= high <= 100_000,
            f"touching {self.touching:g}": not 0 <= self.touching <= 1,
            f"threat share {self.threat_share:g}": not 0 <= self.threat_share <= 1,
            f"{self.dark_lines} dark and {self.air_lines} air lines": min(self.dark_lines, self.air_lines) < 0,
        }
        for what, wrong in faults.items():
            if wrong:
                raise UsageError(f"a belt cannot have {what}", "give a value in range")

    def motion(self, pitch_mm: float) -> Motion:
        """How the belt moves under a scanner of this pitch.

        Raises:
            UsageError: for an event that cannot happen.
        """
        rate = self.line_rate_hz or 1000 * self.belt_speed_m_s / pitch_mm
        for event in self.events:
            travel = self.belt_speed_m_s * event.duration_ms / 1000
            if event.event is BeltEvent.REVERSE and travel > _LONGEST_REVERSE_M:
                raise UsageError(
                    f"the belt cannot reverse by {travel:.1f} m", f"reverse by {_LONGEST_REVERSE_M:g} m at most"
                )
        try:
            line_pitch_mm = 1000 * self.belt_speed_m_s / rate
            return Motion.scripted(rate, line_pitch_mm, self.events, self.dark_lines, self.air_lines)
        except ValueError as error:
            raise UsageError(
                f"the belt cannot do {error}", "place it behind the start, and reverse by less than has passed"
            ) from error
