"""The signal chain: from ideal transmissions to what the detectors read out.

In order: a veil of scattered radiation, the point spread (scintillator cross-talk across the belt, motion along it)
with afterglow of earlier lines, tube drift from line to line, detector gain residue, quantum and electronic noise,
dark residue, dead or stuck detectors, and the ADC's ceiling. Rows are lines in the order they were read.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..point_spread import point_spread
from ..scan import AIR_LEVEL
from .scanner import Signal

HIGH_CHANNEL_QUANTA = 0.6
"""Quanta in the high channel as a share of those in the low one."""
_VEIL_STEP = 16
_VEIL_SIGMA_PX = 60.0
_AFTERGLOW_LINES = 3
_AFTERGLOW_DECAY = 0.45
_DRIFT_LINES = 12
"""Tube output wanders over about this many lines; on top of that a fifth of it is line-to-line jitter."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorArray:
    """A detector row in the state that one scan met it in."""

    photons: NDArray[np.float32]
    """(C,) detected quanta a pixel in air."""
    electronic_noise: float
    scatter: float
    across: NDArray[np.float32]
    """Point spread across the belt."""
    along: NDArray[np.float32]
    """Point spread along the belt with afterglow."""
    gain: NDArray[np.float32]
    """(columns, C)."""
    dark: NDArray[np.float32]
    """(columns, C) offsets; a dead detector has gain 0."""
    line_drift: float
    saturation: float

    @classmethod
    def draw(cls, signal: Signal, columns: int, channels: int, rng: np.random.Generator) -> DetectorArray:
        """The state of a scanner's detectors in one scan."""
        low_quanta = signal.photons.draw(rng)
        share = np.array([1.0, HIGH_CHANNEL_QUANTA])[:channels]
        gain = 1.0 + rng.standard_normal((columns, channels)) * signal.gain_residue.draw(rng)
        dark = rng.standard_normal((columns, channels)) * signal.dark_residue.draw(rng)
        broken = np.flatnonzero(rng.random(columns) < signal.dead_share)
        gain[broken] = 0.0
        dark[broken] = rng.choice([0.0, 0.5, 1.0], size=(len(broken), 1))
        return cls(
            photons=(low_quanta * share).astype(np.float32),
            electronic_noise=signal.electronic_noise.draw(rng),
            scatter=signal.scatter.draw(rng),
            across=point_spread(signal.blur_px.draw(rng)).astype(np.float32),
            along=_with_afterglow(point_spread(signal.belt_blur_px.draw(rng)), signal.afterglow.draw(rng)),
            gain=gain.astype(np.float32),
            dark=dark.astype(np.float32),
            line_drift=signal.line_drift.draw(rng),
            saturation=signal.saturation,
        )

    def noise(self, transmission: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standard deviation (…, C) of read-outs at a transmission (…, C)."""
        deviation: NDArray[np.float32] = np.sqrt(
            np.maximum(transmission, 0) / self.photons + np.float32(self.electronic_noise**2)
        )
        return deviation

    def read_out(self, transmission: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint16]:
        """Levels (H, W, C) in units of 1/AIR_LEVEL of ideal transmissions (H, W, C)."""
        lit = veiled(transmission, self.scatter)
        lit = cv2.sepFilter2D(lit, -1, self.across, self.along, borderType=cv2.BORDER_REPLICATE)
        lit = lit.reshape(transmission.shape)
        normal = rng.standard_normal(lit.shape, dtype=np.float32)
        lines = _drift(len(lit), self.line_drift, rng)
        levels = np.empty(lit.shape, np.uint16)
        electronic = np.float32(self.electronic_noise**2)
        digitise(levels, lit, normal, lines, self.gain, self.dark, 1 / self.photons, electronic, self.saturation)
        return levels


def _with_afterglow(kernel: NDArray[np.float64], share: float) -> NDArray[np.float32]:
    """Mix a decaying memory of earlier lines into a point spread along the belt; sum stays 1."""
    tail = _AFTERGLOW_DECAY ** np.arange(_AFTERGLOW_LINES, 0, -1)
    memory = np.concatenate([tail / tail.sum(), np.zeros(_AFTERGLOW_LINES + 1)])
    spread = np.convolve(kernel, memory)
    sharp = np.pad(kernel, _AFTERGLOW_LINES)
    return ((1 - share) * sharp + share * spread).astype(np.float32)


def veiled(transmission: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Replace a share of the signal by its surroundings' average: scatter carries no detail."""
    height, width = transmission.shape[:2]
    coarse = cv2.resize(transmission, (-(-width // _VEIL_STEP), -(-height // _VEIL_STEP)), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), _VEIL_SIGMA_PX / _VEIL_STEP, borderType=cv2.BORDER_REPLICATE)
    veil = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(transmission.shape)
    mixed: NDArray[np.float32] = cv2.addWeighted(transmission, 1 - share, veil, share, 0).reshape(transmission.shape)
    return mixed


def _drift(lines: int, deviation: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(lines,) tube output: a slow wander and a little jitter around 1."""
    knots = rng.standard_normal(lines // _DRIFT_LINES + 2)
    slow = np.interp(np.arange(lines) / _DRIFT_LINES, np.arange(len(knots)), knots)
    return (1 + deviation * (slow + 0.2 * rng.standard_normal(lines))).astype(np.float32)


@njit(cache=True, nogil=True, fastmath=True)
def digitise(
    levels: NDArray[np.uint16],
    lit: NDArray[np.float32],
    normal: NDArray[np.float32],
    lines: NDArray[np.float32],
    gain: NDArray[np.float32],
    dark: NDArray[np.float32],
    quantum: NDArray[np.float32],
    electronic: float,
    saturation: float,
) -> None:  # pragma: no cover - compiled
    """Noise, gain, offset, ceiling and rounding in one pass over (H, W, C)."""
    height, width, channels = lit.shape
    scale, half, zero = np.float32(AIR_LEVEL), np.float32(0.5), np.float32(0)
    ceiling, variance = np.float32(saturation), np.float32(electronic)
    for row in range(height):
        for column in range(width):
            for channel in range(channels):
                value = max(lit[row, column, channel], zero) * lines[row]
                noise = normal[row, column, channel] * np.sqrt(value * quantum[channel] + variance)
                value = (value + noise) * gain[column, channel] + dark[column, channel]
                levels[row, column, channel] = np.uint16(min(max(value, zero), ceiling) * scale + half)
