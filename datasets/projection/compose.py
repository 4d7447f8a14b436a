"""The projection itself, in transmissions: dual-energy and grey scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .placement import Placement
from .scan_traits import ScanTraits
from .threat_image import ThreatImage

SPREAD = 4
"""Air around a threat, in standard deviations of the point spread, plus a pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Shade:
    """A threat at the scan's pitch and sharpness, where it lies in the scan."""

    threat: ThreatImage
    """Blurred, with air around."""
    footprint: NDArray[np.bool_]
    """(h, w) before blurring: what the label encloses."""
    x0: int
    y0: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of a scan-sized array."""
        height, width = self.footprint.shape
        return slice(self.y0, self.y0 + height), slice(self.x0, self.x0 + width)

    @property
    def xyxy_px(self) -> tuple[float, float, float, float]:
        """Box of the footprint in the scan; ends exclusive."""
        rows, columns = np.flatnonzero(self.footprint.any(axis=1)), np.flatnonzero(self.footprint.any(axis=0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        x0, y0, x1, y1 = (float(a + b) for a, b in zip(box, (self.x0, self.y0) * 2, strict=True))
        return x0, y0, x1, y1

    def lies_in(self, shape: tuple[int, ...]) -> bool:
        """True where no pixel of it is outside a scan of this shape."""
        height, width = self.footprint.shape
        return self.x0 >= 0 and self.y0 >= 0 and self.y0 + height <= shape[0] and self.x0 + width <= shape[1]


def shade_of(threat: ThreatImage, placement: Placement, pitch_mm: float, blur_px: float) -> Shade:
    """A threat image as a scan of this pitch and sharpness would show it at a place."""
    sharp = threat.at_pitch(pitch_mm, placement.shift_px)
    pad = int(np.ceil(SPREAD * blur_px)) + 1
    x, y = placement.whole_px
    return Shade(sharp.blurred(blur_px, pad), np.pad(sharp.footprint, pad), x - pad, y - pad)


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """A window of a scan with the threat in it."""

    expected: NDArray[np.float32]
    """(h, w, C) without the noise that was added."""
    transmission: NDArray[np.float32]
    """(h, w, C) as the scanner would have recorded it."""


def project(parcel: NDArray[np.float32], shade: Shade, traits: ScanTraits, rng: np.random.Generator) -> Layered:
    """Put a threat into a scan's window.

    What the scanner records above its floor f is thinned by the threat: ``T = f + (T_parcel - f) · t``. Thinning also
    scales the noise that is in the scan already, variance ``t² (g T + e²)``; but of Poisson counts each quantum passes
    by chance, so the counts behind the threat have variance ``g T t``, and electronic noise e does not shrink at all.
    The missing ``g T t (1 - t) + e² (1 - t²)`` is added: binomial thinning of a Poisson process (Kingman, Poisson
    Processes, 1993, section 5.1), Gaussian here as counts are large.

    Args:
        parcel: (h, w, C) transmissions of the window.
        shade: the threat there.
        traits: of the scan.
        rng: draws the noise.
    """
    share = shade.threat.beam.through(np.maximum(parcel, 1e-5), shade.threat.passed)
    floor = np.minimum(traits.floor, parcel)
    expected = floor + (parcel - floor) * share
    variance = traits.gain * np.maximum(parcel, 0) * share * (1 - share) + traits.electronic**2 * (1 - share**2)
    noise = rng.standard_normal(parcel.shape, dtype=np.float32) * np.sqrt(np.maximum(variance, 0))
    untouched = share > 1 - 1e-4
    recorded = np.clip(expected + noise, 0, traits.ceiling)
    if traits.steps is not None:
        recorded = np.rint(recorded * (traits.steps - 1)) / np.float32(traits.steps - 1)
    return Layered(np.where(untouched, parcel, expected), np.where(untouched, parcel, recorded).astype(np.float32))
