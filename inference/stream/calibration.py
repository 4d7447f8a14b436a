"""From a detector's numbers to transmissions: dark and air, drift between parcels, dead detectors.

A raw line is ``dark + gain · transmission`` of each detector. Dark lines tell the first, air lines the second; air
between parcels tells how gains drift from then on. A detector that does not answer to the beam is dead: its column is
interpolated from its neighbours, and told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...datasets.belt import Lines
from ...datasets.scan import AIR_LEVEL

LEARN_LINES = 64
"""Dark lines, and lines of air, before transmissions are given out."""
MEMORY_LINES = 512
"""Drift follows the mean of about so many lines of air."""
MAX_DRIFT = 0.25
"""Of a gain since calibration; more is no drift: calibrate again."""
DARK_SHARE = 0.12
"""Of full scale: a line whose brightest tenth lies below is dark."""
LEAST_ANSWER = 0.1
"""Of full scale, between dark and air; a detector with less is dead."""
CLEAR_SHARE = 0.9
"""Of detectors in the beam, when the tunnel is thought to be empty."""
_SAMPLE = 4
"""Every so-manieth detector is asked whether a line is dark."""

Values = NDArray[np.float32]


def is_dark(values: Lines, air_level: int) -> NDArray[np.bool_]:
    """(lines,) True where the beam was off, for lines (lines, detectors, 2)."""
    sample = values[:, ::_SAMPLE, 0]
    rank = int(0.9 * (sample.shape[1] - 1))
    bright = np.partition(sample, rank, axis=1)[:, rank]
    dark: NDArray[np.bool_] = bright < DARK_SHARE * air_level
    return dark


class _Mean:
    """Mean and spread of lines, over as many as come."""

    def __init__(self, detectors: int) -> None:
        self.lines = 0
        self._sum = np.zeros((detectors, 2))
        self._squares = np.zeros((detectors, 2))

    def add(self, values: Lines) -> None:
        wide = values.astype(np.float64)
        self.lines += len(wide)
        self._sum += wide.sum(axis=0)
        self._squares += (wide**2).sum(axis=0)

    @property
    def mean(self) -> NDArray[np.float64]:
        """(detectors, 2)."""
        mean: NDArray[np.float64] = self._sum / self.lines
        return mean

    @property
    def spread(self) -> NDArray[np.float64]:
        """(detectors, 2) standard deviation."""
        spread: NDArray[np.float64] = np.sqrt(np.maximum(self._squares / self.lines - self.mean**2, 0))
        return spread


class ViewCalibration:
    """The detectors of one view.

    Args:
        detectors: how many.
        air_level: full scale, in the scanner's numbers.
        calibrated: the scanner has corrected dark and air itself; only drift and dead detectors are left.
    """

    def __init__(self, detectors: int, air_level: int, calibrated: bool) -> None:
        self.ready = calibrated
        """False while raw lines wait for dark and air."""
        self.dead: NDArray[np.intp] = np.zeros(0, np.intp)
        """Detectors that do not answer, ascending."""
        self._air_level = air_level
        self._dark = np.zeros((detectors, 2), np.float32)
        self._gain = np.full((detectors, 2), AIR_LEVEL / air_level, np.float32)
        self._gain_at_start = self._gain.copy()
        self._dark_lines, self._air_lines = _Mean(detectors), _Mean(detectors)
        self._checked = False
        self._drift_lines = 0

    def learn(self, values: Lines, dark: NDArray[np.bool_]) -> None:
        """Take lines in before anything is known: ``dark`` (lines,) tells the beam off."""
        if self._checked:
            return
        if dark.any():
            self._dark_lines.add(values[dark])
        if not dark.all() and (self.ready or self._dark_lines.lines >= LEARN_LINES):
            self._air_lines.add(values[~dark])
        if self._air_lines.lines >= LEARN_LINES:
            self._settle()

    def levels(self, values: Lines) -> Lines:
        """Transmissions in units of 1/AIR_LEVEL, (lines, detectors, 2) uint16."""
        scaled = values.astype(np.float32)
        scaled -= self._dark
        scaled *= self._gain
        scaled += 0.5
        levels = np.clip(scaled, 0, 65_535, out=scaled).astype(np.uint16)
        _bridge(levels, self.dead)
        return levels

    def follow(self, values: Lines) -> None:
        """Take in lines of air from between parcels: gains drift, and detectors die."""
        answer = values.astype(np.float32).mean(axis=0) - self._dark
        dead = (answer < LEAST_ANSWER * self._air_level).any(axis=1)
        if dead.mean() > 1 - CLEAR_SHARE:
            return
        # What had been found dead by its silence or its standing still stays so until the next calibration.
        self.dead = np.union1d(self.dead, np.flatnonzero(dead))
        ideal = AIR_LEVEL / np.maximum(answer, LEAST_ANSWER * self._air_level)
        self._drift_lines = min(self._drift_lines + len(values), MEMORY_LINES)
        # The first lines of air count in full, later ones against what is remembered.
        share = np.float32(min(1.0, len(values) / self._drift_lines))
        self._gain += share * (ideal - self._gain)

    @property
    def drift(self) -> float:
        """By how much the median gain has changed since calibration; 0.1 is 10 %."""
        return float(np.median(self._gain / self._gain_at_start)) - 1.0

    @property
    def drifted(self) -> bool:
        """True where the correction is no longer to be trusted."""
        return abs(self.drift) > MAX_DRIFT

    def _settle(self) -> None:
        """Dark and air are known: find gains and dead detectors."""
        air, still = self._air_lines.mean, self._air_lines.spread == 0
        dark = self._dark_lines.mean if self._dark_lines.lines else np.zeros_like(air)
        answer = air - dark
        silent = answer < LEAST_ANSWER * self._air_level
        # Where nothing at all has noise, standing still tells nothing.
        stuck = still & (self._air_lines.spread > 0).any()
        dead = (silent | stuck).any(axis=1)
        if dead.mean() > 1 - CLEAR_SHARE:
            # Something stands in the tunnel, or this is no air; start over.
            self._air_lines = _Mean(len(air))
            return
        self.dead = np.flatnonzero(dead)
        if not self.ready:
            self._dark = dark.astype(np.float32)
            self._gain = (AIR_LEVEL / np.maximum(answer, LEAST_ANSWER * self._air_level)).astype(np.float32)
            self._gain_at_start = self._gain.copy()
            self.ready = True
        self._checked = True


def _bridge(levels: Lines, dead: NDArray[np.intp]) -> None:
    """Interpolate dead columns from the living ones beside them, in place."""
    if not len(dead):
        return
    alive = np.setdiff1d(np.arange(levels.shape[1]), dead, assume_unique=True)
    right = np.searchsorted(alive, dead)
    left = alive[np.maximum(right - 1, 0)]
    right = alive[np.minimum(right, len(alive) - 1)]
    share = np.where(right > left, (dead - left) / np.maximum(right - left, 1), 0.0).astype(np.float32)[:, None]
    levels[:, dead] = (levels[:, left] * (1 - share) + levels[:, right] * share + 0.5).astype(np.uint16)


def widest_run(dead: NDArray[np.intp]) -> int:
    """The most dead detectors side by side."""
    if not len(dead):
        return 0
    runs = np.split(dead, np.flatnonzero(np.diff(dead) > 1) + 1)
    return max(len(run) for run in runs)
