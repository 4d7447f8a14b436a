"""The table of docs/rendered-to-real.md: what each stage of training did to scans the network never saw.

    python benchmarks/gap_table.py

Reads docs/results/gap/stages.json, which names for each stage what changed and the evaluation that measured it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "rendered-to-real.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def percent(rate: dict[str, Any]) -> str:
    """A rate with its interval."""
    value, low, high = (100 * rate[key] for key in ("value", "low", "high"))
    return f"{value:.1f} ({low:.0f}–{high:.0f})"


def row(stage: dict[str, Any]) -> str:
    """One stage as a line of the table."""
    result = json.loads((DOCS / "results" / stage["evaluation"]).read_text())
    (firearm,) = (score for score in result["scores"] if score["name"] == "firearm")
    (balanced,) = (point for point in result["points"] if point["name"] == "balanced")
    cells = (stage["what"], percent(firearm["ap50"]), percent(balanced["parcel_recall"]))
    return "| " + " | ".join((*cells, percent(balanced["false_alarm_rate"]))) + " |"


def main() -> None:
    """Write the table between its marks."""
    stages = json.loads((DOCS / "results" / "gap" / "stages.json").read_text())
    head = (
        "| stage | firearm AP50, % | gun scans alarmed, % | threat-free scans alarmed, % |\n| --- | --- | --- | --- |"
    )
    text = PAGE.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(before + "\n".join((BEGIN, "", head, *map(row, stages), "", END)) + after)


if __name__ == "__main__":
    main()
