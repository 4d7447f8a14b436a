"""Cosmetics and care: tubes, sticks, cans and bottles, many of them cartridge-shaped."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    box,
    circle,
    coil,
    cylinder,
    extrude,
    frustum,
    joined,
    lathe,
    loft,
    rotation,
    rounded_box,
    sweep,
    tube,
)
from ..solids import Kind, Solid
from .assembly import Rng, Solids, between, boxes, circuit_board, copies, grid, kind, motor, moved, pick


def lipstick(d: Rng, r: Rng) -> Solids:
    """A metal or plastic sleeve, a cap and a wax stick; one or several in a row."""
    count, radius, length = int(d.integers(1, 7)), between(d, 8, 11), between(d, 62, 82)
    sleeve = pick(d, "aluminium", "brass", "abs")
    at = grid(1, count, 0, radius * 2 + 1)
    at[:, 0] += r.uniform(-3, 3, count)
    base, cap = length * 0.42, length * 0.56
    return [
        Solid(copies(along_x(tube(radius, radius - 1, base, 16)).moved((-cap / 2 - 1, 0, 0)), at), sleeve),
        Solid(copies(along_x(tube(radius, radius - 1, cap, 16)).moved((base / 2, 0, 0)), at), sleeve),
        Solid(copies(along_x(cylinder(radius - 1.1, 1.6, 16)).moved((length / 2 - 1, 0, 0)), at), sleeve),
        Solid(copies(along_x(cylinder(radius - 1.6, base * 0.6, 14)).moved((-cap / 2 - 2, 0, 0)), at), "polypropylene"),
        Solid(
            copies(along_x(frustum(radius * 0.62, radius * 0.3, cap * 0.5, 14)).moved((base * 0.25, 0, 0)), at),
            "cosmetic",
        ),
    ]


def cream_tube(d: Rng, r: Rng) -> Solids:
    """A squeezed tube of cream, plastic or aluminium, with a screw cap."""
    length, radius = between(d, 80, 170), between(d, 13, 27)
    level = between(r, 0.5, 1.0)
    rings, inner = [], []
    for t in np.linspace(0, 1, 7):
        flat = radius * (1 - 0.92 * t**1.6 * level)
        wide = radius * (1 + 0.35 * t)
        rings.append(np.column_stack([np.full(16, length * t), circle(1, 16) * (wide, flat)]))
        inner.append(
            np.column_stack([np.full(16, 1.5 + (length - 12) * t), circle(1, 16) * (wide - 1.5, max(flat - 0.8, 0.4))])
        )
    skin = pick(d, "polyethylene", "polyethylene", "aluminium")
    return [
        Solid(loft(np.stack(rings)), skin),
        Solid(loft(np.stack(inner)), "cosmetic", inside=skin, fill=between(d, 0.9, 1.2)),
        Solid(along_x(tube(radius * 0.7, radius * 0.6, 16, 16)).moved((-8.6, 0, 0)), "polypropylene"),
    ]


def aerosol_can(d: Rng, r: Rng) -> Solids:
    """A pressurised can: domed ends, valve, dip tube, liquid, sometimes a mixing ball."""
    radius, height = between(d, 17, 33), between(d, 90, 230)
    metal = pick(d, "steel", "aluminium", "steel")
    wall, level = (0.35 if metal == "steel" else 0.6), between(r, 0.2, 0.6) * height
    outer = [(0, 5), (radius * 0.8, 0), (radius, 1), (radius, height), (radius * 0.55, height + 14), (0, height + 14)]
    w = wall
    inner = [
        (0, 5 + w),
        (radius * 0.8, w + 0.2),
        (radius - w, 1 + w),
        (radius - w, height),
        (radius * 0.55 - w, height + 13),
        (0, height + 13),
    ]
    solids: Solids = [
        Solid(lathe(outer, 24), metal),
        Solid(lathe(inner, 24), "air", inside=metal),
        Solid(
            tube(radius - wall - 0.1, 2.4, level, 20).moved((0, 0, 7 + level / 2)),
            pick(d, "water", "cosmetic"),
            fill=0.8,
        ),
        Solid(cylinder(2.2, height - 10, 8).moved((0, 0, height / 2 + 4)), "polyethylene"),
        Solid(cylinder(8, 8, 12).moved((0, 0, height + 18.2)), "polypropylene"),
        Solid(tube(radius * 0.9, radius * 0.9 - 1.2, 30, 20).moved((0, 0, height + 29.2)), "polypropylene"),
    ]
    if d.random() < 0.3:
        solids.append(Solid(box((8, 8, 8)).moved((radius * 0.4, 0, level + 12)), "steel"))
    return solids


def spray_bottle(d: Rng, r: Rng) -> Solids:
    """A bottle with a trigger head: spring, piston and nozzle."""
    x, y, z = between(d, 60, 90), between(d, 40, 60), between(d, 120, 180)
    level = z * between(r, 0.3, 0.9)
    head = np.array([(-20, 12), (34, 18), (42, 34), (-8, 42), (-30, 30)]) + (0, z + 6)
    standing = np.array([(1.0, 0, 0), (0, 0, -1.0), (0, 1.0, 0)])
    return [
        Solid(rounded_box((x, y, z), 12).moved((0, 0, z / 2)), "polyethylene"),
        Solid(rounded_box((x - 2, y - 2, z - 2), 11).moved((0, 0, z / 2)), "air", inside="polyethylene"),
        Solid(rounded_box((x - 2.2, y - 2.2, level - 2), 12).moved((0, 0, level / 2 + 0.1)), "water"),
        Solid(extrude(head, 22).turned(standing), "polypropylene"),
        Solid(cylinder(8, 10, 14).turned(standing).moved((6, 0, z + 33)), "air", inside="polypropylene"),
        Solid(coil(4, 0.7, 5, 8).turned(standing).moved((6, 0, z + 33)), "steel"),
        Solid(sweep(np.array([(24, 0, z + 14), (26, 0, z - 8), (22, 0, z - 30)]) + (8, 0, 0), 4, 6), "abs"),
    ]


def pump_bottle(d: Rng, r: Rng) -> Solids:
    """Shampoo or lotion with a screw or pump cap."""
    radius, height, flat = between(d, 22, 38), between(d, 110, 210), between(d, 0.55, 1.0)
    level = height * between(r, 0.35, 0.95)
    return [
        Solid(cylinder(radius, height, 22).scaled((1, flat, 1)).moved((0, 0, height / 2)), "polyethylene"),
        Solid(cylinder(radius - 1.2, height - 2.4, 22).scaled((1, flat * 0.98, 1)).moved((0, 0, height / 2)), "air",
              inside="polyethylene"),
        Solid(cylinder(radius - 1.4, level - 3, 22).scaled((1, flat * 0.97, 1)).moved((0, 0, level / 2)), "cosmetic"),
        Solid(tube(12, 10, 20, 16).moved((0, 0, height + 10.2)), "polypropylene"),
        Solid(coil(5, 0.6, 6, 14).moved((0, 0, height + 10)), "steel"),
        Solid(box((42, 12, 8)).moved((10, 0, height + 25)), "polypropylene"),
    ]  # fmt: skip


def perfume(d: Rng, r: Rng) -> Solids:
    """A thick glass flask with a metal spray head."""
    x, y, z, wall = between(d, 40, 65), between(d, 26, 42), between(d, 55, 90), between(d, 4, 8)
    level = z * between(r, 0.2, 0.85)
    return [
        Solid(rounded_box((x, y, z), 5).moved((0, 0, z / 2)), "glass"),
        Solid(box((x - 2 * wall, y - 2 * wall, z - 2 * wall)).moved((0, 0, z / 2)), "air", inside="glass"),
        Solid(
            box((x - 2 * wall - 0.1, y - 2 * wall - 0.1, level * 0.7)).moved((0, 0, wall + level * 0.35)),
            "water",
            fill=0.85,
        ),
        Solid(tube(9, 6.5, 12, 16).moved((0, 0, z + 6.2)), pick(d, "aluminium", "zinc", "brass")),
        Solid(tube(12, 10.5, 32, 16).moved((0, 0, z + 28.5)), pick(d, "abs", "zinc", "aluminium")),
    ]


def compact(d: Rng, r: Rng) -> Solids:
    """A powder compact: mirror, pressed powder in metal pans, hinge."""
    count, radius = int(d.integers(1, 9)), between(d, 12, 20)
    nx = int(np.ceil(count / 2))
    at = grid(nx, 2 if count > 1 else 1, radius * 2.3, radius * 2.3)
    x, y = nx * radius * 2.3 + 8, (2 if count > 1 else 1) * radius * 2.3 + 8
    shells = joined(box((x, y, 2)).moved((0, 0, -4)), box((x, y, 2)).moved((0, 0, 6)))
    return [
        Solid(shells, "abs"),
        Solid(box((x * 0.9, y * 0.9, 1.8)).moved((0, 0, 3.9)), "glass"),
        Solid(copies(tube(radius, radius - 0.5, 4, 16), at - (0, 0, 0.9)), "steel"),
        Solid(copies(cylinder(radius - 0.7, 3.4, 16), at - (0, 0, 0.9)), "ceramic", fill=0.5),
        Solid(along_x(cylinder(1.2, x * 0.5, 8)).moved((0, y / 2 + 1.4, 1)), "steel"),
    ]


def mascara(d: Rng, r: Rng) -> Solids:
    """Thin two-part sticks with a wire brush inside."""
    count, radius, length = int(d.integers(1, 6)), between(d, 5, 8), between(d, 100, 135)
    at = grid(1, count, 0, radius * 2 + 1.0)
    return [
        Solid(copies(along_x(cylinder(radius, length, 14)), at), "abs"),
        Solid(
            copies(along_x(cylinder(radius - 1.6, length * 0.5, 12)).moved((-length * 0.22, 0, 0)), at),
            "cosmetic",
            inside="abs",
        ),
        Solid(
            copies(along_x(cylinder(0.8, length * 0.46, 6)).moved((-length * 0.2, 0, 0)), at),
            "steel",
            inside="cosmetic",
        ),
    ]


def soap(d: Rng, r: Rng) -> Solids:
    """Bars of soap in paper."""
    x, y, z = between(d, 70, 100), between(d, 45, 65), between(d, 22, 36)
    return [Solid(rounded_box((x + 1, y + 1, z + 1), 8, 3), "paper"),
            Solid(rounded_box((x, y, z), 8, 3), pick(d, "cosmetic", "polyethylene"), "paper", 1.05)]  # fmt: skip


def hair_dryer(d: Rng, r: Rng) -> Solids:
    """A pistol-shaped blower: fan motor, heating coils on mica, handle with switch and cable."""
    length, radius = between(d, 130, 200), between(d, 32, 46)
    nozzle, grip = radius * between(d, 0.55, 0.9), between(d, 105, 140)
    profile = [(0, 0), (radius, 0), (radius, length * 0.55), (nozzle, length), (0, length)]
    inner = [(0, 2), (radius - 2.2, 2), (radius - 2.2, length * 0.55), (nozzle - 2.2, length + 0.0), (0, length)]
    inner[3:] = [(nozzle - 2.2, length - 0.5), (0, length - 0.5)]
    lean = between(d, -15, 25)
    handle = np.array([(14, 0), (50, 0), (48 - lean, -grip), (16 - lean, -grip)]) + (0, -radius)
    hollow = (handle - handle.mean(0)) * (0.84, 0.95) + handle.mean(0)
    wires = [
        along_x(coil(radius * k, 0.6, 7, length * 0.35, per_turn=7, segments=3)).moved((length * 0.58, 0, 0))
        for k in (0.3, 0.55)
    ]
    mica = joined(box((length * 0.4, radius * 1.1, 0.6)).moved((length * 0.58, 0, 0)))
    cord = np.array(
        [
            (30 - lean, -grip - radius, 0),
            (20, -grip - radius - 50, 0),
            (110, -grip - radius - 30, 0),
            (150, -grip - 10, 0),
        ]
    )
    return [
        Solid(along_x(lathe(profile, 22)), "abs"),
        Solid(along_x(lathe(inner, 22)), "air", inside="abs"),
        *moved(motor(radius * 0.4, 36, 8), (length * 0.18, 0, 0)),
        Solid(joined(*wires), "steel"),
        Solid(mica, "ceramic", fill=0.7),
        Solid(extrude(handle, 30), "abs"),
        Solid(extrude(hollow, 25), "air", inside="abs"),
        Solid(boxes(np.array([(32, -radius - 30, 0), (28 - lean / 2, -radius - 62, 0)]),
                    np.array([(12, 22, 10), (8, 14, 8)])), "brass", fill=0.5),
        Solid(sweep(cord, 3.4, 7), "pvc"),
        Solid(sweep(cord, 1.5, 5), "copper", inside="pvc"),
    ]  # fmt: skip


def toothbrush(d: Rng, r: Rng) -> Solids:
    """An electric toothbrush: slim motor handle with a cell and a steel shaft."""
    radius, length = between(d, 13, 16), between(d, 150, 180)
    return [
        Solid(along_x(tube(radius, radius - 2.2, length, 18)), "abs"),
        *moved(motor(radius * 0.6, 30, 40), (length * 0.28, 0, 0)),
        Solid(along_x(cylinder(7, 48, 14)).moved((-length * 0.08, 0, 0)), "lithium_cell"),
        *moved(circuit_board(d, 50, 8, height_mm=3), (-length * 0.1, 0, -9.2))[:1],
        Solid(along_x(coil(8, 0.8, 8, 16)).moved((-length * 0.42, 0, 0)), "copper"),
        Solid(along_x(cylinder(5, 60, 10)).moved((length / 2 + 52, 0, 0)), "polypropylene"),
    ]


def scissors(d: Rng, r: Rng) -> Solids:
    """Two blades on a pivot with plastic bows."""
    blade, opening = between(d, 35, 130), between(r, 1, 18)
    half = np.array([(blade, 0), (0, -4), (-blade * 0.3, -12), (-blade * 0.35, -6), (0, 5), (blade * 0.4, 6)])
    solids: Solids = []
    plastic = pick(d, "abs", "polypropylene", "steel")
    bow, angle = between(d, 13, 22), np.linspace(0, 2 * np.pi, 15)[:-1]
    ring = np.column_stack([bow * 1.4 * np.cos(angle), bow * np.sin(angle), 0 * angle])
    for side in (1, -1):
        turn = rotation("z", side * opening)
        steel = extrude(half * (1, side), 1.6).moved((0, 0, side * 0.9))
        at = (-blade * 0.35 - bow * 1.5 - 3, -side * (bow + 9), 0.0)
        solids += [Solid(steel.turned(turn), "steel"), Solid(sweep(ring + at, 4, 7, closed=True).turned(turn), plastic)]
    return [*solids, Solid(cylinder(3.5, 1.2, 10).moved((0, 1, 2.5)), "steel")]


COSMETICS: tuple[Kind, ...] = (
    kind("lipstick", lipstick, 20, 1.3),
    kind("cream_tube", cream_tube, 20, 1.2),
    kind("aerosol_can", aerosol_can, 20, 1.3),
    kind("spray_bottle", spray_bottle, 12),
    kind("pump_bottle", pump_bottle, 16),
    kind("perfume", perfume, 16),
    kind("compact", compact, 16),
    kind("mascara", mascara, 16),
    kind("soap", soap, 12),
    kind("hair_dryer", hair_dryer, 24, 1.5),
    kind("toothbrush", toothbrush, 12),
    kind("scissors", scissors, 16),
)
"""Care and cosmetics."""
