"""The parts of a revolver: chambered cylinder, barrel, frame with window and lockwork, grip (see revolvers.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .. import shapes
from ..solids import Mesh, Solid
from .ammunition import CartridgeDesign, cartridge_design, cartridge_solids
from .common import (
    Rng,
    Solids,
    band,
    between,
    copies,
    cuts,
    design_rng,
    one_of,
    pins,
    pipe,
    rod,
    slab,
    spring,
    turned_x,
)

Family = Literal["double_action", "snub", "single_action", "heavy", "old", "light"]


@dataclass(frozen=True, slots=True)
class RevolverDesign:
    """Proportions of a revolver, in millimetres; the bore axis is y = 0, the face behind the cylinder x = 0."""

    seed: str
    family: Family
    cartridge: CartridgeDesign
    chambers: int
    ring_mm: float
    """From the cylinder's axis to a chamber's."""
    radius_mm: float
    """Of the cylinder."""
    cylinder_mm: float
    """Its length."""
    barrel_mm: float
    frame_depth_mm: float
    nose_mm: float
    """Of the frame, in front of the window; the barrel starts there."""
    material: str
    fluted: bool
    lugged: bool
    """The ejector rod lies in a lug under the barrel; if not, it stands free on the frame."""

    def detail(self, part: str) -> Rng:
        """The generator of one part's details."""
        return design_rng(f"{self.seed}/{part}", 0)

    @property
    def window_mm(self) -> float:
        """Length of the frame's window."""
        return self.cylinder_mm + 2.5

    @property
    def top_mm(self) -> float:
        """Upper edge of the window."""
        return self.radius_mm - self.ring_mm + 0.8

    @property
    def bottom_mm(self) -> float:
        """Lower edge of the window."""
        return -self.ring_mm - self.radius_mm - 0.8


_BARREL_MM = {"double_action": (80, 155), "snub": (42, 62), "single_action": (110, 190), "heavy": (110, 210),
              "old": (70, 150), "light": (60, 130)}  # fmt: skip


def revolver_design(seed: str, family: Family) -> RevolverDesign:
    """The proportions that a seed stands for."""
    rng = design_rng(seed, 0)
    cartridge = cartridge_design(rng, "rimfire" if family == "light" and rng.random() < 0.5 else "rimmed")
    chambers = int(rng.choice([5, 6, 6, 6, 7, 8] if family != "snub" else [5, 5, 6]))
    chamber, gap = cartridge.radius_mm + 0.3, between(rng, 1.3, 2.6)
    ring = (chamber + 0.5 * gap) / np.sin(np.pi / chambers)
    material = str(rng.choice(["steel", "aluminium", "zinc"], p=[0.82, 0.08, 0.1]))
    return RevolverDesign(
        seed=seed, family=family, cartridge=cartridge, chambers=chambers, ring_mm=float(ring),
        radius_mm=float(ring + chamber + between(rng, 1.0, 2.6)),
        cylinder_mm=max(cartridge.overall_mm + 1.0, between(rng, 32, 42)),
        barrel_mm=between(rng, *_BARREL_MM[family]), frame_depth_mm=between(rng, 5.5, 12), nose_mm=between(rng, 8, 14),
        material=material,
        fluted=rng.random() < 0.8,
        lugged=family == "heavy" or (family in ("double_action", "snub") and rng.random() < 0.6),
    )  # fmt: skip


def cylinder_solids(design: RevolverDesign, rounds: int) -> Solids:
    """The cylinder, its chambers bored through, with as many cartridges as asked for."""
    rng = design.detail("cylinder")
    turn = np.arange(design.chambers) * (2 * np.pi / design.chambers) + 0.5 * np.pi
    middles = design.ring_mm * np.column_stack([np.cos(turn), np.sin(turn)])
    bore = shapes.circle(design.cartridge.radius_mm + 0.3, 10)
    holes = [*(bore + middle for middle in middles), shapes.circle(2.2, 8)]
    start, length = 1.2, design.cylinder_mm
    plain = between(rng, 0.3, 0.5) * length if design.fluted else length
    back = shapes.along_x(shapes.extrude(shapes.circle(design.radius_mm, 40), plain, holes))
    meshes = [back.moved((start + 0.5 * plain, 0.0, 0.0))]
    if design.fluted:
        front = shapes.along_x(shapes.extrude(_fluted(design, rng), length - plain, holes))
        meshes.append(front.moved((start + 0.5 * (plain + length), 0.0, 0.0)))
    axis = [rod(start + length, start + length + 0.8, 5.5, segments=8), rod(0.0, start + length, 2.0, segments=6)]
    solids = [Solid(mesh, design.material if k < 2 else "steel") for k, mesh in enumerate([*meshes])]
    solids += [Solid(mesh, "steel") for mesh in axis]
    offsets = np.column_stack([np.full(len(middles), 0.4), middles])[: max(rounds, 0)]
    solids += copies(cartridge_solids(design.cartridge, 6, False), offsets)
    return [Solid(s.mesh.moved((0.0, -design.ring_mm, 0.0)), s.material, s.inside, s.fill) for s in solids]


def _fluted(design: RevolverDesign, rng: Rng) -> shapes.Points:
    """A round outline with a hollow between every two chambers."""
    angle = np.arange(8 * design.chambers) * (2 * np.pi / (8 * design.chambers)) + 0.5 * np.pi
    depth = 0.45 * (design.radius_mm - design.ring_mm) + between(rng, 0.0, 1.0)
    wave = np.maximum(-np.cos(design.chambers * (angle - 0.5 * np.pi)), 0.0)
    radius = design.radius_mm - depth * wave
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def barrel_solids(design: RevolverDesign) -> Solids:
    """The barrel with rib, front sight, and a shroud or tube for the ejector rod."""
    rng = design.detail("barrel")
    bore = design.cartridge.bullet_radius_mm
    start, end = design.window_mm + design.nose_mm - 0.5, design.window_mm + design.barrel_mm
    root = bore + between(rng, 2.6, 4.5)
    tip = root if design.family in ("heavy", "snub") else bore + between(rng, 1.8, 3.0)
    profile = [(start, bore), (start, root), (start + 14, root), (start + 16, tip), (end - 1, tip), (end, tip - 0.8)]
    meshes = [turned_x([*profile, (end, bore)])]
    sight = [(end - 16, tip - 0.6), (end - 2, tip - 0.6), (end - 5, tip + between(rng, 3.5, 7)), (end - 8, tip + 3)]
    meshes.append(shapes.extrude(sight, 2.6))
    if design.family == "heavy" or rng.random() < 0.3:
        slots = [
            shapes.rounded_rectangle(10, 2.2, 1.0, 1) + [x, tip + 1.6] for x in np.arange(start + 34, end - 24, 15)
        ]
        rib = [(start + 16, tip - 0.8), (end - 16, tip - 0.8), (end - 16, tip + 3.4), (start + 16, tip + 3.4)]
        meshes.append(shapes.extrude(rib, 6.0, slots if rng.random() < 0.6 else []))
    return [Solid(mesh, design.material) for mesh in [*meshes, *_below_barrel(design, root, end)]]


def _below_barrel(design: RevolverDesign, root_mm: float, end_mm: float) -> list[Mesh]:
    """The ejector's tube or lug under the barrel, with its rod."""
    start, reach = _ejector_span(design)
    if design.family == "single_action":
        y = -root_mm - 3.8
        return [pipe(start - 6, end_mm - 28, 4.2, 2.8, y, 10), rod(start, end_mm - 40, 1.6, y, segments=6)]
    if not design.lugged:
        return []
    y = -design.ring_mm - 1.0
    lug_end = end_mm - 1.0 if design.family == "heavy" else min(reach + 6.0, end_mm)
    flanks = [slab(start, lug_end, y - 2.5, -root_mm + 0.6, 2.4, side * 3.5) for side in (-1.0, 1.0)]
    return [*flanks, slab(start, lug_end, y - 5.0, y - 2.6, 9.0), rod(start, reach, 2.0, y, segments=8)]


def _ejector_span(design: RevolverDesign) -> tuple[float, float]:
    """Start and end along x of the ejector rod."""
    start = design.window_mm + design.nose_mm
    return start, min(start + 0.9 * design.cylinder_mm, design.window_mm + design.barrel_mm - 6.0)


def frame_solids(design: RevolverDesign, cocked: bool = False) -> Solids:
    """The frame round the window, skeleton grip included, with lockwork, guard, hammer and grip panels."""
    rng = design.detail("frame")
    top, low, front = design.top_mm, design.bottom_mm, design.window_mm
    strap, floor, nose = between(rng, 3.5, 7.0), between(rng, 5.5, 9.0), design.nose_mm
    open_top = design.family == "old" and rng.random() < 0.5
    grip, skeleton = _grip_outline(design, rng, low - floor)
    upper = [(front + nose, top * between(rng, 0.7, 1.0)), 
             (front + between(rng, 1, 6), top + (1.6 if open_top else strap)),
             (-between(rng, 4, 9), top + strap), (-between(rng, 10, 15), top - between(rng, 2, 9)),
             (-between(rng, 12, 18), -0.5 * design.ring_mm)]  # fmt: skip
    outline = np.array([*upper, *grip, (front + nose - 6.0, low - floor), (front + nose, low - 0.5 * floor)])
    outline = shapes.rounded(outline, between(rng, 3.0, 9.0), 2)
    window = shapes.rounded_rectangle(front, top - low, 2.5, 1) + [0.5 * front, 0.5 * (top + low)]
    body = shapes.extrude(outline, design.frame_depth_mm, [window])
    wall = min(between(rng, 1.4, 3.4), 0.3 * design.frame_depth_mm)
    hollow = [(-9.0, low - 1.0), (-9.0, -design.ring_mm + 4.0), (-3.0, -design.ring_mm + 4.0), (-3.0, low - 2.0),
              (0.75 * front, low - 2.0), (0.75 * front, low - floor + 2.0), (10.0, low - floor + 1.5),
              (-9.0, low - floor - 3.0)]  # fmt: skip
    solids = [Solid(body, design.material)]
    spaces = [shapes.extrude(hollow, design.frame_depth_mm - 2 * wall)]
    spaces += [shapes.extrude(hole, design.frame_depth_mm) for hole in skeleton]
    solids += cuts(design.material, spaces)
    solids += _lockwork(design, rng, low, floor, design.frame_depth_mm - 2 * wall - 0.5)
    if not design.lugged and design.family in ("double_action", "snub"):
        start, reach = _ejector_span(design)
        solids.append(Solid(rod(start - 0.4, reach, 2.0, -design.ring_mm, segments=8), "steel"))
    return solids + _guard(design, rng, low - floor) + _hammer(design, rng, cocked) + _panels(design, rng, grip)


def _grip_outline(
    design: RevolverDesign, rng: Rng, y_mm: float
) -> tuple[list[tuple[float, float]], list[shapes.Points]]:
    """The grip's part of the outline from the back of the frame round to the front strap, and its openings."""
    sweep, length = between(rng, 22, 38), between(rng, 62, 92) * (0.8 if design.family == "snub" else 1.0)
    plow = design.family == "single_action"
    width, flare = between(rng, 22, 30), between(rng, 2, 12)
    back = [(-16.0, y_mm + 20), (-13.0, y_mm + 4), (-17.0 - 0.3 * sweep, y_mm - 0.35 * length),
            (-14.0 - sweep - (14 if plow else 0), y_mm - length)]  # fmt: skip
    front = [(back[3][0] + width + flare, y_mm - length - between(rng, 0, 8)),
             (back[2][0] + width, y_mm - 0.4 * length),
             (8.0, y_mm - 8.0), (14.0, y_mm)]  # fmt: skip
    curve = shapes.spline(back[1:], 3)
    outline = [back[0], *map(tuple, curve.tolist()), *front]
    upper = [0.35 * np.array(a) + 0.65 * np.array(b) for a, b in ((front[1], front[2]), (back[2], back[1]))]
    return outline, _skeleton(rng, np.array([back[3], front[0], *upper]))


def _skeleton(rng: Rng, corners: shapes.Points) -> list[shapes.Points]:
    """Openings in the grip frame, one or several over one another; ``corners`` from the butt's back round."""
    if rng.random() < 0.2:
        return []
    butt_back, butt_front, top_front, top_back = corners
    rim, count = between(rng, 2.8, 4.5), int(rng.choice([1, 1, 2, 3]))
    holes = []
    for k in range(count):
        low, high = k / count, (k + 0.92) / count
        sides = [(butt_front, top_front, high), (butt_back, top_back, high), (butt_back, top_back, low),
                 (butt_front, top_front, low)]  # fmt: skip
        hole = np.array([start + share * (end - start) for start, end, share in sides])
        holes.append(shapes.rounded(shapes.inset(hole, rim), 3.0, 1))
    return holes


def _lockwork(design: RevolverDesign, rng: Rng, low_mm: float, floor_mm: float, inner_mm: float) -> Solids:
    x = 0.45 * design.window_mm
    block = shapes.extrude([(-7, low_mm - 2), (-4, -design.ring_mm), (-1.5, low_mm - 3)], 0.6 * inner_mm)
    bar = slab(2.0, x, low_mm - 0.6 * floor_mm, low_mm - 2.6, 0.4 * inner_mm)
    dots = pins([(-6.0, low_mm - floor_mm), (x + 3.5, low_mm - 0.5 * floor_mm)], 1.4, inner_mm)
    y = low_mm - floor_mm
    coil = spring((-16.0, y - 8.0), (-24.0 - between(rng, 0, 6), y - 42.0), 3.0, 0.6, 3.2, 9.0)
    leaf = band(shapes.spline([(-14, y - 4), (-19, y - 20), (-23, y - 38), (-30, y - 50)], 2), 1.6, 6.0)
    return [Solid(mesh, "steel") for mesh in (block, bar, dots, coil if rng.random() < 0.5 else leaf)]


def _guard(design: RevolverDesign, rng: Rng, y_mm: float) -> Solids:
    reach, drop = between(rng, 30, 40), between(rng, 20, 27)
    x0 = 10.0
    line = [(x0, y_mm + 1), (x0 + 1, y_mm - 0.5 * drop), (x0 + 0.4 * reach, y_mm - drop),
            (x0 + 0.8 * reach, y_mm - 0.75 * drop), (x0 + reach, y_mm + 1)]  # fmt: skip
    strap = band(shapes.spline(line, 4), between(rng, 2.2, 4.0), between(rng, 6, 10))
    x = x0 + between(rng, 9.0, 14.0)
    blade = [(x, y_mm + 1), (x - 1, y_mm - 7), (x - 3, y_mm - 12), (x + 2.5, y_mm - 0.78 * drop)]
    trigger = band(shapes.spline(blade, 2), np.linspace(5.0, 2.0, 7), between(rng, 4, 7))
    return [Solid(strap, design.material), Solid(trigger, "steel")]


def _hammer(design: RevolverDesign, rng: Rng, cocked: bool) -> Solids:
    if design.family == "snub" and rng.random() < 0.35:
        return []
    base = np.array([-17.0, -design.ring_mm + 2.0])
    height = design.ring_mm + design.top_mm + between(rng, -2, 5)
    line = np.array([(0.0, 0.0), (0.5, 0.45), (-1.5, 0.8), (-between(rng, 8, 13), 0.95)]) * [1.0, height]
    turn = shapes.rotation("z", 38.0 if cocked else 0.0)[:2, :2]
    return [Solid(band(base + shapes.spline(line, 2) @ turn.T, np.linspace(7.0, 2.6, 7), between(rng, 5, 8)), "steel")]


def _panels(design: RevolverDesign, rng: Rng, grip: list[tuple[float, float]]) -> Solids:
    if rng.random() < 0.15:
        return []
    thick = between(rng, 4.0, 9.0)
    material = one_of(rng, "wood", "wood", "rubber", "rubber", "abs", "nylon")
    outline = shapes.inset(np.array(grip[2:-1]), between(rng, -3.0, 1.5))
    plate = shapes.bevelled(shapes.rounded(outline, 4.0, 1), thick, min(2.0, 0.3 * thick))
    away = 0.5 * (design.frame_depth_mm + thick)
    middle = np.mean(grip[2:-1], axis=0)
    screw = pins([(float(middle[0]), float(middle[1]))], 1.5, design.frame_depth_mm * 0.9)
    return [
        Solid(shapes.joined(*(plate.moved((0, 0, side * away)) for side in (-1, 1))), material),
        Solid(screw, "steel"),
    ]
