"""The verb ``mine``: a model's false alarms on labelled scans, as a list for the next training and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import UsageError
from .extras import EVALUATING, require
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..training.hard_negatives import HardNegatives

RENDERED_SETS = ("rendered-", "projected-")
_MOST_LINES = 30


def mine(
    model: Annotated[Path, typer.Argument(help="Contract-1 ONNX file, run directory, or .pt weights.")],
    data: Annotated[Path, typer.Argument(help="Labelled scans, with and without threats: those you train with.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="List to write (JSON).")],
    split: Annotated[str, typer.Option(help="Split to search, or all.")] = "train",
    floor: Annotated[float, typer.Option(min=0, max=1, help="Least score of a false alarm.")] = 0.25,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the runtime.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON on stdout too.")] = False,
) -> None:
    """Find hard negatives: where a model raises false alarms.

    A false alarm is a detection scored at least `--floor` that touches no labelled threat. The list names each with its
    scan, score, box and claimed class, and what lies there where the labels name benign objects. The table tells which
    of them cause the most false alarms: render or collect more of those.

    Next: `parcelsight train RECIPE --data DATA --hard-negatives FILE` shows those scans more often.
    """
    require("mining", "train", EVALUATING)
    if out.is_dir():
        raise UsageError(f"{out}: is a folder", "give --out a file name")
    from ..training.hard_negatives import mine as search
    from ..training.hard_negatives import write_hard_negatives
    from .evaluation_inputs import open_model, open_part

    opened = open_model(model, floor, threads)
    part = open_part(data, split)
    if not part.dataset.name.startswith(RENDERED_SETS):
        stderr.print(
            f"note: {part.dataset.name} was not rendered by parcelsight: a training with this list needs the right to "
            "learn from these scans",
            style="yellow",
        )
    with progress() as bars:
        task = bars.add_task("detecting", total=len(part.dataset))
        found = search(opened.predict, opened.identity, part, floor, lambda: bars.advance(task))
    write_hard_negatives(found, out)
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
        return
    _report(found, out)


def _report(found: HardNegatives, out: Path) -> None:
    """What was found, by what lies there and by what was claimed."""
    stdout.print(
        f"{out}: {len(found.false_alarms)} false alarms at score {found.floor:g} or more in {len(found.scan_ids)} of "
        f"{found.scans} scans ({found.threat_free_scans} of them threat-free)"
    )
    for scan in found.unreadable:
        stderr.print(f"not searched: {scan.scan_id}: {scan.reason}", style="yellow")
    for title, lines in (
        ("lies on", found.by(lambda alarm: alarm.lies_on)),
        ("claimed as", found.by(lambda alarm: alarm.claim)),
    ):
        if lines:
            stdout.print(f"{title:24s} alarms  scans  highest score")
        for name, alarms, scans, highest in lines[:_MOST_LINES]:
            stdout.print(f"  {name:22s} {alarms:6d} {scans:6d}  {highest:.3f}")
