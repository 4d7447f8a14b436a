"""Which quantised variant a CPU should run: speed and recall of each engine against onnxruntime in float32.

Every engine runs in a process of its own, through the runtime's ``Detector``. Speed: in turns, a few detections at a
time, so that all meet the same machine; judged is the median over rounds of the ratio to onnxruntime float32 with the
same threads. Recall: objects found at the card's thresholds (class of the same group, IoU ≥ 0.5) on the same scans,
its change against float32 in points, with a 95 % interval of a bootstrap over scans (paired). Then the default is
chosen: the fastest that loses at most half a point in every group and is faster than float32 by more than a twentieth;
and the same among those that the base install can run.

    python -m benchmarks.quantised_variants DATA [--split val test] [--calibrate DATA] [--threads 1 2] [--out FILE]

OpenVINO's engines are left out where the extra [openvino] is missing. Exit status 1 where no variant may be chosen.
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcelsight.commands.bundle import calibration_pictures
from parcelsight.commands.evaluation_inputs import open_part
from parcelsight.datasets.annotations import Record
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ParcelSightError, ScanError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.export.openvino_quantised import openvino_eight_bits
from parcelsight.export.precisions import eight_bit_bytes, half_bytes
from parcelsight.export.quantise import Range
from parcelsight.inference.detector import Detector
from parcelsight.training.pictures import canonical_picture

MOST_LOSS_POINTS = 0.5
FASTER_THAN = 0.95
RUNS_A_TURN = 3
SAME_IOU = 0.5
REPLICATES = 2000
BASE = "onnxruntime fp32"


@dataclass(frozen=True, slots=True)
class Engine:
    """A model on a backend."""

    name: str
    model: Path
    device: str
    network: Path | None = None
    """An OpenVINO file that stands in for the model's network."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A scan and what is in it."""

    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    groups: tuple[str, ...]
    threat_free: bool


# --- one engine in its process


def worker(engine: Engine, threads: int) -> None:
    """Answer requests on stdin: ``["time", rgb, runs]`` → ms, ``["detect", rgb]`` → alarms. Ends with its input."""
    detector = Detector(engine.model, threads=threads, device=engine.device)  # type: ignore[arg-type]
    if engine.network is not None:
        detector._session = _openvino_network(engine.network, threads)
    out = sys.stdout.buffer
    _send(out, detector.describe())
    while True:
        try:
            request, rgb, *rest = pickle.load(sys.stdin.buffer)  # from our own parent process
        except EOFError:
            return
        if request == "detect":
            found = detector.detect(rgb)
            _send(out, (found.xyxy_px, found.score, found.class_id))
        else:
            started = perf_counter()
            for _ in range(rest[0]):
                detector.detect(rgb)
            _send(out, (perf_counter() - started) * 1e3 / rest[0])


def _openvino_network(path: Path, threads: int) -> Any:
    """A session of an OpenVINO file with the runtime's settings."""
    import openvino

    class Network:
        description = "OpenVINO INT8 (NNCF)"

        def __init__(self) -> None:
            core = openvino.Core()
            network = core.read_model(path)
            side = network.inputs[0].get_partial_shape()[2].get_length()
            network.reshape([1, 3, side, side])
            settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
            self._request = core.compile_model(network, "CPU", settings).create_infer_request()

        def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            self._request.infer({0: images}, share_inputs=True)
            return np.array(self._request.get_output_tensor(0).data[0])

    return Network()


def _send(out: Any, value: object) -> None:
    pickle.dump(value, out)
    out.flush()


class Running:
    """An engine's process, seen from here."""

    def __init__(self, engine: Engine, threads: int) -> None:
        arguments = [engine.name, engine.model, engine.device, engine.network or "", threads]
        command = [sys.executable, "-m", "benchmarks.quantised_variants", "--worker", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.description: str = self._answer()

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


def found_objects(case: Case, alarms: Detections, groups: Sequence[str]) -> NDArray[np.bool_]:
    """(objects,) which have an alarm of their group, each alarm used once, best first."""
    found = np.zeros(len(case.groups), bool)
    for index in np.argsort(-alarms.score, kind="stable"):
        overlaps = _iou(alarms.xyxy_px[index].astype(np.float64), case.boxes)
        fits = np.array([group == groups[alarms.class_id[index]] for group in case.groups], bool) & ~found
        if fits.any():
            best = int(np.argmax(np.where(fits, overlaps, -1)))
            found[best] = found[best] or overlaps[best] >= SAME_IOU
    return found


def _iou(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    shared = np.prod(np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.asarray(np.divide(shared, area, out=np.zeros_like(shared), where=area > 0))


def recall(engines: Sequence[Engine], cases: Sequence[Case], groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Objects found of every group, and false alarms, of every engine."""
    hits: dict[str, list[NDArray[np.bool_]]] = {}
    false_alarms: dict[str, int] = {}
    for engine in engines:
        with running([engine], 1) as processes:
            answers = [Detections(*processes[engine.name].ask("detect", case.rgb)) for case in cases]
        hits[engine.name] = [found_objects(case, got, groups) for case, got in zip(cases, answers, strict=True)]
        false_alarms[engine.name] = sum(
            case.threat_free and len(got) > 0 for case, got in zip(cases, answers, strict=True)
        )
        print(f"  scored {engine.name}: {sum(int(h.sum()) for h in hits[engine.name])} objects found", flush=True)
    return {
        name: {
            "groups": [
                _group(group, cases, own, hits[BASE])
                for group in (*sorted({g for c in cases for g in c.groups}), "any")
            ],
            "false_alarm_scans": false_alarms[name],
        }
        for name, own in hits.items()
    }


def _group(
    group: str, cases: Sequence[Case], own: list[NDArray[np.bool_]], base: list[NDArray[np.bool_]]
) -> dict[str, Any]:
    """Recall of one group and its change against float32; "any" takes all."""
    rows = []
    for case, mine, theirs in zip(cases, own, base, strict=True):
        of_group = np.array([group in (each, "any") for each in case.groups], bool)
        rows.append((of_group.sum(), mine[of_group].sum(), theirs[of_group].sum()))
    table = np.array([row for row in rows if row[0]], np.float64)  # (scans, 3): objects, found, found in float32
    draws = np.random.default_rng(0).integers(0, len(table), (REPLICATES, len(table)))
    sums = table[draws].sum(axis=1)
    objects, mine_all, base_all = table.sum(axis=0)
    low, high = np.quantile(100 * (sums[:, 1] - sums[:, 2]) / sums[:, 0], [0.025, 0.975])
    return {
        "group": group,
        "objects": int(objects),
        "recall": round(mine_all / objects, 4),
        "change_points": round(100 * (mine_all - base_all) / objects, 2),
        "change_95": [round(float(low), 2), round(float(high), 2)],
    }


# --- everything together


def make_engines(
    model: Path, pictures: Sequence[NDArray[np.uint8]], rules: Sequence[Range], folder: Path
) -> list[Engine]:
    """Write the variants and list what is to be measured."""
    content = model.read_bytes()

    def file(name: str, made: bytes) -> Path:
        path = folder / name
        path.write_bytes(made)
        print(f"  made {name}: {len(made) / 1e6:.1f} MB", flush=True)
        return path

    engines = [Engine(BASE, model, "cpu"), Engine("onnxruntime fp16", file("fp16.onnx", half_bytes(content)), "cpu")]
    for rule in rules:
        path = file(f"int8-{rule}.onnx", eight_bit_bytes(content, pictures, rule))
        engines.append(Engine(f"onnxruntime int8 {rule}", path, "cpu"))
    if find_spec("openvino") is None or find_spec("nncf") is None:
        print("  OpenVINO is left out: install parcelsight[openvino]")
        return engines
    xml, weights = openvino_eight_bits(content, pictures)
    network = file("openvino.xml", xml)
    file("openvino.bin", weights)
    engines += [Engine("openvino fp32", model, "openvino"), Engine("openvino int8", model, "cpu", network)]
    try:
        Detector(model, device="openvino-bf16")
        engines.append(Engine("openvino bf16", model, "openvino-bf16"))
    except ParcelSightError as error:
        print(f"  bfloat16 is left out: {error}")
    return engines


def cases_of(records: Sequence[Record]) -> list[Case]:
    """Scans with their objects; what cannot be read is told and left out."""
    cases = []
    for record in records:
        labels = [
            (TAXONOMY.group_of(label), box)
            for label, box in zip(record.annotations.labels, record.annotations.xyxy_px, strict=True)
        ]
        known = [(str(group), box) for group, box in labels if group is not None]
        try:
            rgb = canonical_picture(record)
        except ScanError as error:
            print(f"  passed over: {error.message}")
            continue
        boxes = np.array([box for _, box in known], np.float64).reshape(-1, 4)
        cases.append(Case(rgb, boxes, tuple(group for group, _ in known), not known))
    return cases


def choose(engines: Sequence[Engine], scores: dict[str, Any], speeds: dict[int, Any]) -> str | None:
    """The fastest variant that keeps to the rule, by its worst ratio over thread counts; None where there is none."""
    allowed = {}
    for engine in engines[1:]:
        loss = max(-group["change_points"] for group in scores[engine.name]["groups"])
        ratio = max(each[engine.name]["ratio"] for each in speeds.values())
        if loss <= MOST_LOSS_POINTS and ratio <= FASTER_THAN:
            allowed[engine.name] = ratio
    return min(allowed, key=lambda name: allowed[name]) if allowed else None


def main() -> int:
    """Measure and choose."""
    if sys.argv[1:2] == ["--worker"]:
        name, model, device, network, threads = sys.argv[2:]
        worker(Engine(name, Path(model), device, Path(network) if network else None), int(threads))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="labelled scans to measure recall on")
    parser.add_argument("--split", nargs="+", default=["val", "test"], help="its splits (default: val test)")
    parser.add_argument("--calibrate", type=Path, help="data set to calibrate on, split train (default: DATA)")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--rules", type=Range, nargs="+", default=[Range.MINMAX, Range.PERCENTILE, Range.ENTROPY])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--scans", type=int, help="no more than so many, evenly spread")
    parser.add_argument("--out", type=Path, help="write the table as JSON")
    args = parser.parse_args()
    try:
        return measure(args)
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def measure(args: argparse.Namespace) -> int:
    """Make, score, time, choose, write."""
    parts = [open_part(args.data, split) for split in args.split]
    records = [record for part in parts for record in part.dataset]
    if args.scans:
        records = records[:: max(1, -(-len(records) // args.scans))]
    cases = cases_of(records)
    pictures = calibration_pictures(open_part(args.calibrate or args.data, "train"))
    card = Detector(args.model, device="cpu").card
    with TemporaryDirectory(prefix="parcelsight-variants-") as folder:
        engines = make_engines(args.model, pictures, args.rules, Path(folder))
        scores = recall(engines, cases, [spec.group.value for spec in card.classes])
        speeds = {threads: speed(engines, cases, threads, args.rounds) for threads in args.threads}
    chosen = choose(engines, scores, speeds)
    base_install = choose([engine for engine in engines if "openvino" not in engine.name], scores, speeds)
    document: dict[str, Any] = {
        "model": {
            "name": f"{card.name} {card.version}",
            "weights_sha256": card.weights_sha256,
            "input_px": card.input_px,
        },
        "data": {"name": parts[0].dataset.name, "splits": args.split, "scans": len(cases)},
        "threat_free_scans": sum(case.threat_free for case in cases),
        "calibration_pictures": len(pictures),
        "machine": platform.machine(),
        "rule": {"most_loss_points": MOST_LOSS_POINTS, "faster_than": FASTER_THAN},
        "engines": {
            engine.name: {**scores[engine.name], "speed": {str(n): each[engine.name] for n, each in speeds.items()}}
            for engine in engines
        },
        "chosen": chosen,
        "chosen_for_the_base_install": base_install,
    }
    for name, each in document["engines"].items():
        changes = ", ".join(f"{g['group']} {g['recall']:.3f} ({g['change_points']:+.2f})" for g in each["groups"])
        print(f"{name:26s} {changes}; {each['false_alarm_scans']} false-alarm scans")
    print(f"chosen for CPUs like this one: {chosen or 'none'}; without extras: {base_install or 'none'}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if chosen else 1


if __name__ == "__main__":
    sys.exit(main())
