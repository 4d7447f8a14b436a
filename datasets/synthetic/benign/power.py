"""Power and connection: chargers, cells, power banks, cables, plugs, flashlights; many of them cartridge-shaped."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    box,
    cylinder,
    joined,
    lathe,
    rotation,
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
    copies,
    grid,
    hollow_box,
    kind,
    moved,
    pick,
    slab,
    spring,
    transformer,
    turned,
)


def charger(d: Rng, r: Rng) -> Solids:
    """A mains charger: pins, transformer or ferrite core, capacitor, board."""
    length, width, thick = between(d, 50, 110), between(d, 32, 55), between(d, 24, 36)
    heavy = d.random() < 0.5
    core = transformer((length * 0.5, width * 0.7, thick * 0.75))
    board = circuit_board(d, length * 0.85, width * 0.8, height_mm=thick * 0.3)
    pins = boxes(np.array([(0, -9.5, 0), (0, 9.5, 0)]), np.full((2, 3), 4.0) * (4.5, 1, 1))
    cord = spline(np.array([(0, 0, 0), (30, 6, 2), (60, -30, 0), (10, -60, 3), (-50, -50, 1), (-60, 20, 5)]), 4)
    inner = core if heavy else [*board, Solid(box((18, 16, 12)).moved((0, 0, thick * 0.32)), "ceramic", fill=1.8)]
    return [
        *hollow_box((length, width, thick), 2.2, "abs"),
        *moved(inner, (0, 0, 0.0 if heavy else -thick / 2 + 3)),
        Solid(pins.moved((-length / 2 - 9.2, 0, 0)), "brass"),
        Solid(sweep(cord + (length / 2 + 2, 0, 0), 2.0, 6), "pvc"),
        Solid(sweep(cord + (length / 2 + 2, 0, 0), 0.9, 5), "copper", inside="pvc"),
    ]


def power_bank(d: Rng, r: Rng) -> Solids:
    """Cells in a row with a small board: from afar a magazine."""
    count = int(d.integers(1, 6))
    shell = pick(d, "abs", "aluminium")
    if d.random() < 0.5:
        solids = hollow_box((76, count * 19 + 5.0, 23), 1.6, shell)
        for k in range(count):
            solids += moved(cell_battery(9, 62), (2, (k - (count - 1) / 2) * 19, 0))
        return [*solids, Solid(box((1.6, count * 16.0, 16)).moved((-34, 0, 0)), "circuit_board")]
    length, width, thick = between(d, 90, 150), between(d, 60, 78), between(d, 9, 20)
    pouch = box((length * 0.72, width * 0.86, (thick - 4.5))).moved((-length * 0.1, 0, 0))
    board = circuit_board(d, length * 0.15, width * 0.8, height_mm=thick - 4.5)
    return [*slab((length, width, thick), 1.6, shell), Solid(pouch, "lithium_cell"),
            *moved(board, (length * 0.38, 0, -thick / 2 + 2))]  # fmt: skip


def round_cells(d: Rng, r: Rng) -> Solids:
    """Loose or shrink-wrapped round cells, AA to C size, side by side like cartridges."""
    count = int(d.integers(1, 9))
    radius, length = ((5.2, 44), (7.2, 50), (7.2, 50), (9, 65), (13, 50))[int(d.integers(5))]
    solids: Solids = []
    for k in range(count):
        one = cell_battery(radius, length - 1.5)
        if r.random() < 0.5:
            one = turned(one, rotation("z", 180))
        solids += moved(one, (between(r, -0.5, 0.5), k * (radius * 2 + 0.3), 0))
    return solids


def button_cells(d: Rng, r: Rng) -> Solids:
    """A blister strip of button cells."""
    nx, ny, radius = int(d.integers(2, 6)), int(d.integers(1, 4)), between(d, 4, 11)
    points = grid(nx, ny, radius * 2.6, radius * 2.6)
    thick = between(d, 1.8, 5)
    card = box((nx * radius * 2.6 + 14, ny * radius * 2.6 + 14, 0.6)).moved((0, 0, -thick / 2 - 0.4))
    return [
        Solid(copies(cylinder(radius, thick, 16), points), "steel"),
        Solid(copies(cylinder(radius * 0.9, thick * 0.7, 16), points), "lithium_cell", inside="steel"),
        Solid(card, "cardboard"),
    ]


def cable_coil(d: Rng, r: Rng) -> Solids:
    """A cable coiled up, with connectors at both ends."""
    turns, radius, thick = int(d.integers(2, 7)), between(d, 30, 90), between(d, 1.3, 4.2)
    steps = turns * 14
    angle = np.linspace(0, 2 * np.pi * turns, steps)
    # Each turn lies beside the one before, with a slack of its own, as a hand winds it.
    flat = between(r, 0.55, 1.0)
    wobble = radius * (0.72 + 0.015 * np.sin(angle * 0.37 + r.uniform(0, 6)))
    out = wobble + angle / (2 * np.pi) * thick * 2.4 / flat
    path = np.column_stack([out * np.cos(angle), out * np.sin(angle) * flat, 0.3 * thick * np.sin(angle / 2)])
    core = pick(d, "copper", "copper", "aluminium")
    plug = box((34, 13, 9))
    metal = box((13, 9, 4))
    ends = [path[0] * 0.5 + (0, 0, thick + 8), path[-1] * 0.6 + (0, 0, thick + 20)]
    return [
        Solid(sweep(path, thick, 6), "pvc"),
        Solid(sweep(path, thick * 0.5, 5), core, inside="pvc", fill=0.7),
        Solid(joined(*(plug.moved(e) for e in ends)), "pvc"),
        Solid(joined(*(metal.moved(e) for e in ends)), "steel", inside="pvc", fill=0.7),
        Solid(joined(*(metal.moved(e + (23.6, 0, 0)) for e in ends)), "steel", fill=0.6),
    ]


def plug_bundle(d: Rng, r: Rng) -> Solids:
    """Connectors, adapters and short leads in a heap side by side."""
    count = int(d.integers(4, 10))
    cells = grid(count, 2, 24, 32)[r.permutation(count * 2)[:count]]
    bodies = boxes(cells, d.uniform(0.5, 1.0, (count, 3)) * (20, 26, 11))
    pins = boxes(cells + (0, 0, 6.8), np.tile([10.0, 10.0, 1.8], (count, 1)))
    return [Solid(bodies, pick(d, "pvc", "abs")), Solid(pins, "brass")]


def flashlight(d: Rng, r: Rng) -> Solids:
    """A metal tube with cells in line, spring, reflector and lens: a barrel look-alike."""
    radius, count, cell = ((13.0, 2, 50.0), (16.0, 1, 65.0), (12.0, 3, 44.0), (18.0, 2, 58.0))[int(d.integers(4))]
    wall = between(d, 1.4, 3.0)
    length = count * (cell + 1) + 22
    head = radius * between(d, 1.1, 1.7)
    body = pick(d, "aluminium", "aluminium", "abs", "steel")
    solids: Solids = [
        Solid(along_x(tube(radius, radius - wall, length)), body),
        Solid(along_x(cylinder(radius, wall * 2)).moved((-length / 2 - wall - 0.1, 0, 0)), body),
        Solid(along_x(lathe([(head, 0), (head, 34), (head - 2, 34), (head - 2, 4), (radius * 0.7, 0)]))
              .moved((length / 2 + 0.2, 0, 0)), body),
        Solid(along_x(lathe([(3, 6), (head - 3, 30), (head - 4, 30), (3, 7.5)], 18)).moved((length / 2, 0, 0)),
              "aluminium"),
        Solid(along_x(cylinder(head - 2.2, 2)).moved((length / 2 + 32, 0, 0)), pick(d, "glass", "polycarbonate")),
    ]  # fmt: skip
    start = -length / 2 + 14
    solids += moved([spring(radius * 0.5, 11, 1.2, 4)], (start - 6.5, 0, 0))
    for k in range(count):
        solids += moved(cell_battery(radius - wall - 0.6, cell - 2), (start + (k + 0.5) * (cell + 1), 0, 0))
    return solids


POWER: tuple[Kind, ...] = (
    kind("charger", charger, 24, 1.5),
    kind("power_bank", power_bank, 24, 1.2),
    kind("round_cells", round_cells, 24, 1.5),
    kind("button_cells", button_cells, 16),
    kind("cable_coil", cable_coil, 28, 2.0),
    kind("plug_bundle", plug_bundle, 16),
    kind("flashlight", flashlight, 24, 1.2),
)
"""Cells, chargers and cables."""
