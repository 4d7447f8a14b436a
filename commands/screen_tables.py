"""What ``screen`` shows a person: the scans that need them, and the summary of the run."""

from __future__ import annotations

from collections import defaultdict

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..inference.pictures import AnnotatedPictures
from ..inference.report import Tally
from ..inference.sources import Fate
from ..inference.verdicts import ScreenedScan, Verdict
from .terminal import unfolded

_MOST_ROWS = 100
"""Of one verdict; more are counted. Memory stays bounded however many scans there are."""
_PIPE_COLUMNS = 2_000
"""Into a file or pipe a row is one line."""
_STYLE = {Verdict.ALARM: "bold red", Verdict.REVIEW: "yellow", Verdict.UNSCREENED: "magenta", Verdict.NO_ALARM: "green"}
_PASSED_OVER = {
    Fate.IGNORED: "files ignored (hidden, or no pictures)",
    Fate.REPEATED: "video frames repeated (the belt stood still)",
}


class Findings:
    """The scans that need a person."""

    def __init__(self) -> None:
        self._rows: dict[Verdict, list[tuple[str, str]]] = defaultdict(list)
        self._more: dict[Verdict, int] = defaultdict(int)

    def add(self, screened: ScreenedScan) -> None:
        """Take in one scan, whatever its verdict."""
        if screened.verdict is Verdict.NO_ALARM:
            return
        rows = self._rows[screened.verdict]
        if len(rows) < _MOST_ROWS:
            rows.append((screened.scan_id, screened.reason))
        else:
            self._more[screened.verdict] += 1

    def show(self, console: Console) -> None:
        """Print them, alarms first; nothing where there are none."""
        if not self._rows:
            return
        table = Table(
            "Verdict", "Scan", "Reason", box=box.SIMPLE_HEAD, title="Scans that need a person", title_justify="left"
        )
        for column in table.columns:
            column.overflow = "fold"
        for verdict in (Verdict.ALARM, Verdict.REVIEW, Verdict.UNSCREENED):
            style = _STYLE[verdict]
            for scan_id, reason in self._rows[verdict]:
                table.add_row(Text(verdict, style), _one_line(scan_id), _one_line(reason))
            if self._more[verdict]:
                table.add_row(Text(verdict, style), f"and {self._more[verdict]} more", "--json lists them all")
        unfolded(console, _PIPE_COLUMNS).print(table)


def show_summary(console: Console, tally: Tally, seconds: float, pictures: AnnotatedPictures | None) -> None:
    """Print what became of every input."""
    table = Table(box=box.SIMPLE_HEAD, title="Summary", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for verdict in Verdict:
        table.add_row(Text(verdict, _STYLE[verdict]), str(tally.verdicts[verdict]))
    table.add_row("scans", str(tally.scans), style="bold")
    for fate, words in _PASSED_OVER.items():
        if tally.passed_over[fate]:
            table.add_row(words, str(tally.passed_over[fate]))
    table.add_row("inputs", str(tally.inputs))
    if pictures:
        table.add_row(f"pictures saved in {_one_line(str(pictures.folder))}", str(pictures.saved))
    table.add_row("scans a second", f"{tally.scans / seconds:.1f}" if seconds > 0 else "–")
    unfolded(console, _PIPE_COLUMNS).print(table)


def _one_line(text: str) -> str:
    """A file name may hold line ends; a row has none."""
    return text.replace("\n", "\\n")
