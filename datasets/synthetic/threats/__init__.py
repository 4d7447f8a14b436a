"""Threat items: parametric silhouettes of every detector class, and the parts of a disassembled gun.

Recognition silhouettes for X-ray pictures, never drawings: see docs/content-safety.md.
"""

from __future__ import annotations

from ..solids import Kind
from .ammunition import CARTRIDGE
from .kits import KitKind, kit
from .long_guns import LONG_GUN
from .magazines import MAGAZINE
from .packs import CARTRIDGE_PACK
from .parts import PARTS
from .pistols import PISTOL
from .revolvers import REVOLVER

THREATS: tuple[Kind, ...] = (PISTOL, REVOLVER, LONG_GUN, *PARTS, MAGAZINE, CARTRIDGE, CARTRIDGE_PACK)

__all__ = ["THREATS", "KitKind", "kit"]
