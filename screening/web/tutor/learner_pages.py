"""The pages of whoever learns: what is next, the exercise itself, and looking back on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from ....detector.errors import UsageError
from ...people.accounts import Person
from ...storage.tables import PersonRow
from ...storage.times import now
from ...tutor.answers import Feedback, feedback
from ...tutor.detection_theory import Answers
from ...tutor.exercises import start
from ...tutor.hours import training_time
from ...tutor.progress import Progress, courses_of, progress_of
from ...tutor.results import Judged, Selection, by_class, figures, gather, gather_exercise, learning_curve
from ...tutor.tables import CourseRow, EnrolmentRow, ExerciseRow, ItemRow, Mode, Outcome, StepRow
from ...tutor.tip_results import tip_figures
from ..console import Console
from ..contexts import Complaint
from ..guard import NotFound
from ..pages import looks_json
from ..render import page
from .contexts import ExercisePage, HomePage, ReviewPage
from .exercise_api import Number, review_url

Row = Annotated[int, Form(ge=1, le=2**31 - 1)]
_WEAKEST, _LEAST = 3, 10
"""So many classes are named as weakest, of those with so many threats at least."""
_AT_WORK = timedelta(days=30)
"""What of projected threats at the lanes stands on the home page."""
_LESSON = {Outcome.MISS: 0, Outcome.FALSE_ALARM: 1, Outcome.HIT: 2, Outcome.REJECTION: 3}


def learner_router(console: Console) -> APIRouter:
    """Home, begin, exercise, review."""
    router = APIRouter(prefix="/tutor", include_in_schema=False)
    looks = looks_json()

    def home_page(request: Request, status: int = 200, error: Complaint | None = None) -> Response:
        person, moment = request.state.visitor.person, now()
        with console.read() as session:
            judged = gather(session, Selection(person_id=person.id))
            shown = HomePage(
                courses_of(session, person.id), training_time(session, person.id, moment), figures(judged),
                learning_curve(judged), weakest(judged),
                tip_figures(session, moment - _AT_WORK, moment, person.id), error,
            )  # fmt: skip
            return page(console, request, "tutor/home.html", shown, status)

    @router.get("")
    def home(request: Request) -> Response:
        return home_page(request)

    @router.post("/begin")
    def begin(request: Request, enrolment: Row, step: Row) -> Response:
        try:
            with console.database.write() as session:
                exercise = start(session, request.state.visitor.person, enrolment, step).id
        except UsageError as error:
            return home_page(request, 400, Complaint(error.message, error.remedy))
        return RedirectResponse(f"/tutor/exercises/{exercise}", 303)

    @router.get("/exercises/{exercise_id}")
    def exercise(request: Request, exercise_id: Number) -> Response:
        person = request.state.visitor.person
        with console.read() as session:
            row, course = mine(session, person, exercise_id)
            if row.ended_at is not None:
                return RedirectResponse(review_url(exercise_id), 303)
            preferences = session.get_one(PersonRow, person.id).preferences
            shown = ExercisePage(row, row.step, course.title, preferences, looks)
            return page(console, request, "tutor/exercise.html", shown)

    @router.get("/exercises/{exercise_id}/review")
    def review(request: Request, exercise_id: Number) -> Response:
        person = request.state.visitor.person
        with console.read() as session:
            row, course = mine(session, person, exercise_id)
            if row.ended_at is None and row.step.mode == Mode.EXAMINATION:
                return RedirectResponse(f"/tutor/exercises/{exercise_id}", 303)
            progress = progress_of(session, row.enrolment_id)
            shown = ReviewPage(
                row, row.step, course.title, figures(gather_exercise(session, row.id)), lessons(session, row.id),
                _next(progress), row.enrolment_id, progress is not None and progress.completed_at is not None,
            )  # fmt: skip
            return page(console, request, "tutor/review.html", shown)

    return router


def mine(session: Session, person: Person, exercise_id: int) -> tuple[ExerciseRow, CourseRow]:
    """An exercise of this person, and its course. Raises NotFound for any other."""
    row = session.get(ExerciseRow, exercise_id)
    enrolment = session.get(EnrolmentRow, row.enrolment_id) if row is not None else None
    if row is None or enrolment is None or enrolment.person_id != person.id:
        raise NotFound(f"there is no exercise {exercise_id} of yours", "see your training")
    return row, session.get_one(CourseRow, enrolment.course_id)


def weakest(judged: list[Judged]) -> list[tuple[str, Answers]]:
    """The classes found least often, where there are enough cases to say so."""
    found = [(label, one.answers) for label, one in by_class(judged).items() if one.answers.hit_rate.of >= _LEAST]
    return found[:_WEAKEST]


def lessons(session: Session, exercise_id: int) -> list[Feedback]:
    """Everything answered in an exercise, what there is most to learn from first."""
    answered = select(ItemRow).where(ItemRow.exercise_id == exercise_id, ItemRow.answered_at.is_not(None))
    told = [feedback(session, item) for item in session.scalars(answered.order_by(ItemRow.number))]
    return sorted(told, key=lambda one: _LESSON.get(one.outcome, 9))


def _next(progress: Progress | None) -> StepRow | None:
    if progress is None or progress.enrolment.ended_at is not None or progress.current is None:
        return None
    return progress.current.step
