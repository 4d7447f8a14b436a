"""Accounts: who works here, in which role, and the links by which they come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..people import accounts, invitations, sessions
from ..people.roles import Role
from ..storage.tables import PersonRow
from ..storage.times import now
from .console import Console
from .contexts import Complaint, PeoplePage, PersonLine
from .language import LANGUAGES
from .render import page

Login = Annotated[str, Path(max_length=64)]
Line = Annotated[str, Form(max_length=200)]


def people_router(console: Console) -> APIRouter:
    """The administrator's routes."""
    router = APIRouter(prefix="/people", include_in_schema=False)

    def shown(request: Request, status: int = 200, **more: object) -> Response:
        with console.read() as session:
            lines = [_line(row) for row in accounts.people(session)]
        context = PeoplePage(lines, tuple(map(str, Role)), **more)  # type: ignore[arg-type]
        return page(console, request, "people.html", context, status)

    def change(request: Request, action: Callable[[Session, str], None]) -> Response:
        try:
            with console.database.write() as session:
                action(session, request.state.visitor.person.login)
        except UsageError as error:
            return shown(request, 400, error=Complaint(error.message, error.remedy))
        return RedirectResponse("/people", 303)

    @router.get("")
    def everybody(request: Request) -> Response:
        return shown(request)

    @router.post("")
    def add(request: Request, login: Line, name: Line, role: Line, language: Line = "en") -> Response:
        author = request.state.visitor.person.login
        try:
            with console.database.write() as session:
                language = language if language in LANGUAGES else "en"
                person = accounts.create_person(session, author, login, name, _role(role), None, language)
                token = invitations.invite(session, author, session.get_one(PersonRow, person.id))
        except UsageError as error:
            typed = {"login": login, "name": name, "role": role, "language": language}
            return shown(request, 400, typed=typed, error=Complaint(error.message, error.remedy))
        return shown(request, link=_link(console, request, token), link_for=person.login)

    @router.post("/{login}/invite")
    def invite(request: Request, login: Login) -> Response:
        author = request.state.visitor.person.login
        try:
            with console.database.write() as session:
                token = invitations.invite(session, author, accounts.require_row(session, login))
        except UsageError as error:
            return shown(request, 400, error=Complaint(error.message, error.remedy))
        return shown(request, link=_link(console, request, token), link_for=login)

    @router.post("/{login}/role")
    def set_role(request: Request, login: Login, role: Line) -> Response:
        def action(session: Session, author: str) -> None:
            accounts.set_role(session, author, login, _role(role))
            sessions.end_all(session, accounts.require_row(session, login).id)

        return change(request, action)

    @router.post("/{login}/disable")
    def disable(request: Request, login: Login) -> Response:
        def action(session: Session, author: str) -> None:
            accounts.disable(session, author, login)
            sessions.end_all(session, accounts.require_row(session, login).id)

        return change(request, action)

    @router.post("/{login}/enable")
    def enable(request: Request, login: Login) -> Response:
        return change(request, lambda session, author: accounts.enable(session, author, login))

    return router


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise UsageError(f"{text[:40]!r} is no role", f"choose one of {', '.join(Role)}") from error


def _link(console: Console, request: Request, token: str) -> str:
    base = console.settings.public_url.rstrip("/") or f"http://{request.headers['host']}"
    return f"{base}/invitation/{token}"


def _line(row: PersonRow) -> PersonLine:
    resting = row.locked_until is not None and row.locked_until > now()
    return PersonLine(
        row.login, row.name, row.role, row.language, row.created_at, row.disabled_at is not None, resting,
        bool(row.password_hash),
    )  # fmt: skip
