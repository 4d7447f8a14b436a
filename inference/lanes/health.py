"""Is the scanner's picture what passes through the scanner? Judged by many scans of a lane, not by one.

A picture that repeats, shows nothing, has lost its levels, has dead detectors or lines out of order can look clean to a
detector. A lane with such pictures is degraded or not screening, and its silence is not taken for an answer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from ..verdicts import ScreenedScan, Verdict
from .causes import LossCause
from .jobs import Traits
from .state import Cause, State

WINDOW = 8
"""Scans of a lane that are looked at together."""
FROZEN_AFTER = 3
"""Equal pictures in a row: noise alone makes any two scans of a live detector differ."""
_BLANK_AFTER = 3
_SATURATED = 0.5
_DEAD_SOME, _DEAD_MANY = 0.02, 0.10
"""Share of detectors."""
_DISORDER = 0.75
"""Of 482 real and rendered scans none lies above 0.65; shuffled, those of 32 lines and more lie above 0.85."""
_OFTEN = 0.5
"""Share of the window in which a fault must show before the lane is blamed for it."""
_LEAST = 3
"""Scans before anything is said of a lane."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is wrong with a lane's pictures."""

    cause: Cause
    state: State
    detail: str


class ImageHealth:
    """The window of one lane; used by one thread."""

    def __init__(self) -> None:
        self._window: deque[Traits] = deque(maxlen=WINDOW)
        self._repeats = 0

    def look(self, traits: Traits) -> list[Complaint]:
        """Take in the next scan; everything that is wrong with the lane now."""
        same = bool(self._window) and self._window[-1].fingerprint == traits.fingerprint
        self._repeats = self._repeats + 1 if same else 1
        self._window.append(traits)
        found = []
        if self._repeats >= FROZEN_AFTER:
            found.append(
                Complaint(Cause.FROZEN, State.NOT_SCREENING, f"the same picture came {self._repeats} times in a row")
            )
        if len(self._window) < _LEAST:
            return found
        blank = sum(t.blank for t in list(self._window)[-_BLANK_AFTER:])
        if blank == _BLANK_AFTER:
            found.append(Complaint(Cause.BLANK, State.NOT_SCREENING, f"the last {blank} pictures show nothing"))
        seen = [t for t in self._window if not t.blank]
        return found + _common_faults(seen)


def _common_faults(seen: list[Traits]) -> list[Complaint]:
    """What shows in most of the pictures that show anything."""
    if len(seen) < _LEAST:
        return []
    found = []
    least = _OFTEN * len(seen)
    if sum(t.saturated > _SATURATED for t in seen) > least:
        found.append(Complaint(Cause.SATURATED, State.NOT_SCREENING, "most pixels are at the end of the range"))
    if sum(t.disorder > _DISORDER for t in seen) > least:
        found.append(Complaint(Cause.SHUFFLED, State.NOT_SCREENING, "lines are out of order"))
    dead = sorted(t.dead_columns for t in seen)[len(seen) // 2]
    if dead > _DEAD_SOME:
        state = State.NOT_SCREENING if dead > _DEAD_MANY else State.DEGRADED
        found.append(Complaint(Cause.DEAD_COLUMNS, state, f"{dead:.0%} of the detectors give the same value always"))
    return found


def doubted(
    screened: ScreenedScan, traits: Traits, complaints: list[Complaint]
) -> tuple[ScreenedScan, LossCause | None]:
    """The outcome where silence cannot be trusted: NO_ALARM of a frozen lane is UNSCREENED, of a bad picture REVIEW.

    An alarm stays an alarm, and a scan that is UNSCREENED stays it with its own reason.
    """
    if screened.verdict is not Verdict.NO_ALARM:
        return screened, None
    frozen = next((c for c in complaints if c.cause is Cause.FROZEN), None)
    if frozen:
        reason = f"{frozen.detail}: what passes is not what is seen; check the scanner"
        return replace(screened, verdict=Verdict.UNSCREENED, reason=reason), LossCause.FROZEN
    doubts = [text for is_so, text in _doubts_of(traits) if is_so]
    if doubts:
        return replace(screened, verdict=Verdict.REVIEW, reason="; ".join(doubts)), None
    return screened, None


def _doubts_of(traits: Traits) -> list[tuple[bool, str]]:
    return [
        (traits.saturated > _SATURATED, "most pixels are at the end of the range: not judgeable"),
        (traits.disorder > _DISORDER, "its lines are out of order: not judgeable"),
        (traits.dead_columns > _DEAD_MANY, f"{traits.dead_columns:.0%} of the detectors are dead: not judgeable"),
    ]


HEALTH_CAUSES = (Cause.FROZEN, Cause.BLANK, Cause.SATURATED, Cause.DEAD_COLUMNS, Cause.SHUFFLED)
