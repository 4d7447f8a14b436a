"""What stands before every request: the token, and no pages of strangers reaching a service that asks for none.

A browser sends requests to this machine for any page that asks it to. Without a token, so, only requests for a loopback
name are served (a stranger's name may be made to point here), and none that a page of another origin has made.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import MutableMapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .config import is_loopback

OPEN_PATHS = frozenset(("/v2/health/live", "/v2/health/ready"))
"""Probes carry no token; without one they are told yes or no, and nothing else."""
_SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        token: the bearer token; None where only this machine reaches the service.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token.encode("ascii") if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = dict(message) | {"headers": [*message.get("headers", ()), *_SAFE_HEADERS]}
            await send(message)

        headers: dict[bytes, bytes] = dict(scope["headers"])
        known = self._is_known(headers)
        scope.setdefault("state", {})["trusted"] = known
        if known or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send_safely)
        elif self._token is None:
            await _refuse(send_safely, 403, "this service serves programs of its own machine", "ask for 127.0.0.1")
        else:
            await _refuse(send_safely, 401, "a token is asked for", "send the header Authorization: Bearer TOKEN")

    def _is_known(self, headers: MutableMapping[bytes, bytes]) -> bool:
        if self._token is not None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token)
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin")
        same = origin is None or origin.decode("latin-1") == f"http://{host}"
        return (
            same and is_loopback(_name_in(host)) and headers.get(b"sec-fetch-site") not in (b"cross-site", b"same-site")
        )


def _name_in(host: str) -> str:
    """The name without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(send: Send, status: int, error: str, remedy: str) -> None:
    body = json.dumps({"error": error, "remedy": remedy}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
