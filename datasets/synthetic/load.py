"""How contents come to lie in a packaging: dropped one after another onto a height map, and padded.

Bodies rest on the highest point below them and never overlap, because the map is conservative (heightmap.py). They do
not topple: a leaning body stands for one that leans on soft padding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .fillers import filler_item
from .heightmap import Footprint, Map, footprint, occupy, rest_height
from .shapes import rotation
from .sheets import Grid
from .solids import Item

PITCH_MM = 4.0
"""Cell of the height maps."""
_BLOCK = 3
"""Cells to a cell of fillers and drapes."""
Group = tuple[Item, ...]
"""Items that stay together as they are: a wrapped object with its wrapping, an appliance with what is in it."""


@dataclass(slots=True)
class Load:
    """The inner space of a packaging while it is filled."""

    inner_mm: tuple[float, float, float]
    placed: list[Item] = field(default_factory=list)
    heights_mm: Map = field(init=False)

    def __post_init__(self) -> None:
        cells = [max(_BLOCK, int(side / (PITCH_MM * _BLOCK)) * _BLOCK) for side in self.inner_mm[:2]]
        self.heights_mm = np.zeros(cells, np.float32)

    @property
    def floor_mm(self) -> tuple[float, float]:
        """Length and width of the floor that the map covers."""
        nx, ny = self.heights_mm.shape
        return nx * PITCH_MM, ny * PITCH_MM

    def drop(self, group: Group, rng: np.random.Generator, *, tries: int, order: float) -> bool:
        """Put a group down where it comes to rest low; False where it fits in none of a few orientations."""
        orientations = [_orientation(rng, order) for _ in range(3)] + [np.eye(3), rotation("z", 90)]
        for turn in orientations:
            vertices, faces = _turned(group, turn)
            if (np.ptp(vertices, axis=0) > (*self.floor_mm, self.inner_mm[2] - 0.5)).any():
                continue
            body = footprint(vertices, faces, PITCH_MM)
            cells = self._candidates(rng, body, tries)
            if cells is None:
                continue
            rest = rest_height(self.heights_mm, body, cells, self.inner_mm[2] - 0.5)
            if rest is not None:
                self._settle(group, turn, body, cells[rest[0]], rest[1])
                return True
        return False

    def _candidates(self, rng: np.random.Generator, body: Footprint, tries: int) -> NDArray[np.int32] | None:
        spare = np.array(self.heights_mm.shape) - body.low_mm.shape
        if (spare < 0).any():
            return None
        return np.asarray(rng.integers(0, spare + 1, (tries, 2)), np.int32)

    def _settle(
        self, group: Group, turn: NDArray[np.float64], body: Footprint, cell: NDArray[np.int32], lift_mm: float
    ) -> None:
        occupy(self.heights_mm, body, (int(cell[0]), int(cell[1])), lift_mm)
        corner = cell * PITCH_MM - np.array(self.floor_mm) / 2
        offset = np.array([corner[0] - body.corner_mm[0], corner[1] - body.corner_mm[1], lift_mm])
        self.placed += [item.placed(turn, offset) for item in group]

    def surface(self) -> Grid:
        """What lies in the space seen from above, on the corners of coarse cells; nowhere below the true heights."""
        nx, ny = (n // _BLOCK for n in self.heights_mm.shape)
        coarse = np.pad(self.heights_mm.reshape(nx, _BLOCK, ny, _BLOCK).max((1, 3)), 1, mode="edge").astype(np.float64)
        return np.asarray(np.maximum.reduce([coarse[:-1, :-1], coarse[1:, :-1], coarse[:-1, 1:], coarse[1:, 1:]]))

    def pad(self, name: str, design: int, rng: np.random.Generator, share: float) -> None:
        """Lay a filler over everything, reaching ``share`` of the way to the lid."""
        floor = self.surface()
        ceiling = floor + np.maximum(self.inner_mm[2] - 1.0 - floor, 0.3) * share
        item = filler_item(name, design, rng, floor, ceiling, self.floor_mm)
        self.placed.append(item)
        body = outline_of((item,), np.eye(3))
        nx, ny = (min(a, b) for a, b in zip(body.high_mm.shape, self.heights_mm.shape, strict=True))
        np.maximum(self.heights_mm[:nx, :ny], body.high_mm[:nx, :ny], out=self.heights_mm[:nx, :ny])


def _orientation(rng: np.random.Generator, order: float) -> NDArray[np.float64]:
    """Flat most often, on a side or leaning sometimes; along the walls in an orderly parcel."""
    angle = 90.0 * rng.integers(4) + rng.normal(0, 4) if rng.random() < order else rng.uniform(0, 360)
    turn = rotation("z", float(angle))
    pose = rng.random()
    if pose < 0.18:
        return np.asarray(turn @ rotation("x", 90.0 * float(rng.integers(1, 4))))
    if pose < 0.24:
        return np.asarray(turn @ rotation("y", 90.0 if rng.random() < 0.5 else -90.0))
    if pose < 0.32:
        return np.asarray(turn @ rotation("x", 180.0))
    if pose < 0.5:
        tilt = rotation("x", float(rng.normal(0, 14))) @ rotation("y", float(rng.normal(0, 10)))
        return np.asarray(turn @ tilt)
    return turn


def outline_of(group: Group, turn: NDArray[np.float64], pitch_mm: float = PITCH_MM) -> Footprint:
    """The footprint of all items together, after turning."""
    return footprint(*_turned(group, turn), pitch_mm)


def _turned(group: Group, turn: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices and faces of all solids that stand in air, as one body."""
    meshes = [s.mesh for item in group for s in item.solids if s.inside is None]
    starts = np.cumsum([0, *(len(m.vertices_mm) for m in meshes[:-1])], dtype=np.int32)
    vertices = np.concatenate([m.vertices_mm for m in meshes]) @ turn.T.astype(np.float32)
    faces = np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)])
    return np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32)
