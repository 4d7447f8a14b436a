"""What stands before every route: size of the body, safe headers, who asks, may they, and is it their own page asking.

A page of another site can make a browser send a form here. So every request that changes something must carry a token
that such a page cannot read: of the session, or, before signing in, one that fits a cookie (signed double submit).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...detector.errors import UsageError
from ..people import sessions
from ..people.accounts import Person
from ..people.sessions import Presence
from .access import ACCESS
from .console import Console

COOKIE, PRE_COOKIE, LANGUAGE_COOKIE = "parcelsight_session", "parcelsight_visit", "parcelsight_language"
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf_token"
MOST_BODY_BYTES = 65_536
_SAFE = ("GET", "HEAD", "OPTIONS")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
)
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")


class SignInNeeded(UsageError):
    """Nobody is signed in."""


class Forbidden(UsageError):
    """Somebody else may."""


class NotFound(UsageError):
    """There is no such thing."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    presence: Presence | None
    session_token: str
    csrf_token: str
    """For the forms of the page that is answered."""
    pre_token: str
    """Value of the visitor's cookie; a fresh one where they had none."""

    @property
    def person(self) -> Person:
        """Who is signed in; only on routes that ask for it."""
        assert self.presence is not None
        return self.presence.person


class Shield:
    """ASGI middleware: headers on every answer, limits on every request.

    Args:
        app: what is guarded.
        console: its settings.
    """

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app, self._settings = app, console.settings
        self._headers = (*_HEADERS, *((_TLS_ONLY,) if self._settings.is_secure else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        is_static = scope["path"].startswith("/static/")
        cache = b"no-cache" if is_static else b"no-store"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [*self._headers, (b"cache-control", cache)]
                message = dict(message) | {"headers": [*message.get("headers", ()), *added]}
            await send(message)

        if not self._settings.serves(headers.get(b"host", b"").decode("latin-1")):
            await _refuse(send_safely, 421, "this is not the address of the console")
        elif int(_digits(headers.get(b"content-length", b"0"))) > MOST_BODY_BYTES:
            await _refuse(send_safely, 413, f"more than {MOST_BODY_BYTES} bytes")
        else:
            await self._app(scope, _limited(receive), send_safely)


def _digits(text: bytes) -> bytes:
    return text[:12] if text.isdigit() else b"0"


def _limited(receive: Receive) -> Receive:
    """The body, until it is too long. A body without a length is counted as it comes."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            raise HTTPException(413, f"the request has more than {MOST_BODY_BYTES} bytes")
        return message

    return counted


async def _refuse(send: Send, status: int, error: str) -> None:
    body = error.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def authoriser(console: Console) -> Callable[[Request], Awaitable[None]]:
    """The dependency of all routes: finds out who asks, and refuses who may not."""

    async def authorise(request: Request) -> None:
        request.state.visitor = visitor = await identify(console, request)
        rule = ACCESS.get((request.method, request.scope["route"].path))
        person = visitor.presence.person if visitor.presence else None
        if rule is None or not rule.admits(person):
            if rule is not None and person is None:
                raise SignInNeeded("nobody is signed in", "sign in first")
            raise Forbidden("this is not for your role", "ask a person whose role allows it")
        if request.method not in _SAFE:
            await _check_csrf(console, request, visitor)
        if rule.is_activity and visitor.presence is not None:
            await run_in_threadpool(_note_activity, console, visitor.session_token)

    return authorise


async def identify(console: Console, request: Request) -> Visitor:
    """Who sends a request; also where no route took it."""
    token = request.cookies.get(COOKIE, "")[:200]
    pre = request.cookies.get(PRE_COOKIE, "")[:200] or secrets.token_urlsafe(24)
    presence = await run_in_threadpool(_presence, console, token) if token else None
    csrf = presence.csrf_token if presence else _signed(console, pre)
    return Visitor(presence, token, csrf, pre)


def _presence(console: Console, token: str) -> Presence | None:
    with console.read() as session:
        return sessions.find(session, token)


def _note_activity(console: Console, token: str) -> None:
    with console.read() as session:
        due = sessions.is_due(session, token)
    if due:
        with console.database.write() as session:
            sessions.see(session, token)


async def _check_csrf(console: Console, request: Request, visitor: Visitor) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        value = (await request.form()).get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    known = visitor.presence is not None or PRE_COOKIE in request.cookies
    if not known or given is None or not _same(given, visitor.csrf_token):
        raise Forbidden("the request did not come from a page of this console, or the page is old", "load it again")


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())


def _signed(console: Console, pre: str) -> str:
    return hmac.new(console.pre_session_key, pre.encode(), hashlib.sha256).hexdigest()
