"""Soft, uneven matter as closed height fields: cloth, paper, foam, foil, wrapping.

A height field is two grids of heights over one rectangle, floor and ceiling, sewn together at the rim.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .solids import Mesh

Grid = NDArray[np.float64]
"""(nx + 1, ny + 1) heights in millimetres at the corners of nx × ny cells."""


def height_field(floor_mm: Grid, ceiling_mm: Grid, size_mm: tuple[float, float]) -> Mesh:
    """The matter between two height grids over a rectangle of ``size_mm`` centred on the origin."""
    nx, ny = floor_mm.shape
    x = np.linspace(-size_mm[0] / 2, size_mm[0] / 2, nx)
    y = np.linspace(-size_mm[1] / 2, size_mm[1] / 2, ny)
    vertices = np.empty((2, nx, ny, 3), np.float32)
    vertices[..., 0] = x[:, None]
    vertices[..., 1] = y[None, :]
    vertices[0, ..., 2] = floor_mm
    vertices[1, ..., 2] = ceiling_mm
    return Mesh(vertices.reshape(-1, 3), _faces(nx, ny))


def warped_field(floor_mm: Grid, ceiling_mm: Grid, x_mm: Grid, y_mm: Grid) -> Mesh:
    """A height field over a bent grid; ``x_mm`` grows with the first index and ``y_mm`` with the second."""
    nx, ny = floor_mm.shape
    vertices = np.stack([np.stack([x_mm, y_mm, z], -1) for z in (floor_mm, ceiling_mm)])
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), _faces(nx, ny))


@lru_cache(maxsize=256)
def _faces(nx: int, ny: int) -> NDArray[np.int32]:
    """Triangles of two (nx, ny) vertex grids, the first looking down, the second up, and of the rim between."""
    index = np.arange(nx * ny).reshape(nx, ny)
    a, b, c, d = (q.ravel() for q in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    up = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]) + nx * ny
    down = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)])
    rim = np.concatenate([index[:, 0], index[-1, 1:], index[-2::-1, -1], index[0, -2:0:-1]])
    after = np.roll(rim, -1)
    wall = np.concatenate(
        [np.stack([rim, after, after + nx * ny], 1), np.stack([rim, after + nx * ny, rim + nx * ny], 1)]
    )
    return np.concatenate([up, down, wall]).astype(np.int32)


def noise(rng: np.random.Generator, shape: tuple[int, int], knots: int, *, octaves: int = 2) -> Grid:
    """Smooth noise with about ``knots`` bumps along the longer side, mean near 0, within about ±1."""
    total = np.zeros(shape)
    for octave in range(octaves):
        count = knots * 2**octave
        small = [max(2, round(count * n / max(shape))) for n in shape]
        layer = cv2.resize(rng.uniform(-1, 1, small), shape[::-1], interpolation=cv2.INTER_CUBIC)
        total += layer * 0.6**octave
    return total


def creases(rng: np.random.Generator, shape: tuple[int, int], knots: int) -> Grid:
    """Sharp ridges as of crumpled sheets: 0 in the valleys, 1 on the crests."""
    ridged = 1 - np.abs(noise(rng, shape, knots, octaves=2)) * 2.5
    return np.clip(ridged, 0, 1)


def steepness(height_mm: Grid, size_mm: tuple[float, float]) -> Grid:
    """How much longer a vertical ray runs in a sheet that follows ``height_mm`` than in a flat one, ≥ 1."""
    nx, ny = height_mm.shape
    slope_x, slope_y = np.gradient(height_mm, size_mm[0] / (nx - 1), size_mm[1] / (ny - 1))
    return np.asarray(np.sqrt(1 + slope_x**2 + slope_y**2))
