"""Jobs that wait for a worker: by priority, then in order; bounded; none outlives its deadline unseen."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, Lock
from time import monotonic

from .causes import LossCause
from .jobs import AnyFuture, Job, JobFailed

STOPPING = "the program is being stopped"


@dataclass(order=True, slots=True)
class Queued:
    """A job with its place."""

    priority: int
    order: int
    job: Job = field(compare=False)
    future: AnyFuture = field(compare=False)
    due: float | None = field(compare=False, default=None)
    """Monotonic time by which a worker must have begun."""
    deaths: int = field(compare=False, default=0)
    """Workers that died over it."""

    def fail(self, cause: LossCause, reason: str) -> None:
        """End it without a result."""
        self.future.set_exception(JobFailed(cause, reason))


class JobQueue:
    """A bounded priority queue. Safe for threads."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._clock = most, clock
        self._heap: list[Queued] = []
        self._order = count()
        self._changed = Condition(Lock())
        self._closed = False

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, job: Job, future: AnyFuture, deadline_s: float | None) -> bool:
        """Append a job; False where the queue is full or closed."""
        with self._changed:
            if self._closed or len(self._heap) >= self._most:
                return False
            due = None if deadline_s is None else self._clock() + deadline_s
            heapq.heappush(self._heap, Queued(job.priority, next(self._order), job, future, due))
            self._changed.notify()
            return True

    def put_back(self, queued: Queued) -> None:
        """Give a job its old place again."""
        with self._changed:
            if not self._closed:
                heapq.heappush(self._heap, queued)
                self._changed.notify()
                return
        queued.fail(LossCause.STOPPING, STOPPING)

    def take(self, timeout_s: float) -> Queued | None:
        """The next job; None when there was none in time. Jobs that are overdue fail on the way."""
        with self._changed:
            if not self._heap and not self._closed:
                self._changed.wait(timeout_s)
        self.expire()
        with self._changed:
            return heapq.heappop(self._heap) if self._heap and not self._closed else None

    def expire(self) -> None:
        """End jobs that no worker has begun in time."""
        now = self._clock()
        with self._changed:
            late = [queued for queued in self._heap if queued.due is not None and queued.due < now]
            if late:
                self._heap = [queued for queued in self._heap if queued not in late]
                heapq.heapify(self._heap)
        for queued in late:
            queued.fail(LossCause.DEADLINE, "no worker came to it in time; a person must look at the parcel")

    def close(self) -> list[Queued]:
        """No more jobs; those that waited."""
        with self._changed:
            self._closed = True
            waiting, self._heap = sorted(self._heap), []
            self._changed.notify_all()
        return waiting
