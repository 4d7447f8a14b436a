"""Value types of the virtual parcel: meshes, solids, items, kinds of items, and packed parcels.

Coordinates are millimetres. In a parcel x runs across the belt, y along the belt, z up from the belt. An item in its
own frame is centred near the origin and lies flat: its long side along x, its thinnest side along z.

Shapes are recognition silhouettes for X-ray pictures: outer form, wall thickness class and material class, with
proportions varied at random. They are no drawings and serve to make nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A closed triangle mesh, faces turned outward."""

    vertices_mm: NDArray[np.float32]
    """(V, 3)."""
    faces: NDArray[np.int32]
    """(F, 3) vertex indices, counter-clockwise seen from outside."""

    def moved(self, offset_mm: tuple[float, float, float] | NDArray[np.float64]) -> Mesh:
        """Shifted by (x, y, z)."""
        return Mesh((self.vertices_mm + np.asarray(offset_mm)).astype(np.float32), self.faces)

    def turned(self, rotation: NDArray[np.float64]) -> Mesh:
        """Rotated about the origin by a (3, 3) matrix of determinant +1."""
        return Mesh((self.vertices_mm @ rotation.T).astype(np.float32), self.faces)

    def scaled(self, factors: float | tuple[float, float, float]) -> Mesh:
        """Scaled about the origin; factors are positive, so faces stay outward."""
        return Mesh((self.vertices_mm * np.asarray(factors)).astype(np.float32), self.faces)


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A mesh filled with one material.

    ``inside`` names the material this solid displaces: a cavity in brass is ``Solid(mesh, "air", inside="brass")``,
    a lead core in it ``Solid(mesh, "lead", inside="brass")``. The mesh then lies wholly inside solids of that
    material. Without it the solid stands in air, and the packing keeps it from overlapping others.
    """

    mesh: Mesh
    material: str
    inside: str | None = None
    fill: float = 1.0
    """Fraction of the material's full density, for loose matter: cloth, foam, powder, crumpled paper."""
    inside_fill: float = 1.0
    """The ``fill`` of the solid that this one displaces."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One physical object, in its own frame or placed in a parcel."""

    kind: str
    label: str | None
    """Threat class of the taxonomy; None for a benign object."""
    design_id: str
    """Which design of its kind this is: ``pistol/07``. Designs are split, never shared between splits."""
    solids: tuple[Solid, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Material variant (steel, aluminium, polymer, printed), toy, disassembled, loaded, …"""

    @property
    def bounds_mm(self) -> NDArray[np.float32]:
        """(2, 3) lower and upper corner over all solids."""
        corners = [(s.mesh.vertices_mm.min(0), s.mesh.vertices_mm.max(0)) for s in self.solids]
        return np.stack([np.min([c[0] for c in corners], 0), np.max([c[1] for c in corners], 0)])

    def placed(self, rotation: NDArray[np.float64], offset_mm: NDArray[np.float64]) -> Item:
        """Rotated about its origin, then shifted."""
        solids = tuple(replace(s, mesh=s.mesh.turned(rotation).moved(offset_mm)) for s in self.solids)
        return replace(self, solids=solids)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: how many designs it has, and how to build an instance of one."""

    name: str
    label: str | None
    designs: int
    build: Callable[[int, np.random.Generator], Item]
    """(design number, random generator of the instance) → item in its own frame."""
    weight: float = 1.0
    """How often it is drawn, relative to the other kinds of its list."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A packed parcel standing on the belt: its packaging and contents, placed."""

    packaging: Item
    contents: tuple[Item, ...]
    scenario: str
    """How it was packed: benign, threat, concealed_in_appliance, behind_plate, kit, …"""

    @property
    def items(self) -> tuple[Item, ...]:
        """Packaging first, then contents."""
        return (self.packaging, *self.contents)


def design_id_of(kind: str, number: int) -> str:
    """The id of a design: its kind and number, known without building it."""
    return f"{kind}/{number:02d}"


def split_of_design(design_id: str) -> Split:
    """The split a design belongs to, for ever: 70 % train, 10 % val, 20 % test, by a hash of its id."""
    share = int.from_bytes(hashlib.sha256(design_id.encode()).digest()[:4], "big") / 2**32
    return "train" if share < 0.7 else "val" if share < 0.8 else "test"


MATERIALS = (
    "air", "polyethylene", "polypropylene", "abs", "nylon", "pvc", "polycarbonate", "rubber", "paper", "cardboard",
    "wood", "cotton", "leather", "water", "cosmetic", "food", "sugar", "glass", "ceramic", "circuit_board",
    "lithium_cell", "magnesium", "aluminium", "silicon", "titanium", "steel", "zinc", "brass", "copper", "tin",
    "tungsten", "lead", "propellant",
)  # fmt: skip
"""Names a solid may use; materials.py holds their composition and density."""
