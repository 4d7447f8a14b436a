"""Disassembled guns: the parts of one design, each an item of its own class, for the packing to spread out."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..solids import Item
from . import long_guns, pistols, revolvers
from .common import Rng, Solids, between, finished
from .pistol_parts import spring_solids

KitKind = Literal["pistol", "revolver", "long_gun"]
_UNLABELLED = ("stock", "handguard")


def kit(rng: Rng, kind: KitKind, design: int) -> tuple[Item, ...]:
    """The separate parts of one pistol, revolver or long gun.

    Args:
        rng: of the instance.
        kind: which gun.
        design: its design number; the parts carry the gun's design id, and so fall into its split.

    Returns:
        Items labelled by their own class (slide, barrel, frame_receiver, cylinder, bolt, magazine); stocks and
        handguards have no class and no label.
    """
    parts, attributes = _parts(rng, kind, design)
    attributes |= {"state": "disassembled"}
    scale = between(rng, 0.97, 1.03)
    items = [finished(name, design, solids, attributes, scale=scale, design_of=kind) for name, solids in parts.items()]
    return tuple(replace(item, label=None) if item.kind in _UNLABELLED else item for item in items)


def _parts(rng: Rng, kind: KitKind, design: int) -> tuple[dict[str, Solids], dict[str, str]]:
    rounds = 0 if rng.random() < 0.6 else int(rng.integers(1, 16))
    if kind == "pistol":
        pistol = pistols.pistol(design)
        parts = pistols.parts_of(pistol, rng, rounds)
        if rng.random() < 0.5:
            parts["slide"] = parts["slide"] + spring_solids(pistol)
        return parts, pistols.attributes_of(pistol, rounds)
    if kind == "revolver":
        revolver = revolvers.revolver(design)
        parts = revolvers.parts_of(revolver, rng, 0)
        # The barrel of most revolvers stays on the frame.
        if rng.random() < 0.6:
            parts["frame_receiver"] = parts["frame_receiver"] + parts.pop("barrel")
        return parts, revolvers.attributes_of(revolver, 0)
    gun = long_guns.long_gun(design)
    return long_guns.parts_of(gun, rounds), long_guns.attributes_of(gun, bool(rounds and gun.magazine))
