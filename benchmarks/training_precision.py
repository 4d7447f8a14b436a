"""Training in mixed precision against float32 on this CPU: pictures a second, in turns within one run.

Run: ``python benchmarks/training_precision.py [--pictures 64] [--rounds 3] [--side 416]``. Each turn is one epoch of
YOLO26n from random weights on random pictures, its start and its validation included in neither.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.detector.lesson import EpochReport, LabelledPicture, Lesson
from parcelsight.detector.network import build_network, cpu_has_matrix_units, show_engine_log, train_network

BATCH = 16
"""Pictures a step, the shipped recipe's."""
WARM_UP = 2
"""Batches at the beginning that do not count."""


class Stopwatch:
    """Seconds between the ends of the counted batches of one epoch."""

    def __init__(self) -> None:
        self._ends: list[float] = []

    def batch(self, epoch: int, done: int, total: int) -> None:
        """A batch has ended."""
        self._ends.append(perf_counter())

    def epoch(self, report: EpochReport) -> None:
        """An epoch has ended; nothing of it is counted."""

    @property
    def seconds_a_batch(self) -> float:
        """Mean over the batches after the first ones."""
        counted = self._ends[WARM_UP - 1 :]
        return (counted[-1] - counted[0]) / (len(counted) - 1)


def seconds_a_batch(pictures: tuple[LabelledPicture, ...], side_px: int, mixed: bool) -> float:
    """One epoch with or without mixed precision."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        lesson = Lesson(
            run_dir=Path(folder),
            train=pictures,
            val=pictures[:1],
            augment=lambda sample, seed, fetch: sample,
            draw=lambda epoch: np.arange(len(pictures)),
            air_level=AIR_LEVEL,
            input_px=side_px,
            epochs=1,
            batch=BATCH,
            learning_rate=1e-4,
            warmup_epochs=0.0,
            patience=1,
            seed=0,
            workers=0,
            device="cpu",
            mixed_precision=mixed,
            in_memory=True,
        )
        train_network(build_network("yolo26n", ("pistol",), None), lesson, watch.batch, watch.epoch)
    return watch.seconds_a_batch


def main() -> None:
    """Rounds of both, and the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--side", type=int, default=416)
    options = parser.parse_args()
    show_engine_log(False)
    if not cpu_has_matrix_units():
        print("this CPU has no matrix units (AMX): mixed precision changes nothing here")
        return
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (options.side, options.side, 3), dtype=np.uint8)
    box, class_id = np.array([[100, 100, 220, 180]], np.float32), np.array([0])
    pictures = tuple(LabelledPicture(str(n), partial(rgb.copy), box, class_id) for n in range(options.pictures))
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(options.rounds):
        for mixed in times:
            times[mixed].append(seconds_a_batch(pictures, options.side, mixed))
    mixed_s, plain_s = median(times[True]), median(times[False])
    print(f"float32 {BATCH / plain_s:.1f} pictures/s, mixed precision {BATCH / mixed_s:.1f}: {plain_s / mixed_s:.2f} ×")


if __name__ == "__main__":
    main()
