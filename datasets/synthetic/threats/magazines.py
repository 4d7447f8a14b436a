"""Magazines: a thin-walled box, straight or curved, or a drum, with spring, follower and staggered cartridges.

Recognition silhouettes only (docs/content-safety.md). A magazine stands with its mouth at y = 0 and its floor at −y,
cartridges pointing to +x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import shapes
from ..solids import Item, Kind, Mesh, Solid
from .ammunition import CartridgeDesign, Family, cartridge_design, cartridge_solids
from .common import Rng, Solids, between, copies, design_rng, finished, one_of, placed

_SECTIONS = 7


@dataclass(frozen=True, slots=True)
class MagazineDesign:
    """Proportions of a box magazine, in millimetres."""

    cartridge: CartridgeDesign
    height_mm: float
    curve: float
    """Bow towards +x: how far the floor runs forward, as a share of the height."""
    wall_mm: float
    material: str
    follower: str
    staggered: bool
    floor_mm: float
    holes: int

    @property
    def depth_mm(self) -> float:
        """Outer size along x."""
        return self.cartridge.overall_mm + 2.6 + 2 * self.wall_mm

    @property
    def width_mm(self) -> float:
        """Outer size along z."""
        return 2 * self.cartridge.radius_mm * (1.75 if self.staggered else 1.0) + 1.2 + 2 * self.wall_mm


def magazine_design(rng: Rng, family: Family, height_mm: tuple[float, float], *, staggered: bool | None = None,
                    curve: float = 0.0, polymer: bool = False) -> MagazineDesign:  # fmt: skip
    """A random box magazine for a cartridge family."""
    wall = between(rng, 1.6, 2.6) if polymer else between(rng, 0.6, 1.1)
    return MagazineDesign(
        cartridge=cartridge_design(rng, family), height_mm=between(rng, *height_mm), curve=curve, wall_mm=wall,
        material="nylon" if polymer else str(rng.choice(["steel", "steel", "steel", "aluminium"])),
        follower=one_of(rng, "nylon", "nylon", "steel"),
        staggered=rng.random() < 0.6 if staggered is None else staggered,
        floor_mm=between(rng, 2.0, 9.0), holes=int(rng.integers(4, 9)) if rng.random() < 0.5 and not polymer else 0,
    )  # fmt: skip


def magazine_solids(design: MagazineDesign, rounds: int) -> Solids:
    """The magazine with as many cartridges as asked for, at most what it holds."""
    height, wall = design.height_mm, design.wall_mm
    levels = np.linspace(0.0, -height, _SECTIONS if design.curve else 2)
    outer, inner = _bent_box(design, levels, 0.0), _bent_box(design, levels, wall)
    solids = [Solid(outer, design.material), Solid(inner, "air", inside=design.material)]
    solids += _witness_holes(design)
    floor_material = "nylon" if design.material == "nylon" or design.floor_mm > 4 else design.material
    floor = shapes.box((design.depth_mm + 3.0, design.floor_mm, design.width_mm + 1.5))
    solids += _on_curve(design, [Solid(floor, floor_material)], height + 0.5 * design.floor_mm)
    # Two columns interlock, so each cartridge takes less height.
    pitch = 2 * design.cartridge.radius_mm * (0.52 if design.staggered else 1.02)
    rounds = max(0, min(rounds, int((0.82 * height - 8.0) / pitch)))
    solids += _stack(design, rounds, pitch)
    top = 0.8 * design.cartridge.radius_mm + rounds * pitch + (design.cartridge.radius_mm if rounds else 0.0)
    block = shapes.box((0.86 * (design.depth_mm - 2 * wall), 7.0, design.width_mm - 2 * wall - 0.8))
    shell = shapes.box((0.8 * (design.depth_mm - 2 * wall), 5.0, design.width_mm - 2 * wall - 2.4))
    follower = [Solid(block, design.follower), Solid(shell, "air", inside=design.follower)]
    solids += _on_curve(design, follower, top + 3.5)
    return solids + [Solid(_flat_spring(design, top + 7.5, height - 1.0), "steel")]


def _witness_holes(design: MagazineDesign) -> Solids:
    """A row of holes in both flanks, as many metal magazines have."""
    if not design.holes:
        return []
    reach = 0.5 * design.width_mm - 0.5 * design.wall_mm
    solids: Solids = []
    for share in np.linspace(0.25, 0.85, design.holes):
        size = (0.16 * design.depth_mm, 0.25 * design.height_mm / design.holes, design.wall_mm)
        pair = shapes.joined(*(shapes.box(size).moved((0.0, 0.0, side * reach)) for side in (-1.0, 1.0)))
        solids += _on_curve(design, [Solid(pair, "air", inside=design.material)], float(share) * design.height_mm)
    return solids


def _offset_at(design: MagazineDesign, depth_mm: float) -> tuple[float, float]:
    """Forward shift in mm and slope in degrees of the bowed axis at a depth below the mouth."""
    share = depth_mm / design.height_mm
    slope = 2.0 * design.curve * share
    return design.curve * design.height_mm * share**2, float(np.degrees(np.arctan(slope)))


def _bent_box(design: MagazineDesign, levels: shapes.Points, inset_mm: float) -> Mesh:
    section = shapes.rounded_rectangle(design.depth_mm - 2 * inset_mm, design.width_mm - 2 * inset_mm, 3.0, 1)
    rings = np.zeros((len(levels), len(section), 3))
    for ring, level in zip(rings, levels, strict=True):
        shift, slope = _offset_at(design, -level)
        tilt = np.radians(slope)
        ring[:, 0] = section[:, 0] * np.cos(tilt) + shift
        ring[:, 1] = level + section[:, 0] * np.sin(tilt)
        ring[:, 2] = section[:, 1]
    return shapes.loft(rings)


def _on_curve(design: MagazineDesign, solids: Solids, depth_mm: float) -> Solids:
    shift, slope = _offset_at(design, depth_mm)
    return placed(solids, (shift, -depth_mm, 0.0), slope)


def _stack(design: MagazineDesign, rounds: int, pitch_mm: float) -> Solids:
    side = 0.75 * design.cartridge.radius_mm if design.staggered else 0.0
    offsets, slopes = np.zeros((rounds, 3)), np.zeros(rounds)
    for k in range(rounds):
        depth = 0.8 * design.cartridge.radius_mm + k * pitch_mm
        shift, slopes[k] = _offset_at(design, depth)
        tilt, back = np.radians(slopes[k]), 0.5 * design.cartridge.overall_mm
        offsets[k] = shift - back * np.cos(tilt), -depth - back * np.sin(tilt), side if k % 2 else -side
    return copies(cartridge_solids(design.cartridge, 6, False), offsets, slopes)


def _flat_spring(design: MagazineDesign, start_mm: float, end_mm: float) -> Mesh:
    """A spring of oblong turns from the follower down to the floor."""
    length = max(end_mm - start_mm, 3.0)
    turns = int(np.clip(length / 7.0, 3, 10))
    angle = np.arange(turns * 4 + 1) * (0.5 * np.pi) + 0.25 * np.pi
    depth = start_mm + np.linspace(0.0, 1.0, len(angle)) * length
    shift = design.curve * depth**2 / design.height_mm
    reach = np.sqrt(2.0) * np.array([
        0.5 * design.depth_mm - design.wall_mm - 2.5, 0.5 * design.width_mm - design.wall_mm - 1.6
    ])  # fmt: skip
    tilt = np.arctan(2.0 * design.curve * depth / design.height_mm)
    along, across = reach[0] * np.cos(angle), reach[1] * np.sin(angle)
    path = np.column_stack([shift + along * np.cos(tilt), along * np.sin(tilt) - depth, across])
    return shapes.sweep(path, 0.6, 3)


def drum_solids(design: MagazineDesign, rounds: int, radius_mm: float) -> Solids:
    """A drum below a short box: a flat can, cartridges in a ring, a wound spring in the middle."""
    width = design.depth_mm
    can = shapes.along_x(shapes.cylinder(radius_mm, width, 32))
    space = shapes.along_x(shapes.cylinder(radius_mm - design.wall_mm, width - 2 * design.wall_mm, 32))
    solids = [Solid(can, design.material), Solid(space, "air", inside=design.material)]
    hub = shapes.along_x(shapes.tube(0.3 * radius_mm, 0.3 * radius_mm - 1.0, 0.7 * width, 16))
    turn = np.linspace(0.0, 6 * np.pi, 37)
    wound = np.column_stack([np.zeros(37), *((0.08 + 0.009 * turn) * radius_mm * f(turn) for f in (np.cos, np.sin))])
    solids += [Solid(hub, design.follower), Solid(shapes.sweep(wound, 0.7, 3), "steel")]
    ring = radius_mm - design.wall_mm - design.cartridge.radius_mm - 0.5
    most = int(2 * np.pi * ring / (2.06 * design.cartridge.radius_mm))
    around = np.arange(min(rounds, most)) * (2 * np.pi / most)
    offsets = np.column_stack([np.full(len(around), -0.5 * design.cartridge.overall_mm),
                               -ring * np.sin(around), ring * np.cos(around)])  # fmt: skip
    solids += copies(cartridge_solids(design.cartridge, 6, False), offsets)
    neck_height = 35.0
    neck = shapes.along_y(shapes.extrude(shapes.rounded_rectangle(design.width_mm, width, 2.0, 1), neck_height))
    hole = shapes.box((width - 2 * design.wall_mm, neck_height, design.width_mm - 2 * design.wall_mm))
    return [
        *placed(solids, (0.0, 1.0 - neck_height - radius_mm, 0.0)),
        Solid(neck.moved((0.0, -0.5 * neck_height, 0.0)), design.material),
        Solid(hole.moved((0.0, -0.5 * neck_height, 0.0)), "air", inside=design.material),
    ]


def box_design(design: int) -> MagazineDesign:
    """The magazine of a design number: pistol, small rimfire, straight and curved rifle magazines."""
    rng = design_rng("magazine", design)
    form = ("pistol", "rifle", "pistol", "curved", "rimfire", "gun")[design % 6]
    if form in ("rifle", "curved"):
        curve = between(rng, 0.12, 0.26) if form == "curved" else between(rng, 0.0, 0.06)
        return magazine_design(rng, "bottleneck", (95, 210), staggered=rng.random() < 0.8, curve=curve,
                               polymer=rng.random() < 0.4)  # fmt: skip
    if form == "rimfire":
        return magazine_design(rng, "rimfire", (45, 110), staggered=False, curve=between(rng, 0.0, 0.15))
    tall = (150, 230) if form == "gun" else (75, 145)
    return magazine_design(rng, "rimless", tall, curve=between(rng, 0.0, 0.15) if form == "gun" else 0.0,
                           polymer=rng.random() < 0.25)  # fmt: skip


def build_magazine(design: int, rng: Rng) -> Item:
    """A magazine alone, empty or holding any number of cartridges."""
    form = box_design(design)
    rounds = int(rng.choice([0, int(rng.integers(1, 20)), 60], p=[0.35, 0.25, 0.4]))
    is_drum = design % 9 == 8
    if is_drum:
        solids = drum_solids(form, 2 * rounds, between(design_rng("drum", design), 45, 65))
    else:
        solids = magazine_solids(form, rounds)
    attributes = {"family": "drum" if is_drum else "curved" if form.curve > 0.1 else "box", "material": form.material,
                  "loaded": "loaded" if rounds else "empty"}  # fmt: skip
    return finished("magazine", design, solids, attributes, scale=between(rng, 0.97, 1.03))


MAGAZINE = Kind("magazine", "magazine", 72, build_magazine)
