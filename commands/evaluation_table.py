"""An evaluation as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from ..training.categories import Level
from ..training.evaluation_parts import Mirror
from ..training.evaluation_result import Evaluation, MeasuredPoint
from ..training.operating_points import ThresholdRule
from .rates import percent, points, thresholds_text
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
        f"{result.parcels} parcels ({result.scored_scans} scans) of {data.groups} groups; "
        f"{result.threat_free_parcels} threat-free parcels",
        style="bold",
    )
    console.print(_table(result))
    if result.points:
        console.print(_points(result))
    for mirror in result.mirrors:
        console.print(_mirror(mirror, result))
    for line in _remarks(result):
        console.print(line)


def _table(result: Evaluation) -> Table:
    """One line a category that has objects."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("%, with 95 % interval")
    for title in ("objects", "scans", "AP50", "AP50-95", "objects found", "parcels alarmed"):
        table.add_column(title, justify="right", no_wrap=True)
    previous = None
    for score in result.scores:
        if not score.objects:
            continue
        if previous not in (None, score.level):
            table.add_section()
        previous = score.level
        figures = (score.ap50, score.ap50_95, score.object_recall, score.parcel_recall)
        counts = ("", "") if score.level is Level.MEAN else (str(score.objects), str(score.scans))
        table.add_row(score.name, *counts, *(percent(figure) for figure in figures), style=_STYLE[score.level])
    return table


def _points(result: Evaluation) -> Table:
    """One line a named operating point."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("operating point")
    for title in ("budget", "false alarms", "objects found", "parcels alarmed", "thresholds"):
        table.add_column(title, justify="right", no_wrap=True)
    for point in result.points:
        table.add_row(
            point.name if point.resolved else f"{point.name} (roughly placed)",
            "–" if point.budget is None else f"{100 * point.budget:g}",
            *(percent(rate) for rate in (point.false_alarm_rate, point.object_recall, point.parcel_recall)),
            thresholds_text(point.thresholds.values()),
        )
    return table


def _mirror(mirror: Mirror, result: Evaluation) -> Table:
    """What other colours change for groups, any threat and the mean of classes; classes are in the JSON."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"the same scans, {mirror.rendering} ({mirror.changed} of {mirror.scans} pictures change)",
        title_justify="left",
    )
    table.add_column("points, with 95 % interval")
    for title in ("AP50", "change", "objects found: change"):
        table.add_column(title, justify="right", no_wrap=True)
    classes = {score.name for score in result.scores if score.level is Level.CLASS}
    for line in (each for each in mirror.lines if each.name not in classes):
        table.add_row(line.name, f"{100 * line.ap50:.1f}", points(line.ap50_change), points(line.object_recall_change))
    if mirror.false_alarm_rate:
        table.add_row("false alarms", percent(mirror.false_alarm_rate), points(mirror.false_alarm_change), "")
    return table


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
    thresholds = thresholds_text(point.thresholds.values())
    rate = point.false_alarm_rate
    measured = (
        f"{percent(rate)} % of {rate.n} threat-free parcels alarm" if rate else "no threat-free parcel to measure"
    )
    wanted = "" if point.rule is ThresholdRule.CARD else f" for at most {100 * budget:g} % false alarms"
    return f"Operating point{wanted}: threshold {thresholds}, from {point.chosen_on}; {measured}."
