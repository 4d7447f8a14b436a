"""Kitchen: machines with motors, pots of thin metal, glass and porcelain, cutlery, packed food."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    coil,
    cylinder,
    ellipsoid,
    extrude,
    frustum,
    joined,
    lathe,
    rotation,
    rounded_box,
    rounded_rectangle,
    smooth,
    spline,
    sweep,
    tube,
)
from ..solids import Kind, Solid
from .assembly import (
    Rng,
    Solids,
    between,
    boxes,
    circuit_board,
    copies,
    grid,
    kind,
    motor,
    moved,
    pick,
    rectangle,
    ring,
    transformer,
    turned,
)


def _vessel(radius: float, height: float, wall: float, taper: float = 1.0) -> np.ndarray:
    """Profile of an open vessel with a flat bottom; ``taper`` is the mouth's radius to the bottom's."""
    top = radius * taper
    return np.array([(0, 0), (radius, 0), (top, height), (top - wall, height), (radius - wall, wall), (0, wall)])


def kitchen_knife(d: Rng, r: Rng) -> Solids:
    """A blade whose tang runs into a riveted handle."""
    blade, width, handle = between(d, 80, 240), between(d, 18, 46), between(d, 90, 125)
    outline = np.array([(0, 0), (blade * 0.75, 0.02 * width), (blade, width * between(d, 0.5, 1.0)), (0, width)])
    thick = between(d, 1.4, 2.6)
    grip = pick(d, "abs", "wood", "nylon")
    tang = box((handle * 0.85, width * 0.35, thick)).moved((-handle * 0.43, width * 0.65, 0))
    rivets = grid(3, 1, handle * 0.26, 0) + (-handle * 0.45, width * 0.65, 0)
    body = rounded_box((handle, max(17.0, width * 0.6), 15), 5).moved((-handle / 2 - 0.1, width * 0.65, 0))
    return [
        Solid(extrude(outline, thick), "steel"),
        Solid(body, grip),
        Solid(tang, "steel", inside=grip),
        Solid(
            copies(cylinder(2.8, (15 - thick) / 2 - 0.3, 8), rivets + (0, 0, thick / 2 + (15 - thick) / 4)),
            "brass",
            inside=grip,
        ),
    ]


def cutlery(d: Rng, r: Rng) -> Solids:
    """Spoons, forks and knives in a bundle."""
    count, length = int(d.integers(3, 9)), between(d, 150, 210)
    solids: Solids = []
    for k in range(count):
        handle = [(-length * 0.5, -6), (length * 0.18, -2.8), (length * 0.18, 2.8), (-length * 0.5, 6)]
        y, z = (k % 4) * 25.0, (k // 4) * 9.0
        flip = rotation("z", 180.0 * float(r.integers(2)))
        shaft = extrude(np.array(handle), 2.2)
        style = k % 3
        if style == 0:
            head = ellipsoid((length * 0.3, 21, 4), 12).moved((length * 0.33, 0, 0))
        elif style == 1:
            tines = boxes(grid(1, 4, 0, 5.4) + (length * 0.38, 0, 0), np.tile([length * 0.22, 2.4, 1.8], (4, 1)))
            head = joined(box((14, 20, 1.8)).moved((length * 0.18 + 7.2, 0, 0)), tines)
        else:
            head = extrude(smooth(np.array([(0, -6), (length * 0.34, -8), (length * 0.34, 4), (0, 8)]), 1), 1.6)
            head = head.moved((length * 0.19, 0, 0))
        solids += [Solid(m.turned(flip).moved((0, y, z)), "steel") for m in (shaft, head)]
    return solids


def cup(d: Rng, r: Rng) -> Solids:
    """A mug with a handle."""
    radius, height, wall = between(d, 34, 48), between(d, 75, 115), between(d, 3, 5.5)
    body = lathe(_vessel(radius, height, wall, between(d, 0.95, 1.1)), 28)
    arc = np.linspace(-1.2, 1.2, 9)
    handle = np.column_stack([radius * 1.1 + 22 * np.cos(arc), 0 * arc, height / 2 + height * 0.33 * np.sin(arc)])
    material = pick(d, "ceramic", "ceramic", "glass", "steel")
    return [Solid(body, material), Solid(sweep(handle + (1.5, 0, 0), 5, 8), material)]


def plates(d: Rng, r: Rng) -> Solids:
    """A stack of plates or bowls."""
    count, radius, wall = int(d.integers(1, 6)), between(d, 75, 130), between(d, 3, 5)
    depth = between(d, 12, 40)
    profile = [(0, 0), (radius * 0.55, 0), (radius, depth), (radius, depth + wall), (radius * 0.55, wall), (0, wall)]
    plate = lathe(profile, 28)
    at = np.column_stack([np.zeros((count, 2)), np.arange(count) * (wall * 2.2 + 1)])
    return [Solid(copies(plate, at), pick(d, "ceramic", "ceramic", "glass"))]


def drinking_glass(d: Rng, r: Rng) -> Solids:
    """Tumbler or stemmed glass."""
    radius, height, wall = between(d, 28, 42), between(d, 75, 130), between(d, 1.8, 4)
    if d.random() < 0.5:
        return [Solid(lathe(_vessel(radius, height, wall, 1.1), 26), "glass")]
    stem = [(0, 0), (radius * 0.9, 0), (5, 4), (4, 70), (radius * 0.8, 95), (radius, 150), (radius - wall, 150)]
    return [Solid(lathe([*stem, (radius * 0.8 - wall, 98), (0, 80)], 26), "glass")]


def bottle(d: Rng, r: Rng) -> Solids:
    """A bottle of glass or plastic with drink, oil or sauce inside."""
    radius, height = between(d, 24, 45), between(d, 140, 310)
    glass = d.random() < 0.5
    material, wall = ("glass", between(d, 2.5, 4.5)) if glass else (pick(d, "polyethylene", "polycarbonate"), 0.7)
    neck, shoulder = radius * 0.33, height * between(d, 0.6, 0.8)
    level = height * between(r, 0.3, 0.6)
    body = [(0, 0), (radius, 0), (radius, shoulder), (neck, height * 0.88), (neck, height), (0, height)]
    w = wall
    hollow = [
        (0, w),
        (radius - w, w),
        (radius - w, shoulder),
        (neck - w * 0.6, height * 0.88),
        (neck - w * 0.6, height - 1),
        (0, height - 1),
    ]
    drink = [(0, w), (radius - w - 0.05, w), (radius - w - 0.05, level), (0, level)]
    cap = tube(neck + 2.5, neck + 0.2, 18, 20).moved((0, 0, height - 9.5))
    return [
        Solid(lathe(body, 24), material),
        Solid(lathe(hollow, 24), "air", inside=material),
        Solid(lathe(drink, 24).scaled(0.999).moved((0, 0, 0.2)), pick(d, "water", "water", "cosmetic", "food")),
        Solid(cap, pick(d, "aluminium", "polyethylene")),
    ]


def jar(d: Rng, r: Rng) -> Solids:
    """A glass jar of preserves with a tinplate lid."""
    radius, height, wall = between(d, 26, 48), between(d, 60, 150), between(d, 2.5, 4)
    level = (height - 8) * between(d, 0.6, 0.98)
    return [
        Solid(cylinder(radius, height, 24).moved((0, 0, height / 2)), "glass"),
        Solid(cylinder(radius - wall, height - 2 * wall, 24).moved((0, 0, height / 2)), "air", inside="glass"),
        Solid(cylinder(radius - wall - 0.1, level - 2 * wall, 24).moved((0, 0, level / 2)),
              pick(d, "food", "sugar", "cosmetic")),
        Solid(lathe([(0, 0.4), (radius, 0.4), (radius, -10), (radius + 0.6, -10), (radius + 0.6, 1), (0, 1)], 24)
              .moved((0, 0, height + 0.2)), "steel"),
    ]  # fmt: skip


def food_tin(d: Rng, r: Rng) -> Solids:
    """Tins of food side by side."""
    radius, height, count = between(d, 30, 52), between(d, 35, 120), int(d.integers(1, 5))
    level = height * between(d, 0.8, 0.97)
    at = grid(count, 1, radius * 2 + 2, 0)
    return [
        Solid(copies(cylinder(radius, height, 24), at), "steel"),
        Solid(copies(cylinder(radius - 0.3, height - 0.6, 24), at), "air", inside="steel"),
        Solid(copies(cylinder(radius - 0.4, level - 0.8, 24), at - (0, 0, (height - level) / 2)), "food"),
    ]


def food_bag(d: Rng, r: Rng) -> Solids:
    """Rice, sugar, coffee, sweets, nuts in a foil or plastic bag."""
    x, y, z = between(d, 110, 240), between(d, 70, 150), between(d, 25, 60)
    stuff = pick(d, "food", "sugar", "food")
    body = ellipsoid((x, y, z), 16)
    lumps = int(d.integers(0, 2))
    solids: Solids = [Solid(body, stuff, fill=between(d, 0.35, 0.8))]
    if lumps:
        points = grid(int(x // 24), int(y // 24), 20, 20)
        points = points[(np.abs(points[:, :2]) < (x * 0.45, y * 0.45)).all(1)]
        return [Solid(copies(ellipsoid((17, 15, 14), 8), points), stuff, fill=0.9)]
    return [
        *solids,
        Solid(
            boxes(np.array([(x / 2 + 9, 0, 0), (-x / 2 - 9, 0, 0)]), np.tile([16.0, y * 0.9, 0.5], (2, 1))),
            "polyethylene",
        ),
    ]


def saucepan(d: Rng, r: Rng) -> Solids:
    """A pan with a long handle, sometimes with a lid: a big thin metal disc."""
    radius, height, wall = between(d, 70, 130), between(d, 35, 110), between(d, 1.0, 3.0)
    metal = pick(d, "aluminium", "steel", "aluminium")
    handle = rounded_box((between(d, 120, 170), 24, 14), 5)
    grip = pick(d, "abs", "steel", "wood")
    reach = radius * 1.05 + 8
    solids: Solids = [
        Solid(lathe(_vessel(radius, height, wall, 1.05), 32), metal),
        Solid(handle.moved((reach + 75, 0, height * 0.85)), grip, fill=0.5 if grip == "steel" else 1.0),
        Solid(cylinder(radius * 0.8, 3.0, 28).moved((0, 0, -1.6)), pick(d, "aluminium", "steel", "copper")),
    ]  # fmt: skip
    return solids


def kettle(d: Rng, r: Rng) -> Solids:
    """Steel or plastic vessel with a heating ring, a handle and a spout."""
    radius, height = between(d, 60, 80), between(d, 150, 210)
    body = pick(d, "steel", "polypropylene", "steel")
    wall = 0.7 if body == "steel" else 2.5
    arc = np.linspace(-1.4, 1.4, 11)
    handle = np.column_stack([radius + 12 + 38 * np.cos(arc), 0 * arc, height * 0.5 + height * 0.4 * np.sin(arc)])
    element = tube(radius * 0.6, radius * 0.5, 6, 24).moved((0, 0, 12))
    base = [Solid(cylinder(radius + 4, 14, 28).moved((0, 0, -9)), "abs", fill=0.6),
            Solid(cylinder(14, 9, 16).moved((0, 0, -9)), "brass", inside="abs", inside_fill=0.6)]  # fmt: skip
    return [
        Solid(lathe(_vessel(radius, height, wall, 0.85), 30), body),
        Solid(element, "steel"),
        Solid(sweep(handle, 10, 10), "abs"),
        Solid(cylinder(radius * 0.8, 3, 28).moved((0, 0, height + 2)), "abs"),
        *base,
    ]


def coffee_maker(d: Rng, r: Rng) -> Solids:
    """Pump, boiler, boards and pipes behind plastic walls."""
    x, y, z = between(d, 240, 300), between(d, 130, 190), between(d, 150, 210)
    boiler = [Solid(tube(26, 22, 70, 20), "aluminium"), Solid(coil(12, 3, 4, 40), "steel")]
    pump = motor(19, 60, 8)
    pipe = spline(np.array([(-0.4, 0.3, 0.2), (-0.1, 0.36, 0.3), (0.2, 0.3, 0.1), (0.36, 0.3, -0.3)]) * (x, y, z), 5)
    return [
        Solid(rounded_box((x, y, z), 14), "abs"),
        Solid(rounded_box((x - 6, y - 6, z - 6), 12), "air", inside="abs"),
        *moved(boiler, (-x * 0.3, 0, z * 0.1)),
        *moved(pump, (x * 0.1, -y * 0.2, -z * 0.25)),
        *moved(circuit_board(d, x * 0.35, y * 0.5, height_mm=14), (x * 0.2, 0, z * 0.1)),
        Solid(sweep(pipe, 3.5, 6), pick(d, "copper", "polyethylene")),
    ]


def hand_blender(d: Rng, r: Rng) -> Solids:
    """A motor grip with a long metal foot: rod-like, dense at one end."""
    grip, foot, radius = between(d, 170, 210), between(d, 160, 210), between(d, 24, 30)
    shell = tube(radius, radius - 2.4, grip, 20)
    return [
        Solid(along_x(shell), "abs"),
        Solid(along_x(cylinder(radius, 4, 20)).moved((-grip / 2 - 2.1, 0, 0)), "abs"),
        *moved(motor(radius * 0.72, grip * 0.42, 10), (grip * 0.12, 0, 0)),
        *moved(circuit_board(d, 40, radius * 1.3, height_mm=8), (-grip * 0.3, 0, -6)),
        Solid(along_x(tube(13, 11.8, foot - 30, 18)).moved((grip / 2 + foot / 2 - 14, 0, 0)),
              pick(d, "steel", "aluminium")),
        Solid(along_x(cylinder(3.2, foot - 20, 8)).moved((grip / 2 + foot / 2 + 8, 0, 0)), "steel"),
        Solid(along_x(lathe([(14, 0), (34, 32), (33, 32), (13, 1)], 20)).moved((grip / 2 + foot - 28, 0, 0)), "steel"),
        Solid(tube(9, 3.4, 2, 10).turned(rotation("y", 90)).moved((grip / 2 + foot - 4, 0, 0)), "steel"),
    ]  # fmt: skip


def mixer(d: Rng, r: Rng) -> Solids:
    """A hand mixer: big motor with fan and gears in a plastic body, wire whisks beside it."""
    x, y, z = between(d, 170, 210), between(d, 85, 110), between(d, 78, 95)
    loop = np.array([(0, 0), (20, 18), (55, 20), (75, 1.5)])
    whisk = [sweep(spline(np.column_stack([loop[:, 0], loop[:, 1] * c, loop[:, 1] * s]), 4), 1.0, 5)
             for c, s in ((1, 0), (-1, 0), (0, 1), (0, -1))]  # fmt: skip
    rods = [along_x(cylinder(3, 80, 8)).moved((-42, 0, 0)), *whisk]
    pair = [joined(*rods).moved((0, s * 24 + y * 0.9, 0)) for s in (-1, 1)]
    arc = np.array(
        [(-x * 0.4, 0, z / 2 + 2), (-x * 0.3, 0, z / 2 + 34), (x * 0.3, 0, z / 2 + 34), (x * 0.38, 0, z / 2 + 12)]
    )
    return [
        Solid(rounded_box((x, y, z), 24, 3), "abs"),
        Solid(rounded_box((x - 5, y - 5, z - 5), 22, 3), "air", inside="abs"),
        *moved(motor(26, 75, 18), (-x * 0.1, 0, 0)),
        Solid(along_x(extrude(np.asarray(ring(20, 18)[:, :2]), 8)).moved((x * 0.31, 0, 0)), "nylon"),
        Solid(sweep(spline(arc, 4) + (0, 0, 9.5), 9, 8), "abs"),
        Solid(joined(*pair), "steel"),
    ]


def toaster(d: Rng, r: Rng) -> Solids:
    """A sheet-steel box with slots, heating wires on mica, springs and a transformerless board."""
    x, y, z = between(d, 250, 300), between(d, 140, 170), between(d, 160, 190)
    wires = [
        boxes(grid(1, 12, 0, y * 0.05, s * z * 0.22 - 2), np.tile([x * 0.7, 0.9, 0.9], (12, 1))) for s in (-1, 0, 1)
    ]
    return [
        Solid(rounded_box((x, y, z), 20), "steel"),
        Solid(rounded_box((x - 3, y - 3, z - 3), 19), "air", inside="steel"),
        Solid(joined(*wires), "steel"),
        Solid(along_y(coil(6, 1, 9, 60)).moved((x * 0.42, 0, 0)), "steel"),
        Solid(box((1, y * 0.7, z * 0.7)).moved((x * 0.39, 0, 0)), "steel"),
        *moved(turned(circuit_board(d, 60, 50, height_mm=9), rotation("y", 90)), (x * 0.44, -10, 0)),
    ]


def grater(d: Rng, r: Rng) -> Solids:
    """Perforated steel sheet with a handle, flat or box-shaped."""
    x, y = between(d, 160, 230), between(d, 60, 110)
    nx, ny = 9, 6
    holes = [rectangle(6, 4) + p[:2] for p in grid(nx, ny, x / (nx + 1.5), y / (ny + 1.5))]
    bow = np.array([(x / 2 - 4, -y * 0.3, 0), (x / 2 + 40, -y * 0.25, 0), (x / 2 + 40, y * 0.25, 0),
                    (x / 2 - 4, y * 0.3, 0)])  # fmt: skip
    handle = sweep(bow
                   + (6.5, 0, 0), 4, 6)  # fmt: skip
    return [Solid(extrude(rectangle(x, y), 0.8, holes=holes), "steel"), Solid(handle, pick(d, "abs", "steel"))]


def corkscrew(d: Rng, r: Rng) -> Solids:
    """A spiral with levers."""
    height = between(d, 50, 70)
    arms = [
        sweep(spline([(s * 8, 6, 0), (s * 30, between(r, -25, 5), 0), (s * 34, between(r, -70, -60), 0)]), 4, 6)
        for s in (-1, 1)
    ]
    metal = pick(d, "zinc", "steel", "brass")
    return [
        Solid(along_y(coil(4, 1.4, 5, height)).moved((0, -height / 2 - 4, 0)), "steel"),
        Solid(along_y(tube(15, 12, 34, 16)).moved((0, 24, 0)), metal),
        Solid(along_y(frustum(4, 4, 60, 10)).moved((0, 32, 0)), "steel"),
        Solid(joined(*arms), metal),
        Solid(box((44, 12, 9)).moved((0, 68.2, 0)), metal),
    ]


def kitchen_scale(d: Rng, r: Rng) -> Solids:
    """A kitchen scale: glass plate, steel strain cell, board, flat cells."""
    x, y = between(d, 180, 230), between(d, 140, 190)
    return [
        Solid(extrude(rounded_rectangle(x, y, 14), 4).moved((0, 0, 8)), "glass"),
        Solid(extrude(rounded_rectangle(x * 0.9, y * 0.9, 10), 1.5).moved((0, 0, -6)), "abs"),
        Solid(box((75, 12, 8)), "aluminium"),
        *moved(circuit_board(d, 55, 35, height_mm=5), (0, y * 0.28, -5)),
        Solid(copies(cylinder(10, 3.2, 14), np.array([(x * 0.3, 0, 0), (x * 0.3, 24, 0)])), "steel"),
        *moved(transformer((20, 20, 8)), (-x * 0.3, 0, 0))[:1],
    ]


KITCHEN: tuple[Kind, ...] = (
    kind("kitchen_knife", kitchen_knife, 24, 1.2),
    kind("cutlery", cutlery, 16),
    kind("cup", cup, 16),
    kind("plates", plates, 16),
    kind("drinking_glass", drinking_glass, 16),
    kind("bottle", bottle, 24, 1.5),
    kind("jar", jar, 20),
    kind("food_tin", food_tin, 16),
    kind("food_bag", food_bag, 20, 1.2),
    kind("saucepan", saucepan, 16),
    kind("kettle", kettle, 12),
    kind("coffee_maker", coffee_maker, 12),
    kind("hand_blender", hand_blender, 16, 1.3),
    kind("mixer", mixer, 12),
    kind("toaster", toaster, 12),
    kind("grater", grater, 12),
    kind("corkscrew", corkscrew, 12),
    kind("kitchen_scale", kitchen_scale, 12),
)
"""Machines, vessels and food."""
