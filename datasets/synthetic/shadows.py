"""Shadows of items: line integrals at the scanner's energy nodes, of a whole parcel and of single items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...detector.errors import RunError
from .beer_lambert import EnergyNodes
from .projector import Fan, Window, accumulate, add_path_lengths
from .scanner import ViewFrame
from .solids import Item, Solid

_NEAREST = 0.1
"""No vertex may come nearer to the source than this share of the reference distance."""


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """What one item alone does to the beam."""

    item: Item
    window: Window
    bounds_px: tuple[float, float, float, float]
    """Extent of the item's vertices; may reach outside the frame."""
    attenuation: NDArray[np.float32]
    """(rows, columns, K) line integrals over the window."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Line integrals of everything in a frame."""

    fan: Fan
    attenuation: NDArray[np.float32]
    """(rows, columns, K)."""
    shadows: tuple[Shadow, ...]
    """Of the items that carry a label, where any of it is in the frame."""
    benign_px: tuple[tuple[str, tuple[float, float, float, float]], ...] = ()
    """Kind and extent of the items that carry none; it may reach outside the frame."""


@dataclass(frozen=True, slots=True)
class Projector:
    """Projects items of one view onto one frame."""

    frame: ViewFrame
    fan: Fan
    nodes: EnergyNodes

    def project(self, items: Sequence[Item]) -> Projection:
        """Project items; those with a label also alone."""
        total = np.zeros((self.fan.rows, self.fan.columns, len(self.nodes.energies_kev)), np.float32)
        slant = self.fan.slant()
        shadows, benign = [], []
        for item in items:
            if item.label is None:
                self._add(item.solids, total, slant, Window(0, 0, self.fan.columns, self.fan.rows))
                benign.append((item.kind, self._bounds_px(item)))
                continue
            shadow = self.shadow(item)
            if shadow is not None:
                total[shadow.window.slices] += shadow.attenuation
                shadows.append(shadow)
        return Projection(self.fan, total, tuple(shadows), tuple(benign))

    def shadow(self, item: Item) -> Shadow | None:
        """The shadow of one item alone; None where the frame holds nothing of it."""
        bounds = self._bounds_px(item)
        window = Window.around(bounds, self.fan)
        if window.empty:
            return None
        attenuation = np.zeros((*window.shape, len(self.nodes.energies_kev)), np.float32)
        self._add(item.solids, attenuation, self.fan.slant(), window)
        return Shadow(item, window, bounds, attenuation)

    def _bounds_px(self, item: Item) -> tuple[float, float, float, float]:
        return _union(self.fan.bounds_px(self._points(solid)) for solid in item.solids)

    def _points(self, solid: Solid) -> NDArray[np.float64]:
        points = self.frame.points(solid.mesh)
        if points[:, 2].min() < _NEAREST * self.fan.reference_mm:
            raise RunError(
                f"view {self.frame.view.name}: an object reaches up to the X-ray source",
                "put the source farther away (views.distance_mm)",
            )
        return points

    def _add(
        self, solids: Sequence[Solid], total: NDArray[np.float32], slant: NDArray[np.float32], origin: Window
    ) -> None:
        """Add solids' line integrals to total, whose upper left pixel is that of origin."""
        for solid in solids:
            points = self._points(solid)
            window = Window.around(self.fan.bounds_px(points), self.fan)
            if window.empty:
                continue
            depth = np.zeros(window.shape, np.float32)
            add_path_lengths(depth, window, points, solid.mesh.faces, self.fan, self.frame.mirrored)
            per_mm = self.nodes.attenuation_per_mm(solid.material) * np.float32(solid.fill)
            if solid.inside is not None:
                per_mm = per_mm - self.nodes.attenuation_per_mm(solid.inside) * np.float32(solid.inside_fill)
            columns = slant[window.x0 : window.x1]
            accumulate(total, depth, columns, per_mm, window.y0 - origin.y0, window.x0 - origin.x0)


def _union(bounds: Iterable[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = zip(*bounds, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
