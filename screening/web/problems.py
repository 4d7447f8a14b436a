"""Every refusal in one form: a page for people, ``{"error": …, "remedy": …}`` for programs; nothing of a stack."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from jinja2 import TemplateError
from starlette.exceptions import HTTPException

from ...detector.errors import ParcelSightError, StorageError
from ..desk.decisions import NotYours
from ..people.accounts import LoginRefused
from ..tutor.answers import AnsweredAlready
from .console import Console
from .contexts import Complaint, ErrorPage
from .guard import Forbidden, NotFound, SignInNeeded, Visitor, identify
from .language import refusal
from .render import language_of, page

_log = logging.getLogger(__name__)
_AGAIN_S = 5
_STATUS: tuple[tuple[type[ParcelSightError], int], ...] = (
    (SignInNeeded, 401),
    (Forbidden, 403),
    (LoginRefused, 403),
    (NotFound, 404),
    (NotYours, 409),
    (AnsweredAlready, 409),
    (StorageError, 503),
)


def install(app: FastAPI, console: Console) -> None:
    """Answer every exception in the one form."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ParcelSightError)
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
        if status == 401 and not wants_json(request):
            return _to_login(request)
        if status == 503:
            _log.error("%s %s: %s", request.method, request.url.path, error)
            return await answer(console, request, 503, f"cannot write or read: {error.message}", error.remedy)
        return await answer(console, request, status, error.message, error.remedy)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return await answer(console, request, 422, f"{where}: {first['msg']}"[:300], "correct it and send it again")

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = "there is no such page" if error.status_code == 404 else str(error.detail)
        return await answer(console, request, error.status_code, told, "begin at the start page")

    async def internal(request: Request, error: Exception) -> Response:
        _log.error("%s %s", request.method, request.url.path, exc_info=error)
        return await answer(
            console, request, 500, "something went wrong inside", "tell whoever looks after the console"
        )

    app.add_exception_handler(ParcelSightError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, internal)


async def answer(console: Console, request: Request, status: int, error: str, remedy: str = "") -> Response:
    """The refusal, as whoever asks can read it."""
    headers = {"Retry-After": str(_AGAIN_S)} if status == 503 else {}
    if not wants_json(request):
        try:
            if not isinstance(getattr(request.state, "visitor", None), Visitor):
                request.state.visitor = await identify(console, request)
            response: Response = page(
                console, request, "error.html", ErrorPage(status, Complaint(error, remedy)), status
            )
            response.headers.update(headers)
            return response
        except (StorageError, TemplateError) as trouble:  # the page cannot be made now; the words still can be said
            _log.error("the error page: %s", trouble)
            return Response(f"{error}; {remedy}", status, headers, "text/plain; charset=utf-8")
    visitor = getattr(request.state, "visitor", None)
    language = language_of(request, visitor) if isinstance(visitor, Visitor) else "en"
    content: dict[str, Any] = {"error": refusal(language, error), "remedy": refusal(language, remedy)}
    return JSONResponse(content, status, headers)


def wants_json(request: Request) -> bool:
    """True for programs."""
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", "*/*")


def _to_login(request: Request) -> Response:
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(back if request.method == 'GET' else '/')}", 303)
