"""Scans a second of re-screening: the plain loop, Ray Data with one worker, and with two; ratios within one run.

Steady rates are between the first finished shard and the last, so they leave out the start of Ray, which is told
beside them and is paid once a run. Processor time a scan, of the program and everything it started, is told as well:
it hardly depends on what else the machine does, and the load of the machine is told with it.

    python -m benchmarks.fleet_throughput                                  # short: 60 scans, one round
    python -m benchmarks.fleet_throughput --scans 600 --rounds 2 --json docs/results/fleet/throughput.json
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from benchmarks.fleet_archive import write_archive
from benchmarks.results import tell
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.fleet.engines import Engine, LocalEngine, RayEngine
from parcelsight.fleet.ray_session import RayConfig
from parcelsight.fleet.rescreening import Rescreening, check_exactly_once

SHARD = 20


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", type=int, default=400, help="of a scan, in pixels")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-throughput-") as folder:
        write_archive(Path(folder) / "scans", options.scans, side_px=options.side)
        rounds = [_round(Path(folder), number) for number in range(options.rounds)]
    result = _summed(rounds, options)
    tell(result, options.json)
    return 0


def _round(folder: Path, number: int) -> dict[str, dict[str, float]]:
    engines: dict[str, Engine] = {
        "loop": LocalEngine(),
        "one worker": RayEngine(RayConfig(), 1),
        "two workers": RayEngine(RayConfig(), 2),
    }
    order = list(engines) if number % 2 == 0 else list(engines)[::-1]
    return {name: _timed(folder, f"{number}-{name}", engines[name]) for name in order}


def _timed(folder: Path, name: str, engine: Engine) -> dict[str, float]:
    sink = folder / name.replace(" ", "-")
    work = Rescreening(str(folder / "scans"), str(sink), SHIPPED_MODEL, shard_scans=SHARD)
    started = monotonic()
    marks = [(monotonic() - started, done.scans, _processor_s()) for done in work.run(engine)]
    whole = monotonic() - started
    work.finish()
    check_exactly_once(work.sink)
    scans = sum(each for _, each, _ in marks[1:])
    steady, processor_ms = scans / (marks[-1][0] - marks[0][0]), 1e3 * (marks[-1][2] - marks[0][2]) / scans
    print(f"{name}: {steady:.1f} scans/s steady, {whole:.1f} s in all", file=sys.stderr)
    return {"steady": steady, "whole_s": whole, "first_s": marks[0][0], "processor_ms": processor_ms}


def _processor_s() -> float:
    """Of this program and all that it started and that still runs."""
    me = psutil.Process()
    spent = 0.0
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _summed(rounds: list[dict[str, dict[str, float]]], options: argparse.Namespace) -> dict[str, Any]:
    rate = {name: statistics.median(each[name]["steady"] for each in rounds) for name in rounds[0]}
    first = {name: statistics.median(each[name]["first_s"] for each in rounds) for name in rounds[0]}
    ratios = [each["two workers"]["steady"] / each["one worker"]["steady"] for each in rounds]
    overheads = [each["loop"]["steady"] / each["one worker"]["steady"] - 1 for each in rounds]
    return {
        "scans": options.scans,
        "side_px": options.side,
        "rounds": options.rounds,
        "scans_a_second": {name: round(value, 2) for name, value in rate.items()},
        "two_to_one_worker": round(statistics.median(ratios), 3),
        "overhead_of_one_worker_percent": round(100 * statistics.median(overheads), 1),
        "processor_ms_a_scan": {
            name: round(statistics.median(each[name]["processor_ms"] for each in rounds), 1) for name in rounds[0]
        },
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "seconds_to_first_shard": {name: round(value, 1) for name, value in first.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
