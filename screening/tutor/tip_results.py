"""What projections at lanes tell: hits and misses, as rates with their intervals. Nothing here counts a real parcel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.taxonomy import TAXONOMY
from ..rates import Rate
from .tip import TipOutcome
from .tip_tables import OPEN, TipRow

_LEVELS = ("open", "partly covered", "covered")
_COVERED = (0.4, 0.65)
"""Superposition from which a projected threat counts as partly covered, and as covered."""


@dataclass(frozen=True, slots=True)
class TipFigures:
    """Of the projections of a period."""

    made: int
    waiting: int
    """On nobody's screen yet, or looked at just now."""
    abandoned: int
    late: int
    """Misses because no answer came in time."""
    seen: Rate
    by_class: Mapping[str, Rate]
    by_cover: Mapping[str, Rate]
    hit_ms: float | None
    """Median time to a hit."""

    @property
    def classes(self) -> Mapping[str, Rate]:
        """Of ``by_class`` what was answered at all."""
        return {label: rate for label, rate in self.by_class.items() if rate.of}

    @property
    def rates(self) -> Mapping[str, Rate]:
        """All that can be said as rates: of everything, by cover, and by class; nothing where nothing was answered."""
        return {"seen": self.seen, **self.by_cover, **self.classes} if self.seen.of else {}


def tip_figures(session: Session, since: datetime | None, until: datetime, person_id: int | None = None) -> TipFigures:
    """Count the projections of a period.

    Args:
        session: any transaction.
        since: made at or after it; None takes all.
        until: made before it.
        person_id: only those that this person answered.
    """
    wanted = select(TipRow).where(TipRow.made_at < until)
    if since is not None:
        wanted = wanted.where(TipRow.made_at >= since)
    if person_id is not None:
        wanted = wanted.where(TipRow.person_id == person_id)
    rows = session.scalars(wanted).all()
    answered = [row for row in rows if row.outcome in (TipOutcome.HIT, TipOutcome.MISS)]
    hits = [row.took_ms for row in answered if row.outcome == TipOutcome.HIT]

    def rates(name_of: Callable[[TipRow], str], names: tuple[str, ...]) -> dict[str, Rate]:
        return {name: _rate([row for row in answered if name_of(row) == name]) for name in names}

    return TipFigures(
        made=len(rows),
        waiting=sum(row.outcome == OPEN for row in rows),
        abandoned=sum(row.outcome == TipOutcome.ABANDONED for row in rows),
        late=sum(row.is_late for row in answered),
        seen=_rate(answered),
        by_class=rates(lambda row: row.label, tuple(TAXONOMY.classes)),
        by_cover=rates(_cover, _LEVELS),
        hit_ms=median(hits) if hits else None,
    )


def _rate(rows: list[TipRow]) -> Rate:
    return Rate(sum(row.outcome == TipOutcome.HIT for row in rows), len(rows))


def _cover(row: TipRow) -> str:
    """By the view in which it is seen best."""
    least = min(float(view["superposition"]) for view in row.views.values())
    return _LEVELS[sum(least >= bound for bound in _COVERED)]
