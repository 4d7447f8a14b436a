"""A network written as start weights for other trainings: nothing of the training it comes from goes along."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from .errors import ModelError


def write_start_weights(model: Any, path: Path) -> None:
    """Write a detection network as a checkpoint that holds layers and class names, in half precision.

    Optimizer, averages, scores, dates, arguments and paths of the training are left out. The file holds known layers
    alone, so it is read as data (``load_network``), never as code.

    Raises:
        ModelError: if the file cannot be written.
    """
    bare = deepcopy(model).cpu().float().eval()
    bare.args = {"imgsz": side} if (side := trained_px(model)) else {}
    for name in ("criterion", "pt_path"):
        if hasattr(bare, name):
            delattr(bare, name)
    for parameter in bare.parameters():
        parameter.requires_grad = False
    checkpoint = {"model": bare.half(), "ema": None, "optimizer": None, "epoch": -1, "train_args": bare.args}
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, part)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path}: cannot be written ({error})", "free disk space or correct the folder") from error


def trained_px(model: Any) -> int | None:
    """Side of the square it was trained at, where it knows."""
    args = getattr(model, "args", None)
    side = args.get("imgsz") if isinstance(args, dict) else getattr(args, "imgsz", None)
    return side if isinstance(side, int) else None
