"""Search for better settings of a training recipe on Ray Tune: trials side by side, the hopeless ones stopped early.

A trial is ``parcelsight train`` as its own process with the recipe and what the search drew, so it can be looked at,
resumed and exported like any other run; the search reads the line that each epoch adds to its metrics.csv.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ..configs.loading import load_config
from ..detector.errors import RunError
from .ray_session import RayConfig, ray_session

METRIC = "map50"
"""Of the validation split, as metrics.csv has it."""
_LOOK_S = 0.5


class Choice(BaseModel):
    """What the search may set a key to: ``{choice: […]}``, ``{uniform: [low, high]}`` or ``{log: [low, high]}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choice: tuple[Any, ...] | None = None
    uniform: tuple[float, float] | None = None
    log: tuple[float, float] | None = None

    def domain(self) -> Any:
        """As Ray Tune has it. Raises ValueError where not exactly one kind is given."""
        from ray import tune

        given = [name for name in ("choice", "uniform", "log") if getattr(self, name) is not None]
        if given == ["choice"]:
            return tune.choice(list(self.choice or ()))
        if given == ["uniform"]:
            return tune.uniform(*(self.uniform or ()))
        if given == ["log"]:
            return tune.loguniform(*(self.log or ()))
        raise ValueError("give one of choice, uniform and log")


class TuningConfig(BaseModel):
    """TUNING.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    """A shipped recipe's name, or a file."""
    search: dict[str, Choice] = Field(min_length=1, max_length=32)
    """Keys of the recipe, sections parted by dots: ``learning_rate``, ``augmentation.mix``."""
    trials: int = Field(default=8, ge=1, le=10_000)
    grace_epochs: int = Field(default=2, ge=1, le=1000)
    """No trial is stopped before."""
    cpus: float = Field(default=1.0, gt=0, le=256)
    """Of one trial."""
    gpus: float = Field(default=0.0, ge=0, le=16)
    seed: int = 0
    mode: Literal["max"] = "max"
    ray: RayConfig = RayConfig()


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial as it ended."""

    run: str
    settings: Mapping[str, Any]
    epochs: int
    best: float
    """Highest mAP50 of an epoch."""
    problem: str = ""


def tune_recipe(config: TuningConfig, recipe: Mapping[str, Any], out: Path, cpus: int) -> list[Trial]:
    """Run the search; trials, best first.

    Args:
        config: the search.
        recipe: the recipe's values, with its data.
        out: folder of the runs; must be reachable by all machines of a cluster.
        cpus: of a cluster that is started here.

    Raises:
        RunError: if no trial finished an epoch.
    """
    out = out.resolve()  # trials run in folders of their own
    with ray_session(config.ray, cpus):
        from ray import tune
        from ray.tune.schedulers import ASHAScheduler

        epochs = int(recipe["epochs"])
        # One more than there are: who reaches the last epoch ends by itself, and has kept its weights by then.
        scheduler = ASHAScheduler(max_t=epochs + 1, grace_period=min(config.grace_epochs, epochs))
        trainable = tune.with_parameters(_trial, recipe=dict(recipe), out=str(out))
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": config.cpus, "gpu": config.gpus}),
            param_space={key: choice.domain() for key, choice in config.search.items()},
            tune_config=tune.TuneConfig(
                metric=METRIC, mode=config.mode, num_samples=config.trials, scheduler=scheduler, reuse_actors=False
            ),
            run_config=tune.RunConfig(name="ray", storage_path=str(out), verbose=0),
        )
        results = tuner.fit()
        trials = [_ended(result) for result in results]
    if not any(trial.epochs for trial in trials):
        raise RunError(f"no trial finished an epoch ({trials[0].problem})", f"look into {out}")
    return sorted(trials, key=lambda trial: -trial.best)


def with_settings(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with some keys set; sections are parted by dots."""
    changed = yaml.safe_load(yaml.safe_dump(dict(recipe)))
    for key, value in settings.items():
        *sections, last = key.split(".")
        place = changed
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return dict(changed)


def _trial(settings: dict[str, Any], recipe: dict[str, Any], out: str) -> None:
    """Runs in a process of Ray's."""
    from ray import tune

    name = tune.get_context().get_trial_id()
    run, file = Path(out) / name, Path(out) / f"{name}.yaml"
    file.write_text(yaml.safe_dump(with_settings(recipe, settings)), encoding="utf-8")
    command = [sys.executable, "-m", "parcelsight.commands.main", "train", str(file), "--out", str(run)]
    with (Path(out) / f"{name}.log").open("w", encoding="utf-8") as log:
        program = subprocess.Popen(command, stdout=log, stderr=log)
        told = 0
        try:
            while True:
                ended = program.poll() is not None
                for epoch, value in _epochs(run)[told:]:
                    told += 1
                    tune.report({METRIC: value, "epoch": epoch, "run": str(run)})
                if ended:
                    break
                sleep(_LOOK_S)
        finally:
            program.kill()  # also where the scheduler stops the trial
            program.wait()
    if program.returncode and not told:
        raise RunError(f"{run}: the training failed", f"see {file.with_suffix('.log')}")


def _epochs(run: Path) -> list[tuple[int, float]]:
    try:
        with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return [(int(row["epoch"]), float(row[METRIC])) for row in csv.DictReader(file) if row.get(METRIC)]
    except (OSError, KeyError, ValueError):
        return []


def _ended(result: Any) -> Trial:
    metrics = result.metrics or {}
    frame = getattr(result, "metrics_dataframe", None)
    best = float(frame[METRIC].max()) if frame is not None and METRIC in frame else float(metrics.get(METRIC, 0.0))
    problem = str(result.error).strip().splitlines()[-1][:300] if result.error else ""
    settings = metrics.get("config") or result.config or {}
    return Trial(str(metrics.get("run", "")), settings, int(metrics.get("epoch", 0)), best, problem)


def load_tuning(source: str) -> TuningConfig:
    """Read TUNING.yaml. Raises ConfigError."""
    return load_config(source, TuningConfig, "tuning")
