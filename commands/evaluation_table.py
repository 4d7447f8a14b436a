"""An evaluation as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from ..detector.card import Interval
from ..training.categories import Level
from ..training.evaluation_result import Evaluation, MeasuredPoint
from ..training.operating_points import ThresholdRule
from .terminal import unfolded

_PIPE_COLUMNS = 120
_STYLE = {Level.CLASS: "", Level.MEAN: "italic", Level.GROUP: "cyan", Level.THREAT: "bold"}
_MOST_NAMED = 20


def show_evaluation(console: Console, result: Evaluation) -> None:
    """Print figures, operating point and everything that limits them."""
    console = unfolded(console, _PIPE_COLUMNS)
    data = result.data
    console.print(
        f"{result.model.name} on {data.name}, {'all scans' if data.split == 'all' else f'split {data.split}'}: "
        f"{result.scored_scans} scans of {data.groups} groups; {result.threat_free_scans} threat-free scans",
        style="bold",
    )
    console.print(_table(result))
    for line in _remarks(result):
        console.print(line)


def _table(result: Evaluation) -> Table:
    """One line a category that has objects."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("%, with 95 % interval")
    for title in ("objects", "scans", "AP50", "AP50-95", "objects found", "scans alarmed"):
        table.add_column(title, justify="right", no_wrap=True)
    previous = None
    for score in result.scores:
        if not score.objects:
            continue
        if previous not in (None, score.level):
            table.add_section()
        previous = score.level
        figures = (score.ap50, score.ap50_95, score.object_recall, score.scan_recall)
        counts = ("", "") if score.level is Level.MEAN else (str(score.objects), str(score.scans))
        table.add_row(score.name, *counts, *(percent(figure) for figure in figures), style=_STYLE[score.level])
    return table


def percent(rate: Interval | None) -> str:
    """A rate with its interval in per cent."""
    return f"{100 * rate.value:.1f} ({100 * rate.low:.0f}–{100 * rate.high:.0f})" if rate else "–"


def _remarks(result: Evaluation) -> Iterator[str]:
    """Operating point, lines without objects, notes, and scans that could not be scored."""
    if result.operating_point:
        yield _point(result.operating_point, result.settings.false_positive_rate)
    empty = [score.name for score in result.scores if not score.objects and score.level is not Level.THREAT]
    if empty:
        yield f"No object in the data: {', '.join(empty)}."
    for note in result.notes:
        yield f"Note: {note}."
    if result.unreadable:
        yield f"{len(result.unreadable)} scans could not be scored and are in no figure:"
        for scan in result.unreadable[:_MOST_NAMED]:
            yield f"  {scan.scan_id} ({scan.data}): {scan.reason}"
        if len(result.unreadable) > _MOST_NAMED:
            yield f"  and {len(result.unreadable) - _MOST_NAMED} more; --json lists them all"


def _point(point: MeasuredPoint, budget: float) -> str:
    """The operating point in one sentence."""
    values = sorted(set(point.thresholds.values()))
    thresholds = f"{values[0]:.4f}" if len(values) == 1 else f"{values[0]:.4f} to {values[-1]:.4f} by class"
    rate = point.false_alarm_rate
    measured = f"{percent(rate)} % of {rate.n} threat-free scans alarm" if rate else "no threat-free scan to measure on"
    wanted = "" if point.rule is ThresholdRule.CARD else f" for at most {100 * budget:g} % false alarms"
    return f"Operating point{wanted}: threshold {thresholds}, from {point.chosen_on}; {measured}."
