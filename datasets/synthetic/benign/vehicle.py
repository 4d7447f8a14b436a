"""Vehicle and bicycle parts, plumbing: tubes, springs, castings that look like barrels and receivers."""

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
from ..solids import Kind, Mesh, Solid
from .assembly import Rng, Solids, between, boxes, copies, grid, kind, motor, pick, ring, screws


def chain(d: Rng, r: Rng) -> Solids:
    """A roller chain lying in a serpentine."""
    count, pitch = int(d.integers(28, 60)), between(d, 9, 14)
    t = np.arange(count) * pitch
    x = 60 * np.sin(t / 75 + r.uniform(0, 6))
    y = t * between(r, 0.25, 0.4)
    path = np.column_stack([x, y, 0 * t])
    # Points are set at equal steps along the curve, so that links never overlap.
    step = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    even = np.arange(int(step[-1] / pitch)) * pitch
    at = np.column_stack([np.interp(even, step, path[:, k]) for k in range(3)])
    rollers = copies(tube(pitch * 0.32, pitch * 0.16, 6, 8), at)
    outer = []
    for a, b in zip(at[:-1], at[1:], strict=True):
        turn = rotation("z", float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))))
        bar = boxes(np.array([(0, 0, -4.4), (0, 0, 4.4)]), np.tile([pitch * 0.9, pitch * 0.6, 1.2], (2, 1)))
        outer.append(bar.turned(turn).moved((a + b) / 2))
    return [Solid(rollers, "steel"), Solid(joined(*outer), "steel")]


def sprocket(d: Rng, r: Rng) -> Solids:
    """One chainring or a cassette of several."""
    teeth, count = int(d.integers(14, 34)), int(d.integers(1, 5))
    rings = []
    for k in range(count):
        radius = teeth * 2.0 * (1 - 0.16 * k)
        angle = np.linspace(0, 2 * np.pi, teeth * 2, endpoint=False)
        wave = radius + 2.5 * np.where(np.arange(teeth * 2) % 2, 1, -1)
        outline = np.column_stack([wave * np.cos(angle), wave * np.sin(angle)])
        windows = [circle(radius * 0.16, 8) + p[:2] for p in ring(5, radius * 0.62)]
        rings.append(extrude(outline, 2.2, holes=(circle(radius * 0.3, 16), *windows)).moved((0, 0, k * 4.5)))
    return [Solid(joined(*rings), pick(d, "steel", "aluminium"))]


def crank_and_pedal(d: Rng, r: Rng) -> Solids:
    """A forged arm with a pedal: axle, cage, bearing."""
    length = between(d, 150, 185)
    arm = smooth(np.array([(-14, -14), (length, -9), (length + 9, 0), (length, 9), (-14, 14), (-18, 0)]), 1)
    eye = circle(7, 12)
    pedal = extrude(
        rounded_rectangle(95, 68, 8),
        17,
        holes=(rounded_rectangle(70, 18, 4) + (0, 20), rounded_rectangle(70, 18, 4) - (0, 20)),
    )
    return [
        Solid(extrude(arm, 13, holes=(eye,)), pick(d, "aluminium", "steel")),
        Solid(pedal.moved((length + 2, 0, 20 + 8)), pick(d, "nylon", "aluminium")),
        Solid(cylinder(4.5, 8, 10).moved((length - 2, 0, 11)), "steel"),
    ]


def bicycle_brake(d: Rng, r: Rng) -> Solids:
    """Lever, calliper, springs and cable."""
    lever = spline(np.array([(0, 0, 0), (40, -14, 0), (90, -18, 0), (125, -8, 0)]), 4)
    cable = spline(
        np.array([(-4, 12, 0), (-40, 40, 8), (-20, 95, 4), (60, 90, 0), (80, 40, 6)]) * between(r, 0.8, 1.4), 5
    )
    arm = smooth(np.array([(0, 0), (24, 6), (46, 38), (36, 46), (14, 18), (-4, 14)]), 1)
    return [
        Solid(sweep(lever, 5, 7), "aluminium"),
        Solid(tube(16, 11, 14, 18).moved((-12, -12, 0)), "aluminium"),
        Solid(sweep(cable, 2.2, 6), "pvc"),
        Solid(sweep(cable, 1.0, 5), "steel", inside="pvc"),
        Solid(
            joined(*(extrude(arm * (s, 1), 9).moved((150, 20, s * 6)) for s in (-1, 1))), pick(d, "aluminium", "steel")
        ),
        Solid(coil(9, 1.2, 4, 7).moved((60, -45, 0)), "steel"),
    ]


def shock_absorber(d: Rng, r: Rng) -> Solids:
    """A damper: steel tube with rod and oil, coil spring around it, eyes with rubber at the ends."""
    length, radius = between(d, 160, 330), between(d, 13, 23)
    body, rod = length * 0.55, length * 0.42
    wire = between(d, 3, 5)
    solids: Solids = [
        Solid(along_x(cylinder(radius, body, 20)), "steel"),
        Solid(along_x(cylinder(radius - 2, body - 6, 20)), "water", inside="steel", fill=0.87),
        Solid(
            along_x(cylinder(4, body * 0.5, 10)).moved((body * 0.2, 0, 0)), "steel", inside="water", inside_fill=0.87
        ),
        Solid(along_x(cylinder(4, rod, 10)).moved((body / 2 + rod / 2, 0, 0)), "steel"),
    ]
    for x in (-body / 2 - 12, body / 2 + rod + 12):
        solids += [Solid(tube(12, 9, 24, 16).moved((x, 0, 0)), "steel"),
                   Solid(tube(8.9, 5, 24, 14).moved((x, 0, 0)), "rubber")]  # fmt: skip
    if d.random() < 0.75:
        outer = radius + wire + 1.5
        solids += [
            Solid(
                along_x(coil(outer, wire, 7, length * 0.7, per_turn=12, segments=6)).moved((length * 0.12, 0, 0)),
                "steel",
            ),
        ]
    return solids


def pipe_fittings(d: Rng, r: Rng) -> Solids:
    """Elbows, tees, unions and nipples of brass, steel or plastic."""
    count, metal = int(d.integers(2, 6)), pick(d, "brass", "steel", "copper", "pvc")
    solids: Solids = []
    for k in range(count):
        radius, length = between(d, 7, 17), between(d, 30, 70)
        wall = radius * between(d, 0.15, 0.35)
        main = along_x(tube(radius, radius - wall, length, 16))
        parts = [main]
        if d.random() < 0.5:
            parts.append(along_y(tube(radius * 0.9, radius * 0.9 - wall, 18, 14)).moved((0, radius + 9.2, 0)))
        if d.random() < 0.6 and 0.3 * length > 0.9 * radius + 7:
            parts += [
                along_x(tube(radius * 1.16 + 4, radius * 1.16 + 0.1, 11, 6)).moved((s * length * 0.3, 0, 0))
                for s in (-1, 1)
            ]
        solids += [Solid(m.moved(((k % 2) * 85.0, (k // 2) * 62.0, 0)), metal) for m in parts]
    return solids


def pipe(d: Rng, r: Rng) -> Solids:
    """Lengths of pipe: water pipe, tent pole, table leg, exhaust: barrels to the careless eye."""
    count, radius, length = int(d.integers(1, 5)), between(d, 5, 24), between(d, 120, 480)
    wall = min(radius * 0.6, between(d, 0.9, 4.5))
    metal = pick(d, "steel", "steel", "aluminium", "copper", "brass", "pvc")
    at = grid(1, count, 0, radius * 2 + 1)
    at[:, 0] = r.uniform(-10, 10, count)
    solids: Solids = [Solid(copies(along_x(tube(radius, radius - wall, length, 18)), at), metal)]
    if d.random() < 0.4:
        collar = along_x(tube(radius + 0.4, radius + 0.05, 14, 18))
        solids.append(Solid(copies(collar.moved((length * 0.42, 0, 0)), at), "brass"))
    return solids


def tap(d: Rng, r: Rng) -> Solids:
    """A water tap: body, spout, spindle, handle, aerator."""
    metal = pick(d, "brass", "brass", "zinc", "steel")
    reach = between(d, 70, 150)
    spout = spline(np.array([(27, 0, 0), (reach * 0.6, 26, 0), (reach, 22, 0), (reach + 10, 0, 0)]), 5)
    lever = rounded_box((between(d, 50, 80), 12, 9), 4)
    return [
        Solid(along_y(tube(17, 12, 58, 18)), metal),
        Solid(along_y(cylinder(5, 40, 10)).moved((0, 10, 0)), "steel"),
        Solid(sweep(spout, 9, 10), metal),
        Solid(sweep(spout, 6.5, 8).scaled((0.985, 1, 1)).moved((1, 0, 0)), "air", inside=metal),
        Solid(lever.moved((10, 42, 0)), metal),
        Solid(along_y(tube(12, 9, 40, 14)).moved((0, -50, 0)), metal),
    ]


def hose_nozzle(d: Rng, r: Rng) -> Solids:
    """A pistol-shaped spray gun for a garden hose."""
    barrel, grip = between(d, 70, 110), between(d, 95, 125)
    plastic = pick(d, "abs", "nylon", "zinc")
    handle = smooth(np.array([(-14, 4), (14, 4), (6, -grip), (-24, -grip)]), 1) - (18, 14)
    trigger = spline(np.array([(8, -20, 0), (14, -50, 0), (2, -85, 0)]), 4)
    return [
        Solid(along_x(tube(15, 9, barrel, 16)).moved((barrel / 2 - 30, 4, 0)), plastic),
        Solid(along_x(frustum(17, 11, 26, 16)).moved((barrel - 16.5, 4, 0)), pick(d, "brass", "zinc", "abs")),
        Solid(along_x(cylinder(2, barrel * 0.8, 8)).moved((barrel / 2 - 36, 4, 0)), "steel"),
        Solid(along_x(coil(5, 0.9, 6, 28)).moved((-4, 4, 0)), "steel"),
        Solid(extrude(handle, 25), plastic),
        Solid(extrude((handle - handle.mean(0)) * (0.6, 0.9) + handle.mean(0), 15), "air", inside=plastic),
        Solid(sweep(trigger + (10, 2, 0), 4, 6), plastic),
    ]


def bearings(d: Rng, r: Rng) -> Solids:
    """Ball bearings and bushes."""
    count = int(d.integers(1, 6))
    solids: Solids = []
    for k in range(count):
        outer = between(d, 13, 32)
        at = ((k % 3) * 68.0, (k // 3) * 68.0, 0.0)
        balls = copies(_ball(outer * 0.13), ring(9, outer * 0.74))
        parts = (tube(outer, outer * 0.88, outer * 0.5, 20), tube(outer * 0.6, outer * 0.45, outer * 0.5, 18), balls)
        solids += [Solid(p.moved(at), "steel") for p in parts]
    return solids


def _ball(radius: float) -> Mesh:
    return lathe([(0, -radius), (radius * 0.87, -radius * 0.5), (radius * 0.87, radius * 0.5), (0, radius)], 8)


def starter_motor(d: Rng, r: Rng) -> Solids:
    """A heavy motor with solenoid, pinion and cast nose."""
    radius, length = between(d, 30, 42), between(d, 95, 140)
    nose = along_x(tube(radius * 0.75, radius * 0.5, 45, 18)).moved((length / 2 + 23, 0, 0))
    return [
        *motor(radius, length, 60),
        Solid(nose, "aluminium"),
        Solid(along_x(cylinder(18, length * 0.7, 18)).moved((0, radius + 19, 0)), "steel"),
        Solid(along_x(cylinder(15, length * 0.55, 18)).moved((0, radius + 19, 0)), "copper", inside="steel", fill=0.6),
        Solid(along_x(tube(12, radius * 0.12, 18, 10)).moved((length / 2 + 30, 0, 0)), "steel"),
    ]


def brake_disc(d: Rng, r: Rng) -> Solids:
    """A perforated disc of steel, bicycle or motorcycle size."""
    radius, thick = between(d, 65, 120), between(d, 1.8, 5)
    holes = [circle(radius * 0.035, 8) + p[:2] for k in (0.72, 0.84) for p in ring(12, radius * k)]
    return [Solid(extrude(circle(radius, 32), thick, holes=(circle(radius * 0.5, 24), *holes)), "steel"),
            Solid(extrude(circle(radius * 0.49, 20), thick, holes=(circle(radius * 0.2, 16),)),
                  "aluminium")]  # fmt: skip


def spark_plugs(d: Rng, r: Rng) -> Solids:
    """Spark plugs in a row: ceramic, steel shell, electrode; cartridge-like."""
    count = int(d.integers(1, 7))
    at = grid(1, count, 0, 26)
    return [
        Solid(copies(along_x(tube(7, 4.6, 22, 12)).moved((-25, 0, 0)), at), "steel"),
        Solid(copies(along_x(tube(10.5, 5.5, 13, 6)).moved((-7, 0, 0)), at), "steel"),
        Solid(copies(along_x(cylinder(4.5, 62, 12)).moved((0, 0, 0)), at), "ceramic"),
        Solid(copies(along_x(cylinder(1.3, 58, 6)), at), "steel", inside="ceramic"),
    ]


def cast_housing(d: Rng, r: Rng) -> Solids:
    """A carburettor, pump or lock housing: cast block with bores, flanges, screws."""
    x, y, z = between(d, 70, 130), between(d, 50, 85), between(d, 35, 60)
    metal = pick(d, "aluminium", "zinc", "aluminium", "steel")
    bore = min(y, z) * between(d, 0.25, 0.38)
    holes = [circle(between(d, 3, 6), 10) + (sx * x * 0.38, sy * y * 0.38) for sx in (-1, 1) for sy in (-1, 1)]
    return [
        Solid(extrude(rounded_rectangle(x, y, 9), z, holes=holes), metal),
        Solid(along_x(cylinder(bore, x * 0.6, 18)), "air", inside=metal),
        Solid(along_x(cylinder(2.5, x * 0.5, 8)), "steel"),
        Solid(box((1.4, bore * 1.2, bore * 0.9)).moved((x * 0.27, 0, 0)), "brass"),
        Solid(along_x(tube(bore * 1.25, bore, 26, 18)).moved((x / 2 + 13.2, 0, 0)), metal),
        screws(grid(2, 2, x * 0.55, y * 0.8) + (0, 0, z / 2 + 3.1), 6, 1.8),
    ]


VEHICLE: tuple[Kind, ...] = (
    kind("bicycle_chain", chain, 12),
    kind("sprocket", sprocket, 16),
    kind("crank_and_pedal", crank_and_pedal, 16),
    kind("bicycle_brake", bicycle_brake, 12),
    kind("shock_absorber", shock_absorber, 20, 1.3),
    kind("pipe_fittings", pipe_fittings, 24, 1.3),
    kind("pipe", pipe, 28, 1.6),
    kind("tap", tap, 16),
    kind("hose_nozzle", hose_nozzle, 16, 1.2),
    kind("bearings", bearings, 12),
    kind("starter_motor", starter_motor, 12),
    kind("brake_disc", brake_disc, 12),
    kind("spark_plugs", spark_plugs, 12, 1.2),
    kind("cast_housing", cast_housing, 20, 1.3),
)
"""Parts of vehicles, bicycles and water pipes."""
