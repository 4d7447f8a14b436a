"""What the templates of operator training are given as ``page``, one class a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...tutor.answers import Feedback
from ...tutor.courses import CoursePlan
from ...tutor.detection_theory import Answers
from ...tutor.hours import TrainingTime
from ...tutor.progress import Progress
from ...tutor.results import Block, Comparison, Figures
from ...tutor.tables import CourseRow, ExerciseRow, StepRow
from ...tutor.tip_results import TipFigures
from ..contexts import Complaint


@dataclass(frozen=True, slots=True)
class HomePage:
    """tutor/home.html: the officer's own training."""

    courses: Sequence[Progress]
    time: TrainingTime
    all: Figures
    curve: Sequence[Block]
    weakest: Sequence[tuple[str, Answers]]
    """Classes found least often, with enough cases to say so."""
    lanes: TipFigures
    """Threats projected at work, of the last 30 days."""
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class ExercisePage:
    """tutor/exercise.html; everything else comes over the API."""

    exercise: ExerciseRow
    step: StepRow
    course: str
    preferences: Mapping[str, Any]
    looks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """tutor/review.html: an exercise that is over, or lies still."""

    exercise: ExerciseRow
    step: StepRow
    course: str
    figures: Figures
    answers: Sequence[Feedback]
    """Misses and false alarms first."""
    next_step: StepRow | None
    enrolment_id: int
    is_course_done: bool


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """tutor/results.html: one person's, for themselves or for the trainer of a course; or all of a course."""

    query: Mapping[str, str]
    """person, course, mode, aid, months."""
    query_string: str
    is_own: bool
    who: str
    """Name of the person, or the course's title where everybody is looked at."""
    courses: Sequence[CourseRow]
    people: Sequence[tuple[str, str]]
    """Login and name of those a trainer may choose."""
    all: Figures
    roc: Sequence[tuple[float, float]]
    curve: Sequence[Block]
    tables: Mapping[str, Mapping[str, Figures]]
    """``class``, ``view``, ``superposition``, ``clutter``, ``month``, ``person``."""
    aid: Comparison
    time: TrainingTime | None
    lanes: TipFigures | None
    """Threats projected at work that the person answered in the period; None where everybody is looked at."""
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class CourseLine:
    """One course of the trainer's list."""

    course: CourseRow
    people: int
    done: int
    """People who finished it."""
    steps: int


@dataclass(frozen=True, slots=True)
class Learner:
    """One person of a course, as its trainer sees them."""

    progress: Progress
    figures: Figures
    time: TrainingTime


@dataclass(frozen=True, slots=True)
class CoursesPage:
    """tutor/courses.html: the trainer's home."""

    courses: Sequence[CourseLine]
    learners: Sequence[Learner]
    weak: Sequence[tuple[str, Figures]]
    """Classes found least often in all own courses."""
    library: Mapping[str, int]
    """images, harmless, articles; with_aid: pictures that the detector was asked about."""
    plans: Sequence[str]
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class CoursePage:
    """tutor/course.html: one course, its people and results."""

    course: CourseRow
    steps: Sequence[StepRow]
    version: int
    learners: Sequence[Learner]
    others: Sequence[tuple[int, str, str, str]]
    """Who may be enrolled: id, name, login, role."""
    older: int
    """People who take an older version of it."""
    weak: Sequence[tuple[str, Figures]]
    can_report: bool
    """True where enough people have answered for a report without names."""
    notice: str = ""
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class CourseForm:
    """tutor/course_form.html: what a trainer has typed."""

    title: str
    steps: Sequence[Mapping[str, Any]]
    """title, mode, labels, aid, pictures, threats (percent), target (percent), limit_s; as typed."""
    course_id: int | None = None
    people: int = 0
    """Who takes the course now, and keeps the version they have."""
    minutes: int = 0
    """About how long it takes."""
    has: Mapping[str, int] = field(default_factory=dict)
    """Class → pictures in the library."""
    error: Complaint | None = None


def minutes_of(plan: CoursePlan) -> int:
    """About how long a course takes: a third less than the limit at the belt, 15 s a picture where there is none."""
    seconds = sum(step.pictures * ((step.limit_s or 15.0) * 0.67 + 5) for step in plan.steps)
    return max(1, round(seconds / 60))
