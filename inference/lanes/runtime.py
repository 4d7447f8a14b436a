"""All lanes of one program, wired: sources → ledger → detector → recorder → hub, and the watches beside them."""

from __future__ import annotations

import logging
from threading import Event, Thread
from time import monotonic
from typing import Any

from ..report import to_record
from ..screening import unscreened
from ..verdicts import Verdict
from .causes import LossCause
from .config import LanesConfig
from .entries import Entry
from .events import Hub, StateChanged
from .feed import Feed
from .lane import Lane, Shared
from .ledger import Ledger
from .pool import DetectorPool, PoolStatus
from .recorder import Outcome, Recorder
from .rolling import RollingPool
from .source import Source, Surroundings
from .state import Cause, State, StateBoard
from .watch import ClockWatch, StorageWatch
from .worker import WorkerSettings

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.25
_JOIN_S = 2.0


class Lanes:
    """The program that `parcelsight run` starts; also for embedding in another one.

    Args:
        config: the lanes; relative paths are taken as they are.

    Raises:
        ModelError: if the model is refused.
        LedgerError: if the ledger's folder cannot be used.
        ParcelSightError: if a source can never work.
    """

    def __init__(self, config: LanesConfig) -> None:
        self.config = config
        self.hub = Hub()
        self._stop = Event()
        titles = {lane.name: lane.title for lane in config.lanes}
        self.board = StateBoard(titles, lambda status: self.hub.publish(StateChanged(status)), titles)
        self.pool = self._make_pool()
        self.sources = open_sources(config, Surroundings(self.pool, self.hub))
        self.ledger = Ledger(config.ledger.resolve())
        self._storage = StorageWatch(self.ledger, config.retention, self.board)
        self._clock = ClockWatch(self.board)
        self._recorder = Recorder(self.ledger, self.hub, self._storage.on_storage)
        shared = Shared(
            self.ledger, self.pool, self._recorder, self.board, self.hub, self._storage.on_storage, self._stop
        )
        self.lanes = {lane.name: Lane(lane, shared) for lane in config.lanes}
        self.feeds = {
            name: Feed(lane, self.sources[name], self.board, self.ledger, self._stop)
            for name, lane in self.lanes.items()
        }
        self._watcher = Thread(target=self._watch, name="watch", daemon=True)
        self.resumed = 0
        """Scans of an earlier run that this one finishes."""
        self._unscreened_before = self._count_unscreened()
        self.unscreened = 0
        """Scans of this run that nothing looked at; counted when it has stopped."""

    def _make_pool(self) -> DetectorPool | RollingPool:
        settings, workers = worker_settings(self.config), self.config.workers.count
        if self.config.rollout is None:
            return DetectorPool(settings, workers, self._on_pool)
        return RollingPool(settings, workers, self._on_pool, self.config.rollout, self._on_rollout)

    def start(self) -> None:
        """Start the workers, finish what an earlier run left, and open the lanes; returns at once."""
        self.board.trouble(None, Cause.STARTING, State.NOT_SCREENING, "the workers load the model")
        self.pool.start()
        self._recorder.start()
        self._storage.start()
        for entry in self.ledger.unfinished():
            self._resume(entry)
        for feed in self.feeds.values():
            feed.start()
        self._watcher.start()

    @property
    def done(self) -> bool:
        """True once every source has ended and every scan has its verdict: recordings, never scanners."""
        return all(feed.ended for feed in self.feeds.values()) and not any(lane.depth for lane in self.lanes.values())

    @property
    def stopping(self) -> Event:
        """Set from `stop` on."""
        return self._stop

    def stop(self) -> None:
        """Stop cleanly: no new scans, running ones end, the others wait in the spool for the next start."""
        self.board.trouble(None, Cause.STOPPED, State.NOT_SCREENING, "the program is being stopped")
        self._stop.set()
        for name, feed in self.feeds.items():
            if not feed.join(_JOIN_S):
                _log.warning("the source of lane %s does not stop; it is left behind", name)
        self.pool.stop()
        self._recorder.stop()
        self._storage.stop()
        if self._watcher.ident is not None:
            self._watcher.join()
        self.unscreened = self._count_unscreened() - self._unscreened_before
        self.ledger.close()

    def _count_unscreened(self) -> int:
        return sum(tally.count for tally in self.ledger.tallies() if tally.outcome == Verdict.UNSCREENED)

    def _resume(self, entry: Entry) -> None:
        """Screen a scan again; one whose lane is no longer configured goes to a person."""
        self.resumed += 1
        lane = self.lanes.get(entry.lane)
        if lane is not None:
            lane.resume(entry)
            return
        screened = unscreened(entry.scan_id, f"its lane {entry.lane!r} is no longer configured; look at the parcel")
        record: dict[str, Any] = to_record(screened, self.pool.card)
        self._recorder.put(Outcome(entry.sequence, entry.lane, record, LossCause.STOPPING, monotonic(), lambda: None))

    def _on_pool(self, status: PoolStatus) -> None:
        if status.ready:
            self.board.well(None, Cause.STARTING)
        if status.ready == status.wanted:
            self.board.well(None, Cause.WORKERS)
        elif status.trouble:
            state = State.DEGRADED if status.ready else State.NOT_SCREENING
            detail = f"{status.ready} of {status.wanted} workers are ready: {status.trouble}"
            self.board.trouble(None, Cause.WORKERS, state, detail)

    def _on_rollout(self, trouble: str) -> None:
        if trouble:
            self.board.trouble(None, Cause.ROLLOUT, State.DEGRADED, trouble)
        else:
            self.board.well(None, Cause.ROLLOUT)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            for feed in self.feeds.values():
                feed.watch()
                feed.lane.look()
            self.pool.expire()
            self._storage.look()
            self._clock.look()


def worker_settings(config: LanesConfig) -> WorkerSettings:
    """The workers' part of the configuration."""
    workers = config.workers
    return WorkerSettings(
        config.model.resolve(),
        config.operating_point,
        workers.job_limit_s,
        workers.cpu_limit_s,
        workers.memory_limit_mb * 1024 * 1024,
        engine=config.engine,
    )


def open_sources(config: LanesConfig, around: Surroundings) -> dict[str, Source]:
    """Every lane's source. Raises ParcelSightError for one that can never work."""
    return {lane.name: lane.source.open(lane.name, around) for lane in config.lanes}
