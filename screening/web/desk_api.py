"""What the desk page asks for while an officer works: the next parcel, decisions, marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..desk import queue
from ..desk.decisions import NotYours, Wish, decide, undo
from ..desk.journal import brief, tell_parcel
from ..desk.marks import mark_alarm, mark_missed, take_back
from ..desk.openings import record_opening
from ..people.accounts import Person
from ..storage.tables import DecisionRow, OpeningRow, ParcelRow, ParcelState
from ..storage.times import now
from .console import Console
from .parcel_json import decision_json, mark_json, opening_json, parcel_json
from .requests import DecisionBody, LaneName, MarkBody, NextBody, OpeningBody, ParcelBody

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_SHOWN, _MINE = 50, 12
_COUNTED = (ParcelState.WAITING, ParcelState.SECOND_LOOK, ParcelState.HELD, ParcelState.OPENING)


def desk_router(console: Console) -> APIRouter:
    """The routes under /api/desk, and openings."""
    router = APIRouter(prefix="/api", tags=["desk"])
    procedure = console.procedure

    def whole(session: Session, parcel: ParcelRow | None, person: Person) -> dict[str, Any] | None:
        if parcel is None:
            return None
        return parcel_json(session, parcel, person, procedure, console.site_figures.get())

    def take(session: Session, person: Person, lane: str | None) -> dict[str, Any] | None:
        """The next parcel, as the page gets it; who sees it is told to the others."""
        parcel = queue.take_next(session, person, procedure, lane)
        if parcel is not None:
            session.refresh(parcel)
            console.tip.taken(parcel.id)
            tell_parcel(session, parcel, "taken")
        return whole(session, parcel, person)

    @router.get("/desk/queue", summary="What waits, and what one decided last")
    def waiting(request: Request, lane: Annotated[LaneName | None, Query()] = None) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.read() as session:
            return {
                "waiting": [brief(parcel) for parcel in queue.waiting(session, person, lane, _SHOWN)],
                "counts": counts(session),
                "mine": _mine(session, person, console),
            }

    @router.post("/desk/next", summary="Take the next parcel, or go on with the one at hand")
    def next_parcel(request: Request, body: NextBody) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            parcel = take(session, person, body.lane)
            return {"parcel": parcel, "waiting": queue.waiting_count(session, person, body.lane)}

    @router.post("/desk/take/{parcel_id}", summary="Take a certain parcel")
    def take_one(request: Request, parcel_id: Number) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            parcel = queue.take_one(session, person, procedure, parcel_id)
            if parcel is None:
                raise NotYours(f"parcel {parcel_id} does not wait for you", "go on with the next one")
            console.tip.taken(parcel.id)
            tell_parcel(session, parcel, "taken")
            return {"parcel": whole(session, parcel, person)}

    @router.post("/desk/renew", summary="The page is still there")
    def renew(request: Request, body: ParcelBody) -> dict[str, Any]:
        with console.database.write() as session:
            person = request.state.visitor.person
            held = queue.renew(session, person, body.parcel_id, procedure)
            over = console.tip.overdue(session, person, body.parcel_id) if held else None
        if over is not None:
            console.tip.let_go(over)
        until = now() + timedelta(seconds=procedure.lease_s)
        told = {"held": held, "lease_until": until.isoformat(timespec="milliseconds") if held else None}
        return told | ({"projected": over.to_json()} if over is not None else {})

    @router.post("/desk/put-back", summary="Let go of a parcel undecided")
    def put_back(request: Request, body: ParcelBody) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            parcel = session.get(ParcelRow, body.parcel_id)
            if parcel is not None and queue.holds(parcel, person, now()):
                queue.put_back(session, person, parcel.id)
                session.refresh(parcel)
                append(session, person.login, "put back", f"parcel {parcel.id}", {})
                tell_parcel(session, parcel, "put back")
        return {}

    @router.post("/desk/decisions", summary="Decide a parcel")
    def decide_parcel(request: Request, body: DecisionBody) -> dict[str, Any]:
        """Once acknowledged it is on disk; sent again with the same ``request_id`` it changes nothing."""
        person = request.state.visitor.person
        sent = body.model_dump(include={"request_id", "parcel_id", "kind", "reason", "note", "took_ms", "aid_shown"})
        with console.write() as session:
            revealed = console.tip.answer(session, person, Wish(**sent), procedure)
            if revealed is not None:
                parcel = session.get_one(ParcelRow, revealed.parcel_id)
                shown = whole(session, parcel, person)
                count = queue.waiting_count(session, person, body.lane)
            else:
                row = decide(session, person, Wish(**sent), procedure)
                tell_parcel(session, session.get_one(ParcelRow, row.parcel_id), "decided")
                told = decision_json(row, procedure)
        if revealed is not None:
            console.tip.let_go(revealed)
            return {"projected": revealed.to_json(), "decision": None, "next": shown, "waiting": count}
        # Of its own: a decision stands, whatever becomes of the next parcel.
        following: dict[str, Any] = {"next": None}
        with console.write() as session:
            if body.next:
                following["next"] = take(session, person, body.lane)
            count = queue.waiting_count(session, person, body.lane)
        return {"decision": told, **following, "waiting": count, "undo_until": told["undo_until"]}

    @router.post("/desk/decisions/{decision_id}/undo", summary="Take one's own last decision back")
    def take_decision_back(request: Request, decision_id: Number) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            parcel = undo(session, person, decision_id, procedure)
            queue.put_back_others(session, person, parcel.id)
            session.flush()
            tell_parcel(session, parcel, "undone")
            return {"parcel": whole(session, parcel, person)}

    @router.post("/desk/marks", summary="Say whether an alarm was right, or mark what was missed")
    def mark(request: Request, body: MarkBody) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.database.write() as session:
            if body.detection_id is not None:
                row = mark_alarm(session, person, body.scan_id, body.detection_id, body.right, body.request_id)
            elif body.xyxy_px is not None:
                row = mark_missed(session, person, body.scan_id, body.label, body.xyxy_px, body.request_id)
            else:
                raise UsageError("a mark names an alarm or a box", "send detection_id, or label and xyxy_px")
            return {"mark": mark_json(row, person, {})}

    @router.delete("/desk/marks/{mark_id}", summary="Take a mark back")
    def unmark(request: Request, mark_id: Number) -> dict[str, Any]:
        with console.database.write() as session:
            take_back(session, request.state.visitor.person, mark_id)
        return {}

    @router.post("/openings", summary="Record what an opened parcel held")
    def opening(request: Request, body: OpeningBody) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            row: OpeningRow = record_opening(
                session, person, body.parcel_id, body.request_id, body.found, body.note, procedure
            )
            tell_parcel(session, session.get_one(ParcelRow, row.parcel_id), "opened")
            return {"opening": opening_json(row, {person.id: person.name})}

    return router


def counts(session: Session) -> dict[str, int]:
    """How many parcels are in each state that somebody must act on."""
    wanted = select(ParcelRow.state, func.count()).where(ParcelRow.state.in_(_COUNTED)).group_by(ParcelRow.state)
    found = {str(state): count for state, count in session.execute(wanted)}
    return {str(state).replace(" ", "_"): found.get(str(state), 0) for state in _COUNTED}


def _mine(session: Session, person: Person, console: Console) -> list[dict[str, Any]]:
    wanted = (
        select(DecisionRow, ParcelRow.item_id)
        .join(ParcelRow, DecisionRow.parcel_id == ParcelRow.id)
        .where(DecisionRow.person_id == person.id, DecisionRow.decided_at > now() - timedelta(hours=12))
        .order_by(DecisionRow.id.desc())
        .limit(_MINE)
    )
    return [
        decision_json(row, console.procedure) | {"decision_id": row.id, "item_id": item_id}
        for row, item_id in session.execute(wanted)
    ]
