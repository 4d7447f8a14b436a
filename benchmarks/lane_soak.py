"""Do lanes grow or slow down over time? Belts and uploads for minutes, memory and latency all the while.

`parcelsight run` follows two recorded belts, played over and over in real time, and takes an upload a second; memory of
the program and of its workers is read every two seconds. Prints the slope of memory after the warm-up (the first
quarter) with its standard error, the 99th percentile of the time from a scan's acceptance to its verdict in the first
and the last third after it, and that every scan has one verdict.

    python -m benchmarks.lane_soak load [--minutes 20] [--workers 1] [--json FILE]      # load: from load_belt.py
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import numpy as np
import psutil

from benchmarks.chaos_program import Program, Sent, send
from benchmarks.ledger_chaos import at, free_port
from benchmarks.results import tell
from parcelsight.inference.lanes.ledger import Ledger

_EVERY_S = 2.0
_WARM_SHARE = 0.25


class Soaked(Program):
    """The program with two belts besides its upload lane."""

    def __init__(self, folder: Path, port: int, workers: int, belt: Path) -> None:
        self.belt = belt.resolve()
        super().__init__(folder, port, workers, queue=8)

    def lanes(self, port: int, workers: int, queue: int) -> str:
        """Its lanes file."""
        source = f"{{kind: belt, folder: {self.belt}, repeat: true}}"
        belts = "".join(f"  - {{name: belt{n}, source: {source}, health: false}}\n" for n in (1, 2))
        return super().lanes(port, workers, queue) + belts

    def memory_by_part_mb(self) -> dict[str, float]:
        """Resident memory of the program, and of all its workers."""
        parts = {"program": [self.process.pid], "workers": self.worker_pids()}
        return {name: sum(_rss_mb(pid) for pid in pids) for name, pids in parts.items()}


def _rss_mb(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def main() -> int:
    """Soak; exit status 1 where a scan has no verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("belt", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lane-soak-") as folder:
        result = soak(Path(folder), options.belt, options.minutes, options.workers)
    tell(result, options.json)
    return 0 if result["pending"] == 0 else 1


def soak(folder: Path, belt: Path, minutes: float, workers: int) -> dict[str, Any]:
    """Run, and what came of it."""
    program = Soaked(folder, free_port(), workers, belt)
    program.start_limit_s = 300.0
    program.wait_screening()
    stop, sent, samples = Event(), Sent(), []
    uploads = Thread(target=_upload, args=(program, sent, stop))
    uploads.start()
    started, load = monotonic(), []
    while (since_s := monotonic() - started) < 60 * minutes:
        samples.append({"s": since_s} | program.memory_by_part_mb())
        load.append(os.getloadavg()[0])
        sleep(_EVERY_S)
    stop.set()
    uploads.join()
    program.stop()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores", "minutes": minutes, "workers": workers,
        "load_average": {"median": at(load, 50), "most": at(load, 100)},
        "memory": {part: grown(samples, part) for part in ("program", "workers")},
        **verdicts(program.ledger),
    }  # fmt: skip


def _upload(program: Program, sent: Sent, stop: Event) -> None:
    number = 0
    while not stop.wait(1.0):
        send(program, number, sent, again=False)
        number += 1


def grown(samples: list[dict[str, float]], part: str) -> dict[str, float]:
    """Level and slope after the warm-up."""
    warm = samples[int(_WARM_SHARE * len(samples)) :]
    hours, mb = np.array([s["s"] for s in warm]) / 3600, np.array([s[part] for s in warm])
    slope, level = np.polyfit(hours, mb, 1)
    left = mb - (slope * hours + level)
    error = np.sqrt((left**2).sum() / max(1, len(mb) - 2) / ((hours - hours.mean()) ** 2).sum())
    return {
        "first_mb": round(float(samples[0][part]), 1), "warm_mb": round(float(mb[0]), 1),
        "last_mb": round(float(mb[-1]), 1), "slope_mb_per_hour": round(float(slope), 2),
        "standard_error": round(float(error), 2),
    }  # fmt: skip


def verdicts(folder: Path) -> dict[str, Any]:
    """What the ledger says."""
    ledger = Ledger(folder)
    counts = ledger.counts()
    records, cursor = [], 0
    while page := ledger.verdicts_since(cursor, 1000):
        records += page
        cursor = page[-1]["number"]
    ledger.close()
    ms = [record["timing_ms"]["since_accepted"] for record in records if record["lane"] == "lane1"]
    ms = ms[int(_WARM_SHARE * len(ms)) :]
    third = max(1, len(ms) // 3)
    return {
        "accepted": counts.accepted, "verdicts": counts.verdicts, "pending": counts.pending,
        "uploads_after_warm_up": len(ms),
        "verdict_ms": {
            name: {"median": at(part, 50), "p99": at(part, 99)}
            for name, part in (("first third", ms[:third]), ("last third", ms[-third:]))
        },
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
