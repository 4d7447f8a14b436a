"""The program ``parcelsight``: one verb a job. This file only wires; each verb lives in its own file."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..detector.errors import ParcelSightError
from . import dataset, evaluate, export, screen, synthesize, train
from .terminal import complain

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="parcelsight",
    help="Finds firearms, firearm parts and ammunition in X-ray scans of parcels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(dataset.app, name="dataset")
app.command("synthesize")(synthesize.synthesize)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("screen")(screen.screen)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"parcelsight {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Finds firearms, firearm parts and ammunition in X-ray scans of parcels."""


def main() -> None:
    """Run the command line; a user's mistake ends in one line and status 2, never in a traceback."""
    try:
        app()
    except ParcelSightError as error:
        complain(error)
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; closing stdout quietly keeps the interpreter from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
