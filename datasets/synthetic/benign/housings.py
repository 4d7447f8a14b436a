"""Hollow things with room inside: appliances, books, loudspeakers, computers, food packs, soft toys.

Each is built around a free inner box, so that other objects can lie in it. Empty ones are benign kinds like any other:
a housing says nothing about what is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..shapes import along_y, box, cylinder, ellipsoid, extrude, rounded_box, rounded_rectangle, tube
from ..solids import Item, Kind, Solid, design_id_of
from .assembly import (
    Rng,
    Solids,
    Vector,
    between,
    boxes,
    circuit_board,
    design_generator,
    grid,
    motor,
    moved,
    pick,
    screws,
    transformer,
)

Housing = Callable[[Rng, Rng, Vector], Solids]
"""(design, instance, inner size) → solids around a free box of that size centred on the origin."""


def book(d: Rng, r: Rng, inner: Vector) -> Solids:
    """Pages between covers, with a hollow cut into them."""
    x, y, z = (v + 2 * m for v, m in zip(inner, (between(d, 12, 30), between(d, 12, 25), 2.0), strict=True))
    cover = boxes(np.array([(0, 0, -z / 2 - 1.3), (0, 0, z / 2 + 1.3)]), np.tile([x + 6, y + 5, 2.4], (2, 1)))
    spine = box((x + 6, 2.0, z + 5)).moved((0, y / 2 + 3.8, 0))
    return [
        Solid(box((x, y, z)), "paper", fill=0.8),
        Solid(box(inner), "air", inside="paper", inside_fill=0.8),
        Solid(cover, "cardboard"),
        Solid(spine, "cardboard"),
    ]


def appliance(d: Rng, r: Rng, inner: Vector) -> Solids:
    """A plastic kitchen machine: a motor or transformer and a board at one end, screws at the corners."""
    wall, bay = between(d, 2.0, 3.2), between(d, 55, 80)
    x, y, z = inner[0] + bay + 2 * wall, max(inner[1], 60.0) + 2 * wall + 4, max(inner[2], 50.0) + 2 * wall + 4
    shift, plastic = (bay / 2, 0.0, 0.0), pick(d, "abs", "polypropylene")
    radius = min(24.0, z * 0.36, y * 0.36)
    drive = motor(radius, bay * 0.65, 4) if d.random() < 0.6 else transformer((bay * 0.7, y * 0.6, z * 0.5))
    board = circuit_board(d, bay * 0.8, y * 0.85, height_mm=max(4.0, z / 2 - wall - radius - 2))
    at = (inner[0] / 2 + bay * 0.42, 0.0, 0.0)
    corners = grid(2, 2, x - 12, y - 10) + shift
    return [
        Solid(rounded_box((x, y, z), min(y, z) * 0.03).moved(shift), plastic),
        Solid(box((x - 2 * wall, y - 2 * wall, z - 2 * wall)).moved(shift), "air", inside=plastic),
        *moved(drive, at),
        *(moved(board, (at[0], 0, -z / 2 + wall + 0.3)) if radius < z / 2 - wall - 6 else ()),
        screws(corners + (0, 0, -z / 2 + wall + 5), 6, 1.5),
    ]


def computer(d: Rng, r: Rng, inner: Vector) -> Solids:
    """A sheet-metal case: power supply, boards and a fan beside the free room."""
    x, y, z = inner[0] + 70, inner[1] + 12, inner[2] + 22
    metal, sheet = pick(d, "steel", "aluminium", "steel"), between(d, 0.6, 1.2)
    at = (inner[0] / 2 + 34, 0.0, 0.0)
    return [
        Solid(box((x, y, z)).moved((35, 0, 0)), metal),
        Solid(box((x - 2 * sheet, y - 2 * sheet, z - 2 * sheet)).moved((35, 0, 0)), "air", inside=metal),
        *moved(circuit_board(d, inner[0] * 0.95, inner[1] * 0.95, height_mm=8), (0, 0, -z / 2 + sheet + 0.8)),
        *moved(transformer((40, min(46.0, y * 0.5), z * 0.5)), at),
        Solid(along_y(tube(16, 5, y * 0.1, 16)).moved((at[0], y * 0.4, 0)), "copper", fill=0.3),
    ]


def speaker_box(d: Rng, r: Rng, inner: Vector) -> Solids:
    """A wooden cabinet: driver with magnet in front, the room behind it free."""
    wall, front = between(d, 8, 14), 62.0
    y, z = max(inner[1], 90.0), max(inner[2], 80.0)
    x = inner[0] + front
    cone = min(y, z) * 0.4
    at = inner[0] / 2 + front - 4
    magnet = tube(cone * 0.6, cone * 0.25, 14, 24).turned(_STANDING).moved((at - 42, 0, 0))
    pole = cylinder(cone * 0.22, 20, 14).turned(_STANDING).moved((at - 40, 0, 0))
    basket = tube(cone, cone * 0.92, 26, 24).turned(_STANDING).moved((at - 18, 0, 0))
    return [
        Solid(box((x + 2 * wall, y + 2 * wall, z + 2 * wall)).moved((front / 2, 0, 0)), "wood"),
        Solid(box((x, y, z)).moved((front / 2, 0, 0)), "air", inside="wood"),
        Solid(magnet, "ceramic", fill=1.9),
        Solid(pole, "steel"),
        Solid(basket, pick(d, "steel", "aluminium")),
    ]


_STANDING = np.array([(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)])


def food_pack(d: Rng, r: Rng, inner: Vector) -> Solids:
    """A tin or bag of powder or grain around the room."""
    x, y, z = (v + between(d, 16, 40) for v in inner)
    stuff, fill = pick(d, "food", "sugar"), between(d, 0.5, 0.85)
    metal = d.random() < 0.4
    skin, thick = ("steel", 0.25) if metal else ("polyethylene", 0.15)
    outline = rounded_rectangle(x, y, min(x, y) * (0.3 if metal else 0.1), 4)
    inner_outline = rounded_rectangle(x - 2 * thick, y - 2 * thick, min(x, y) * (0.3 if metal else 0.1), 4)
    return [
        Solid(extrude(outline, z), skin),
        Solid(extrude(inner_outline, z - 2 * thick), stuff, skin, fill),
        Solid(box(inner), "air", inside=stuff, inside_fill=fill),
    ]


def soft_toy(d: Rng, r: Rng, inner: Vector) -> Solids:
    """A stuffed animal: wadding, glass eyes, now and then a voice box."""
    x, y, z = (v * 1.35 + 25 for v in inner)
    fill = between(d, 0.04, 0.1)
    head = y * 0.7
    ears = [ellipsoid((head * 0.35, head * 0.35, 12), 8).moved((x / 2 + head, s * head * 0.45, 0)) for s in (-1, 1)]
    limbs = [ellipsoid((x * 0.5, y * 0.3, z * 0.5), 10).moved((sx * x * 0.3, sy * (y * 0.72), 0))
             for sx in (-1, 1) for sy in (-1, 1)]  # fmt: skip
    eyes = boxes(np.array([(x / 2 + head * 0.8, s * 12.0, z * 0.42) for s in (-1, 1)]), np.full((2, 3), 6.0))
    return [
        Solid(rounded_box((x, y, z), min(y, z) * 0.4, 3), "cotton", fill=fill),
        Solid(box(inner), "air", inside="cotton", inside_fill=fill),
        Solid(ellipsoid((head, head, z * 0.8), 14).moved((x / 2 + head * 0.52, 0, 0)), "cotton", fill=fill),
        *(Solid(m, "cotton", fill=fill * 1.5) for m in (*ears, *limbs)),
        Solid(eyes, pick(d, "glass", "abs")),
    ]


HOUSINGS: dict[str, tuple[Housing, int]] = {
    "book": (book, 20),
    "appliance": (appliance, 24),
    "computer": (computer, 16),
    "speaker_box": (speaker_box, 16),
    "food_pack": (food_pack, 20),
    "soft_toy": (soft_toy, 12),
}
"""Housings by name with their number of designs."""


def house(name: str, design: int, rng: Rng, inner_mm: Vector) -> Item:
    """A housing around a free box of at least ``inner_mm`` centred on the origin."""
    solids = HOUSINGS[name][0](design_generator(name, design), rng, inner_mm)
    return Item(name, None, design_id_of(name, design), tuple(solids), {})


def _empty(name: str, design: int, rng: Rng) -> Item:
    inner = (between(rng, 110, 190), between(rng, 60, 120), between(rng, 18, 45))
    return house(name, design, rng, inner)


HOUSING_KINDS: tuple[Kind, ...] = tuple(
    Kind(name, None, designs, partial(_empty, name), 0.6) for name, (_, designs) in HOUSINGS.items()
)
"""Empty housings as kinds."""
