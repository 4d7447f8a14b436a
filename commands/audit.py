"""``parcelsight audit``: is the console's record whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import CONSOLE, DATA, Data, Url
from .extras import require
from .terminal import stdout
from .verbs import Verb, VerbGroup

app = typer.Typer(cls=VerbGroup, no_args_is_help=True, add_completion=False, help="The console's audit record.")
EXIT_ALTERED = 1


@app.callback()
def audit() -> None:
    """The console's audit record."""


@app.command("verify", cls=Verb)
def verify(
    data: Data = DATA,
    database: Url = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="The file checkpoints.jsonl, as it is kept elsewhere.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public key of the console (audit.key.pub), as it is kept elsewhere.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The findings as JSON on stdout.")] = False,
) -> None:
    """Look through the whole record for entries that were altered, removed, reordered or written anew.

    Without checkpoints a record whose end was cut off cannot be told from a whole one.

    Exit status: 0 whole; 1 altered; 2 it cannot be read.
    """
    require("the console", "screening", CONSOLE)
    from ..inference.key_pairs import public_half
    from ..inference.keys import read_public_key
    from ..screening.audit import verification
    from ..screening.audit.checkpoints import read_checkpoints
    from ..screening.audit.keeper import KEY
    from ..screening.storage.schema import require_current
    from ..screening.web.console import open_database

    opened = open_database(data, database)
    require_current(opened)
    public = key or public_half(data / KEY)
    signed = read_checkpoints(checkpoints, read_public_key(str(public))) if checkpoints is not None else []
    with opened.read() as session:
        found = verification.verify(session, signed)
    if json:
        findings = [{"entry": finding.number, "what": finding.what} for finding in found.findings]
        stdout.print_json(
            data={"entries": found.entries, "checkpoints": found.checkpoints, "findings": findings}, highlight=False
        )
    else:
        stdout.print(f"{found.entries} entries, {found.checkpoints} checkpoints")
        for finding in found.findings:
            stdout.print(f"entry {finding.number}: {finding.what}", style="red")
        if found.is_whole:
            hint = "" if signed else "; give --checkpoints to know that nothing is missing at its end"
            stdout.print(f"the record is whole{hint}", style="green")
    if not found.is_whole:
        raise typer.Exit(EXIT_ALTERED)
