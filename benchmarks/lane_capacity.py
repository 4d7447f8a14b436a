"""How many lanes one machine follows: recorded belts at their own speed, until a lane asks its belt to stop.

Every lane plays the same recorded belt in real time through the whole chain (assembly, windows, fusion, ledger,
verdict); lanes begin at random moments within two seconds, as scanners would. Prints for each number of lanes the time
from a parcel's last line to its verdict, how long before that line the first alarm came, how many of the parcels that
had an alarm in their first half were alarmed before their last line, how often belts were asked to stop, lost lines.

    parcelsight belt rendered --parcels 12 --line-rate 500 --gap 200 200 --touching 0 --threat-share 1 --seed 5
    python -m benchmarks.load_belt rendered load            # 0.8 m parcels, one every 2 s
    python -m benchmarks.lane_capacity load [--lanes 1 2 4 8] [--workers 2] [--seconds 30] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from threading import Timer
from time import monotonic
from typing import Any

import numpy as np

from parcelsight.datasets.belt_files import open_belt
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.events import EarlyResult, Pressed, VerdictGiven
from parcelsight.inference.lanes.feed import Feed
from parcelsight.inference.lanes.runtime import Lanes

_BEGIN_WITHIN_S = 2.0


class TimedFeed(Feed):
    """A feed that begins at a moment of its own, and remembers when it was told of lines."""

    def start(self) -> None:
        """Begin within two seconds."""
        Timer(Random(self.lane.name).uniform(0, _BEGIN_WITHIN_S), super().start).start()

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
            elif isinstance(event, EarlyResult) and event.record["verdict"]:
                early.setdefault((event.lane, event.scan_id), monotonic())
            elif isinstance(event, Pressed):
                pressed += event.on
        latency_ms, ahead_ms, first_half, in_time = [], [], 0, 0
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
            if has_alarm_in_first_half(event.record):
                first_half += 1
                in_time += key in early and early[key] < ended
        lost = sum(tally.count for tally in program.ledger.tallies() if tally.outcome == "LOST")
        lines = sum(feed.lines for feed in program.feeds.values())
        stood_s = sum(feed.source.stood_s for feed in program.feeds.values())  # type: ignore[attr-defined]
        program.stop()
    return {
        "lanes": lanes, "parcels": len(verdicts), "lines": lines, "lines_lost": lost, "belt_stops": pressed,
        "belts_stood_share": round(stood_s / (lanes * seconds), 4),
        "verdict_after_last_line_ms": percentiles(latency_ms), "alarm_before_last_line_ms": percentiles(ahead_ms),
        "alarms_in_first_half": first_half, "of_them_before_last_line": in_time,
    }  # fmt: skip


def has_alarm_in_first_half(record: Mapping[str, Any]) -> bool:
    """True where an alarm lies wholly in the half of the parcel that passes first."""
    first, end = (int(row) for row in record["meta"]["rows"].split("-"))
    half_px = ((first + end) / 2 - int(record["meta"]["first_row"])) / float(record["meta"]["rows_per_px"])
    return any(found["xyxy_px"][3] < half_px for found in record["detections"])


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
        "least": round(min(values), 1),
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
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "workers": options.workers,
        "belt": f"{document.scanner}, {document.detectors} detectors, {document.line_rate_hz:.0f} lines/s, "
        f"{len(document.parcels)} parcels in {document.lines / document.line_rate_hz:.1f} s",
        "runs": [],
    }
    for lanes in options.lanes:
        result["runs"].append(measure(options.belt, lanes, options.workers, options.seconds))
        print(json.dumps(result["runs"][-1]), file=sys.stderr, flush=True)
        if options.json:  # after each: a run that is cut off keeps what it has
            options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
