"""Packagings: the outer box, bag or envelope of a parcel, built around a free inner space.

The inner space of every packaging has its floor at z = 0 and is centred in x and y. Stiff packagings keep the height
they were made with; soft ones are wrapped over whatever was packed (the *drape*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from .benign.assembly import Rng, Solids, Vector, between, boxes, copies, design_generator, pick, rectangle
from .luggage import ROUNDING, backpack, suitcase
from .shapes import along_x, box, cylinder, extrude, joined, rounded_box, rounded_rectangle, tube
from .sheets import Grid, creases, height_field, noise, steepness
from .solids import Item, Kind, Solid

Wrap = Callable[[Rng, Rng, Vector, Grid], Solids]
"""(design, instance, inner size, drape) → solids around the inner space."""


@dataclass(frozen=True, slots=True)
class Packaging:
    """A way to pack: what it is, which inner sizes it comes in, how it is built."""

    name: str
    wrap: Wrap
    shortest_mm: Vector
    longest_mm: Vector
    designs: int = 8
    weight: float = 1.0
    soft: bool = False
    spare_mm: float = 60.0
    """By how much it is longer and wider than its inner space, at most."""

    def around(self, design: int, rng: Rng, inner_mm: Vector, drape: Grid) -> Item:
        """The packaging of one design around an inner space; not yet lifted onto the belt."""
        solids = self.wrap(design_generator(self.name, design), rng, inner_mm, drape)
        return Item(self.name, None, f"{self.name}/{design:02d}", tuple(solids), {})


def flat_drape(height_mm: float) -> Grid:
    """The drape over contents with a flat top."""
    return np.full((18, 18), height_mm)


def _paper_extras(d: Rng, r: Rng, size: Vector, top_mm: float) -> Solids:
    """Label, tape and now and then staples or a bundle of documents on the outside of a lid."""
    x, y = size[:2]
    label = box((min(105.0, x * 0.6), min(150.0, y * 0.6), 0.25))
    offset = (between(r, -0.15, 0.15) * x, between(r, -0.15, 0.15) * y, top_mm + 0.9)
    solids = [Solid(label.moved(offset), "paper"), Solid(box((x * 0.98, 50.0, 0.1)).moved((0, 0, top_mm + 0.3)), "pvc")]
    if d.random() < 0.3:
        rows = np.array([(s * x * 0.42, y * k / 8, top_mm + 0.45) for s in (-1, 1) for k in (-3, -1, 1, 3)])
        solids.append(Solid(boxes(rows, np.tile([14.0, 1.2, 0.3], (len(rows), 1)) * (1, 1, 1)), "copper"))
    return solids


def _flutes(size: Vector, z_mm: float, pitch_mm: float) -> Solid:
    """The waves of corrugated board, seen as faint stripes, on the inside of a lid."""
    count = max(2, int(size[0] * 0.96 / pitch_mm))
    x = (np.arange(count) - (count - 1) / 2) * pitch_mm
    centres = np.column_stack([x, 0 * x, 0 * x + z_mm])
    return Solid(boxes(centres, np.tile([pitch_mm * 0.35, size[1] * 0.97, 0.7], (count, 1))), "cardboard")


def carton(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A folding carton of corrugated board: walls, flaps doubled at bottom and lid, tape, label."""
    wall = float(d.choice([2.5, 4.0, 6.5]))
    x, y, z = inner
    outer = (x + 2 * wall, y + 2 * wall, z + 2 * wall)
    flap = y / 2 - 3
    flaps = boxes(
        np.array([(0, s * (y / 4 + 1), k) for s in (-1, 1) for k in (-wall * 1.6, z + wall * 1.6)]),
        np.tile([outer[0] - 2, flap, wall * 0.9], (4, 1)),
    )
    solids: Solids = [
        Solid(box(outer).moved((0, 0, z / 2)), "cardboard", fill=0.22),
        Solid(box(inner).moved((0, 0, z / 2)), "air", inside="cardboard", inside_fill=0.22),
        Solid(flaps, "cardboard", fill=0.22),
        _flutes(outer, z + wall * 2.4, float(d.choice([6.0, 8.0, 9.5]))),
    ]
    return solids + _paper_extras(d, r, outer, z + wall * 3)


def shoe_box(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Thin solid board with a lid that reaches part of the way down."""
    x, y, z = inner
    lid = 2.0
    rim = min(35.0, z * 0.4)
    outline = rectangle(x + 8, y + 8)
    return [
        Solid(box((x + 2.4, y + 2.4, z + 2.4)).moved((0, 0, z / 2)), "cardboard", fill=0.9),
        Solid(box(inner).moved((0, 0, z / 2)), "air", inside="cardboard", inside_fill=0.9),
        Solid(box((x + 8, y + 8, lid)).moved((0, 0, z + 2.4 + lid / 2)), "cardboard", fill=0.6),
        Solid(extrude(outline, rim, holes=(rectangle(x + 5, y + 5),)).moved((0, 0, z + 2.2 - rim / 2)), "cardboard"),
    ]


def wooden_box(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Planks nailed at the corners to battens."""
    wall = between(d, 6, 14)
    x, y, z = inner
    outer = (x + 2 * wall, y + 2 * wall, z + 2 * wall)
    planks = int(d.integers(2, 5))
    corners = np.array([(sx, sy, 0) for sx in (-1, 1) for sy in (-1, 1)]) * ((x + wall) / 2, (y + wall) / 2, 0)
    levels = np.arange(planks) / planks * z + z / planks / 2
    sides = np.concatenate([corners + (0, 0, level) for level in levels])
    nails = joined(
        copies(along_x(cylinder(1.2, wall * 0.9, 6)), sides),
        copies(cylinder(1.2, wall * 0.9, 6), corners * 0.96 + (0, 0, z + wall / 2)),
        copies(cylinder(1.2, wall * 0.9, 6), corners * 0.96 + (0, 0, -wall / 2)),
    )
    gaps = boxes(
        np.column_stack(
            [np.zeros(planks - 1), (np.arange(1, planks) / planks - 0.5) * y, np.full(planks - 1, z + wall / 2)]
        ),
        np.tile([x, 2.0, wall * 0.9], (planks - 1, 1)),
    )
    return [
        Solid(box(outer).moved((0, 0, z / 2)), "wood"),
        Solid(box(inner).moved((0, 0, z / 2)), "air", inside="wood"),
        Solid(gaps, "air", inside="wood"),
        Solid(nails, "steel", inside="wood"),
        *_paper_extras(d, r, outer, z + wall),
    ]


def gift_tin(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Tin-plated sheet with a rolled rim and an overlapping lid."""
    x, y, z = inner
    corner, wall = min(x, y) * between(d, 0.05, 0.25), between(d, 0.3, 0.5)
    x, y = x + ROUNDING * corner, y + ROUNDING * corner
    outer = rounded_rectangle(x + 2 * wall, y + 2 * wall, corner, 5)
    rim = rounded_rectangle(x + 4, y + 4, corner, 5)
    lid = rounded_rectangle(x + 3, y + 3, corner, 5)
    return [
        Solid(extrude(outer, z + 2 * wall).moved((0, 0, z / 2)), "steel"),
        Solid(extrude(rounded_rectangle(x, y, corner, 5), z).moved((0, 0, z / 2)), "air", inside="steel"),
        Solid(extrude(rim, 14, holes=(lid,)).moved((0, 0, z - 8)), "steel"),
    ]


def mailing_tube(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A wound cardboard tube with plastic caps; the inner space is a square inscribed in its bore."""
    bore = float(np.hypot(inner[1], inner[2])) / 2 + 0.5
    wall = between(d, 2, 4)
    length = inner[0] + 4
    middle = (0, 0, inner[2] / 2)
    caps = joined(*(along_x(cylinder(bore - 0.2, 1.8)).moved((s * (length / 2 - 1), 0, 0)) for s in (-1, 1)))
    return [
        Solid(along_x(tube(bore + wall, bore, length, 32)).moved(middle), "cardboard", fill=0.9),
        Solid(caps.moved(middle), "polyethylene"),
    ]


def crate(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """An open plastic crate or inspection tray with a thick rim."""
    x, y, z = inner
    wall, corner = between(d, 2, 4), between(d, 15, 45)
    x, y = x + ROUNDING * corner, y + ROUNDING * corner
    outer = rounded_rectangle(x + 2 * wall, y + 2 * wall, corner + wall)
    free = rounded_rectangle(x, y, corner)
    rim = rounded_rectangle(x + 2 * wall + 34, y + 2 * wall + 34, corner + wall)
    plastic = pick(d, "polypropylene", "abs", "polyethylene")
    return [
        Solid(extrude(outer, wall).moved((0, 0, -wall / 2)), plastic),
        Solid(extrude(outer, z, holes=(free,)).moved((0, 0, z / 2)), plastic),
        Solid(extrude(rim, 6, holes=(outer * 1.001,)).moved((0, 0, z - 3)), plastic),
    ]


def foam_box(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Thick walls of expanded foam in a thin carton, as instruments are shipped."""
    x, y, z = inner
    wall, fill = between(d, 12, 35), between(d, 0.02, 0.05)
    outer = (x + 2 * wall, y + 2 * wall, z + 2 * wall)
    card = (outer[0] + 6, outer[1] + 6, outer[2] + 6)
    return [
        Solid(box(card).moved((0, 0, z / 2)), "cardboard", fill=0.22),
        Solid(box(outer).moved((0, 0, z / 2)), "polyethylene", "cardboard", fill, 0.22),
        Solid(rounded_box(inner, 6).moved((0, 0, z / 2)), "air", inside="polyethylene", inside_fill=fill),
        *_paper_extras(d, r, card, z + wall + 3),
    ]


def _bag_shape(inner: Vector, drape: Grid, margin_mm: float) -> tuple[Grid, tuple[float, float]]:
    """A sheet laid over the drape, falling to the floor at the seams beyond it."""
    high = cv2.copyMakeBorder(drape, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=2.0)
    relaxed = np.maximum(high, cv2.blur(cv2.dilate(high, np.ones((3, 3))), (5, 5)))
    nx, ny = drape.shape
    size = (inner[0] + 6 * inner[0] / (nx - 1), inner[1] + 6 * inner[1] / (ny - 1))
    return relaxed, (size[0] + margin_mm, size[1] + margin_mm)


def _film(r: Rng, inner: Vector, drape: Grid, material: str, thick_mm: float, wrinkle: float) -> Solids:
    """Two sheets around the contents, the upper one wrinkled, and sealed seams all round."""
    top, size = _bag_shape(inner, drape, 0.0)
    folds = creases(r, top.shape, 6)
    rise = top + 1.0 + folds * 4
    thick = thick_mm * (steepness(rise, size) + wrinkle * folds)
    zeros = np.zeros_like(top)
    seam = extrude(rectangle(size[0] + 20, size[1] + 20), 0.6, holes=(rectangle(size[0] + 1, size[1] + 1),))
    under = thick_mm * (1 + wrinkle * creases(r, top.shape, 5))
    return [
        Solid(height_field(rise, rise + thick, size), material),
        Solid(height_field(zeros - 1 - under, zeros - 1, size), material),
        Solid(seam, material),
    ]


def poly_mailer(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A bag of plastic film with a label."""
    solids = _film(r, inner, drape, "polyethylene", between(d, 0.08, 0.2), 2.0)
    label = box((min(100.0, inner[0] * 0.7), min(150.0, inner[1] * 0.7), 0.3)).moved((0, 0, -1.9))
    return [*solids, Solid(label, "paper")]


def padded_envelope(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A paper envelope lined with bubbles."""
    solids = _film(r, inner, drape, "paper", between(d, 0.2, 0.5), 1.0)
    pitch = between(d, 11, 22)
    nx, ny = max(2, min(16, int(inner[0] / pitch))), max(2, min(13, int(inner[1] / pitch)))
    x, y = np.meshgrid(np.linspace(-0.47, 0.47, nx) * inner[0], np.linspace(-0.47, 0.47, ny) * inner[1])
    dots = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, -2.6)])
    # Bubbles weigh only by their film; flat discs give the ring pattern seen in scans at a tenth of the triangles.
    return [*solids, Solid(copies(cylinder(pitch * 0.38, 0.5, 6), dots), "polyethylene", fill=0.6)]


def sack(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A cloth or woven bag, its mouth gathered."""
    solids = _film(r, inner, drape, pick(d, "cotton", "nylon", "polypropylene"), between(d, 0.4, 0.9), 1.6)
    top, size = _bag_shape(inner, drape, 0.0)
    mouth = np.abs(noise(r, (10, 24), 9)) * 5 + 0.5
    gather = height_field(np.zeros((10, 24)), mouth, (45.0, size[1] * 0.6)).moved((size[0] / 2 + 34, 0, 0))
    return [*solids, Solid(gather, "cotton", fill=0.3)]


PACKAGINGS: tuple[Packaging, ...] = (
    Packaging("carton", carton, (140, 100, 40), (560, 420, 330), 40, 4.0),
    Packaging("shoe_box", shoe_box, (280, 180, 90), (350, 240, 130), 24, 1.0),
    Packaging("wooden_box", wooden_box, (180, 120, 60), (520, 380, 250), 24, 0.7),
    Packaging("gift_tin", gift_tin, (140, 100, 35), (300, 230, 110), 24, 0.6),
    Packaging("mailing_tube", mailing_tube, (280, 45, 45), (960, 110, 110), 24, 0.5),
    Packaging("crate", crate, (300, 220, 50), (500, 350, 115), 24, 0.8, spare_mm=90.0),
    Packaging("foam_box", foam_box, (180, 130, 60), (460, 340, 220), 24, 0.7, spare_mm=90.0),
    Packaging("poly_mailer", poly_mailer, (180, 140, 20), (480, 380, 160), 24, 1.2, soft=True, spare_mm=110.0),
    Packaging("padded_envelope", padded_envelope, (160, 110, 12), (420, 320, 70), 24, 1.2, soft=True, spare_mm=110.0),
    Packaging("sack", sack, (240, 180, 40), (480, 360, 220), 24, 0.6, soft=True, spare_mm=200.0),
    Packaging("backpack", backpack, (280, 200, 50), (470, 340, 210), 24, 1.2, soft=True, spare_mm=140.0),
    Packaging("suitcase", suitcase, (400, 280, 110), (560, 400, 230), 24, 1.6, spare_mm=230.0),
)
"""Every packaging, with the inner sizes it comes in; long cartons and tubes take what is longer."""


def _sample(packaging: Packaging, design: int, rng: Rng) -> Item:
    low, high = np.array(packaging.shortest_mm), np.array(packaging.longest_mm)
    x, y, z = (float(v) for v in rng.uniform(low, low + 0.6 * (high - low)))
    drape = flat_drape(z) - 0.4 * z * np.abs(noise(rng, (18, 18), 4)) if packaging.soft else flat_drape(z)
    return packaging.around(design, rng, (x, y, z), np.maximum(drape, 4.0))


PACKAGING: tuple[Kind, ...] = tuple(Kind(p.name, None, p.designs, partial(_sample, p), p.weight) for p in PACKAGINGS)
"""Empty packagings as kinds, for galleries and tests."""
