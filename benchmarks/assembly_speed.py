"""Lines a CPU second that become parcels, against what eight lanes need; and how soon after its last line one is whole.

Run: ``python benchmarks/assembly_speed.py BELT… [--rounds 3]`` with belts recorded by ``parcelsight belt``, two views
counting as one line. CPU time of this process; lines come from memory as encoded messages, so that framing and checks
are part of it. Detection is not.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from parcelsight.datasets.belt_files import open_belt
from parcelsight.datasets.opencv import cv2
from parcelsight.inference.stream.framing import Damage, Deframer
from parcelsight.inference.stream.parcels import ParcelFinished
from parcelsight.inference.stream.protocol import LinesMessage, encode
from parcelsight.inference.stream.reading import BeltReader
from parcelsight.inference.stream.sending import hello_of, messages_of

LANES = 8
LANE_HZ = 500.0


def follow(messages: list[bytes], reader: BeltReader) -> tuple[float, list[float]]:
    """CPU seconds for the whole stream, and milliseconds from a message's arrival to the parcel that it finished."""
    deframer, waits_ms = Deframer(), []
    started = process_time()
    for data in messages:
        arrived = perf_counter()
        for message in deframer.feed(data):
            assert not isinstance(message, Damage)
            if isinstance(message, LinesMessage):
                finished = sum(isinstance(event, ParcelFinished) for event in reader.add(message))
                waits_ms += [1e3 * (perf_counter() - arrived)] * finished
    return process_time() - started, waits_ms


def measure(folder: Path, rounds: int) -> str:
    """One line of figures: the best round, as the machine may be shared."""
    belt = open_belt(folder)
    hello = hello_of(belt, "benchmark")
    messages = [encode(hello), *(encode(message) for message in messages_of(belt))]
    seconds, waits_ms = min((follow(messages, BeltReader(hello)) for _ in range(rounds)), key=lambda pair: pair[0])
    rate_hz = len(belt) / seconds
    pixels = sum(hello.detectors)
    gap_ms = 1e3 * 30 / hello.line_pitch_mm / hello.line_rate_hz
    return (
        f"{folder.name}: {pixels} detectors, {rate_hz:.0f} lines a CPU second, "
        f"{rate_hz / (LANES * LANE_HZ):.1f} × what {LANES} lanes of {LANE_HZ:.0f} lines/s need; "
        f"{len(waits_ms)} parcels, whole {np.median(waits_ms):.1f} ms (most {max(waits_ms):.1f}) after the message "
        f"that ends them, which comes {gap_ms:.0f} ms of air behind them"
    )


def main() -> None:
    """One line a belt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("belts", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for folder in options.belts:
        print(measure(folder, options.rounds))


if __name__ == "__main__":
    main()
