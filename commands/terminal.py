"""How verbs talk to the terminal: progress, tables and complaints on stderr, results on stdout."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text


class PlainConsole(Console):
    """Shows text as it is: names of files, models and labels come from strangers.

    Square brackets are no markup, and control characters, with which a name could move the cursor or rewrite what
    stands on the screen, are written out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string that is printed, cells of tables included, comes through here."""
        return super().render_str(printable(text), **options)


stdout = PlainConsole(soft_wrap=True)
stderr = PlainConsole(stderr=True, soft_wrap=True)


def printable(text: str) -> str:
    """Text with control characters, and bytes that are no text, written out; line ends stay."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def unfolded(console: Console, columns: int) -> Console:
    """The console itself where it is a terminal; into a file or pipe, one whose lines hold ``columns`` characters."""
    return console if console.is_terminal else PlainConsole(file=console.file, width=columns)


def complain(problem: object) -> None:
    """One line on stderr, the same words in a terminal and in a log."""
    stderr.print(f"error: {' '.join(str(problem).split())}", style="red")


def progress(disable: bool = False) -> Progress:
    """The progress bar of long work: what, how much, how long it still takes. Drawn on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=disable or not stderr.is_terminal,  # a log gets no empty lines for bars it cannot show
        transient=True,
    )
