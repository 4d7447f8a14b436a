"""What ``doctor`` found: one value a check, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .terminal import unfolded

_PIPE_COLUMNS = 2_000
"""Into a file or pipe a row is one line."""


class Level(StrEnum):
    """How much a finding matters."""

    OK = "OK"
    WARN = "WARN"
    """Screening works, yet slower, less safely or without something."""
    FAIL = "FAIL"
    """Screening does not work, or would lose scans."""


_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
_SIGN = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Raises:
        ValueError: if something is wrong and no remedy is told.
    """

    area: str
    check: str
    level: Level
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level is not Level.OK and not self.remedy:
            raise ValueError(f"{self.area} {self.check}: {self.level} without a remedy")


def as_document(findings: Iterable[Finding]) -> dict[str, Any]:
    """All findings and the worst of them, as plain values."""
    rows = [asdict(finding) | {"level": str(finding.level)} for finding in findings]
    return {"level": str(worst(Level(row["level"]) for row in rows)), "findings": rows}


def worst(levels: Iterable[Level]) -> Level:
    """The level that matters most; OK where there are none."""
    return max(levels, key=list(Level).index, default=Level.OK)


def show(console: Console, findings: list[Finding]) -> None:
    """The table: areas in order, remedies under what they mend, and the count at the end."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column("area", style="bold", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("found", overflow="fold")
    area = ""
    for finding in findings:
        if area and finding.area != area:
            table.add_section()
        sign = Text(f"{_SIGN[finding.level]} {finding.level}", _STYLE[finding.level])
        told = finding.found.replace("\n", "\\n")
        table.add_row(finding.area if finding.area != area else "", sign, finding.check, told)
        if finding.remedy:
            table.add_row("", "", "", Text(f"→ {finding.remedy}", "italic"))
        area = finding.area
    unfolded(console, _PIPE_COLUMNS).print(table)
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    console.print(
        f"{len(findings)} checks: {counts[Level.OK]} OK, {counts[Level.WARN]} to look at, {counts[Level.FAIL]} failed",
        style=_STYLE[worst(finding.level for finding in findings)],
    )
