"""Receivers of long guns with trigger group, guard, pistol grip and sights (see long_guns.py)."""

from __future__ import annotations

import numpy as np

from .. import shapes
from ..solids import Solid
from .common import Rng, Solids, band, between, cuts, hollow, one_of, pins, pipe, shell, slab, spring
from .long_gun_parts import LongGunDesign

_BOX_FROM = 0.18
"""Where the box below a tubular receiver begins, as a share of its length."""


def receiver_solids(design: LongGunDesign) -> Solids:
    """The receiver: a thin shell or a tube, trigger group and guard, pistol grip, rear sight or rail."""
    rng = design.detail("receiver")
    length, top, bottom, depth = design.receiver_mm, design.top_mm, -design.bottom_mm, design.depth_mm
    material, wall = design.receiver_material, design.wall_mm
    if design.family == "tube_smg":
        radius = 0.5 * depth
        top = min(top, radius)
        ridge = np.array([(0.0, top), (length, top)])
        solids: Solids = [Solid(pipe(0.0, length, radius, radius - wall), material)]
        solids += [Solid(pipe(-8.0, 0.0, radius + 1.0, 5.0), material)]
        bottom = -radius
        rear, front = _BOX_FROM * length, 0.6 * length
        box = slab(rear, front, bottom - 16.0, bottom + 0.6, 20.0)
        solids += hollow(box, slab(rear + 1.5, front - 1.5, bottom - 14.5, bottom - 0.4, 17.0), material)
        inner, floor = 16.0, bottom - 14.0
        under = bottom - 16.0
    else:
        bevel = between(rng, 0.6, 0.2 * depth)
        outline = _receiver_outline(design, rng)
        ridge = outline[outline[:, 1] > 0.0]
        solids = shell(outline, depth, bevel, wall, between(rng, 1.2, 3.0), material)
        solids += _receiver_details(design, rng)
        inner, floor, under = depth - 2 * wall - 0.6, bottom + 3.4, bottom
    solids += _trigger_group(design, rng, floor, inner, under)
    return solids + _on_top(design, rng, top, ridge[np.argsort(ridge[:, 0])])


def _on_top(design: LongGunDesign, rng: Rng, top_mm: float, ridge: shapes.Points) -> Solids:
    """A rail of teeth or a rear sight on the upper edge, whose points (n, 2) run from rear to front."""
    length = design.receiver_mm
    if rng.random() < 0.45:
        places = np.arange(0.15 * length, 0.8 * length, 10.0)
        # Where the top slopes away, teeth would hang in the air.
        places = places[np.interp(places + 2.5, ridge[:, 0], ridge[:, 1], left=0.0, right=0.0) > top_mm - 1.4]
        teeth = [slab(x, x + 5.0, top_mm - 0.4, top_mm + 4.0, 18.0) for x in places]
        return [Solid(mesh, one_of(rng, "aluminium", "steel")) for mesh in teeth]
    sight = shapes.extrude([(0, -0.6), (22, -0.6), (16, between(rng, 5, 18)), (10, 5)], between(rng, 6, 16))
    return [Solid(sight.moved((between(rng, 0.1, 0.8) * length, top_mm, 0)), "steel")]


def _receiver_outline(design: LongGunDesign, rng: Rng) -> shapes.Points:
    """The side of a box receiver, with a deeper well before the trigger where a magazine goes in."""
    length, top, bottom = design.receiver_mm, design.top_mm, -design.bottom_mm
    well = between(rng, 2, 22) if design.magazine and design.family != "ak" else between(rng, 0, 3)
    half = 0.5 * design.magazine.depth_mm + between(rng, 3, 8) if design.magazine else 30.0
    middle = design.magazine_at * length
    rear, front = max(middle - half, 0.44 * length), min(middle + half, length - 2.0)
    cover, tail = between(rng, 0.0, 0.5) * top, between(rng, 0.0, 1.2) * top
    points = [
        (0.0, bottom + between(rng, 0.0, 0.5) * design.bottom_mm), (0.1 * length, bottom), (rear - 4.0, bottom),
        (rear, bottom - well), (front, bottom - 0.8 * well),
        (length, bottom + between(rng, 0.3, 0.6) * design.bottom_mm),
        (length, top - cover), (0.75 * length, top), (between(rng, 0.06, 0.25) * length, top), (0.0, top - tail),
    ]  # fmt: skip
    return shapes.rounded(points, between(rng, 1, 7), 1)


def _receiver_details(design: LongGunDesign, rng: Rng) -> Solids:
    """A block that takes the barrel, a loading port in one flank, rivets, a lever on the other flank."""
    length, inner = design.receiver_mm, design.depth_mm - 2 * design.wall_mm - 0.6
    radius = min(design.top_mm, 0.5 * inner) - 3.2
    square = shapes.rounded_rectangle(2 * radius, 0.9 * inner, 2.0, 1)
    hole = shapes.circle(min(design.bore_mm + 0.5, radius - 0.8), 10)
    block = shapes.along_x(shapes.extrude(square, 13.0, [hole])).moved((length - 10.8, 0.0, 0.0))
    flank = 0.5 * design.depth_mm - 0.5 * design.wall_mm
    # Short receivers have a short port: it lies between their sloping ends.
    start = max(length - between(rng, 65, 95), 0.35 * length)
    end = min(start + between(rng, 32, 50), length - 14.0)
    port = slab(start, end, -4.0, 0.35 * design.top_mm, design.wall_mm, flank)
    dots = [
        (between(rng, 0.1, 0.9) * length, between(rng, -0.8, -0.45) * design.bottom_mm)
        for _ in range(int(rng.integers(3, 9)))
    ]
    outside = 0.5 * design.depth_mm + 1.6
    lever = slab(0.3 * length, 0.3 * length + between(rng, 12, 60), -6.0, 0.0, 3.0, -outside)
    return [
        *(Solid(mesh, "steel") for mesh in (block, pins(dots, between(rng, 1.5, 3.0), 3.0, outside), lever)),
        *cuts(design.receiver_material, [port]),
    ]


def _trigger_group(design: LongGunDesign, rng: Rng, floor_mm: float, inner_mm: float, under_mm: float) -> Solids:
    x = design.receiver_mm * between(rng, 0.22, 0.36)
    if design.family == "tube_smg":
        # The grip stands behind the trigger, and must still be under the box.
        x = max(x, _BOX_FROM * design.receiver_mm + 26.0)
    room = max(min(12.0, design.bottom_mm - design.wall_mm - 4.0 - 0.4 * design.depth_mm), 5.0)
    meshes = [
        pins(
            [(x - 12, floor_mm + 4), (x + 12, floor_mm + 4), (x + 22, floor_mm + 3)], between(rng, 1.6, 2.6), inner_mm
        ),
        shapes.extrude(
            [(x - 8, floor_mm), (x + 8, floor_mm), (x + 4, floor_mm + room), (x - 2, floor_mm + 0.6 * room)], 8.0
        ),
        spring((x + 14, floor_mm + 0.5 * room), (x + 26, floor_mm + 0.5 * room), 1.8, 0.5, 2.4, 6.0),
    ]
    reach, drop = between(rng, 42, 62), between(rng, 22, 30)
    line = [(x - 16, under_mm + 0.6), (x - 14, under_mm - 0.6 * drop), (x - 14 + 0.35 * reach, under_mm - drop),
            (x - 18 + 0.85 * reach, under_mm - drop), (x - 16 + reach, under_mm + 0.6)]  # fmt: skip
    guard = band(shapes.spline(line, 3), between(rng, 2.0, 4.0), between(rng, 8, 16))
    blade = [(x + 2, under_mm + 0.5), (x, under_mm - 9), (x + 5, under_mm - 0.75 * drop)]
    trigger = band(shapes.spline(blade, 3), np.linspace(5.0, 2.4, 7), between(rng, 5, 8))
    material = design.receiver_material if rng.random() < 0.7 else "steel"
    solids = [*(Solid(mesh, "steel") for mesh in meshes), Solid(guard, material), Solid(trigger, "steel")]
    return solids + (_grip(design, rng, x - 20.0, under_mm) if design.pistol_grip else [])


def _grip(design: LongGunDesign, rng: Rng, x_mm: float, y_mm: float) -> Solids:
    """A pistol grip behind the trigger, hollow if of polymer."""
    length, width, lean = between(rng, 72, 100), between(rng, 28, 40), between(rng, 12, 36)
    outline = [
        (x_mm - width, y_mm), (x_mm - width - 0.55 * lean, y_mm - 0.5 * length), (x_mm - width - lean, y_mm - length),
        (x_mm - lean + 2, y_mm - length - 4), (x_mm - 0.45 * lean - 2, y_mm - 0.45 * length), (x_mm, y_mm),
    ]  # fmt: skip
    ring = shapes.rounded(outline, between(rng, 3, 9), 1)
    depth = between(rng, 24, 34)
    material = "wood" if design.furniture == "wood" and rng.random() < 0.7 else "nylon"
    if material == "wood":
        return [Solid(shapes.bevelled(ring, depth, 0.25 * depth), material)]
    solids = shell(ring, depth, between(rng, 2.0, 6.0), between(rng, 2.5, 5.0), between(rng, 2.5, 4.5), material)
    screw = slab(x_mm - 0.75 * width, x_mm - 0.75 * width + 6, y_mm - 26, y_mm - 4.6, 6.0)
    return [*solids, Solid(screw.moved((2.0, 0.0, 0.0)), "steel")]
