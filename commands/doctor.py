"""The verb ``doctor``: is this machine ready to screen, and if not, what is to be done."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from ..detector.contract import SHIPPED_MODEL
from .findings import Finding, Level, as_document, show, worst
from .terminal import progress, stdout

EXIT_FAILED = 1


def doctor(
    model: Annotated[Path | None, typer.Option(help="Contract-1 ONNX model; without, the shipped one.")] = None,
    lanes: Annotated[
        str | None, typer.Option(metavar="LANES.yaml", help="Check this lanes file, too: its folders, sinks and port.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the ledger [default: that of --lanes, else this one].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the service [default: that of --lanes, else 8720].")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for what is to be looked at, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")] = False,
) -> None:
    """Look whether this machine can screen: model, licences, cores, codecs, disk, clock, rights, ports.

    Every finding is **OK**, **WARN** (works, yet slower or less safely) or **FAIL** (does not work, or would lose
    scans), with its remedy. The model is asked about a shipped parcel whose answer is known.

    Exit status: 0 nothing failed, 1 something failed, 2 wrong usage.
    """
    from .doctor_lanes import examine
    from .doctor_machine import check_machine
    from .doctor_model import check_model
    from .doctor_packages import check_packages
    from .doctor_storage import check_storage

    plan = examine(lanes)
    ledger = folder or plan.folder
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "model": lambda: check_model(model or plan.model or SHIPPED_MODEL),
        "machine": check_machine,
        "packages": check_packages,
        "storage": lambda: check_storage(ledger or Path.cwd(), private=ledger is not None),
        "lanes": lambda: plan.findings,
        "service": lambda: plan.check_service(port),
    }
    findings: list[Finding] = []
    with progress(disable=json) as bar:
        task = bar.add_task("looking", total=len(checks))
        for area, check in checks.items():
            bar.update(task, description=area)
            findings += _guarded(area, check)
            bar.advance(task)
    if json:
        print(jsonlib.dumps(as_document(findings), indent=1))
    else:
        show(stdout, findings)
    limit = (Level.WARN, Level.FAIL) if strict else (Level.FAIL,)
    if worst(finding.level for finding in findings) in limit:
        raise typer.Exit(EXIT_FAILED)


def _guarded(area: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """A check that breaks is a finding, not the end: the others still tell what they see."""
    try:
        yield from check()
    except Exception as error:  # whatever is wrong with this machine is what doctor is there to tell
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        yield Finding(area, "check", Level.FAIL, f"broke off ({what})", "report this with the output of doctor --json")
