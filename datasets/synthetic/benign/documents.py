"""Paper and what goes with it: books, magazines, ring binders, cards, discs."""

from __future__ import annotations

import numpy as np

from ..shapes import box, coil, cylinder, extrude, joined, rounded_rectangle, torus, tube
from ..solids import Kind, Solid
from .assembly import Rng, Solids, between, boxes, copies, grid, kind, pick


def plain_book(d: Rng, r: Rng) -> Solids:
    """A bound book."""
    x, y, z = between(d, 150, 290), between(d, 100, 210), between(d, 10, 50)
    cover = between(d, 0.4, 2.6)
    both = boxes(
        np.array([(0, 0, s * (z / 2 + cover / 2 + 0.1)) for s in (-1, 1)]), np.tile([x + 4, y + 3, cover], (2, 1))
    )
    return [Solid(box((x, y, z)), "paper", fill=between(d, 0.7, 0.95)), Solid(both, "cardboard")]


def journals(d: Rng, r: Rng) -> Solids:
    """Journals and brochures with wire staples, not quite aligned."""
    solids: Solids = []
    z = 0.0
    staples = []
    for _ in range(int(d.integers(2, 9))):
        x, y, thick = between(d, 200, 300), between(d, 140, 215), between(d, 1.5, 7)
        shift = (between(r, -8, 8), between(r, -8, 8), z + thick / 2)
        solids.append(Solid(box((x, y, thick)).moved(shift), "paper", fill=0.85))
        staples.append(boxes(grid(2, 1, x * 0.4, 0) + shift + (0, y / 2 + 0.4, 0), np.tile([11.0, 0.6, 0.6], (2, 1))))
        z += thick + 0.2
    return [*solids, Solid(joined(*staples), "steel")]


def ring_binder(d: Rng, r: Rng) -> Solids:
    """Board covers, steel ring mechanism, sheets."""
    x, y, z = between(d, 240, 310), between(d, 180, 270), between(d, 22, 70)
    rings = copies(torus(min(z * 0.3, 22), 1.6, 18, 5).turned(np.array([(0.0, 0, 1), (0, 1, 0), (-1, 0, 0)])),
                   grid(int(d.integers(2, 5)), 1, 80, 0) + (0, -y * 0.38, 0))  # fmt: skip
    rail = box((x * 0.7, 12, 3)).moved((0, -y / 2 + 8.0, 0))
    return [
        Solid(boxes(np.array([(0, 0, s * (z / 2 + 1.3)) for s in (-1, 1)]), np.tile([x, y, 2.4], (2, 1))), "cardboard"),
        Solid(box((x * 0.94, y * 0.66, z * between(r, 0.2, 0.8))).moved((0, y * 0.12, 0)), "paper", fill=0.8),
        Solid(rings, "steel"),
        Solid(rail, "steel"),
    ]


def spiral_notebook(d: Rng, r: Rng) -> Solids:
    """A notebook on a wire spiral."""
    x, y, z = between(d, 140, 290), between(d, 100, 200), between(d, 5, 16)
    wire = coil(z * 0.55 + 1.5, 0.7, min(26, x / 9), x * 0.94, per_turn=7, segments=4)
    turned = wire.turned(np.array([(0.0, 0, 1), (0, 1, 0), (-1, 0, 0)]))
    return [Solid(box((x, y, z)), "paper", fill=0.85), Solid(turned.moved((0, y / 2 + z * 0.55 + 2.6, 0)), "steel")]


def discs(d: Rng, r: Rng) -> Solids:
    """Compact discs in cases."""
    count = int(d.integers(1, 12))
    at = np.column_stack([np.zeros((count, 2)), np.arange(count) * 10.4])
    cases = boxes(np.concatenate([at + (0, 0, 4.2), at - (0, 0, 4.2)]), np.tile([142.0, 125.0, 1.4], (2 * count, 1)))
    return [Solid(cases, "polycarbonate"), Solid(copies(tube(60, 7.5, 1.2, 28), at), "polycarbonate")]


def cards_and_letters(d: Rng, r: Rng) -> Solids:
    """A bundle of letters, cards, photographs with a clip or rubber bands."""
    x, y, z = between(d, 90, 240), between(d, 60, 160), between(d, 2, 24)
    clip = extrude(rounded_rectangle(34, 22, 3, 2), 0.8).moved((x * 0.44, 0, z / 2 + 0.8))
    return [Solid(box((x, y, z)), "paper", fill=0.8), Solid(clip, "steel"),
            Solid(boxes(grid(2, 1, x * 0.4, 0, -z / 2 - 0.7), np.tile([4.0, y, 1.0], (2, 1))), "rubber")]  # fmt: skip


def stationery_case(d: Rng, r: Rng) -> Solids:
    """A tin of pencils, compasses, ruler, sharpener."""
    x, y, z = between(d, 180, 220), between(d, 60, 100), between(d, 18, 30)
    pencils = boxes(grid(1, 7, 0, y / 9, -z * 0.2), np.tile([x * 0.85, 6.0, 6.0], (7, 1)))
    compass = boxes(np.array([(0, -6, z * 0.22), (0, 6, z * 0.22)]), np.tile([120.0, 4.5, 3.0], (2, 1)))
    metal = pick(d, "steel", "aluminium", "polypropylene")
    wall = 0.4 if metal == "steel" else 1.2
    return [
        Solid(box((x, y, z)), metal),
        Solid(box((x - 2 * wall, y - 2 * wall, z - 2 * wall)), "air", inside=metal),
        Solid(pencils, "wood"),
        Solid(compass, pick(d, "brass", "zinc", "steel")),
        Solid(box((24, 14, 5)).moved((x * 0.38, y * 0.25, z * 0.25)), pick(d, "zinc", "magnesium", "brass")),
        Solid(cylinder(4, 3, 10).moved((x * 0.4, -y * 0.25, z * 0.2)), "steel"),
    ]


DOCUMENTS: tuple[Kind, ...] = (
    kind("plain_book", plain_book, 20, 1.5),
    kind("journals", journals, 12),
    kind("ring_binder", ring_binder, 12),
    kind("spiral_notebook", spiral_notebook, 12),
    kind("discs", discs, 8),
    kind("cards_and_letters", cards_and_letters, 12),
    kind("stationery_case", stationery_case, 16),
)
"""Paper goods."""
