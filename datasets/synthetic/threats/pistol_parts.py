"""The upper parts of a pistol: slide or receiver, barrel, recoil spring (see pistols.py for the conventions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import shapes
from ..solids import Mesh, Solid
from .common import Rng, Solids, between, cuts, design_rng, grooves, one_of, pipe, rod, slab, spring, turned_x
from .magazines import MagazineDesign, magazine_design

Family = Literal["service", "pocket", "target", "exposed", "printed", "shell"]


@dataclass(frozen=True, slots=True)
class PistolDesign:
    """Proportions of a pistol, in millimetres from the bore axis and the rear of the slide."""

    seed: str
    family: Family
    slide_mm: float
    top_mm: float
    bottom_mm: float
    thick_mm: float
    breech_mm: float
    barrel_radius_mm: float
    bore_mm: float
    """Radius of the bore."""
    muzzle_mm: float
    """Where the barrel ends."""
    spring_radius_mm: float
    slide_material: str
    frame_material: str
    frame_wall_mm: float
    rake_deg: float
    magazine: MagazineDesign
    forward_magazine: bool
    """The magazine stands before the trigger guard, not in the grip."""
    hammer: bool

    def detail(self, part: str) -> Rng:
        """The generator of one part's details."""
        return design_rng(f"{self.seed}/{part}", 0)

    @property
    def channel_mm(self) -> float:
        """Width along z of the space inside the slide."""
        return 2 * self.barrel_radius_mm + 1.4


_SLIDE_MM = {"service": (165, 200), "pocket": (108, 150), "target": (195, 222), "exposed": (95, 125),
             "printed": (150, 200), "shell": (150, 200)}  # fmt: skip
_GRIP_MM = {"service": (72, 98), "pocket": (46, 66), "target": (80, 102), "exposed": (76, 98), "printed": (70, 95),
            "shell": (74, 96)}  # fmt: skip


def pistol_design(seed: str, family: Family) -> PistolDesign:
    """The proportions that a seed stands for."""
    rng = design_rng(seed, 0)
    bore = between(rng, 2.9, 3.6) if family == "pocket" else between(rng, 3.6, 5.2)
    barrel = bore + between(rng, 1.1, 3.2)
    thin = family in ("printed", "shell")
    coil = between(rng, 2.6, 3.8)
    slide = between(rng, *_SLIDE_MM[family])
    forward = family == "exposed" and rng.random() < 0.4
    height = (38, 58) if forward else _GRIP_MM[family]
    magazine = magazine_design(rng, "rimless", height, polymer=rng.random() < 0.15)
    slide_material = {
        "printed": one_of(rng, "abs", "nylon", "polypropylene"),
        "shell": one_of(rng, "zinc", "zinc", "aluminium", "abs"),
    }.get(family, str(rng.choice(["steel", "aluminium", "zinc"], p=[0.86, 0.06, 0.08])))  # fmt: skip
    frame = {"printed": slide_material, "shell": slide_material}.get(
        family, str(rng.choice(["nylon", "steel", "aluminium", "zinc"], p=[0.42, 0.32, 0.18, 0.08]))
    )
    if family == "exposed":
        frame = one_of(rng, "steel", "steel", "aluminium")
    wall = between(rng, 2.6, 4.5) if frame in ("nylon", "abs", "polypropylene") else between(rng, 1.1, 3.0)
    if frame in ("steel", "zinc") and rng.random() < 0.3:
        wall = between(rng, 4.0, 7.0)  # nearly opaque ones must stay in the mix
    return PistolDesign(
        seed=seed, family=family, slide_mm=slide, top_mm=barrel + between(rng, 2.0, 5.5),
        bottom_mm=barrel + 2 * coil + between(rng, 1.2, 3.0),
        thick_mm=2 * barrel + 1.4 + 2 * (between(rng, 0.9, 1.6) if thin else 0.9 * 4.2 ** between(rng, 0.0, 1.0)),
        breech_mm=slide * between(rng, 0.28, 0.42), barrel_radius_mm=barrel, bore_mm=bore,
        muzzle_mm=slide + (between(rng, 60, 110) if family == "exposed" else between(rng, -1.0, 9.0)),
        spring_radius_mm=coil, slide_material=slide_material, frame_material=frame, frame_wall_mm=wall,
        rake_deg=between(rng, 20, 33) if family == "exposed" else between(rng, 7, 22),
        magazine=magazine, forward_magazine=forward, hammer=rng.random() < 0.6 and family != "printed",
    )  # fmt: skip


def slide_solids(design: PistolDesign) -> Solids:
    """The slide: a bevelled block with a channel for barrel and spring, breech, port, grooves, sights."""
    rng = design.detail("slide")
    length, top, bottom, thick = design.slide_mm, design.top_mm, -design.bottom_mm, design.thick_mm
    material, channel, radius = design.slide_material, design.channel_mm, design.barrel_radius_mm
    nose, chin = length - between(rng, 4.0, 11.0), between(rng, 0.5, 3.5)
    open_top = design.family not in ("pocket", "printed") and rng.random() < 0.25
    notch = (design.breech_mm + between(rng, 24, 34), nose - between(rng, 8, 22), -0.2 * radius) if open_top else None
    bevel = min(between(rng, 0.8, 3.0), 0.18 * thick)
    roof = min(radius + 0.8, top - bevel)
    body = shapes.bevelled(_slide_outline(design, rng, chin, notch), thick, bevel)
    below = radius + design.spring_radius_mm + 0.8
    # The bevel narrows the front; a bore wider than it ends behind it.
    front = length - max(0.0, radius + 0.3 + bevel - 0.5 * thick)
    spaces = [rod(nose, front, radius + 0.3)]
    spaces += [rod(nose, length - chin, design.spring_radius_mm + 0.3, -below, segments=8)]
    for x0, x1, y1 in _channel(design.breech_mm, nose, roof, notch, bevel):
        spaces.append(slab(x0, x1, bottom + bevel, y1, channel))
    spaces += _breech_spaces(design, rng, bottom + bevel, roof)
    spaces += [] if notch else _openings(design, rng, nose, roof)
    if rng.random() < 0.8:
        start = between(rng, 3.0, 8.0)
        spaces += grooves(start, start + between(rng, 14, 30), bottom + 3, top - 4, thick, int(rng.integers(5, 9)))
    pin = [rod(4.0, design.breech_mm - 1.0, 1.0, segments=6)]
    pin += [spring((10.0, 0.0), (design.breech_mm - 4.0, 0.0), 1.9, 0.35, 2.6, 6.0)]
    steel = [Solid(mesh, "steel") for mesh in [*pin, *_sights(design, rng)]]
    return [Solid(body, material), *cuts(material, spaces), *steel]


def _breech_spaces(design: PistolDesign, rng: Rng, low_mm: float, roof_mm: float) -> list[Mesh]:
    """Behind the breech: a slot below for hammer or striker, a tunnel for the firing pin, in some a hollow above."""
    end, thick = design.breech_mm, design.thick_mm
    slot = slab(between(rng, 0.0, 8.0), end - between(rng, 4.0, 9.0), low_mm, -3.4, thick * between(rng, 0.4, 0.8))
    spaces = [slot, rod(2.0, end - 0.5, 2.6, segments=8)]
    if rng.random() < 0.4:
        spaces.append(slab(0.5 * end, end - 6.0, 3.0, roof_mm, thick * between(rng, 0.3, 0.75)))
    return spaces


def _channel(
    start_mm: float, end_mm: float, roof_mm: float, notch: tuple[float, float, float] | None, bevel_mm: float
) -> list[tuple[float, float, float]]:
    """The space for barrel and spring as (start, end, roof), lower where the top of the slide is open."""
    if notch is None:
        return [(start_mm, end_mm, roof_mm)]
    behind, ahead, floor = notch
    return [(start_mm, behind, roof_mm), (behind, ahead, floor - bevel_mm), (ahead, end_mm, roof_mm)]


def _slide_outline(
    design: PistolDesign, rng: Rng, chin_mm: float, notch: tuple[float, float, float] | None
) -> shapes.Points:
    length, top, bottom = design.slide_mm, design.top_mm, -design.bottom_mm
    slope, lift = between(rng, 0.0, 5.0), between(rng, 0.0, 3.5) * (rng.random() < 0.5)
    step = 0.8 * design.breech_mm
    cut = [(notch[1], top), (notch[1] - 3, notch[2]), (notch[0] + 3, notch[2]), (notch[0], top)] if notch else []
    points = [
        (0.0, bottom), (length - chin_mm, bottom), (length, bottom + 0.6 * chin_mm), (length, top - 1.4),
        (length - between(rng, 1.5, 10.0), top), *cut, (step, top), (step - 6.0, top + lift),
        (slope + 4.0, top + lift), (slope, top + lift - 3.0), (0.0, between(rng, -0.3, 0.3) * top),
    ]  # fmt: skip
    return shapes.rounded(points, between(rng, 0.3, 3.0), 1)


def _openings(design: PistolDesign, rng: Rng, nose_mm: float, roof_mm: float) -> list[Mesh]:
    """The ejection port on one side; open-topped slides; lightening cuts of target slides."""
    half, flank = 0.5 * design.thick_mm, 0.5 * (design.thick_mm - design.channel_mm)
    start, end = design.breech_mm + 0.5, design.breech_mm + between(rng, 22, 32)
    opened = [slab(start, end, -1.0, roof_mm - 0.5, flank, half - 0.5 * flank)]
    if design.family == "target" or rng.random() < 0.12:
        for k in range(int(rng.integers(2, 5))):
            x = end + 9.0 + 14.0 * k
            if x + 9.0 < nose_mm:
                opened += [slab(x, x + 8.0, -1.0, 4.0, flank, side * (half - 0.5 * flank)) for side in (-1.0, 1.0)]
    return opened


def _sights(design: PistolDesign, rng: Rng) -> list[Mesh]:
    height = between(rng, 2.0, 5.5)
    # Rounded slides lie a little lower at the ends; the foot of a sight may then reach into them.
    front = shapes.extrude([(-4, -0.5), (4, -0.5), (1.5, height), (0, height)], 3.2)
    rear = slab(-4, 4, -0.5, height, 9.0)
    at = between(rng, 8.0, 14.0)
    return [front.moved((design.slide_mm - 16.0, design.top_mm, 0)), rear.moved((at, design.top_mm, 0))]


def barrel_solids(design: PistolDesign) -> Solids:
    """The barrel: a pipe, a wider chamber block with a lug below, sometimes a collar, threads or a flare in front."""
    rng = design.detail("barrel")
    start, radius, bore = design.breech_mm + 1.0, design.barrel_radius_mm, design.bore_mm
    chamber = start + between(rng, 20.0, 30.0)
    width = design.channel_mm - 0.4
    hole = shapes.circle(min(bore + 0.6, radius - 0.6), 12)
    square = shapes.rounded_rectangle(2 * radius + 1.2, width, between(rng, 0.5, 3.0), 1)
    block = shapes.along_x(shapes.extrude(square, chamber - start, [hole])).moved((0.5 * (start + chamber), 0.0, 0.0))
    material = "steel" if design.family != "shell" else design.slide_material
    meshes = [block, _tube_forward(design, rng, chamber)]
    lug = [
        (start + 6, -radius - 0.6),
        (chamber + 4, -radius - 0.6),
        (chamber - 2, -radius - 6),
        (start + 9, -radius - 5),
    ]
    if design.family in ("service", "target", "pocket"):
        eye = [shapes.circle(1.6, 8) + [0.5 * (start + chamber) + 1.5, -radius - 3.0]]
        meshes += [shapes.extrude(lug, 5.0, eye if rng.random() < 0.6 else [])]
    return [Solid(mesh, material) for mesh in meshes]


def _tube_forward(design: PistolDesign, rng: Rng, start_mm: float) -> Mesh:
    """The barrel in front of its chamber, straight inside a slide, tapered and crowned where it stands free."""
    radius, bore, end = design.barrel_radius_mm, design.bore_mm, design.muzzle_mm
    if design.family != "exposed":
        return pipe(start_mm, end, radius, bore)
    root, tip = design.slide_mm + 2.0, max(bore + 1.6, radius * between(rng, 0.72, 0.95))
    ring = tip + between(rng, 0.0, 3.0)
    outer = [(start_mm, radius), (root, radius), (root + 10, radius), (root + 22, 0.5 * (radius + tip) + 0.4),
             (end - 13, tip), (end - 12, ring), (end, ring)]  # fmt: skip
    return turned_x([*outer, (end, bore), (start_mm, bore)])


def spring_solids(design: PistolDesign) -> Solids:
    """The recoil spring below the barrel, on its rod."""
    rng = design.detail("spring")
    start, end = design.breech_mm + between(rng, 14, 34), design.slide_mm - 12.0
    y = -design.barrel_radius_mm - design.spring_radius_mm - 0.8
    wire = between(rng, 0.4, 0.65)
    meshes = [spring((start, y), (end, y), design.spring_radius_mm - wire, wire, between(rng, 3.2, 5.5))]
    if rng.random() < 0.8:
        meshes += [rod(start - 1.5, end + 2.0, max(design.spring_radius_mm - 2 * wire - 0.4, 0.8), y, segments=8)]
    return [Solid(mesh, "steel" if k == 0 or rng.random() < 0.6 else "nylon") for k, mesh in enumerate(meshes)]
