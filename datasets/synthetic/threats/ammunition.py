"""Cartridges: metal case with an air space and powder, bullet of lead, copper or steel; shotshells in plastic hulls.

Recognition silhouettes only (docs/content-safety.md): sizes are random within wide public ranges and fit no chamber.
A cartridge lies along x, its head at x = 0, its bullet to +x.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from .. import shapes
from ..solids import Item, Kind, Solid
from .common import Rng, Solids, between, design_rng, finished, one_of, turned_x

Family = Literal["rimless", "rimmed", "rimfire", "bottleneck", "shotshell"]
FAMILIES: tuple[Family, ...] = ("rimless", "bottleneck", "rimmed", "shotshell", "rimless", "bottleneck", "rimfire")


@dataclass(frozen=True, slots=True)
class CartridgeDesign:
    """Proportions of a cartridge, all in millimetres."""

    family: Family
    radius_mm: float
    case_mm: float
    """Length of the case or hull."""
    bullet_radius_mm: float
    overall_mm: float
    wall_mm: float
    point: float
    """0 flat … 1 long and pointed."""
    case: str
    bullet: str
    """What the bullet is seen as: lead, copper (jacket on lead), steel (core in copper)."""
    load: Literal["shot", "buck", "slug"]


def cartridge_design(rng: Rng, family: Family) -> CartridgeDesign:
    """A random cartridge of a family."""
    radius, case, protrude, point = {
        "rimless": (between(rng, 4.3, 6.1), between(rng, 16, 24), between(rng, 7, 11), between(rng, 0.2, 0.6)),
        "rimmed": (between(rng, 4.5, 6.2), between(rng, 26, 40), between(rng, 6, 11), between(rng, 0.0, 0.5)),
        "rimfire": (between(rng, 2.8, 3.3), between(rng, 13, 24), between(rng, 7, 10), between(rng, 0.3, 0.6)),
        "bottleneck": (between(rng, 4.7, 6.8), between(rng, 36, 66), between(rng, 12, 24), between(rng, 0.7, 1.0)),
        "shotshell": (between(rng, 8.5, 10.5), between(rng, 56, 72), 0.0, 0.0),
    }[family]
    narrow = between(rng, 0.56, 0.72) if family == "bottleneck" else 0.94
    return CartridgeDesign(
        family=family, radius_mm=radius, case_mm=case, bullet_radius_mm=narrow * radius - 0.3,
        overall_mm=case + protrude, wall_mm=between(rng, 0.5, 0.9), point=point,
        case=str(rng.choice(["brass", "brass", "brass", "steel", "aluminium"], p=[0.3, 0.3, 0.2, 0.14, 0.06])),
        bullet="lead" if family in ("rimfire", "rimmed") else one_of(rng, "copper", "copper", "lead", "steel"),
        load="shot" if rng.random() < 0.5 else "buck" if rng.random() < 0.6 else "slug",
    )  # fmt: skip


@cache
def cartridge_solids(design: CartridgeDesign, segments: int = 8, fine: bool = True) -> tuple[Solid, ...]:
    """The cartridge along x, head at x = 0; coarse ones, for magazines and cartons, lack powder, core and pellets."""
    if design.family == "shotshell":
        return tuple(_shotshell(design, segments, fine))
    radius, length, wall, mouth = design.radius_mm, design.case_mm, design.wall_mm, design.bullet_radius_mm
    rim = radius * (1.13 if design.family in ("rimmed", "rimfire") else 1.0)
    base = 0.14 * length if design.family != "rimfire" else 0.05 * length
    if design.family == "bottleneck":
        outer = [(0.72 * length, 0.95 * radius), (0.82 * length, mouth + 0.35)]
        inner = [(0.81 * length, mouth), (0.71 * length, 0.95 * radius - wall)]
    else:
        outer, inner = [], []
    head = [(0.0, rim), (1.2, rim), (1.3, radius)] if fine or rim > radius else [(0.0, radius)]
    case = [(0.0, 0.0), *head, *outer, (length, mouth + 0.35), (length, mouth)]
    case += [*inner, (base, radius - wall - 0.2), (base, 0.0)]
    seat = min(0.55 * design.bullet_radius_mm * 2, 0.35 * length)
    solids = [Solid(turned_x(case, segments=segments), design.case), *_bullet(design, length - seat, segments, fine)]
    if fine:
        end = base + 0.75 * (length - seat - base)
        reach = min(end, 0.7 * length)
        body = turned_x([(base, 0.0), (base, radius - wall - 0.3), (reach, mouth - 0.1 if reach == end else
                        0.9 * (radius - wall)), (reach, 0.0)], segments=6)  # fmt: skip
        solids.append(Solid(body, "propellant", fill=0.6))
    return tuple(solids)


def _bullet(design: CartridgeDesign, start_mm: float, segments: int, fine: bool) -> Solids:
    """The bullet from its seat in the case to the tip; jacketed ones hold a core, left out of coarse ones."""
    radius, tip = design.bullet_radius_mm, design.overall_mm
    nose = start_mm + (0.75 - 0.4 * design.point) * (tip - start_mm)
    middle = 0.5 * (nose + tip)
    flat = radius * (0.55 - 0.5 * design.point)
    shape = np.array([(start_mm, 0.0), (start_mm, radius), (nose, radius), (middle, 0.55 * radius + 0.4 * flat + 0.2),
                      (tip, flat), (tip, 0.0)])  # fmt: skip
    if not fine:
        return [Solid(turned_x(shape[[0, 1, 2, 4, 5]], segments=segments), "lead")]
    if design.bullet == "lead":
        return [Solid(turned_x(shape, segments=segments), "lead")]
    core = shape * [1.0, 0.82]
    core[:2, 0] += 0.6
    core[-2:, 0] -= 1.2 + 2.0 * design.point
    core[3, 1] *= 0.9
    inner = "lead" if design.bullet == "copper" else "steel"
    return [
        Solid(turned_x(shape, segments=segments), "copper"),
        Solid(turned_x(core, segments=6), inner, inside="copper"),
    ]


def _shotshell(design: CartridgeDesign, segments: int, fine: bool) -> Solids:
    """Plastic hull in a metal head, powder, wad, and shot as a loose column, large balls or one slug."""
    radius, length, head = design.radius_mm, design.case_mm, (0.12 + 0.2 * design.point) * design.case_mm + 2.0
    cup = [(0, 0), (0, radius + 0.9), (1.4, radius + 0.9), (1.5, radius), (head, radius), (head, radius - 0.4),
           (3.0, radius - 0.4), (3.0, 0.0)]  # fmt: skip
    inside = radius - 1.3
    hull = [(3.1, 0.0), (3.1, radius - 0.5), (length, radius - 0.5), (length, 0.6 * radius), (length - 1.5, inside),
            (6.0, inside), (6.0, 0.0)]  # fmt: skip
    solids = [
        Solid(turned_x(cup, segments=segments), design.case if design.case != "aluminium" else "steel"),
        Solid(turned_x(hull, segments=segments), "polyethylene"),
        Solid(turned_x(_column(6.1, 0.28 * length, inside - 0.1), segments=6), "propellant", fill=0.6),
        Solid(turned_x(_column(0.28 * length + 0.1, 0.45 * length, 0.8 * inside), segments=6), "polyethylene"),
    ]
    start, end = 0.47 * length, length - 3.0
    if design.load == "slug":
        shape = [(start, 0.0), (start, 0.9 * inside), (0.8 * end, 0.9 * inside), (end - 3, 0.4 * inside), (end - 3, 0)]
        return [*solids, Solid(turned_x(shape, segments=segments), "lead")]
    if design.load == "shot" or not fine:
        return [*solids, Solid(turned_x(_column(start, end, inside - 0.1), segments=8), "lead", fill=0.58)]
    ball = min(0.46 * inside, 4.0)
    layers = int((end - start) / (2 * ball))
    turns = [(0.0, 120.0, 240.0), (60.0, 180.0, 300.0)]
    pellets = [
        shapes.ellipsoid((2 * ball,) * 3, 4).moved((
            start + ball * (2 * k + 1), 1.16 * ball * np.cos(np.radians(a)), 1.16 * ball * np.sin(np.radians(a))
        ))
        for k in range(layers) for a in turns[k % 2]
    ]  # fmt: skip
    return [*solids, Solid(shapes.joined(*pellets[:8]), "lead")]


def _column(x0_mm: float, x1_mm: float, radius_mm: float) -> list[tuple[float, float]]:
    return [(x0_mm, 0.0), (x0_mm, radius_mm), (x1_mm, radius_mm), (x1_mm, 0.0)]


def build_cartridge(design: int, rng: Rng) -> Item:
    """One loose cartridge."""
    fixed = design_rng("cartridge", design)
    form = cartridge_design(fixed, FAMILIES[design % len(FAMILIES)])
    attributes = {"family": form.family, "material": form.case}
    return finished("cartridge", design, cartridge_solids(form), attributes, scale=between(rng, 0.98, 1.02))


CARTRIDGE = Kind("cartridge", "cartridge", 84, build_cartridge)
