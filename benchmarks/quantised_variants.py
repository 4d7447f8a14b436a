"""Which quantised variant a CPU should run: speed and recall of each engine against onnxruntime in float32.

Every engine runs in a process of its own, through the runtime's ``Detector``, at its own card's thresholds. Speed: in
turns, a few detections at a time, so that all meet the same machine; judged is the median over rounds of the ratio to
onnxruntime float32 with the same threads. Recall: objects found (class of the same group, IoU ≥ 0.5) at the variant's
own thresholds, beside its false alarms (variant_recall.py). Then the default is chosen: the fastest that loses at most
half a point in every group, raises no more false alarms (by a sign test), and is faster than float32 by more than a
twentieth; and the same among those that the base install can run, and among the devices of the shipped file.

    python -m benchmarks.quantised_variants DATA… --calibrate DATA [--looks 2] [--threads 1 2] [--out FILE] [--install]

``--install`` writes the choice beside the model, where the runtime's device ``auto`` finds it. OpenVINO's engines are
left out where the extra [openvino] is missing. Exit status 1 where no variant may be chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.variant_recall import Answer, Case, cases_of, compare
from parcelsight.commands.bundle import calibration_scans
from parcelsight.commands.evaluation_inputs import open_part
from parcelsight.detector.card import ModelCard
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ParcelSightError
from parcelsight.export.calibration_scans import CalibrationScans
from parcelsight.export.openvino_quantised import openvino_eight_bits, openvino_network
from parcelsight.export.precisions import eight_bit_bytes, half_bytes
from parcelsight.export.quantise import Range
from parcelsight.inference.choice import Choice, choice_file
from parcelsight.inference.detector import Detector
from parcelsight.inference.model_file import read_model

MOST_LOSS_POINTS = 0.5
LEAST_CHANCE = 0.05
FASTER_THAN = 0.95
RUNS_A_TURN = 3
FLOOR = 0.05
"""Of the claims that are collected: far below any threshold."""
BASE = "onnxruntime fp32"


@dataclass(frozen=True, slots=True)
class Engine:
    """A model on a backend."""

    name: str
    model: Path
    device: str
    network: Path | None = None
    """An OpenVINO file that stands in for the model's network; its card lies beside it."""


# --- one engine in its process


def worker(engine: Engine, threads: int) -> None:
    """Answer requests on stdin: ``["time", rgb, runs]`` → ms, ``["detect", rgb]`` → claims. Ends with its input."""
    detector = Detector(engine.model, threads=threads, device=engine.device)  # type: ignore[arg-type]
    if engine.network is not None:
        _stand_in(detector, engine.network, threads)
    out = sys.stdout.buffer
    _send(out, detector.card)
    while True:
        try:
            request, rgb, *rest = pickle.load(sys.stdin.buffer)  # from our own parent process
        except EOFError:
            return
        if request == "detect":
            found = detector.detect(rgb, FLOOR)
            _send(out, (found.xyxy_px, found.score, found.class_id))
        else:
            started = perf_counter()
            for _ in range(rest[0]):
                detector.detect(rgb)
            _send(out, (perf_counter() - started) * 1e3 / rest[0])


def _stand_in(detector: Detector, path: Path, threads: int) -> None:
    """Let an OpenVINO file answer in place of the model's own network, at its own thresholds."""
    import openvino

    class Network:
        description = "OpenVINO INT8 (NNCF)"
        run = staticmethod(openvino_network(openvino.Core().read_model(path), detector.card.input_px, threads))

    card = ModelCard.model_validate_json(path.with_suffix(".card.json").read_text())
    detector.card, detector._session = card, Network()
    detector._thresholds = np.array([spec.threshold for spec in card.classes], np.float32)
    detector._temperatures = np.array([spec.temperature for spec in card.classes], np.float32)


def _send(out: Any, value: object) -> None:
    pickle.dump(value, out)
    out.flush()


class Running:
    """An engine's process, seen from here."""

    def __init__(self, engine: Engine, threads: int) -> None:
        arguments = [engine.name, engine.model, engine.device, engine.network or "", threads]
        command = [sys.executable, "-m", "benchmarks.quantised_variants", "--worker", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.card: ModelCard = self._answer()

    def ask(self, *request: object) -> Any:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        _send(self._process.stdin, request)
        return self._answer()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)


@contextmanager
def running(engines: Sequence[Engine], threads: int) -> Iterator[dict[str, Running]]:
    """Every engine in a process of its own, warm."""
    started: dict[str, Running] = {}
    try:
        for engine in engines:
            started[engine.name] = Running(engine, threads)
        yield started
    finally:
        for each in started.values():
            each.stop()


# --- speed


def speed(engines: Sequence[Engine], cases: Sequence[Case], threads: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Median and spread of the ratio to float32, and milliseconds, of every engine."""
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    with running(engines, threads) as processes:
        for turn in range(rounds):
            rgb = cases[turn % len(cases)].rgb
            for name in list(processes)[:: 1 if turn % 2 else -1]:
                processes[name].ask("time", rgb, 1)  # its caches are cold after the others' turn
                times[name].append(processes[name].ask("time", rgb, RUNS_A_TURN))
    base = times[BASE]
    found: dict[str, dict[str, Any]] = {}
    for name, own in times.items():
        ratios = [mine / theirs for mine, theirs in zip(own, base, strict=True)]
        low, high = np.quantile(ratios, [0.25, 0.75])
        found[name] = {
            "ratio": round(median(ratios), 3),
            "ratio_quartiles": [round(float(low), 3), round(float(high), 3)],
            "ratio_of_minimums": round(min(own) / min(base), 3),
            "median_ms": round(median(own), 2),
            "minimum_ms": round(min(own), 2),
        }
        print(
            f"  {threads} thread(s)  {name:26s} {found[name]['ratio']:.3f} of fp32, {min(own):.1f} ms at best",
            flush=True,
        )
    return found


# --- recall


def answers_of(engine: Engine, cases: Sequence[Case]) -> list[Answer]:
    """What an engine claims about every case."""
    with running([engine], 1) as processes:
        own = processes[engine.name]
        found = [Answer.of(Detections(*own.ask("detect", case.rgb)), own.card) for case in cases]
    print(f"  scored {engine.name}", flush=True)
    return found


def recall(engines: Sequence[Engine], cases: Sequence[Case], jobs: int) -> dict[str, dict[str, Any]]:
    """Objects found of every group, and false alarms, of every engine."""
    with ThreadPoolExecutor(jobs) as pool:  # the work is done in the engines' processes
        answers = dict(
            zip(
                [engine.name for engine in engines],
                pool.map(lambda engine: answers_of(engine, cases), engines),
                strict=True,
            )
        )
    return {name: compare(cases, own, answers[BASE]) for name, own in answers.items()}


# --- everything together


def make_engines(
    model: Path, scans: CalibrationScans, rules: Sequence[Range], folder: Path, only: Sequence[str] | None
) -> list[Engine]:
    """Write the variants and list what is to be measured: float32 first, then all, or ``only`` those named."""
    content = model.read_bytes()

    def file(name: str, made: bytes) -> Path:
        path = folder / name
        path.write_bytes(made)
        print(f"  made {name}: {len(made) / 1e6:.1f} MB", flush=True)
        return path

    def openvino_int8(name: str) -> Engine:
        made = openvino_eight_bits(content, scans)
        network = file("openvino.xml", made.xml)
        file("openvino.bin", made.weights)
        network.with_suffix(".card.json").write_text(made.card.model_dump_json())
        return Engine(name, model, "cpu", network)

    makers: dict[str, Callable[[str], Engine]] = {
        "onnxruntime fp16": lambda name: Engine(name, file("fp16.onnx", half_bytes(content)), "cpu"),
        **{
            f"onnxruntime int8 {rule}": partial(
                lambda rule, name: Engine(
                    name, file(f"int8-{rule}.onnx", eight_bit_bytes(content, scans, rule)), "cpu"
                ),
                rule,
            )
            for rule in rules
        },
    }
    if find_spec("openvino") is None or find_spec("nncf") is None:
        print("  OpenVINO is left out: install parcelsight[openvino]")
    else:
        makers |= {
            "openvino fp32": lambda name: Engine(name, model, "openvino"),
            "openvino int8": openvino_int8,
            **({"openvino bf16": lambda name: Engine(name, model, "openvino-bf16")} if has_bfloat16(model) else {}),
        }
    return [Engine(BASE, model, "cpu"), *(make(name) for name, make in makers.items() if not only or name in only)]


def has_bfloat16(model: Path) -> bool:
    """True where this CPU computes in bfloat16; else why not is told."""
    try:
        Detector(model, device="openvino-bf16")
    except ParcelSightError as error:
        print(f"  bfloat16 is left out: {error}")
        return False
    return True


def worst_loss(score: dict[str, Any]) -> float:
    """The most points of recall that a group loses."""
    return max(-float(group["change_points"]) for group in score["at_its_own_thresholds"])


def choose(engines: Sequence[Engine], scores: dict[str, Any], speeds: dict[int, Any]) -> str | None:
    """The fastest variant that keeps to the rule, by its worst ratio over thread counts; None where there is none."""
    allowed = {}
    for engine in engines:
        if engine.name == BASE:
            continue
        score = scores[engine.name]
        ratio = max(each[engine.name]["ratio"] for each in speeds.values())
        as_good = worst_loss(score) <= MOST_LOSS_POINTS and score["chance_of_so_many_more"] >= LEAST_CHANCE
        if as_good and ratio <= FASTER_THAN:
            allowed[engine.name] = ratio
    return min(allowed, key=lambda name: allowed[name]) if allowed else None


def main() -> int:
    """Measure and choose."""
    if sys.argv[1:2] == ["--worker"]:
        name, model, device, network, threads = sys.argv[2:]
        worker(Engine(name, Path(model), device, Path(network) if network else None), int(threads))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="labelled scans to measure recall on")
    parser.add_argument("--split", default="all", help="their split (default: all)")
    parser.add_argument("--calibrate", type=Path, required=True, help="other scans, to fit the variants to")
    parser.add_argument("--calibrate-split", default="all", help="their split (default: all)")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--rules", type=Range, nargs="*", default=[Range.PERCENTILE])
    parser.add_argument("--looks", type=int, choices=[1, 2, 4], default=2, help="mirror images of every scan")
    parser.add_argument("--only", nargs="+", help="these engines alone, beside float32")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="engines that are scored at once")
    parser.add_argument("--scans", type=int, help="no more than so many, evenly spread")
    parser.add_argument("--out", type=Path, help="write the table as JSON")
    parser.add_argument("--install", action="store_true", help="write the choice beside the model")
    args = parser.parse_args()
    try:
        return measure(args)
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def measure(args: argparse.Namespace) -> int:
    """Make, score, time, choose, write."""
    parts = [open_part(data, args.split) for data in args.data]
    records = [record for part in parts for record in part.dataset]
    if args.scans:
        records = records[:: max(1, -(-len(records) // args.scans))]
    cases = list(cases_of(records, args.looks))
    scans = calibration_scans(open_part(args.calibrate, args.calibrate_split))
    if scans is None:
        return 2
    card = Detector(args.model, device="cpu").card
    with TemporaryDirectory(prefix="parcelsight-variants-") as folder:
        engines = make_engines(args.model, scans, args.rules, Path(folder), args.only)
        scores = recall(engines, cases, args.jobs)
        speeds = {threads: speed(engines, cases, threads, args.rounds) for threads in args.threads}
    chosen = choose(engines, scores, speeds)
    document: dict[str, Any] = {
        "command": "python -m benchmarks.quantised_variants",
        "model": {
            "name": f"{card.name} {card.version}",
            "weights_sha256": card.weights_sha256,
            "input_px": card.input_px,
        },
        "data": {"names": [part.dataset.name for part in parts], "split": args.split, "scans": len(records)},
        "looks_at_each_scan": args.looks,
        "threat_free_looks": sum(case.threat_free for case in cases),
        "calibrated_on": scans.told(),
        "machine": platform.machine(),
        "rule": {
            "most_loss_points": MOST_LOSS_POINTS,
            "least_chance_of_so_many_more_false_alarms": LEAST_CHANCE,
            "faster_than": FASTER_THAN,
        },
        "engines": {
            engine.name: {**scores[engine.name], "speed": {str(n): each[engine.name] for n, each in speeds.items()}}
            for engine in engines
        },
        "chosen": chosen,
        "chosen_for_the_base_install": choose(
            [each for each in engines if "openvino" not in each.name], scores, speeds
        ),
        "chosen_device": choose(
            [each for each in engines if each.model == args.model and each.network is None], scores, speeds
        ),
    }
    report(document)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if args.install:
        install(args.model, next((e for e in engines if e.name == document["chosen_device"]), None), document)
    return 0 if chosen else 1


def report(document: dict[str, Any]) -> None:
    """Print the table."""
    for name, each in document["engines"].items():
        changes = ", ".join(
            f"{g['group']} {g['recall']:.3f} ({g['change_points']:+.2f}, {g['change_95'][0]:+.1f} to "
            f"{g['change_95'][1]:+.1f}, n {g['objects']})"
            for g in each["at_its_own_thresholds"]
        )
        print(f"{name}: {changes}; {each['false_alarms']} false alarms, float32 {each['false_alarms_in_float32']}")
    chosen, base = document["chosen"], document["chosen_for_the_base_install"]
    print(f"chosen for CPUs like this one: {chosen or 'none'}; without extras: {base or 'none'}")


def install(model: Path, chosen: Engine | None, document: dict[str, Any]) -> None:
    """Write the choice where the runtime finds it, or remove one that no longer holds."""
    path = choice_file(model)
    if chosen is None:
        path.unlink(missing_ok=True)
        return
    measured = document["engines"][chosen.name]
    choice = Choice.model_validate(
        {
            "model_sha256": read_model(model).sha256,
            "device": chosen.device,
            "time_ratio": max(each["ratio"] for each in measured["speed"].values()),
            "worst_change_points": -worst_loss(measured),
            "measured_on": f"{', '.join(document['data']['names'])}, {document['data']['scans']} scans",
        }
    )
    path.write_text(choice.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
