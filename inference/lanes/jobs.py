"""What worker processes are asked to do, and what they answer. Two kinds of job; `DetectorPool.submit` takes both."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from ...datasets.scan import Scan
from ...detector.card import ModelCard
from ...detector.detections import Detections
from ..verdicts import ScreenedScan
from .causes import LossCause


class Priority(IntEnum):
    """The smaller goes first; equals go in order of submission."""

    UNDER_THE_BEAM = 0
    """A window of a parcel that is still on the belt: its result is worth most now."""
    SCAN = 1


@dataclass(frozen=True, slots=True, eq=False)
class ScanJob:
    """Decode and screen one spooled scan."""

    scan_id: str
    files: tuple[Path, ...]
    """One encoded file, or the low- and high-energy halves of a pair."""
    priority: Priority = Priority.SCAN


@dataclass(frozen=True, slots=True, eq=False)
class WindowJob:
    """Detect in one window of a belt, already decoded: dual-energy levels or canonical RGB."""

    scan: Scan
    """Its pixels travel to the worker as they are."""
    floor: float | None = None
    """Keep every detection of at least this score; None: each class's own threshold."""
    optional: bool = False
    """Shed under overload: its future then holds a `JobFailed` of LossCause.OVERLOAD. The whole parcel is screened
    again from the spool when it is delivered without ``judged``."""
    priority: Priority = Priority.UNDER_THE_BEAM


Job = ScanJob | WindowJob


@dataclass(frozen=True, slots=True)
class Traits:
    """What is told of a picture's health, measured where it was decoded; health.py judges a lane by many of them."""

    fingerprint: str
    """Equal for equal pixels."""
    blank: bool
    saturated: float
    """Share of pixels at the end of the range."""
    dead_columns: float
    """Share of detectors that give the same value in every line."""
    disorder: float
    """About 1 where neighbouring lines are no more alike than distant ones, else well below."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """The answer to a ScanJob."""

    screened: ScreenedScan
    cause: LossCause | None
    """Why it is UNSCREENED."""
    traits: Traits | None
    """None where it could not be decoded."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowResult:
    """The answer to a WindowJob."""

    detections: Detections
    """In pixels of the window."""
    dense_xyxy_px: NDArray[np.float32]
    """(n, 4) areas too dense to judge, largest first."""
    timing_ms: dict[str, float] = field(default_factory=dict)


class JobFailed(Exception):
    """A job ended without a result, whatever the workers did.

    Args:
        cause: why, for the count.
        reason: in words.
    """

    def __init__(self, cause: LossCause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


ScanFuture = Future[ScanResult]
WindowFuture = Future[WindowResult]
AnyFuture = Future[Any]


class DetectorSeam(Protocol):
    """What sources and lanes see of the pool; tests put a fake in its place."""

    @property
    def card(self) -> ModelCard:
        """Of the model that the workers run: names of class ids, thresholds, input size."""

    @overload
    def submit(self, job: ScanJob, deadline_s: float | None = None) -> ScanFuture: ...
    @overload
    def submit(self, job: WindowJob, deadline_s: float | None = None) -> WindowFuture: ...
    def submit(self, job: Job, deadline_s: float | None = None) -> AnyFuture:
        """Queue a job; its future ends with the result, or with `JobFailed`, never with anything else.

        Args:
            job: what to do.
            deadline_s: seconds from now; a job that no worker has begun by then fails with LossCause.DEADLINE.
        """
