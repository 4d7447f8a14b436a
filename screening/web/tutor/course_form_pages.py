"""Making and editing a course: one form, whose buttons work without scripts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from ....detector.errors import UsageError
from ...storage.times import now
from ...tutor.courses import CoursePlan, StepPlan, create_course, edit_course
from ...tutor.plans import PLANS
from ...tutor.progress import people_in
from ...tutor.quotas import holdings
from ...tutor.tables import CourseRow, Mode
from ..console import Console
from ..contexts import Complaint
from ..language import translations
from ..render import language_of, page
from .contexts import CourseForm, minutes_of
from .course_form import Typed, changed, plan_of, typed_in, typed_of
from .course_pages import Number, require_course


async def whole_form(request: Request) -> FormData:
    """All fields of a form, whatever their names."""
    return await request.form()


Fields = Annotated[FormData, Depends(whole_form)]


def form_router(console: Console) -> APIRouter:
    """Making and editing a course: one form, whose buttons work without scripts."""
    router = APIRouter(prefix="/tutor/courses", include_in_schema=False)

    def form_page(request: Request, title: str, steps: list[Typed], status: int = 200, course_id: int | None = None,
                  error: Complaint | None = None) -> Response:  # fmt: skip
        with console.read() as session:
            has = holdings(session, now()).by_class
            taking = len(people_in(session, course_id)) if course_id is not None else 0
        try:
            minutes = minutes_of(plan_of(title or "-", steps))
        except UsageError:
            minutes = 0
        shown = CourseForm(title, steps, course_id, taking, minutes, has, error)
        return page(console, request, "tutor/course_form.html", shown, status)

    def save(request: Request, form: FormData, course_id: int | None) -> Response:
        title, steps, action = str(form.get("title", ""))[:200], typed_in(form), str(form.get("action", "save"))
        if action != "save":
            return form_page(request, title, changed(steps, action), course_id=course_id)
        try:
            plan = plan_of(title, steps)
            with console.database.write() as session:
                trainer = request.state.visitor.person
                if course_id is None:
                    saved = create_course(session, trainer, plan).id
                else:
                    saved = edit_course(session, trainer, course_id, plan).course_id
        except UsageError as error:
            return form_page(request, title, steps, 400, course_id, Complaint(error.message, error.remedy))
        return RedirectResponse(f"/tutor/courses/{saved}?notice={'made' if course_id is None else 'saved'}", 303)

    @router.get("/new")
    def new(request: Request, template: Annotated[str, Query(max_length=40)] = "starter") -> Response:
        said = translations(language_of(request, request.state.visitor)).gettext
        plan = PLANS.get(template, PLANS["starter"])("-")
        steps = [step | {"title": said(step["title"])} for step in typed_of(plan)]
        return form_page(request, "", steps)

    @router.post("")
    def create(request: Request, form: Fields) -> Response:
        return save(request, form, None)

    @router.get("/{course_id}/edit")
    def edit(request: Request, course_id: Number) -> Response:
        with console.read() as session:
            course = require_course(session, request.state.visitor.person, course_id)
            plan = plan_from(course)
        return form_page(request, plan.title, typed_of(plan), course_id=course_id)

    @router.post("/{course_id}/edit")
    def update(request: Request, course_id: Number, form: Fields) -> Response:
        with console.read() as session:
            require_course(session, request.state.visitor.person, course_id)
        return save(request, form, course_id)

    return router


def plan_from(course: CourseRow) -> CoursePlan:
    """The newest version of a course, as a plan."""
    steps = tuple(
        StepPlan(
            title=step.title,
            mode=Mode(step.mode),
            labels=tuple(step.labels),
            aid=step.aid,
            pictures=step.pictures,
            threat_share=step.threat_share,
            target=step.target,
            limit_s=step.limit_s,
        )
        for step in course.versions[-1].steps
    )
    return CoursePlan(title=course.title, steps=steps)
