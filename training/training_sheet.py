"""What the network is going to see: training pictures as an epoch varies them, with their boxes, on one sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Dataset
from ..datasets.contact_sheet import contact_sheet
from ..datasets.overlay import draw_boxes
from ..detector import network as engine
from ..detector.errors import RunError
from ..detector.lesson import Rgb
from .material import Material, open_splits
from .pictures import NOTHING_PREPARED, choose_labels, prepare_split
from .recipe import TrainingRecipe
from .sampling import make_draw
from .train import make_lesson

TILES = 24
_SCANS = 240
"""Drawn from, so that a large data set need not be read for a sheet."""


def training_sheet(recipe: TrainingRecipe, epoch: int = 0) -> Rgb:
    """The first pictures of an epoch, drawn and varied as training would do it.

    Args:
        recipe: names the data; of large data sets a part is taken.
        epoch: from 0.

    Raises:
        RunError, DatasetError: where training could not begin either.
    """
    datasets = open_splits(recipe).train
    labels = choose_labels(recipe.labels, datasets)
    few = tuple(_few(dataset, recipe.seed) for dataset in datasets)
    shown = prepare_split(few, labels, lambda: None, varied=True)
    if not shown.pictures:
        raise RunError(f"no scan can be shown; the first: {shown.set_aside[0].reason}", "check the data set")
    draw = make_draw(recipe.sampling, shown.pictures, recipe.seed)
    material = Material(shown, NOTHING_PREPARED, {}, draw)
    pictures = engine.EnginePictures(shown.pictures, make_lesson(recipe, Path(), material, "cpu"), varied=True)
    pictures.epoch = epoch
    positions = np.random.default_rng((recipe.seed, epoch)).permutation(len(pictures))[:TILES]
    return contact_sheet([_tile(pictures[int(position)], labels) for position in positions])


def _few(dataset: Dataset, seed: int) -> Dataset:
    if len(dataset) <= _SCANS:
        return dataset
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:_SCANS])
    return dataset.with_records([dataset.records[int(i)] for i in chosen])


def _tile(item: dict[str, object], labels: tuple[str, ...]) -> Rgb:
    """One item of the engine's as a picture."""
    rgb: NDArray[np.uint8] = np.ascontiguousarray(np.asarray(item["img"]).transpose(1, 2, 0))
    boxes, classes = np.asarray(item["bboxes"], np.float64), np.asarray(item["cls"]).astype(int).ravel()
    half = boxes[:, 2:] / 2
    xyxy_px = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1) * rgb.shape[0]
    return draw_boxes(rgb, xyxy_px, [labels[i] for i in classes])
