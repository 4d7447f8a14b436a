"""What belongs to one person: language, password, theme, hotkeys."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Form, Request, Response
from fastapi.responses import RedirectResponse

from ...detector.errors import UsageError
from ..people import sessions
from ..people.accounts import change_password
from ..people.roles import Permission
from ..storage.tables import PersonRow
from .console import Console
from .contexts import Complaint, MePage
from .guard import COOKIE
from .language import LANGUAGES
from .render import page, set_cookie

Line = Annotated[str, Form(max_length=1000)]
_MOST_CHARS = 16_384


def me_router(console: Console) -> APIRouter:
    """The page /me and the routes under /api/me."""
    router = APIRouter()

    def shown(request: Request, status: int = 200, **more: Any) -> Response:
        person = request.state.visitor.person
        with console.read() as session:
            preferences = session.get_one(PersonRow, person.id).preferences
        return page(console, request, "me.html", MePage(person, preferences, **more), status)

    @router.get("/me", include_in_schema=False)
    def me(request: Request, notice: str = "") -> Response:
        return shown(request, notice=notice if notice in ("saved", "password changed") else "")

    @router.post("/me", include_in_schema=False)
    def save(request: Request, language: Line) -> Response:
        if language not in LANGUAGES:
            return shown(request, 400, error=Complaint("this language is not there", "choose one of the list"))
        with console.database.write() as session:
            session.get_one(PersonRow, request.state.visitor.person.id).language = language
        return RedirectResponse("/me?notice=saved", 303)

    @router.post("/me/password", include_in_schema=False)
    def password(request: Request, old: Line, password: Line, password_again: Line) -> Response:
        person = request.state.visitor.person
        try:
            if password != password_again:
                raise UsageError("the two new passwords differ", "type the same one twice")
            with console.database.write() as session:
                change_password(session, person, old, password)
                sessions.end_all(session, person.id)  # whoever else is in with the old one is out
                opened = sessions.begin(session, person)
        except UsageError as error:
            return shown(request, 400, error=Complaint(error.message, error.remedy))
        response = RedirectResponse("/me?notice=password+changed", 303)
        set_cookie(console, response, COOKIE, opened)
        return response

    @router.get("/api/me", tags=["me"], summary="Who is signed in")
    def who(request: Request) -> dict[str, Any]:
        visitor = request.state.visitor
        person = visitor.person
        return {
            "login": person.login,
            "name": person.name,
            "role": str(person.role),
            "language": person.language,
            "csrf_token": visitor.csrf_token,
            "permissions": [str(permission) for permission in Permission if person.may(permission)],
        }

    @router.get("/api/me/preferences", tags=["me"], summary="One's own hotkeys, presets, theme")
    def preferences(request: Request) -> dict[str, Any]:
        with console.read() as session:
            return session.get_one(PersonRow, request.state.visitor.person.id).preferences

    @router.put("/api/me/preferences", tags=["me"], summary="Keep one's own hotkeys, presets, theme")
    def keep(request: Request, wanted: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        try:
            text = json.dumps(wanted, allow_nan=False)
        except ValueError as error:
            raise UsageError("preferences hold a number that is none", "send plain JSON") from error
        if len(text) > _MOST_CHARS:
            raise UsageError(f"preferences are longer than {_MOST_CHARS} characters", "keep fewer presets")
        if "\\u0000" in text or "\\ud" in text.lower():
            raise UsageError("preferences hold characters that are no text", "send plain text")
        with console.database.write() as session:
            session.get_one(PersonRow, request.state.visitor.person.id).preferences = wanted
        return wanted

    return router
