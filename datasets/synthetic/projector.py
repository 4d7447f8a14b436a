"""Path lengths of a fan beam through closed meshes, by signed-depth accumulation.

A ray's path inside a closed mesh is the sum of its distances from the source over the faces it leaves through, minus
that over the faces it enters through. So each triangle is rasterised once and adds ± distance to the pixels that it
covers; order does not matter, and nothing is sorted.

Geometry: in a view's frame a vertex is ``(lateral, row, distance)``: millimetres across the fan from below the
source, detector rows along the belt, millimetres from the source towards the detectors. The beam is a fan across the
belt and parallel along it: every picture row is one plane, and in it a point falls on the detector at
``lateral · reference / distance``. The rasteriser therefore works row by row: the row's plane cuts a triangle in a
segment between two of its edges; along the segment the inverse distance is linear in the detector coordinate, so the
depth at every pixel centre is exact, without curved-edge error at any triangle size.

Watertight by construction: where a row cuts an edge is computed from the edge alone, its ends ordered by row, so both
triangles that share it get the same number; rows and columns are half-open, so each sample belongs to one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Fan:
    """A row of detectors, and the fan of rays from the source to it."""

    reference_mm: float
    """Distance from the source at which pixels measure ``pitch_mm``."""
    pitch_mm: float
    first_column_mm: float
    """Lateral position, at the reference distance, of the left edge of column 0."""
    columns: int
    rows: int

    def finer(self, times: int) -> Fan:
        """The same frame with so many rays a pixel in each direction."""
        return replace(self, pitch_mm=self.pitch_mm / times, columns=self.columns * times, rows=self.rows * times)

    def slant(self) -> NDArray[np.float32]:
        """(columns,) path length along each ray per millimetre of distance: 1 / cos of the fan angle."""
        lateral = self.first_column_mm + (np.arange(self.columns) + 0.5) * self.pitch_mm
        slant: NDArray[np.float32] = np.hypot(1.0, lateral / self.reference_mm).astype(np.float32)
        return slant

    def bounds_px(self, points: NDArray[np.float64]) -> tuple[float, float, float, float]:
        """Extent (x0, y0, x1, y1) in pixels of vertices (V, 3) in the view's frame; may lie outside the frame."""
        column = (points[:, 0] * (self.reference_mm / points[:, 2]) - self.first_column_mm) / self.pitch_mm
        return float(column.min()), float(points[:, 1].min()), float(column.max()), float(points[:, 1].max())


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels inside a frame; ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def around(cls, bounds_px: tuple[float, float, float, float], fan: Fan) -> Window:
        """The pixels whose centres may lie inside the bounds, clipped to the frame; empty where none does."""
        x0, y0 = max(0, int(np.floor(bounds_px[0]))), max(0, int(np.floor(bounds_px[1])))
        x1, y1 = min(fan.columns, int(np.ceil(bounds_px[2]))), min(fan.rows, int(np.ceil(bounds_px[3])))
        return cls(x0, y0, max(x0, x1), max(y0, y1))

    @property
    def empty(self) -> bool:
        """True where no pixel is inside."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of a frame-sized array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@njit(cache=True, nogil=True, fastmath={"contract", "arcp"})
def _add_triangles(
    depth: NDArray[np.float32],
    points: NDArray[np.float64],
    faces: NDArray[np.int32],
    mirror: float,
    scale: float,
    offset: float,
    middle: float,
) -> None:  # pragma: no cover - compiled
    """Add the signed distances of all faces to depth (rows, columns).

    ``points`` are (V, 3) with rows already relative to the window; a pixel column is ``lateral / distance · scale -
    offset``, so that integers are pixel centres. Distances are counted from ``middle`` to keep float32 exact.
    """
    rows, columns = depth.shape
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        sign = mirror
        if points[a, 1] > points[b, 1]:
            a, b, sign = b, a, -sign
        if points[b, 1] > points[c, 1]:
            b, c, sign = c, b, -sign
        if points[a, 1] > points[b, 1]:
            a, b, sign = b, a, -sign
        top, knee, bottom = points[a, 1], points[b, 1], points[c, 1]
        first = max(0, int(np.ceil(top - 0.5)))
        last = min(rows, int(np.ceil(bottom - 0.5)))
        for row in range(first, last):
            at = row + 0.5
            t = (at - top) / (bottom - top)
            long_distance = points[a, 2] + t * (points[c, 2] - points[a, 2])
            long_column = (points[a, 0] + t * (points[c, 0] - points[a, 0])) / long_distance * scale - offset
            # An edge owns the rows with top <= centre < bottom, as ceil above: at == knee belongs to the lower edge.
            if at < knee:
                t = (at - top) / (knee - top)
                short_distance = points[a, 2] + t * (points[b, 2] - points[a, 2])
                short_column = (points[a, 0] + t * (points[b, 0] - points[a, 0])) / short_distance * scale - offset
            else:
                t = (at - knee) / (bottom - knee)
                short_distance = points[b, 2] + t * (points[c, 2] - points[b, 2])
                short_column = (points[b, 0] + t * (points[c, 0] - points[b, 0])) / short_distance * scale - offset
            if long_column < short_column:
                left, right, near, far, turn = long_column, short_column, long_distance, short_distance, sign
            else:
                left, right, near, far, turn = short_column, long_column, short_distance, long_distance, -sign
            begin = max(0, int(np.ceil(left)))
            end = min(columns, int(np.ceil(right)))
            if begin >= end:
                continue
            inverse = 1.0 / near
            slope = (1.0 / far - inverse) / (right - left)
            line = depth[row]
            for column in range(begin, end):
                line[column] += np.float32(turn * (1.0 / (inverse + slope * (column - left)) - middle))


def add_path_lengths(
    depth: NDArray[np.float32],
    window: Window,
    points: NDArray[np.float64],
    faces: NDArray[np.int32],
    fan: Fan,
    mirrored: bool,
) -> None:
    """Add a closed mesh's extent along the distance axis, in mm, to depth (window's shape); times slant it is a path.

    Args:
        depth: changed in place.
        window: where depth lies in the frame.
        points: (V, 3) vertices in the view's frame; all distances positive.
        faces: (F, 3), outward.
        fan: the detectors.
        mirrored: true where the view's frame is left-handed.
    """
    relative = points - np.array([0.0, window.y0, 0.0])
    scale = fan.reference_mm / fan.pitch_mm
    offset = fan.first_column_mm / fan.pitch_mm + window.x0 + 0.5
    middle = float(points[:, 2].mean())
    _add_triangles(depth, relative, faces, -1.0 if mirrored else 1.0, scale, offset, middle)


@njit(cache=True, nogil=True, fastmath=True)
def accumulate(
    total: NDArray[np.float32],
    depth: NDArray[np.float32],
    slant: NDArray[np.float32],
    per_mm: NDArray[np.float32],
    y0: int,
    x0: int,
) -> None:  # pragma: no cover - compiled
    """Add ``depth · slant · per_mm`` to line integrals total (rows, columns, K) at (y0, x0).

    ``slant`` is that of the window's columns; depths below a micrometre are rounding, not matter.
    """
    nodes = per_mm.shape[0]
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            extent = depth[row, column]
            if extent > np.float32(1e-3):
                path = extent * slant[column]
                for node in range(nodes):
                    total[y0 + row, x0 + column, node] += path * per_mm[node]
