"""The verb ``tune``: better settings of a training recipe, on Ray Tune."""

from __future__ import annotations

import json as json_text
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..configs.loading import shipped
from .extras import TRAINING, require
from .terminal import stderr, stdout, unfolded

_COLUMNS = 120


def tune(
    tuning: Annotated[
        str, typer.Argument(metavar="TUNING.yaml", help=f"The search. Shipped: {', '.join(shipped('tuning'))}.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder of the trials, each a run directory.")],
    data: Annotated[list[Path] | None, typer.Option("--data", help="Data set; may be repeated.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Replaces epochs: of the recipe.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The trials as a JSON list on stdout, best first.")] = False,
) -> None:
    """Train a recipe with settings drawn at random, several trials side by side, stopping the hopeless ones early.

    Each trial is a run like any other: look into it, go on with it, export the best. The best of many trials on one
    validation split is flattered by it: evaluate it on scans that the search never saw.
    """
    require("tuning", "fleet", ("ray", "pandas"))
    require("tuning", "train", TRAINING)
    from ..detector.start_weights import find_start_weights
    from ..fleet.tuning import load_tuning, tune_recipe
    from ..training.recipe import load_recipe

    config = load_tuning(tuning)
    recipe = load_recipe(config.recipe)
    sets = tuple(path.resolve() for path in data or recipe.data)
    changes: dict[str, object] = {"data": sets, "epochs": epochs or recipe.epochs}
    if name := recipe.start_weights_name:
        start = find_start_weights(name)  # once and in plain words, before every trial fails for it
        if Path(name).suffix:
            changes["start_weights"] = str(start.resolve())  # trials run in folders of their own
    values = recipe.model_copy(update=changes).model_dump(mode="json")
    out.mkdir(parents=True, exist_ok=True)
    trials = tune_recipe(config, values, out, os.cpu_count() or 1)
    if json:
        print(json_text.dumps([asdict(trial) for trial in trials]))
        return
    table = Table("mAP50 (val)", "epochs", *config.search, "run")
    for trial in trials:
        drawn = (_short(trial.settings.get(key, "")) for key in config.search)
        table.add_row(f"{trial.best:.3f}", str(trial.epochs), *drawn, trial.run or trial.problem)
    unfolded(stdout, _COLUMNS).print(table)
    stderr.print("the best of many is flattered by its validation split: evaluate it on other scans", style="dim")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
