"""Which picture an exercise shows next."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from ...detector.errors import UsageError
from .adaptive import Candidate, Learner, Trial, choose
from .factors import Factors
from .tables import EnrolmentRow, ExerciseRow, ItemRow, Mode, Outcome, PictureRow, StepRow

_NEAREST = 100
"""Pictures of a class around the wanted difficulty that are looked at; a library may hold thousands."""
_REMEMBERED = 400
"""Latest answers of a person that tell what they can do."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A picture, and the chance of a hit that is expected; None for a harmless parcel."""

    picture: PictureRow
    predicted: float | None


def pick(session: Session, exercise: ExerciseRow, person_id: int, number: int) -> Pick:
    """Choose; the same exercise and number, with the same answers before, choose the same.

    Args:
        session: a write transaction.
        exercise: which.
        person_id: who looks.
        number: of the picture, from 1.

    Raises:
        UsageError: if the library holds nothing for this step.
    """
    rng = random.Random(f"{exercise.seed}:{number}")
    step = exercise.step
    labels = _labels_there(session, step)
    has_harmless = session.scalar(_harmless_ones(step).limit(1)) is not None
    if not labels:
        raise UsageError(
            f"the library holds no picture for {step.title!r}", "ask your trainer to import some, or to change the step"
        )
    if has_harmless and rng.random() >= step.threat_share:
        return Pick(_harmless(session, step, person_id, rng), None)
    label = _label_due(session, exercise, labels, rng)
    learner = Learner(trials(session, exercise, person_id))
    if step.mode == Mode.EXAMINATION:
        row = _any_of(session, step, label, person_id, rng)
    else:
        row = _adapted(session, step, label, person_id, learner, rng)
    return Pick(row, learner.predicted(label, row.difficulty, factors_of(row)))


def trials(session: Session, exercise: ExerciseRow, person_id: int) -> list[Trial]:
    """A person's answers to threats in exercises of the same kind, oldest first: what they can do there."""
    wanted = (
        # Columns, not rows: a few hundred of them are read before every picture.
        select(
            PictureRow.label,
            PictureRow.view,
            PictureRow.superposition,
            PictureRow.clutter,
            ItemRow.difficulty,
            ItemRow.outcome,
            ExerciseRow.enrolment_id,
        )
        .join(PictureRow, ItemRow.picture_id == PictureRow.id)
        .join(ExerciseRow, ItemRow.exercise_id == ExerciseRow.id)
        .join(EnrolmentRow, ExerciseRow.enrolment_id == EnrolmentRow.id)
        .join(StepRow, ExerciseRow.step_id == StepRow.id)
        .where(EnrolmentRow.person_id == person_id, ItemRow.outcome.in_((Outcome.HIT, Outcome.MISS)))
        .where(StepRow.aid == exercise.step.aid, StepRow.mode == exercise.step.mode)
        .order_by(ItemRow.id.desc())
        .limit(_REMEMBERED)
    )
    found = [
        Trial(
            label, Factors(view, over, clutter), difficulty, outcome == Outcome.HIT, enrolment == exercise.enrolment_id
        )
        for label, view, over, clutter, difficulty, outcome, enrolment in session.execute(wanted)
    ]
    return found[::-1]


def factors_of(row: PictureRow) -> Factors:
    """Of a picture."""
    return Factors(row.view, row.superposition, row.clutter)


def _usable(step: StepRow, *conditions: ColumnElement[bool]) -> Select[PictureRow]:
    wanted = select(PictureRow).where(PictureRow.retired_at.is_(None), *conditions)
    return wanted.where(PictureRow.detections.is_not(None)) if step.aid else wanted


def _threats(step: StepRow, label: str) -> Select[PictureRow]:
    """Of a class. Where another view shows the same class better, that one stands for the parcel: both are seen."""
    other = aliased(PictureRow)
    is_better = or_(
        other.difficulty < PictureRow.difficulty,
        and_(other.difficulty == PictureRow.difficulty, other.id < PictureRow.id),
    )
    better = select(other.id).where(
        other.parcel == PictureRow.parcel, other.label == PictureRow.label, other.retired_at.is_(None), is_better
    )
    if step.aid:
        better = better.where(other.detections.is_not(None))
    return _usable(step, PictureRow.label == label, ~better.exists())


def _harmless_ones(step: StepRow) -> Select[PictureRow]:
    """A picture without a threat is of a harmless parcel only where no other view of it shows one."""
    other = aliased(PictureRow)
    threat = select(other.id).where(other.parcel == PictureRow.parcel, other.label != "")
    return _usable(step, PictureRow.label == "", ~threat.exists())


def _labels_there(session: Session, step: StepRow) -> list[str]:
    """Classes of the step that the library has pictures of."""
    usable = _usable(step, PictureRow.label.in_(step.labels)).subquery()
    there = set(session.scalars(select(usable.c.label).distinct()))
    return [label for label in step.labels if label in there]


def _label_due(session: Session, exercise: ExerciseRow, labels: Sequence[str], rng: random.Random) -> str:
    """A class that was shown least in this exercise."""
    shown = Counter(
        session.scalars(
            select(PictureRow.label)
            .join(ItemRow, ItemRow.picture_id == PictureRow.id)
            .where(ItemRow.exercise_id == exercise.id)
        )
    )
    least = min(shown[label] for label in labels)
    return rng.choice([label for label in labels if shown[label] == least])


def _times_seen(session: Session, person_id: int, picture_ids: Sequence[int]) -> Counter[int]:
    """How often somebody saw the parcels of pictures, in whichever view."""
    shown = aliased(PictureRow)
    seen = (
        select(PictureRow.id, func.count())
        .join(shown, shown.parcel == PictureRow.parcel)
        .join(ItemRow, ItemRow.picture_id == shown.id)
        .join(ExerciseRow, ItemRow.exercise_id == ExerciseRow.id)
        .join(EnrolmentRow, ExerciseRow.enrolment_id == EnrolmentRow.id)
        .where(EnrolmentRow.person_id == person_id, PictureRow.id.in_(picture_ids))
        .group_by(PictureRow.id)
    )
    times_seen: Counter[int] = Counter()
    for picture_id, times in session.execute(seen):
        times_seen[picture_id] = times
    return times_seen


def _adapted(
    session: Session, step: StepRow, label: str, person_id: int, learner: Learner, rng: random.Random
) -> PictureRow:
    near = func.abs(PictureRow.difficulty - learner.wanted(label, step.target))
    rows = session.scalars(_threats(step, label).order_by(near, PictureRow.id).limit(_NEAREST)).all()
    seen = _times_seen(session, person_id, [row.id for row in rows])
    candidates = [Candidate(row.id, factors_of(row), row.difficulty, seen[row.id]) for row in rows]
    chosen = choose(candidates, learner, label, step.target, rng)
    return next(row for row in rows if row.id == chosen.picture_id)


def _any_of(session: Session, step: StepRow, label: str, person_id: int, rng: random.Random) -> PictureRow:
    return _least_seen(session, _threats(step, label), person_id, rng)


def _harmless(session: Session, step: StepRow, person_id: int, rng: random.Random) -> PictureRow:
    return _least_seen(session, _harmless_ones(step), person_id, rng)


def _least_seen(session: Session, usable: Select[PictureRow], person_id: int, rng: random.Random) -> PictureRow:
    """Any of those that this person saw least."""
    ids = list(session.scalars(select(usable.subquery().c.id)))
    ids = sorted(rng.sample(sorted(ids), min(_NEAREST, len(ids))))
    seen = _times_seen(session, person_id, ids)
    least = min(seen[picture_id] for picture_id in ids)
    return session.get_one(PictureRow, rng.choice([picture_id for picture_id in ids if seen[picture_id] == least]))
