"""Ironmongery, office and workshop goods: handles, hinges, screws, blocks, magnets, staplers, tape."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    circle,
    coil,
    cylinder,
    extrude,
    joined,
    lathe,
    rounded_rectangle,
    smooth,
    spline,
    sweep,
    tube,
)
from ..solids import Kind, Solid
from .assembly import Rng, Solids, between, boxes, copies, grid, kind, moved, pick, rectangle, screw, spring


def door_handle(d: Rng, r: Rng) -> Solids:
    """A lever on a plate with its square spindle."""
    metal = pick(d, "aluminium", "zinc", "steel", "brass")
    reach = between(d, 105, 135)
    lever = spline(np.array([(0, 0, 0), (0, 0, 34), (14, 0, 48), (reach, 0, 48), (reach + 6, 0, 40)]), 4)
    plate = extrude(rounded_rectangle(42, between(d, 42, 230), 8), 7, holes=(circle(8.5, 12), circle(2.5, 8) + (0, 16)))
    return [Solid(sweep(lever, 8, 8), metal), Solid(plate, metal), Solid(box((8, 8, 55)).moved((0, 0, -36)), "steel")]


def hinges(d: Rng, r: Rng) -> Solids:
    """Pairs of leaves with screw holes on a pin."""
    count, x, y = int(d.integers(1, 5)), between(d, 30, 70), between(d, 45, 110)
    holes = [circle(2.6, 8) + (x * 0.28, s * y * 0.32) for s in (-1, 0, 1)]
    leaf = extrude(rectangle(x * 0.9, y), 2.2, holes=holes)
    pin = along_y(cylinder(4.2, y, 10))
    one = joined(leaf.moved((x / 2 + 4.3, 0, 0)), leaf.scaled((1, 1, 1)).moved((-x / 2 - 4.3, 0, 0)), pin)
    return [
        Solid(copies(one, grid(count, 1, 0, 0) + np.arange(count)[:, None] * (0, 0, 8.8)), pick(d, "steel", "brass"))
    ]


def screw_bag(d: Rng, r: Rng) -> Solids:
    """A heap of screws, nails, nuts or bolts in a bag."""
    count, length, radius = int(d.integers(10, 34)), between(d, 14, 70), between(d, 1.3, 3.5)
    one = along_x(screw(length, radius))
    nx = max(1, int(130 / (length + 6)))
    at = grid(nx, int(np.ceil(count / nx)), length + 6 * radius, radius * 4.2)[:count]
    at[:, 2] = r.uniform(-6, 6, len(at))
    return [Solid(copies(one, at), pick(d, "steel", "steel", "brass", "zinc"))]


def nuts_and_washers(d: Rng, r: Rng) -> Solids:
    """Rings and hexagons, lying any way."""
    count, radius = int(d.integers(6, 24)), between(d, 4, 13)
    at = grid(6, 4, radius * 2.5, radius * 2.5)[r.permutation(24)[:count]]
    sides = 6 if d.random() < 0.5 else 16
    nut = tube(radius, radius * 0.55, between(d, 1.2, radius), sides)
    half = count // 2
    standing = [s for s in (copies(nut, at[:half]), copies(along_y(nut), at[half:])) if len(s.faces)]
    return [Solid(m, pick(d, "steel", "brass", "zinc")) for m in standing]


def metal_block(d: Rng, r: Rng) -> Solids:
    """A dense block, bar or weight: opaque, straight-edged."""
    x, y, z = between(d, 40, 150), between(d, 20, 80), between(d, 8, 45)
    metal = pick(d, "steel", "steel", "lead", "brass", "copper", "aluminium", "zinc")
    if d.random() < 0.4:
        return [Solid(cylinder(y / 2, x * 0.6, 24), metal)]
    holes = [circle(between(d, 2, 6), 10) + p[:2] for p in grid(2, 1, x * 0.5, 0)] if d.random() < 0.5 else []
    return [Solid(extrude(rounded_rectangle(x, max(y, 20), 3), z, holes=holes), metal)]


def metal_bundle(d: Rng, r: Rng) -> Solids:
    """Offcuts: plates, rods, angles, tubes side by side."""
    count = int(d.integers(4, 11))
    metal, solids = pick(d, "steel", "aluminium", "brass"), []
    for k in range(count):
        length, y = between(d, 50, 190), k * 15.0
        shape = int(d.integers(4))
        if shape == 0:
            mesh = box((length, between(d, 5, 14), between(d, 1.5, 6)))
        elif shape == 1:
            mesh = along_x(cylinder(between(d, 1.5, 7), length, 12))
        elif shape == 2:
            mesh = along_x(tube(7, between(d, 4, 6), length, 14))
        else:
            corner = np.array([(-6, -6), (6, -6), (6, -4), (-4, -4), (-4, 6), (-6, 6)])
            mesh = along_x(extrude(corner, length))
        solids.append(Solid(mesh.moved((between(r, -20, 20), y, between(r, -3, 3))), metal))
    return solids


def magnets(d: Rng, r: Rng) -> Solids:
    """Stacks of disc or bar magnets."""
    radius, count = between(d, 5, 20), int(d.integers(2, 10))
    rod = along_x(cylinder(radius, 4.0, 18))
    at = np.column_stack([np.arange(count) * 4.1, np.zeros((count, 2))])
    if d.random() < 0.4:
        return [
            Solid(tube(radius * 2, radius, 10, 24), "ceramic", fill=1.9),
            Solid(cylinder(radius * 2, 3, 24).moved((0, 0, 6.6)), "steel"),
        ]
    return [Solid(copies(rod, at), "steel")]


def foil_roll(d: Rng, r: Rng) -> Solids:
    """Aluminium foil or wrapping film wound on a cardboard core."""
    length, radius = between(d, 200, 310), between(d, 16, 30)
    material = pick(d, "aluminium", "polyethylene", "paper")
    return [
        Solid(along_x(tube(radius, 15, length, 22)), material, fill=0.85),
        Solid(along_x(tube(14.9, 13.4, length, 20)), "cardboard"),
    ]


def stapler(d: Rng, r: Rng) -> Solids:
    """A desk stapler: channel, row of staples, spring, plastic cover: a magazine-like strip."""
    x, y, z = between(d, 100, 160), between(d, 16, 26), between(d, 35, 55)
    cover = smooth(np.array([(-x / 2, 4), (x / 2, 4), (x / 2, 16), (0, z * 0.55), (-x / 2, z * 0.6)]), 1)
    base = box((x * 1.05, y * 1.4, 3)).moved((0, 0, -6))
    standing = np.array([(1.0, 0, 0), (0, 0, -1.0), (0, 1.0, 0)])
    plastic = pick(d, "abs", "steel", "polypropylene")
    hollow = (cover - cover.mean(0)) * (0.94, 0.76) + cover.mean(0)
    return [
        Solid(extrude(cover, y).turned(standing), plastic),
        Solid(extrude(hollow, y - 3).turned(standing), "air", inside=plastic),
        Solid(along_x(box((y * 0.5, y * 0.7, x * 0.4))).moved((x * 0.2, 0, 10.5)), "steel", fill=0.6),
        Solid(along_x(coil(2.6, 0.5, 12, x * 0.35, per_turn=6, segments=3)).moved((-x * 0.22, 0, 11)), "steel"),
        Solid(box((x * 0.95, y * 0.6, 1.2)).moved((0, 0, 0.5)), "steel"),
        Solid(base, "steel"),
    ]


def tape_dispenser(d: Rng, r: Rng) -> Solids:
    """A hand dispenser with grip, roll of tape and saw-toothed blade: pistol-shaped."""
    radius = between(d, 38, 60)
    frame = smooth(
        np.array([(-20, -20), (radius, -18), (radius * 1.9, 4), (radius * 1.9, 16), (radius, 10), (0, 24)]), 1
    )
    grip = smooth(np.array([(-8, -20), (24, -20), (12, -120), (-24, -118)]), 1)
    metal = pick(d, "steel", "abs")
    return [
        Solid(extrude(frame, 3).moved((0, 0, -27)), metal),
        Solid(extrude(grip, 24), "abs"),
        Solid(tube(radius, radius * 0.66, 48, 26).moved((-radius * 0.3, radius * 0.62 + 30, 0)), "polypropylene"),
        Solid(cylinder(radius * 0.6, 20, 20).moved((-radius * 0.3, radius * 0.62 + 30, 0)), "nylon", fill=0.6),
        Solid(box((3, 24, 44)).moved((radius * 1.95 + 2, 12, 0)), "steel"),
    ]


def springs(d: Rng, r: Rng) -> Solids:
    """A handful of coil springs."""
    solids: Solids = []
    for k in range(int(d.integers(2, 7))):
        radius, length = between(d, 4, 15), between(d, 25, 95)
        one = spring(radius, length, between(d, 0.8, radius * 0.3), max(4.0, min(14.0, length / 6)))
        solids += moved([one], (between(r, -10, 10), k * 34.0, 0))
    return solids


def sewing_kit(d: Rng, r: Rng) -> Solids:
    """Reels of thread, needles, pins, thimble, buttons."""
    reels = grid(4, 2, between(d, 25, 32), 30)[: int(d.integers(3, 8))]
    pins = boxes(grid(1, 12, 0, 4) + (0, 62, 0), np.tile([36.0, 0.9, 0.9], (12, 1)))
    return [
        Solid(copies(tube(11, 4.2, 26, 14), reels), "cotton", fill=0.55),
        Solid(copies(tube(12, 3, 2.2, 14), reels + (0, 0, 14.2)), "polypropylene"),
        Solid(pins, "steel"),
        Solid(
            lathe([(0, 18), (7.5, 18), (9, 0), (8.4, 0), (7, 17.4), (0, 17.4)], 14).moved((50, 62, -8)),
            pick(d, "steel", "brass"),
        ),
    ]


def castors(d: Rng, r: Rng) -> Solids:
    """Furniture or trolley wheels in their forks."""
    count, radius = int(d.integers(1, 5)), between(d, 18, 36)
    wheel = tube(radius, radius * 0.3, radius * 0.7, 20)
    fork = boxes(
        np.array([(0, radius * 0.62, s * radius * 0.44) for s in (-1, 1)]),
        np.tile([radius * 0.7, radius * 1.6, 2.4], (2, 1)),
    )
    top = box((radius * 1.3, 2.6, radius * 1.3)).moved((0, radius * 1.5, 0))
    at = grid(count, 1, radius * 2.3, 0)
    return [
        Solid(copies(wheel, at), pick(d, "rubber", "nylon", "polypropylene")),
        Solid(copies(cylinder(radius * 0.27, radius * 0.8 - 2, 12), at), "steel"),
        Solid(copies(joined(fork, top), at), "steel"),
    ]


def drawer_rail(d: Rng, r: Rng) -> Solids:
    """A telescopic rail of folded sheet with balls and holes."""
    length, width = between(d, 220, 460), between(d, 24, 46)
    profile = np.array(
        [(0, 0), (width, 0), (width, 8), (width - 1.4, 8), (width - 1.4, 1.4), (1.4, 1.4), (1.4, 8), (0, 8)]
    )
    rail = along_x(extrude(profile - (width / 2, 0), length))
    balls = boxes(grid(14, 2, length * 0.06, width * 0.72) + (0, 0, 5), np.full((28, 3), 3.4))
    return [Solid(rail, "steel"), Solid(rail.scaled((0.9, 0.7, 0.8)).moved((between(r, -20, 60), 0, 2.0)), "steel"),
            Solid(balls.moved((0, 0, 8)), "steel")]  # fmt: skip


def electric_box(d: Rng, r: Rng) -> Solids:
    """Switches, sockets and terminal strips: plastic with many brass clamps."""
    count = int(d.integers(1, 5))
    at = grid(count, 1, 84, 0)
    clamps = np.concatenate([grid(3, 3, 20, 20) + p for p in at])
    return [
        Solid(
            copies(
                joined(
                    extrude(rectangle(80, 80), 36, holes=(rectangle(74, 74),)), box((80, 80, 3)).moved((0, 0, 19.6))
                ),
                at,
            ),
            "abs",
        ),
        Solid(boxes(clamps, np.tile([9.0, 8.0, 9.0], (len(clamps), 1))), "brass", fill=0.75),
        Solid(copies(cylinder(1.8, 8, 8), clamps + (0, 0, 8.8)), "steel"),
    ]


HARDWARE: tuple[Kind, ...] = (
    kind("door_handle", door_handle, 16),
    kind("hinges", hinges, 16),
    kind("screw_bag", screw_bag, 24, 1.3),
    kind("nuts_and_washers", nuts_and_washers, 16),
    kind("metal_block", metal_block, 28, 1.3),
    kind("metal_bundle", metal_bundle, 28, 1.5),
    kind("magnets", magnets, 16),
    kind("foil_roll", foil_roll, 12),
    kind("stapler", stapler, 20, 1.2),
    kind("tape_dispenser", tape_dispenser, 16),
    kind("springs", springs, 16),
    kind("sewing_kit", sewing_kit, 16),
    kind("castors", castors, 16),
    kind("drawer_rail", drawer_rail, 12),
    kind("electric_box", electric_box, 16),
)
"""Goods of workshop, office and house."""
