"""The curves of a training as two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Metrics = Sequence[dict[str, float]]

_SCORES = {"map50": "mAP at IoU 0.50", "map50_95": "mAP at IoU 0.50–0.95", "precision": "precision", "recall": "recall"}


def plot_losses(metrics: Metrics, path: Path) -> None:
    """Training and validation losses over epochs: one panel a loss, the two in one panel."""
    names = sorted({name.split("/")[1] for name in metrics[0] if name.startswith("train/")})
    figure = Figure(figsize=(4 * len(names), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for split in ("train", "val"):
            if f"{split}/{name}" in metrics[0]:
                _curve(axes, metrics, f"{split}/{name}", split)
        axes.set_title(f"{name} loss")
        axes.legend()
    _save(figure, path)


def plot_scores(metrics: Metrics, best_epoch: int, path: Path) -> None:
    """Scores on the validation split over epochs; the best epoch is marked."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, label in _SCORES.items():
        _curve(axes, metrics, name, label)
    axes.axvline(best_epoch, color="grey", linestyle=":", label=f"best epoch {best_epoch}")
    axes.set_ylim(0, 1.02)
    axes.set_title("scores on the validation split")
    axes.legend(fontsize="small")
    _save(figure, path)


def _curve(axes: Any, metrics: Metrics, name: str, label: str) -> None:
    axes.plot([row["epoch"] for row in metrics], [row[name] for row in metrics], marker=".", label=label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure).print_png(str(path))
