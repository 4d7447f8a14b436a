"""A threat alone: what its own shadow does to the beam, without noise and without blur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..opencv import cv2
from ..point_spread import point_spread
from .beam import Beam

FOOTPRINT_ATTENUATION = 2e-3
"""Own attenuation from which on a pixel belongs to the footprint, the same as in rendered labels."""


@dataclass(frozen=True, slots=True, eq=False)
class ThreatImage:
    """One threat in one pose, as the beam of one scanner sees it in air.

    Raises:
        ValueError: if passed does not fit the beam, or holds what is no transmission.
    """

    label: str
    design_id: str
    passed: NDArray[np.float32]
    """(h, w, K) transmission at each energy of the beam, 1 = air."""
    beam: Beam
    pitch_mm: float
    scanner: str
    height_mm: float = 0.0
    """Extent along the beam: no parcel flatter than this can hold it."""
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.passed.ndim != 3 or self.passed.shape[2] != len(self.beam.weights) or 0 in self.passed.shape:
            raise ValueError(f"a threat image of {len(self.beam.weights)} energies cannot be {self.passed.shape}")
        if not np.isfinite(self.passed).all() or self.passed.min() < 0 or self.passed.max() > 1.001:
            raise ValueError("a threat image holds values that are no transmissions (0…1)")

    @property
    def transmission(self) -> NDArray[np.float32]:
        """(h, w, C) transmissions in air."""
        return np.asarray(self.passed @ self.beam.weights, np.float32)

    @property
    def footprint(self) -> NDArray[np.bool_]:
        """(h, w) where the threat attenuates at all."""
        return np.asarray((self.transmission < np.exp(-FOOTPRINT_ATTENUATION)).any(axis=2))

    def at_pitch(self, pitch_mm: float, shift_px: tuple[float, float] = (0.0, 0.0)) -> ThreatImage:
        """Resampled to a scan's pitch: light is averaged over each pixel's area.

        Args:
            pitch_mm: of the scan.
            shift_px: (x, y) part of a pixel by which the threat lies off the scan's grid, 0…1.
        """
        ratio = pitch_mm / self.pitch_mm
        height, width = self.passed.shape[:2]
        columns, rows = (int(np.ceil(n / ratio + s)) + 1 for n, s in zip((width, height), shift_px, strict=True))
        # A grid several times finer than the scan's, then whole cells are averaged: exact area weights at any ratio.
        fine = max(1, int(np.ceil(ratio)))
        scale = fine / ratio
        matrix = np.array([[scale, 0, shift_px[0] * fine], [0, scale, shift_px[1] * fine]], np.float64)
        matrix[:, 2] += 0.5 * scale - 0.5
        layers = [
            cv2.warpAffine(
                np.ascontiguousarray(self.passed[:, :, k]), matrix, (columns * fine, rows * fine),
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0,
            ).reshape(rows, fine, columns, fine).mean(axis=(1, 3))
            for k in range(self.passed.shape[2])
        ]  # fmt: skip
        return replace(self, passed=np.stack(layers, axis=-1).astype(np.float32), pitch_mm=pitch_mm)

    def blurred(self, sigma_px: float, pad_px: int) -> ThreatImage:
        """Seen with a scanner's point spread, with so many pixels of air around."""
        pads = ((pad_px, pad_px), (pad_px, pad_px), (0, 0))
        passed = np.pad(self.passed, pads, constant_values=1.0)
        if sigma_px > 0.05:
            kernel = point_spread(sigma_px)
            passed = cv2.sepFilter2D(passed, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE).reshape(passed.shape)
        return replace(self, passed=np.minimum(passed, 1.0).astype(np.float32))
