"""What Ray Serve adds to a verdict, and whether replicas that are killed lose or double one.

1. latency: one worker that runs the network itself and one that asks a replica take the same scans in turns; medians,
   and the median of the paired differences, from submission to verdict.
2. chaos: a lane over a ledger takes scans with known verdicts while a replica is killed every few seconds; then every
   accepted scan must have exactly one verdict, the right one or, past its deadline, UNSCREENED: a person gets it.

    python -m benchmarks.fleet_serve                                    # short: 20 scans, 20 s of kills
    python -m benchmarks.fleet_serve --scans 300 --chaos-s 300 --every-s 10 --json docs/results/fleet/serve.json

Exit status 1 where a scan was lost or doubled, or has another verdict than it should.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, perf_counter, sleep
from typing import Any

import psutil
import yaml

from benchmarks.fleet_archive import write_model
from benchmarks.results import tell
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.inference.known_answer import SAMPLES
from parcelsight.inference.kserve import KServeConfig
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.jobs import ScanJob
from parcelsight.inference.lanes.pool import DetectorPool
from parcelsight.inference.lanes.runtime import Lanes
from parcelsight.inference.lanes.source import Receipt
from parcelsight.inference.lanes.worker import WorkerSettings
from tests.lane_parts import png

REPLICA = "ServeReplica"


def main() -> int:
    """Run both parts; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=20, help="of the latency part; 0 leaves it out")
    parser.add_argument("--chaos-s", type=float, default=20.0, help="0 leaves it out")
    parser.add_argument("--every-s", type=float, default=5.0, help="between kills")
    parser.add_argument("--rate", type=float, default=5.0, help="scans a second of the chaos part")
    parser.add_argument("--haproxy", action="store_true", help="by HAProxy instead of Ray's own proxy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fleet-serve-") as folder:
        if options.scans:
            result["latency"] = latency(Path(folder), options.scans, options.haproxy)
        if options.chaos_s:
            result["chaos"] = chaos(Path(folder), options)
    tell(result, options.json)
    failed = result.get("chaos", {})
    return 1 if any(failed.get(name) for name in ("lost", "doubled", "wrong")) else 0


@contextmanager
def deployed(folder: Path, model: Path, replicas: int, haproxy: bool) -> Iterator[tuple[int, KServeConfig]]:
    """A cluster of this machine with one model: the program's pid, and how lanes reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = folder / "cluster.yaml"
    one = {"name": "bench", "model": str(model), "replicas": replicas, "cpus": 0.5, "batch": {"most": 1}}
    door = {"port": port, "haproxy": haproxy, "open_network": haproxy}
    file.write_text(yaml.safe_dump({"cpus": 2, "http": door, "models": [one]}))
    command = [sys.executable, "-m", "parcelsight.commands.main", "deploy", str(file)]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert program.stderr is not None
    said = []
    try:
        for line in program.stderr:
            said.append(line)
            if "answers at" in line:
                break
        else:
            raise SystemExit(f"nothing was deployed: {''.join(said)[-1500:]}")
        Thread(target=program.stderr.read, daemon=True).start()
        yield program.pid, KServeConfig(kind="kserve", url=f"http://127.0.0.1:{port}", model="bench")
    finally:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(60)
        except subprocess.TimeoutExpired:
            program.kill()


def latency(folder: Path, scans: int, haproxy: bool) -> dict[str, Any]:
    """Both ways in turns, by the shipped model on the sample parcels."""
    files = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".tif", ".jpg"))
    with deployed(folder, SHIPPED_MODEL, 1, haproxy) as (_, engine):
        pools = [DetectorPool(WorkerSettings(SHIPPED_MODEL, engine=each), 1) for each in (None, engine)]
        for pool in pools:
            pool.start()
            assert pool.wait_ready(120)
        times: list[list[float]] = [[], []]
        for number in range(-5, scans):
            for pool, kept in zip(pools, times, strict=True):
                started = perf_counter()
                pool.submit(ScanJob("scan", (files[number % len(files)],))).result(60)
                if number >= 0:
                    kept.append(1e3 * (perf_counter() - started))
        for pool in pools:
            pool.stop()
    added = sorted(there - here for here, there in zip(*times, strict=True))
    return {
        "scans": scans,
        "by_haproxy": haproxy,
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "own_median_ms": round(statistics.median(times[0]), 2),
        "serve_median_ms": round(statistics.median(times[1]), 2),
        "added_median_ms": round(statistics.median(added), 2),
        "added_p05_p95_ms": [round(added[int(share * (scans - 1))], 2) for share in (0.05, 0.95)],
    }


def chaos(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Kills under load; what became of every scan."""
    model, random = write_model(folder / "model.onnx"), Random(options.seed)
    with deployed(folder, model, 2, options.haproxy) as (pid, engine):
        config = LanesConfig.model_validate(
            {
                "ledger": folder / "ledger",
                "model": model,
                "engine": engine.model_dump(),
                "workers": {"job_limit_s": 10},  # a loaded machine is not what is tried here
                "lanes": [{"name": "lane1", "source": {"kind": "http"}, "health": False, "queue": 64}],
            }
        )
        lanes, stop = Lanes(config), Event()
        lanes.start()
        assert lanes.pool.wait_ready(120)
        kills: list[float] = []
        killer = Thread(target=_kill_replicas, args=(pid, options.every_s, random, stop, kills))
        killer.start()
        started, sent = monotonic(), 0
        while monotonic() - started < options.chaos_s:
            arrival = Arrival("lane1", f"scan-{sent}", datetime.now(UTC), png(sent, dark=sent % 3 == 0))
            if isinstance(lanes.lanes["lane1"].deliver(arrival), Receipt):
                sent += 1
            sleep(max(0.0, started + sent / options.rate - monotonic()))
        stop.set()
        killer.join()
        until = monotonic() + 120
        while lanes.lanes["lane1"].depth and monotonic() < until:
            sleep(0.1)
        records = [each for first in range(0, sent + 100, 100) for each in lanes.ledger.verdicts_since(first, 100)]
        deaths = lanes.pool.deaths
        lanes.stop()
    return _counted(records, sent, len(kills), deaths, options)


def _counted(
    records: list[dict[str, Any]], sent: int, kills: int, deaths: int, options: argparse.Namespace
) -> dict[str, Any]:
    by_scan = Counter(record["scan"] for record in records)
    wrong = [
        f"{record['scan']} {record['verdict']} {record['reason'][:120]}"
        for record in records
        if record["verdict"]
        not in ("UNSCREENED", "ALARM" if int(record["scan"].split("-")[1]) % 3 == 0 else "NO_ALARM")
    ]
    waited = sorted(record["timing_ms"].get("since_accepted", 0.0) for record in records)
    return {
        "seconds": options.chaos_s,
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "replicas_killed": kills,
        "workers_that_lost_their_engine": deaths,
        "accepted": sent,
        "verdicts": len(records),
        "lost": sent - len(by_scan),
        "doubled": sum(count - 1 for count in by_scan.values()),
        "wrong": wrong[:20],
        "given_to_a_person": dict(
            Counter(record["cause"] for record in records if record["verdict"] == "UNSCREENED").most_common()
        ),
        "by_verdict": dict(sorted(Counter(record["verdict"] for record in records).items())),
        "waited_ms_median_p99_worst": [round(waited[int(share * (len(waited) - 1))]) for share in (0.5, 0.99, 1)],
    }


def _kill_replicas(pid: int, every_s: float, random: Random, stop: Event, kills: list[float]) -> None:
    """Kill a replica now and then, among the descendants of the program that deployed them."""
    while not stop.wait(every_s):
        try:
            family = psutil.Process(pid).children(recursive=True)
            replicas = [each for each in family if REPLICA in " ".join(each.cmdline())]
            if replicas:
                os.kill(random.choice(replicas).pid, signal.SIGKILL)
                kills.append(monotonic())
        except (psutil.Error, ProcessLookupError):
            continue


if __name__ == "__main__":
    sys.exit(main())
