"""What the benign kinds are put together from: recipes, groups of small boxes, boards, motors, screws."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..shapes import along_x, box, coil, cylinder, extrude, joined, rounded_rectangle, tube
from ..solids import Item, Kind, Mesh, Solid, design_id_of

Rng = np.random.Generator
Solids = list[Solid]
Recipe = Callable[[Rng, Rng], Solids]
"""(generator of the design, generator of the instance) → solids. What tells two designs apart comes from the first:
proportions, materials, parts; wear, pose and what is loose come from the second."""
Vector = tuple[float, float, float]


def kind(name: str, recipe: Recipe, designs: int = 8, weight: float = 1.0, **attributes: str) -> Kind:
    """A benign kind from its recipe. The build can be pickled, because recipes are module-level functions."""
    return Kind(name, None, designs, partial(_build, name, recipe, attributes), weight)


def design_generator(name: str, design: int) -> Rng:
    """The same numbers for one design of one kind, always."""
    return np.random.default_rng([zlib.crc32(name.encode()), design])


def _build(name: str, recipe: Recipe, attributes: dict[str, str], design: int, rng: Rng) -> Item:
    solids = laid_flat(recipe(design_generator(name, design), rng))
    return Item(name, None, design_id_of(name, design), tuple(solids), attributes)


def laid_flat(solids: Sequence[Solid]) -> Solids:
    """Centred on the origin with the longest side along x and the thinnest along z."""
    vertices = np.concatenate([s.mesh.vertices_mm for s in solids])
    lower, upper = vertices.min(0), vertices.max(0)
    order = np.argsort(-(upper - lower), kind="stable")
    turn = np.eye(3)[order]
    if np.linalg.det(turn) < 0:
        turn[2] *= -1
    centre = turn @ ((lower + upper) / 2).astype(np.float64)
    return [_with_mesh(s, s.mesh.turned(turn).moved(-centre)) for s in solids]


def _with_mesh(solid: Solid, mesh: Mesh) -> Solid:
    return Solid(mesh, solid.material, solid.inside, solid.fill, solid.inside_fill)


def moved(solids: Sequence[Solid], offset_mm: Vector) -> Solids:
    """All solids shifted alike."""
    return [_with_mesh(s, s.mesh.moved(offset_mm)) for s in solids]


def turned(solids: Sequence[Solid], rotation: NDArray[np.float64]) -> Solids:
    """All solids turned alike about the origin."""
    return [_with_mesh(s, s.mesh.turned(rotation)) for s in solids]


_UNIT_BOX = box((1.0, 1.0, 1.0))


def boxes(centres_mm: NDArray[np.float64], sizes_mm: NDArray[np.float64]) -> Mesh:
    """(N, 3) axis-parallel boxes as one mesh."""
    unit, count = _UNIT_BOX, len(centres_mm)
    vertices = unit.vertices_mm[None] * sizes_mm[:, None] + centres_mm[:, None]
    faces = unit.faces[None] + (np.arange(count) * len(unit.vertices_mm))[:, None, None]
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), faces.reshape(-1, 3).astype(np.int32))


def copies(mesh: Mesh, offsets_mm: NDArray[np.float64]) -> Mesh:
    """One mesh repeated at (N, 3) offsets."""
    vertices = mesh.vertices_mm[None] + offsets_mm[:, None]
    faces = mesh.faces[None] + (np.arange(len(offsets_mm)) * len(mesh.vertices_mm))[:, None, None]
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), faces.reshape(-1, 3).astype(np.int32))


def shell(outer: Mesh, inner: Mesh, material: str, *, fill: float = 1.0) -> Solids:
    """A hollow body: the outer mesh with an air cavity."""
    return [Solid(outer, material, fill=fill), Solid(inner, "air", inside=material, inside_fill=fill)]


def hollow_box(size_mm: Vector, wall_mm: float, material: str) -> Solids:
    """A closed box with walls of equal thickness."""
    inner = tuple(s - 2 * wall_mm for s in size_mm)
    return shell(box(size_mm), box((inner[0], inner[1], inner[2])), material)


def slab(size_mm: Vector, wall_mm: float, material: str) -> Solids:
    """A flat hollow case with rounded corners."""
    outline = rounded_rectangle(size_mm[0], size_mm[1], min(size_mm[:2]) * 0.08)
    inner = rounded_rectangle(size_mm[0] - 2 * wall_mm, size_mm[1] - 2 * wall_mm, min(size_mm[:2]) * 0.06)
    return [
        Solid(extrude(outline, size_mm[2]), material),
        Solid(extrude(inner, size_mm[2] - 2 * wall_mm), "air", inside=material),
    ]


def pick(rng: Rng, *choices: str) -> str:
    """One of the names."""
    return choices[int(rng.integers(len(choices)))]


def between(rng: Rng, low: float, high: float) -> float:
    """A number between two others."""
    return float(rng.uniform(low, high))


def grid(nx: int, ny: int, pitch_x_mm: float, pitch_y_mm: float, z_mm: float = 0.0) -> NDArray[np.float64]:
    """(nx * ny, 3) points of a rectangle centred on the z axis."""
    x = (np.arange(nx) - (nx - 1) / 2) * pitch_x_mm
    y = (np.arange(ny) - (ny - 1) / 2) * pitch_y_mm
    points = np.stack(np.meshgrid(x, y, indexing="ij"), -1).reshape(-1, 2)
    return np.concatenate([points, np.full((len(points), 1), z_mm)], 1)


def ring(count: int, radius_mm: float, z_mm: float = 0.0) -> NDArray[np.float64]:
    """(count, 3) points on a circle about z."""
    angle = np.arange(count) * 2 * np.pi / count
    return np.stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle), np.full(count, z_mm)], 1)


def rectangle(width_mm: float, height_mm: float, centre_mm: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float64]:
    """(4, 2) outline of a rectangle, counter-clockwise."""
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * (width_mm, height_mm)
    return np.asarray(corners + np.asarray(centre_mm))


def circuit_board(
    rng: Rng, length_mm: float, width_mm: float, *, density: float = 1.0, height_mm: float = 8.0
) -> Solids:
    """A board in the xy plane, its underside at z = 0, with parts on top up to ``height_mm``.

    Parts stand on cells of a jittered grid, so they never overlap: chips, small passives, metal cans and capacitors,
    sockets of steel, now and then a heat sink.
    """
    cell = max(6.0, min(length_mm, width_mm) / 9)
    nx, ny = max(1, int(length_mm * 0.94 / cell)), max(1, int(width_mm * 0.94 / cell))
    points = grid(nx, ny, cell, cell, 1.6)
    points = points[rng.random(len(points)) < min(0.95, 0.72 * density)]
    role = rng.choice(4, len(points), p=(0.45, 0.3, 0.15, 0.1))
    plan = cell * rng.uniform(0.25, 0.86, (len(points), 2))
    tall = np.array([1.2, 1.0, 0.6, 0.9])[role] * rng.uniform(0.12, 1.0, len(points)) ** 2 * (height_mm - 2.4) + 0.6
    tall = np.minimum(tall, height_mm - 1.7)
    sizes = np.concatenate([plan, tall[:, None]], 1)
    centres = points + np.concatenate([(cell * 0.93 - plan) / 2 * rng.uniform(-1, 1, plan.shape), tall[:, None] / 2], 1)
    materials = ("silicon", "ceramic", "aluminium", "steel")
    board = Solid(box((length_mm, width_mm, 1.6)).moved((0, 0, 0.8)), "circuit_board")
    parts = [
        Solid(boxes(centres[role == k], sizes[role == k]), m) for k, m in enumerate(materials) if (role == k).any()
    ]
    return [board, *parts]


def motor(radius_mm: float, length_mm: float, shaft_mm: float = 12.0) -> Solids:
    """A small motor along x: steel can, ring of magnets, copper-wound rotor, shaft."""
    can, bore = radius_mm, radius_mm - max(0.8, radius_mm * 0.07)
    inner = length_mm - 4.0
    rotor = bore * 0.68
    shaft = max(1.0, radius_mm * 0.1)
    return [
        Solid(along_x(cylinder(can, length_mm, 20)), "steel"),
        Solid(along_x(cylinder(bore, inner, 20)), "air", inside="steel"),
        Solid(along_x(tube(bore * 0.97, bore * 0.78, inner * 0.8)), "ceramic", fill=1.6),
        Solid(along_x(tube(rotor, rotor * 0.55, inner * 0.75)), "copper", fill=0.55),
        Solid(along_x(cylinder(rotor * 0.52, inner * 0.6, 12)), "steel"),
        Solid(along_x(cylinder(shaft, shaft_mm, 8)).moved(((length_mm + shaft_mm) / 2, 0, 0)), "steel"),
    ]


def transformer(size_mm: Vector) -> Solids:
    """A laminated steel core with two copper windings beside its middle leg."""
    x, y, z = size_mm
    leg = x / 5
    core = joined(
        box((x, leg, z * 0.6)).moved((0, y / 2 - leg / 2, 0)),
        box((x, leg, z * 0.6)).moved((0, leg / 2 - y / 2, 0)),
        boxes(grid(3, 1, 2 * leg, 0), np.tile([leg, y - 2 * leg, z * 0.6], (3, 1))),
    )
    windings = grid(2, 1, 2 * leg, 0)
    return [
        Solid(core, "steel", fill=0.95),
        Solid(boxes(windings, np.tile([leg * 0.9, (y - 2 * leg) * 0.9, z * 0.95], (2, 1))), "copper", fill=0.6),
    ]


def screw(length_mm: float, radius_mm: float) -> Mesh:
    """A screw along z with its head on top; the thread is left out."""
    shank = cylinder(radius_mm, length_mm, 8)
    head = cylinder(radius_mm * 1.9, radius_mm * 1.3, 10)
    return joined(shank, head.moved((0, 0, (length_mm + radius_mm * 1.3) / 2)))


def screws(points_mm: NDArray[np.float64], length_mm: float, radius_mm: float) -> Solid:
    """Steel screws at (N, 3) points."""
    return Solid(copies(screw(length_mm, radius_mm), points_mm), "steel")


def spring(radius_mm: float, length_mm: float, wire_mm: float, turns: float) -> Solid:
    """A coil spring along x."""
    return Solid(along_x(coil(radius_mm, wire_mm / 2, turns, length_mm)), "steel")


def cell_battery(radius_mm: float, length_mm: float) -> Solids:
    """A round battery along x: thin steel can, dense paste, brass pin, contact cap."""
    paste, pin = radius_mm - 0.4, radius_mm * 0.12
    return [
        Solid(along_x(cylinder(radius_mm, length_mm, 16)), "steel"),
        Solid(along_x(cylinder(paste, length_mm - 1.2, 16)), "lithium_cell", inside="steel"),
        Solid(along_x(cylinder(pin, length_mm * 0.7, 8)), "brass", inside="lithium_cell"),
        Solid(along_x(cylinder(radius_mm * 0.38, 1.2, 10)).moved((length_mm / 2 + 0.6, 0, 0)), "steel"),
    ]
