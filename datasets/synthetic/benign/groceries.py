"""Food as it is bought: fruit, nuts, bars, sacks of grain. Round organic masses, the bulk of many bags."""

from __future__ import annotations

import numpy as np

from ..shapes import ellipsoid, joined, sphere
from ..sheets import bulged, creases, noise, warped_field
from ..solids import Kind, Mesh, Solid
from .assembly import Rng, Solids, between, boxes, copies, kind, pick

_HEXAGONAL = np.sqrt(3) / 2


def _heap(r: Rng, piece: Mesh, pitch_mm: float, reach_mm: float, layers: int) -> Mesh:
    """Equal pieces lying in the hollows of each other, the outline of the heap irregular."""
    places = []
    for layer in range(layers):
        count = max(1, int(reach_mm / pitch_mm) - layer)
        i, j = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        x = (i + 0.5 * (j % 2) - count / 2) * pitch_mm
        y = (j - count / 2) * pitch_mm * _HEXAGONAL
        within = np.hypot(x, y) < reach_mm / 2 * r.uniform(0.75, 1.1, x.shape)
        within[count // 2, count // 2] = True
        places.append(np.column_stack([x[within], y[within], np.full(int(within.sum()), layer * pitch_mm * 0.95)]))
    at = np.concatenate(places)
    return copies(piece, at + r.uniform(-0.04, 0.04, at.shape) * pitch_mm)


def fruit(d: Rng, r: Rng) -> Solids:
    """A bag of oranges, apples, potatoes, eggs: a few large round things."""
    size = between(d, 40, 85)
    shape = ellipsoid((size, size * between(d, 0.75, 1.0), size * between(d, 0.75, 1.0)), 12)
    heap = _heap(r, shape, size * 1.1, size * between(r, 1.8, 4.2), int(r.integers(1, 3)))
    return [Solid(heap, pick(d, "food", "food", "water"), fill=between(d, 0.75, 1.0))]


def nuts(d: Rng, r: Rng) -> Solids:
    """Nuts, beans, sweets or dates in a thin bag: many small pieces that make a mottled field."""
    size = between(d, 12, 26)
    shape = sphere(size / 2, 6) if d.random() < 0.4 else ellipsoid((size, size * 0.6, size * 0.6), 6)
    heap = _heap(r, shape, size * 1.15, size * between(r, 5.0, 8.0), int(r.integers(1, 4)))
    return [Solid(heap, pick(d, "food", "sugar"), fill=between(d, 0.6, 1.0))]


def grain_sack(d: Rng, r: Rng) -> Solids:
    """Rice, flour, sugar or coffee in a pillow of paper or film."""
    shape = (26, 20)
    size = (between(d, 130, 260), between(d, 90, 180))
    x, y = bulged(r, shape, size, between(d, 0.2, 0.6))
    u, v = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    pillow = np.sqrt(np.clip((1 - u**4) * (1 - v**4), 0, 1))
    half = between(d, 14, 38) * pillow * (1 + 0.12 * noise(r, shape, 4)) + 0.8 + creases(r, shape, 4)
    half = np.maximum(half, 0.5)
    return [Solid(warped_field(-half, half, x, y), pick(d, "food", "sugar"), fill=between(d, 0.5, 0.95))]


def bars(d: Rng, r: Rng) -> Solids:
    """Blocks in rows: chocolate, soap, stock cubes, a pack of instant meals."""
    block = (between(d, 12, 38), between(d, 10, 30), between(d, 6, 22))
    rows, columns, layers = int(d.integers(3, 9)), int(d.integers(3, 7)), int(d.integers(1, 3))
    i, j, k = (q.ravel() for q in np.meshgrid(range(rows), range(columns), range(layers), indexing="ij"))
    pitch = np.array(block) + between(d, 0.8, 3.0)
    at = np.column_stack([i, j, k]) * pitch + r.normal(0, 0.2, (len(i), 3))
    return [Solid(boxes(at, np.tile(block, (len(at), 1))), pick(d, "food", "sugar", "cosmetic"), fill=1.0)]


def sausages(d: Rng, r: Rng) -> Solids:
    """Sausages, bananas or candles of wax paper side by side, slightly bent."""
    length, thick = between(d, 110, 220), between(d, 22, 45)
    pieces = [
        ellipsoid((length * between(r, 0.9, 1.05), thick, thick), 14).moved((r.normal(0, 6), n * thick * 1.03, 0))
        for n in range(int(r.integers(2, 6)))
    ]
    return [Solid(joined(*pieces), "food")]


GROCERIES: tuple[Kind, ...] = (
    kind("fruit", fruit, 24, 1.5),
    kind("nuts", nuts, 20, 1.3),
    kind("grain_sack", grain_sack, 20, 1.5),
    kind("bars", bars, 24),
    kind("sausages", sausages, 12),
)
"""Food without vessels."""
