"""A run directory as others read it: what its network learned, from what, and where its validation data is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configs.loading import load_config
from ..detector.card import TrainingData
from ..detector.errors import RunError
from .recipe import RECIPES, TrainingRecipe
from .run_directory import DATA_FILE, RECIPE_FILE, RunDirectory, RunState


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRun:
    """One run with weights."""

    path: Path
    weights: Path
    recipe: TrainingRecipe
    state: RunState
    training_data: tuple[TrainingData, ...]
    """As the model card lists it: sets, licences, and scans in their train splits."""

    @property
    def is_finished(self) -> bool:
        """False where training was killed, failed or goes on: the weights are the best so far."""
        return self.state.status == "done"


def read_run(path: Path) -> TrainedRun:
    """Read a run directory.

    Raises:
        RunError: if it is none, is damaged, or has no weights yet.
        ConfigError: if its recipe was changed into something invalid.
    """
    if not path.is_dir():
        raise RunError(f"{path}: no such run directory", "give a folder that parcelsight train wrote")
    run = RunDirectory(path)
    state = run.read_state()
    if not run.best.is_file():
        raise RunError(
            f"{path}: has no weights ({run.best.relative_to(path)}), its training is {state.status}",
            f"go on with: parcelsight train --resume {path}",
        )
    recipe = load_config(path / RECIPE_FILE, TrainingRecipe, RECIPES)
    return TrainedRun(path, run.best, recipe, state, _training_data(path / DATA_FILE))


def _training_data(file: Path) -> tuple[TrainingData, ...]:
    """The sets of the train split, as data.json tells them."""
    try:
        sets: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["sets"]
        return tuple(
            TrainingData(name=each["name"], licence=each["licence"], scans=each["scans"])
            for each in sets
            if each["split"] == "train"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{file}: cannot be read, so nobody knows what the network learned from", "train again into another folder"
        ) from error
