"""What supervisors see: figures as pages, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..audit.chain import append
from ..desk.figures import ClassFigures, Period, Truth, Work, by_class, truth, work
from ..desk.lane_states import lane_titles, lanes_json
from ..people.accounts import people, require_row
from ..rates import Rate
from ..storage.tables import DecisionRow, ParcelRow, PersonRow
from ..storage.times import now
from .console import Console
from .contexts import ClassesPage, SupervisorPage
from .desk_api import counts
from .render import page
from .seizures import MOST_ROWS, openings, seizures

Hours = Annotated[int, Query(ge=1, le=24 * 366)]
Name = Annotated[str, Query(max_length=64)]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def figures_router(console: Console) -> APIRouter:
    """Supervisor's pages, figures and tables."""
    router = APIRouter()

    @router.get("/supervisor", include_in_schema=False)
    def supervisor(request: Request, hours: Hours = 24, lane: Name = "", person: Name = "") -> Response:
        with console.read() as session:
            period = _period(session, hours, lane, person)
            shown = SupervisorPage(
                period, hours, lane, person, work(session, period), truth(session, period), lanes_json(session),
                counts(session), [(row.login, row.name) for row in people(session)], _query(hours, lane, person),
            )  # fmt: skip
        return page(console, request, "supervisor.html", shown)

    @router.get("/supervisor/classes", include_in_schema=False)
    def classes(request: Request, hours: Hours = 24 * 30, lane: Name = "") -> Response:
        with console.read() as session:
            period = _period(session, hours, lane, "")
            titles = lane_titles(session)
            shown = ClassesPage(period, hours, lane, by_class(session, period), titles, _query(hours, lane, ""))
        return page(console, request, "supervisor_classes.html", shown)

    @router.get("/api/figures", tags=["figures"], summary="Work and agreement in a period")
    def figures(hours: Hours = 24, lane: Name = "", person: Name = "") -> dict[str, Any]:
        with console.read() as session:
            period = _period(session, hours, lane, person)
            return {"work": _work(work(session, period)), "truth": _truth(truth(session, period))}

    @router.get("/api/figures/classes", tags=["figures"], summary="Alarms by class, and how many were wrong")
    def class_figures(hours: Hours = 24 * 30, lane: Name = "") -> dict[str, Any]:
        with console.read() as session:
            return {"classes": [_class(one) for one in by_class(session, _period(session, hours, lane, ""))]}

    @router.get("/supervisor/{table}.csv", include_in_schema=False)
    def table_csv(
        request: Request,
        table: Annotated[str, Path(pattern="^(decisions|hours|classes|openings|seizures)$")],
        hours: Hours = 24,
        lane: Name = "",
        person: Name = "",
    ) -> Response:
        makers = {
            "decisions": _decisions,
            "hours": _hours,
            "classes": _classes,
            "openings": openings,
            "seizures": seizures,
        }
        with console.read() as session:  # a season takes seconds, in which desks go on writing
            text = _csv(makers[table](session, _period(session, hours, lane, person)))
        with console.database.write() as session:
            author = request.state.visitor.person.login
            append(session, author, "exported figures", table, {"hours": hours, "lane": lane, "person": person})
        headers = {"Content-Disposition": f'attachment; filename="parcelsight-{table}.csv"'}
        return Response(text, 200, headers, "text/csv; charset=utf-8")

    return router


def _period(session: Session, hours: int, lane: str, person: str) -> Period:
    until = now()
    person_id = require_row(session, person).id if person else None
    return Period(until - timedelta(hours=hours), until, lane or None, person_id)


def _query(hours: int, lane: str, person: str) -> str:
    return urlencode({"hours": hours, "lane": lane, "person": person})


def rate_json(rate: Rate) -> dict[str, Any]:
    """A rate with its interval; ``is_few`` says that it proves little."""
    low, high = rate.interval
    return {"count": rate.count, "of": rate.of, "value": rate.value, "low": low, "high": high, "is_few": rate.is_few}


def _work(found: Work) -> dict[str, Any]:
    return {
        "parcels": found.parcels,
        "verdicts": dict(found.verdicts),
        "decisions": dict(found.decisions),
        "undone": found.undone,
        "took_ms": found.took_ms,
        "by_hour": [{"at": at.isoformat(), "decisions": count} for at, count in sorted(found.by_hour.items())],
        "alarm_rate": rate_json(found.alarm_rate),
        "override_rate": rate_json(found.override_rate),
        "second_look_rate": rate_json(found.second_look_rate),
    }


def _truth(found: Truth) -> dict[str, Any]:
    rates = {"alarm_right": rate_json(found.alarm_right), "officer_right": rate_json(found.officer_right)}
    return {"opened": found.opened, "found": found.found, "missed": found.missed, **rates}


def _class(found: ClassFigures) -> dict[str, Any]:
    return asdict(found) | {"wrong": rate_json(found.wrong)}


Rows = Iterable[Iterable[Any]]


def _decisions(session: Session, period: Period) -> Rows:
    yield (
        "id",
        "decided_at",
        "person",
        "parcel",
        "item_id",
        "lane",
        "verdict",
        "decision",
        "reason",
        "took_ms",
        "undone",
    )
    wanted = (
        select(DecisionRow, ParcelRow, PersonRow.login)
        .join(ParcelRow, DecisionRow.parcel_id == ParcelRow.id)
        .join(PersonRow, DecisionRow.person_id == PersonRow.id)
        .where(DecisionRow.decided_at >= period.since, DecisionRow.decided_at < period.until)
        .order_by(DecisionRow.id)
        .limit(MOST_ROWS)
    )
    if period.lane is not None:
        wanted = wanted.where(ParcelRow.lane == period.lane)
    if period.person_id is not None:
        wanted = wanted.where(DecisionRow.person_id == period.person_id)
    for row, parcel, login in session.execute(wanted):
        yield (
            row.id, row.decided_at.isoformat(), login, parcel.id, parcel.item_id or "", parcel.lane, parcel.verdict,
            row.kind, row.reason, row.took_ms, int(row.undone_at is not None),
        )  # fmt: skip


def _hours(session: Session, period: Period) -> Rows:
    yield "hour_utc", "decisions"
    for at, count in sorted(work(session, period).by_hour.items()):
        yield at.isoformat(), count


def _classes(session: Session, period: Period) -> Rows:
    yield "class", "alarms", "judged", "wrong", "wrong_low", "wrong_high", "missed"
    for one in by_class(session, period):
        low, high = one.wrong.interval
        yield one.label, one.alarms, one.wrong.of, one.wrong.count, f"{low:.4f}", f"{high:.4f}", one.missed


def _csv(rows: Rows) -> str:
    """RFC 4180; what a spreadsheet would take for a formula is made text."""
    file = io.StringIO()
    writer = csv.writer(file)
    for row in rows:
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row])
    return file.getvalue()
