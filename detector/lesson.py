"""What is given to the training engine and what it reports, as values; free of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""(H, W, 3) RGB, the canonical picture of a scan."""
Pixels = NDArray[Any]
"""``Rgb``, or (H, W, C) uint16 transmissions of C energies whose colours are still to be chosen."""
Boxes = NDArray[np.float32]
"""(n, 4) xyxy pixels."""
ClassIds = NDArray[np.int64]
"""(n,) positions in the network's class list."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One letterboxed picture with its objects."""

    pixels: Pixels
    """(S, S, …) with air around the scan."""
    xyxy_px: Boxes
    class_ids: ClassIds
    content_px: tuple[int, int, int, int]
    """x1 y1 x2 y2 of the scan; what lies outside is padding."""


Fetch = Callable[[int], Sample]
"""The letterboxed picture of an index, as it is before any variation."""
Augment = Callable[[Sample, int, Fetch], Sample]
"""Vary one picture, which becomes ``Rgb`` of the same size.

The integer is the seed of this variation; other pictures of the lesson are there to be mixed in."""
Draw = Callable[[int], NDArray[np.intp]]
"""Which pictures an epoch (from 0) shows: their indices, as many in every epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """One picture to learn from, read when it is needed."""

    name: str
    read: Callable[[], Pixels]
    xyxy_px: Boxes
    """In pixels of the picture as read."""
    class_ids: ClassIds


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Everything one training needs."""

    run_dir: Path
    """Weights go to ``weights/last.pt`` (after each epoch) and ``weights/best.pt``; nothing is written outside it."""
    train: tuple[LabelledPicture, ...]
    val: tuple[LabelledPicture, ...]
    augment: Augment
    draw: Draw
    """Of the training pictures."""
    air_level: int
    """Value of air in 16-bit pixels."""
    input_px: int
    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: float
    patience: int
    """Stop after so many epochs without a better score."""
    seed: int
    workers: int
    """Processes that read pictures beside a GPU; on the CPU the engine reads in its own process."""
    device: str
    """``cpu`` or ``cuda``."""
    mixed_precision: bool
    """Compute in bfloat16 where the hardware is faster at it; on a GPU that is decided by the GPU."""
    in_memory: bool
    """Keep the letterboxed pictures in memory after their first use."""


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One finished epoch."""

    epoch: int
    """From 1."""
    losses: Mapping[str, float]
    """``train/box`` …, ``val/box`` …"""
    precision: float
    recall: float
    map50: float
    map50_95: float
    is_best: bool
    """Better than all before: its weights become ``best.pt``."""


OnBatch = Callable[[int, int, int], None]
"""Called with (epoch from 1, batches done, batches in the epoch)."""
OnEpoch = Callable[[EpochReport], None]
