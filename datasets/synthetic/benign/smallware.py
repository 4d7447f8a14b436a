"""Small metal: zipper pulls, buckles, carabiners, keys, coins, clips, jewellery, glasses, umbrellas."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    circle,
    coil,
    cylinder,
    ellipsoid,
    extrude,
    frustum,
    joined,
    rotation,
    rounded_box,
    rounded_rectangle,
    spline,
    sweep,
    torus,
    tube,
)
from ..solids import Kind, Solid
from .assembly import Rng, Solids, between, boxes, copies, grid, kind, moved, pick, turned


def zipper_pulls(d: Rng, r: Rng) -> Solids:
    """Sliders and pull tabs strewn over a piece of tape."""
    count = int(d.integers(3, 10))
    places = grid(4, 3, 34, 34)[r.permutation(12)[:count]]
    parts = []
    for at in places:
        length = between(d, 12, 26)
        tab = extrude(rounded_rectangle(length, 6, 2.5, 2), 1.5, holes=(rounded_rectangle(length * 0.5, 3, 1, 1),))
        one = joined(box((9, 7, 4.5)).moved((-length / 2 - 4.8, 0, 0)), tab)
        parts.append(one.turned(rotation("z", between(r, 0, 360))).moved(at))
    return [Solid(joined(*parts), pick(d, "zinc", "steel", "brass"))]


def zipper(d: Rng, r: Rng) -> Solids:
    """A long zipper, metal or plastic, lying in curves with its slider."""
    length, teeth = between(d, 160, 420), between(d, 2.2, 3.4)
    x = np.linspace(-length / 2, length / 2, 14)
    path = spline(np.column_stack([x, 22 * np.sin(x / between(r, 35, 80) + r.uniform(0, 6)), 0 * x]), 5)
    step = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    even = np.arange(0, step[-1], teeth * 1.35)
    at = np.column_stack([np.interp(even, step, path[:, k]) for k in range(3)])
    tape = sweep(path - (0, 0, 2.6), 1.0, 4)
    pull = box((24, 7, 3)).moved(path[int(r.integers(5, len(path) - 5))] + (0, 0, 4))
    metal = pick(d, "brass", "zinc", "nylon", "aluminium")
    return [
        Solid(boxes(at, np.tile([teeth * 0.6, teeth * 1.9, teeth], (len(at), 1))), metal),
        Solid(tape, "cotton"),
        Solid(pull, "zinc"),
    ]


def carabiners(d: Rng, r: Rng) -> Solids:
    """Snap hooks, D-rings and carabiners."""
    count, metal = int(d.integers(1, 6)), pick(d, "aluminium", "steel", "zinc")
    parts = []
    for k in range(count):
        size, wire = between(d, 18, 50), between(d, 1.8, 4.5)
        loop = np.array(
            [
                (-0.5, -0.22, 0),
                (-0.3, -0.36, 0),
                (0.4, -0.3, 0),
                (0.55, 0, 0),
                (0.4, 0.3, 0),
                (-0.3, 0.36, 0),
                (-0.5, 0.22, 0),
            ]
        )
        body = sweep(spline(loop * size * 2, 3, closed=True), wire, 6, closed=True)
        gate = along_x(cylinder(wire * 0.8, size * 0.5, 6)).moved((0, size * 0.3, 0))
        parts.append(
            joined(body, gate).turned(rotation("z", between(r, 0, 360))).moved(((k % 3) * 80.0, (k // 3) * 80.0, 0))
        )
    return [Solid(joined(*parts), metal)]


def buckles(d: Rng, r: Rng) -> Solids:
    """Belt, bag and ladder buckles."""
    count = int(d.integers(1, 7))
    parts = []
    for k in range(count):
        x, y = between(d, 22, 60), between(d, 20, 50)
        bar = between(d, 3, 7)
        frame = extrude(
            rounded_rectangle(x, y, 5, 2), between(d, 2, 5), holes=(rounded_rectangle(x - 2 * bar, y - 2 * bar, 3, 2),)
        )
        tongue = box((x * 0.9, 2.5, 2)).moved((0, 0, 4))
        parts.append(
            joined(frame, tongue).turned(rotation("z", between(r, 0, 360))).moved(((k % 3) * 80.0, (k // 3) * 80.0, 0))
        )
    return [Solid(joined(*parts), pick(d, "steel", "zinc", "brass", "nylon"))]


def keys(d: Rng, r: Rng) -> Solids:
    """A bunch of keys on a ring with a fob."""
    count, solids = int(d.integers(2, 8)), []
    for k in range(count):
        blade = between(d, 24, 38)
        notch = np.linspace(0, blade, 7)
        edge = np.column_stack([notch, np.where(np.arange(7) % 2, -2.2, -3.8)])
        outline = np.concatenate([edge, [(blade, 3.2), (0, 3.8)]]) + (14, 0)
        both = joined(
            extrude(outline, 2.0), extrude(circle(11.5, 12), 2.2, holes=(circle(3, 8) - (6.5, 0),)).moved((3.2, 0, 0))
        )
        turn = rotation("z", (k - count / 2) * 28 + between(r, -8, 8))
        solids.append(Solid(both.turned(turn).moved((0, 0, k * 2.4)), pick(d, "brass", "steel", "zinc")))
    hoop = torus(14, 1.1, 20, 5).moved((-18, 0, -3.2))
    fob = box((34, 22, 9)).moved((-52, 0, 0))
    return [*solids, Solid(hoop, "steel"), Solid(fob, pick(d, "abs", "leather")),
            Solid(cylinder(9, 2.0, 14).moved((-52, 0, 5.8)), "zinc")]  # fmt: skip


def coins(d: Rng, r: Rng) -> Solids:
    """Coins in a roll or strewn."""
    count, radius = int(d.integers(4, 24)), between(d, 8.5, 14)
    if d.random() < 0.35:
        return [
            Solid(
                copies(cylinder(radius, 1.8, 20), grid(count, 1, 0, 0) + np.arange(count)[:, None] * (0, 0, 1.9)),
                "copper",
            )
        ]
    at = grid(6, 4, radius * 2.3, radius * 2.3)[r.permutation(24)[:count]]
    at[:, :2] += r.uniform(-1, 1, (count, 2))
    return [Solid(copies(cylinder(radius, 1.9, 16), at), pick(d, "copper", "brass", "zinc", "steel"))]


def paper_clips(d: Rng, r: Rng) -> Solids:
    """Clips, hairpins and bulldog clips."""
    parts = []
    for at in grid(4, 3, 24, 30)[: int(d.integers(4, 12))]:
        loop = np.array(
            [
                (-0.5, -0.14, 0),
                (0.5, -0.14, 0),
                (0.56, 0.02, 0),
                (0.5, 0.16, 0),
                (-0.3, 0.16, 0.0),
                (-0.34, 0.0, 0.0),
                (0.3, 0.02, 0),
            ]
        )
        parts.append(sweep(loop * between(d, 20, 34), 0.7, 4).turned(rotation("z", between(r, 0, 360))).moved(at))
    return [Solid(joined(*parts), pick(d, "steel", "brass"))]


def jewellery(d: Rng, r: Rng) -> Solids:
    """A chain necklace, rings and a bangle."""
    links = int(d.integers(40, 90))
    angle = np.linspace(0, 2 * np.pi, links, endpoint=False)
    bend = 45 + 10 * np.sin(angle * 3 + r.uniform(0, 6))
    at = np.column_stack([bend * 1.4 * np.cos(angle), bend * np.sin(angle), 0 * angle])
    metal = pick(d, "brass", "copper", "steel", "zinc")
    rings = joined(*(torus(between(d, 8.5, 11), between(d, 0.9, 1.8), 18, 6).moved((x, 0, 0)) for x in (-24, 2, 27)))
    stones = copies(ellipsoid((7, 6, 5), 8), np.array([(-24.0, 13, 0), (2.0, 13.5, 0)]))
    return [
        Solid(copies(box((2.6, 2.6, 1.6)), at), metal),
        Solid(rings, metal),
        Solid(stones, pick(d, "glass", "ceramic")),
    ]


def spectacles(d: Rng, r: Rng) -> Solids:
    """Folded glasses in a hard case."""
    wire, lens = between(d, 0.9, 1.8), between(d, 20, 25)
    rims = joined(*(torus(lens, wire, 20, 5).moved((s * (lens + 9), 0, 0)) for s in (-1, 1)))
    arms = joined(*(along_x(cylinder(wire, 125, 6)).moved((s * 4, s * 5.0, -9 - 4 * (s > 0)))
                    for s in (-1, 1)))  # fmt: skip
    frame = pick(d, "titanium", "steel", "abs")
    bridge = along_x(cylinder(wire, 15, 6))
    return [
        Solid(joined(rims, bridge, arms), frame),
        Solid(
            joined(*(cylinder(lens - wire - 0.3, 2, 18).moved((s * (lens + 9), 0, 0)) for s in (-1, 1))),
            pick(d, "glass", "polycarbonate"),
        ),
        Solid(extrude(rounded_rectangle(165, 68, 20), 1.2).moved((0, 0, -19)), pick(d, "steel", "abs")),
    ]


def umbrella(d: Rng, r: Rng) -> Solids:
    """A folded umbrella: steel stick, eight ribs, cloth, handle with spring."""
    length, radius = between(d, 200, 420), between(d, 15, 24)
    angle = np.arange(8) * np.pi / 4
    at = np.column_stack([0 * angle, radius * 0.6 * np.cos(angle), radius * 0.6 * np.sin(angle)])
    ribs = copies(along_x(cylinder(1.2, length * 0.9, 5)), at)
    cloth = tube(radius, radius * 0.72, length * 0.88, 18)
    return [
        Solid(along_x(tube(5, 4, length, 12)), pick(d, "steel", "aluminium")),
        Solid(ribs, "steel"),
        Solid(along_x(cloth), "nylon", fill=0.35),
        Solid(along_x(tube(13, 5.2, 75, 12)).moved((-length / 2 - 32, 0, 0)), pick(d, "abs", "wood", "rubber")),
        Solid(along_x(coil(6.6, 0.8, 8, 40)).moved((length * 0.2, 0, 0)), "steel"),
    ]


def pens(d: Rng, r: Rng) -> Solids:
    """Ball pens, fountain pens, markers: slender tubes with brass tips and springs."""
    count, length, radius = int(d.integers(1, 9)), between(d, 115, 145), between(d, 4, 9)
    body = pick(d, "abs", "brass", "aluminium", "polypropylene", "steel")
    solids: Solids = []
    for k in range(count):
        flip = rotation("z", 180.0 * float(r.integers(2)))
        wall = 0.8 if body in ("brass", "steel", "aluminium") else 1.4
        one: Solids = [
            Solid(along_x(tube(radius, radius - wall, length, 12)), body),
            Solid(
                along_x(frustum(radius, 1.2, 16, 12)).moved((length / 2 + 8.2, 0, 0)), pick(d, "brass", "steel", "abs")
            ),
            Solid(along_x(cylinder(1.5, length * 0.8, 6)), pick(d, "polyethylene", "brass")),
            Solid(box((length * 0.3, 2.5, 1.2)).moved((-length * 0.3, 0, radius + 1.0)), pick(d, "steel", "abs")),
        ]
        if radius < 6:
            one.append(
                Solid(along_x(coil(2.4, 0.35, 9, 22, per_turn=6, segments=3)).moved((length * 0.36, 0, 0)), "steel")
            )
        solids += moved(turned(one, flip), (between(r, -8, 8), k * (radius * 2 + 0.5), 0))
    return solids


def lighter(d: Rng, r: Rng) -> Solids:
    """A pocket lighter: metal or plastic, wheel, spring, fuel."""
    x, y, z = between(d, 50, 80), between(d, 22, 38), between(d, 11, 14)
    body = pick(d, "abs", "zinc", "steel")
    wall = 1.0 if body != "abs" else 1.6
    return [
        Solid(rounded_box((x, y, z), 3), body),
        Solid(box((x - 2 * wall - 2, y - 2 * wall - 2, z - 2 * wall)), "air", inside=body),
        Solid(box((x * 0.6, y - 2 * wall - 3, z - 2 * wall - 0.5)).moved((-x * 0.1, 0, 0)), "water", fill=0.55),
        Solid(along_x(tube(4, 2, 9, 12)).moved((x / 2 + 4.8, 4, 0)), "steel"),
        Solid(cylinder(4.5, 4, 12).moved((x / 2 + 5, -y * 0.25, 0)), "steel"),
    ]


def padlock(d: Rng, r: Rng) -> Solids:
    """A body of brass or laminated steel, shackle, cylinder with pins and springs."""
    x, y, z = between(d, 26, 60), between(d, 24, 55), between(d, 12, 26)
    metal = pick(d, "brass", "steel", "zinc")
    arc = np.linspace(0, np.pi, 10)
    wire = between(d, 2.5, 5)
    bow = np.column_stack([x * 0.32 * np.cos(arc), y * 0.5 + 4 + y * 0.5 * np.sin(arc) + wire, 0 * arc])
    return [
        Solid(box((x, y, z)), metal),
        Solid(along_y(cylinder(z * 0.33, y * 0.7, 14)).moved((0, -y * 0.14, 0)), "air", inside=metal),
        Solid(along_y(cylinder(z * 0.28, y * 0.66, 14)).moved((0, -y * 0.14, 0)), "brass"),
        Solid(sweep(bow, wire, 8), "steel"),
    ]


def door_lock(d: Rng, r: Rng) -> Solids:
    """A mortice lock or cylinder: sheet case, bolts, springs, spindle."""
    x, y, z = between(d, 120, 170), between(d, 65, 95), between(d, 13, 18)
    bolts = boxes(
        np.array([(-x * 0.2, y * 0.2, 0), (x * 0.22, y * 0.2, 0)]),
        np.array([(22, y * 0.7, z - 4), (34, y * 0.6, z - 5)]),
    )
    return [
        Solid(box((x, y, z)), "steel"),
        Solid(box((x - 2.4, y - 2.4, z - 2.4)), "air", inside="steel"),
        Solid(bolts.moved((0, -8, 0)), pick(d, "brass", "steel")),
        Solid(cylinder(9, z - 3, 14).moved((0, -y * 0.3, 0)), "brass"),
        Solid(coil(6, 0.8, 4, 6).moved((x * 0.38, -y * 0.2, 0)), "steel"),
        Solid(box((x * 1.35, 3, z + 8)).moved((0, y / 2 + 1.8, 0)), "steel"),
    ]


def pocket_knife(d: Rng, r: Rng) -> Solids:
    """A folding knife: liners, blades, springs, scales."""
    length, width = between(d, 75, 120), between(d, 17, 28)
    outline = rounded_rectangle(length, width, width * 0.45)
    blades = int(d.integers(1, 5))
    solids: Solids = []
    for k in range(blades):
        blade = np.array(
            [
                (-length * 0.4, -2),
                (length * 0.42, -width * 0.1),
                (length * 0.3, width * 0.3),
                (-length * 0.4, width * 0.28),
            ]
        )
        solids.append(Solid(extrude(blade, 1.6).moved((0, 0, (k - (blades - 1) / 2) * 2.6)), "steel"))
    z = blades * 1.3 + 1.2
    solids += [Solid(extrude(outline, 0.8).moved((0, 0, s * z)), "brass") for s in (-1, 1)]
    solids += [
        Solid(extrude(outline, 3).moved((0, 0, s * (z + 2.2))), pick(d, "abs", "wood", "aluminium")) for s in (-1, 1)
    ]
    if d.random() < 0.4:
        open_blade = np.array(
            [(0, -width * 0.3), (length * 0.7, -width * 0.2), (length * 0.9, width * 0.1), (0, width * 0.35)]
        )
        solids.append(Solid(extrude(open_blade, 1.8).moved((length * 0.46 + width * 0.1, 0, 0)), "steel"))
    return solids


def link_chain(d: Rng, r: Rng) -> Solids:
    """A dog chain: welded links in a serpentine, with a snap hook."""
    pitch, wire = between(d, 12, 26), between(d, 1.6, 3.5)
    count = int(d.integers(14, 30))
    link = rounded_rectangle(pitch * 0.92, pitch * 0.62, pitch * 0.3, 2)
    ring_path = np.column_stack([link, np.zeros(len(link))])
    flat = sweep(ring_path, wire * 0.5, 5, closed=True)
    angle = np.cumsum(r.normal(0, 14, count))
    at = np.zeros((count, 3))
    at[:, 0] = np.arange(count) % 10 * pitch
    at[:, 1] = np.arange(count) // 10 * pitch * 1.2
    links = joined(*(flat.turned(rotation("z", float(a) * 0.3)).moved(p) for a, p in zip(angle, at, strict=True)))
    return [Solid(links, pick(d, "steel", "brass"))]


SMALLWARE: tuple[Kind, ...] = (
    kind("zipper_pulls", zipper_pulls, 24, 2.0),
    kind("zipper", zipper, 20, 1.3),
    kind("carabiners", carabiners, 24, 1.5),
    kind("buckles", buckles, 24, 1.5),
    kind("keys", keys, 20, 1.5),
    kind("coins", coins, 20, 1.2),
    kind("paper_clips", paper_clips, 12),
    kind("jewellery", jewellery, 20),
    kind("spectacles", spectacles, 16),
    kind("umbrella", umbrella, 20, 1.2),
    kind("pens", pens, 28, 1.5),
    kind("lighter", lighter, 16),
    kind("padlock", padlock, 20, 1.2),
    kind("door_lock", door_lock, 16),
    kind("pocket_knife", pocket_knife, 20),
    kind("link_chain", link_chain, 12),
)
"""What people carry in pockets and what bags are closed with."""
