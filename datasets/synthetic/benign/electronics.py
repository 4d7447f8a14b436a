"""Electronic devices: thin shells around boards, cells, coils and magnets."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    circle,
    core,
    cylinder,
    extrude,
    joined,
    lathe,
    rotation,
    rounded_box,
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
    cell_battery,
    circuit_board,
    grid,
    hollow_box,
    kind,
    moved,
    pick,
    screws,
    slab,
    turned,
)


def phone(d: Rng, r: Rng) -> Solids:
    """Glass and metal slab: cell on one side, board with shields and camera on the other."""
    length, width, thick = between(d, 120, 168), between(d, 58, 78), between(d, 7, 11)
    case = pick(d, "aluminium", "abs", "steel") if d.random() < 0.8 else "magnesium"
    cell = box((length * 0.55, width * 0.55, thick * 0.45)).moved((-length * 0.1, -width * 0.14, 0.3))
    board = circuit_board(d, length * 0.28, width * 0.82, density=1.3, height_mm=thick - 4)
    return [
        *slab((length, width, thick), 1.0, case),
        Solid(box((length * 0.94, width * 0.9, 0.7)).moved((0, 0, thick / 2 - 1.6)), "glass"),
        Solid(cell, "lithium_cell"),
        *moved(board, (length * 0.33, 0, -thick / 2 + 1.2)),
        Solid(box((length * 0.5, 4, 1)).moved((-length * 0.1, width * 0.32, 0)), "copper"),
    ]


def tablet(d: Rng, r: Rng) -> Solids:
    """A larger phone with two cells."""
    length, width, thick = between(d, 180, 265), between(d, 120, 190), between(d, 7, 10)
    cells = boxes(grid(1, 2, 0, width * 0.36, -0.4), np.tile([length * 0.45, width * 0.32, thick * 0.4], (2, 1)))
    board = circuit_board(d, length * 0.16, width * 0.7, density=1.2, height_mm=thick - 3.8)
    return [
        *slab((length, width, thick), 1.1, pick(d, "aluminium", "abs")),
        Solid(box((length * 0.95, width * 0.93, 0.8)).moved((0, 0, thick / 2 - 1.7)), "glass"),
        Solid(cells, "lithium_cell"),
        *moved(board, (length * 0.35, 0, -thick / 2 + 1.2)),
        screws(grid(2, 4, length * 0.94, width * 0.28, -0.5), 2.5, 1.1),
    ]


def laptop(d: Rng, r: Rng) -> Solids:
    """Screen, keyboard plate, board with cooler and heat pipe, disk, row of cells, hinges."""
    length, width = between(d, 280, 375), between(d, 195, 255)
    thick = between(d, 17, 27)
    shell = pick(d, "abs", "magnesium", "aluminium")
    base = slab((length, width, thick), 1.4, shell)
    screen = box((length, width, 2.2)).moved((0, 0, thick / 2 + 1.2))
    glass = box((length * 0.93, width * 0.88, 1.0)).moved((0, 0, thick / 2 + 3.0))
    lid = box((length, width, 1.6)).moved((0, 0, thick / 2 + 4.6))
    z = -thick / 2 + 2
    board = moved(circuit_board(d, length * 0.55, width * 0.45, density=1.2, height_mm=thick * 0.45),
                  (length * 0.18, width * 0.2, z))  # fmt: skip
    if thick > 22:
        count = int(length // 75)
        row = [s for k in range(count) for s in moved(cell_battery(8.2, 64), ((k - (count - 1) / 2) * 70.0, 0, 0))]
        cells = moved(row, (0, -width * 0.4, z + 8.5))
    else:
        pack = boxes(grid(3, 1, length * 0.3, 0), np.tile([length * 0.28, width * 0.28, 5.0], (3, 1)))
        cells = [Solid(pack.moved((0, -width * 0.3, z + 4)), "lithium_cell")]
    pipe = spline(np.array([(-0.05, 0.2, 0), (-0.2, 0.28, 0), (-0.36, 0.36, 0)]) * (length, width, 1), 4)
    cooler = [
        Solid(sweep(pipe + (0, 0, z + thick * 0.62), 2.2, 6), "copper"),
        Solid(tube(24, 8, 7, 18).moved((-length * 0.36, width * 0.16, z + 6)), "abs"),
        Solid(cylinder(7, 7, 12).moved((-length * 0.36, width * 0.16, z + 6)), "steel", fill=0.8),
    ]
    keys = boxes(grid(13, 5, length * 0.066, width * 0.085, thick / 2 - 2.2), np.full((65, 3), 13.0) * (1, 1, 0.1))
    return [
        *base,
        *board,
        *cells,
        *cooler,
        Solid(keys.moved((0, width * 0.12, 0)), "abs"),
        Solid(screen, shell, fill=0.6),
        Solid(glass, "glass"),
        Solid(lid, shell),
        Solid(along_x(joined(*(cylinder(3.2, 22, 10).moved((0, 0, s * length * 0.32)) for s in (-1, 1))))
              .moved((0, width / 2 + 4, thick / 2 + 2)), "steel"),
    ]  # fmt: skip


def bare_board(d: Rng, r: Rng) -> Solids:
    """A naked circuit board: mother board, power board, card."""
    length, width = between(d, 70, 250), between(d, 45, 190)
    board = circuit_board(d, length, width, density=between(d, 0.6, 1.4), height_mm=between(d, 8, 22))
    sink = box((between(d, 25, 45), between(d, 20, 40), 2.5)).moved((0, 0, -1.4))
    return [*board, Solid(sink, pick(d, "aluminium", "copper", "steel"))]


def board_stack(d: Rng, r: Rng) -> Solids:
    """An opened device: two or three boards on metal spacers over a sheet frame."""
    length, width = between(d, 110, 220), between(d, 80, 160)
    solids: Solids = [Solid(box((length * 1.04, width * 1.04, 1.0)).moved((0, 0, -4)), pick(d, "steel", "aluminium"))]
    for level in range(int(d.integers(2, 4))):
        size = (length * between(d, 0.6, 1.0), width * between(d, 0.6, 1.0))
        solids += moved(circuit_board(d, *size, density=1.1, height_mm=13), (0, 0, level * 15))
    return solids


def camera(d: Rng, r: Rng) -> Solids:
    """A body with board, shutter and cell, and a lens barrel with glass groups in rings."""
    width, height, depth = between(d, 110, 150), between(d, 75, 105), between(d, 38, 60)
    barrel, radius = between(d, 45, 130), between(d, 26, 38)
    shell = pick(d, "magnesium", "abs", "aluminium")
    solids: Solids = [
        Solid(rounded_box((width, height, depth), 8), shell),
        Solid(rounded_box((width - 5, height - 5, depth - 5), 7), "air", inside=shell),
        *moved(circuit_board(d, width * 0.7, height * 0.7, density=1.3, height_mm=9),
               (0, 0, -depth / 2 + 4)),
        Solid(box((18, height * 0.6, depth * 0.4)).moved((-width * 0.4, 0, 6)), "lithium_cell"),
        Solid(box((30, 22, 20)).moved((4, height * 0.24, 8)), "glass"),
        Solid(tube(radius * 0.8, radius * 0.55, 3, 20).moved((4, -6, depth / 2 - 5)), "steel"),
    ]  # fmt: skip
    z0 = depth / 2 + 0.2
    metal = pick(d, "aluminium", "aluminium", "polycarbonate")
    lens: Solids = [Solid(tube(radius, radius - 2.5, barrel, 24).moved((4, -6, z0 + barrel / 2)), metal)]
    groups = int(d.integers(3, 7))
    for k in range(groups):
        z = z0 + barrel * (k + 0.6) / (groups + 0.4)
        bulge, rim = between(d, 2, 6), (radius - 3) * between(d, 0.6, 0.95)
        lens.append(Solid(lathe([(0, -bulge / 2), (rim, -1), (rim, 1), (0, bulge / 2)], 20).moved((4, -6, z)), "glass"))
    return [
        *solids,
        *lens,
        Solid(tube(radius + 2.5, radius + 0.1, barrel * 0.35, 24).moved((4, -6, z0 + barrel * 0.6)), "rubber"),
    ]


def lens(d: Rng, r: Rng) -> Solids:
    """A camera lens alone: rings of metal, groups of glass, bayonet."""
    radius, length = between(d, 28, 42), between(d, 50, 180)
    solids: Solids = [
        Solid(tube(radius, radius - 2.2, length, 24), pick(d, "aluminium", "polycarbonate")),
        Solid(
            tube(radius - 3, radius - 5, length * 0.6, 24).moved((0, 0, length * 0.1)), pick(d, "aluminium", "brass")
        ),
        Solid(tube(radius * 0.95, radius * 0.7, 4, 24).moved((0, 0, -length / 2 - 2.1)), "steel"),
    ]
    for k in range(int(d.integers(3, 7))):
        bulge, rim = between(d, 2, 7), (radius - 5.5) * between(d, 0.6, 0.95)
        shape = lathe([(0, -bulge / 2), (rim, -1), (rim, 1), (0, bulge / 2)], 20)
        solids.append(Solid(shape.moved((0, 0, -length * 0.4 + length * 0.13 * k)), "glass"))
    return solids


def hard_disk(d: Rng, r: Rng) -> Solids:
    """A cast case with platters, motor hub, magnet and board."""
    wide = d.random() < 0.5
    length, width, thick = (147.0, 102.0, 26.0) if wide else (100.0, 70.0, between(d, 7, 13))
    plate = width * 0.45
    platters = [tube(plate, plate * 0.28, 1.0, 28).moved((length * 0.12, 0, z)) for z in (-1.5, 1.5)]
    board = circuit_board(d, length * 0.9, width * 0.6, height_mm=4.2)
    return [
        *hollow_box((length, width, thick), thick * 0.16, "aluminium"),
        Solid(joined(*platters), pick(d, "glass", "aluminium")),
        Solid(cylinder(plate * 0.24, thick * 0.55, 18).moved((length * 0.12, 0, 0)), "steel"),
        Solid(box((24, 30, thick * 0.3)).moved((-length * 0.37, -width * 0.2, 0)), "steel"),
        *moved(board, (0, 0, -thick / 2 - 6.2)),
    ]


def headphones(d: Rng, r: Rng) -> Solids:
    """A steel-sprung band with two cups, each with a driver magnet."""
    span, height, cup = between(d, 70, 85), between(d, 90, 120), between(d, 26, 42)
    angle = np.linspace(0, np.pi, 18)
    band = np.column_stack([span * np.cos(angle), height * np.sin(angle), 0 * angle])
    solids: Solids = [
        Solid(sweep(band, 6, 8), "abs"),
        Solid(sweep(band, 1.4, 6), "steel", inside="abs"),
    ]
    for side in (-1, 1):
        one: Solids = [
            Solid(along_x(tube(cup, cup * 0.55, 18, 20)), "rubber", fill=0.3),
            Solid(along_x(cylinder(cup * 0.9, 14, 20)).moved((16.5, 0, 0)), "abs"),
            Solid(along_x(cylinder(cup * 0.82, 10, 20)).moved((16.5, 0, 0)), "air", inside="abs"),
            Solid(along_x(cylinder(cup * 0.36, 6, 16)).moved((16.5, 0, 0)), "steel"),
        ]
        solids += moved(turned(one, rotation("z", 0 if side > 0 else 180)), (side * (span - 20), -cup * 1.08, 0))
    return solids


def loudspeaker(d: Rng, r: Rng) -> Solids:
    """A cabinet with cone drivers: ferrite ring, steel pole, copper coil, basket."""
    width, height, depth = between(d, 80, 150), between(d, 120, 230), between(d, 70, 130)
    wood = pick(d, "wood", "abs")
    wall = 10.0 if wood == "wood" else 2.5
    solids = hollow_box((height, width, depth), wall, wood)
    radius = width * 0.36
    driver: Solids = [
        Solid(lathe([(radius, 0), (radius, -2), (radius * 0.45, -radius * 0.5), (radius * 0.45, -radius * 0.5 + 2)],
                    24),
              "steel"),
        Solid(tube(radius * 0.6, radius * 0.28, 12, 24).moved((0, 0, -radius * 0.5 - 7)), "ceramic", fill=1.9),
        Solid(cylinder(radius * 0.24, 18, 16).moved((0, 0, -radius * 0.5 - 6)), "steel"),
    ]  # fmt: skip
    solids += moved(driver, (-height * 0.16, 0, depth / 2 - wall - 1))
    board = circuit_board(d, height * 0.4, width * 0.5, height_mm=15)
    return [*solids, *moved(board, (height * 0.1, 0, -depth / 2 + wall + 1))]


def razor(d: Rng, r: Rng) -> Solids:
    """An electric razor or trimmer: motor, cell and steel cutters in a slim body."""
    length, radius = between(d, 130, 170), between(d, 17, 25)
    body = lathe([(0, 0), (radius * 0.7, 0), (radius, length * 0.5), (radius * 0.8, length), (0, length)], 18)
    inner = lathe(
        [(0, 3), (radius * 0.6, 3), (radius - 2, length * 0.5), (radius * 0.7, length - 3), (0, length - 3)], 18
    )
    motor_can = cylinder(radius * 0.45, 32, 14).moved((0, 0, length * 0.72))
    cell = turned(cell_battery(6.9, 46), rotation("y", -90))
    return [
        Solid(body, "abs"),
        Solid(inner, "air", inside="abs"),
        Solid(motor_can, "steel"),
        Solid(cylinder(radius * 0.32, 20, 12).moved((0, 0, length * 0.72)), "copper", inside="steel", fill=0.6),
        *moved(cell, (0, 0, length * 0.36)),
        Solid(joined(*(tube(8, 2, 4, 14).moved((x, 0, length + 2.3)) for x in (-9, 9))), "steel"),
    ]


def game_controller(d: Rng, r: Rng) -> Solids:
    """Two grips, a board, sticks, springs, two small motors with weights."""
    size = between(d, 0.85, 1.1)
    outline = np.array([(-40, 28), (40, 28), (62, 18), (76, -40), (60, -52), (38, -12), (-38, -12), (-60, -52),
                        (-76, -40), (-62, 18)]) * size  # fmt: skip
    solids: Solids = [
        Solid(extrude(outline, 40), "abs"),
        Solid(core(outline, 35, 2.5), "air", inside="abs"),
        *moved(circuit_board(d, 70 * size, 32 * size, density=1.2, height_mm=10), (0, 8 * size, -8)),
    ]
    for side in (-1, 1):
        solids += [
            Solid(along_y(cylinder(8, 15, 14)).moved((side * 52 * size, -16 * size, 0)), "steel"),
            Solid(cylinder(8, 12, 14).moved((side * 26 * size, 0, 10)), "rubber"),
            Solid(sweep(np.array([(side * 44, 8, 3), (side * 38, 15, 5)]) * (size, size, 1), 1.2, 5), "steel"),
        ]
    return [*solids, screws(grid(2, 2, 84 * size, 20 * size, 8) + (0, 2 * size, 0), 9, 1.4)]


def watch(d: Rng, r: Rng) -> Solids:
    """A case with movement and glass, on a strap or a link bracelet."""
    radius, thick = between(d, 15, 24), between(d, 7, 12)
    case = pick(d, "steel", "steel", "brass", "abs")
    links = int(d.integers(7, 11))
    x = np.concatenate([np.arange(links) * 8.0 + radius + 5, -np.arange(links) * 8.0 - radius - 5])
    points = np.column_stack([x, 0 * x, 0 * x])
    metal = d.random() < 0.55
    strap = boxes(points, np.tile([7.0 if metal else 8.0, radius * 0.9, 3.0], (len(x), 1)))
    return [
        Solid(cylinder(radius, thick, 24), case),
        Solid(cylinder(radius * 0.85, thick - 2.5, 24), "air", inside=case),
        Solid(tube(radius * 0.6, radius * 0.2, thick - 5, 16), "brass", fill=0.6),
        Solid(cylinder(radius * 0.8, 0.9, 20).moved((0, 0, thick / 2 - 1.9)), "glass"),
        Solid(strap, "steel" if metal else pick(d, "leather", "rubber"), fill=0.8),
    ]


def remote_control(d: Rng, r: Rng) -> Solids:
    """A slim shell with a thin board and two AAA cells."""
    length, width, thick = between(d, 130, 200), between(d, 38, 55), between(d, 17, 24)
    board = circuit_board(d, length * 0.85, width * 0.75, density=0.4, height_mm=3.0)
    cells = [s for y in (-5.6, 5.6) for s in moved(cell_battery(5.2, 42), (-length * 0.26, y, -thick / 2 + 7))]
    return [*hollow_box((length, width, thick), 1.8, "abs"), *moved(board, (0, 0, thick / 2 - 5)), *cells]


def printer_part(d: Rng, r: Rng) -> Solids:
    """Toner cartridge: long rollers of aluminium and steel in a plastic trough with powder."""
    length, width, thick = between(d, 200, 330), between(d, 80, 120), between(d, 55, 85)
    rollers = [(12.0, "aluminium", -0.34), (7.0, "steel", 0.0), (5.0, "steel", 0.22)]
    solids: Solids = hollow_box((length, width, thick), 2.2, "abs")
    for radius, material, y in rollers:
        solids.append(
            Solid(along_x(tube(radius, radius * 0.7, length * 0.92, 16)).moved((0, y * width, -thick * 0.2)), material)
        )
    powder = box((length * 0.9, width * 0.5, thick * 0.3)).moved((0, width * 0.18, thick * 0.3))
    gears = [along_x(extrude(circle(9, 14), 6)).moved((length / 2 + 3.2, y * width, 0)) for y in (-0.3, 0, 0.3)]
    return [*solids, Solid(powder, "polyethylene", fill=0.6), Solid(joined(*gears), "nylon")]


ELECTRONICS: tuple[Kind, ...] = (
    kind("phone", phone, 24, 1.5),
    kind("tablet", tablet, 16),
    kind("laptop", laptop, 20),
    kind("bare_board", bare_board, 32, 1.5),
    kind("board_stack", board_stack, 16),
    kind("camera", camera, 20),
    kind("lens", lens, 16),
    kind("hard_disk", hard_disk, 12),
    kind("headphones", headphones, 16),
    kind("loudspeaker", loudspeaker, 16),
    kind("razor", razor, 16),
    kind("game_controller", game_controller, 12),
    kind("watch", watch, 24),
    kind("remote_control", remote_control, 16),
    kind("printer_part", printer_part, 12),
)
"""Devices."""
