"""Server-sent events: verdicts and lane states while they happen, and after a pause everything that was missed.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Verdicts carry their number as id and are always read
from the ledger, so a client that comes back with Last-Event-ID misses none; states and early results are news without
id. Nothing is queued for a client: it is read for it when it has taken the last, and one that takes nothing is dropped
by the server's time limits (server.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from ..lanes.events import EarlyResult, Event, Missed, Pressed, StateChanged, Subscription
from .context import ServiceContext
from .problems import Refused
from .schemas import Problem

HEARTBEAT_S = 10.0
_PAGE = 50
_AGAIN_MS = 2_000
_FULL_AGAIN_S = 5.0
_EXAMPLE = (
    'id: 41\nevent: verdict\ndata: {"number": 41, "sequence": 42, "lane": "dock-3", "verdict": "ALARM", …}\n\n'
    'event: lane\ndata: {"lane": "dock-3", "state": "NOT_SCREENING", "cause": "source-silent", …}\n\n'
)


class Listeners:
    """How many there are; bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0

    def enter(self) -> None:
        """Raises Refused (503) where there are enough."""
        if self.count >= self._most:
            raise Refused(
                503, f"{self._most} programs listen already", "close one, or poll /v1/verdicts", _FULL_AGAIN_S
            )
        self.count += 1

    def leave(self) -> None:
        """One less."""
        self.count -= 1


def events_router(context: ServiceContext, listeners: Listeners, heartbeat_s: float = HEARTBEAT_S) -> APIRouter:
    """The route /v1/events."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get(
        "/events",
        summary="Verdicts and lane states as they happen",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"example": _EXAMPLE}}, "description": "Server-sent events."},
            503: {"model": Problem},
        },
    )
    async def events(
        last_event_id: Annotated[
            str | None, Header(max_length=40, description="Number of the last verdict you have; begins behind it.")
        ] = None,
        after: Annotated[
            int | None, Query(ge=0, le=2**63 - 1, description="The same, for clients without headers.")
        ] = None,
        lane: Annotated[str | None, Query(max_length=64, description="Only this lane.")] = None,
    ) -> StreamingResponse:
        """`verdict` (with id: its number), `lane` (a state changed; all states come first), `early` (what is known of
        a parcel still under the beam; a verdict follows), `belt` (a lane asks its belt to stop, or lets it run).

        Without a number it begins now. Comments come as heartbeats.
        """
        newest = (await anyio.to_thread.run_sync(context.ledger.counts)).last_number
        # A number this ledger has not reached yet comes from another ledger: begin now.
        begin = min(_number(last_event_id, after, newest), newest)
        listeners.enter()
        stream = _stream(context, begin, lane, heartbeat_s, listeners.leave)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return router


def _number(last_event_id: str | None, after: int | None, newest: int) -> int:
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return int(last_event_id)
    return newest if after is None else after


async def _stream(
    context: ServiceContext, cursor: int, lane: str | None, heartbeat_s: float, leave: Callable[[], None]
) -> AsyncIterator[bytes]:
    """Everything for one client, until it goes or the service stops."""
    news = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    try:
        with context.ending.waking(wake), context.hub.subscribe(wake=wake) as subscription:
            yield b"retry: %d\n\n" % _AGAIN_MS
            for status in context.statuses():
                if lane in (None, status.lane):
                    yield event_text("lane", status.to_record())
            while not context.ending.is_set:
                news.clear()
                for text in _news(context, subscription, lane):
                    yield text
                while records := await anyio.to_thread.run_sync(context.ledger.verdicts_since, cursor, _PAGE):
                    for record in records:
                        cursor = int(record["number"])
                        if lane in (None, record["lane"]):
                            yield event_text("verdict", record, cursor)
                try:
                    await asyncio.wait_for(news.wait(), heartbeat_s)
                except TimeoutError:
                    yield b": still here\n\n"
    finally:
        leave()


def _news(context: ServiceContext, subscription: Subscription, lane: str | None) -> list[bytes]:
    """What came over the hub, without the verdicts: those are read from the ledger."""
    told: list[bytes] = []
    while (event := subscription.get(0)) is not None:
        if isinstance(event, Missed):
            told += [event_text("lane", s.to_record()) for s in context.statuses() if lane in (None, s.lane)]
        elif (text := _text(event, lane)) is not None:
            told.append(text)
    return told


def _text(event: Event, lane: str | None) -> bytes | None:
    match event:
        case StateChanged(status) if lane in (None, status.lane):
            return event_text("lane", status.to_record())
        case EarlyResult(name, scan_id, record) if lane in (None, name):
            return event_text("early", {"lane": name, "scan": scan_id} | dict(record))
        case Pressed(name, on) if lane in (None, name):
            return event_text("belt", {"lane": name, "stop": on})
    return None


def event_text(kind: str, value: Mapping[str, Any], number: int | None = None) -> bytes:
    """One event. JSON in ASCII has no line ends, so nothing in it can begin a field of its own."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(dict(value), allow_nan=False)}\n\n".encode("ascii")
