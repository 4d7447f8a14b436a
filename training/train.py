"""One training, from a recipe to a run directory that explains itself; it can be killed and goes on where it was."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

from ..configs.loading import load_config
from ..datasets.scan import AIR_LEVEL
from ..detector import network as engine
from ..detector.errors import ModelError, RunError
from ..detector.lesson import EpochReport, Lesson
from ..detector.start_weights import find_start_weights
from .augmentation import make_augment
from .material import Material, open_splits, prepare
from .pictures import Prepared, choose_labels
from .plots import plot_losses, plot_scores
from .recipe import RECIPES, TrainingRecipe
from .run_directory import DATA_FILE, ENVIRONMENT_FILE, RECIPE_FILE, RunDirectory, RunState, describe_environment

_MEMORY_SHARE = 0.25
"""Pictures are kept in memory where they take no more than this part of what is free."""
_PIXEL_BYTES = 4
"""Two energies of 16 bits; pictures take three."""


class Watch:
    """Follows a training; this one looks away."""

    def preparing(self, done: int, total: int) -> None:
        """So many scans were read and checked."""

    def prepared(self, train: Prepared, val: Prepared, device: str) -> None:
        """Training is about to begin."""

    def batch(self, epoch: int, done: int, total: int) -> None:
        """So many batches of an epoch (from 1) are done."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch is done."""


def train(recipe: TrainingRecipe, run_dir: Path, watch: Watch) -> RunState:
    """Train a new network.

    Args:
        recipe: what to do; names the data.
        run_dir: a new or empty folder.
        watch: told how it goes.

    Raises:
        RunError, DatasetError, ModelError: naming what is wrong and the remedy, before training where possible.
    """
    recipe = recipe.model_copy(update={"data": tuple(data.resolve() for data in recipe.data)})
    if recipe.sampling.hard_negatives is not None:
        recipe = recipe.with_hard_negatives(recipe.sampling.hard_negatives.resolve())
    run = RunDirectory(run_dir)
    run.require_free()
    device, device_name = engine.find_device(recipe.device)
    start = find_start_weights(recipe.start_weights_name) if recipe.start_weights_name else None
    splits = open_splits(recipe)
    labels = choose_labels(recipe.labels, splits.train)
    network = engine.build_network(recipe.network, labels, start, recipe.seed)
    material = prepare(recipe, splits, labels, watch.preparing)
    run.write_recipe(recipe)
    run.write_json(ENVIRONMENT_FILE, describe_environment(recipe, device, device_name))
    state = RunState(
        status="running",
        classes=labels,
        start_weights=start.name if start else "random",
        start_weights_sha256=hashlib.sha256(start.read_bytes()).hexdigest() if start else None,
    )
    return _teach(run, recipe, material, network, state, device, watch)


def resume(run_dir: Path, watch: Watch) -> RunState:
    """Go on with a training that was killed or failed, from its last finished epoch.

    Raises:
        RunError: if there is no such run, it is done, or its data changed; besides what ``train`` raises.
    """
    run = RunDirectory(run_dir)
    state = run.read_state()
    if state.status == "done":
        raise RunError(f"{run_dir}: this training is done", "start another one with: parcelsight train RECIPE")
    recipe = load_config(run_dir / RECIPE_FILE, TrainingRecipe, RECIPES)
    device, _ = engine.find_device(recipe.device)
    splits = open_splits(recipe)
    network = engine.build_network(recipe.network, state.classes, None, recipe.seed)
    material = prepare(recipe, splits, state.classes, watch.preparing)
    before = run.read_json(DATA_FILE)
    if any(material.data[key] != before.get(key) for key in ("sets", "hard_negatives")):
        raise RunError(f"{run_dir}: its data is not what it began with", "restore the data, or start another training")
    return _teach(run, recipe, material, network, state, device, watch)


def _teach(
    run: RunDirectory,
    recipe: TrainingRecipe,
    material: Material,
    network: engine.Network,
    state: RunState,
    device: str,
    watch: Watch,
) -> RunState:
    """Train, and write down what comes of it."""
    run.write_json(DATA_FILE, material.data)
    state = state.model_copy(update={"status": "running", "reason": ""})
    run.write_state(state)
    done = _finished_epochs(run, recipe)
    run.keep_metrics(done)
    recorder = _Recorder(run, state.model_copy(update={"epochs_done": done}), watch)
    try:
        if done < recipe.epochs:
            watch.prepared(material.train, material.val, device)
            engine.train_network(network, make_lesson(recipe, run.path, material, device), watch.batch, recorder.epoch)
        return recorder.finish(recipe)
    except (RunError, ModelError) as error:
        run.write_state(recorder.state.model_copy(update={"status": "failed", "reason": str(error)}))
        raise


def _finished_epochs(run: RunDirectory, recipe: TrainingRecipe) -> int:
    """Epochs that need not be done again; all of them where only the closing notes are missing."""
    if not run.last.exists():
        return 0
    finished = engine.finished_epochs(run.last)
    return recipe.epochs if finished is None else finished


def make_lesson(recipe: TrainingRecipe, run_dir: Path, material: Material, device: str) -> Lesson:
    """What the engine is given."""
    pictures = len(material.train.pictures) + len(material.val.pictures)
    free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Lesson(
        run_dir=run_dir.resolve(),
        train=material.train.pictures,
        val=material.val.pictures,
        augment=make_augment(recipe.augmentation, material.train.pictures),
        draw=material.draw,
        air_level=AIR_LEVEL,
        input_px=recipe.input_px,
        epochs=recipe.epochs,
        batch=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_epochs=recipe.warmup_epochs,
        patience=recipe.patience,
        seed=recipe.seed,
        workers=recipe.workers,
        device=device,
        mixed_precision=recipe.mixed_precision,
        in_memory=pictures * recipe.input_px**2 * _PIXEL_BYTES <= _MEMORY_SHARE * free_bytes,
    )


class _Recorder:
    """Writes down each epoch as it ends."""

    def __init__(self, run: RunDirectory, state: RunState, watch: Watch) -> None:
        self._run, self._watch = run, watch
        self._began_s, self._minutes_before = time.monotonic(), state.minutes
        self.state = state

    def epoch(self, report: EpochReport) -> None:
        """Note a finished epoch."""
        minutes = self._minutes_before + (time.monotonic() - self._began_s) / 60
        best: dict[str, Any] = {}
        if report.is_best:
            best = {"best_epoch": report.epoch, "best_map50": report.map50, "best_map50_95": report.map50_95}
        update = {"epochs_done": report.epoch, "minutes": round(minutes, 3), **best}
        self.state = self.state.model_copy(update=update)
        self._run.append_metrics(report, minutes)
        self._run.write_state(self.state)
        self._watch.epoch(report)

    def finish(self, recipe: TrainingRecipe) -> RunState:
        """Draw the curves and close the run."""
        metrics = self._run.read_metrics()
        done = int(metrics[-1]["epoch"])
        plot_losses(metrics, self._run.path / "loss.png")
        plot_scores(metrics, self.state.best_epoch or done, self._run.path / "scores.png")
        update = {"status": "done", "epochs_done": done, "stopped_early": done < recipe.epochs}
        self.state = self.state.model_copy(update=update)
        self._run.write_state(self.state)
        return self.state
