"""The belt of a lane as it runs, for the desks: server-sent events that a lane service told, ten times a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from ..follow.belts import BeltWatcher
from .console import Console
from .events_api import is_in
from .guard import NotFound
from .hub import event_text

_PAUSE_S = 0.1
"""The page draws smoothly between; more often would only cost more."""
_LOOK_S = 1.0
_MOST_OF_ONE = 6
"""Belts that one person may have open: more are a script that forgets to close them."""


def belt_router(console: Console) -> APIRouter:
    """The route /api/belt."""
    router = APIRouter(prefix="/api", tags=["events"])
    watching: dict[int, int] = {}

    @router.get(
        "/belt",
        summary="The belt of a lane, row by row",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}, 404: {}},
    )
    async def belt(request: Request, lane: Annotated[str, Query(min_length=1, max_length=64)]) -> StreamingResponse:
        """``belt`` (geometry of a view), ``rows`` (8-bit RGB rows in base64) and ``missed``, as docs/service.md tells
        them, each with its ``view``."""
        news, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            if not news.is_set() and not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        # Beside a picture with a projected threat the belt would give it away: there the threat is not.
        if await run_in_threadpool(console.is_projecting):
            raise NotFound("the belt is not shown while threats are projected", "watch the queue")
        person = request.state.visitor.person.id
        if watching.get(person, 0) >= _MOST_OF_ONE:
            raise HTTPException(429, "too many belts are open", {"Retry-After": "10"})
        if not console.belts.knows(lane):
            raise NotFound(f"the lane {lane!r} has no belt to watch", "name a lane that this console follows")

        async def stream() -> AsyncIterator[bytes]:
            watcher = console.belts.watch(lane, wake)
            if watcher is None:
                return
            watching[person] = watching.get(person, 0) + 1
            try:
                async for piece in _pieces(console, request.state.visitor.session_token, watcher, news):
                    yield piece
            finally:
                watching[person] -= 1

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return router


async def _pieces(console: Console, token: str, watcher: BeltWatcher, news: asyncio.Event) -> AsyncIterator[bytes]:
    """The belt, as long as the session lasts."""
    looked = said = monotonic()
    heartbeat_s = console.settings.heartbeat_s
    with watcher:
        yield b": the belt\n\n"
        while not console.is_ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _LOOK_S)
            news.clear()
            if await run_in_threadpool(console.is_projecting):
                return
            if monotonic() - looked >= heartbeat_s:
                looked = monotonic()
                if not await run_in_threadpool(is_in, console, token):
                    yield event_text("ended", {})
                    return
            pieces = watcher.take()
            if pieces:
                said = monotonic()
                yield b"".join(event_text(one.kind, one.data) for one in pieces)
                await asyncio.sleep(_PAUSE_S)
            elif monotonic() - said >= heartbeat_s:
                said = monotonic()
                yield b": still here\n\n"
