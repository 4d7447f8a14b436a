"""What a site's own scans bring: the shipped detector fine-tuned on 0, 50 and 200 real gun scans of SIXray.

    parcelsight dataset convert SIXRAY sixray
    python -m benchmarks.fine_tuning sixray --work FOLDER [--guns 0 50 200] [--pairs DUAL_ENERGY] [--out FILE]

Split by ranges of ids, because neighbouring scans show one bag: the first gun scans by id teach, the last 181 measure,
and ids close to the border are left out. Scans without a gun are divided half and half in the same way. Teaching knows
one class, ``firearm``. The threshold at 2 % is chosen on the threat-free scans it is measured on. ``--pairs`` adds
another maker's dual-energy pairs, which no stage saw: of those with a gun, and of those without, the share with an
alarm at that threshold.

The weights stay in FOLDER: they may not be handed on, because the scans they learned from may not. With ``--table`` the
results are put into docs/rendered-to-real.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcelsight.commands.evaluation_inputs import OpenedModel, open_model
from parcelsight.datasets.annotations import Dataset, Record
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.native import open_dataset, write_native
from parcelsight.datasets.pairs import find_scans
from parcelsight.datasets.readers import read_pair
from parcelsight.datasets.splits import id_family
from parcelsight.detector.card import Interval
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.inference.detector import Detector
from parcelsight.training.evaluation import evaluate
from parcelsight.training.evaluation_result import Evaluation, EvaluationSettings
from parcelsight.training.intervals import clopper_pearson
from parcelsight.training.recipe import load_recipe
from parcelsight.training.scoring import Part
from parcelsight.training.train import Watch, train

MEASURED_GUNS = 181
BORDER = 5
"""Ids on either side of a border that are left out."""
LABEL = "firearm"
DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- fine-tuning: begin -->", "<!-- fine-tuning: end -->"


@dataclass(frozen=True, slots=True)
class Ranges:
    """Scans by the order of their ids: what may teach, and what measures."""

    guns: tuple[Record, ...]
    free: tuple[Record, ...]
    measured: tuple[Record, ...]


def ranges(dataset: Dataset) -> Ranges:
    """Divide a data set at one id of its gun scans and, in each family of ids, half way through the others."""
    ordered = sorted(dataset, key=lambda record: id_family(record.scan_id))
    guns = [record for record in ordered if LABEL in record.annotations.labels]
    families: dict[str, list[Record]] = {}
    for record in ordered:
        if LABEL not in record.annotations.labels:
            families.setdefault(id_family(record.scan_id)[0], []).append(record)
    teach, measured = _divided(guns, len(guns) - MEASURED_GUNS)
    free: list[Record] = []
    for family in families.values():
        early, late = _divided(family, len(family) // 2)
        free, measured = [*free, *early], [*measured, *late]
    return Ranges(tuple(teach), tuple(free), tuple(measured))


def _divided(records: Sequence[Record], at: int) -> tuple[list[Record], list[Record]]:
    """Before and from a place on, without what lies close to the border before it."""
    if not 0 < at < len(records):
        return list(records[:at]), list(records[at:])
    border = id_family(records[at].scan_id)[1]
    return [r for r in records[:at] if id_family(r.scan_id)[1] < border - BORDER], list(records[at:])


def taught(parts: Ranges, dataset: Dataset, guns: int, epochs: int, work: Path) -> Path:
    """The run directory of a training on the first ``guns`` gun scans and as many without one."""
    run, data = work / f"run-{guns}", work / f"data-{guns}"
    if (run / "run.json").is_file() and json.loads((run / "run.json").read_text())["status"] == "done":
        return run
    step = max(1, len(parts.free) // guns)
    chosen = [*parts.guns[:guns], *parts.free[::step][:guns]]
    ids = [record.scan_id for record in chosen]
    val = ids[::10]  # only watched: no epoch is chosen by what is measured afterwards
    write_native(dataset.with_records(chosen), data, splits={"train": ids, "val": val})
    recipe = load_recipe("nano").model_copy(
        update={"data": (data,), "labels": (LABEL,), "start_weights": "shipped", "epochs": epochs, "patience": epochs,
                "input_px": Detector(SHIPPED_MODEL).card.input_px, "learning_rate": 5e-4}
    )  # fmt: skip
    train(recipe, run, Watch())
    return run


def measured(model: OpenedModel, dataset: Dataset, records: Sequence[Record], replicates: int) -> Evaluation:
    """Figures on the scans that measure."""
    part = Part(dataset.with_records(list(records)), "held-out ids")
    return evaluate(model.predict, model.identity, model.classes, part, EvaluationSettings(replicates=replicates))


def on_pairs(model: OpenedModel, folder: Path, threshold: float) -> dict[str, Any]:
    """Of another scanner's pairs, with a gun and without, how many raise any alarm."""
    counts: dict[str, list[bool]] = {"gun": [], "none": []}
    for kind in ("gun", "knife", "background"):
        for scan in find_scans(sorted((folder / kind).glob("*.png"))):
            low, high = scan.files
            scores = model.predict(canonical_rgb(read_pair(low, high))).score
            counts["gun" if kind == "gun" else "none"].append(bool((scores >= threshold).any()))
    return {kind: dumped(clopper_pearson(sum(raised), len(raised))) for kind, raised in counts.items()}


def dumped(figure: Interval | None) -> dict[str, Any] | None:
    """A figure with its bounds, as JSON holds it; None where there was nothing to measure."""
    return figure.model_dump() if figure is not None else None


def figures(result: Evaluation) -> dict[str, Any]:
    """What the table shows of an evaluation."""
    (firearm,) = (score for score in result.scores if score.name == LABEL)
    (balanced,) = (point for point in result.points if point.name == "balanced")
    return {
        "guns_measured": firearm.objects,
        "threat_free": result.threat_free_parcels,
        "ap50": dumped(firearm.ap50),
        "alarmed": dumped(balanced.parcel_recall),
        "false_alarms": dumped(balanced.false_alarm_rate),
        "threshold": max(balanced.thresholds.values()),
    }


def percent(rate: dict[str, Any] | None) -> str:
    """A rate with its interval."""
    return "–" if rate is None else "{:.1f} ({:.0f}–{:.0f})".format(*(100 * rate[k] for k in ("value", "low", "high")))


def write_table(results: Sequence[dict[str, Any]]) -> None:
    """Put the results into the page, between its marks."""
    page = DOCS / "rendered-to-real.md"
    lines = [
        "| real gun scans learned from | firearm AP50, % | gun scans alarmed, % | threat-free scans alarmed, % "
        "| other scanner: gun pairs alarmed, % | its gun-free pairs, % |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in results:
        pairs = each.get("pairs") or {"gun": None, "none": None}
        cells = [str(each["guns"]), *(percent(each[key]) for key in ("ap50", "alarmed", "false_alarms"))]
        lines.append("| " + " | ".join([*cells, percent(pairs["gun"]), percent(pairs["none"])]) + " |")
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(before + "\n".join((BEGIN, "", *lines, "", END)) + after, encoding="utf-8")


def main() -> None:
    """Teach and measure each size, smallest first; what is done already is taken as it is."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--guns", type=int, nargs="+", default=[0, 50, 200])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=DOCS / "results" / "gap" / "fine-tuning.json")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    dataset = open_dataset(given.data)
    parts = ranges(dataset)
    results: list[dict[str, Any]] = []
    for guns in sorted(given.guns):
        model_path = taught(parts, dataset, guns, given.epochs, given.work) if guns else SHIPPED_MODEL
        model = open_model(model_path, 0.001, 1)
        found = figures(measured(model, dataset, parts.measured, given.replicates))
        pairs = on_pairs(model, given.pairs, found["threshold"]) if given.pairs else None
        began = open_model(SHIPPED_MODEL, 0.001, 1).identity.name
        results.append(
            {"guns": guns, "epochs": given.epochs if guns else 0, "begun_with": began, **found, "pairs": pairs}
        )
        print(json.dumps(results[-1]), flush=True)
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if given.table:
        write_table(results)


if __name__ == "__main__":
    main()
