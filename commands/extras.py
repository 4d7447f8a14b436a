"""What to install is said before a verb begins, by its finding nothing where an optional package should be."""

from __future__ import annotations

import importlib.util

from ..detector.errors import MissingExtra

TRAINING = ("torch", "ultralytics", "albumentations", "matplotlib", "onnx")
EXPORTING = ("torch", "ultralytics", "onnx", "faster_coco_eval", "scipy")
EVALUATING = ("faster_coco_eval", "scipy")
RENDERING = ("mapbox_earcut", "numba", "xraylib")


def require(need: str, extra: str, packages: tuple[str, ...]) -> None:
    """Look for optional packages without importing them.

    Args:
        need: what cannot be done without them, as the message's subject.
        extra: the extra that brings them.
        packages: their import names.

    Raises:
        MissingExtra: naming the extra to install.
    """
    if any(importlib.util.find_spec(package) is None for package in packages):
        raise MissingExtra(need, extra)
