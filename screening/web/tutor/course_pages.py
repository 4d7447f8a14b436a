"""The trainer's pages: courses, who takes them, what they miss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ....detector.errors import UsageError
from ...people.accounts import Person, people
from ...people.roles import Permission, Role, may
from ...storage.times import now
from ...tutor.courses import close_course, end_enrolment, enrol
from ...tutor.hours import training_time
from ...tutor.plans import PLANS
from ...tutor.progress import people_in
from ...tutor.quotas import holdings
from ...tutor.reports import LEAST_GROUP
from ...tutor.results import Figures, Judged, Selection, by_class, by_person, figures, gather
from ...tutor.tables import CourseRow, EnrolmentRow, PictureRow
from ..console import Console
from ..contexts import Complaint
from ..guard import NotFound
from ..render import page
from .contexts import CourseLine, CoursePage, CoursesPage, Learner

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_MOST_ENROLLED = 500
_WEAK, _LEAST = 5, 10
"""So many classes are named as weak, of those with so many threats at least."""


def course_router(console: Console) -> APIRouter:
    """The trainer's home and one course."""
    router = APIRouter(prefix="/tutor/courses", include_in_schema=False)

    def home_page(request: Request, status: int = 200, error: Complaint | None = None) -> Response:
        with console.read() as session:
            shown = _courses(session, request.state.visitor.person, error)
            return page(console, request, "tutor/courses.html", shown, status)

    def course_page(request: Request, course_id: int, status: int = 200, **more: Any) -> Response:
        with console.read() as session:
            course = require_course(session, request.state.visitor.person, course_id)
            shown = _course(session, course, **more)
            return page(console, request, "tutor/course.html", shown, status)

    def change(request: Request, course_id: int, notice: str, action: Callable[[Session, Person], None]) -> Response:
        try:
            with console.database.write() as session:
                action(session, request.state.visitor.person)
        except UsageError as error:
            return course_page(request, course_id, 400, error=Complaint(error.message, error.remedy))
        return RedirectResponse(f"/tutor/courses/{course_id}?notice={notice}", 303)

    @router.get("")
    def home(request: Request) -> Response:
        return home_page(request)

    @router.get("/{course_id}")
    def course(request: Request, course_id: Number, notice: str = "") -> Response:
        return course_page(request, course_id, notice=notice if notice in ("made", "saved", "enrolled") else "")

    @router.post("/{course_id}/enrol")
    def enrol_people(
        request: Request, course_id: Number, person: Annotated[list[int] | None, Form()] = None
    ) -> Response:
        def action(session: Session, trainer: Person) -> None:
            if not person:
                raise UsageError("nobody is chosen", "tick the people who are to take the course")
            for one in person[:_MOST_ENROLLED]:
                enrol(session, trainer, course_id, one)

        return change(request, course_id, "enrolled", action)

    @router.post("/{course_id}/close")
    def close(request: Request, course_id: Number) -> Response:
        return change(request, course_id, "saved", lambda session, trainer: close_course(session, trainer, course_id))

    @router.post("/{course_id}/end")
    def end(request: Request, course_id: Number, enrolment: Annotated[int, Form(ge=1, le=2**31 - 1)]) -> Response:
        def action(session: Session, trainer: Person) -> None:
            row = session.get(EnrolmentRow, enrolment)
            if row is None or row.course_id != course_id:
                raise UsageError(f"there is no enrolment {enrolment}", "reload the course")
            end_enrolment(session, trainer, enrolment)

        return change(request, course_id, "saved", action)

    return router


def require_course(session: Session, trainer: Person, course_id: int) -> CourseRow:
    """A course of this trainer, without a lock. Raises NotFound for any other."""
    course = session.get(CourseRow, course_id)
    if course is None or course.trainer_id != trainer.id:
        raise NotFound(f"course {course_id} is not yours", "choose one of your courses, or make one")
    return course


def own_courses(session: Session, trainer: Person) -> list[CourseRow]:
    """Of a trainer, newest first."""
    wanted = select(CourseRow).where(CourseRow.trainer_id == trainer.id).order_by(CourseRow.id.desc())
    return list(session.scalars(wanted))


def weak_spots(judged: list[Judged]) -> list[tuple[str, Figures]]:
    """The classes found least often, where there are enough cases to say so."""
    found = [(label, one) for label, one in by_class(judged).items() if one.answers.hit_rate.of >= _LEAST]
    return found[:_WEAK]


def _learners(session: Session, course: CourseRow, judged: list[Judged]) -> list[Learner]:
    theirs, until = by_person(judged), now()
    nothing = figures([])
    return [
        Learner(one, theirs.get(one.person.id, nothing), training_time(session, one.person.id, until))
        for one in people_in(session, course.id)
    ]


def _courses(session: Session, trainer: Person, error: Complaint | None) -> CoursesPage:
    lines, learners, all_judged = [], [], []
    for course in own_courses(session, trainer):
        judged = gather(session, Selection(course_id=course.id))
        here = _learners(session, course, judged)
        done = sum(one.progress.completed_at is not None for one in here)
        lines.append(CourseLine(course, len(here), done, len(course.versions[-1].steps)))
        learners += here
        all_judged += judged
    held = holdings(session, now())
    usable = select(func.count()).where(PictureRow.retired_at.is_(None), PictureRow.detections.is_not(None))
    library = {
        "images": held.images,
        "harmless": held.harmless,
        "articles": held.articles,
        "with_aid": session.scalar(usable) or 0,
    }
    return CoursesPage(lines, learners, weak_spots(all_judged), library, tuple(PLANS), error)


def _course(session: Session, course: CourseRow, notice: str = "", error: Complaint | None = None) -> CoursePage:
    judged = gather(session, Selection(course_id=course.id))
    learners = _learners(session, course, judged)
    taking = {one.progress.person.id for one in learners}
    newest = course.versions[-1]
    others = [
        (row.id, row.name, row.login, row.role)
        for row in people(session)
        if row.id not in taking and row.disabled_at is None and may(Role(row.role), Permission.LEARN)
    ]
    # Whoever screens parcels first: they are who trains.
    others.sort(key=lambda one: (not may(Role(one[3]), Permission.SCREEN), one[1].casefold()))
    older = sum(one.progress.enrolment.version_id != newest.id for one in learners)
    can_report = len({one.person_id for one in judged}) >= LEAST_GROUP
    return CoursePage(
        course, newest.steps, newest.number, learners, others, older, weak_spots(judged), can_report, notice, error
    )
