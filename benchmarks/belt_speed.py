"""Lines a second that the virtual scanner makes on one core, against what a lane at its belt speed needs.

Run: ``python benchmarks/belt_speed.py [--parcels 20] [--seed 0]``. CPU time of this process, scanner loading and the
first parcels' compilation left out.
"""

from __future__ import annotations

import argparse
from time import process_time

from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.synthetic.belt import VirtualScanner
from parcelsight.datasets.synthetic.belt_plan import BeltPlan
from parcelsight.datasets.synthetic.scanner import load_scanner

SCANNERS = ("tunnel160", "mail180", "duo140")
BLOCK_LINES = 64


def lines_made(name: str, parcels: int, seed: int) -> tuple[int, float]:
    """Lines of a belt with so many parcels, and the rate in lines a second that its speed asks for."""
    belt = VirtualScanner(BeltPlan(scanner=name, seed=seed, parcels=parcels), load_scanner(name))
    lines = sum(next(iter(block.views.values())).shape[0] for block in belt.blocks(BLOCK_LINES))
    return lines, belt.motion.line_rate_hz


def main() -> None:
    """One line a scanner."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for name in SCANNERS:
        lines_made(name, 1, options.seed + 1)
        started = process_time()
        lines, needed_hz = lines_made(name, options.parcels, options.seed)
        rate_hz = lines / (process_time() - started)
        print(
            f"{name}: {rate_hz:.0f} lines/s of CPU, {rate_hz / needed_hz:.1f} × the {needed_hz:.0f} that a lane needs"
        )


if __name__ == "__main__":
    main()
