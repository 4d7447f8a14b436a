"""What it costs to have everything in the graph: an embed model against the contract file with our runtime around it.

Both start from the same pixels and end with the same boxes. They run in this process with the same network and threads,
in interleaved rounds whose order alternates. Judged is the median of the ratios within a round: on a busy machine speed
drifts from round to round, and a ratio of two medians may compare a good minute of one with a bad one of the other.
The dual-energy variant is held against the runtime's palette and detection.

    python -m benchmarks.embed_overhead [--model FILE] [--threads 1 2] [--rounds N] [--limit 1.25] [--out FILE]

Exit status 1 where the colour variant is over the limit at any size.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.runtime_overhead import SHAPES, interleaved_ms, noise
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.detections import Detections
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ParcelSightError
from parcelsight.export.embed import embed_bytes
from parcelsight.export.embed_session import EmbedSession
from parcelsight.inference.detector import Detector
from parcelsight.inference.onnxruntime import ort

LIMIT = 1.25
Figures = dict[str, Any]


def dual_noise(height_px: int, width_px: int) -> NDArray[np.uint16]:
    """A dual-energy scan (H, W, 2) of every level up to air."""
    return np.random.default_rng(1).integers(0, AIR_LEVEL, (height_px, width_px, 2), dtype=np.uint16)


def measure(model: Path, threads: int, rounds: int) -> list[Figures]:
    """Figures of every size, for the colour and the dual-energy variant."""
    detector = Detector(model, threads=threads, device="cpu")
    content = model.read_bytes()
    colour, dual = (
        EmbedSession(embed_bytes(content, kind, model.name), threads) for kind in (EmbedKind.SINGLE, EmbedKind.DUAL)
    )
    figures = []
    for height, width in SHAPES:
        rgb, levels = noise(height, width), dual_noise(height, width)
        scan = Scan("noise", levels, ScanKind.DUAL_ENERGY)
        times = interleaved_ms(
            {
                "runtime": partial(detector.detect, rgb),
                "embed": partial(colour.detect, rgb),
                "runtime, dual": partial(_coloured_and_detected, detector, scan),
                "embed, dual": partial(dual.detect, levels),
            },
            rounds,
        )
        for kind, ours, theirs in (
            (EmbedKind.SINGLE, "runtime", "embed"),
            (EmbedKind.DUAL, "runtime, dual", "embed, dual"),
        ):
            figures.append(_figures(kind, (height, width), threads, times[ours], times[theirs]))
    return figures


def _coloured_and_detected(detector: Detector, scan: Scan) -> Detections:
    return detector.detect(canonical_rgb(scan))


def _figures(
    kind: EmbedKind, shape: tuple[int, int], threads: int, runtime: list[float], embed: list[float]
) -> Figures:
    """One line of the table; also printed."""
    found: Figures = {
        "kind": kind.value,
        "height_px": shape[0],
        "width_px": shape[1],
        "threads": threads,
        "rounds": len(runtime),
        "ratio_of_medians": round(median(embed) / median(runtime), 4),
        "median_of_paired_ratios": round(median(e / r for e, r in zip(embed, runtime, strict=True)), 4),
        "ratio_of_minimums": round(min(embed) / min(runtime), 4),
        "runtime_median_ms": round(median(runtime), 3),
        "embed_median_ms": round(median(embed), 3),
    }
    print(
        f"{kind.value:13s} {shape[0]:4d}×{shape[1]:<4d} {threads} thread(s): embed / runtime = "
        f"{found['median_of_paired_ratios']:.3f} (paired), {found['ratio_of_medians']:.3f} (medians), "
        f"{found['ratio_of_minimums']:.3f} (minimums); {found['embed_median_ms']:.2f} ms against "
        f"{found['runtime_median_ms']:.2f} ms",
        flush=True,
    )
    return found


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="contract-1 ONNX (default: the shipped one)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    args = parser.parse_args()
    try:
        figures = [each for threads in args.threads for each in measure(args.model, threads, args.rounds)]
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.out:
        document = {"model": args.model.name, "onnxruntime": ort.__version__, "figures": figures}
        args.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    worst = max(each["median_of_paired_ratios"] for each in figures if each["kind"] == EmbedKind.SINGLE)
    held = worst <= args.limit
    print(f"worst paired ratio of the colour variant {worst:.3f}, limit {args.limit}: {'held' if held else 'NOT held'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
