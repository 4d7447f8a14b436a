"""What each variant of a bundle costs an integrator, latency and memory; writes the table of docs/embedding.md.

    python -m benchmarks.embedding_variants BUNDLE [--rounds 30] [--threads 1]   # measure, save, rewrite the table
    python -m benchmarks.embedding_variants --check                              # status 1 if the table is out of date

Each model has a process of its own with onnxruntime alone, and they take turns, forwards and backwards, so that a busy
machine disturbs all alike. An embed model gets a raw picture of 800×1000; a contract-1 model gets the finished tensor,
so its resizing, padding and decoding, which the integrator writes, come on top. The table tells processor time, to
which other programs on a busy machine add little; with one thread on an idle one, it is the latency.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "embedding.md"
RESULTS = ROOT / "docs" / "results" / "embedding" / "variants.json"
BEGIN, END = "<!-- variants: begin -->", "<!-- variants: end -->"
HEIGHT_PX, WIDTH_PX = 800, 1000
_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True)
class Worker:
    """One model in its own process."""

    entry: dict[str, Any]
    pipe: Connection
    wall_ms: list[float]
    processor_ms: list[float]


def picture_for(entry: dict[str, Any], side_px: int) -> tuple[str, NDArray[np.generic]]:
    """The input's name and something in every pixel of it."""
    rng = np.random.default_rng(1)
    contract = entry["contract"]
    if contract == "1":
        return "images", rng.random((1, 3, side_px, side_px), np.float32)
    if contract == "embed-dual-1":
        return "image", rng.integers(0, 60_000, (HEIGHT_PX, WIDTH_PX, 2), np.uint16)
    shape = (HEIGHT_PX, WIDTH_PX, 3)
    colour = rng.integers(0, 256, (1, *shape) if contract == "embed-batch-1" else shape, np.uint8)
    return "image", colour


def serve(model: str, name: str, picture: NDArray[np.generic], threads: int, pipe: Connection) -> None:
    """Load a model, then run it once a request; answers with ms, at last with the memory it took."""
    import onnxruntime as ort

    before_mb = peak_mb()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    started = perf_counter()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    load_ms = (perf_counter() - started) * 1e3
    session.run(None, {name: picture})
    while pipe.recv():
        started, busy = perf_counter(), process_time()
        session.run(None, {name: picture})
        pipe.send(((perf_counter() - started) * 1e3, (process_time() - busy) * 1e3))
    pipe.send({"load_ms": load_ms, "memory_mb": peak_mb() - before_mb})


def peak_mb() -> float:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(bundle: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Figures of every ONNX model of the bundle, those of the Triton repository apart, which are copies."""
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    side_px = manifest["card"]["input_px"]
    context = multiprocessing.get_context("spawn")
    workers = []
    for entry in manifest["files"]:
        if not entry["path"].endswith(".onnx") or "/" in entry["path"]:
            continue
        ours, theirs = context.Pipe()
        arguments = (str(bundle / entry["path"]), *picture_for(entry, side_px), threads, theirs)
        context.Process(target=serve, args=arguments, daemon=True).start()
        workers.append(Worker(entry, ours, [], []))
    for turn in range(rounds):
        for worker in workers[:: 1 if turn % 2 else -1]:
            worker.pipe.send(True)
            wall_ms, processor_ms = worker.pipe.recv()
            worker.wall_ms.append(wall_ms)
            worker.processor_ms.append(processor_ms)
    import onnxruntime

    return {
        "command": f"python -m benchmarks.embedding_variants BUNDLE --rounds {rounds} --threads {threads}",
        "model": f"{manifest['name']} {manifest['version']}, {side_px} px",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, onnxruntime {onnxruntime.__version__}",
        "picture_px": [HEIGHT_PX, WIDTH_PX],
        "variants": [figures(worker, workers) for worker in workers],
    }


def figures(worker: Worker, workers: Sequence[Worker]) -> dict[str, Any]:
    """What one variant costs; the ratio is to the fp32 contract-1 model, paired by round."""
    worker.pipe.send(False)
    end = worker.pipe.recv()
    base = next(each for each in workers if (each.entry["contract"], each.entry["precision"]) == ("1", "fp32"))
    return {
        "file": worker.entry["path"],
        "contract": worker.entry["contract"],
        "precision": worker.entry["precision"],
        "size_mb": worker.entry["size_bytes"] / 1e6,
        "processor_ms": median(worker.processor_ms),
        "ratio": median(own / fp32 for own, fp32 in zip(worker.processor_ms, base.processor_ms, strict=True)),
        "wall_ms": median(worker.wall_ms),
        "least_wall_ms": min(worker.wall_ms),
        **end,
    }


def block(result: dict[str, Any]) -> str:
    """The table, as the page should hold it."""
    lines = [
        BEGIN,
        f"{result['model']}; picture of {result['picture_px'][0]}×{result['picture_px'][1]}; {result['machine']}; "
        f"`{result['command']}`.",
        "",
        "| file | contract | precision | size, MB | ms of a core | against fp32 | memory, MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {v['file']} | {v['contract']} | {v['precision']} | {v['size_mb']:.1f} | {v['processor_ms']:.0f} | "
        f"{v['ratio']:.2f} | {v['memory_mb']:.0f} |"
        for v in sorted(result["variants"], key=lambda v: (v["contract"], v["precision"] != "fp32", v["precision"]))
    ]
    return "\n".join([*lines, END])


def with_table(text: str) -> str:
    """The page with the table of the saved figures."""
    before, rest = text.split(BEGIN)
    return before + block(json.loads(RESULTS.read_text("utf-8"))) + rest.split(END)[1]


def main() -> int:
    """Measure and write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, nargs="?", help="folder that parcelsight bundle wrote")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="only compare the page with the saved figures")
    args = parser.parse_args()
    if args.bundle:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(measure(args.bundle, args.threads, args.rounds), indent=1) + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    wanted = with_table(text)
    if not args.check:
        PAGE.write_text(wanted, "utf-8")
    elif wanted != text:
        print(f"{PAGE.name} is out of date; run: python -m benchmarks.embedding_variants BUNDLE", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
