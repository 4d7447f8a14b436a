"""Results: for the person themselves, and for the trainer of the course; as a page and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from ....detector.errors import UsageError
from ...audit.chain import append
from ...people.accounts import Person
from ...people.roles import Permission
from ...storage.secret_file import load_or_make_secret
from ...storage.tables import PersonRow
from ...storage.times import now
from ...tutor.detection_theory import roc_points
from ...tutor.factors import Factor
from ...tutor.hours import training_time
from ...tutor.reports import group_report, results_of, to_csv
from ...tutor.results import (
    Figures,
    Judged,
    Selection,
    aid_comparison,
    by_class,
    by_factor,
    by_month,
    by_person,
    figures,
    gather,
    learning_curve,
)
from ...tutor.tables import CourseRow, EnrolmentRow, Mode
from ...tutor.tip_results import TipFigures, tip_figures
from ..console import Console
from ..guard import Forbidden
from ..render import page
from .contexts import ResultsPage
from .course_pages import Number, own_courses, require_course

_MONTH = timedelta(days=30.4)
_AID = {"with": True, "without": False}
_CSV = "text/csv; charset=utf-8"
_PSEUDONYMS = "pseudonyms.key"


def query_of(
    person: Annotated[str, Query(max_length=64)] = "",
    course: Annotated[str, Query(max_length=9)] = "",
    mode: Annotated[str, Query(max_length=20)] = "",
    aid: Annotated[str, Query(max_length=10)] = "",
    months: Annotated[str, Query(max_length=3)] = "",
) -> Mapping[str, str]:
    """What the page's filter says. All are text, so that "all" is an empty field."""
    return {"person": person, "course": course, "mode": mode, "aid": aid, "months": months}


Wanted = Annotated[Mapping[str, str], Depends(query_of)]


@dataclass(frozen=True, slots=True)
class Found:
    """Whose answers they are, and the answers."""

    person: PersonRow | None
    """None for everybody of a course."""
    course: CourseRow | None
    is_own: bool
    judged: list[Judged]

    @property
    def who(self) -> str:
        """Name of the person, or title of the course."""
        return self.person.name if self.person is not None else self.course.title if self.course is not None else ""


def results_router(console: Console) -> APIRouter:
    """The page, and the tables beside it."""
    router = APIRouter(prefix="/tutor", include_in_schema=False)

    @router.get("/results")
    def results(request: Request, query: Wanted) -> Response:
        viewer = request.state.visitor.person
        with console.read() as session:
            shown = _page(session, viewer, query, find(session, viewer, query))
            return page(console, request, "tutor/results.html", shown)

    @router.get("/results.csv")
    def table(request: Request, query: Wanted) -> Response:
        viewer = request.state.visitor.person
        with console.database.write() as session:
            found = find(session, viewer, query)
            rows = {"all": figures(found.judged)}
            for kind, part in tables_of(session, found).items():
                rows |= {f"{kind}: {name}": one for name, one in part.items()}
            lanes = lanes_of(session, query, found)
            append(session, viewer.login, "exported training results", _subject(found), {"rows": len(rows)})
        return _attached(to_csv(rows, lanes.rates if lanes is not None else None), "parcelsight-training.csv")

    @router.get("/courses/{course_id}/group.csv")
    def group(request: Request, course_id: Number) -> Response:
        trainer = request.state.visitor.person
        key = load_or_make_secret(console.library.folder.parent / _PSEUDONYMS, anew="reports then carry new pseudonyms")
        with console.database.write() as session:
            require_course(session, trainer, course_id)
            report = group_report(session, trainer, course_id, Selection(), key)
            append(
                session, trainer.login, "exported training results", f"course {course_id}", {"people": report.people}
            )
        return _attached(to_csv({"all": report.all, **report.by_pseudonym}), f"parcelsight-course-{course_id}.csv")

    return router


def _attached(text: str, name: str) -> Response:
    return Response(text, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, _CSV)


def _subject(found: Found) -> str:
    return f"person {found.person.login}" if found.person is not None else f"course {found.course.id}"  # type: ignore[union-attr]


def find(session: Session, viewer: Person, query: Mapping[str, str]) -> Found:
    """The answers that a filter asks for, where the viewer may see them.

    Raises:
        Forbidden: if they may not, or the filter names nobody.
    """
    try:
        return _find(session, viewer, query)
    except UsageError as error:
        raise Forbidden(error.message, error.remedy) from error


def _find(session: Session, viewer: Person, query: Mapping[str, str]) -> Found:
    selection = _selection(query)
    if not query["person"] and (selection.course_id is None or not _trains(session, viewer, selection.course_id)):
        own = session.get_one(PersonRow, viewer.id)
        course = session.get(CourseRow, selection.course_id) if selection.course_id is not None else None
        return Found(own, course, True, results_of(session, viewer, viewer.id, selection))
    if not query["person"] and selection.course_id is not None:
        return Found(None, require_course(session, viewer, selection.course_id), False, gather(session, selection))
    person = session.scalar(select(PersonRow).where(PersonRow.login == query["person"]))
    if person is None:
        raise UsageError("these results are not yours to see", "ask the person, or their trainer")
    if selection.course_id is None and person.id != viewer.id:
        selection = replace(selection, course_id=_latest_shared(session, viewer, person.id))
    course = session.get(CourseRow, selection.course_id) if selection.course_id is not None else None
    return Found(person, course, person.id == viewer.id, results_of(session, viewer, person.id, selection))


def _latest_shared(session: Session, trainer: Person, person_id: int) -> int | None:
    """The newest course of a trainer that somebody takes or took; None where there is none."""
    shared = (
        select(EnrolmentRow.course_id)
        .join(CourseRow, EnrolmentRow.course_id == CourseRow.id)
        .where(CourseRow.trainer_id == trainer.id, EnrolmentRow.person_id == person_id)
    )
    return session.scalar(shared.order_by(EnrolmentRow.id.desc()).limit(1))


def _trains(session: Session, viewer: Person, course_id: int) -> bool:
    course = session.get(CourseRow, course_id)
    return viewer.may(Permission.TRAIN_PEOPLE) and course is not None and course.trainer_id == viewer.id


def _selection(query: Mapping[str, str]) -> Selection:
    months = int(query["months"]) if query["months"].isdecimal() else 0
    return Selection(
        course_id=int(query["course"]) if query["course"].isdecimal() else None,
        since=now() - months * _MONTH if months else None,
        modes=(Mode(query["mode"]),) if query["mode"] in set(Mode) else tuple(Mode),
        aid=_AID.get(query["aid"]),
    )


def tables_of(session: Session, found: Found) -> dict[str, Mapping[str, Figures]]:
    """The figures by class, image factor, month, and person where everybody is looked at."""
    tables: dict[str, Mapping[str, Figures]] = {"class": by_class(found.judged)}
    tables |= {str(factor): by_factor(found.judged, factor) for factor in Factor}
    tables["month"] = by_month(found.judged)
    if found.person is None:
        people = by_person(found.judged)
        names = {row.id: row.name for row in session.scalars(select(PersonRow).where(PersonRow.id.in_(people)))}
        tables["person"] = dict(sorted((names[person], one) for person, one in people.items()))
    return tables


def lanes_of(session: Session, query: Mapping[str, str], found: Found) -> TipFigures | None:
    """What a person saw of the threats projected at their lanes; None of a whole course.

    At work there are no courses and kinds of exercise: of the filter the period alone counts.
    """
    return tip_figures(session, _selection(query).since, now(), found.person.id) if found.person is not None else None


def _page(session: Session, viewer: Person, query: Mapping[str, str], found: Found) -> ResultsPage:
    judged, until = found.judged, now()
    threat = [one.rating for one in judged if one.label]
    harmless = [one.rating for one in judged if not one.label]
    shown = {**query, "course": str(found.course.id) if found.course is not None else ""}
    return ResultsPage(
        query=shown,
        query_string=urlencode(shown),
        is_own=found.is_own,
        who=found.who,
        courses=_courses(session, viewer, found),
        people=_people(session, viewer),
        all=figures(judged),
        roc=roc_points(threat, harmless) if threat and harmless else (),
        curve=learning_curve(judged) if found.person is not None else (),
        tables=tables_of(session, found),
        aid=aid_comparison(judged),
        time=training_time(session, found.person.id, until) if found.person is not None else None,
        lanes=lanes_of(session, query, found),
    )


def _courses(session: Session, viewer: Person, found: Found) -> Sequence[CourseRow]:
    """To choose from: of whoever learns those they take or took, of a trainer their own."""
    if not found.is_own:
        return own_courses(session, viewer)
    taken = select(EnrolmentRow.course_id).where(EnrolmentRow.person_id == viewer.id)
    rows = list(session.scalars(select(CourseRow).where(CourseRow.id.in_(taken)).order_by(CourseRow.id.desc())))
    known = {row.id for row in rows}
    return [*rows, *(row for row in own_courses(session, viewer) if row.id not in known)]


def _people(session: Session, viewer: Person) -> list[tuple[str, str]]:
    """Whom a trainer may look at."""
    if not viewer.may(Permission.TRAIN_PEOPLE):
        return []
    theirs = (
        select(EnrolmentRow.person_id)
        .join(CourseRow, EnrolmentRow.course_id == CourseRow.id)
        .where(CourseRow.trainer_id == viewer.id)
    )
    rows = session.scalars(select(PersonRow).where(PersonRow.id.in_(theirs)).order_by(PersonRow.name))
    return [(row.login, row.name) for row in rows]
