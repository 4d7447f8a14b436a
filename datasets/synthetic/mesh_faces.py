"""Which vertices make the triangles of swept and turned bodies; remembered, for the same counts come up again.

The arrays are shared between meshes: nobody writes into them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray


@cache
def lathe(on_axis: tuple[bool, ...], segments: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The (n, segments) vertex of each profile point and turn, and the faces between them."""
    poles = np.array(on_axis)
    starts = np.concatenate([[0], np.cumsum(np.where(poles, 1, segments))[:-1]])
    index = starts[:, None] + np.where(poles[:, None], 0, np.arange(segments))
    return index, _wall(index, closed_rows=not poles.any())


@cache
def extrusion_walls(lengths: tuple[int, ...]) -> NDArray[np.int32]:
    """Walls of an outline and its holes, between a lower and an upper copy of all their points."""
    count, starts = sum(lengths), np.cumsum((0, *lengths))
    rings = [np.arange(start, start + length) for start, length in zip(starts, lengths, strict=False)]
    return np.concatenate([_wall(np.stack([ring, ring + count]), closed_rows=False) for ring in rings])


@cache
def loft(rows: int, columns: int) -> NDArray[np.int32]:
    """Sleeve and end fans; the two middles follow the grid's vertices."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    ends = [np.full((1, columns), rows * columns + k) for k in range(2)]
    return _wall(np.concatenate([ends[0], grid, ends[1]]), closed_rows=False)


@cache
def sleeve(rows: int, columns: int) -> NDArray[np.int32]:
    """Rings over one another, open at both ends."""
    return _wall(np.arange(rows * columns).reshape(rows, columns), closed_rows=False)


@cache
def loop(rows: int, columns: int) -> NDArray[np.int32]:
    """Rings one behind the other, the last joined to the first."""
    return _wall(np.arange(rows * columns).reshape(rows, columns), closed_rows=True)


def _wall(index: NDArray[np.intp], closed_rows: bool) -> NDArray[np.int32]:
    """Two triangles for each cell of a (rows, columns) grid of vertices that closes over its columns."""
    upper = np.roll(index, -1, 0) if closed_rows else index[1:]
    lower = index if closed_rows else index[:-1]
    after, upper_after = np.roll(lower, -1, 1), np.roll(upper, -1, 1)
    faces = np.stack([np.stack([lower, after, upper_after], -1), np.stack([lower, upper_after, upper], -1)], 2)
    faces = faces.reshape(-1, 3)
    # At a pole a whole row is one vertex, and half the triangles have no area.
    flat = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    return np.asarray(faces[~flat], dtype=np.int32)
