"""The pages officers work at, and the records of parcels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ...configs.loading import shipped
from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ...inference.verdicts import Verdict
from ..audit.chain import append
from ..desk.item_id import parse_item_id
from ..desk.journal import brief
from ..desk.lane_states import lane_titles, lanes_json
from ..people.roles import Permission
from ..storage.tables import AuditRow, DecisionRow, OpeningRow, ParcelRow, ParcelState, PersonRow
from .console import Console
from .contexts import Complaint, DeskPage, HelpPage, OpeningsPage, ParcelPage, ParcelsPage
from .desk_api import Number
from .parcel_json import parcel_json
from .parcels_api import require_parcel
from .render import page

_PAGE = 50
Short = Annotated[str, Query(max_length=80)]


def pages_router(console: Console) -> APIRouter:
    """Start page, desk, openings, parcels, help."""
    router = APIRouter(include_in_schema=False)
    looks = looks_json()

    @router.get("/")
    def start(request: Request) -> Response:
        person = request.state.visitor.person
        places = {
            Permission.SUPERVISE: "/supervisor",
            Permission.SCREEN: "/desk",
            Permission.TRAIN_PEOPLE: "/tutor/courses",
            Permission.ADMINISTER: "/people",
        }
        where = next((path for permission, path in places.items() if person.may(permission)), "/help")
        return RedirectResponse(where, 303)

    @router.get("/desk")
    def desk(request: Request) -> Response:
        with console.read() as session:
            row = session.get_one(PersonRow, request.state.visitor.person.id)
            shown = DeskPage(
                procedure=console.procedure,
                lanes=lanes_json(session),
                preferences=row.preferences,
                classes=tuple(TAXONOMY.classes),
                looks=looks,
                has_lanes=console.settings.has_lanes,
            )
        return page(console, request, "desk.html", shown)

    @router.get("/openings")
    def openings(request: Request) -> Response:
        with console.read() as session:
            shown = OpeningsPage(_to_open(session), _opened(session), console.procedure.findings)
        return page(console, request, "openings.html", shown)

    @router.get("/parcels")
    def parcels(
        request: Request,
        q: Short = "",
        state: Short = "",
        verdict: Short = "",
        lane: Short = "",
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    ) -> Response:
        query = {"q": q, "state": state, "verdict": verdict, "lane": lane}
        error = None
        with console.read() as session:
            try:
                found = list(session.scalars(_search(query, before).limit(_PAGE + 1)))
            except UsageError as refusal:
                found, error = [], Complaint(refusal.message, refusal.remedy)
            shown = ParcelsPage(
                parcels=[brief(parcel) for parcel in found[:_PAGE]],
                query=query,
                lanes=lane_titles(session),
                states=tuple(map(str, ParcelState)),
                verdicts=tuple(map(str, Verdict)),
                next_before=found[_PAGE - 1].id if len(found) > _PAGE else None,
                error=error,
            )
        return page(console, request, "parcels.html", shown)

    @router.get("/parcels/{parcel_id}")
    def parcel(request: Request, parcel_id: Number) -> Response:
        person = request.state.visitor.person
        with console.database.write() as session:
            row = require_parcel(session, parcel_id)
            append(session, person.login, "looked up", f"parcel {row.id}", {})
            shown = ParcelPage(
                parcel_json(session, row, person, console.procedure, console.site_figures.get()),
                _history(session, f"parcel {row.id}"),
            )
        return page(console, request, "parcel.html", shown)

    @router.get("/help")
    def help_page(request: Request) -> Response:
        return page(console, request, "help.html", HelpPage(console.procedure))

    return router


def looks_json() -> list[Mapping[str, Any]]:
    """The palettes of configs/looks, as the viewer takes them."""
    return [
        {"name": name, **yaml.safe_load(path.read_text(encoding="utf-8"))} for name, path in shipped("looks").items()
    ]


def _search(query: Mapping[str, str], before: int | None) -> Select[Any]:
    """Newest first. Raises UsageError for what is no parcel number."""
    wanted = select(ParcelRow).order_by(ParcelRow.id.desc())
    text = query["q"].strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        wanted = wanted.where(or_(ParcelRow.id == int(text), ParcelRow.item_id == text))
    elif text:
        wanted = wanted.where(ParcelRow.item_id == parse_item_id(text).text)
    for name in ("state", "verdict", "lane"):
        if query[name]:
            wanted = wanted.where(getattr(ParcelRow, name) == query[name])
    return wanted.where(ParcelRow.id < before) if before is not None else wanted


def _to_open(session: Session) -> list[dict[str, Any]]:
    wanted = select(ParcelRow).where(ParcelRow.state == ParcelState.OPENING).order_by(ParcelRow.id).limit(200)
    return [
        brief(parcel) | {"declared": parcel.declared} | _last_decision(session, parcel)
        for parcel in session.scalars(wanted)
    ]


def _last_decision(session: Session, parcel: ParcelRow) -> dict[str, Any]:
    wanted = (
        select(DecisionRow, PersonRow.name)
        .join(PersonRow, DecisionRow.person_id == PersonRow.id)
        .where(DecisionRow.parcel_id == parcel.id, DecisionRow.undone_at.is_(None))
        .order_by(DecisionRow.id.desc())
        .limit(1)
    )
    found = session.execute(wanted).first()
    if found is None:
        return {"decided_at": None, "decided_by": "", "note": ""}
    return {"decided_at": found[0].decided_at, "decided_by": found[1], "note": found[0].note}


def _opened(session: Session) -> list[dict[str, Any]]:
    wanted = (
        select(OpeningRow, ParcelRow, PersonRow.name)
        .join(ParcelRow, OpeningRow.parcel_id == ParcelRow.id)
        .join(PersonRow, OpeningRow.person_id == PersonRow.id)
        .order_by(OpeningRow.id.desc())
        .limit(20)
    )
    return [
        brief(parcel) | {"found": row.found, "note": row.note, "at": row.at, "person": name}
        for row, parcel, name in session.execute(wanted)
    ]


def _history(session: Session, subject: str) -> list[dict[str, Any]]:
    wanted = select(AuditRow).where(AuditRow.subject == subject).order_by(AuditRow.number.desc()).limit(100)
    return [
        {"number": row.number, "at": row.at, "person": row.person, "action": row.action, "details": row.details}
        for row in session.scalars(wanted)
    ]
