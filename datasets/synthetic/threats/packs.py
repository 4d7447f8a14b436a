"""Packed ammunition: cartons with trays, clips, belts, taped bundles, bags, rings for revolvers.

Recognition silhouettes only (docs/content-safety.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .. import shapes
from ..solids import Item, Kind, Solid
from .ammunition import CartridgeDesign, Family, cartridge_design, cartridge_solids
from .common import Rng, Solids, between, copies, design_rng, finished, one_of, pipe, slab

_FORMS = ("carton", "carton", "clip", "bundle", "belt", "bag", "carton", "ring")
_LOADS: dict[str, tuple[Family, ...]] = {
    "carton": ("rimless", "bottleneck", "shotshell", "rimmed", "rimfire"),
    "clip": ("bottleneck", "rimless"), "bundle": ("rimless", "bottleneck", "shotshell", "rimmed"),
    "belt": ("bottleneck", "shotshell"), "bag": ("rimless", "rimfire", "bottleneck", "rimmed"), "ring": ("rimmed",),
}  # fmt: skip


def upright(design: CartridgeDesign) -> Solids:
    """A coarse cartridge standing on its head, along z."""
    turn = shapes.rotation("y", -90.0)
    return [replace(s, mesh=s.mesh.turned(turn)) for s in cartridge_solids(design, 8, False)]


def _grid(columns: int, rows: int, pitch_mm: tuple[float, float]) -> NDArray[np.float64]:
    """(columns · rows, 3) places about the origin."""
    x, y = np.meshgrid((np.arange(columns) - 0.5 * (columns - 1)) * pitch_mm[0],
                       (np.arange(rows) - 0.5 * (rows - 1)) * pitch_mm[1])  # fmt: skip
    return np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])


def carton(cartridge: CartridgeDesign, fixed: Rng, share: float) -> Solids:
    """A thin box with cartridges in rows, upright in a tray; ``share`` of the places is filled."""
    columns, rows = ((10, 5), (10, 2), (5, 5), (10, 5), (10, 5))[_LOADS["carton"].index(cartridge.family)]
    widest = 2 * cartridge.radius_mm * (1.15 if cartridge.family in ("rimmed", "rimfire", "shotshell") else 1.0)
    pitch = widest + between(fixed, 0.3, 1.6)
    places = _grid(columns, rows, (pitch, pitch))
    half = 0.5 * cartridge.overall_mm
    inner = (columns * pitch + 2.0, rows * pitch + 2.0, cartridge.overall_mm + 4.0)
    paper = between(fixed, 0.5, 1.2)
    outer = (inner[0] + 2 * paper, inner[1] + 2 * paper, inner[2] + 2 * paper)
    material = one_of(fixed, "cardboard", "cardboard", "polypropylene")
    solids: Solids = [Solid(shapes.box(outer), material), Solid(shapes.box(inner), "air", inside=material)]
    count = max(1, round(share * len(places)))
    solids += copies(upright(cartridge), places[:count] - [0.0, 0.0, half])
    tray = fixed.random()
    if tray < 0.6:
        holes = [shapes.circle(0.5 * widest + 0.12, 6) + place[:2] for place in places]
        outline = shapes.rounded_rectangle(inner[0] - 0.5, inner[1] - 0.5, 2.0, 1)
        thick = between(fixed, 1.2, 0.3 * cartridge.overall_mm)
        plate = shapes.extrude(outline, thick, holes)
        level = -half + between(fixed, 1.0, 0.4 * cartridge.overall_mm) + 0.5 * thick
        solids.append(Solid(plate.moved((0, 0, level)), "polypropylene", fill=0.15 if thick > 6 else 1.0))
    return solids


def clip(cartridge: CartridgeDesign, fixed: Rng) -> Solids:
    """A row of cartridges held at their heads by a channel of sheet metal, one or several clips abreast."""
    count, strips = int(fixed.integers(5, 11)), int(fixed.integers(1, 4))
    pitch = 2 * cartridge.radius_mm + 0.2
    depth = 2 * cartridge.radius_mm + 2.2
    places = _grid(1, count, (1.0, pitch))
    length = count * pitch + 4.0
    row = copies(cartridge_solids(cartridge, 6, False), places)
    sheet = [slab(-1.2, -0.3, -0.5 * length, 0.5 * length, depth)]
    sheet += [slab(-0.3, 3.5, -0.5 * length, 0.5 * length, 0.7, side * 0.5 * (depth - 0.7)) for side in (-1.0, 1.0)]
    row += [Solid(mesh, one_of(fixed, "steel", "steel", "brass")) for mesh in sheet]
    return copies(row, [(0.0, 0.0, k * (depth + 0.4)) for k in range(strips)])


def bundle(cartridge: CartridgeDesign, fixed: Rng) -> Solids:
    """Parallel cartridges packed closely and wrapped in tape or foil."""
    columns, layers = int(fixed.integers(4, 9)), int(fixed.integers(2, 5))
    pitch = 2.0 * cartridge.radius_mm * (1.15 if cartridge.family in ("rimmed", "shotshell") else 1.02)
    places = [
        (0.0, (k + 0.5 * (layer % 2)) * pitch, 0.87 * layer * pitch) for layer in range(layers) for k in range(columns)
    ]
    rounds = copies(cartridge_solids(cartridge, 6, False), places)
    size = (cartridge.overall_mm + 2.0, (columns + 0.5) * pitch + 2.0, (0.87 * (layers - 1) + 1) * pitch + 2.0)
    middle = (0.5 * cartridge.overall_mm, 0.5 * (columns - 0.5) * pitch, 0.435 * (layers - 1) * pitch)
    wrap, material = between(fixed, 0.2, 0.8), one_of(fixed, "pvc", "polyethylene", "paper", "aluminium")
    thick = 0.1 if material == "aluminium" else wrap
    outer = shapes.box((size[0] + 2 * thick, size[1] + 2 * thick, size[2] + 2 * thick)).moved(middle)
    return [*rounds, Solid(outer, material), Solid(shapes.box(size).moved(middle), "air", inside=material)]


def belt(cartridge: CartridgeDesign, fixed: Rng) -> Solids:
    """Cartridges side by side on a bowed belt, in metal links or cloth loops."""
    count = int(fixed.integers(12, 31))
    pitch = 2 * cartridge.radius_mm * 1.15 + between(fixed, 1.5, 4.0)
    bow = between(fixed, 0.0, 1.2) / count
    slope = np.cumsum(np.full(count, bow)) + fixed.normal(0.0, 0.01, count)
    y, x = np.cumsum(pitch * np.cos(slope)), np.cumsum(pitch * np.sin(slope))
    places = np.column_stack([x, y, np.zeros(count)])
    one = list(cartridge_solids(cartridge, 6, False))
    start, end = 0.2 * cartridge.case_mm, 0.55 * cartridge.case_mm
    loop = cartridge.radius_mm + 0.15
    material = one_of(fixed, "steel", "steel", "cotton", "leather")
    wall = 0.7 if material == "steel" else 1.6
    one += [Solid(pipe(start, end, loop + wall, loop, segments=8), material)]
    return copies(one, places, -np.degrees(slope))


def bag(cartridge: CartridgeDesign, fixed: Rng, rng: Rng) -> Solids:
    """A heap of loose cartridges in a thin bag, every one lying its own way."""
    count = int(fixed.integers(16, 46))
    length, radius = cartridge.overall_mm, cartridge.radius_mm * 1.1
    side = 1.15 * length * np.sqrt(count / 6.0)
    places, angles = _scattered(rng, count, length, radius, side)
    rounds = copies(cartridge_solids(cartridge, 6, False), places, angles)
    corners = [s.mesh.vertices_mm for s in rounds]
    low, high = np.min([c.min(0) for c in corners], 0) - 1.5, np.max([c.max(0) for c in corners], 0) + 1.5
    film = shapes.rounded_box(tuple((high - low + 0.3).tolist()), 6.0, 1).moved(0.5 * (low + high))
    space = shapes.rounded_box(tuple((high - low).tolist()), 6.0, 1).moved(0.5 * (low + high))
    material = one_of(fixed, "polyethylene", "cotton")
    return [*rounds, Solid(film, material), Solid(space, "air", inside=material)]


def _scattered(
    rng: Rng, count: int, length_mm: float, radius_mm: float, side_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) heads and n headings in degrees of sticks that lie in layers and do not touch within a layer."""
    places: list[tuple[float, float, float]] = []
    angles: list[float] = []
    probes = np.linspace(0.0, length_mm, 6)
    layers: list[list[NDArray[np.float64]]] = [[]]
    for _ in range(40 * count):
        if len(places) == count:
            break
        angle, (x, y) = float(rng.uniform(0, 2 * np.pi)), rng.uniform(0.0, side_mm, 2)
        line = np.column_stack([x + probes * np.cos(angle), y + probes * np.sin(angle)])
        reach = (2 * radius_mm) ** 2 + (0.1 * length_mm) ** 2
        for level, layer in enumerate([*layers, []] if len(layers) < 4 else layers):
            if all(((line[:, None] - other) ** 2).sum(-1).min() > reach for other in layer):
                if level == len(layers):
                    layers.append([])
                layers[level].append(line)
                places.append((float(x), float(y), 2 * radius_mm * level))
                angles.append(np.degrees(angle))
                break
    return np.array(places), np.array(angles)


def ring(cartridge: CartridgeDesign, fixed: Rng) -> Solids:
    """Cartridges in a circle on a plate or in a loader for revolvers."""
    count = int(fixed.integers(5, 8))
    turn = np.arange(count) * (2 * np.pi / count)
    radius = (cartridge.radius_mm * 1.15 + between(fixed, 0.4, 1.5)) / np.sin(np.pi / count)
    places = radius * np.column_stack([np.cos(turn), np.sin(turn), np.zeros(count)])
    outer = radius + between(fixed, 0.3, 1.0) * cartridge.radius_mm
    if fixed.random() < 0.5:
        holder = Solid(shapes.cylinder(outer, 1.0, 20).moved((0, 0, -0.6)), "steel")
        return [*copies(upright(cartridge), places), holder]
    body = shapes.tube(outer, 0.35 * radius, 9.0, 20).moved((0, 0, -4.6))
    knob = shapes.cylinder(0.3 * radius, 30.0, 12).moved((0, 0, -4.0))
    return [*copies(upright(cartridge), places), Solid(body, "abs"), Solid(knob, one_of(fixed, "aluminium", "abs"))]


def build_cartridge_pack(design: int, rng: Rng) -> Item:
    """A pack of cartridges."""
    fixed = design_rng("cartridge_pack", design)
    form = _FORMS[design % len(_FORMS)]
    loads = _LOADS[form]
    cartridge = cartridge_design(fixed, loads[(design // len(_FORMS)) % len(loads)])
    share = 1.0 if rng.random() < 0.7 else between(rng, 0.2, 1.0)
    makers = {
        "carton": lambda: carton(cartridge, fixed, share), "clip": lambda: clip(cartridge, fixed),
        "bundle": lambda: bundle(cartridge, fixed), "belt": lambda: belt(cartridge, fixed),
        "bag": lambda: bag(cartridge, fixed, rng), "ring": lambda: ring(cartridge, fixed),
    }  # fmt: skip
    attributes = {"family": form, "material": cartridge.case, "cartridge": cartridge.family}
    return finished("cartridge_pack", design, makers[form](), attributes, scale=between(rng, 0.98, 1.02))


CARTRIDGE_PACK = Kind("cartridge_pack", "cartridge_pack", 80, build_cartridge_pack)
