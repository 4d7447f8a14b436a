"""Long guns: rifles, shotguns, submachine guns, whole, folded, cut short or taken down to fit a parcel.

Recognition silhouettes only (docs/content-safety.md): random proportions, parts placed where an operator sees them.
"""

from __future__ import annotations

from .. import shapes
from ..solids import Item, Kind, Solid
from .common import Rng, Solids, between, finished, one_of, pipe, placed, slab, turned_x
from .long_gun_parts import (
    Family,
    LongGunDesign,
    barrel_solids,
    bolt_solids,
    handguard_solids,
    long_gun_design,
    stock_solids,
    tube_magazine_solids,
)
from .long_gun_receivers import receiver_solids
from .magazines import magazine_solids

FAMILIES: tuple[Family, ...] = (
    "smg", "ar", "ak", "pump_shotgun", "tube_smg", "bolt_rifle", "break_shotgun", "carbine", "smg", "ar",
)  # fmt: skip


def long_gun(design: int) -> LongGunDesign:
    """The proportions of a design number."""
    return long_gun_design(f"long_gun/{design}", FAMILIES[design % len(FAMILIES)])


def parts_of(design: LongGunDesign, rounds: int) -> dict[str, Solids]:
    """The parts a long gun comes apart into, each in its place in the whole.

    Keys are detector classes, and "stock" and "handguard", which are none. Parts that a design lacks are missing.
    """
    parts = {
        "barrel": barrel_solids(design),
        "frame_receiver": receiver_solids(design),
        "bolt": bolt_solids(design) if design.family != "break_shotgun" else [],
        "handguard": handguard_solids(design),
        "stock": stock_solids(design),
        "magazine": _magazine(design, rounds),
    }
    return {name: solids for name, solids in parts.items() if solids}


def _magazine(design: LongGunDesign, rounds: int) -> Solids:
    if design.family == "pump_shotgun":
        return tube_magazine_solids(design, rounds)
    if design.magazine is None:
        return []
    below = 0.5 * design.depth_mm if design.family == "tube_smg" else design.bottom_mm
    return placed(magazine_solids(design.magazine, rounds), (design.magazine_at * design.receiver_mm, -below, 0.0))


def scope_solids(design: LongGunDesign) -> Solids:
    """A telescopic sight on two rings: a metal tube with glass at both ends."""
    rng = design.detail("scope")
    y, start = design.top_mm + between(rng, 20, 28), between(rng, -20, 20)
    length, bell = between(rng, 150, 300), between(rng, 17, 26)
    tube, wall = between(rng, 12.5, 15.0), between(rng, 1.4, 2.2)
    end = start + length
    outer = [
        (start, bell * 0.85),
        (start + 40, bell * 0.85),
        (start + 55, tube),
        (end - 80, tube),
        (end - 50, bell),
        (end, bell),
    ]
    body = [*outer, *((x, radius - wall) for x, radius in reversed(outer))]
    lenses = [shapes.along_x(shapes.ellipsoid((1.8 * r - 2 * wall, 1.8 * r - 2 * wall, 7.0), 10)).moved((x, y, 0.0))
              for x, r in ((start + 8, bell * 0.85), (end - 8, bell), (end - 95, tube))]  # fmt: skip
    knob = shapes.along_y(shapes.cylinder(7.0, 12.0, 12)).moved((start + 0.45 * length, y + tube + 6.0, 0.0))
    rings = [pipe(x, x + 12, tube + 3, tube + 0.1, y) for x in (start + 62, end - 106)]
    feet = [slab(x, x + 12, design.top_mm, y - tube - 2.9, 12.0) for x in (start + 62, end - 106)]
    metal = one_of(rng, "aluminium", "aluminium", "steel")
    return [*(Solid(mesh, metal) for mesh in (turned_x(body, y, 18), knob, *rings, *feet)),
            *(Solid(lens, "glass") for lens in lenses)]  # fmt: skip


def state_of(design: LongGunDesign, rng: Rng) -> str:
    """How an instance travels: assembled, or taken down as a parcel asks for."""
    length = design.receiver_mm + design.barrel_mm + (design.stock_mm if design.stock != "none" else 0.0)
    likely = 0.35 if length < 700 else 0.75
    return one_of(rng, "no_stock", "no_stock", "no_barrel") if rng.random() < likely else "assembled"


def build_long_gun(design: int, rng: Rng) -> Item:
    """A long gun, whole or without stock or barrel, with or without magazine and sight."""
    form = long_gun(design)
    rounds = 0 if rng.random() < 0.45 else int(rng.integers(3, 31))
    state = state_of(form, rng)
    parts = parts_of(form, rounds)
    if state == "no_stock":
        parts.pop("stock", None)
    if state == "no_barrel":
        parts = {name: solids for name, solids in parts.items() if name not in ("barrel", "handguard")}
        if form.family == "pump_shotgun":
            del parts["magazine"]
    if form.magazine and rng.random() < 0.25:
        del parts["magazine"]
    solids = [solid for part in parts.values() for solid in part]
    if form.family in ("bolt_rifle", "ar", "carbine") and form.detail("has scope").random() < 0.35:
        solids += scope_solids(form)
    loaded = bool(rounds) and "magazine" in parts
    return finished("long_gun", design, solids, attributes_of(form, loaded, state), scale=between(rng, 0.97, 1.03))


def attributes_of(design: LongGunDesign, loaded: bool, state: str = "assembled") -> dict[str, str]:
    """What is known of an instance."""
    return {"family": design.family, "material": design.receiver_material,
            "loaded": "loaded" if loaded else "empty", "state": state}  # fmt: skip


LONG_GUN = Kind("long_gun", "long_gun", 120, build_long_gun, weight=2.0)
