"""The detector pool: a bounded queue of jobs before worker processes that are watched, restarted and never trusted.

One thread a worker: it takes a job, asks its process, and waits no longer than the job's limit. Whatever goes wrong
with the process ends in its death, and the job goes back to its place in the queue, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, overload

from ...detector.card import ModelCard
from ...detector.errors import ModelError
from .breaker import Breaker
from .causes import LossCause
from .job_queue import STOPPING, JobQueue, Queued
from .jobs import AnyFuture, Job, JobFailed, ScanFuture, ScanJob, WindowFuture, WindowJob
from .worker import Worker, WorkerDied, WorkerSettings, read_card

_log = logging.getLogger(__name__)

MOST_JOBS = 2048
_IDLE_S = 0.5
"""After so long without work a worker is pinged."""
_DEATHS = 2
"""A job that two workers died over is given up."""
_SHED_ABOVE = 2
"""Jobs waiting a worker, above which optional ones are shed."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How many workers are ready, and what is wrong with the others."""

    ready: int
    wanted: int
    trouble: str
    """Why workers are missing, in words; empty while none is or all are just starting."""


class DetectorPool:
    """Worker processes behind one queue; a `DetectorSeam`.

    Args:
        settings: of the workers.
        workers: how many.
        on_status: told of every change, by any thread.

    Raises:
        ModelError: if the model is refused.
        UsageError: if it has no such operating point.
    """

    def __init__(
        self, settings: WorkerSettings, workers: int, on_status: Callable[[PoolStatus], None] = lambda status: None
    ) -> None:
        self._settings, self._wanted, self._on_status = settings, workers, on_status
        self._queue = JobQueue(MOST_JOBS)
        self._breaker = Breaker()
        self._stop = Event()
        self._lock = Lock()
        self._joined = Event()
        self.card: ModelCard = read_card(settings)
        self._workers: dict[int, Worker] = {}
        self._trouble = ""
        self.description = ""
        self.deaths = 0
        """Workers that ended unasked since the start."""
        self._threads = [
            Thread(target=self._keep_working, args=(slot,), name=f"worker-{slot}", daemon=True)
            for slot in range(workers)
        ]

    def start(self) -> None:
        """Start the workers; returns at once."""
        for thread in self._threads:
            thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until a first worker was ready; False where none was in time."""
        return self._joined.wait(timeout_s)

    @property
    def status(self) -> PoolStatus:
        """Now."""
        with self._lock:
            return PoolStatus(len(self._workers), self._wanted, self._trouble)

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._queue)

    @property
    def pids(self) -> list[int]:
        """Of the workers that are ready."""
        with self._lock:
            return [worker.pid for worker in self._workers.values()]

    @overload
    def submit(self, job: ScanJob, deadline_s: float | None = None) -> ScanFuture: ...
    @overload
    def submit(self, job: WindowJob, deadline_s: float | None = None) -> WindowFuture: ...
    def submit(self, job: Job, deadline_s: float | None = None) -> AnyFuture:
        """Queue a job, as `DetectorSeam` says."""
        future: Future[Any] = Future()
        crowded = len(self._queue) > _SHED_ABOVE * self._wanted
        if crowded and isinstance(job, WindowJob) and job.optional:
            future.set_exception(JobFailed(LossCause.OVERLOAD, "shed: scans are waiting"))
        elif not self._queue.put(job, future, deadline_s):
            cause = LossCause.STOPPING if self._stop.is_set() else LossCause.OVERLOAD
            future.set_exception(JobFailed(cause, "the queue takes no more"))
        return future

    def expire(self) -> None:
        """End jobs that are overdue, where no worker is left to meet them."""
        self._queue.expire()

    def stop(self) -> None:
        """Let running jobs end, fail the waiting ones with LossCause.STOPPING, end the processes."""
        self._stop.set()
        for queued in self._queue.close():
            queued.fail(LossCause.STOPPING, STOPPING)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep_working(self, slot: int) -> None:
        while not self._stop.is_set():
            worker = self._started()
            if worker is None:
                self._stop.wait(0.1)
                continue
            self._joins(slot, worker)
            try:
                self._work(worker)
            except WorkerDied as death:
                self._mourn(f"a worker {death}")
            finally:
                self._leaves(slot)
                worker.kill()

    def _started(self) -> Worker | None:
        """A new worker, as soon as the breaker lets one be started."""
        if not self._breaker.may_start():
            return None
        try:
            return Worker(self._settings, self.card)
        except WorkerDied as death:
            self._mourn(f"a new worker {death}")
        except ModelError as error:
            self._mourn(str(error))
        except OSError as error:
            self._mourn(f"no process can be started ({error.strerror})")
        return None

    def _work(self, worker: Worker) -> None:
        """Ask until the program stops or the worker dies. Raises WorkerDied."""
        while not self._stop.is_set():
            queued = self._queue.take(_IDLE_S)
            if queued is None:
                worker.ping()
            elif worker.has_ended:  # while it was idle: no fault of this job
                self._queue.put_back(queued)
                worker.ping()
            else:
                self._ask(worker, queued)
            self._breaker.answered()

    def _ask(self, worker: Worker, queued: Queued) -> None:
        try:
            result = worker.ask(queued.job)
        except JobFailed as failure:
            queued.future.set_exception(failure)
        except WorkerDied as death:
            queued.deaths += not death.engine_lost
            if death.over_limit:
                queued.fail(LossCause.LIMITS, "took more processor time than one scan may")
            elif queued.deaths >= _DEATHS:
                queued.fail(LossCause.BROKE_WORKERS, f"{queued.deaths} workers died over it, the last {death}")
            else:
                self._queue.put_back(queued)
            raise
        else:
            queued.future.set_result(result)

    def _joins(self, slot: int, worker: Worker) -> None:
        with self._lock:
            self._workers[slot] = worker
            if len(self._workers) == self._wanted:
                self._trouble = ""
            self.description = worker.description
        self._joined.set()
        self._on_status(self.status)

    def _leaves(self, slot: int) -> None:
        with self._lock:
            del self._workers[slot]
        self._on_status(self.status)

    def _mourn(self, how: str) -> None:
        self._breaker.crashed()
        with self._lock:
            self.deaths += 1
            self._trouble = f"{how}; waiting before the next" if self._breaker.is_open else how
        _log.info("%s", self._trouble)
        self._on_status(self.status)
