"""The audit record, to read. ``parcelsight audit verify`` tells whether it is whole."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from ..audit.chain import head_of
from ..storage.tables import AuditRow
from .console import Console
from .contexts import AuditPage
from .render import page

_PAGE = 100


def audit_router(console: Console) -> APIRouter:
    """The route /audit."""
    router = APIRouter(include_in_schema=False)

    @router.get("/audit")
    def audit(
        request: Request,
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        person: Annotated[str, Query(max_length=64)] = "",
        action: Annotated[str, Query(max_length=60)] = "",
    ) -> Response:
        wanted = select(AuditRow).order_by(AuditRow.number.desc()).limit(_PAGE + 1)
        if before is not None:
            wanted = wanted.where(AuditRow.number < before)
        if person:
            wanted = wanted.where(AuditRow.person == person)
        if action:
            wanted = wanted.where(AuditRow.action == action)
        with console.read() as session:
            rows = list(session.scalars(wanted))
            head = head_of(session)
            shown = AuditPage(
                entries=[_entry(row) for row in rows[:_PAGE]],
                query={"person": person, "action": action},
                next_before=rows[_PAGE - 1].number if len(rows) > _PAGE else None,
                head_number=head.number,
                head_digest=head.digest.hex(),
            )
        return page(console, request, "audit.html", shown)

    return router


def _entry(row: AuditRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": row.at,
        "person": row.person,
        "action": row.action,
        "subject": row.subject,
        "details": json.loads(row.details),
    }
