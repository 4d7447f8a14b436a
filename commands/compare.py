"""The verb ``compare``: what a new model would have found or dropped in an archive."""

from __future__ import annotations

import csv
import json as json_text
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..detector.errors import UsageError
from .extras import require
from .terminal import progress, stdout, unfolded

if TYPE_CHECKING:
    from ..fleet.comparing import Changed, Comparison
    from ..fleet.paired import Paired

_COLUMNS = 120


def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="Results of rescreen with the model in force.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Results with the new one, of the same archive.")],
    scans: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write every scan on which they differ into this file.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The comparison as one JSON object on stdout.")] = False,
) -> None:
    """Tell what model B finds and drops where model A looked before, by class and site.

    *Found* are scans that B alone alarms on, *dropped* those that A alone does. The change of the share of scans that
    alarm comes with its 95 % interval for paired data. Nobody knows the truth about an archive: more alarms may be more
    threats or more false alarms, so look at the scans that --scans lists.
    """
    require("comparing results", "fleet", ("pyarrow",))
    from ..fleet.comparing import compare as held_against

    found, changes = held_against(before, after)
    with progress(disable=json and sys.stdout.isatty()) as bar:
        task = bar.add_task("comparing: scans that differ", total=None)
        _write(scans, _counted(changes, lambda: bar.advance(task)))
    if json:
        print(json_text.dumps(as_plain(found)))
    else:
        show(found)


def _counted(changes: Iterable[Changed], tick: Callable[[], None]) -> Iterator[Changed]:
    for change in changes:
        tick()
        yield change


def _write(path: Path | None, changes: Iterable[Changed]) -> None:
    if path is None:
        for _ in changes:
            pass
        return
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("scan", "site", "before", "after", "found", "dropped"))
            for each in changes:
                classes = (" ".join(each.found), " ".join(each.dropped))
                writer.writerow((_cell(each.scan), _cell(each.site), each.before, each.after, *classes))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})", "name another file") from error


def _cell(text: str) -> str:
    """What a spreadsheet would take for a formula is made text: names come from strangers."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def show(found: Comparison, place: str = "site") -> None:
    """Tables of a comparison; ``place`` is what its scans are told apart by."""
    for letter, plan in (("A", found.before), ("B", found.after)):
        stdout.print(f"{letter}: {plan.model}, operating point {plan.operating_point}")
    stdout.print(f"{found.scans:,} scans in both, {found.unscreened:,} of them not judged by one or both")
    if found.missing:
        stdout.print(f"{found.missing:,} scans are in one result alone; nothing is said of them", style="yellow")
    table = Table(place, "class", "scans", "A", "B", "found", "dropped", "change (95 %)")
    for column in table.columns[2:]:
        column.justify = "right"
    for site, name, paired in found.lines():
        table.add_row(
            site, name, f"{paired.n:,}", f"{paired.before.count:,}", f"{paired.after.count:,}",
            f"{paired.only_after:,}", f"{paired.only_before:,}", _points(paired),
        )  # fmt: skip
    unfolded(stdout, _COLUMNS).print(table)
    moves = Table("A \\ B", *(verdicts := sorted({name for pair in found.verdicts for name in pair})))
    for first in verdicts:
        moves.add_row(first, *(f"{found.verdicts[first, second]:,}" for second in verdicts))
    unfolded(stdout, _COLUMNS).print(moves)


def _points(paired: Paired) -> str:
    """The change in percentage points."""
    if paired.difference is None:
        return "–"
    low, high = paired.interval
    return f"{100 * paired.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f}) points"


def as_plain(found: Comparison) -> dict[str, Any]:
    """A comparison for programs."""
    return {
        "before": found.before.model,
        "after": found.after.model,
        "scans": found.scans,
        "missing": found.missing,
        "unscreened": found.unscreened,
        "verdicts": [{"before": a, "after": b, "scans": n} for (a, b), n in sorted(found.verdicts.items())],
        "alarms": [
            {
                "site": site, "class": name, "scans": paired.n, "before": paired.before.count,
                "after": paired.after.count, "found": paired.only_after, "dropped": paired.only_before,
                "change": paired.difference, "low": paired.interval[0], "high": paired.interval[1],
            }
            for site, name, paired in found.lines()
        ],
    }  # fmt: skip
