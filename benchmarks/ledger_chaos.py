"""Does the ledger lose or double a scan under overload and kill -9? Counts, percentiles, memory, recovery times.

Runs `parcelsight run` with an upload lane as its own process and sends it numbered scans over HTTP:

1. load: at 0.5, 1, 2, 3 and 5 times the capacity measured at the start; what is too much is refused (429);
2. chaos: every scan is sent until it is acknowledged, while workers and the program itself are killed with SIGKILL.

Then the ledger is read: every acknowledged scan must have exactly one verdict, and nothing else may be there.

    python -m benchmarks.ledger_chaos                                  # short: 120 scans, 8 kills
    python -m benchmarks.ledger_chaos --scans 10000 --kills 200 --json docs/results/lanes/ledger-chaos.json

Exit status 1 where a scan was lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import socket
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import numpy as np

from benchmarks.chaos_program import Program, Sent, send
from benchmarks.results import tell
from parcelsight.inference.lanes.ledger import Ledger

LOADS = (0.5, 1.0, 2.0, 3.0, 5.0)
CLIENTS = 12


def main() -> int:
    """Run both parts; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=120, help="all parts together")
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ledger-chaos-") as folder:
        result = run(Path(folder), options.scans, options.kills, options.workers, options.seed)
    tell(result, options.json)
    return 0 if result["lost"] == result["doubled"] == result["strangers"] == 0 else 1


def run(folder: Path, scans: int, kills: int, workers: int, seed: int) -> dict[str, Any]:
    """Both parts, and what the ledger says of them."""
    program = Program(folder, free_port(), workers)
    program.wait_screening()
    part = max(1, scans // (len(LOADS) + 2))
    numbers = iter(range(10**9))
    warm = Sent()
    for _ in range(max(4, part // 4)):
        send(program, next(numbers), warm, again=True)
    memory_mb = [program.memory_mb()]
    capacity, everything = measure_capacity(program, [next(numbers) for _ in range(part)])
    everything |= warm.acknowledged
    loads = []
    for load in LOADS:
        sent, span = offer(program, [next(numbers) for _ in range(part)], load * capacity)
        everything |= sent.acknowledged
        settle(program)
        loads.append({"load": load} | told(sent, span))
        memory_mb.append(program.memory_mb())
    chaos = break_things(program, [next(numbers) for _ in range(part)], kills, Random(seed))
    everything |= chaos.pop("acknowledged")
    settle(program)
    program.stop()
    audited = audit(program.ledger, everything, loads)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores", "workers": workers, "seed": seed,
        "capacity_scans_s": round(capacity, 2), **audited,
        "memory_mb": [round(mb, 1) for mb in memory_mb], "memory_growth_mb": round(memory_mb[-1] - memory_mb[0], 1),
        "chaos": chaos,
    }  # fmt: skip


def measure_capacity(program: Program, numbers: list[int]) -> tuple[float, dict[int, int]]:
    """Scans a second with always one more at hand."""
    sent, started = Sent(), monotonic()
    with ThreadPoolExecutor(2) as clients:
        list(clients.map(lambda number: send(program, number, sent, again=True, pause_s=0.002), numbers))
    settle(program)
    return len(numbers) / (monotonic() - started), dict(sent.acknowledged)


def offer(program: Program, numbers: list[int], rate_hz: float) -> tuple[Sent, tuple[int, int]]:
    """Send at a fixed rate, each scan once; with the sequence numbers that came of it."""
    sent, started = Sent(), monotonic()

    def one(turn: int) -> None:
        sleep(max(0.0, started + turn / rate_hz - monotonic()))
        send(program, numbers[turn], sent, again=False)

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(one, range(len(numbers))))
    return sent, (min(sent.acknowledged.values(), default=0), max(sent.acknowledged.values(), default=-1))


def break_things(program: Program, numbers: list[int], kills: int, random: Random) -> dict[str, Any]:
    """Send until all are acknowledged and all kills are done, every fourth of them of the program itself."""
    sent, done, back_s, counted = Sent(), Event(), [], Counter[str]()

    def killer() -> None:
        for turn in range(kills):
            sleep(random.uniform(0.02, 0.6))
            if turn % 4 == 3:
                counted["program"] += 1
                back_s.append(program.kill())
            else:
                counted["worker"] += kill_a_worker(program, random)
        done.set()

    thread = Thread(target=killer)
    thread.start()
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda number: send(program, number, sent, again=True), numbers))
    extra = max(numbers, default=0)
    while not done.is_set():  # the kills go on: so do the scans
        extra += 1
        send(program, 500_000_000 + extra, sent, again=True)
    thread.join()
    program.wait_screening()
    return {
        "kills": dict(counted), "scans": len(sent.acknowledged), "attempts_cut_off": sent.broken,
        "program_back_s": {"median": at(back_s, 50), "worst": at(back_s, 100)},
        "acknowledged": sent.acknowledged,
    }  # fmt: skip


def kill_a_worker(program: Program, random: Random) -> int:
    """SIGKILL to one worker, as soon as there is one."""
    until = monotonic() + 10
    while monotonic() < until:
        pids = program.worker_pids()
        if pids:
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)
                return 1
        sleep(0.02)
    return 0


def settle(program: Program) -> None:
    """Wait until the lane is empty, by the ledger's page of verdicts standing still with nothing pending."""
    until = monotonic() + 120
    while monotonic() < until:
        status, text = program.get("/metrics")
        if status == 200:
            depth = [line for line in text.decode().splitlines() if line.startswith("parcelsight_queue_depth{")]
            if depth and all(float(line.rsplit(" ", 1)[1]) == 0 for line in depth):
                return
        sleep(0.05)
    raise SystemExit("the lane does not come to rest")


def told(sent: Sent, span: tuple[int, int]) -> dict[str, Any]:
    """One load's figures; the latency is filled in from the ledger."""
    return {
        "offered": len(sent.acknowledged) + sent.refused, "accepted": len(sent.acknowledged), "refused": sent.refused,
        "answer_ms": {"median": at(sent.answered_ms, 50), "p99": at(sent.answered_ms, 99)},
        "refusal_ms": {"median": at(sent.refused_ms, 50), "p99": at(sent.refused_ms, 99)}, "span": span,
    }  # fmt: skip


def audit(folder: Path, acknowledged: dict[int, int], loads: list[dict[str, Any]]) -> dict[str, Any]:
    """What the ledger holds against what was acknowledged."""
    ledger = Ledger(folder)
    records, cursor = [], 0
    while page := ledger.verdicts_since(cursor, 1000):
        records += page
        cursor = page[-1]["number"]
    pending = len(ledger.unfinished())
    ledger.close()
    times = Counter(record["scan"] for record in records)
    names = {f"scan-{number:06d}" for number in acknowledged}
    for load in loads:
        first, last = load.pop("span")
        ms = [r["timing_ms"]["since_accepted"] for r in records if first <= r["sequence"] <= last]
        load["verdict_ms"] = {"median": at(ms, 50), "p99": at(ms, 99)}
    return {
        "acknowledged": len(acknowledged), "verdicts": len(records), "pending": pending,
        "lost": len(names - times.keys()), "doubled": sum(count > 1 for count in times.values()),
        "accepted_without_acknowledgement": len(times.keys() - names),
        "strangers": sum(r["number"] != n for n, r in enumerate(records, 1)),
        "verdict_kinds": dict(Counter(r["verdict"] for r in records)),
        "causes": dict(Counter(r["cause"] for r in records if r["cause"])), "loads": loads,
    }  # fmt: skip


def at(values: list[float], percentile: float) -> float | None:
    """A percentile, None of nothing."""
    return round(float(np.percentile(values, percentile)), 3) if values else None


def free_port() -> int:
    """A port nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
