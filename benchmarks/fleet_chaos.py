"""Does re-screening lose or double a scan when workers and driver are killed at random? Every row is looked at.

Runs `parcelsight rescreen --engine ray` over an archive of small scans whose verdicts are known, kills its workers and
the program itself with SIGKILL, starts it again until it ends, and holds every row against the archive.

    python -m benchmarks.fleet_chaos                                   # short: 3,000 scans, 4 kills
    python -m benchmarks.fleet_chaos --scans 50000 --kills 30 --driver-kills 6 --json docs/results/fleet/chaos.json

Exit status 1 where a scan was lost or doubled, or a verdict is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import psutil

from benchmarks.fleet_archive import write_archive, write_model, wrong_rows
from benchmarks.results import tell
from parcelsight.fleet.rescreening import check_exactly_once
from parcelsight.fleet.store import open_store

WORKER = "MapWorker"
"""In the name that Ray gives to an actor's process."""


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=3000)
    parser.add_argument("--shard", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3, help="of workers")
    parser.add_argument("--driver-kills", type=int, default=1)
    parser.add_argument("--pause-s", type=float, default=0.2, help="between kills, at most twice that")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-chaos-") as folder:
        result = run(Path(folder), options)
    tell(result, options.json)
    return 0 if result["rows"] == result["scans"] and not result["wrong"] else 1


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Make the archive, screen it amid kills, count."""
    archive, sink = folder / "archive", folder / "results"
    write_archive(archive, options.scans)
    model = write_model(folder / "model.onnx")
    command = [
        sys.executable, "-m", "parcelsight.commands.main", "rescreen", str(archive), str(sink), "--model", str(model),
        "--engine", "ray", "--workers", str(options.workers), "--shard", str(options.shard), "--json",
    ]  # fmt: skip
    random, started = Random(options.seed), monotonic()
    killed, driver_killed, runs = 0, 0, 0
    while True:
        runs += 1
        program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadly = driver_killed < options.driver_kills
        lives = options.driver_kills - driver_killed + 1
        share = (options.kills - killed) // lives if deadly else options.kills - killed
        killed += _harass(program, share, options.pause_s, random, sink)
        if deadly and program.poll() is None:
            os.kill(program.pid, signal.SIGKILL)
            driver_killed += 1
        out, err = program.communicate(timeout=3600)
        if program.returncode in (0, 3):  # 3: scans were set aside
            break
        if program.returncode != -signal.SIGKILL:
            raise SystemExit(f"the program ended with {program.returncode}: {err.decode()[-1500:]}")
    seen = check_exactly_once(open_store(str(sink)))
    return {
        "what": "re-screening under SIGKILL",
        **{name: getattr(options, name) for name in ("scans", "shard", "workers", "seed")},
        "runs": runs,
        "workers_killed": killed,
        "drivers_killed": driver_killed,
        "rows": seen,
        "wrong": list(wrong_rows(sink))[:20],
        "verdicts": json.loads((sink / "manifest.json").read_bytes())["verdicts"],
        "only_json_on_stdout": _is_json(out),
        "seconds": round(monotonic() - started, 1),
    }


def _is_json(out: bytes) -> bool:
    try:
        return isinstance(json.loads(out), dict)
    except ValueError:
        return False


def _harass(program: subprocess.Popen[bytes], kills: int, pause_s: float, random: Random, sink: Path) -> int:
    """Kill so many workers, each after the run has gone on; how many were killed before it ended."""
    killed = 0
    while program.poll() is None and killed < max(kills, 1):
        before = _done(sink)
        until = monotonic() + 120
        while program.poll() is None and _done(sink) <= before and monotonic() < until:
            sleep(0.05)
        sleep(random.uniform(0, 2 * pause_s))
        if kills and _kill_one(program.pid, random):
            killed += 1
        elif not kills:
            break
    return killed


def _done(sink: Path) -> int:
    return len(list((sink / "verdicts").glob("shard-*.parquet")))


def _kill_one(driver: int, random: Random) -> bool:
    """Kill one worker among the driver's own descendants."""
    try:
        family = psutil.Process(driver).children(recursive=True)
        workers = [each for each in family if WORKER in " ".join(each.cmdline())]
        if not workers:
            return False
        random.choice(workers).kill()
    except psutil.Error:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
