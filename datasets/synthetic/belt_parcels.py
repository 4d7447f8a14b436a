"""Parcels laid on an endless belt: which rows they cover, what the beam leaves of itself there, and their labels.

The beam is parallel along the belt, so a parcel's shadow covers the rows that it stands on and no other. Parcels that
do not overlap can therefore be rendered one by one, each in its own rows of the tunnel's full width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...detector.errors import UsageError
from ..annotations import Annotations
from .detector_array import DetectorArray
from .labels import annotate
from .packing import SIZE_LIMIT_MM, compose_parcel, drawn
from .projector import Fan
from .render import averaged
from .scanner import Scanner, ScannerPreset, View, ViewFrame
from .shadows import Projector
from .solids import Parcel, Split

Size = tuple[float, float, float]
_AIR_MM = 20.0
"""Air kept between the largest parcel and the edge of the tunnel."""
_LEAST_MM = (250.0, 250.0, 100.0)


@dataclass(frozen=True, slots=True, eq=False)
class Tunnel:
    """What a scanner's detectors see of everything that passes, and how large a parcel may be to be seen whole."""

    scanner: Scanner
    line_pitch_mm: float
    """Belt travel from line to line."""
    detectors: int
    """In each view, across the belt (source below or above) or upwards (source at a side)."""
    left_mm: Mapping[str, float]
    """By view: x or z, in the reference plane, of the left edge of detector 0."""
    size_limit_mm: Size

    @classmethod
    def of(cls, scanner: Scanner, line_pitch_mm: float) -> Tunnel:
        """The tunnel of a scanner; side views look from just below the belt upwards.

        Raises:
            UsageError: if no parcel of useful size would be seen whole.
        """
        preset = scanner.preset
        width = preset.framing.width_mm
        size = _size_limit(preset)
        if any(limit < least for limit, least in zip(size, _LEAST_MM, strict=True)):
            raise UsageError(
                f"scanner {scanner.name}: its views show nothing larger than {size[0]:.0f}×{size[2]:.0f} mm whole",
                "give it a wider tunnel (framing.width_mm) or sources farther away (views.distance_mm)",
            )
        left = {view.name: _lowest_mm(view, size[0]) if _upright(view) else -width / 2 for view in preset.views}
        return cls(scanner, line_pitch_mm, round(width / preset.pitch_mm), left, size)

    def fan(self, view: View, first: int, columns: int, rows: int) -> Fan:
        """Some of the detectors of a view."""
        pitch = self.scanner.preset.pitch_mm
        edge = self.left_mm[view.name] - view.lateral_mm + first * pitch
        return Fan(view.distance_mm, pitch, edge, columns, rows)


def _upright(view: View) -> bool:
    return view.source in ("left", "right")


def _lowest_mm(view: View, width_mm: float) -> float:
    """Where a side view sees the belt's edge nearest to the source: the lowest point of a parcel so wide."""
    nearest = max(view.distance_mm - width_mm / 2, 1.0)
    return view.lateral_mm * (1 - view.distance_mm / nearest) - _AIR_MM


def _size_limit(preset: ScannerPreset) -> Size:
    """The largest parcel whose shadow every view shows whole; shadows grow towards the source."""
    x, y, z = SIZE_LIMIT_MM
    tunnel = preset.framing.width_mm - 2 * _AIR_MM
    x = min(x, tunnel)
    for view in preset.views:
        if view.source == "above":
            x = min(x, tunnel * (1 - z / view.distance_mm))
    for view in preset.views:
        if _upright(view):
            top = _lowest_mm(view, x) + preset.framing.width_mm - _AIR_MM
            z = min(z, view.lateral_mm + (top - view.lateral_mm) * (1 - x / 2 / view.distance_mm))
    return x, y, z


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """One view of a parcel on the belt."""

    first_detector: int
    transmission: NDArray[np.float32]
    """(rows, detectors, C), ideal; all other detectors see air."""
    annotations: Annotations
    """In belt coordinates."""


@dataclass(frozen=True, slots=True, eq=False)
class LaidParcel:
    """A parcel on the belt, seen by every view."""

    first_row: int
    end_row: int
    scenario: str
    views: Mapping[str, Exposure]


def draw_parcel(rng: np.random.Generator, split: Split, threat_share: float, tunnel: Tunnel) -> Parcel:
    """A parcel that fits the tunnel, anywhere across the belt.

    Raises:
        RunError: if none can be packed.
    """
    limit_mm = tunnel.size_limit_mm
    parcel = drawn(lambda: compose_parcel(rng, split, threat_share=threat_share, size_limit_mm=limit_mm), "a parcel")
    x = np.array([item.bounds_mm[:, 0] for item in parcel.items])
    left, right = float(x[:, 0].min()), float(x[:, 1].max())
    spare = max(0.0, tunnel.size_limit_mm[0] - (right - left)) / 2
    shift = np.array([rng.uniform(-spare, spare) - (left + right) / 2, 0.0, 0.0])
    packaging, *contents = (item.placed(np.eye(3), shift) for item in parcel.items)
    return replace(parcel, packaging=packaging, contents=tuple(contents))


def lay(parcel: Parcel, first_row: int, tunnel: Tunnel, arrays: Mapping[str, DetectorArray]) -> LaidParcel:
    """Lay a parcel so that it begins at a row, and expose it.

    Args:
        parcel: anywhere along the belt.
        first_row: of the belt.
        tunnel: of the scanner.
        arrays: detectors of each view, for the noise that labels measure contrast in.

    Raises:
        RunError: if an object reaches up to an X-ray source.
    """
    along = np.array([item.bounds_mm[:, 1] for item in parcel.items])
    start_mm, end_mm = float(along[:, 0].min()), float(along[:, 1].max())
    rows = max(1, int(np.ceil((end_mm - start_mm) / tunnel.line_pitch_mm - 1e-3)))
    views = {}
    for view in tunnel.scanner.preset.views:
        frame = ViewFrame(view, tunnel.line_pitch_mm, start_mm)
        views[view.name] = _expose(parcel, first_row, rows, frame, tunnel, arrays[view.name])
    return LaidParcel(first_row, first_row + rows, parcel.scenario, views)


def _expose(
    parcel: Parcel, first_row: int, rows: int, frame: ViewFrame, tunnel: Tunnel, array: DetectorArray
) -> Exposure:
    """One view of a parcel, only the detectors that see any of it."""
    scanner, view = tunnel.scanner, frame.view
    whole = tunnel.fan(view, 0, tunnel.detectors, rows)
    bounds = [whole.bounds_px(frame.points(solid.mesh)) for item in parcel.items for solid in item.solids]
    first = max(0, int(np.floor(min(b[0] for b in bounds))))
    end = min(tunnel.detectors, int(np.ceil(max(b[2] for b in bounds))))
    fan = tunnel.fan(view, first, max(1, end - first), rows)
    rays = scanner.preset.oversample
    fine = replace(frame, pitch_mm=frame.pitch_mm / rays)
    projection = Projector(fine, fan.finer(rays), scanner.nodes).project(parcel.items)
    ideal = scanner.nodes.transmission(projection.attenuation)
    found = annotate(projection, ideal, scanner, array, view, masks=False)
    moved = replace(found, xyxy_px=found.xyxy_px + np.array([first, first_row, first, first_row]))
    return Exposure(first, averaged(ideal, fan), moved)
