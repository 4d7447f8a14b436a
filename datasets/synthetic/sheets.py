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


def refined(grid: Grid, times: int) -> Grid:
    """The same heights on a grid ``times`` finer: between the corners of every cell, so never beyond them."""
    nx, ny = ((n - 1) * times + 1 for n in grid.shape)
    i, j = np.linspace(0, grid.shape[0] - 1, nx), np.linspace(0, grid.shape[1] - 1, ny)
    rows, columns = np.minimum(i.astype(int), grid.shape[0] - 2), np.minimum(j.astype(int), grid.shape[1] - 2)
    a, b = (i - rows)[:, None], j - columns
    upper = grid[rows][:, columns] * (1 - b) + grid[rows][:, columns + 1] * b
    lower = grid[rows + 1][:, columns] * (1 - b) + grid[rows + 1][:, columns + 1] * b
    return np.asarray(upper * (1 - a) + lower * a)


def wrinkles(rng: np.random.Generator, shape: tuple[int, int], knots: int) -> Grid:
    """Fine folds of film and thin cloth: lines one or two cells wide that wander and branch, 0 elsewhere, 1 on them."""
    wandering = noise(rng, shape, knots, octaves=2)
    slope = np.hypot(*np.gradient(wandering)) + 1e-3
    return np.asarray(np.clip(1.4 - np.abs(wandering) / slope, 0, 1))


def patch(rng: np.random.Generator, shape: tuple[int, int], least: float, most: float) -> Grid:
    """0 or 1: one garment thrown down somewhere, its outline crooked; half axes as shares of the grid."""
    u, v = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    angle = rng.uniform(0, np.pi)
    u, v = u - rng.uniform(-0.7, 0.7), v - rng.uniform(-0.7, 0.7)
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    power = rng.choice([2.0, 4.0, 8.0])
    reach = (np.abs(along) / rng.uniform(least, most)) ** power + (np.abs(across) / rng.uniform(least, most)) ** power
    return np.asarray(reach ** (1 / power) + 0.12 * noise(rng, shape, 7) < 1, np.float64)


def bulged(
    rng: np.random.Generator, shape: tuple[int, int], size_mm: tuple[float, float], roundness: float
) -> tuple[Grid, Grid]:
    """(x, y) of a rectangle's grid drawn out to a bag's outline: corners stay where they are, sides bulge and waver."""
    u, v = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    grow = 1 / np.sqrt(1 - roundness / 2)
    waver = 1 + 0.025 * noise(rng, (1, shape[1]), 5), 1 + 0.025 * noise(rng, (shape[0], 1), 5)
    x = u * np.sqrt(1 - roundness * v**2 / 2) * grow * waver[0] * size_mm[0] / 2
    y = v * np.sqrt(1 - roundness * u**2 / 2) * grow * waver[1] * size_mm[1] / 2
    return x, y


def sampled(grid: Grid, size_mm: tuple[float, float], x_mm: Grid, y_mm: Grid) -> Grid:
    """Heights of a grid over a centred rectangle, read at other places; its rim continues outside."""
    i = (x_mm / size_mm[0] + 0.5) * (grid.shape[0] - 1)
    j = (y_mm / size_mm[1] + 0.5) * (grid.shape[1] - 1)
    return np.asarray(
        cv2.remap(
            grid.astype(np.float32),
            j.astype(np.float32),
            i.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float64,
    )


def steepness(height_mm: Grid, size_mm: tuple[float, float]) -> Grid:
    """How much longer a vertical ray runs in a sheet that follows ``height_mm`` than in a flat one, ≥ 1."""
    nx, ny = height_mm.shape
    slope_x, slope_y = np.gradient(height_mm, size_mm[0] / (nx - 1), size_mm[1] / (ny - 1))
    return np.asarray(np.sqrt(1 + slope_x**2 + slope_y**2))
