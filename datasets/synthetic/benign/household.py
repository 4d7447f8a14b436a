"""Things of the house: candles, frames, clocks, lamps, irons, vacuum flasks, sprayers, ornaments."""

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
    rotation,
    rounded_box,
    smooth,
    spline,
    sweep,
    tube,
)
from ..solids import Kind, Mesh, Solid
from .assembly import (
    Rng,
    Solids,
    between,
    boxes,
    cell_battery,
    circuit_board,
    copies,
    grid,
    kind,
    motor,
    moved,
    pick,
    rectangle,
    turned,
)


def candles(d: Rng, r: Rng) -> Solids:
    """Wax in glasses, tins or bare."""
    count, radius, height = int(d.integers(1, 5)), between(d, 10, 36), between(d, 25, 180)
    at = grid(count, 1, radius * 2 + 9, 0)
    wick = cylinder(1, height * 0.96, 6)
    solids: Solids = [Solid(copies(cylinder(radius, height, 22), at), "polyethylene", fill=0.97)]
    solids.append(Solid(copies(wick, at), "cotton", inside="polyethylene", inside_fill=0.97))
    if d.random() < 0.5:
        glass = lathe([(0, -height / 2 - 4), (radius + 3, -height / 2 - 4), (radius + 3, height / 2 + 8),
                       (radius + 0.3, height / 2 + 8), (radius + 0.3, -height / 2 - 0.5),
                       (0, -height / 2 - 0.5)], 22)  # fmt: skip
        solids.append(Solid(copies(glass, at), pick(d, "glass", "glass", "aluminium"), fill=1.0))
    return solids


def vacuum_flask(d: Rng, r: Rng) -> Solids:
    """Two steel walls with nothing between, a stopper and a cup: a long steel tube with something in it."""
    radius, height = between(d, 30, 46), between(d, 190, 310)
    outer = [(0, 0), (radius, 0), (radius, height * 0.85), (radius * 0.7, height), (0, height)]
    gap = [(0, 1), (radius - 0.8, 1), (radius - 0.8, height * 0.85), (radius * 0.7 - 0.8, height - 1), (0, height - 1)]
    inner = [(0, 8), (radius - 5, 8), (radius - 5, height * 0.83), (radius * 0.6, height - 3), (0, height - 3)]
    bore = [(0, 9), (radius - 5.7, 9), (radius - 5.7, height * 0.83), (radius * 0.6 - 0.7, height - 4), (0, height - 4)]
    level = height * between(r, 0.0, 0.8)
    solids: Solids = [
        Solid(lathe(outer, 26), "steel"),
        Solid(lathe(gap, 26), "air", inside="steel"),
        Solid(lathe(inner, 26), "steel"),
        Solid(lathe(bore, 26), "air", inside="steel"),
        Solid(tube(radius * 0.98, radius * 0.9, 60, 24).moved((0, 0, height + 31)), pick(d, "steel", "polypropylene")),
    ]
    if level > 30:
        solids.append(Solid(cylinder(radius - 6, level * 0.8 - 10, 24).moved((0, 0, level * 0.4 + 6)), "water"))
    return solids


def electric_iron(d: Rng, r: Rng) -> Solids:
    """A thick aluminium sole with a heating loop, plastic body, handle, cable."""
    length, width = between(d, 200, 260), between(d, 95, 120)
    sole = smooth(np.array([(-0.5, -0.5), (0.1, -0.48), (0.5, 0), (0.1, 0.48), (-0.5, 0.5)]) * (length, width), 2)
    heater = np.column_stack([smooth(sole * 0.6, 0), np.full(len(sole), 0.0)])
    handle = spline(np.array([(-0.42, 0, 48), (-0.4, 0, 84), (0.15, 0, 92), (0.24, 0, 52)]) * (length, 1, 1), 5)
    return [
        Solid(extrude(sole, 9), "aluminium"),
        Solid(sweep(heater, 3, 6, closed=True), "steel", inside="aluminium"),
        Solid(extrude(sole * 0.93, 36).moved((0, 0, 24)), "abs"),
        Solid(extrude(sole * 0.88, 31).moved((0, 0, 24)), "air", inside="abs"),
        Solid(sweep(handle + (0, 0, 7), 11, 8), "abs"),
        *moved(circuit_board(d, 40, 30, height_mm=6), (-length * 0.25, 0, 12)),
        *([Solid(box((60, 30, 10)).moved((0.12 * length, 0, 27)), "water")] if r.random() < 0.4 else []),
    ]


def alarm_clock(d: Rng, r: Rng) -> Solids:
    """Brass wheels between plates, bells, hands, glass."""
    radius, depth = between(d, 32, 58), between(d, 28, 45)
    wheels = [tube(radius * k, radius * k * 0.6, 1.5, 20).moved((x * radius, y * radius, z))
              for k, x, y, z in ((0.32, 0.3, 0.1, 0), (0.26, -0.3, 0.25, 3), (0.2, -0.1, -0.4, 6))]  # fmt: skip
    plates = [extrude(circle(radius * 0.75, 16), 1.0).moved((0, 0, z)) for z in (-6, 10)]
    shell = pick(d, "abs", "steel", "brass")
    wall = 2.0 if shell == "abs" else 0.8
    return [
        Solid(cylinder(radius, depth, 28), shell),
        Solid(cylinder(radius - wall, depth - 2 * wall, 28), "air", inside=shell),
        Solid(joined(*wheels, *plates), "brass"),
        Solid(coil(radius * 0.2, 0.5, 5, 5).moved((radius * 0.1, radius * 0.45, 3)), "steel"),
        Solid(
            joined(*(_bell(radius * 0.36).moved((s * radius * 0.7, radius * 0.95 + 5, 0)) for s in (-1, 1))),
            pick(d, "brass", "steel"),
        ),
    ]


def _bell(radius: float) -> Mesh:
    profile = [
        (0, radius),
        (radius * 0.8, radius * 0.6),
        (radius, 0),
        (radius - 1, 0),
        (radius * 0.75, radius * 0.55),
        (0, radius - 1),
    ]
    return along_y(lathe(profile, 16))


def lamp(d: Rng, r: Rng) -> Solids:
    """A desk or table lamp: weighted foot, jointed tubes, shade, spring."""
    foot, arm = between(d, 65, 90), between(d, 150, 230)
    shade = [(18, 0), (between(d, 45, 70), 80), (between(d, 45, 70) - 1.0, 80), (17, 1)]
    shade[2] = (shade[1][0] - 1.0, 80)
    return [
        Solid(lathe([(0, 0), (foot, 0), (foot, 8), (10, 20), (0, 20)], 26), pick(d, "steel", "zinc", "steel")),
        Solid(cylinder(7, arm, 12).moved((0, 0, 20.2 + arm / 2)), "steel", fill=0.4),
        Solid(coil(6, 1, 12, 60).moved((16, 0, 60 + arm / 2)), "steel"),
        Solid(lathe(shade, 22).moved((0, 0, arm + 24)), pick(d, "aluminium", "steel", "paper")),
        Solid(tube(14, 12, 40, 14).moved((0, 0, arm + 44)), "ceramic"),
    ]


def light_bulbs(d: Rng, r: Rng) -> Solids:
    """Bulbs with a screw base and electronics."""
    count = int(d.integers(1, 5))
    at = grid(count, 1, 68, 0)
    glass = lathe([(0, 70), (20, 62), (29, 42), (24, 20), (13, 4), (13, 0), (0, 0)], 18)
    inner = lathe([(0, 69), (19, 61), (28, 42), (23, 21), (12, 5), (12, 1), (0, 1)], 18)
    return [
        Solid(copies(glass, at), "glass"),
        Solid(copies(inner, at), "air", inside="glass"),
        Solid(copies(tube(13, 12.5, 24, 14).moved((0, 0, -12.2)), at), "brass"),
        Solid(copies(cylinder(4, 3, 10).moved((0, 0, -26)), at), "tin"),
        Solid(copies(box((14, 1.2, 18)).moved((0, 0, -12)), at), "circuit_board"),
    ]


def figurine(d: Rng, r: Rng) -> Solids:
    """An ornament of porcelain, stone, wood, brass or resin."""
    height, n = between(d, 70, 190), 9
    radius = np.abs(np.concatenate([[0.0], d.uniform(0.4, 1.0, n - 2), [0.0]])) * height * 0.26
    z = np.linspace(0, height, n)
    outer = np.column_stack([radius, z])
    material = pick(d, "ceramic", "wood", "brass", "glass", "zinc", "polyethylene")
    body = Solid(lathe(outer, 20), material)
    if material in ("wood", "glass"):
        return [body]
    wall = height * (0.026 if material != "brass" else 0.011)
    ends = [np.interp(wall, radius[:2], z[:2]), np.interp(wall, radius[:-3:-1], z[:-3:-1])]
    inner = np.column_stack([[0.0, *(radius[1:-1] - wall), 0.0], [ends[0], *z[1:-1], ends[1]]])
    return [body, Solid(lathe(inner, 20), "air", inside=material)]


def picture_frame(d: Rng, r: Rng) -> Solids:
    """Frame, glass, back board, hooks and staples."""
    x, y, rim = between(d, 130, 300), between(d, 100, 220), between(d, 12, 28)
    return [
        Solid(
            extrude(rectangle(x, y), 14, holes=(rectangle(x - 2 * rim, y - 2 * rim),)),
            pick(d, "wood", "abs", "aluminium"),
        ),
        Solid(box((x - 2 * rim - 0.4, y - 2 * rim - 0.4, 2)), "glass"),
        Solid(box((x - 2 * rim - 0.4, y - 2 * rim - 0.4, 2.5)).moved((0, 0, -3)), "cardboard"),
        Solid(boxes(grid(4, 2, x * 0.22, y - rim, -8.2), np.tile([9.0, 3.0, 1.2], (8, 1))), "steel"),
    ]


def pump_motor(d: Rng, r: Rng) -> Solids:
    """A vacuum cleaner's or washing machine's pump: motor, turbine, housing."""
    radius = between(d, 34, 50)
    return [
        *motor(radius * 0.62, radius * 1.4, 10),
        Solid(along_x(tube(radius, radius * 0.64, 22, 24)).moved((-radius * 0.2, 0, 0)), pick(d, "aluminium", "abs")),
        Solid(
            along_x(tube(radius * 1.3, radius * 0.4, 12, 24)).moved((radius * 0.7 + 14, 0, 0)),
            pick(d, "aluminium", "steel", "abs"),
            fill=0.6,
        ),
    ]


def massage_gun(d: Rng, r: Rng) -> Solids:
    """A paint or massage gun: body, grip, motor and cells."""
    body, radius = between(d, 110, 160), between(d, 24, 32)
    handle = rounded_box((40, 130, 36), 10).moved((-body * 0.1, -radius - 66, 0))
    hollow = rounded_box((35, 124, 31), 8).moved((-body * 0.1, -radius - 66, 0))
    cells = [
        s
        for k in (-1, 1)
        for s in moved(turned(cell_battery(8.5, 55), rotation("z", 90)), (-body * 0.1, -radius - 66 + k * 31, 0))
    ]
    return [
        Solid(along_x(cylinder(radius, body, 22)), "abs"),
        Solid(along_x(cylinder(radius - 2.5, body - 5, 22)), "air", inside="abs"),
        *moved(motor(radius * 0.75, body * 0.4, 30), (-body * 0.18, 0, 0)),
        Solid(handle, "abs"),
        Solid(hollow, "air", inside="abs"),
        *cells,
        Solid(
            along_x(lathe([(0, 0), (9, 0), (9, 20), (22, 34), (20, 50), (0, 56)], 16)).moved((body / 2 + 0.2, 0, 0)),
            pick(d, "rubber", "aluminium", "abs"),
        ),
    ]


HOUSEHOLD: tuple[Kind, ...] = (
    kind("candles", candles, 16),
    kind("vacuum_flask", vacuum_flask, 16, 1.2),
    kind("electric_iron", electric_iron, 12),
    kind("alarm_clock", alarm_clock, 16),
    kind("lamp", lamp, 16),
    kind("light_bulbs", light_bulbs, 12),
    kind("figurine", figurine, 28),
    kind("picture_frame", picture_frame, 12),
    kind("pump_motor", pump_motor, 12),
    kind("massage_gun", massage_gun, 16, 1.2),
)
"""Things of the house."""
