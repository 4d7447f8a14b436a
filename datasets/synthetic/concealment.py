"""How an object is presented: loose, wrapped in foil or tape, beside a plate, inside something hollow.

The same presentations are given to threats and to harmless objects, so that a wrapping alone tells a detector nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from .benign.assembly import Rng, between, boxes, design_generator, grid, pick
from .benign.housings import HOUSINGS, house
from .catalogue import designs_of, numbers_of
from .load import Group, outline_of
from .shapes import box, circle, extrude
from .sheets import Grid, creases, height_field, steepness
from .solids import Item, Solid, Split, design_id_of

Presentation = Callable[[Rng, Group, Split], Group]
"""(generator, objects, split) → the same objects, at the same place, with what hides or wraps them."""


_DESIGNS = 64
"""Designs of each wrapping: material and thickness."""


def _extent(group: Group) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounds = np.stack([item.bounds_mm for item in group]).astype(np.float64)
    return bounds[:, 0].min(0), bounds[:, 1].max(0)


def _design(rng: Rng, name: str, split: Split) -> tuple[str, Rng]:
    """A design id of the split, and the generator that fixes the design."""
    number = int(rng.choice(numbers_of(name, _DESIGNS, split)))
    return design_id_of(name, number), design_generator(name, number)


def _wrapped(rng: Rng, group: Group, material: str, thick_mm: float, design_id: str) -> Group:
    """Two crumpled sheets that follow the outline from above and below and meet around it."""
    lower, upper = _extent(group)
    pitch = max(6.0, float((upper - lower)[:2].max()) / 30)
    body = outline_of(group, np.eye(3), pitch)
    middle = float(lower[2] + upper[2]) / 2
    top = _relaxed(np.where(body.high_mm > -1e8, body.high_mm - middle, 0.0))
    bottom = _relaxed(np.where(body.low_mm < 1e8, middle - body.low_mm, 0.0))
    size = ((top.shape[0] - 1) * pitch, (top.shape[1] - 1) * pitch)
    centre = (body.corner_mm[0] - 2 * pitch + size[0] / 2, body.corner_mm[1] - 2 * pitch + size[1] / 2, middle)
    folds = thick_mm * (1 + 2.0 * creases(rng, top.shape, 7))
    over, under = (folds * np.minimum(steepness(s, size), 4.0) for s in (top, bottom))
    sheets = (
        Solid(height_field(top, top + over, size).moved(centre), material),
        Solid(height_field(-bottom - under, -bottom, size).moved(centre), material),
    )
    return (*group, Item(design_id.split("/")[0], None, design_id, sheets, {}))


def _relaxed(height: NDArray[np.float32]) -> Grid:
    """A sheet over cells of ``height`` above the middle plane, on their corners, wider on each side."""
    wide = np.pad(np.maximum(height, 0.0).astype(np.float64), 3)
    corners = np.maximum.reduce([wide[:-1, :-1], wide[1:, :-1], wide[:-1, 1:], wide[1:, 1:]])
    return np.asarray(np.maximum(corners, cv2.blur(corners, (3, 3))) + 0.3)


def foil(rng: Rng, group: Group, split: Split) -> Group:
    """Aluminium foil, a few layers."""
    design_id, d = _design(rng, "foil_wrap", split)
    return _wrapped(rng, group, "aluminium", between(d, 0.03, 0.25), design_id)


def tape(rng: Rng, group: Group, split: Split) -> Group:
    """Plastic tape or film wound around."""
    design_id, d = _design(rng, "tape_wrap", split)
    return _wrapped(rng, group, pick(d, "pvc", "polyethylene"), between(d, 0.3, 1.5), design_id)


def garment(rng: Rng, group: Group, split: Split) -> Group:
    """Rolled in a piece of clothing or paper."""
    design_id, d = _design(rng, "cloth_wrap", split)
    return _wrapped(rng, group, pick(d, "cotton", "paper"), between(d, 0.8, 2.5), design_id)


def plate(rng: Rng, group: Group, split: Split) -> Group:
    """A sheet of metal above or below: tray, panel, stack of foil, perforated plate."""
    lower, upper = _extent(group)
    size = (upper - lower)[:2] * rng.uniform(0.7, 1.4, 2) + 10
    design_id, d = _design(rng, "metal_plate", split)
    metal = pick(d, "steel", "steel", "aluminium", "aluminium", "copper", "brass", "lead")
    thick = between(d, 0.6, 1.2 if metal == "lead" else 4.0)
    centre = (lower + upper) / 2
    z = upper[2] + thick / 2 + 0.4 if rng.random() < 0.5 else lower[2] - thick / 2 - 0.4
    holes: tuple[NDArray[np.float64], ...] = ()
    if d.random() < 0.3:
        radius = float(size.min()) * 0.05
        holes = tuple(circle(radius, 10) + p[:2] for p in grid(5, 3, size[0] * 0.18, size[1] * 0.26))
    outline = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * size / 2
    mesh = extrude(outline, thick, holes=holes).moved((centre[0], centre[1], z))
    return (*group, Item("metal_plate", None, design_id, (Solid(mesh, metal),), {}))


def heat_sink(rng: Rng, group: Group, split: Split) -> Group:
    """A finned block of aluminium beside the object."""
    lower, upper = _extent(group)
    size = np.clip((upper - lower)[:2] * rng.uniform(0.5, 0.9, 2), 30, 160)
    design_id, d = _design(rng, "heat_sink", split)
    pitch = between(d, 4, 9)
    count = int(size[1] // pitch)
    z = upper[2] + 0.5
    base = box((size[0], count * pitch, 4.0)).moved((0, 0, z + 2))
    fins = boxes(grid(1, count, 0, pitch, z + 13), np.tile([size[0], pitch * 0.25, 17.8], (count, 1)))
    centre = (lower + upper) / 2
    solids = (Solid(base.moved((centre[0], centre[1], 0)), "aluminium"),
              Solid(fins.moved((centre[0], centre[1], 0.1)), "aluminium"))  # fmt: skip
    return (*group, Item("heat_sink", None, design_id, solids, {}))


def hollow(rng: Rng, group: Group, split: Split) -> Group:
    """Inside an appliance, a computer, a loudspeaker, a food pack, a soft toy."""
    names = tuple(n for n in HOUSINGS if n != "book" and designs_of(n, split))
    return _housed(rng, group, names[int(rng.integers(len(names)))], split)


def in_book(rng: Rng, group: Group, split: Split) -> Group:
    """In the hollow of a book."""
    return _housed(rng, group, "book", split)


def _housed(rng: Rng, group: Group, name: str, split: Split) -> Group:
    designs = designs_of(name, split)
    if not designs:
        return group
    lower, upper = _extent(group)
    inner = upper - lower + 3.0 + rng.uniform(0, 20, 3) * (1, 1, 0.3)
    housing = house(name, int(rng.choice(designs)), rng, (float(inner[0]), float(inner[1]), float(inner[2])))
    return (*group, housing.placed(np.eye(3), (lower + upper) / 2))


PRESENTATIONS: Mapping[str, tuple[Presentation, float]] = MappingProxyType(
    {
        "concealed_in_appliance": (hollow, 1.0),
        "in_book": (in_book, 0.5),
        "behind_plate": (plate, 0.7),
        "beside_heat_sink": (heat_sink, 0.3),
        "foil_wrap": (foil, 0.7),
        "tape_wrap": (tape, 0.7),
        "cloth_wrap": (garment, 0.7),
    }
)
"""Presentations with how often they are drawn, relative to each other."""


def draw_presentation(rng: Rng) -> str:
    """The name of one presentation."""
    names = list(PRESENTATIONS)
    weights = np.array([PRESENTATIONS[n][1] for n in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
