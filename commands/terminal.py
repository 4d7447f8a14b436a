"""How verbs talk to the terminal: progress, tables and complaints on stderr, results on stdout."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

stdout = Console(soft_wrap=True)
stderr = Console(stderr=True, soft_wrap=True)


def complain(problem: object) -> None:
    """One line on stderr, the same words in a terminal and in a log."""
    stderr.print(f"error: {' '.join(str(problem).split())}", style="red", markup=False, highlight=False)


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
