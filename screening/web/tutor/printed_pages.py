"""Where certificates and result sheets are fetched."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ...audit.chain import append, head_of
from ...storage.times import now
from ...tutor.hours import training_time
from ...tutor.progress import progress_of
from ...tutor.results import Selection, figures, gather
from ...tutor.tables import Mode
from ..console import Console
from ..guard import NotFound
from ..render import language_of
from .course_pages import Number
from .printed import Words, certificate, result_sheet
from .results_pages import Wanted, find, lanes_of, tables_of

_PDF = "application/pdf"


def printed_router(console: Console) -> APIRouter:
    """Two kinds of PDF."""
    router = APIRouter(prefix="/tutor", include_in_schema=False)

    @router.get("/results.pdf")
    def sheet(request: Request, query: Wanted) -> Response:
        viewer, words = request.state.visitor.person, Words(language_of(request, request.state.visitor))
        with console.database.write() as session:
            found = find(session, viewer, query)
            subject = f"person {found.person.login}" if found.person else f"course {query['course']}"
            append(session, viewer.login, "exported training results", subject, {"form": "pdf"})
            tables, lanes = tables_of(session, found), lanes_of(session, query, found)
            who, course = found.person.name if found.person else "", found.course.title if found.course else ""
        at_lanes = lanes.rates if lanes is not None else {}
        made = result_sheet(who, course, figures(found.judged), tables, at_lanes, now(), words)
        return _attached(made, "parcelsight-training.pdf")

    @router.get("/certificates/{enrolment_id}.pdf")
    def paper(request: Request, enrolment_id: Number) -> Response:
        viewer, words = request.state.visitor.person, Words(language_of(request, request.state.visitor))
        with console.database.write() as session:
            progress = progress_of(session, enrolment_id)
            if progress is None or viewer.id not in (progress.enrolment.person_id, progress.course.trainer_id):
                raise NotFound(f"there is no certificate {enrolment_id} of yours", "see your training")
            if progress.completed_at is None:
                raise NotFound("the course is not done yet", "take the steps that are left")
            person = progress.person
            selection = Selection(person.id, progress.course.id, modes=(Mode.EXAMINATION,))
            examined = figures(gather(session, selection))
            time = training_time(session, person.id, progress.completed_at)
            told = {"course": progress.course.id}
            append(session, viewer.login, "certificate made", f"person {person.login}", told)
            number = head_of(session).number
        made = certificate(progress, examined, time, number, words)
        return _attached(made, f"parcelsight-certificate-{enrolment_id}.pdf")

    return router


def _attached(content: bytes, name: str) -> Response:
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, _PDF)
