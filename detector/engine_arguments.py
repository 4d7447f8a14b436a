"""The training engine's arguments, every one pinned; its own augmentation is off, ours replaces it."""

from __future__ import annotations

from typing import Any

from .lesson import Lesson


def engine_arguments(lesson: Lesson, half: bool) -> dict[str, Any]:
    """Every argument that matters, in the engine's words.

    Args:
        lesson: what we want.
        half: the GPU computes in bfloat16.
    """
    return {
        "task": "detect",
        "model": "yolo26n.yaml",  # a name it knows; the network itself is handed over
        "data": "parcelsight",
        "save_dir": str(lesson.run_dir),
        "imgsz": lesson.input_px,
        "epochs": lesson.epochs,
        "batch": lesson.batch,
        "nbs": lesson.batch,  # a step a batch: few hundred scans give few batches
        "optimizer": "AdamW",
        "lr0": lesson.learning_rate,
        "momentum": 0.9,
        "cos_lr": True,
        "warmup_epochs": lesson.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "patience": lesson.patience,
        "seed": lesson.seed,
        "deterministic": True,
        "device": "0" if lesson.device == "cuda" else "cpu",
        "amp": "bf16" if half else False,  # "True" would fetch a network to check half precision with
        "nms": False,  # validate the NMS-free head, which is the one that is exported
        "plots": False,
        "verbose": False,
        "exist_ok": True,
        "rect": False,
        **dict.fromkeys(("mosaic", "mixup", "cutmix", "copy_paste", "close_mosaic", "workers"), 0),
        **dict.fromkeys(("hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "fliplr", "flipud"), 0.0),
    }
