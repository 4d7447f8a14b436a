"""Courses: what a trainer makes, edits and enrols people in."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY, Group
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.tables import PersonRow
from ..storage.times import now
from .library import require_trainer
from .tables import CourseRow, CourseVersionRow, EnrolmentRow, Mode, StepRow

Title = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepPlan(_Plan):
    """One step as a trainer sets it up."""

    title: Title
    mode: Mode
    labels: tuple[str, ...] = TAXONOMY.classes
    aid: bool = False
    pictures: int = Field(default=30, ge=1, le=1000)
    threat_share: float = Field(default=0.5, gt=0, le=1)
    target: float = Field(default=0.75, ge=0.5, le=0.9)
    """Hit rate that adaptive difficulty aims at."""
    limit_s: float | None = Field(default=None, ge=1, le=600)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        unknown = [label for label in self.labels if label not in TAXONOMY.classes]
        if unknown or not self.labels:
            raise ValueError(f"{unknown[0]!r} is no class" if unknown else "choose at least one class")
        if self.mode is Mode.BELT and self.limit_s is None:
            raise ValueError("an exercise at the belt needs a limit of seconds for each picture")
        if self.mode is Mode.STUDY and self.limit_s is not None:
            raise ValueError("study has no limit; choose the belt for one")
        return self


class CoursePlan(_Plan):
    """A whole course."""

    title: Title
    steps: tuple[StepPlan, ...] = Field(min_length=1, max_length=50)


def starter_plan(title: str) -> CoursePlan:
    """A course to begin with: each group studied and then seen at the belt, and an examination over all of it."""
    steps = []
    for group in Group:
        labels = tuple(label for label in TAXONOMY.classes if TAXONOMY.group_of(label) is group)
        steps.append(StepPlan(title=f"Study: {group}", mode=Mode.STUDY, labels=labels, threat_share=0.7))
        steps.append(StepPlan(title=f"At the belt: {group}", mode=Mode.BELT, labels=labels, limit_s=15))
    steps.append(StepPlan(title="Examination", mode=Mode.EXAMINATION, pictures=120, limit_s=20))
    return CoursePlan(title=title, steps=tuple(steps))


def create_course(session: Session, trainer: Person, plan: CoursePlan) -> CourseRow:
    """Make a course. Raises UsageError if the person may not."""
    require_trainer(trainer)
    course = CourseRow(title=plan.title, trainer_id=trainer.id, created_at=now())
    course.versions = [_version(1, plan)]
    session.add(course)
    session.flush()
    append(session, trainer.login, "course created", f"course {course.id}", {"title": plan.title})
    return course


def edit_course(session: Session, trainer: Person, course_id: int, plan: CoursePlan) -> CourseVersionRow:
    """Make a new version; whoever is enrolled goes on with theirs. Raises UsageError if it is not their course."""
    course = own_course(session, trainer, course_id)
    version = _version(course.versions[-1].number + 1, plan)
    course.versions.append(version)
    course.title = plan.title
    session.flush()
    append(session, trainer.login, "course edited", f"course {course.id}", {"version": version.number})
    return version


def close_course(session: Session, trainer: Person, course_id: int) -> None:
    """Enrol nobody any more; who is enrolled goes on. Raises UsageError if it is not their course."""
    course = own_course(session, trainer, course_id)
    course.closed_at = course.closed_at or now()
    append(session, trainer.login, "course closed", f"course {course.id}", {})


def enrol(session: Session, trainer: Person, course_id: int, person_id: int) -> EnrolmentRow:
    """Enrol somebody in the newest version; who is enrolled already stays so, in their version.

    Raises:
        UsageError: if it is not their course, it is closed, or there is no such person.
    """
    course = own_course(session, trainer, course_id)
    running = select(EnrolmentRow).where(
        EnrolmentRow.course_id == course.id, EnrolmentRow.person_id == person_id, EnrolmentRow.ended_at.is_(None)
    )
    if (there := session.scalar(running)) is not None:
        return there
    person = session.get(PersonRow, person_id)
    if person is None or person.disabled_at is not None:
        raise UsageError(f"there is no account {person_id} to enrol", "see the list of accounts")
    if course.closed_at is not None:
        raise UsageError(f"the course {course.title!r} is closed", "make a new one")
    row = EnrolmentRow(
        course_id=course.id,
        version_id=course.versions[-1].id,
        person_id=person_id,
        enrolled_by=trainer.id,
        enrolled_at=now(),
    )
    session.add(row)
    session.flush()
    append(session, trainer.login, "enrolled", f"person {person.login}", {"course": course.id})
    return row


def end_enrolment(session: Session, trainer: Person, enrolment_id: int) -> None:
    """Take somebody out of a course; their answers stay. Raises UsageError if it is not the trainer's course."""
    row = session.get(EnrolmentRow, enrolment_id, with_for_update=True)
    if row is None:
        raise UsageError(f"there is no enrolment {enrolment_id}", "reload the course")
    own_course(session, trainer, row.course_id)
    row.ended_at = row.ended_at or now()
    append(session, trainer.login, "enrolment ended", f"enrolment {row.id}", {})


def enrolled_count(session: Session, course_id: int) -> int:
    """People who take it now."""
    running = (EnrolmentRow.course_id == course_id, EnrolmentRow.ended_at.is_(None))
    return session.scalar(select(func.count(EnrolmentRow.person_id.distinct())).where(*running)) or 0


def own_course(session: Session, trainer: Person, course_id: int) -> CourseRow:
    """The course, locked. Raises UsageError where it is not this trainer's."""
    require_trainer(trainer)
    course = session.get(CourseRow, course_id, with_for_update=True)
    if course is None or course.trainer_id != trainer.id:
        raise UsageError(f"course {course_id} is not yours", "choose one of your courses, or make one")
    return course


def _version(number: int, plan: CoursePlan) -> CourseVersionRow:
    steps = [
        StepRow(position=position, **step.model_dump() | {"labels": list(step.labels)})
        for position, step in enumerate(plan.steps, start=1)
    ]
    return CourseVersionRow(number=number, made_at=now(), steps=steps)
