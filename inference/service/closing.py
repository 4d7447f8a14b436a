"""Closing a connection so that the answer is read: TCP throws an answer away where unread bytes still come in.

A socket that is closed while the client's bytes lie unread in it, or while more of them come, is reset, and the reset
makes the client's kernel drop what it had not read yet: the very answer that says why (RFC 9112, 9.6). So the sending
side is closed first, what still comes is read and thrown away for a while, and only then the socket is closed. The
other way round a client may close its sending side and still wait for the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_ENDED = "parcelsight.body_ended"
"""In a request's scope: the client closed its side before the body was whole."""


class LingeringTransport:
    """A connection whose `close` lets the client read the answer first.

    Args:
        transport: the connection.
        must_linger: asked at `close`: may there be bytes that nobody has read?
    """

    def __init__(self, transport: asyncio.Transport, must_linger: Callable[[], bool]) -> None:
        self._transport = transport
        self._must_linger = must_linger
        self.lingering = False
        """Nothing more is sent; what comes is thrown away by the protocol, which also ends it in time."""

    def close(self) -> None:
        """Send what was written, and close: at once, or when the client has closed too."""
        if self.lingering:
            return
        if self._transport.is_closing() or not self._must_linger():
            self._transport.close()
            return
        self.lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        """True where nothing more may be sent."""
        return self.lingering or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def told_of_the_end(app: ASGIApp) -> ASGIApp:
    """ASGI middleware: a body that ends too early reads as a disconnect, and can still be answered.

    A request that is given up because the server stops ends quietly: nothing has gone wrong, and the client, whose line
    is cut, sends it again.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        ended = False

        async def receive_to_the_end() -> Message:
            nonlocal ended
            if ended:
                return {"type": "http.disconnect"}
            message = await receive()
            ended = bool(scope.get(BODY_ENDED)) and message.get("more_body", False)
            return message

        try:
            await app(scope, receive_to_the_end, send)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise

    return serve
