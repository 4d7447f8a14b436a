"""Write the measured tables of README.md from the evaluations in docs/results, so that no figure is typed.

    python benchmarks/measured_tables.py            # rewrite the block between the markers
    python benchmarks/measured_tables.py --check    # status 1 if README.md is out of date

An evaluation comes from ``parcelsight evaluate … --out docs/results/NAME.json``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from parcelsight.detector.card import Interval
from parcelsight.training.evaluation_result import Evaluation, read_evaluation

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def block() -> str:
    """The block as it should be: one table an evaluation, in the order of their file names."""
    files = sorted((ROOT / "docs" / "results").glob("*.json"))
    tables = [table(read_evaluation(path), path) for path in files]
    return "\n\n".join([BEGIN, *tables, END])


def table(evaluation: Evaluation, path: Path) -> str:
    """One evaluation: what it was measured on, and a line a class and group."""
    data, point = evaluation.data, evaluation.operating_point
    chosen = "No threat-free parcel to choose a threshold on."
    if point is not None:
        rate = percent(point.false_alarm_rate)
        chosen = f"Threshold chosen on {point.chosen_on}; {rate} % of the threat-free parcels alarm."
    lines = [
        f"**{data.name}**, split {data.split}: {evaluation.parcels} parcels, {evaluation.threat_free_parcels} of them "
        f"threat-free ([{path.name}](docs/results/{path.name})). {chosen}",
        "",
        "| %, with 95 % interval | objects | AP50 | objects found |",
        "| --- | --- | --- | --- |",
    ]
    for score in evaluation.scores:
        if score.objects:
            name = score.name if score.level != "group" else f"*{score.name}* (group)"
            lines.append(f"| {name} | {score.objects} | {percent(score.ap50)} | {percent(score.object_recall)} |")
    return "\n".join(lines)


def percent(interval: Interval | None) -> str:
    """A rate with its interval, in percent."""
    if interval is None:
        return "–"
    return f"{interval.value * 100:.1f} ({interval.low * 100:.0f}–{interval.high * 100:.0f})"


def main() -> int:
    """Rewrite or check README.md; the exit status."""
    text = README.read_text("utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = before + block() + after
    if "--check" in sys.argv[1:]:
        if wanted != text:
            print("README.md is out of date; run: python benchmarks/measured_tables.py", file=sys.stderr)
        return int(wanted != text)
    README.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
