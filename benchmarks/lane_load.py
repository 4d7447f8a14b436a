"""Loads lanes as scanners would: belts sent in real time to running lanes, all at once, and what became of the lines.

Run: record a belt of back-to-back parcels (about one every 2 s at 0.5 m/s: ``parcelsight belt load --parcels 30
--gap 200 200 --touching 0``), start ``parcelsight run`` with N lanes of ``kind: lines`` on consecutive ports, then
``python benchmarks/lane_load.py load --lanes 8 --port 4001 [--pace 1]``. Prints for each lane the seconds that its belt
was stopped (back-pressure) and how often it had to connect anew; the service's own figures are in its /metrics.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, time_ns

from parcelsight.datasets.belt_files import RecordedBelt, open_belt
from parcelsight.inference.stream.sender import send_belt


def send(belt: RecordedBelt, address: str, lane: int, pace: float) -> str:
    """Send one belt; its figures."""
    stopped_s, turned = 0.0, monotonic()

    def tell(line: int, stopped: bool) -> None:
        nonlocal stopped_s, turned
        now = monotonic()
        stopped_s += now - turned if stopped else 0.0
        turned = now

    started = monotonic()
    again = send_belt(belt, address, f"load-{lane}-{time_ns()}", pace=pace, on_progress=tell)
    seconds = monotonic() - started
    return (
        f"{address}: {len(belt)} lines, {len(belt.parcels)} parcels in {seconds:.1f} s "
        f"({len(belt) / seconds:.0f} lines/s), belt stopped {stopped_s:.1f} s, connected anew {again} times"
    )


def main() -> None:
    """All lanes at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("belt", type=Path)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4001, help="of the first lane; the others follow")
    parser.add_argument("--pace", type=float, default=1.0)
    options = parser.parse_args()
    belt = open_belt(options.belt)
    with ThreadPoolExecutor(options.lanes) as pool:
        jobs = [
            pool.submit(send, belt, f"tcp://{options.host}:{options.port + lane}", lane, options.pace)
            for lane in range(options.lanes)
        ]
        for job in jobs:
            print(job.result())


if __name__ == "__main__":
    main()
