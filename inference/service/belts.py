"""The belt of a lane as it runs: rows as server-sent events, in a small picture, for consoles that show it.

Nobody's screen slows a lane down: a watcher that does not read has rows dropped, is told how many, and is cut off by
the server's time limits if it takes nothing at all.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from ..lanes.belt_view import LEAST_PX, MOST_PX, USUAL_PX, BeltPicture, Rows, Watcher
from .context import ServiceContext
from .ending import Ending
from .events import event_text
from .problems import Refused
from .schemas import Problem

_LEAST_PAUSE_S = 0.04
"""Between two pieces: 25 a second are smooth, and more would cost more."""
_FULL_AGAIN_S = 5.0
_MOST_ROWS = 512
"""Of one event."""
_EXAMPLE = (
    'event: belt\ndata: {"lane": "hall-1", "stream": "s1", "view": "top", "views": ["top"], "width_px": 223, '
    '"pitch_mm": 4.5, "detectors_per_px": 3, "rows_per_px": 3}\n\n'
    'event: rows\ndata: {"first_px": 1204, "count": 12, "rgb": "////…"}\n\n'
    'event: missed\ndata: {"rows": 480}\n\n'
)


def belts_router(context: ServiceContext, heartbeat_s: float) -> APIRouter:
    """The route /v1/lanes/{lane}/belt."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get(
        "/lanes/{lane}/belt",
        summary="The belt of a lane, row by row",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"example": _EXAMPLE}}, "description": "Server-sent events."},
            404: {"model": Problem},
            503: {"model": Problem},
        },
    )
    async def belt(
        lane: Annotated[str, Path(max_length=64)],
        view: Annotated[str | None, Query(max_length=16, description="Without: the scanner's first.")] = None,
        width: Annotated[int, Query(ge=LEAST_PX, le=MOST_PX, description="Of the picture, at most.")] = USUAL_PX,
    ) -> StreamingResponse:
        """`belt` (the picture's geometry; again whenever the scanner begins another stream), `rows` (8-bit RGB rows,
        base64; each row is given once, in order), `missed` (rows dropped because you were too slow).

        Begins with the next line; comments come as heartbeats while the belt stands.
        """
        if lane not in context.belts:
            raise Refused(404, f"the lane {lane[:64]!r} has no belt to watch", "name a lane of kind lines or belt")
        news, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            if not news.is_set() and not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        watcher = context.belts[lane].watch(wake)
        if watcher is None:
            raise Refused(503, f"enough programs watch {lane}", "close one", _FULL_AGAIN_S)
        stream = _Watch(lane, view, width, watcher, news).run(context.ending, wake, heartbeat_s)
        first = await anext(stream)  # begun, it gives its place back even where the client is gone already
        return StreamingResponse(
            _both(first, stream), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    return router


async def _both(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


class _Watch:
    """One watcher's stream."""

    def __init__(self, lane: str, view: str | None, width_px: int, watcher: Watcher, news: asyncio.Event) -> None:
        self._lane, self._view, self._width_px = lane, view, width_px
        self._watcher, self._news = watcher, news
        self._picture: BeltPicture | None = None

    async def run(self, ending: Ending, wake: Callable[[], None], heartbeat_s: float) -> AsyncIterator[bytes]:
        """Everything, until the client goes or the service stops; ``wake`` sets the news."""
        with self._watcher, ending.waking(wake):
            yield b": the belt\n\n"
            while not ending.is_set:
                try:
                    await asyncio.wait_for(self._news.wait(), heartbeat_s)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                self._news.clear()
                rows, missed = self._watcher.take()
                if missed:
                    yield event_text("missed", {"rows": missed})
                for text in await anyio.to_thread.run_sync(self._texts, rows):
                    yield text
                await asyncio.sleep(_LEAST_PAUSE_S)

    def _texts(self, taken: list[Rows]) -> list[bytes]:
        """Events for new rows; in a thread of its own."""
        texts: list[bytes] = []
        for rows in taken:
            if self._picture is None or self._picture.hello != rows.hello:
                texts.append(self._begin(rows))
            assert self._picture is not None
            for strip in self._picture.add(rows):
                for at in range(0, len(strip.rgb), _MOST_ROWS):
                    rgb = strip.rgb[at : at + _MOST_ROWS]
                    coded = base64.b64encode(rgb.tobytes()).decode("ascii")
                    value = {"first_px": strip.first_px + at, "count": len(rgb), "rgb": coded}
                    texts.append(event_text("rows", value))
        return texts

    def _begin(self, rows: Rows) -> bytes:
        hello = rows.hello
        view = self._view if self._view in hello.views else hello.views[0]
        self._picture = picture = BeltPicture(hello, view, self._width_px)
        value = {
            "lane": self._lane, "stream": hello.stream, "view": view, "views": list(hello.views),
            "width_px": picture.width_px, "pitch_mm": round(picture.pitch_mm, 3),
            "detectors_per_px": picture.detectors_per_px, "rows_per_px": picture.rows_per_px,
        }  # fmt: skip
        return event_text("belt", value)
