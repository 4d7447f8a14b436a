"""How soon a fault is seen, and how soon it is over: seconds to NOT SCREENING (or DEGRADED) and back to SCREENING.

Faults are put into running lanes with real workers: SIGKILL and SIGSTOP to the worker, a file system that refuses
writes (errors injected under the ledger), a source that falls silent or fails.

    python -m benchmarks.lane_faults [--rounds 5] [--json FILE]

Exit status 1 where a fault was seen later than 2 s, or was shown for more than 5 s after it had ended.
"""

from __future__ import annotations

import argparse
import errno
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

from benchmarks.results import tell
from parcelsight.detector.errors import SourceError
from parcelsight.inference.lanes import runtime, spool
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.runtime import Lanes
from parcelsight.inference.lanes.source import Deliver, SourceHealth
from parcelsight.inference.lanes.state import State

SEEN_S, OVER_S = 2.0, 5.0


class Switchable:
    """A source without scans that can fall silent and fail."""

    name = "switchable"

    def __init__(self) -> None:
        self.silent, self.failing = Event(), Event()

    def run(self, deliver: Deliver, stop: Event, health: SourceHealth) -> None:
        """Say that it is alive."""
        while not stop.wait(0.1):
            if self.failing.is_set():
                raise SourceError("the scanner hung up", "check its cable")
            if not self.silent.is_set():
                health.alive()


@contextmanager
def refusing(number: int) -> Iterator[None]:
    """Every write to the spool fails."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with patch.object(spool.os, "write", refuse):  # type: ignore[attr-defined]
        yield


@contextmanager
def switched(event: Event) -> Iterator[None]:
    """Set while it lasts."""
    event.set()
    yield
    event.clear()


@contextmanager
def signalled(lanes: Lanes, sign: signal.Signals) -> Iterator[None]:
    """The worker gets a signal; the fault is over when it has been found."""
    os.kill(lanes.pool.pids[0], sign)
    yield


def faults(lanes: Lanes, source: Switchable) -> dict[str, Callable[[], Any]]:
    """What can happen."""
    return {
        "worker killed": lambda: signalled(lanes, signal.SIGKILL),
        "worker hung": lambda: signalled(lanes, signal.SIGSTOP),
        "disk full": lambda: refusing(errno.ENOSPC),
        "disk read-only": lambda: refusing(errno.EROFS),
        "source silent": lambda: switched(source.silent),
        "source failing": lambda: switched(source.failing),
    }


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it came about, half a minute at most."""
    started = monotonic()
    while not condition() and monotonic() - started < 30:
        sleep(0.01)
    return monotonic() - started


def measure(rounds: int) -> dict[str, Any]:
    """Every fault so many times; the worst times."""
    source = Switchable()
    with tempfile.TemporaryDirectory(prefix="lane-faults-") as folder:
        config = LanesConfig.model_validate(
            {"ledger": Path(folder), "lanes": [{"name": "lane1", "source": {"kind": "http"}}]}
        )
        with patch.object(runtime, "open_sources", lambda *_: {"lane1": source}):
            lanes = Lanes(config)
        lanes.start()
        lanes.pool.wait_ready(60)

        def screening() -> bool:
            return lanes.board.of("lane1").state is State.SCREENING

        found = {}
        for name, fault in faults(lanes, source).items():
            seen, over = [], []
            for _ in range(rounds):
                until(screening)
                sleep(0.3)
                with fault():
                    seen.append(until(lambda: not screening()))
                over.append(until(screening))
            found[name] = {"seen_after_s": round(max(seen), 2), "over_after_s": round(max(over), 2)}
        lanes.stop()
    return found


def main() -> int:
    """Measure; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measure(options.rounds)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    tell({"machine": machine, "rounds": options.rounds, "worst": found}, options.json)
    return int(any(f["seen_after_s"] > SEEN_S or f["over_after_s"] > OVER_S for f in found.values()))


if __name__ == "__main__":
    sys.exit(main())
