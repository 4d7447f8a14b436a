"""Pistols: slide, barrel, recoil spring, hollow frame with its small parts, grip panels and magazine.

Recognition silhouettes only (docs/content-safety.md): random proportions, parts placed where an operator sees them.
The bore axis is y = 0, the rear of the slide x = 0. Parts are built apart, so that a part alone and a disassembled
kit show the same things as the whole.
"""

from __future__ import annotations

from functools import lru_cache

from ..solids import Item, Kind, Solid
from .ammunition import cartridge_solids
from .common import Rng, Solids, between, finished, placed
from .magazines import magazine_solids
from .pistol_frames import frame_and_relief, magazine_place
from .pistol_parts import Family, PistolDesign, barrel_solids, pistol_design, slide_solids, spring_solids

FAMILIES: tuple[Family, ...] = (
    "service", "exposed", "pocket", "exposed", "target", "printed", "service", "shell", "exposed", "service",
)  # fmt: skip


@lru_cache(maxsize=256)
def pistol(design: int) -> PistolDesign:
    """The proportions of a design number."""
    return pistol_design(f"pistol/{design}", FAMILIES[design % len(FAMILIES)])


def parts_of(design: PistolDesign, rng: Rng, rounds: int) -> dict[str, Solids]:
    """The parts a pistol comes apart into, each in its place in the whole; keys are detector classes."""
    slide, barrel, frame = _fixed_parts(design, rng.random() < 0.3)
    offset, degrees = magazine_place(design)
    magazine = placed(magazine_solids(design.magazine, rounds), offset, degrees)
    return {"slide": [*slide], "barrel": [*barrel], "frame_receiver": [*frame], "magazine": magazine}


@lru_cache(maxsize=256)
def _fixed_parts(design: PistolDesign, cocked: bool) -> tuple[tuple[Solid, ...], ...]:
    """Slide, barrel and frame, which are the same in every instance of a design."""
    frame, relief = frame_and_relief(design, cocked)
    return tuple(tuple(part) for part in (slide_solids(design) + relief, barrel_solids(design), frame))


def attributes_of(design: PistolDesign, rounds: int) -> dict[str, str]:
    """What is known of an instance."""
    variant = "printed" if design.family == "printed" else design.frame_material
    return {"family": design.family, "material": "polymer" if variant == "nylon" else variant,
            "loaded": "loaded" if rounds else "empty"}  # fmt: skip


def build_pistol(design: int, rng: Rng) -> Item:
    """A whole pistol, its magazine loaded, empty or missing."""
    form = pistol(design)
    rounds = 0 if rng.random() < 0.4 else int(rng.integers(4, 15))
    parts = parts_of(form, rng, rounds)
    if rng.random() < 0.15:
        del parts["magazine"]
        rounds = 0
    solids = [solid for part in parts.values() for solid in part] + spring_solids(form)
    if rounds and rng.random() < 0.5:
        chambered = form.breech_mm + 1.5
        solids += placed(list(cartridge_solids(form.magazine.cartridge, 6, False)), (chambered, 0.0, 0.0))
    return finished("pistol", design, solids, attributes_of(form, rounds), scale=between(rng, 0.97, 1.03))


PISTOL = Kind("pistol", "pistol", 128, build_pistol, weight=3.0)
