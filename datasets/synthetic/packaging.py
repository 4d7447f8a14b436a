"""Packagings: the outer box, bag or envelope of a parcel, built around a free inner space.

The inner space of every packaging has its floor at z = 0 and is centred in x and y. Stiff packagings keep the height
they were made with; soft ones are wrapped over whatever was packed (the *drape*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .benign.assembly import Rng, Solids, Vector, between, boxes, copies, design_generator, pick, rectangle
from .luggage import ROUNDING, backpack, bag_shape, fold_lines, suitcase
from .shapes import (
    along_x,
    box,
    cylinder,
    extrude,
    joined,
    ring_of,
    rounded_box,
    rounded_rectangle,
    spline,
    sweep,
    tube,
)
from .sheets import Grid, bulged, creases, height_field, noise, sampled, steepness, warped_field, wrinkles
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
    corner, wall = min(x, y) * between(d, 0.05, 0.25), between(d, 0.2, 0.32)
    x, y = x + ROUNDING * corner, y + ROUNDING * corner
    # Pressed sheet narrows towards its floor; a wall exactly along the beam would be thinner than a detector.
    draft = between(d, 1.5, 4.0)
    sections = [
        np.column_stack([rounded_rectangle(x + grown, y + grown, corner, 5), np.full(24, level)])
        for grown, level in ((2 * wall, 0.0), (2 * wall + draft, z), (draft, z), (0.0, 0.0))
    ]
    span = (x + 2 * wall + draft + 3, y + 2 * wall + draft + 3)
    rolled = rounded_rectangle(*span, corner, 5)
    return [
        Solid(ring_of(sections), "steel"),
        Solid(extrude(rounded_rectangle(x + 2 * wall, y + 2 * wall, corner, 5), wall).moved((0, 0, -wall)), "steel"),
        Solid(extrude(rolled, wall).moved((0, 0, z + 2.5)), "steel"),
        Solid(sweep(np.column_stack([rolled, np.full(len(rolled), z - 5.0)]), 0.8, 5, closed=True), "steel"),
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
    """An open plastic crate or inspection tray: sloping walls, a thick rim, ribs under the floor."""
    x, y, z = inner
    wall, corner = between(d, 2, 3.5), between(d, 15, 45)
    x, y = x + ROUNDING * corner, y + ROUNDING * corner
    slope, rim = between(d, 0, 26), between(d, 8, 30)
    # The walls are leaning sheets: rings of equal point count up the outside and down the inside.
    rings = [
        np.column_stack([outline, np.full(len(outline), level)])
        for grown, level in ((wall, 0.0), (slope + wall, z), (slope, z), (0.0, 0.0))
        for outline in (rounded_rectangle(x + 2 * grown, y + 2 * grown, corner + grown),)
    ]
    outer = rounded_rectangle(x + 2 * wall, y + 2 * wall, corner + wall)
    spread = 2 * (slope + wall)
    inside = rounded_rectangle(x + spread + 1, y + spread + 1, corner + wall + slope)
    outside = rounded_rectangle(x + spread + rim, y + spread + rim, corner + wall + slope + rim / 2)
    plastic = pick(d, "polypropylene", "abs", "polyethylene")
    solids: Solids = [
        Solid(extrude(outer, wall).moved((0, 0, -wall / 2)), plastic),
        Solid(ring_of(rings), plastic),
        Solid(extrude(outside, between(d, 4, 14), holes=(inside,)).moved((0, 0, z - 8)), plastic),
    ]
    if d.random() < 0.5:
        lines = np.arange(1, int(d.integers(3, 9)))
        rows = np.array([((k / (len(lines) + 1) - 0.5) * x, 0, -wall - 1.6) for k in lines])
        solids.append(Solid(boxes(rows, np.tile([1.6, y * 0.9, 3.0], (len(rows), 1))), plastic))
    return solids


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


def _film(
    r: Rng, inner: Vector, drape: Grid, material: str, thick_mm: float, wrinkle: float, roundness: float = 0.0
) -> Solids:
    """Two sheets around the contents, wrinkled, one laid over the drape; sealed seams round a square bag."""
    top, size = bag_shape(inner, drape)
    x, y = bulged(r, (top.shape[0], top.shape[1]), size, roundness)
    if roundness == 0:
        x, y = (side * span / np.ptp(side) for side, span in ((x, size[0]), (y, size[1])))
    rise = sampled(top, size, x, y) + 1.0 + 3 * creases(r, top.shape, 6)
    folded = 0.15 * creases(r, top.shape, 7) + 0.4 * wrinkles(r, top.shape, int(r.integers(4, 10)))
    upper = thick_mm * (np.minimum(steepness(rise, size), 6.0) + wrinkle * folded)
    # The lower sheet is flat; every other corner of the grid carries its folds.
    coarse = x[::2, ::2], y[::2, ::2]
    lower = thick_mm * (1 + wrinkle * 0.4 * creases(r, coarse[0].shape, 9))
    solids = [
        Solid(warped_field(rise, rise + upper, x, y), material),
        Solid(warped_field(-1 - lower, np.full_like(lower, -1.0), *coarse), material),
    ]
    if roundness > 0:
        span = (float(np.ptp(x)), float(np.ptp(y)))
        lines = fold_lines(r, span, int(r.integers(20, 70)), between(r, 0.6, 1.3))
        return [*solids, Solid(lines.moved((0, 0, -2 - float(lower.max()))), material)]
    seam = extrude(rectangle(size[0] + 24, size[1] + 24), 0.6, holes=(rectangle(size[0] + 5, size[1] + 5),))
    return [*solids, Solid(seam, material)]


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
    material = pick(d, "cotton", "nylon", "polypropylene")
    solids = _film(r, inner, drape, material, between(d, 0.3, 0.8), 1.6, between(d, 0.2, 0.7))
    mouth = np.abs(noise(r, (10, 24), 9)) * 5 + 0.5
    reach = float(solids[0].mesh.vertices_mm[:, 0].max())
    gather = height_field(np.zeros((10, 24)), mouth, (45.0, inner[1] * 0.6)).moved((reach + 18, 0, 0))
    return [*solids, Solid(gather, "cotton", fill=0.3)]


def carrier_bag(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """A shopping bag of thin film or paper with two handles, all wrinkles."""
    material = pick(d, "polyethylene", "polypropylene", "paper")
    solids = _film(r, inner, drape, material, between(d, 0.2, 0.5), between(d, 2.5, 5.0), between(d, 0.1, 0.6))
    rim = float(solids[0].mesh.vertices_mm[:, 0].max())
    handles = []
    for level in (0.0, 12.0):
        reach, half = between(r, 50, 95), inner[1] * between(r, 0.12, 0.24)
        shift = inner[1] * between(r, -0.12, 0.12)
        knots = np.array(
            [(0, -half, 0), (reach * 0.8, -half * 0.8, 3), (reach, 0, 0), (reach * 0.7, half, 3), (0, half, 0)]
        )
        handles.append(sweep(spline(knots, 4) + (rim - 6, shift, level), between(d, 1.2, 3.0), 6))
    return [*solids, Solid(joined(*handles), material, fill=0.7)]


PACKAGINGS: tuple[Packaging, ...] = (
    Packaging("carton", carton, (140, 100, 40), (560, 420, 330), 40, 4.0),
    Packaging("shoe_box", shoe_box, (280, 180, 90), (350, 240, 130), 24, 1.0),
    Packaging("wooden_box", wooden_box, (180, 120, 60), (520, 380, 250), 24, 0.7),
    Packaging("gift_tin", gift_tin, (140, 100, 35), (300, 230, 110), 24, 0.25),
    Packaging("mailing_tube", mailing_tube, (280, 45, 45), (960, 110, 110), 24, 0.5),
    Packaging("crate", crate, (300, 220, 50), (500, 350, 115), 24, 0.8, spare_mm=130.0),
    Packaging("foam_box", foam_box, (180, 130, 60), (460, 340, 220), 24, 0.7, spare_mm=90.0),
    Packaging("poly_mailer", poly_mailer, (180, 140, 20), (480, 380, 160), 24, 1.2, soft=True, spare_mm=110.0),
    Packaging("padded_envelope", padded_envelope, (160, 110, 12), (420, 320, 70), 24, 1.2, soft=True, spare_mm=110.0),
    Packaging("sack", sack, (240, 180, 40), (440, 330, 220), 24, 0.6, soft=True, spare_mm=290.0),
    Packaging("carrier_bag", carrier_bag, (200, 160, 30), (420, 320, 200), 24, 1.0, soft=True, spare_mm=290.0),
    Packaging("backpack", backpack, (280, 200, 50), (450, 330, 210), 24, 1.2, soft=True, spare_mm=200.0),
    Packaging("suitcase", suitcase, (400, 280, 110), (680, 440, 260), 24, 2.4, spare_mm=230.0),
)
"""Every packaging, with the inner sizes it comes in; long cartons and tubes take what is longer."""


def _sample(packaging: Packaging, design: int, rng: Rng) -> Item:
    low, high = np.array(packaging.shortest_mm), np.array(packaging.longest_mm)
    x, y, z = (float(v) for v in rng.uniform(low, low + 0.6 * (high - low)))
    drape = flat_drape(z) - 0.4 * z * np.abs(noise(rng, (18, 18), 4)) if packaging.soft else flat_drape(z)
    return packaging.around(design, rng, (x, y, z), np.maximum(drape, 4.0))


PACKAGING: tuple[Kind, ...] = tuple(Kind(p.name, None, p.designs, partial(_sample, p), p.weight) for p in PACKAGINGS)
"""Empty packagings as kinds, for galleries and tests."""
