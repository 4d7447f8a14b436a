"""Firearm parts alone: barrels, frames and receivers, slides, cylinders, bolts, silencers.

Recognition silhouettes only (docs/content-safety.md). The parts are those the whole guns are made of, of designs of
their own; silencers are plain tubes with cups, cones or washers in them, in random number and place.
"""

from __future__ import annotations

import numpy as np

from ..solids import Item, Kind, Mesh, Solid
from . import long_gun_parts, pistol_parts, revolver_parts
from .common import Rng, Solids, between, design_rng, finished, one_of, pipe, spring, turned_x
from .long_gun_receivers import receiver_solids
from .pistol_frames import frame_solids

_PISTOLS: tuple[pistol_parts.Family, ...] = ("service", "pocket", "target", "service")
_LONG_GUNS: tuple[long_gun_parts.Family, ...] = ("ar", "ak", "smg", "bolt_rifle", "carbine", "tube_smg", "pump_shotgun")
_REVOLVERS: tuple[revolver_parts.Family, ...] = ("double_action", "snub", "heavy", "light", "single_action")


def build_barrel(design: int, rng: Rng) -> Item:
    """A barrel of a pistol, a revolver, a rifle or a shotgun."""
    seed, source, number = f"barrel/{design}", design % 4, design // 4
    if source in (0, 2):
        pistol = pistol_parts.pistol_design(seed, "exposed" if number % 3 == 0 else _PISTOLS[number % 4])
        solids, family = pistol_parts.barrel_solids(pistol), "pistol"
    elif source == 1:
        gun = long_gun_parts.long_gun_design(seed, _LONG_GUNS[number % 7])
        solids, family = long_gun_parts.barrel_solids(gun), "long_gun"
    else:
        revolver = revolver_parts.revolver_design(seed, _REVOLVERS[number % 5])
        solids, family = revolver_parts.barrel_solids(revolver), "revolver"
    return finished("barrel", design, solids, _attributes(family, solids), scale=between(rng, 0.97, 1.03))


def build_frame_receiver(design: int, rng: Rng) -> Item:
    """A pistol frame of polymer or metal, a rifle receiver, a revolver frame."""
    seed, source, number = f"frame_receiver/{design}", design % 4, design // 4
    if source in (0, 2):
        pistol = pistol_parts.pistol_design(seed, "printed" if number % 4 == 3 else _PISTOLS[number % 4])
        solids, family = frame_solids(pistol), "pistol"
    elif source == 1:
        gun = long_gun_parts.long_gun_design(seed, _LONG_GUNS[number % 7])
        solids, family = receiver_solids(gun), "long_gun"
    else:
        revolver = revolver_parts.revolver_design(seed, _REVOLVERS[number % 5])
        solids, family = revolver_parts.frame_solids(revolver), "revolver"
    return finished("frame_receiver", design, solids, _attributes(family, solids), scale=between(rng, 0.97, 1.03))


def build_slide(design: int, rng: Rng) -> Item:
    """A pistol slide, sometimes with barrel and recoil spring still in it."""
    form = pistol_parts.pistol_design(f"slide/{design}", _PISTOLS[design % 4])
    solids = pistol_parts.slide_solids(form)
    complete = rng.random() < 0.35
    if complete:
        solids += pistol_parts.barrel_solids(form) + pistol_parts.spring_solids(form)
    attributes = _attributes("complete" if complete else "bare", solids)
    return finished("slide", design, solids, attributes, scale=between(rng, 0.97, 1.03))


def build_cylinder(design: int, rng: Rng) -> Item:
    """A revolver cylinder, empty or loaded."""
    form = revolver_parts.revolver_design(f"cylinder/{design}", _REVOLVERS[design % 5])
    rounds = 0 if rng.random() < 0.6 else int(rng.integers(1, form.chambers + 1))
    solids = revolver_parts.cylinder_solids(form, rounds)
    attributes = _attributes(f"{form.chambers}_chambers", solids) | {"loaded": "loaded" if rounds else "empty"}
    return finished("cylinder", design, solids, attributes, scale=between(rng, 0.96, 1.04))


def build_bolt(design: int, rng: Rng) -> Item:
    """A bolt or bolt carrier, with or without its spring."""
    form = long_gun_parts.long_gun_design(f"bolt/{design}", _LONG_GUNS[design % 6])
    solids = long_gun_parts.bolt_solids(form, alone=True, with_spring=rng.random() < 0.35)
    return finished("bolt", design, solids, _attributes(form.family, solids), scale=between(rng, 0.97, 1.03))


def build_silencer(design: int, rng: Rng) -> Item:
    """A tube with end caps and something in it: cones, cups, washers, mesh, or nothing yet."""
    fixed = design_rng("silencer", design)
    family = ("cones", "cups", "washers", "empty_tube", "cones", "wrapped")[design % 6]
    length, radius = between(fixed, 120, 230), between(fixed, 13, 25)
    wall = between(fixed, 0.9, 2.6)
    hole = between(fixed, 3.2, 6.0)
    material = one_of(fixed, "aluminium", "steel", "steel", "titanium")
    count = int(fixed.integers(5, 12))
    half, narrow = 0.5 * length, radius * between(fixed, 0.8, 1.0)
    ends = [pipe(-half - between(fixed, 2, 9), -half, radius, hole),
            pipe(half, half + between(fixed, 2, 12), narrow, hole)]  # fmt: skip
    body = pipe(-0.5 * length, 0.5 * length, radius, radius - wall, segments=28)
    solids: Solids = [Solid(mesh, material) for mesh in [body, *ends]]
    inner = one_of(fixed, material, "aluminium", "steel")
    solids += [Solid(mesh, inner) for mesh in _inserts(family, fixed, length, radius - wall - 0.2, hole, count)]
    if family == "wrapped":
        solids += [Solid(pipe(-0.45 * length, 0.45 * length, radius + 2.5, radius + 0.1, segments=20), "rubber")]
    attributes = {"family": family, "material": material}
    return finished("silencer", design, solids, attributes, scale=between(rng, 0.96, 1.04))


def _inserts(family: str, rng: Rng, length_mm: float, radius_mm: float, hole_mm: float, count: int) -> list[Mesh]:
    """What stands in the tube, at uneven places."""
    if family == "empty_tube":
        return [spring((-0.4 * length_mm, 0.0), (0.1 * length_mm, 0.0), 0.75 * radius_mm, 0.9, 9.0)]
    step = 0.96 * length_mm / count
    places = -0.48 * length_mm + step * np.arange(count) + rng.uniform(0.0, 0.15 * step, count)
    thick, deep = between(rng, 0.8, 2.0), min(step * between(rng, 0.45, 0.8), 1.4 * radius_mm)
    if family == "washers":
        return [pipe(x, x + 2 * thick, radius_mm, hole_mm) for x in places]
    if family == "cups":
        profile = [(0, hole_mm), (0, radius_mm), (deep, radius_mm), (deep, radius_mm - thick),
                   (thick, radius_mm - thick), (thick, hole_mm)]  # fmt: skip
    else:
        profile = [(0, radius_mm), (2.0 * thick, radius_mm), (deep, hole_mm + thick), (deep, hole_mm),
                   (deep - thick, hole_mm), (0, radius_mm - 2 * thick)]  # fmt: skip
    insert = turned_x(profile)
    return [insert.moved((float(x), 0.0, 0.0)) for x in places]


def _attributes(family: str, solids: Solids) -> dict[str, str]:
    return {"family": family, "material": "polymer" if solids[0].material == "nylon" else solids[0].material}


PARTS = (
    Kind("barrel", "barrel", 72, build_barrel),
    Kind("frame_receiver", "frame_receiver", 72, build_frame_receiver),
    Kind("slide", "slide", 64, build_slide),
    Kind("cylinder", "cylinder", 60, build_cylinder),
    Kind("bolt", "bolt", 60, build_bolt),
    Kind("silencer", "silencer", 60, build_silencer),
)
