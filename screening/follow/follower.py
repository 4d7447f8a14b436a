"""Follows one lane service, whatever stops and starts again: the service, the network, this program.

A verdict counts as taken over once its parcel is committed; the next start goes on behind it. So nothing is lost, and
what comes again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic
from typing import Any

from ...detector.errors import ParcelSightError, SourceError
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..tutor.tip_intake import TipIntake
from .grouping import Grouping
from .intake import Intake, Model, Place, View
from .lanes import LaneBoard
from .link import Happening, Link, Service
from .records import ToldVerdict, read_verdict

_log = logging.getLogger(__name__)
_QUEUE = 64
_TURN_S = 0.5
_HEARD_EVERY_S = 5.0
_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.2, 3.0
_LEDGER_CHANGED = "the lane service began a ledger"


class Follower:
    """A thread that follows one service.

    Args:
        database: where parcels go.
        pictures: where scans go.
        service: which.
        changed: called after every commit.
        early: called with news that is not kept: its kind and data.
        training: projects threats into some parcels.
    """

    def __init__(
        self,
        database: Database,
        pictures: PictureStore,
        service: Service,
        changed: Callable[[], None] = lambda: None,
        early: Callable[[str, dict[str, object]], None] = lambda kind, data: None,
        training: TipIntake | None = None,
    ) -> None:
        self._service = service
        self._intake = Intake(database, pictures, service, training)
        self._board = LaneBoard(database, service)
        self._changed, self._early = changed, early
        self._grouping = Grouping()
        self._link = Link(service)
        self._model = Model()
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"follow {service.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End; what was not taken over is, at the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = _LEAST_PAUSE_S
        while not self._stop.is_set():
            started = monotonic()
            try:
                self._follow()
            except ParcelSightError as error:
                _log.warning("%s: %s", self._service.name, error)
                self._lost(error)
            except Exception:  # a follower that ended would leave its lanes unseen; it says so and goes on
                _log.exception("%s: the follower failed", self._service.name)
                self._lost(SourceError("the follower failed", "see the log of the console"))
            pause_s = _LEAST_PAUSE_S if monotonic() - started > _MOST_PAUSE_S else min(2 * pause_s, _MOST_PAUSE_S)
            self._stop.wait(pause_s)

    def _lost(self, error: ParcelSightError) -> None:
        self._grouping.forget()
        self._link.close()
        if str(error).startswith(_LEDGER_CHANGED):
            return
        try:
            self._board.lost(error.message)
            self._changed()
        except ParcelSightError as refusal:
            _log.error("%s: %s", self._service.name, refusal)

    def _follow(self) -> None:
        """Until the line breaks. Raises ParcelSightError."""
        place = self._intake.place(_ledger_of(self._link))
        self._model = _model_of(self._link)
        happenings: Queue[Happening | ParcelSightError] = Queue(_QUEUE)
        over = Event()
        reader = Thread(target=_read, args=(Link(self._service), place.number, happenings, over), daemon=True)
        reader.start()
        heard = float("-inf")
        try:
            while not self._stop.is_set():
                try:
                    happening = happenings.get(timeout=_TURN_S)
                except Empty:
                    pass
                else:
                    if isinstance(happening, ParcelSightError):
                        raise happening
                    self._take(happening, place)
                    if monotonic() - heard > _HEARD_EVERY_S:
                        heard = monotonic()
                        self._board.heard()
                for views in self._grouping.overdue(monotonic()):
                    self._store(views, is_short=True)
        finally:
            over.set()

    def _take(self, happening: Happening, place: Place) -> None:
        if happening.kind == "verdict" and happening.number is not None:
            if not place.ledger:
                raise SourceError(_LEDGER_CHANGED, "following it from its beginning")
            if not place.knows(happening.number):
                self._verdict(read_verdict(happening.data, happening.number), place)
        elif happening.kind == "lane":
            self._board.changed(happening.data, self._model)
            self._changed()
        elif happening.kind in ("early", "belt"):
            lane = self._service.lane(str(happening.data.get("lane"))[:40])
            self._early(happening.kind, dict[str, Any](happening.data) | {"lane": lane})

    def _verdict(self, told: ToldVerdict, place: Place) -> None:
        if told.accepted_at < place.since:
            self._intake.pass_over(told.number)
            return
        view = View(told, self._intake.fetch(self._link, told), self._model)
        late_for = self._grouping.short_parcel(view) if told.views > 1 else None
        if late_for is not None:
            self._intake.add(late_for, view)
            self._changed()
            return
        whole = self._grouping.add(view, monotonic())
        if whole is not None:
            self._store(whole)

    def _store(self, views: list[View], is_short: bool = False) -> None:
        parcel_id = self._intake.take(views, is_short)
        if parcel_id is not None:
            if is_short:
                self._grouping.remember_short(views[0], parcel_id)
            self._changed()


def _read(link: Link, after: int, happenings: Queue[Happening | ParcelSightError], over: Event) -> None:
    """The reading side of the line; it holds the service back while this program is behind."""
    try:
        for happening in link.events(after):
            if not _hand_on(happening, happenings, over):
                return
        ending = SourceError("the lane service ended the line", "it is tried again")
    except ParcelSightError as error:
        ending = error  # type: ignore[assignment]
    _hand_on(ending, happenings, over)


def _hand_on(
    happening: Happening | ParcelSightError, happenings: Queue[Happening | ParcelSightError], over: Event
) -> bool:
    while not over.is_set():
        try:
            happenings.put(happening, timeout=_TURN_S)
        except Full:
            continue
        return True
    return False


def _ledger_of(link: Link) -> str:
    """What tells a ledger from others: its first scan, which is never deleted."""
    found = link.get_json("/v1/scans?after=0&limit=1")
    scans = found.get("scans") if isinstance(found, dict) else None
    if not isinstance(scans, list):
        raise SourceError("the answer of /v1/scans cannot be read", "see that this is a lane service")
    return f"{scans[0].get('accepted_at')} {scans[0].get('sha256')}"[:200] if scans else ""


def _model_of(link: Link) -> Model:
    """The model in force; unnamed where an older lane service does not tell."""
    status = link.get_json("/v2/models")
    parameters = status.get("parameters", {})
    point = parameters.get("operating_point", {})
    versions = status.get("versions") or [""]
    name = f"{status.get('name', '')} {versions[0]}".strip()[:200]
    return Model(name, str(point.get("name", "")), parameters.get("calibration") is not None)
