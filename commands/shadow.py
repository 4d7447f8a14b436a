"""The verb ``shadow``: a candidate model beside the live one."""

from __future__ import annotations

import json as json_text
import os
import signal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.card import PointName
from ..detector.errors import UsageError
from .compare import as_plain, show
from .terminal import stderr

if TYPE_CHECKING:
    from ..fleet.shadow import Shadow

_IDLE_S = 0.5
_TELL_EVERY = 500


def shadow(
    ledger: Annotated[Path, typer.Argument(help="The lanes' ledger folder; it may be in use.")],
    answers: Annotated[Path, typer.Argument(help="The file in which the candidate's answers are kept.")],
    candidate: Annotated[Path | None, typer.Option("--model", help="The candidate: a contract-1 ONNX model.")] = None,
    operating_point: Annotated[PointName, typer.Option(help="Of the candidate.")] = PointName.BALANCED,
    from_now: Annotated[bool, typer.Option("--from-now", help="Only scans to come; else all that are kept.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Stop when no scan is left to look at.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Tell what it has found so far, and stop.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")] = False,
) -> None:
    """Run a candidate on the same scans as the live model, without touching a verdict; report what would change.

    It follows the lanes' ledger behind them, at the lowest priority, until Ctrl-C or SIGTERM, and goes on where it
    ended. The report compares both models scan by scan, by lane and class, with 95 % intervals for paired data.
    """
    from ..fleet import shadow as following

    if not report:
        if candidate is None:
            raise UsageError("no candidate", "name it with --model FILE, or ask for --report")
        os.nice(19)
        _follow(following.Shadow(ledger, answers, candidate, operating_point, from_now), once)
    if report or once:
        found = following.report(answers)
        if json:
            print(json_text.dumps(as_plain(found)))
        else:
            show(found, place="lane")


def _follow(shadow: Shadow, once: bool) -> None:
    stop = Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    told = 0
    try:
        while not stop.is_set():
            if not shadow.turn():
                if once:
                    break
                stop.wait(_IDLE_S)
            looked = shadow.progress.looked
            if looked >= told + _TELL_EVERY:
                stderr.print(f"{looked:,} scans looked at", style="dim")
                told = looked
    finally:
        shadow.close()
