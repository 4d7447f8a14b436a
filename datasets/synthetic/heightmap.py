"""Height maps over a container's floor: what a body occupies, and where it comes to rest.

Maps are conservative: a cell counts as occupied over the whole height range of any face touching it, so bodies
placed by them never overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Map = NDArray[np.float32]
_EMPTY = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """The lowest and highest matter of a body over the cells of its bounding rectangle."""

    low_mm: Map
    """(nx, ny); +1e9 where the body is not."""
    high_mm: Map
    """(nx, ny); -1e9 where the body is not."""
    corner_mm: tuple[float, float]
    """x and y of the first cell's lower corner in the body's frame."""

    @property
    def top_mm(self) -> float:
        """Highest point."""
        return float(self.high_mm.max())

    @property
    def bottom_mm(self) -> float:
        """Lowest point."""
        return float(self.low_mm.min())


def footprint(vertices_mm: NDArray[np.float32], faces: NDArray[np.int32], pitch_mm: float) -> Footprint:
    """Rasterise a body of (V, 3) vertices and (F, 3) faces onto cells of ``pitch_mm``."""
    lower, upper = vertices_mm.min(0), vertices_mm.max(0)
    nx, ny = (max(1, int(np.ceil((upper[k] - lower[k]) / pitch_mm + 1e-4))) for k in (0, 1))
    low = np.full((nx, ny), _EMPTY, np.float32)
    high = np.full((nx, ny), -_EMPTY, np.float32)
    _raster(vertices_mm, faces, float(lower[0]), float(lower[1]), pitch_mm, low, high)
    return Footprint(low, high, (float(lower[0]), float(lower[1])))


def rest_height(
    heights_mm: Map, body: Footprint, cells: NDArray[np.int32], ceiling_mm: float
) -> tuple[int, float] | None:
    """Which of the (K, 2) candidate cells lets the body rest lowest, and how far it must be lifted there.

    None where it sticks out above the ceiling everywhere.
    """
    best, lift = _lowest(heights_mm, body.low_mm, cells)
    if best < 0 or lift + body.top_mm > ceiling_mm:
        return None
    return int(best), float(lift)


def occupy(heights_mm: Map, body: Footprint, cell: tuple[int, int], lift_mm: float) -> None:
    """Raise the map, in place, to the top of a body put down with its first cell at ``cell``."""
    nx, ny = body.high_mm.shape
    window = heights_mm[cell[0] : cell[0] + nx, cell[1] : cell[1] + ny]
    np.maximum(window, body.high_mm + np.float32(lift_mm), out=window)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _raster(vertices: Map, faces: NDArray[np.int32], x0: float, y0: float, pitch: float, low: Map, high: Map) -> None:
    nx, ny = low.shape
    half = pitch / 2
    for f in range(faces.shape[0]):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        z_low, z_high = min(a[2], b[2], c[2]), max(a[2], b[2], c[2])
        first_i = max(0, int((min(a[0], b[0], c[0]) - x0) / pitch))
        last_i = min(nx - 1, int((max(a[0], b[0], c[0]) - x0) / pitch))
        first_j = max(0, int((min(a[1], b[1], c[1]) - y0) / pitch))
        last_j = min(ny - 1, int((max(a[1], b[1], c[1]) - y0) / pitch))
        if first_i == last_i and first_j == last_j:
            low[first_i, first_j] = min(low[first_i, first_j], z_low)
            high[first_i, first_j] = max(high[first_i, first_j], z_high)
            continue
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        area = ux * vy - uy * vx
        sloped = abs(area) > 1e-3
        gx = (uz * vy - vz * uy) / area if sloped else 0.0
        gy = (ux * vz - vx * uz) / area if sloped else 0.0
        reach = half * (abs(gx) + abs(gy))
        for i in range(first_i, last_i + 1):
            x = x0 + (i + 0.5) * pitch
            for j in range(first_j, last_j + 1):
                y = y0 + (j + 0.5) * pitch
                if _apart(a, b, c, x, y, half) or _apart(b, c, a, x, y, half) or _apart(c, a, b, x, y, half):
                    continue
                bottom, top = z_low, z_high
                if sloped:
                    z = a[2] + gx * (x - a[0]) + gy * (y - a[1])
                    bottom, top = max(z_low, z - reach), min(z_high, z + reach)
                low[i, j] = min(low[i, j], bottom)
                high[i, j] = max(high[i, j], top)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _apart(p: Map, q: Map, r: Map, x: float, y: float, half: float) -> bool:
    """Whether the line through p and q separates a square cell from the triangle p, q, r."""
    normal_x, normal_y = p[1] - q[1], q[0] - p[0]
    reach = half * (abs(normal_x) + abs(normal_y)) + 1e-6
    cell = normal_x * (x - p[0]) + normal_y * (y - p[1])
    third = normal_x * (r[0] - p[0]) + normal_y * (r[1] - p[1])
    return bool(cell + reach < min(0.0, third) or cell - reach > max(0.0, third))


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _lowest(heights: Map, low: Map, cells: NDArray[np.int32]) -> tuple[int, float]:
    best, best_lift = -1, 1e9
    nx, ny = low.shape
    for k in range(cells.shape[0]):
        i0, j0 = cells[k, 0], cells[k, 1]
        lift = -1e9
        for i in range(nx):
            for j in range(ny):
                if low[i, j] < 1e8:
                    lift = max(lift, heights[i0 + i, j0 + j] - low[i, j])
            if lift >= best_lift:
                break
        if lift < best_lift:
            best, best_lift = k, lift
    return best, best_lift
