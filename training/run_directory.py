"""What a training leaves behind: one folder that says what was learned from what, where, how long and how well.

::

    recipe.yaml        the recipe in force, every default spelled out
    data.json          the data: splits, counts, hashes, scans set aside
    environment.json   versions, processor, GPU, seed
    metrics.csv        one line an epoch
    loss.png, scores.png
    weights/best.pt    the best epoch;  weights/last.pt  the last one
    run.json           state: running, done or failed; best epoch; minutes
    args.yaml          the engine's own arguments, for the record
"""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from .. import __version__
from ..detector.errors import RunError
from ..detector.lesson import EpochReport
from .recipe import TrainingRecipe

RECIPE_FILE, RUN_FILE, METRICS_FILE = "recipe.yaml", "run.json", "metrics.csv"
DATA_FILE, ENVIRONMENT_FILE = "data.json", "environment.json"
_PACKAGES = ("torch", "torchvision", "ultralytics", "albumentations", "numpy", "opencv-python", "onnx")


class RunState(BaseModel):
    """Content of run.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str
    """``running``, ``done`` or ``failed``; a killed run still says ``running``."""
    classes: tuple[str, ...]
    start_weights: str
    """File name of the weights it began with; ``random`` where none."""
    start_weights_sha256: str | None
    epochs_done: int = 0
    best_epoch: int | None = None
    best_map50: float | None = None
    best_map50_95: float | None = None
    minutes: float = 0.0
    """Over all sittings."""
    stopped_early: bool = False
    reason: str = ""
    """Why it failed."""


class RunDirectory:
    """Reads and writes the files of one run.

    Raises:
        RunError: from every method, if the folder cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def last(self) -> Path:
        """Weights after the last finished epoch."""
        return self.path / "weights" / "last.pt"

    @property
    def best(self) -> Path:
        """Weights of the best epoch."""
        return self.path / "weights" / "best.pt"

    def require_free(self) -> None:
        """Make sure that a new run can be written here; makes the folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            occupied = any(self.path.iterdir())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        if (self.path / RUN_FILE).exists():
            raise RunError(f"{self.path}: holds a run", f"give another --out, or continue with --resume {self.path}")
        if occupied:
            raise RunError(f"{self.path}: is not empty", "give another --out")

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of our files."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
            if isinstance(content, dict):
                return content
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name}: cannot be read ({error})", "train again elsewhere") from error
        raise RunError(f"{self.path / name}: cannot be read, it is damaged", "train again into another folder")

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one file whole or not at all."""
        self._write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write_recipe(self, recipe: TrainingRecipe) -> None:
        """Write the recipe in force."""
        self._write(RECIPE_FILE, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True))

    def write_state(self, state: RunState) -> None:
        """Write run.json."""
        self.write_json(RUN_FILE, state.model_dump())

    def read_state(self) -> RunState:
        """Read run.json."""
        file = self.path / RUN_FILE
        try:
            return RunState.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.path}: no training run (it has no {RUN_FILE})", "give a folder that parcelsight train wrote"
            ) from error
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise RunError(f"{file}: cannot be read, it is damaged", "train again into another folder") from error

    def append_metrics(self, report: EpochReport, minutes: float) -> None:
        """Add the line of an epoch."""
        row = {"epoch": report.epoch, "minutes": round(minutes, 3), **_scores(report), **report.losses}
        file = self.path / METRICS_FILE
        try:
            with file.open("a", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, fieldnames=list(row))
                if stream.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
        except OSError as error:
            raise _unwritable(file, error) from error

    def read_metrics(self) -> list[dict[str, float]]:
        """The lines written so far."""
        file = self.path / METRICS_FILE
        if not file.is_file():
            return []
        with file.open(encoding="utf-8", newline="") as stream:
            # A line cut off by a kill has empty fields; it goes, and its epoch is done again.
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream) if all(row.values())]

    def keep_metrics(self, epochs: int) -> None:
        """Drop the lines after ``epochs``: those of an epoch whose weights were not yet written when it was killed."""
        rows = [row for row in self.read_metrics() if row["epoch"] <= epochs]
        lines = (
            [",".join(rows[0]), *(",".join(_number(value) for value in row.values()) for row in rows)] if rows else []
        )
        self._write(METRICS_FILE, "".join(line + "\n" for line in lines))

    def _write(self, name: str, text: str) -> None:
        file = self.path / name
        part = file.with_name(f".{name}.part")
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, file)
        except OSError as error:
            raise _unwritable(file, error) from error


def describe_environment(recipe: TrainingRecipe, device: str, device_name: str) -> dict[str, Any]:
    """Content of environment.json."""
    return {
        "parcelsight": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "device": device,
        "device_name": device_name,
        "seed": recipe.seed,
        "packages": {name: package_version(name) for name in _PACKAGES},
    }


def package_version(package: str) -> str | None:
    """The installed version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _scores(report: EpochReport) -> dict[str, float]:
    return {
        "precision": report.precision,
        "recall": report.recall,
        "map50": report.map50,
        "map50_95": report.map50_95,
    }


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path}: cannot be written ({error.strerror or error})", "free disk space or correct the rights")
