"""What the runtime costs on top of the network: array → detections against a bare ``session.run``.

Both run in this process with the same model and threads, in interleaved rounds whose order alternates, so that a busy
machine disturbs both alike. Prints medians, minimums, their ratios and the time of each stage.

    python benchmarks/runtime_overhead.py [--model FILE] [--threads N] [--rounds N] [--limit 1.15]

Exit status 1 where the median ratio is over the limit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME, SHIPPED_MODEL
from parcelsight.detector.errors import ParcelSightError
from parcelsight.inference.detector import Detector
from parcelsight.inference.onnxruntime import ort

LIMIT = 1.15
SHAPES = ((800, 1000), (640, 640), (1600, 1200))
"""Height and width of the scans in pixels: a parcel scanner's usual one first."""

Stage = Callable[[], object]


def noise(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with something in every pixel."""
    return np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def bare_session(model: Path, threads: int) -> ort.InferenceSession:
    """The same model and the same options, without the runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def timed_ms(stage: Stage) -> float:
    """Milliseconds of one call."""
    started = perf_counter()
    stage()
    return (perf_counter() - started) * 1e3


def interleaved_ms(stages: dict[str, Stage], rounds: int) -> dict[str, list[float]]:
    """Times of every stage in ``rounds`` rounds; each round runs all of them, in turns forwards and backwards."""
    times: dict[str, list[float]] = {name: [] for name in stages}
    for stage in stages.values():
        stage()
    for turn in range(rounds):
        for name in list(stages)[:: 1 if turn % 2 else -1]:
            times[name].append(timed_ms(stages[name]))
    return times


def measure(model: Path, threads: int, rounds: int) -> float:
    """Print the figures of every shape; the worst ratio of medians."""
    detector = Detector(model, threads=threads, device="cpu")
    print(detector.describe())
    session = bare_session(model, threads)
    return max(measure_shape(detector, session, shape, rounds) for shape in SHAPES)


def measure_shape(detector: Detector, session: ort.InferenceSession, shape: tuple[int, int], rounds: int) -> float:
    """Print the figures of scans of one shape; the ratio of medians."""
    rgb = noise(*shape)
    letterbox = detector._lay_out(rgb)
    images = detector._images.copy()
    rows = detector._session.run(images)
    times = interleaved_ms(
        {
            "session.run": partial(session.run, [OUTPUT_NAME], {INPUT_NAME: images}),
            "detect": partial(detector.detect, rgb),
            "letterbox": partial(detector._lay_out, rgb),
            "decode": partial(detector._decode, rows, letterbox, None),
        },
        rounds,
    )
    whole, bare = times["detect"], times["session.run"]
    ratio = median(whole) / median(bare)
    paired = median(w / b for w, b in zip(whole, bare, strict=True))
    print(
        f"{shape[0]}×{shape[1]}: detect / session.run = {ratio:.3f} (medians), "
        f"{min(whole) / min(bare):.3f} (minimums), {paired:.3f} (paired)"
    )
    for name, values in times.items():
        print(f"    {name:12s} median {median(values):8.3f} ms   minimum {min(values):8.3f} ms")
    return ratio


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="contract-1 ONNX (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--limit", type=float, default=LIMIT)
    args = parser.parse_args()
    try:
        worst = measure(args.model, args.threads, args.rounds)
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    held = worst <= args.limit
    print(f"worst ratio {worst:.3f}, limit {args.limit}: {'held' if held else 'NOT held'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
