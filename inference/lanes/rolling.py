"""A pool whose model can be exchanged while lanes run: for a staged roll-out, and for taking it back at once.

A small file says which model is live, which is the candidate, and at which sites the candidate runs; it may lie on a
share. When the answer for this site changes, workers with the other model are started beside the old ones, jobs are
held until the old ones have nothing in hand (seconds at most), and from then on the others get them. So every verdict
is of one model, and names it. A model that does not come up changes nothing, and the lane says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from typing import Any, overload

from pydantic import BaseModel, ConfigDict, Field

from ...configs.loading import load_config
from ...detector.card import ModelCard
from ...detector.errors import ConfigError, ModelError, ParcelSightError
from .causes import LossCause
from .job_queue import STOPPING
from .jobs import AnyFuture, Job, JobFailed, ScanFuture, ScanJob, WindowFuture, WindowJob
from .pool import DetectorPool, PoolStatus
from .worker import WorkerSettings

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_READY_S = 60.0
_DRAIN_S = 30.0
EVERYWHERE = "*"


class RolloutFile(BaseModel):
    """ROLLOUT.yaml, as ``parcelsight rollout`` writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    live: Path
    candidate: Path | None = None
    at: tuple[str, ...] = Field(default=(), max_length=1000)
    """Sites where the candidate runs; ``*`` is every site."""

    def model_of(self, site: str) -> Path:
        """Which model runs at a site."""
        chosen = self.candidate is not None and (site in self.at or EVERYWHERE in self.at)
        return self.candidate if chosen and self.candidate is not None else self.live


class RolloutConfig(BaseModel):
    """``rollout: {file: …, site: …}`` of LANES.yaml; ``model`` then stands for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    site: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")


def chosen_model(config: RolloutConfig) -> Path:
    """The model that the file names for this site; relative paths start at the file's folder.

    Raises:
        ConfigError: if the file cannot be read.
    """
    return config.file.resolve().parent / load_config(config.file, RolloutFile, "rollout").model_of(config.site)


class RollingPool:
    """A `DetectorPool` that exchanges its model as its file says.

    Args:
        settings: of the workers; their model is the file's.
        workers: how many.
        on_status: told of every change, by any thread.
        config: where the file lies, and which site this is.
        on_trouble: told why an exchange failed, and "" when nothing is wrong any more.

    Raises:
        ConfigError, ModelError, UsageError: if file or model cannot be used at the start.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        on_status: Callable[[PoolStatus], None],
        config: RolloutConfig,
        on_trouble: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._settings, self._wanted, self._on_status = settings, workers, on_status
        self._config, self._on_trouble = config, on_trouble
        self._model = chosen_model(config)
        self._pool = self._make(self._model)
        self._state = Condition(Lock())
        self._in_hand = 0
        self._held: list[tuple[Job, AnyFuture, float | None]] | None = None
        self._stop = Event()
        self._follower = Thread(target=self._follow, name="rollout", daemon=True)

    @property
    def card(self) -> ModelCard:
        """Of the model in force."""
        return self._pool.card

    @property
    def status(self) -> PoolStatus:
        """Of the workers in force."""
        return self._pool.status

    @property
    def pids(self) -> list[int]:
        """Of the workers in force."""
        return self._pool.pids

    @property
    def deaths(self) -> int:
        """Of the workers in force."""
        return self._pool.deaths

    @property
    def description(self) -> str:
        """Of the workers in force."""
        return self._pool.description

    @property
    def waiting(self) -> int:
        """Jobs without a worker."""
        return self._pool.waiting + len(self._held or ())

    def start(self) -> None:
        """Start the workers, and follow the file."""
        self._pool.start()
        self._follower.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """As of the pool."""
        return self._pool.wait_ready(timeout_s)

    def expire(self) -> None:
        """As of the pool."""
        self._pool.expire()

    @overload
    def submit(self, job: ScanJob, deadline_s: float | None = None) -> ScanFuture: ...
    @overload
    def submit(self, job: WindowJob, deadline_s: float | None = None) -> WindowFuture: ...
    def submit(self, job: Job, deadline_s: float | None = None) -> AnyFuture:
        """Queue a job, as `DetectorSeam` says; during an exchange it waits for the new workers."""
        outer: AnyFuture = Future()
        with self._state:
            if self._held is not None:
                self._held.append((job, outer, deadline_s))
                return outer
            self._in_hand += 1
        self._begin(job, outer, deadline_s)
        return outer

    def stop(self) -> None:
        """As of the pool; held jobs stay with the ledger."""
        self._stop.set()
        if self._follower.ident is not None:
            self._follower.join()
        self._pool.stop()

    def look(self) -> None:
        """Exchange the model where the file names another; nothing changes where that fails."""
        try:
            wanted = chosen_model(self._config)
            if wanted != self._model:
                self._exchange(wanted)
            self._on_trouble("")
        except ParcelSightError as error:
            self._on_trouble(f"the model stays {self.card.name} {self.card.version}: {error}")

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self.look()

    def _exchange(self, model: Path) -> None:
        pool = self._make(model)
        if [each.name for each in pool.card.classes] != [each.name for each in self.card.classes]:
            # Lanes may hold results of both for a moment, and a class id must not change its meaning under them.
            raise ModelError(f"{model} names other classes than the model in force", "restart the lanes with it")
        pool.start()
        if not pool.wait_ready(_READY_S):
            why = pool.status.trouble or "no worker was ready in time"
            pool.stop()
            raise ModelError(f"{model}: {why}", "see what is wrong with it, or take the roll-out back")
        with self._state:
            self._held = []
            self._state.wait_for(lambda: self._in_hand == 0 or self._stop.is_set(), _DRAIN_S)
            before, self._pool, self._model = self._pool, pool, model
            held, self._held = self._held, None
            self._in_hand += len(held)
        _log.info("the model is now %s %s", pool.card.name, pool.card.version)
        for job, outer, deadline_s in held:
            self._begin(job, outer, deadline_s)
        self._on_status(pool.status)
        before.stop()

    def _make(self, model: Path) -> DetectorPool:
        made: list[DetectorPool] = []

        def on_status(status: PoolStatus) -> None:
            if made and made[0] is getattr(self, "_pool", None):  # one that is not in force yet, or no more, is quiet
                self._on_status(status)

        made.append(DetectorPool(replace(self._settings, model=model), self._wanted, on_status))
        return made[0]

    def _begin(self, job: Job, outer: AnyFuture, deadline_s: float | None) -> None:
        if self._stop.is_set():
            inner: AnyFuture = Future()
            inner.set_exception(JobFailed(LossCause.STOPPING, STOPPING))
        else:
            inner = self._pool.submit(job, deadline_s)
        inner.add_done_callback(lambda done: self._end(done, outer))

    def _end(self, inner: Future[Any], outer: AnyFuture) -> None:
        """The lane takes its result within ``set_result``, while the card is still that of the model that made it."""
        try:
            failure = inner.exception()
            if failure is not None:
                outer.set_exception(failure)
            else:
                outer.set_result(inner.result())
        finally:
            with self._state:
                self._in_hand -= 1
                self._state.notify_all()


def write_rollout(path: Path, rollout: RolloutFile) -> None:
    """Write the file as a whole: lanes read it at any moment.

    Raises:
        ConfigError: if it cannot be written.
    """
    lines = [f"live: {_quoted(rollout.live)}"]
    if rollout.candidate is not None:
        lines.append(f"candidate: {_quoted(rollout.candidate)}")
    lines.append(f"at: [{', '.join(_quoted(site) for site in rollout.at)}]")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})", "name a file you may write") from error


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
