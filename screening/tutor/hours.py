"""How long somebody trained: for the rule of six hours in six months.

Time counts from a picture's showing to its answer, and from the answer to the next picture, where the feedback is read;
each only up to a limit, so that a page left open over lunch is no training.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from .tables import COUNTED, EnrolmentRow, ExerciseRow, ItemRow, PictureRow

NEEDED_H = 6.0
PERIOD = timedelta(days=182)
_MOST_LOOK_S, _MOST_READING_S = 180.0, 60.0


@dataclass(frozen=True, slots=True)
class TrainingTime:
    """Of one person within six months."""

    since: datetime
    until: datetime
    hours: float
    pictures: int
    articles: int
    """Designs of threats among them."""

    @property
    def is_enough(self) -> bool:
        """True where the rule is met."""
        return self.hours >= NEEDED_H

    @property
    def missing_h(self) -> float:
        """To the six hours."""
        return max(0.0, NEEDED_H - self.hours)


def training_time(session: Session, person_id: int, until: datetime) -> TrainingTime:
    """Of the six months up to a moment."""
    since = until - PERIOD
    items = session.scalars(
        select(ItemRow)
        .join(ExerciseRow, ItemRow.exercise_id == ExerciseRow.id)
        .join(EnrolmentRow, ExerciseRow.enrolment_id == EnrolmentRow.id)
        .where(EnrolmentRow.person_id == person_id, ItemRow.outcome.in_(COUNTED))
        .where(ItemRow.answered_at >= since, ItemRow.answered_at < until)
        .order_by(ItemRow.exercise_id, ItemRow.number)
    ).all()
    seconds = sum(min((item.response_ms or 0) / 1000, _MOST_LOOK_S) for item in items)
    for item, following in zip(items, items[1:], strict=False):
        if item.exercise_id == following.exercise_id and item.answered_at is not None:
            reading_s = (following.shown_at - item.answered_at).total_seconds()
            seconds += min(max(reading_s, 0.0), _MOST_READING_S)  # below nil where the server's clock was set back
    return TrainingTime(
        since, until, seconds / 3600, len(items), _articles(session, {item.picture_id for item in items})
    )


def _articles(session: Session, picture_ids: set[int]) -> int:
    """Designs of threats in these pictures."""
    found: set[tuple[str, str]] = set()
    ordered = sorted(picture_ids)
    for start in range(0, len(ordered), 500):  # databases bound the length of a list
        part = select(PictureRow.truths).where(PictureRow.id.in_(ordered[start : start + 500]))
        for truths in session.scalars(part):
            found.update((str(truth["label"]), str(truth["design"])) for truth in truths if truth["design"])
    return len(found)
