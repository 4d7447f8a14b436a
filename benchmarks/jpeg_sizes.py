"""JPEG bytes → detections against a bare ``session.run``, by size of the picture: where does decoding cost too much?

One thread, one process, in interleaved rounds, in processor time (what a busy machine distorts least). Pictures are the
latency benchmark's, scaled. Prints for each size the ratio of the whole path, and the share that OpenCV's decoder alone
has of the session's time.

    python -m benchmarks.jpeg_sizes [--rounds 30] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import cv2
import numpy as np

from benchmarks.latency_engines import network_input, picture
from benchmarks.runtime_overhead import bare_session
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.readers import decode_scan
from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME, SHIPPED_MODEL
from parcelsight.inference.detector import Detector

WIDTHS_PX = (400, 500, 640, 800, 1000, 1400)


def main() -> int:
    """Measure; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = Detector(SHIPPED_MODEL, threads=1, device="cpu")
    session, images = bare_session(SHIPPED_MODEL, 1), network_input(detector.card.input_px)
    rows = []
    for width_px in WIDTHS_PX:
        data, shape = encoded(width_px)
        array = np.frombuffer(data, np.uint8)
        stages: dict[str, Callable[[], object]] = {
            "bare": partial(session.run, [OUTPUT_NAME], {INPUT_NAME: images}),
            "whole": partial(_whole, detector, data),
            "decode": partial(cv2.imdecode, array, cv2.IMREAD_COLOR),
        }
        ms = interleaved(stages, options.rounds)
        rows.append(
            {"width_px": shape[1], "height_px": shape[0], "kilobytes": round(len(data) / 1e3)}
            | {"ratio": round(ms["whole"] / ms["bare"], 3), "decode_share": round(ms["decode"] / ms["bare"], 3)}
            | {"bare_ms": round(ms["bare"], 2)}
        )
        print(json.dumps(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _whole(detector: Detector, data: bytes) -> object:
    return detector.detect(canonical_rgb(decode_scan(data, "scan.jpg")))


def encoded(width_px: int) -> tuple[bytes, tuple[int, ...]]:
    """The picture, this wide, as JPEG of quality 90; its shape."""
    whole = picture()
    height_px = round(whole.shape[0] * width_px / whole.shape[1])
    scaled = cv2.resize(whole, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", scaled[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(), scaled.shape


def interleaved(stages: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of processor time of each stage; every round runs all, in turns forwards and backwards."""
    times: dict[str, list[float]] = {name: [] for name in stages}
    for stage in stages.values():
        stage()
    for turn in range(rounds):
        for name in list(stages)[:: 1 if turn % 2 else -1]:
            started = process_time()
            stages[name]()
            times[name].append(1e3 * (process_time() - started))
    return {name: median(values) for name, values in times.items()}


if __name__ == "__main__":
    sys.exit(main())
