"""How many lanes one machine follows: recorded belts at their own speed, until a lane asks its belt to stop.

Every lane plays the same recorded belt in real time through the whole chain (assembly, windows, fusion, ledger,
verdict). Prints for each number of lanes the time from a parcel's last line to its verdict, how long before that line
the first early result came, how often belts were asked to stop, and lost lines.

    parcelsight belt lane1 --parcels 20 --gap 100 300       # needs [synthetic]
    python -m benchmarks.lane_capacity lane1 [--lanes 1 2 4 8] [--workers 2] [--seconds 30] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from parcelsight.datasets.belt_files import open_belt
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.events import EarlyResult, Pressed, VerdictGiven
from parcelsight.inference.lanes.feed import Feed
from parcelsight.inference.lanes.runtime import Lanes


class TimedFeed(Feed):
    """A feed that remembers when it was told of lines."""

    def read(self, lines: int) -> None:
        """Note the time of the last of them."""
        super().read(lines)
        vars(self).setdefault("read_at", []).append((self.lines, monotonic()))

    def time_of(self, line: int) -> float:
        """When a line had been read."""
        counts, times = zip(*vars(self)["read_at"], strict=True)
        return float(np.interp(line, counts, times))


def measure(belt: Path, lanes: int, workers: int, seconds: float) -> dict[str, Any]:
    """Play for a while; what came of it."""
    with tempfile.TemporaryDirectory(prefix="lane-capacity-") as folder:
        source = {"kind": "belt", "folder": belt, "repeat": True}
        names = [f"lane{n}" for n in range(lanes)]
        config = LanesConfig.model_validate(
            {
                "ledger": folder,
                "workers": {"count": workers},
                "lanes": [{"name": name, "source": source, "health": False} for name in names],
            }
        )
        program = Lanes(config)
        for feed in program.feeds.values():
            feed.__class__ = TimedFeed
        listener = program.hub.subscribe(size=100_000)
        program.start()
        program.pool.wait_ready(60)
        verdicts: list[tuple[VerdictGiven, float]] = []
        early: dict[tuple[str, str], float] = {}
        pressed = 0
        until = monotonic() + seconds
        while monotonic() < until:
            event = listener.get(0.1)
            if isinstance(event, VerdictGiven):
                verdicts.append((event, monotonic()))
            elif isinstance(event, EarlyResult):
                early.setdefault((event.lane, event.scan_id), monotonic())
            elif isinstance(event, Pressed):
                pressed += event.on
        latency_ms, ahead_ms = [], []
        length = len(open_belt(belt))
        for event, at in verdicts:
            name = event.record["scan"].removeprefix(stream_name(belt)).split("-")  # ["", turn from 2 on, line]
            turn = int(name[1]) - 1 if len(name) > 2 else 0
            last = turn * length + int(event.record["meta"]["lines"].split("-")[1])
            ended = program.feeds[event.lane].time_of(last)  # type: ignore[attr-defined]
            latency_ms.append(1e3 * (at - ended))
            key = (event.lane, event.record["scan"])
            if key in early:
                ahead_ms.append(1e3 * (ended - early[key]))
        lost = sum(tally.count for tally in program.ledger.tallies() if tally.outcome == "LOST")
        lines = sum(feed.lines for feed in program.feeds.values())
        program.stop()
    return {
        "lanes": lanes, "parcels": len(verdicts), "lines": lines, "lines_lost": lost, "belt_stops": pressed,
        "verdict_after_last_line_ms": percentiles(latency_ms), "early_before_last_line_ms": percentiles(ahead_ms),
    }  # fmt: skip


def stream_name(belt: Path) -> str:
    """What scan ids of its first turn begin with."""
    return belt.resolve().name


def percentiles(values: list[float]) -> dict[str, float | int]:
    """Count, median and 99th percentile."""
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "median": round(float(np.median(values)), 1),
        "p99": round(float(np.percentile(values, 99)), 1),
    }


def main() -> int:
    """Measure; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("belt", type=Path)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    document = open_belt(options.belt).document
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "workers": options.workers,
        "belt": f"{document.scanner}, {document.detectors} detectors, {document.line_rate_hz:.0f} lines/s, "
        f"{len(document.parcels)} parcels in {document.lines / document.line_rate_hz:.1f} s",
        "runs": [measure(options.belt, lanes, options.workers, options.seconds) for lanes in options.lanes],
    }
    text = json.dumps(result, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
