"""The program ``parcelsight``: one verb a job. This file only wires; each verb lives in its own file."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..detector.errors import ParcelSightError
from . import (
    audit,
    belt,
    bundle,
    card,
    collect,
    compare,
    console,
    dataset,
    deploy,
    doctor,
    evaluate,
    export,
    keys,
    library,
    mine,
    project,
    replay,
    rescreen,
    rollout,
    run,
    screen,
    shadow,
    sign,
    start_weights,
    synthesize,
    train,
    tune,
    verify,
)
from .terminal import complain
from .verbs import Verb, VerbGroup

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="parcelsight",
    cls=VerbGroup,
    help="Finds firearms, firearm parts and ammunition in X-ray scans of parcels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(dataset.app, name="dataset")
app.add_typer(console.app, name="console")
app.add_typer(audit.app, name="audit")
app.add_typer(library.app, name="library")
app.command("synthesize", cls=Verb)(synthesize.synthesize)
app.command("belt", cls=Verb)(belt.belt)
app.command("project", cls=Verb)(project.project)
app.command("train", cls=Verb)(train.train)
app.command("mine", cls=Verb)(mine.mine)
app.command("start-weights", cls=Verb)(start_weights.start_weights)
app.command("evaluate", cls=Verb)(evaluate.evaluate)
app.command("export", cls=Verb)(export.export)
app.command("card", cls=Verb)(card.card)
app.command("screen", cls=Verb)(screen.screen)
app.command("run", cls=Verb)(run.run)
app.command("replay", cls=Verb)(replay.replay)
app.command("rescreen", cls=Verb)(rescreen.rescreen)
app.command("deploy", cls=Verb)(deploy.deploy)
app.command("collect", cls=Verb)(collect.collect)
app.command("shadow", cls=Verb)(shadow.shadow)
app.command("rollout", cls=Verb)(rollout.rollout)
app.command("tune", cls=Verb)(tune.tune)
app.command("compare", cls=Verb)(compare.compare)
app.command("bundle", cls=Verb)(bundle.bundle)
app.command("verify", cls=Verb)(verify.verify)
app.command("sign", cls=Verb)(sign.sign)
app.command("keys", cls=Verb)(keys.keys)
app.command("doctor", cls=Verb)(doctor.doctor)


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
    except SystemExit as ending:
        if ending.code == EXIT_INTERRUPTED:  # typer takes the interruption and says nothing
            complain("interrupted")
        raise
    except OSError as error:
        # What is read and written as a file is wrapped where it happens; this is the output itself.
        complain(f"{error.filename or 'output'}: cannot be written ({error.strerror or error}); check free space")
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or the interpreter would try again and complain
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
