"""A scan: one image of one parcel from one view."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

AIR_LEVEL = 60_000
"""The value of unattenuated beam (transmission 1) in 16-bit scans; the rest is headroom for noise above air."""


class ScanKind(StrEnum):
    """What the pixels of a scan mean."""

    DUAL_ENERGY = "dual-energy"
    """(H, W, 2) transmissions, order (low, high)."""
    PSEUDO_COLOUR = "pseudo-colour"
    """(H, W, 3) RGB as the scanner's own software coloured it."""
    GREY = "grey"
    """(H, W), one energy; bright is air."""


_SHAPES = {
    ScanKind.DUAL_ENERGY: ((3, 2), (np.uint16, np.float32)),
    ScanKind.PSEUDO_COLOUR: ((3, 3), (np.uint8,)),
    ScanKind.GREY: ((2, 1), (np.uint8, np.uint16)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One image of one parcel from one view.

    ``uint16`` transmissions are in units of 1/AIR_LEVEL; ``float32`` ones are I/I₀ itself, 1 = air.

    Raises:
        ValueError: if pixels do not have the shape and type of their kind, are empty or not finite.
    """

    scan_id: str
    pixels: NDArray[Any]
    kind: ScanKind
    pitch_mm: float | None = None
    """Size of a pixel at the belt, where known."""
    view: str = "top"
    meta: dict[str, str] = field(default_factory=dict)
    """What the source told besides: barcode, lane, capture time; never interpreted here."""

    def __post_init__(self) -> None:
        (ndim, channels), dtypes = _SHAPES[self.kind]
        shape = self.pixels.shape
        if len(shape) != ndim or (ndim == 3 and shape[2] != channels) or 0 in shape:
            raise ValueError(f"a {self.kind} scan cannot have shape {shape}")
        if self.pixels.dtype not in dtypes:
            raise ValueError(f"a {self.kind} scan cannot have type {self.pixels.dtype}")
        if self.pixels.dtype == np.float32 and not np.isfinite(self.pixels).all():
            raise ValueError("the scan holds values that are not finite (NaN or infinity)")

    @property
    def height_px(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])


def transmission(scan: Scan) -> NDArray[np.float32]:
    """Transmissions (H, W, 2) float32 of a dual-energy scan, or (H, W) of a grey one; 1 = air.

    Raises:
        ValueError: for a pseudo-colour scan, whose palette cannot be inverted in general.
    """
    if scan.kind is ScanKind.PSEUDO_COLOUR:
        raise ValueError("a pseudo-colour scan holds no transmissions")
    if scan.pixels.dtype == np.float32:
        return np.asarray(scan.pixels)
    full_scale = 255.0 if scan.pixels.dtype == np.uint8 else float(AIR_LEVEL)
    return scan.pixels.astype(np.float32) / np.float32(full_scale)
