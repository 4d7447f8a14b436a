"""``parcelsight train``: a recipe and labelled scans in, a run directory with a trained network out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import UsageError
from .extras import TRAINING, require
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..training.recipe import TrainingRecipe
    from ..training.run_directory import RunState


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe: a YAML file, or a shipped one by name (nano, smoke).")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", help="Data set with a train and a val split; may be repeated. Replaces data: of the recipe."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run directory to make. Default: runs/NAME-DATE-TIME.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Replaces epochs: of the recipe.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu or cuda. Replaces device: of the recipe.")
    ] = None,
    hard_negatives: Annotated[
        Path | None,
        typer.Option(
            "--hard-negatives",
            metavar="FILE",
            help="Show the scans of this list of false alarms (parcelsight mine) more often. Replaces "
            "sampling.hard_negatives: of the recipe.",
        ),
    ] = None,
    show: Annotated[
        Path | None,
        typer.Option(
            "--show", metavar="FILE", help="Draw 24 training pictures as the network will see them, and stop."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with an interrupted run directory; takes no recipe.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the training engine's own messages too.")] = False,
) -> None:
    """Train a detector on labelled scans.

    Begins with COCO weights found on this machine (folder in PARCELSIGHT_START_WEIGHTS), never downloads anything, and
    can be killed at any time: `--resume RUN` goes on from the last finished epoch.

    Next: `parcelsight evaluate` and `parcelsight export RUN`.
    """
    if (recipe is None) == (resume is None):
        raise UsageError("give either a recipe or --resume RUN", "see: parcelsight train --help")
    if resume is not None and (data or out or epochs or device or hard_negatives or show):
        raise UsageError(
            "--resume goes on as the run began",
            "leave out --data, --out, --epochs, --device, --hard-negatives and --show",
        )
    require("training", "train", TRAINING)
    settings = None if recipe is None else _settings(recipe, data, epochs, device, hard_negatives)
    if settings is not None and show is not None:
        _show(settings, show)
        return
    run_dir = resume or out or _new_run(settings)
    state = _train(settings, run_dir, verbose)
    outcome = {"run": str(run_dir), **state.model_dump()}
    if as_json:
        stdout.print_json(data=outcome, highlight=False)
        return
    stdout.print(
        f"{run_dir}: {state.epochs_done} epochs in {state.minutes:.1f} min, best epoch {state.best_epoch} "
        f"with mAP50 {state.best_map50:.3f}, mAP50-95 {state.best_map50_95:.3f} on the validation split",
    )


def _new_run(settings: TrainingRecipe | None) -> Path:
    """Where a run goes that was given no folder."""
    return Path("runs") / f"{settings.name if settings else 'run'}-{datetime.now():%Y%m%d-%H%M%S}"


def _train(settings: TrainingRecipe | None, run_dir: Path, verbose: bool) -> RunState:
    """Train a recipe, or without one go on with the run, showing how it goes."""
    from ..detector.network import show_engine_log
    from ..training import train as trainings
    from .train_progress import TerminalWatch

    show_engine_log(verbose)
    with progress() as bars:
        watch = TerminalWatch(bars)
        try:
            if settings is None:
                return trainings.resume(run_dir, watch)
            return trainings.train(settings, run_dir, watch)
        except KeyboardInterrupt:
            stderr.print(f"stopped; go on with: parcelsight train --resume {run_dir}")
            raise


def _show(settings: TrainingRecipe, file: Path) -> None:
    """Draw what the network is going to see."""
    from ..datasets.writers import write_picture
    from ..training.training_sheet import training_sheet

    with stderr.status("reading and varying scans"):
        write_picture(file, training_sheet(settings))
    stdout.print(f"{file}: the first pictures of an epoch with their boxes")


def _settings(
    recipe: str, data: list[Path] | None, epochs: int | None, device: str | None, hard_negatives: Path | None
) -> TrainingRecipe:
    """The recipe with what the command line replaces."""
    from ..training.recipe import Device, load_recipe

    if device is not None and device not in tuple(Device):
        raise UsageError(f"unknown device {device!r}", f"use one of {', '.join(Device)}")
    given = {"data": tuple(data) if data else None, "epochs": epochs, "device": Device(device) if device else None}
    settings = load_recipe(recipe).model_copy(update={key: value for key, value in given.items() if value is not None})
    return settings if hard_negatives is None else settings.with_hard_negatives(hard_negatives)
