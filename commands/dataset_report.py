"""What the ``dataset`` verbs tell: tables for people, JSON for programs."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from ..datasets.annotations import Dataset
from ..datasets.formats.problems import Outcome, Problem, Problems
from ..datasets.leaks import Leak
from ..datasets.splits import Split
from ..datasets.stats import DatasetStats, LabelStats, describe
from .terminal import stdout

_LEAKS_SHOWN = 10
_PROBLEMS_SHOWN = 20
_COLOURS = {Outcome.SCAN_SET_ASIDE: "red", Outcome.OBJECT_DROPPED: "yellow", Outcome.KEPT: "yellow"}


def faults(problems: Problems) -> list[Problem]:
    """Problems that are more than a remark."""
    return [problem for problem in problems if problem.outcome is not Outcome.REMARK]


def show_check(path: Path, dataset: Dataset | None, problems: Problems, json: bool) -> None:
    """Every problem, then a summary that accounts for every scan."""
    usable, set_aside = _accounts(dataset, problems)
    if json:
        _print_json(
            {
                "path": str(path),
                "clean": not faults(problems),
                **_summary(dataset, problems),
                "problems": [asdict(problem) for problem in problems],
            }
        )
        return
    _show_problems(problems)
    objects = sum(len(record.annotations) for record in dataset) if dataset else 0
    stdout.print(
        f"{usable + set_aside} scans: {usable} usable with {objects} objects, {set_aside} set aside; "
        f"{problems.count(Outcome.OBJECT_DROPPED)} objects cannot be taken; {_found(problems)}",
    )


def show_conversion(
    out: Path, layout: str, dataset: Dataset, splits: Mapping[str, Sequence[str]], problems: Problems, json: bool
) -> None:
    """What was written, and what was not."""
    if json:
        _print_json(
            {
                "out": str(out),
                "layout": layout,
                **_summary(dataset, problems),
                "splits": {name: len(members) for name, members in splits.items()},
                "problems": [asdict(problem) for problem in problems],
            }
        )
        return
    _show_problems(problems, _PROBLEMS_SHOWN)
    if len(problems) > _PROBLEMS_SHOWN:
        _say(f"… and {len(problems) - _PROBLEMS_SHOWN} more: list them with dataset check")
    usable, set_aside = _accounts(dataset, problems)
    objects = sum(len(record.annotations) for record in dataset)
    kept = f", splits {', '.join(splits)}" if splits else ""
    stdout.print(
        f"{out}: {usable} scans with {objects} objects written as {layout}{kept}; {set_aside} scans set aside, "
        f"{problems.count(Outcome.OBJECT_DROPPED)} objects dropped, {problems.count(Outcome.KEPT)} to look at",
    )


def show_split(
    path: Path, parts: Mapping[Split, Dataset], scans: int, leaks: Sequence[Leak], unread: Sequence[str], json: bool
) -> None:
    """Scans of each label in each split, and near-duplicates that are parted."""
    left_out = scans - sum(len(part) for part in parts.values())
    if json:
        content = {part.value: asdict(describe(records)) for part, records in parts.items()}
        told = [asdict(leak) for leak in leaks]
        _print_json(
            {"path": str(path), "splits": content, "left_out": left_out, "leaks": told, "not_compared": list(unread)}
        )
        return
    described = {part: describe(records) for part, records in parts.items()}
    labels = list(dict.fromkeys(label.label for each in described.values() for label in each.labels))
    table = Table("scans with", *(str(part) for part in parts))
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("anything", *(str(each.scans) for each in described.values()), style="bold")
    table.add_row("no threat", *(str(each.threat_free_scans) for each in described.values()))
    for label in labels:
        table.add_row(label, *(str(_scans_with(each, label)) for each in described.values()))
    stdout.print(table)
    if left_out:
        _say(f"{left_out} scans left out: their ids are too near to another split's")
    for message in unread:
        _say(f"not compared: {message}")
    for leak in leaks[:_LEAKS_SHOWN]:
        pair = f"{leak.scan_a} ({leak.split_a}) and {leak.scan_b} ({leak.split_b})"
        _say(f"near-duplicates: {pair}, likeness {leak.correlation:.2f}")
    if len(leaks) > _LEAKS_SHOWN:
        _say(f"… and {len(leaks) - _LEAKS_SHOWN} more pairs")
    if not leaks:
        _say(f"no near-duplicates across splits; written to {path}")


def show_stats(stats: DatasetStats, problems: Problems, json: bool) -> None:
    """The data set's numbers."""
    if json:
        _print_json({**asdict(stats), "set_aside": len(problems.scans_set_aside())})
        return
    table = Table("label", "counts as", "scans", "objects", "long side px", "of the scan")
    for column in table.columns[2:]:
        column.justify = "right"
    for label in stats.labels:
        table.add_row(*_row(label), style="" if label.group else "dim")
    stdout.print(f"{stats.name} (licence: {stats.licence})", style="bold")
    stdout.print(table)
    _say(
        f"{stats.scans} scans in {stats.groups} groups: {stats.threat_scans} with a threat, "
        f"{stats.threat_free_scans} without. Sizes are the 10th, 50th and 90th percentile."
    )
    if problems.losses():
        _say(f"{len(problems.losses())} labels or scans could not be read: list them with dataset check")


def _row(label: LabelStats) -> tuple[str, ...]:
    if not label.objects:
        return label.label, label.group or "benign", "0", "0", "", ""
    pixels = " · ".join(f"{value:.0f}" for value in label.side_px)
    relative = " · ".join(f"{value:.2f}" for value in label.relative_side)
    return label.label, label.group or "benign", str(label.scans), str(label.objects), pixels, relative


def _scans_with(stats: DatasetStats, label: str) -> int:
    return next((each.scans for each in stats.labels if each.label == label), 0)


def _accounts(dataset: Dataset | None, problems: Problems) -> tuple[int, int]:
    """(usable scans, scans set aside)."""
    set_aside = problems.scans_set_aside()
    usable = sum(record.scan_id not in set_aside for record in dataset) if dataset else 0
    return usable, len(set_aside)


def _summary(dataset: Dataset | None, problems: Problems) -> dict[str, object]:
    usable, set_aside = _accounts(dataset, problems)
    return {
        "scans": usable + set_aside,
        "usable": usable,
        "set_aside": set_aside,
        "objects": sum(len(record.annotations) for record in dataset) if dataset else 0,
        "objects_dropped": problems.count(Outcome.OBJECT_DROPPED),
    }


def _found(problems: Problems) -> str:
    count = len(faults(problems))
    return "no problems" if not count else f"{count} problem{'s' if count > 1 else ''}"


def _show_problems(problems: Problems, most: int | None = None) -> None:
    for problem in list(problems)[:most]:
        stdout.print(str(problem), style=_COLOURS.get(problem.outcome, "dim"))


def _say(text: str) -> None:
    stdout.print(text)


def _print_json(document: Mapping[str, object]) -> None:
    print(json_text.dumps(document, indent=1))
