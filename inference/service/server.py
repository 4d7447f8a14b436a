"""Runs the service in a thread of its own, with time limits on everything a client may drag out.

uvicorn waits for ever for a request's head, and for a client that does not read its answer; here a connection is cut
off that does not get on.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...detector.errors import UsageError
from .closing import BODY_ENDED, LingeringTransport, told_of_the_end
from .config import ServiceConfig, is_loopback

_BACKLOG = 128
_MOST_HEAD_BYTES = 16_384
_HEAD_PIECE_BYTES = 1_024
_SHUTDOWN_S = 3
_STALLED_AT_STOP_S = 1.0
"""A client that takes nothing of its answer is not waited for longer while the service stops."""
_MOST_REFUSED_BYTES = 16_000_000
"""Of a body are read and thrown away after its answer, so that the client gets to read it; then the line is cut."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """What a connection may take, in seconds."""

    head_s: float = 10.0
    """From opening it, or from the last answer, to a whole request head."""
    refused_body_s: float = 5.0
    """A body that still comes after its answer."""
    stalled_s: float = 15.0
    """A client takes nothing of its answer."""
    look_every_s: float = 1.0


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with limits."""

    def __init__(self, *args: Any, limits: TimeLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._watch: asyncio.TimerHandle | None = None
        self._phase = ""
        self._since = 0.0
        self._refused_bytes = 0
        self._stopping = False
        self._ended = False
        """The client sends no more; it may still read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        self._line = LingeringTransport(transport, self._may_be_unread)
        super().connection_made(self._line)  # type: ignore[arg-type]
        self._since = self.loop.time()
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; not without end where the answer was given already."""
        answered = self.cycle is not None and self.cycle.response_complete
        if self._line.lingering or (answered and self.conn.their_state is h11.SEND_BODY):
            self._refused_bytes += len(data)
            if self._refused_bytes > _MOST_REFUSED_BYTES:
                self.transport.abort()
                return
        else:
            self._refused_bytes = 0
        # h11 limits only heads that are not whole yet, so one that comes in a single piece is given to it in several.
        while data and not self._line.lingering:
            size = _HEAD_PIECE_BYTES if self.conn.their_state is h11.IDLE else len(data)
            super().data_received(data[:size])
            data = data[size:]

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: True, keep the line, where it has not got its answer yet."""
        # An answer that has begun and is not complete is a stream of events, and its listener has gone.
        if self._line.lingering or self.cycle is None or self.cycle.response_started:
            return False
        self._ended = True
        self._tell_of_the_end()
        return True

    def on_response_complete(self) -> None:
        """Go on with the next request; close where none can come."""
        super().on_response_complete()
        if self._ended:
            if self.cycle.response_complete:
                self.transport.close()
            else:
                self._tell_of_the_end()

    def _tell_of_the_end(self) -> None:
        if self.cycle.more_body:
            self.cycle.scope[BODY_ENDED] = True  # type: ignore[literal-required]
            self.cycle.message_event.set()

    def _may_be_unread(self) -> bool:
        return not self._ended and self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def shutdown(self) -> None:
        """The service stops: let the answer that is being given come to its end, and take no more requests."""
        self._stopping = True
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cut the connection off where one phase takes too long."""
        phase, limit_s = self._waiting_for()
        now = self.loop.time()
        if phase != self._phase:
            self._phase, self._since = phase, now
        elif phase and now - self._since > limit_s:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(self._limits.look_every_s, self._look)

    def _waiting_for(self) -> tuple[str, float]:
        """What the client has to do next, and how long it may take; nothing while it is our turn."""
        answered = self.cycle is None or self.cycle.response_complete
        if self.flow.write_paused or (answered and self.transport.get_write_buffer_size()):
            return "reading", _STALLED_AT_STOP_S if self._stopping else self._limits.stalled_s
        if self._line.lingering or (answered and self.conn.their_state is h11.SEND_BODY):
            return "refused body", self._limits.refused_body_s
        if answered:
            # Each answered request begins a new wait; a request dripping in does not.
            return f"head {id(self.cycle)}", self._limits.head_s
        return "", 0.0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(host.strip("[]"), port, family, socket.SOCK_STREAM)[0][4]
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise UsageError(
            f"service.host {host}: no such address ({error})", "name an address of this machine"
        ) from error
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # An answer is written in two pieces; the second must not wait 40 ms for the first to be acknowledged.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise UsageError(
            f"service.port {port} on {host} cannot be had ({error.strerror})", "stop what uses it, or name another port"
        ) from error
    return made


class Service:
    """A running service; a context manager that stops it.

    Args:
        app: from ``create_app``.
        host: where it listens.
        port: 0 takes any free one; ``port`` then tells which.
        max_connections: more are answered 503.
        limits: on the clients' time.
        send_buffer_bytes: that the kernel holds for a client; None as much as it likes, which may be megabytes, and
            only when they are full a client that takes nothing is noticed.

    Raises:
        UsageError: if the address cannot be had.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        max_connections: int = 128,
        limits: TimeLimits = TimeLimits(),
        send_buffer_bytes: int | None = None,
    ) -> None:
        self._socket = listen(host, port)
        if send_buffer_bytes is not None:  # connections inherit it
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            told_of_the_end(app),
            http=partial(LimitedProtocol, limits=limits),  # type: ignore[arg-type]
            ws="none",
            lifespan="on",
            limit_concurrency=max_connections,
            timeout_keep_alive=int(limits.head_s) or 1,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="service", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def stop(self, timeout_s: float = 2.0 * _SHUTDOWN_S) -> bool:
        """End; True if it ended in time."""
        self._server.should_exit = True
        self._thread.join(timeout_s)
        self._socket.close()
        return not self._thread.is_alive()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(app: ASGIApp, config: ServiceConfig, token: str | None, limits: TimeLimits = TimeLimits()) -> Service:
    """Run the service as configured.

    Raises:
        UsageError: if the address cannot be had, or is open to other machines without a token.
    """
    if token is None and not is_loopback(config.host):
        raise UsageError(
            f"service.host {config.host} asks for a token", "set service.token_file, or listen on 127.0.0.1"
        )
    return Service(app, config.host, config.port, config.max_connections, limits)
