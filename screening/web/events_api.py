"""What happens, while it happens, and after a pause everything that was missed: server-sent events; lanes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from ..desk.lane_states import lanes_json
from ..people import sessions
from .console import Console
from .hub import Hub, event_text

_AGAIN_MS = 1000
_MOST_LISTENERS = 400
_MOST_OF_ONE = 12
"""Open pages of one person: more are a script that forgets to close them."""


def events_router(console: Console) -> APIRouter:
    """The routes /api/events and /api/lanes."""
    router = APIRouter(prefix="/api", tags=["events"])
    listening: dict[int, int] = {}

    @router.get(
        "/events",
        summary="News, while it happens",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}, 429: {}},
    )
    async def events(
        request: Request,
        last_event_id: Annotated[str | None, Header(max_length=40)] = None,
        after: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    ) -> Response:
        """With ``Last-Event-ID`` (or ``after``) everything behind that number comes first; without, it begins now."""
        visitor = request.state.visitor
        person, hub = visitor.person.id, request.app.state.hub
        if listening.get(person, 0) >= _MOST_OF_ONE or sum(listening.values()) >= _MOST_LISTENERS:
            refusal = {"error": "too many pages of this console are open", "remedy": "close some"}
            return JSONResponse(refusal, 429, {"Retry-After": "10"})
        begin = after
        if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
            begin = int(last_event_id)

        async def stream() -> AsyncIterator[bytes]:
            listening[person] = listening.get(person, 0) + 1
            try:
                async for text in _until_over(console, hub, visitor.session_token, begin):
                    yield text
            finally:
                listening[person] -= 1

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @router.get("/lanes", summary="All lanes, and whether they are screened")
    def lanes() -> dict[str, Any]:
        with console.read() as session:
            return {"lanes": lanes_json(session)}

    return router


async def _until_over(console: Console, hub: Hub, token: str, after: int | None) -> AsyncIterator[bytes]:
    """The news, as long as the session lasts."""
    heartbeat_s = console.settings.heartbeat_s
    looked = monotonic()
    yield b"retry: %d\n\n" % _AGAIN_MS
    async for text in hub.follow(after, heartbeat_s):
        if monotonic() - looked >= heartbeat_s:
            looked = monotonic()
            if not await run_in_threadpool(is_in, console, token):
                yield event_text("ended", {})
                return
        if text:
            yield text


def is_in(console: Console, token: str) -> bool:
    """Whether a session still lasts."""
    with console.read() as session:
        return sessions.find(session, token) is not None
