"""In and out: first setup, invitations, login, logout."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from ...detector.errors import UsageError
from ..people import invitations, sessions
from ..people.accounts import LoginRefused, check_password, person_of, require_row
from .console import Console
from .contexts import Complaint, InvitationPage, LoginPage, SetupPage
from .guard import COOKIE, LANGUAGE_COOKIE, NotFound
from .language import LANGUAGES
from .render import language_of, page, set_cookie

Token = Annotated[str, Path(max_length=200)]
Line = Annotated[str, Form(max_length=1000)]
DEMO_LOGINS = {"operator": "demo-operator", "supervisor": "demo-supervisor", "admin": "demo-admin"}


def signin_router(console: Console) -> APIRouter:
    """The routes for people who are not in yet, and for leaving."""
    router = APIRouter(include_in_schema=False)

    @router.get("/setup/{token}")
    def setup(request: Request, token: Token) -> Response:
        with console.read() as session:
            invitations.invited(session, token)
        language = language_of(request, request.state.visitor)
        return page(console, request, "setup.html", SetupPage(token, language=language))

    @router.post("/setup/{token}")
    def set_up(
        request: Request,
        token: Token,
        login: Line,
        name: Line,
        password: Line,
        password_again: Line,
        language: Line = "en",
    ) -> Response:
        language = language if language in LANGUAGES else "en"
        try:
            _require_same(password, password_again)
            with console.database.write() as session:
                person = invitations.accept_first(session, token, login, name, password, language)
                opened = sessions.begin(session, person)
        except UsageError as error:
            shown = SetupPage(token, login, name, language, error=Complaint(error.message, error.remedy))
            return page(console, request, "setup.html", shown, 400)
        return _enter(console, opened, "/")

    @router.get("/login")
    def login_page(
        request: Request,
        next: Annotated[str, Query(max_length=500)] = "/",
        notice: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        return page(console, request, "login.html", LoginPage(next=_inside(next), notice=notice))

    @router.post("/login")
    def sign_in(request: Request, login: Line, password: Line, next: Line = "/") -> Response:
        with console.database.write() as session:
            person = check_password(session, login, password)
            opened = sessions.begin(session, person) if person is not None else ""
        if person is None:
            refused = LoginRefused(
                "login name or password is not right, or the account rests after wrong passwords",
                "type them again; after five wrong ones the account rests for 15 minutes",
            )
            shown = LoginPage(login[:64], _inside(next), Complaint(refused.message, refused.remedy))
            return page(console, request, "login.html", shown, 403)
        return _enter(console, opened, _inside(next))

    @router.post("/logout")
    def sign_out(request: Request) -> Response:
        with console.database.write() as session:
            sessions.end(session, request.state.visitor.session_token)
        response = RedirectResponse("/login?notice=signed+out", 303)
        response.delete_cookie(COOKIE, path="/")
        return response

    @router.get("/invitation/{token}")
    def invitation(request: Request, token: Token) -> Response:
        login, name = _invited(console, token)
        return page(console, request, "invitation.html", InvitationPage(token, login, name))

    @router.post("/invitation/{token}")
    def accept(request: Request, token: Token, password: Line, password_again: Line) -> Response:
        login, name = _invited(console, token)
        try:
            _require_same(password, password_again)
            with console.database.write() as session:
                invitations.accept(session, token, password)
        except UsageError as error:
            shown = InvitationPage(token, login, name, error=Complaint(error.message, error.remedy))
            return page(console, request, "invitation.html", shown, 400)
        return RedirectResponse("/login?notice=password+set", 303)

    @router.get("/demo/{token}")
    def demo(token: Token, who: Annotated[str, Query(alias="as", max_length=20)] = "operator") -> Response:
        known = console.settings.demo_token
        if not known or not hmac.compare_digest(known.encode(), token.encode("utf-8", "surrogatepass")):
            raise NotFound("this link is of no demonstration that runs", "start one: parcelsight console --demo")
        with console.database.write() as session:
            row = require_row(session, DEMO_LOGINS.get(who, DEMO_LOGINS["operator"]))
            opened = sessions.begin(session, person_of(row))
        return _enter(console, opened, "/")

    @router.post("/language")
    def language(request: Request, language: Line, next: Line = "/login") -> Response:
        response = RedirectResponse(_inside(next), 303)
        set_cookie(console, response, LANGUAGE_COOKIE, language if language in LANGUAGES else "en")
        return response

    return router


def _invited(console: Console, token: str) -> tuple[str, str]:
    with console.read() as session:
        row = invitations.invited(session, token)
        if row is None:
            raise UsageError("this link is for the first administrator", "open the setup link in the browser")
        return row.login, row.name


def _require_same(password: str, again: str) -> None:
    if password != again:
        raise UsageError("the two passwords differ", "type the same one twice")


def _enter(console: Console, token: str, where: str) -> Response:
    response = RedirectResponse(where, 303)
    set_cookie(console, response, COOKIE, token)
    return response


def _inside(where: str) -> str:
    """A place of this console: never another site's."""
    inside = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if inside else "/"
