"""Revolvers: a frame with a window, a chambered cylinder in it, barrel, lockwork, and a grip of wood or rubber.

Recognition silhouettes only (docs/content-safety.md): random proportions, parts placed where an operator sees them.
"""

from __future__ import annotations

from ..solids import Item, Kind
from .common import Rng, Solids, between, finished
from .revolver_parts import Family, RevolverDesign, barrel_solids, cylinder_solids, frame_solids, revolver_design

FAMILIES: tuple[Family, ...] = ("double_action", "snub", "single_action", "double_action", "heavy", "light", "old")


def revolver(design: int) -> RevolverDesign:
    """The proportions of a design number."""
    return revolver_design(f"revolver/{design}", FAMILIES[design % len(FAMILIES)])


def parts_of(design: RevolverDesign, rng: Rng, rounds: int) -> dict[str, Solids]:
    """The parts a revolver comes apart into, each in its place in the whole; keys are detector classes."""
    return {
        "cylinder": cylinder_solids(design, rounds),
        "barrel": barrel_solids(design),
        "frame_receiver": frame_solids(design, cocked=rng.random() < 0.2),
    }


def attributes_of(design: RevolverDesign, rounds: int) -> dict[str, str]:
    """What is known of an instance."""
    return {"family": design.family, "material": design.material, "loaded": "loaded" if rounds else "empty"}


def build_revolver(design: int, rng: Rng) -> Item:
    """A whole revolver, some or all chambers loaded, or none."""
    form = revolver(design)
    rounds = 0 if rng.random() < 0.5 else int(rng.integers(1, form.chambers + 1))
    solids = [solid for part in parts_of(form, rng, rounds).values() for solid in part]
    return finished("revolver", design, solids, attributes_of(form, rounds), scale=between(rng, 0.97, 1.03))


REVOLVER = Kind("revolver", "revolver", 91, build_revolver, weight=1.5)
