"""The belts of the lanes, passed on to the desks: one line to the lane service a belt, however many look on.

Nobody's screen holds up another's: each watcher has a few seconds of belt at most, and one that is slower misses some.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Literal
from urllib.parse import quote

from ...detector.errors import SourceError
from .link import Happening, Link, Service

_log = logging.getLogger(__name__)

WIDTH_PX = 200
"""Of the picture, across the belt."""
_MOST_WAITING = 400
_MOST_VIEWS = 4
_AGAIN_S = 2.0
_PASSED_ON = ("belt", "rows", "missed")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something of a belt: its geometry (``belt``), ``rows``, or how many were ``missed``."""

    kind: str
    data: dict[str, Any]


class BeltWatcher:
    """Somebody who watches a belt; a context manager that ends it.

    Args:
        belt: that is watched.
        wake: called, by any thread, after a piece was put.
    """

    def __init__(self, belt: _Belt, wake: Callable[[], None]) -> None:
        self._belt, self._wake = belt, wake
        self._lock = Lock()
        self._pieces: deque[Piece] = deque()
        self._missed = 0

    def put(self, piece: Piece) -> None:
        """Called by the belt; what waits too long gives way, but for the geometry."""
        with self._lock:
            if len(self._pieces) >= _MOST_WAITING:
                self._missed += sum(int(one.data.get("count", 0)) for one in self._pieces if one.kind == "rows")
                kept = [one for one in self._pieces if one.kind == "belt"]
                self._pieces = deque(kept[-_MOST_VIEWS:])
            self._pieces.append(piece)
        self._wake()

    def take(self) -> list[Piece]:
        """All that waits."""
        with self._lock:
            taken, missed = list(self._pieces), self._missed
            self._pieces.clear()
            self._missed = 0
        return [Piece("missed", {"rows": missed}), *taken] if missed else taken

    def __enter__(self) -> BeltWatcher:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self._belt.forget(self)
        return False


class BeltRelay:
    """The belts of all services.

    Args:
        services: that are followed.
    """

    def __init__(self, services: Sequence[Service] = ()) -> None:
        self._services = {service.prefix: service for service in services}
        self._belts: dict[str, _Belt] = {}
        self._lock = Lock()

    def knows(self, lane: str) -> bool:
        """Whether one of the services may have such a lane."""
        prefix, _, name = lane.rpartition("/")
        return bool(name) and prefix in self._services

    def watch(self, lane: str, wake: Callable[[], None] = lambda: None) -> BeltWatcher | None:
        """Watch a lane's belt from now on; None where no service has such a lane.

        Args:
            lane: as this console names it.
            wake: called, by any thread, when there is something to take.
        """
        prefix, _, name = lane.rpartition("/")
        service = self._services.get(prefix)
        if service is None or not name:
            return None
        with self._lock:
            belt = self._belts.setdefault(lane, _Belt(service, name))
        return belt.watch(wake)


class _Belt:
    """One lane's belt: a thread a view, while anybody watches."""

    def __init__(self, service: Service, lane: str) -> None:
        self._service, self._lane = service, lane
        self._lock = Lock()
        self._watchers: tuple[BeltWatcher, ...] = ()
        self._views: dict[str, Piece] = {}
        """Geometry of each view, for those who come later."""
        self._over = Event()

    def watch(self, wake: Callable[[], None]) -> BeltWatcher:
        watcher = BeltWatcher(self, wake)
        with self._lock:
            for piece in self._views.values():
                watcher.put(piece)
            if not self._watchers:
                self._over = Event()
                self._start(None, self._over)
            self._watchers = (*self._watchers, watcher)
        return watcher

    def forget(self, watcher: BeltWatcher) -> None:
        with self._lock:
            self._watchers = tuple(other for other in self._watchers if other is not watcher)
            if not self._watchers:
                self._over.set()
                self._views = {}

    def _start(self, view: str | None, over: Event) -> None:
        name = f"belt {self._lane} {view or ''}".strip()
        Thread(target=self._run, args=(view, over), name=name, daemon=True).start()

    def _run(self, view: str | None, over: Event) -> None:
        while not over.is_set():
            try:
                self._read(view, over)
            except (SourceError, ValueError, KeyError, TypeError) as error:
                _log.info("belt of %s: %s", self._lane, error)
            over.wait(_AGAIN_S)

    def _read(self, view: str | None, over: Event) -> None:
        """Until the line breaks or nobody watches. Raises SourceError."""
        wanted = f"&view={quote(view)}" if view else ""
        link, name = Link(self._service), view or ""
        for happening in link.stream(f"/v1/lanes/{quote(self._lane)}/belt?width={WIDTH_PX}{wanted}"):
            if over.is_set():
                return
            if happening.kind == "belt":
                name = str(happening.data["view"])[:16]
                if view is None:
                    view = name
                    self._start_others(happening, name, over)
            if happening.kind in _PASSED_ON:
                self._pass_on(Piece(happening.kind, happening.data | {"view": name}), over)

    def _start_others(self, told: Happening, first: str, over: Event) -> None:
        for other in [str(one)[:16] for one in told.data["views"]][:_MOST_VIEWS]:
            if other != first:
                self._start(other, over)

    def _pass_on(self, piece: Piece, over: Event) -> None:
        with self._lock:
            if over.is_set():
                return
            if piece.kind == "belt":
                self._views[str(piece.data["view"])] = piece
            watchers = self._watchers
        for watcher in watchers:
            watcher.put(piece)
