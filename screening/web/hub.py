"""News to the consoles: one reader of the database for all of them, and nothing that grows with slow ones.

The hub keeps the newest news, ready to send, in a ring; a console has only a place in it. One that fell out of the ring
or comes back after a pause reads on from the database, where all news with a number lies.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool

from ...detector.errors import StorageError
from ..desk import journal, queue
from ..desk.lane_states import lanes_json
from ..storage.times import now
from .console import Console
from .desk_api import counts

Row = tuple[int, str, dict[str, Any]]
"""Number, kind and data of kept news."""
Passing = tuple[str, dict[str, object]]

_log = logging.getLogger(__name__)
_RING = 1000
_PAGE = 200
_LOOK_S = 1.0
"""So often the database is looked at unasked: other programs write it, too."""
_MOST_EARLY = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news."""

    text: bytes
    number: int
    """Of the newest kept news up to and including this one."""


class Hub:
    """The ring and its reader. Lives in the event loop; ``wake`` and ``early`` may be called by any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ring: deque[Item] = deque(maxlen=_RING)
        self._end = 0
        """Position behind the newest item; positions count from the start of the program."""
        self.number = 0
        self._news = asyncio.Event()
        self._more = asyncio.Event()
        """Set, and replaced by a new one, when the ring has more."""
        self._looked = now()
        self._fresh: deque[Passing] = deque(maxlen=_MOST_EARLY)
        self._loop: asyncio.AbstractEventLoop | None = None
        console.listen(self.wake, self.early)

    def wake(self) -> None:
        """Something was committed."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._news.set)

    def early(self, kind: str, data: dict[str, object]) -> None:
        """News that is not kept."""
        self._fresh.append((kind, data))
        self.wake()

    async def run(self) -> None:
        """Read what is new, until cancelled."""
        self._loop = asyncio.get_running_loop()
        self.number = await run_in_threadpool(self._newest)
        while not self._console.is_ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_S)
            self._news.clear()
            try:
                await self._take()
            except StorageError as error:
                _log.error("news cannot be read: %s", error)
                await asyncio.sleep(_LOOK_S)
        self._tell_of_more()

    def _newest(self) -> int:
        try:
            with self._console.read() as session:
                return journal.newest(session)
        except StorageError as error:
            _log.error("news cannot be read: %s", error)
            return 0

    async def _take(self) -> None:
        kept, passing = await run_in_threadpool(self._read)
        while self._fresh:
            passing.append(self._fresh.popleft())
        if not kept and not passing:
            return
        for number, kind, data in kept:
            self._put(Item(event_text(kind, data, number), number))
            self.number = number
        for kind, data in passing:
            self._put(Item(event_text(kind, data), self.number))
        self._tell_of_more()

    def _tell_of_more(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()

    def _put(self, item: Item) -> None:
        self._ring.append(item)
        self._end += 1

    def _read(self) -> tuple[list[Row], list[Passing]]:
        """What is new in the database, and what follows from the time: leases that ran out."""
        with self._console.read() as session:
            found = journal.since(session, self.number, _PAGE)
            if len(found) == _PAGE:
                self.wake()
            until = now()
            expired = queue.expired(session, self._looked, until)
            self._looked = until
            passing: list[Passing] = [("parcel", journal.brief(parcel) | {"why": "expired"}) for parcel in expired]
            if found or expired:
                passing.append(("queue", dict(counts(session))))
            return [(row.number, row.kind, row.data) for row in found], passing

    async def follow(self, after: int | None, heartbeat_s: float) -> AsyncIterator[bytes]:
        """Everything for one console: what it missed, lanes and counts as they stand, then the news.

        Args:
            after: number of the last news it has; None to begin now.
            heartbeat_s: after so long without news an empty piece is given: the caller looks whether to go on.
        """
        place, number = self._end, self.number
        if after is not None and after < number:
            async for text in self._missed(after, number):
                yield text
        for text in await run_in_threadpool(self._standing):
            yield text
        while not self._console.is_ending:
            first = self._end - len(self._ring)
            if place < first:  # too slow for the ring: the database has it all
                async for text in self._missed(number, self.number):
                    yield text
                place, number = self._end, self.number
            while place < self._end:
                item = self._ring[place - (self._end - len(self._ring))]
                place, number = place + 1, item.number
                yield item.text
                if place < self._end - len(self._ring):
                    break
            else:
                yield await self._wait(place, heartbeat_s)

    async def _wait(self, place: int, heartbeat_s: float) -> bytes:
        if place >= self._end and not self._console.is_ending:
            try:
                await asyncio.wait_for(self._more.wait(), heartbeat_s)
            except TimeoutError:
                return b": still here\n\n"
        return b""

    async def _missed(self, after: int, until: int) -> AsyncIterator[bytes]:
        while after < until:
            rows = await run_in_threadpool(self._page, after)
            if not rows:
                return
            for number, kind, data in rows:
                if number <= until:
                    yield event_text(kind, data, number)
            after = rows[-1][0]

    def _page(self, after: int) -> list[Row]:
        with self._console.read() as session:
            return [(row.number, row.kind, row.data) for row in journal.since(session, after, _PAGE)]

    def _standing(self) -> list[bytes]:
        with self._console.read() as session:
            lanes = [event_text("lane", lane) for lane in lanes_json(session)]
            return [*lanes, event_text("queue", counts(session))]


def event_text(kind: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    """One event. JSON in ASCII has no line ends, so nothing in it can begin a field of its own."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(dict(data), allow_nan=False, default=str)}\n\n".encode("ascii")
