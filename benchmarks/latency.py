"""What a detection costs, as ratios within one run: the bare session, our array and JPEG paths, HTTP, other engines.

Every engine runs in a process of its own with one thread, two where its name says so; rounds go through all of them in
turns, forwards and backwards, so that a busy machine disturbs all alike. Ratios are of medians of rounds' medians.

    python -m benchmarks.latency [--rounds 12] [--calls 3] [--write]

``--write`` keeps the figures in docs/results/speed/latency.json. Exit status 1 where a limit is not held.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.latency_engines import ENGINES
from parcelsight.inference.onnxruntime import ort

RESULT = Path(__file__).parents[1] / "docs" / "results" / "speed" / "latency.json"
NEEDS = {
    "ultralytics": "ultralytics",
    "ultralytics, 2 threads": "ultralytics",
    "openvino f32": "openvino",
    "array, openvino bf16": "openvino",
}
MOST = {"array": 1.10, "jpeg": 1.15}
"""Of the bare session's time."""
LEAST_ULTRALYTICS = 1.10
"""Its time over our array path's, on one thread each."""
LEAST_DEFAULT = 2.0
"""Its time over that of the variant that was chosen for this model."""
ULTRALYTICS_OVER = {
    "array": "ultralytics",
    "default variant": "ultralytics",
    "array, openvino bf16": "ultralytics",
    "array, 2 threads": "ultralytics, 2 threads",
}
"""Ours, and theirs on as many threads."""
MOST_HTTP_MS = 3.0
"""That HTTP adds to an acceptance, at the median."""


class Engine:
    """One engine's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rounds_ms: list[list[float]] = []
        command = [sys.executable, "-m", "benchmarks.latency_engines", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_ready(self) -> bool:
        """False where it could not be loaded; why is said."""
        assert self._process.stdout is not None and self._process.stderr is not None
        for line in self._process.stdout:
            if line.strip() == "ready":
                return True
        why = (self._process.stderr.read().strip().splitlines() or ["ended"])[-1]
        print(f"{self.name}: left out ({why[:160]})", file=sys.stderr)
        return False

    def run(self, calls: int) -> None:
        """One round."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(calls, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer and self._process.stderr is not None:
            raise SystemExit(f"{self.name} broke off: {self._process.stderr.read()[-2000:]}")
        self.rounds_ms.append(json.loads(answer))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    @property
    def median_ms(self) -> float:
        """Of the rounds' medians."""
        return median(median(times) for times in self.rounds_ms)

    @property
    def least_ms(self) -> float:
        """The quickest call."""
        return min(min(times) for times in self.rounds_ms)


def measure(rounds: int, calls: int) -> dict[str, Engine]:
    """Run all engines that are installed, interleaved."""
    wanted = [name for name in ENGINES if name not in NEEDS or find_spec(NEEDS[name]) is not None]
    started = {name: Engine(name) for name in wanted}
    engines = {name: engine for name, engine in started.items() if engine.wait_ready()}
    for turn in range(rounds):
        for name in list(engines)[:: 1 if turn % 2 else -1]:
            engines[name].run(calls)
    for engine in started.values():
        engine.close()
    return engines


def paired(engines: dict[str, Engine], name: str, to: str) -> float:
    """Median over rounds of the ratio of two engines' medians in the same round."""
    pairs = zip(engines[name].rounds_ms, engines[to].rounds_ms, strict=True)
    return median(median(ours) / median(theirs) for ours, theirs in pairs)


def summary(engines: dict[str, Engine], rounds: int, calls: int) -> dict[str, Any]:
    """All figures, and whether the limits are held."""
    ratios = {
        name: {
            "medians": round(engine.median_ms / engines["session.run"].median_ms, 3),
            "paired": round(paired(engines, name, "session.run"), 3),
            "minimums": round(engine.least_ms / engines["session.run"].least_ms, 3),
        }
        for name, engine in engines.items()
        if name not in ("accept", "http", "imdecode")
    }
    http_ms = engines["http"].median_ms
    held = {f"{name} ≤ {most} × session.run": ratios[name]["paired"] <= most for name, most in MOST.items()}
    held[f"HTTP adds ≤ {MOST_HTTP_MS:g} ms"] = http_ms <= MOST_HTTP_MS
    theirs = {
        name: round(paired(engines, other, name), 3)
        for name, other in ULTRALYTICS_OVER.items()
        if name in engines and other in engines
    }
    if theirs:
        held[f"ultralytics ≥ {LEAST_ULTRALYTICS} × array"] = theirs["array"] >= LEAST_ULTRALYTICS
        held[f"ultralytics ≥ {LEAST_DEFAULT} × default variant"] = theirs["default variant"] >= LEAST_DEFAULT
    return {
        "command": f"python -m benchmarks.latency --rounds {rounds} --calls {calls}",
        "machine": f"{platform.machine()}, onnxruntime {ort.__version__}, one thread an engine unless it says two",
        "scan": "1000×800 pixels, 8-bit colour",
        "ratios_to_session_run": ratios,
        "ultralytics_over": theirs,
        "jpeg_over_session_run_and_imdecode": round(
            engines["jpeg"].median_ms / (engines["session.run"].median_ms + engines["imdecode"].median_ms), 3
        ),
        "http_adds_ms": round(http_ms, 2),
        "http_adds_least_ms": round(engines["http"].least_ms, 2),
        "least_ms": {name: round(engine.least_ms, 2) for name, engine in engines.items()},
        "median_ms": {name: round(engine.median_ms, 2) for name, engine in engines.items()},
        "held": held,
    }


def main() -> int:
    """Measure, show and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--calls", type=int, default=3, help="of each engine in a round")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {RESULT.name}")
    args = parser.parse_args()
    result = summary(measure(args.rounds, args.calls), args.rounds, args.calls)
    print(json.dumps(result, indent=1, ensure_ascii=False))
    if args.write:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(result["held"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
