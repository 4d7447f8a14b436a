"""Toys, among them guns of thin plastic: benign, and told apart by their walls and what is in them."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    coil,
    core,
    cylinder,
    ellipsoid,
    extrude,
    frustum,
    joined,
    lathe,
    rounded_box,
    smooth,
    sweep,
    tube,
)
from ..solids import Kind, Solid
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
    screws,
    shell,
)


def toy_gun(d: Rng, r: Rng) -> Solids:
    """A cap gun, water pistol or dart blaster: a hollow plastic shell, few screws, one spring or a tank."""
    length, height, thick = between(d, 130, 260), between(d, 100, 160), between(d, 20, 42)
    plastic = pick(d, "abs", "polyethylene", "polypropylene", "zinc") if d.random() < 0.9 else "wood"
    grip, body = height * 0.62, height * 0.36
    lean = between(d, 0.05, 0.35) * grip
    outline = np.array([(0, 0), (length, body * 0.2), (length, body * 0.9), (length * 0.8, body), (0, body),
                        (-length * 0.12, body * 0.6), (-lean - 10, -grip), (length * 0.2 - lean, -grip),
                        (length * 0.24, -4)])  # fmt: skip
    outline = smooth(outline, 1)
    wall = between(d, 1.4, 2.6)
    solids: Solids = [Solid(extrude(outline, thick), plastic)]
    if plastic not in ("wood",):
        solids.append(Solid(core(outline, thick - 2 * wall, wall), "air", inside=plastic))
        solids.append(
            Solid(along_x(coil(thick * 0.2, 0.6, 8, length * 0.3)).moved((length * 0.4, body * 0.55, 0)), "steel")
        )
        at = np.array(
            [(length * 0.1, body * 0.75, 0), (length * 0.8, body * 0.6, 0), (-lean * 0.6 + 6, -grip * 0.7, 0)]
        )
        solids.append(screws(at, thick * 0.4, 1.3))
    guard = np.array([(length * 0.25, -2, 0), (length * 0.34, -26, 0), (length * 0.48, -24, 0), (length * 0.5, 2, 0)])
    solids.append(Solid(sweep(guard - (0, 4, 0), 3.0, 6), plastic))
    if d.random() < 0.4 and plastic != "wood":
        tank = rounded_box((length * 0.3, body * 0.5, thick * 0.6), 6).moved((length * 0.3, body + body * 0.3, 0))
        solids += [Solid(tank, "polyethylene"), Solid(tank.moved((-length * 0.3, -body * 1.3, 0)).scaled(0.9).moved(
            (length * 0.3, body * 1.3, 0)), "water", inside="polyethylene")]  # fmt: skip
    return solids


def toy_car(d: Rng, r: Rng) -> Solids:
    """A die-cast or plastic car with wheels on steel axles, sometimes a motor and cells."""
    length, width, height = between(d, 60, 230), between(d, 28, 90), between(d, 20, 60)
    shell_of = pick(d, "zinc", "abs", "abs", "steel")
    wall = 1.4 if shell_of != "steel" else 0.7
    side = np.array([(-0.5, 0), (0.5, 0), (0.5, 0.45), (0.25, 0.5), (0.1, 1), (-0.25, 1), (-0.4, 0.5), (-0.5, 0.5)]) * (
        length,
        height,
    )
    wheel = height * 0.26
    axles = np.array([(-length * 0.3, -wheel - 0.2, 0), (length * 0.3, -wheel - 0.2, 0)])
    tyres = np.concatenate([axles + (0, 0, s * width * 0.42) for s in (-1, 1)])
    solids: Solids = [
        Solid(extrude(side, width), shell_of),
        Solid(core(side, width - 2 * wall, wall), "air", inside=shell_of),
        Solid(copies(cylinder(1.2, width * 0.66, 6), axles), "steel"),
        Solid(copies(tube(wheel, wheel * 0.4, width * 0.14, 16), tyres), pick(d, "rubber", "abs")),
    ]
    if length > 140:
        solids += moved(motor(min(10.0, height * 0.18), 28, 6), (-length * 0.22, height * 0.25, 0))
        solids += moved(
            circuit_board(d, length * 0.2, min(width * 0.5, height * 0.3), height_mm=5),
            (length * 0.2, height * 0.22, -3),
        )
    return solids


def building_blocks(d: Rng, r: Rng) -> Solids:
    """Hollow bricks in rows."""
    nx, ny = int(d.integers(3, 8)), int(d.integers(2, 6))
    at = grid(nx, ny, 33, 17.5)
    at = at[r.random(len(at)) < 0.85]
    if not len(at):
        at = grid(1, 1, 1, 1)
    n = len(at)
    solid = pick(d, "abs", "wood")
    body = Solid(boxes(at, np.tile([31.0, 15.6, 10.0], (n, 1))), solid)
    if solid == "wood":
        return [body]
    return [body, Solid(boxes(at - (0, 0, 0.8), np.tile([28.4, 13.0, 7.8], (n, 1))), "air", inside="abs"),
            Solid(copies(tube(3, 2, 7.4, 8), at - (0, 0, 0.8)), "abs")]  # fmt: skip


def doll(d: Rng, r: Rng) -> Solids:
    """A plastic figure: hollow head and trunk, limbs on pins, screws, sometimes a voice box."""
    height = between(d, 120, 330)
    trunk = (height * 0.3, height * 0.2, height * 0.11)
    limbs = [along_x(frustum(height * 0.045, height * 0.03, height * 0.42, 10)).moved((x, s * height * k, 0))
             for s in (-1, 1) for x, k in ((-height * 0.38, 0.06), (height * 0.0, 0.16))]  # fmt: skip
    head = ellipsoid((height * 0.16, height * 0.14, height * 0.13), 12).moved((height * 0.25, 0, 0))
    solids: Solids = [
        *shell(
            rounded_box(trunk, height * 0.03),
            rounded_box((trunk[0] - 3, trunk[1] - 3, trunk[2] - 3), height * 0.025),
            "abs",
        ),
        Solid(head, "pvc", fill=0.45),
        Solid(joined(*limbs), "pvc", fill=0.6),
        screws(grid(2, 2, trunk[0] * 0.7, trunk[1] * 0.7), trunk[2] * 0.5, 1.1),
    ]
    if d.random() < 0.5:
        solids += moved(
            circuit_board(d, trunk[0] * 0.4, trunk[1] * 0.4, height_mm=trunk[2] * 0.3), (0, 0, -trunk[2] * 0.3)
        )
    return solids


def robot(d: Rng, r: Rng) -> Solids:
    """A toy with motors, cells, board and many small screws."""
    x, y, z = between(d, 90, 160), between(d, 70, 110), between(d, 45, 70)
    cells = [s for k in (-1, 1) for s in moved(cell_battery(7, 48), (-x * 0.15, k * 8.0, -z * 0.25))]
    legs = boxes(
        np.array([(-x * 0.72, s * y * 0.28, 0) for s in (-1, 1)]), np.tile([x * 0.4, y * 0.3, z * 0.6], (2, 1))
    )
    return [
        *shell(rounded_box((x, y, z), 8), rounded_box((x - 4, y - 4, z - 4), 7), "abs"),
        *cells,
        *moved(motor(9, 26, 6), (x * 0.24, y * 0.22, z * 0.1)),
        *moved(motor(9, 26, 6), (x * 0.24, -y * 0.22, z * 0.1)),
        *moved(circuit_board(d, x * 0.4, y * 0.6, height_mm=8), (-x * 0.2, 0, z * 0.12)),
        Solid(legs, "abs", fill=0.35),
        screws(grid(2, 3, x * 0.86, y * 0.4) + (0, 0, z * 0.36), 6, 1.2),
    ]


def balls(d: Rng, r: Rng) -> Solids:
    """Marbles, golf balls, bearings, billiard balls."""
    count, radius = int(d.integers(1, 14)), between(d, 7, 30)
    at = grid(5, 3, radius * 2.1, radius * 2.1)[: max(1, min(count, 15))]
    return [
        Solid(
            copies(ellipsoid((radius * 2,) * 3, 12), at),
            pick(d, "glass", "rubber", "steel" if radius < 14 else "nylon"),
        )
    ]


def music_box(d: Rng, r: Rng) -> Solids:
    """A wooden box with comb, drum and spring."""
    x, y, z = between(d, 70, 130), between(d, 55, 90), between(d, 40, 60)
    comb = boxes(grid(1, 18, 0, 2.0) + (x * 0.1, 0, 0), np.tile([24.0, 1.5, 1.2], (18, 1)))
    return [
        *shell(box((x, y, z)), box((x - 14, y - 14, z - 14)), "wood"),
        Solid(along_y(cylinder(8, 38, 16)).moved((-x * 0.18, 0, 0)), "brass"),
        Solid(comb, "steel"),
        Solid(box((x * 0.5, y * 0.55, 2)).moved((0, 0, -z * 0.3)), "brass"),
    ]


def board_game(d: Rng, r: Rng) -> Solids:
    """A board game: board, pieces, dice, cards."""
    x, y = between(d, 180, 300), between(d, 130, 220)
    at = grid(6, 4, x * 0.13, y * 0.18)[r.permutation(24)[: int(d.integers(8, 24))]]
    piece = lathe([(0, 22), (4, 20), (3, 12), (7, 0), (0, 0)], 10)
    return [
        Solid(box((x, y, 4)), "cardboard"),
        Solid(copies(piece, at + (0, 0, 2.4)), pick(d, "wood", "abs", "tin")),
        Solid(box((63, 88, 18)).moved((0, 0, -11.4)), "paper", fill=0.9),
    ]


TOYS: tuple[Kind, ...] = (
    kind("toy_gun", toy_gun, 32, 1.8, toy="yes"),
    kind("toy_car", toy_car, 20, 1.2),
    kind("building_blocks", building_blocks, 16),
    kind("doll", doll, 16),
    kind("robot", robot, 16),
    kind("balls", balls, 16),
    kind("music_box", music_box, 12),
    kind("board_game", board_game, 12),
)
"""Toys."""
