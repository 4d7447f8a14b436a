"""How far people are in their courses: what is done, what is running, what is next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..storage.tables import PersonRow
from .tables import COUNTED, CourseRow, CourseVersionRow, EnrolmentRow, ExerciseRow, ItemRow, Mode, StepRow


class Stage(StrEnum):
    """Where somebody stands in a step."""

    DONE = "done"
    RUNNING = "running"
    """Begun, and interrupted or open somewhere."""
    NEXT = "next"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One step of one person."""

    step: StepRow
    stage: Stage
    exercise_id: int | None
    """The running exercise, else the last complete one."""
    answered: int
    """Pictures that count in it."""

    @property
    def can_begin(self) -> bool:
        """True where the person may begin, go on, or take it again."""
        again = self.stage is Stage.DONE and self.step.mode != Mode.EXAMINATION
        return again or self.stage in (Stage.RUNNING, Stage.NEXT)


@dataclass(frozen=True, slots=True)
class Progress:
    """One person in one course."""

    enrolment: EnrolmentRow
    course: CourseRow
    trainer: str
    person: PersonRow
    steps: tuple[StepProgress, ...]
    last_at: datetime | None
    """Of their last answer in it."""
    completed_at: datetime | None
    """When the last of all steps was done."""

    @property
    def done(self) -> int:
        """Steps done."""
        return sum(one.stage is Stage.DONE for one in self.steps)

    @property
    def current(self) -> StepProgress | None:
        """What to do now; None where all is done."""
        return next((one for one in self.steps if one.stage in (Stage.RUNNING, Stage.NEXT)), None)


def courses_of(session: Session, person_id: int) -> list[Progress]:
    """The courses that somebody takes now, newest first."""
    return _progress(session, EnrolmentRow.person_id == person_id)


def people_in(session: Session, course_id: int) -> list[Progress]:
    """Who takes a course now, by name."""
    return sorted(_progress(session, EnrolmentRow.course_id == course_id), key=lambda one: one.person.name.casefold())


def progress_of(session: Session, enrolment_id: int) -> Progress | None:
    """One enrolment, also an ended one."""
    row = session.get(EnrolmentRow, enrolment_id)
    return _of(session, row) if row is not None else None


def _progress(session: Session, of: object) -> list[Progress]:
    wanted = select(EnrolmentRow).where(of, EnrolmentRow.ended_at.is_(None)).order_by(EnrolmentRow.id.desc())  # type: ignore[arg-type]
    return [_of(session, row) for row in session.scalars(wanted)]


def _of(session: Session, row: EnrolmentRow) -> Progress:
    course = session.get_one(CourseRow, row.course_id)
    exercises = session.scalars(
        select(ExerciseRow).where(ExerciseRow.enrolment_id == row.id).order_by(ExerciseRow.id)
    ).all()
    answered, last_at = _answered(session, row.id)
    steps: list[StepProgress] = []
    for step in session.get_one(CourseVersionRow, row.version_id).steps:
        mine = [one for one in exercises if one.step_id == step.id]
        is_turn = all(before.stage is Stage.DONE for before in steps)
        steps.append(_step(step, mine, is_turn, answered))
    ends = [one.ended_at for one in exercises if one.is_complete and one.ended_at is not None]
    whole = bool(steps) and all(_was_done(step, exercises) for step in steps)
    trainer = session.get_one(PersonRow, course.trainer_id).name
    person = session.get_one(PersonRow, row.person_id)
    return Progress(row, course, trainer, person, tuple(steps), last_at, max(ends) if whole and ends else None)


def _step(step: StepRow, mine: Sequence[ExerciseRow], is_turn: bool, answered: dict[int, int]) -> StepProgress:
    running = next((one for one in mine if one.ended_at is None), None)
    complete = next((one for one in reversed(mine) if one.is_complete), None)
    if complete is not None:
        # Taken again it is done all the same: what comes after it stays open.
        shown = running or complete
        return StepProgress(step, Stage.DONE, shown.id, answered.get(shown.id, 0))
    if running is not None:
        return StepProgress(step, Stage.RUNNING, running.id, answered.get(running.id, 0))
    return StepProgress(step, Stage.NEXT if is_turn else Stage.LATER, None, 0)


def _was_done(one: StepProgress, exercises: Sequence[ExerciseRow]) -> bool:
    return any(exercise.is_complete and exercise.step_id == one.step.id for exercise in exercises)


def _answered(session: Session, enrolment_id: int) -> tuple[dict[int, int], datetime | None]:
    """Exercise → pictures that count, and when the last was answered."""
    counted = (
        select(ItemRow.exercise_id, func.count(), func.max(ItemRow.answered_at))
        .join(ExerciseRow, ItemRow.exercise_id == ExerciseRow.id)
        .where(ExerciseRow.enrolment_id == enrolment_id, ItemRow.outcome.in_(COUNTED))
        .group_by(ItemRow.exercise_id)
    )
    rows = session.execute(counted).all()
    latest = [at for _, _, at in rows if at is not None]
    return {exercise: count for exercise, count, _ in rows}, max(latest, default=None)
