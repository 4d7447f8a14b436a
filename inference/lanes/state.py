"""Is this lane being screened right now? One answer, always with its cause and since when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from threading import Lock
from types import MappingProxyType


class State(IntEnum):
    """The worse the greater."""

    SCREENING = 0
    DEGRADED = 1
    """Scans are judged, but something needs attention."""
    NOT_SCREENING = 2
    """What passes is not judged; people must look at every parcel."""

    @property
    def label(self) -> str:
        """As it is shown."""
        return self.name.replace("_", " ")


class Cause(StrEnum):
    """What can be wrong."""

    STARTING = "starting"
    SOURCE_SILENT = "source-silent"
    """Nothing was heard from the scanner."""
    SOURCE_FAILED = "source-failed"
    """The source stopped with an error; it is tried again."""
    SOURCE_ENDED = "source-ended"
    """A recording reached its end, or the scanner said goodbye."""
    BELT_STOPPED = "belt-stopped"
    NOT_CALIBRATED = "not-calibrated"
    LINES_LOST = "lines-lost"
    WORKERS = "workers"
    """No worker is ready, or some are missing."""
    ROLLOUT = "rollout"
    """Another model should run here, and does not come up; the one before goes on."""
    OVERLOAD = "overload"
    DISK_FULL = "disk-full"
    READ_ONLY = "read-only"
    STORAGE = "storage"
    CLOCK = "clock"
    """The wall clock jumped: times in records before and after do not compare."""
    FROZEN = "frozen"
    BLANK = "blank"
    SATURATED = "saturated"
    DEAD_COLUMNS = "dead-columns"
    SHUFFLED = "shuffled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The state of one lane at one time."""

    lane: str
    state: State
    cause: Cause | None
    """The worst; None while SCREENING."""
    detail: str
    since: datetime
    """UTC; when this state or cause began."""
    others: tuple[Cause, ...] = ()
    """What else is wrong."""
    title: str = ""
    """As people call the lane; empty for its name."""

    def to_record(self) -> dict[str, object]:
        """As a plain value for JSON."""
        return {
            "lane": self.lane,
            "title": self.title or self.lane,
            "state": self.state.name,
            "cause": self.cause and str(self.cause),
            "detail": self.detail,
            "since": self.since.isoformat(timespec="milliseconds"),
            "others": [str(cause) for cause in self.others],
        }


Announce = Callable[[LaneStatus], None]


class StateBoard:
    """What is wrong with every lane; the only place that decides a lane's state. Safe for threads.

    Args:
        lanes: names of the lanes.
        announce: called with each change, by the thread that made it.
        titles: of lanes that people call otherwise.
    """

    def __init__(
        self,
        lanes: Iterable[str],
        announce: Announce = lambda status: None,
        titles: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._announce = announce
        self._lock = Lock()
        self._wrong: dict[str, dict[Cause, tuple[State, str]]] = {lane: {} for lane in lanes}
        now = datetime.now(UTC)
        self._status = {
            lane: LaneStatus(lane, State.SCREENING, None, "", now, title=titles.get(lane, "")) for lane in self._wrong
        }

    def all(self) -> list[LaneStatus]:
        """Every lane's status, in the order of the configuration."""
        with self._lock:
            return list(self._status.values())

    def of(self, lane: str) -> LaneStatus:
        """One lane's status. Raises KeyError for a lane that is not there."""
        with self._lock:
            return self._status[lane]

    def trouble(self, lane: str | None, cause: Cause, state: State, detail: str) -> None:
        """Something is wrong with a lane (None: with all); said again it replaces its detail."""
        self._change(lane, lambda wrong: wrong.__setitem__(cause, (state, detail)))

    def well(self, lane: str | None, cause: Cause) -> None:
        """It is over; nothing happens where it was not wrong."""
        self._change(lane, lambda wrong: wrong.pop(cause, None))

    def _change(self, lane: str | None, change: Callable[[dict[Cause, tuple[State, str]]], object]) -> None:
        with self._lock:
            changed = []
            for name in [lane] if lane is not None else list(self._wrong):
                change(self._wrong[name])
                status = self._judge(name)
                if status != self._status[name]:
                    self._status[name] = status
                    changed.append(status)
            for status in changed:  # within the lock, so that changes are announced in their order
                self._announce(status)

    def _judge(self, lane: str) -> LaneStatus:
        before, wrong = self._status[lane], self._wrong[lane]
        worst = max(wrong, key=lambda cause: wrong[cause][0], default=None)
        state, detail = wrong[worst] if worst is not None else (State.SCREENING, "")
        same = (before.state, before.cause) == (state, worst)
        since = before.since if same else datetime.now(UTC)
        others = tuple(cause for cause in wrong if cause is not worst)
        return replace(before, state=state, cause=worst, detail=detail, since=since, others=others)
