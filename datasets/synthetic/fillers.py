"""What keeps contents from rattling: paper, bubble wrap, peanuts, foam, cloth, newspapers.

A filler is laid over whatever lies in the container: it takes the floor it rests on and the ceiling it may reach, both
grids over the whole floor, and returns organic matter of low density between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from .benign.assembly import Rng, Solids, between, copies, design_generator, pick
from .shapes import ellipsoid, spline, sweep
from .sheets import Grid, creases, height_field, noise, patch, refined, wrinkles
from .solids import Item, Solid

_CLOTH_GRAIN = 3
"""By how much cloth is finer than the grids it is given: its folds are a few millimetres wide."""

Filler = Callable[[Rng, Rng, Grid, Grid, tuple[float, float]], Solids]
"""(design, instance, floor, ceiling, size of the floor) → matter between floor and ceiling."""


def _between(floor: Grid, ceiling: Grid, share: Grid) -> tuple[Grid, Grid]:
    """A layer that fills ``share`` of the room above the floor."""
    return floor + 0.05, floor + 0.1 + np.maximum(ceiling - floor - 0.2, 0.02) * np.clip(share, 0.01, 1.0)


def crumpled_paper(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Balls and folds of packing paper: ridges of many sheets over a faint mean."""
    ridges = 0.25 + 0.7 * creases(r, floor.shape, int(d.integers(5, 10))) + 0.3 * noise(r, floor.shape, 6)
    return [Solid(height_field(*_between(floor, ceiling, ridges), size), "paper", fill=between(d, 0.03, 0.14))]


def newspapers(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Folded newspapers: flat plates with sharp edges over each other."""
    steps = np.zeros(floor.shape)
    nx, ny = floor.shape
    for _ in range(int(d.integers(3, 8))):
        i, j = int(r.integers(0, nx // 2)), int(r.integers(0, ny // 2))
        steps[i : i + int(r.integers(nx // 3, nx)), j : j + int(r.integers(ny // 3, ny))] += between(r, 0.5, 2.5)
    room = np.maximum(ceiling - floor, 0.1)
    return [Solid(height_field(*_between(floor, ceiling, (steps + 0.3) / room), size), "paper", fill=0.75)]


def bubble_wrap(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Layers of film with bubbles, much air."""
    bumps = 0.5 + 0.35 * noise(r, floor.shape, 14, octaves=1) + 0.4 * creases(r, floor.shape, 4)
    return [Solid(height_field(*_between(floor, ceiling, bumps), size), "polyethylene", fill=between(d, 0.02, 0.06))]


def foam_sheet(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """An even mat of foam."""
    share = np.full(floor.shape, between(r, 0.4, 1.0)) + 0.03 * noise(r, floor.shape, 3)
    return [Solid(height_field(*_between(floor, ceiling, share), size), "polyethylene", fill=between(d, 0.02, 0.05))]


def foam_peanuts(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Loose pieces of foam over a bed of the same."""
    share = 0.35 + 0.3 * noise(r, floor.shape, 16, octaves=1)
    low, high = _between(floor, ceiling, share)
    fill = between(d, 0.015, 0.035)
    nx, ny = floor.shape
    i, j = r.integers(1, nx - 1, 60), r.integers(1, ny - 1, 60)
    top = np.maximum.reduce([high[i + a, j + b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    fits = ceiling[i, j] - top > 19
    at = np.column_stack([(i / (nx - 1) - 0.5) * size[0], (j / (ny - 1) - 0.5) * size[1], top + 9.5])[fits]
    cells = np.unique((at[:, :2] / 30).round(), axis=0, return_index=True)[1]
    at[:, :2] = (at[:, :2] / 30).round() * 30
    inside = (np.abs(at[:, :2]) < np.array(size) / 2 - 14).all(1)
    keep = [k for k in cells if inside[k]]
    bed = Solid(height_field(low, high, size), "polyethylene", fill=fill)
    if not keep:
        return [bed]
    return [bed, Solid(copies(ellipsoid((26.0, 14.0, 16.0), 8), at[keep]), "polyethylene", fill=0.04)]


def cloth(d: Rng, r: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Garments thrown over the contents: crooked pieces over each other with hems, folds down to a few millimetres."""
    floor, ceiling = refined(floor, _CLOTH_GRAIN), refined(ceiling, _CLOTH_GRAIN)
    shape = (floor.shape[0], floor.shape[1])
    share = between(r, 0.0, 0.55) + 0.08 * noise(r, shape, 5)
    for _ in range(int(r.integers(3, 10))):
        piece = patch(r, shape, 0.25, 0.9)
        hem = piece - cv2.erode(piece, np.ones((3, 3)))
        folds = creases(r, shape, int(r.integers(3, 12))) + 1.4 * wrinkles(r, shape, int(r.integers(6, 18)))
        share += piece * (between(r, 0.05, 0.16) + between(r, 0.02, 0.12) * folds) + 0.08 * hem
    weave = 1 + between(d, 0.02, 0.16) * noise(r, shape, max(shape) // 3, octaves=1)
    low, high = _between(floor, ceiling, np.clip(share * weave * _soft_rim(r, shape), 0.004, 0.93))
    material = pick(d, "cotton", "cotton", "nylon")
    body = Solid(height_field(low, high, size), material, fill=between(d, 0.12, 0.5))
    room = float((ceiling - high).min())
    return [body] if room < 0.1 or r.random() < 0.2 else [body, *_hems(d, r, high, ceiling, size)]


def _soft_rim(r: Rng, shape: tuple[int, int]) -> Grid:
    """1 in the middle, falling to 0 towards the walls unevenly: cloth does not fill corners."""
    u, v = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    power = between(r, 2.5, 7.0)
    reach = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power) + 0.09 * noise(r, shape, 6)
    return np.asarray(np.clip((between(r, 0.86, 1.03) - reach) / between(r, 0.03, 0.15), 0, 1))


def _hems(d: Rng, r: Rng, low: Grid, ceiling: Grid, size: tuple[float, float]) -> Solids:
    """Seams and cords that wander over the cloth, thin enough for the room that is left above it."""
    nx, ny = low.shape
    cords = []
    for _ in range(int(r.integers(2, 6))):
        knots = r.uniform(-0.44, 0.44, (5, 2)) if r.random() < 0.4 else _edge_walk(r)
        path = spline(knots, 5)
        path = np.clip(path, -0.47, 0.47)
        i, j = (np.rint((path[:, k] + 0.5) * (n - 1)).astype(int) for k, n in ((0, nx), (1, ny)))
        near = [(np.clip(i + a, 0, nx - 1), np.clip(j + b, 0, ny - 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        level = max(float(low[q].max()) for q in near)
        radius = between(d, 0.7, 1.6)
        if level + 2 * radius + 0.4 < min(float(ceiling[q].min()) for q in near):
            points = np.column_stack([path * size, np.full(len(path), level + radius + 0.2)])
            if (np.linalg.norm(np.diff(points, axis=0), axis=1) > 0.5).all():
                cords.append(sweep(points, radius, 4))
    return [Solid(cord, pick(d, "cotton", "nylon", "rubber")) for cord in cords[:1]]


def _edge_walk(r: Rng) -> NDArray[np.float64]:
    """Knots along one side of the floor, as a hem runs."""
    along = np.linspace(-0.45, 0.45, 6)
    across = between(r, -0.4, 0.4) + 0.05 * r.normal(size=6)
    knots = np.column_stack([along, across])
    return knots if r.random() < 0.5 else knots[:, ::-1]


FILLERS: Mapping[str, Filler] = MappingProxyType(
    {
        "crumpled_paper": crumpled_paper,
        "newspapers": newspapers,
        "bubble_wrap": bubble_wrap,
        "foam_sheet": foam_sheet,
        "foam_peanuts": foam_peanuts,
        "cloth": cloth,
    }
)
"""Fillers by name."""


DESIGNS = 12
"""How many designs each filler has: density, material and grain."""


def filler_item(name: str, design: int, rng: Rng, floor: Grid, ceiling: Grid, size: tuple[float, float]) -> Item:
    """One filler as an item of the contents."""
    solids = FILLERS[name](design_generator(name, design), rng, floor, ceiling, size)
    return Item(name, None, f"{name}/{design:02d}", tuple(solids), {})
