"""The parts of long guns: barrels, receivers with what they hold, bolts, stocks, handguards (see long_guns.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .. import shapes
from ..solids import Mesh, Solid
from .ammunition import Family as CartridgeFamily
from .ammunition import cartridge_design, cartridge_solids
from .common import (
    Rng,
    Solids,
    between,
    copies,
    cuts,
    design_rng,
    one_of,
    pipe,
    rod,
    shell,
    slab,
    spring,
    turned_x,
)
from .magazines import MagazineDesign, magazine_design

Family = Literal["bolt_rifle", "ar", "ak", "pump_shotgun", "break_shotgun", "smg", "tube_smg", "carbine"]
Stock = Literal["wood", "polymer", "wire", "tube", "stump", "none"]


@dataclass(frozen=True, slots=True)
class LongGunDesign:
    """Proportions of a long gun, in millimetres; the bore axis is y = 0, the rear of the receiver x = 0."""

    seed: str
    family: Family
    barrel_mm: float
    """In front of the receiver."""
    barrel_radius_mm: float
    bore_mm: float
    receiver_mm: float
    top_mm: float
    bottom_mm: float
    """Receiver's lower edge below the bore axis."""
    depth_mm: float
    wall_mm: float
    receiver_material: str
    furniture: str
    stock: Stock
    stock_mm: float
    pistol_grip: bool
    magazine: MagazineDesign | None
    magazine_at: float
    """Share of the receiver's length."""

    def detail(self, part: str) -> Rng:
        """The generator of one part's details."""
        return design_rng(f"{self.seed}/{part}", 0)


@dataclass(frozen=True, slots=True)
class _Ranges:
    barrel: tuple[float, float]
    receiver: tuple[float, float]
    below: tuple[float, float]
    depth: tuple[float, float]
    stocks: tuple[Stock, ...]
    rounds: CartridgeFamily | None
    magazine: tuple[float, float]
    curve: tuple[float, float] = (0.0, 0.0)


_RANGES: dict[Family, _Ranges] = {
    "bolt_rifle": _Ranges((420, 620), (165, 225), (14, 20), (26, 34), ("wood", "wood", "polymer"), None, (0, 1)),
    "ar": _Ranges((190, 420), (185, 215), (38, 52), (22, 30), ("tube", "tube", "polymer", "none"),
                  "bottleneck", (110, 190), (0.0, 0.16)),
    "ak": _Ranges((200, 400), (230, 270), (26, 36), (28, 34), ("wood", "wire", "polymer", "wood"),
                  "bottleneck", (140, 215), (0.16, 0.26)),
    "pump_shotgun": _Ranges((300, 540), (180, 215), (22, 30), (30, 38), ("wood", "polymer", "stump"), None, (0, 1)),
    "break_shotgun": _Ranges((260, 620), (60, 90), (26, 34), (30, 38), ("wood", "wood", "stump"), None, (0, 1)),
    "smg": _Ranges((40, 140), (200, 270), (28, 44), (30, 40), ("wire", "none", "wire", "polymer"),
                   "rimless", (150, 230), (0.0, 0.12)),
    "tube_smg": _Ranges((110, 210), (240, 320), (17, 20), (30, 38), ("wire", "tube", "wood"), "rimless", (140, 220)),
    "carbine": _Ranges((250, 420), (150, 240), (20, 30), (26, 34), ("wood", "polymer", "wire"),
                       "rimfire", (60, 120), (0.0, 0.12)),
}  # fmt: skip


def long_gun_design(seed: str, family: Family) -> LongGunDesign:
    """The proportions that a seed stands for."""
    rng = design_rng(seed, 0)
    ranges = _RANGES[family]
    shotgun = family.endswith("shotgun")
    bore = between(rng, 8.4, 9.8) if shotgun else between(rng, 2.8, 4.6)
    thick = between(rng, 1.3, 2.6) if shotgun else between(rng, 2.6, 5.5)
    magazine = None
    if ranges.rounds:
        polymer = family == "ar" and rng.random() < 0.5
        curve = between(rng, *ranges.curve)
        magazine = magazine_design(rng, ranges.rounds, ranges.magazine, curve=curve, polymer=polymer)
    below = between(rng, *ranges.below)
    light = family in ("ar", "smg", "carbine")
    receiver = str(rng.choice(["steel", "aluminium", "nylon"], p=[0.35, 0.5, 0.15] if light else [0.85, 0.12, 0.03]))
    if family == "tube_smg":
        receiver = "steel"
    stock: Stock = ranges.stocks[int(rng.integers(len(ranges.stocks)))]
    return LongGunDesign(
        seed=seed, family=family, barrel_mm=between(rng, *ranges.barrel), barrel_radius_mm=bore + thick, bore_mm=bore,
        receiver_mm=between(rng, *ranges.receiver), top_mm=bore + thick + between(rng, 5, 13), bottom_mm=below,
        depth_mm=max(between(rng, *ranges.depth), 2 * (bore + thick) + 4),
        wall_mm=between(rng, 1.0, 2.2) if receiver == "steel" else between(rng, 2.2, 4.0), receiver_material=receiver,
        furniture="wood" if stock in ("wood", "stump") and rng.random() < 0.85 else "nylon", stock=stock,
        stock_mm=between(rng, 200, 300) if stock != "stump" else between(rng, 70, 120),
        pistol_grip=family in ("ar", "ak", "smg", "tube_smg") or rng.random() < 0.15,
        magazine=magazine, magazine_at=between(rng, 0.62, 0.86),
    )  # fmt: skip


def barrel_solids(design: LongGunDesign) -> Solids:
    """One or two barrels with sights, muzzle, gas tube or tubular magazine."""
    rng = design.detail("barrel")
    start, end = design.receiver_mm + 0.2, design.receiver_mm + design.barrel_mm
    radius, bore = design.barrel_radius_mm, design.bore_mm
    if design.family == "break_shotgun":
        gap, stacked = radius + 0.2, rng.random() < 0.5
        offsets = [(0.0, 0.0, 0.0)] if rng.random() < 0.35 else [
            (0.0, side * gap - gap, 0.0) if stacked else (0.0, 0.0, side * gap) for side in (-1.0, 1.0)
        ]  # fmt: skip
        profile = [(start, bore), (start, radius + 1.5), (start + 60, radius), (end, radius - 0.4), (end, bore)]
        return [Solid(turned_x(profile).moved(offset), "steel") for offset in offsets]
    tip = max(bore + 1.3, radius * between(rng, 0.65, 0.95))
    flare, brake = tip + between(rng, 0.0, 4.0), between(rng, 12, 45)
    profile = [(start, bore), (start, radius), (start + 0.2 * design.barrel_mm, radius),
               (start + 0.35 * design.barrel_mm, tip), (end - brake, tip), (end - brake + 1, flare),
               (end, flare)]  # fmt: skip
    meshes = [turned_x([*profile, (end, bore)])]
    if design.family == "tube_smg" and rng.random() < 0.6:
        return [Solid(meshes[0], "steel"), *_jacket(design, rng, start, end - brake)]
    meshes += _front_sight(rng, end - brake - between(rng, 6, 40), tip)
    return [Solid(mesh, "steel") for mesh in meshes]


def _jacket(design: LongGunDesign, rng: Rng, start_mm: float, end_mm: float) -> Solids:
    """A perforated sleeve round the barrel."""
    outer, hole = design.barrel_radius_mm + between(rng, 4, 7), between(rng, 3.0, 4.5)
    step = 3.2 * hole
    gaps = np.arange(start_mm + 10.0, end_mm - 8.0, step)
    # Rings with bars from one to the next: holes cut into a curved wall would reach out of it.
    edges = [start_mm, *(edge for x in gaps for edge in (x - hole, x + hole)), end_mm]
    rings = [pipe(a, b, outer, outer - 1.4) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    middle, width = outer - 0.7, 0.6 * outer
    bars = [slab(x - hole, x + hole, -0.5 * width, 0.5 * width, 1.2, side * middle) for x in gaps for side in (-1, 1)]
    bars += [
        slab(x - hole, x + hole, side * middle - 0.6, side * middle + 0.6, width) for x in gaps for side in (-1, 1)
    ]
    return [Solid(shapes.joined(*rings, *bars), "steel")]


def _front_sight(rng: Rng, x_mm: float, radius_mm: float) -> list[Mesh]:
    height = between(rng, 6, 34)
    post = [
        (x_mm - 9, radius_mm - 0.5),
        (x_mm + 9, radius_mm - 0.5),
        (x_mm + 3, radius_mm + height),
        (x_mm - 2, radius_mm + height),
    ]
    eye = [shapes.circle(min(3.0, 0.2 * height), 8) + [x_mm, radius_mm + 0.4 * height]] if height > 12 else []
    return [shapes.extrude(post, between(rng, 3, 8), eye)]


def bolt_solids(design: LongGunDesign, *, alone: bool = False, with_spring: bool = True) -> Solids:
    """The bolt or carrier with firing pin and handle.

    Args:
        design: of the gun whose receiver it lies in.
        alone: taken out, with what reaches beyond the receiver.
        with_spring: its return spring behind it.
    """
    rng = design.detail("bolt")
    radius = min(design.top_mm, 0.5 * design.depth_mm) - design.wall_mm - 1.2
    end, length = design.receiver_mm - between(rng, 19, 40), between(rng, 0.35, 0.6) * design.receiver_mm
    start = end - length
    tunnel = between(rng, 2.0, 3.2)
    blocky = design.family in ("ak", "smg", "tube_smg") and rng.random() < 0.6
    body = (
        _block_bolt(rng, start, end, radius, tunnel) if blocky else _round_bolt(design, rng, start, end, radius, tunnel)
    )
    meshes = [rod(start + 3, end - 3, 0.55 * tunnel, segments=6)]
    if design.family in ("bolt_rifle", "carbine"):
        line = [(start + 14, 0.5 * radius, 0), (start + 10, -6, 16), (start + 4, -16, 30), (start, -20, 36)]
        meshes += [shapes.sweep(shapes.spline(line, 2), 3.6, 6), shapes.sphere(7.0, 8).moved((start - 3, -24.0, 38.0))]
    else:
        flank = radius * (0.65 if blocky else 0.98)
        reach = 0.5 * design.depth_mm + between(rng, 6, 16) - flank
        knob = shapes.cylinder(between(rng, 2.5, 4.5), reach, 8)
        meshes.append(knob.moved((start + between(rng, 12, 30), 0.0, flank + 0.5 * reach)))
    if alone and design.family in ("ak", "pump_shotgun"):
        piston = end - 8.0 + between(rng, 70, 180)
        meshes += [
            rod(end - 30, piston, between(rng, 3.0, 5.0), radius + 3.0),
            rod(piston, piston + 9, 6.5, radius + 3.0),
        ]
        meshes += [slab(end - 30, end - 12, 0.5 * radius, radius + 1.0, 5.0)]
    if with_spring and start > 30:
        meshes.append(spring((6.0, 0.0), (start - 1.0, 0.0), 0.6 * radius, 0.7, 5.0, 14.0))
    return body + [Solid(mesh, "steel") for mesh in meshes]


def _round_bolt(
    design: LongGunDesign, rng: Rng, start_mm: float, end_mm: float, radius_mm: float, tunnel_mm: float
) -> Solids:
    """A turned bolt: body, waist, head; carriers of self-loaders are hollow behind."""
    length = end_mm - start_mm
    shoulder, waist, nose = between(rng, 0.35, 0.75), between(rng, 0.55, 0.95), between(rng, 0.5, 0.95)
    head = end_mm - between(rng, 14, 26)
    drilled = design.family not in ("bolt_rifle", "carbine")
    wide = radius_mm * min(between(rng, 0.35, 0.75), 0.88 * waist) if drilled else 0.0
    wide = max(wide, tunnel_mm + 0.2)
    deep = start_mm + between(rng, 0.3, 0.8) * (head - start_mm)
    profile = [
        (start_mm, radius_mm), (start_mm + shoulder * length - 6, radius_mm),
        (start_mm + shoulder * length, waist * radius_mm), (head, waist * radius_mm), (head + 1.5, nose * radius_mm),
        (end_mm, nose * radius_mm), (end_mm, tunnel_mm), (deep, tunnel_mm), (deep - 0.5, wide), (start_mm, wide),
    ] if start_mm + shoulder * length < head - 1 else [
        (start_mm, radius_mm), (head, radius_mm), (head + 1.5, nose * radius_mm), (end_mm, nose * radius_mm),
        (end_mm, tunnel_mm), (start_mm, tunnel_mm),
    ]  # fmt: skip
    return [Solid(turned_x(profile, segments=14), "steel")]


def _block_bolt(rng: Rng, start_mm: float, end_mm: float, radius_mm: float, tunnel_mm: float) -> Solids:
    """A milled bolt: a block of stepped outline with a tunnel and a hollow."""
    length, high = end_mm - start_mm, 0.7 * radius_mm
    step, dip = start_mm + between(rng, 0.3, 0.8) * length, between(rng, 0.35, 1.0) * high
    low, slot = between(rng, 0.5, 1.0) * high, between(rng, 0.1, 0.4) * length
    outline = [
        (start_mm, -low), (start_mm + slot, -low), (start_mm + slot + 3, -0.5 * low), (step - 6, -0.5 * low),
        (step, -low), (end_mm, -low), (end_mm, dip), (step, dip), (step - 5, high), (start_mm, high),
    ]  # fmt: skip
    depth = 1.3 * radius_mm
    block = shapes.bevelled(shapes.rounded(outline, 2.0, 1), depth, 1.0)
    hole = rod(start_mm, end_mm, min(tunnel_mm, 0.45 * low - 0.2, dip - 1.0), segments=8)
    return [Solid(block, "steel"), *cuts("steel", [hole])]


def handguard_solids(design: LongGunDesign) -> Solids:
    """The forend round the barrel or below it; for pump guns with the tubular magazine in it."""
    rng = design.detail("handguard")
    start = design.receiver_mm + 1.0
    end = start + min(between(rng, 0.4, 0.75) * design.barrel_mm, 320.0)
    radius = design.barrel_radius_mm
    if design.family in ("smg", "tube_smg") and design.barrel_mm < 150:
        return []
    if design.family == "pump_shotgun":
        grip = pipe(start + 60.0, start + between(rng, 190, 230), _TUBE_MM + 8.5, _TUBE_MM + 1.6, _tube_y(design), 14)
        return [Solid(grip, design.furniture)]
    if design.family in ("bolt_rifle", "break_shotgun", "carbine"):
        low = min(-design.bottom_mm + between(rng, -2, 4), -radius - 17.0)
        profile = shapes.rounded(
            [(start, low), (end - 20, low + 6), (end, -radius - 10.5), (end, -radius - 0.3), (start, -radius - 0.3)],
            4.0,
            1,
        )
        return [Solid(shapes.bevelled(profile, between(rng, 34, 46), 5.0), design.furniture)]
    outer = radius + between(rng, 11, 17)
    wall = between(rng, 2.0, 3.5) if design.furniture != "wood" else outer - radius - 4.0
    sides = int(rng.choice([6, 8, 14]))
    material = "aluminium" if rng.random() < 0.4 and design.furniture != "wood" else design.furniture
    solids: Solids = [Solid(pipe(start, end, outer, outer - wall, segments=sides), material)]
    gas = radius + 0.5 * (outer - wall - radius)
    if design.family in ("ar", "ak"):
        solids.append(Solid(pipe(start, end + 20, min(3.0, 0.45 * (outer - wall - radius)), 1.0, gas, 8), "steel"))
    return solids


_TUBE_MM = 12.2


def _tube_y(design: LongGunDesign) -> float:
    return -design.barrel_radius_mm - _TUBE_MM - 1.4


def tube_magazine_solids(design: LongGunDesign, rounds: int) -> Solids:
    """The tube under a pump gun's barrel: shells one behind the other, follower and spring before them."""
    rng = design.detail("tube")
    start, y = design.receiver_mm + 0.3, _tube_y(design)
    end = start + between(rng, 0.55, 0.95) * design.barrel_mm
    shell = cartridge_design(rng, "shotshell")
    pitch = shell.case_mm + 1.6
    rounds = max(0, min(rounds, int((end - start - 40.0) / pitch)))
    loaded = start + 4.0 + rounds * pitch
    wire = spring((loaded + 14.0, y), (end - 4.0, y), _TUBE_MM - 3.0, 0.7, 9.0, 16.0)
    solids: Solids = [Solid(pipe(start, end, _TUBE_MM, _TUBE_MM - 1.2, y), "steel"), Solid(wire, "steel")]
    solids += [Solid(pipe(loaded, loaded + 13.0, _TUBE_MM - 1.8, _TUBE_MM - 3.2, y, 12), "nylon")]
    solids += [Solid(rod(end, end + 7.0, _TUBE_MM + 1.0, y), "steel")]
    offsets = [(start + 4.0 + k * pitch, y, 0.0) for k in range(rounds)]
    return solids + copies(cartridge_solids(shell, 8, False), offsets)


def stock_solids(design: LongGunDesign) -> Solids:
    """The butt stock: wood, hollow polymer, a tube with a body, bent wire, a sawn stump, or nothing."""
    rng = design.detail("stock")
    top, bottom, reach = design.top_mm, -design.bottom_mm, -design.stock_mm
    if design.stock == "none":
        return []
    if design.stock == "wire":
        return _wire_stock(design, rng)
    drop, heel = between(rng, 5, 35), between(rng, 95, 130)
    plate = slab(reach - between(rng, 3, 14), reach - 0.1, top - drop - heel, top - drop, between(rng, 28, 40))
    if design.stock == "tube":
        return [*_tube_stock(reach, heel), Solid(plate.moved((0.0, -top + 16 + drop, 0.0)), "rubber")]
    wrist = between(rng, 34, 46)
    if design.stock == "stump":
        grip = [(-0.2, top - 6), (-0.2, bottom), (0.5 * reach, bottom - 14), (reach, bottom - 45),
                (reach + 6, bottom - 8), (0.45 * reach, top - 14)]  # fmt: skip
        return [Solid(shapes.bevelled(shapes.rounded(grip, 8.0, 1), between(rng, 26, 36), 6.0), design.furniture)]
    outline = [(-0.2, top - 6), (-0.2, bottom), (-30, bottom), (-62, top - 8 - wrist), (-105, top - 16 - wrist),
               (reach, top - drop - heel), (reach, top - drop), (-115, top - 0.5 * drop), (-60, top - 12)]  # fmt: skip
    ring = shapes.rounded(outline, 10.0, 2)
    depth = between(rng, 34, 46)
    pad = [Solid(plate, one_of(rng, "rubber", "rubber", "steel"))]
    if design.furniture == "wood":
        return [Solid(shapes.bevelled(ring, depth, 0.28 * depth), "wood"), *pad]
    return shell(ring, depth, between(rng, 3.0, 9.0), between(rng, 2.5, 4.0), 3.0, "nylon") + pad


def _tube_stock(reach_mm: float, heel_mm: float) -> Solids:
    """A tube with a spring in it, between two plastic plates; ``reach_mm`` is negative, to the butt."""
    corners = [(1.0, 16.0), (0.35, 16.0), (0.35, -16.0), (0.7, -24.0), (1.0, 16.0 - heel_mm)]
    plate = shapes.bevelled(shapes.rounded([(x * reach_mm, y) for x, y in corners], 6.0, 1), 7.0, 1.0)
    coil = spring((0.85 * reach_mm, 0.0), (-4.0, 0.0), 10.0, 0.8, 9.0, 16.0)
    return [
        Solid(pipe(0.9 * reach_mm, 0.0, 14.0, 12.0), "aluminium"),
        Solid(coil, "steel"),
        *(Solid(plate.moved((0, 0, side * 18.0)), "nylon") for side in (-1.0, 1.0)),
    ]


def _wire_stock(design: LongGunDesign, rng: Rng) -> Solids:
    """Two bent bars with a shoulder piece, straight back or folded forward along the receiver."""
    reach, width = design.stock_mm, 0.5 * design.depth_mm + 4.0
    wire = between(rng, 2.8, 4.5)
    if rng.random() < 0.5:
        reach *= -0.9  # folded forward along the receiver
    loop = [(8.0, 0.0, width), (-0.3 * reach, -6, width), (-reach, -12, width - 4), (-reach, -70, width - 4),
            (-reach, -70, 4 - width), (-reach, -12, 4 - width),
            (-0.3 * reach, -6, -width), (8.0, 0.0, -width)]  # fmt: skip
    return [Solid(shapes.sweep(shapes.spline(loop, 3), wire, 6), "steel")]
