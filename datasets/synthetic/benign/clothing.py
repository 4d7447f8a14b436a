"""Clothes, shoes, belts: layered cloth with creases and seams, and the metal that holds them together."""

from __future__ import annotations

import numpy as np

from ..shapes import box, circle, cylinder, extrude, joined, rounded_rectangle, spline, sweep, tube
from ..sheets import Grid, bulged, creases, height_field, noise, warped_field, wrinkles
from ..solids import Kind, Solid
from .assembly import Rng, Solids, between, boxes, copies, grid, kind, pick

_GRID = (42, 32)


def _folded(d: Rng, r: Rng, layers: int) -> Grid:
    """Thickness in layers of a folded garment: panels of the design, creased by the instance, thin at the rim."""
    nx, ny = _GRID
    sheets = np.full(_GRID, 1.0)
    for _ in range(layers):
        i, j = int(d.integers(0, nx // 2)), int(d.integers(0, ny // 2))
        sheets[i : i + int(d.integers(nx // 3, nx)), j : j + int(d.integers(ny // 3, ny))] += 1
    folds = 2.2 * creases(r, _GRID, 7) + 1.2 * wrinkles(r, _GRID, int(r.integers(5, 12)))
    wavy = sheets * (1 + 0.22 * noise(r, _GRID, 5)) + folds
    return np.asarray(np.maximum(wavy, 0.4))


def _garment(d: Rng, r: Rng, size: tuple[float, float], layer_mm: float, material: str, fill: float) -> Solids:
    thick = _folded(d, r, int(d.integers(4, 12))) * layer_mm
    x, y = bulged(r, _GRID, size, between(r, 0.0, 0.5))
    floor = np.zeros(_GRID)
    body = Solid(warped_field(floor, floor + thick, x, y), material, fill=fill)
    knots = np.column_stack(
        [np.linspace(-0.42, 0.42, 5) * size[0], between(d, -0.35, 0.35) * size[1] + r.normal(0, 6, 5)]
    )
    path = spline(np.column_stack([knots, np.full(5, float(thick.max()) + 1.6)]), 4)
    return [body, Solid(sweep(path, 1.3, 4), material)]


def folded_shirt(d: Rng, r: Rng) -> Solids:
    """A shirt folded to a rectangle, with buttons."""
    size = (between(d, 240, 340), between(d, 190, 260))
    cloth = _garment(d, r, size, between(d, 1.6, 3.2), "cotton", between(d, 0.12, 0.25))
    top = float(cloth[1].mesh.vertices_mm[:, 2].max())
    line = np.array([(x, between(r, -4, 4), top + 1.5) for x in np.linspace(-0.4, 0.4, 7) * size[0]])
    return [*cloth, Solid(copies(cylinder(5.5, 2.2, 10), line), pick(d, "nylon", "abs", "polypropylene"))]


def jumper(d: Rng, r: Rng) -> Solids:
    """Thick loose knitwear."""
    size = (between(d, 260, 380), between(d, 220, 300))
    return _garment(d, r, size, between(d, 4, 7), "cotton", between(d, 0.08, 0.16))


def trousers(d: Rng, r: Rng) -> Solids:
    """Dense cloth with a zipper, a button and rivets."""
    size = (between(d, 300, 420), between(d, 180, 260))
    cloth = _garment(d, r, size, between(d, 2.2, 4.0), "cotton", between(d, 0.22, 0.36))
    top = float(cloth[1].mesh.vertices_mm[:, 2].max())
    at = np.column_stack([d.uniform(-0.45, 0.1, 6) * size[0], d.uniform(-0.4, 0.4, 6) * size[1], np.full(6, top + 1)])
    teeth = boxes(np.array([(size[0] * -0.3 + k * 3.0, 12.0, top + 1) for k in range(40)]), np.full((40, 3), 1.8))
    return [
        *cloth,
        Solid(copies(cylinder(4.2, 1.6, 10), at[:5] + (0, 0, 2.5)), pick(d, "copper", "steel", "brass")),
        Solid(teeth, pick(d, "brass", "nylon", "zinc")),
    ]


def jacket(d: Rng, r: Rng) -> Solids:
    """A padded coat with a long zipper, pulls, snaps and cord ends."""
    size = (between(d, 320, 450), between(d, 260, 340))
    cloth = _garment(d, r, size, between(d, 4, 8), "nylon", between(d, 0.06, 0.14))
    top = float(cloth[1].mesh.vertices_mm[:, 2].max()) + 1
    x = np.linspace(-0.45, 0.45, 9) * size[0]
    path = spline(np.column_stack([x, 20 * np.sin(x / 60 + r.uniform(0, 6)), 0 * x + top]), 3)
    side = np.array([(0, 2.0, 0)])
    teeth = joined(sweep(path + side, 1.0, 4), sweep(path - side, 1.0, 4))
    pull = box((22, 6, 2)).moved(path[int(r.integers(2, 20))] + (0, 9, 3))
    snaps = grid(4, 1, size[0] * 0.25, 0) + (0, size[1] * 0.3, top)
    return [
        *cloth,
        Solid(teeth, pick(d, "nylon", "zinc", "brass", "aluminium")),
        Solid(pull, pick(d, "zinc", "steel")),
        Solid(copies(tube(6, 2, 3, 12), snaps), pick(d, "brass", "steel")),
    ]


def underwear_roll(d: Rng, r: Rng) -> Solids:
    """Socks and small cloth, rolled to balls side by side."""
    count = int(d.integers(2, 7))
    solids: Solids = []
    for k in range(count):
        n = (14, 12)
        x, y = np.meshgrid(np.linspace(-1, 1, n[0]), np.linspace(-1, 1, n[1]), indexing="ij")
        round_ = np.sqrt(np.clip(1.05 - np.maximum(np.abs(x), np.abs(y)) ** 3, 0.02, 1))
        thick = (round_ * 28 + 4 * noise(r, n, 4) * round_ + 1).clip(0.8)
        body = height_field(-thick / 2, thick / 2, (between(r, 60, 90), 52.0))
        solids.append(Solid(body.moved((0, k * 56.0, 0)), "cotton", fill=between(r, 0.15, 0.3)))
    return solids


def towel(d: Rng, r: Rng) -> Solids:
    """A thick even stack."""
    size = (between(d, 220, 380), between(d, 140, 240))
    return _garment(d, r, size, between(d, 5, 9), "cotton", between(d, 0.12, 0.22))


def _sole(length: float, width: float) -> np.ndarray:
    half = [(0.5, 0.0), (0.47, 0.25), (0.3, 0.48), (0.0, 0.38), (-0.25, 0.32), (-0.45, 0.3), (-0.5, 0.0)]
    points = np.array([*half, *((x, -y * 0.92) for x, y in half[-2:0:-1])])
    return np.asarray(spline(points * (length, width), 3, closed=True))


def shoe(d: Rng, r: Rng) -> Solids:
    """Sole, steel shank or toe cap, upper of leather or cloth, eyelets."""
    length, width, height = between(d, 230, 300), between(d, 82, 108), between(d, 55, 95)
    outline = _sole(length, width)
    heel = between(d, 8, 30)
    sole = pick(d, "rubber", "rubber", "polyethylene")
    fill = 0.5 if sole == "polyethylene" else 0.85
    upper = extrude(outline * 0.94, height).moved((0, 0, heel + height / 2 + 0.1))
    inner = extrude(outline * 0.87, height - 5).moved((0, 0, heel + height / 2 + 0.1))
    leather = pick(d, "leather", "leather", "cotton", "nylon")
    solids: Solids = [
        Solid(extrude(outline, heel).moved((0, 0, heel / 2)), sole, fill=fill),
        Solid(upper, leather, fill=0.8),
        Solid(inner, "air", inside=leather, inside_fill=0.8),
    ]
    if d.random() < 0.65:
        shank = box((length * 0.4, between(d, 9, 16), 1.6)).moved((-length * 0.08, 0, heel + 4))
        solids.append(Solid(shank, "steel"))
    if d.random() < 0.2:
        solids.append(Solid(extrude(_sole(70, width * 0.8), 1.8).moved((length * 0.3, 0, heel + height - 8)), "steel"))
    if d.random() < 0.35:
        nails = np.column_stack(
            [d.uniform(-0.45, -0.3, 7) * length, d.uniform(-0.2, 0.2, 7) * width, np.full(7, heel / 2)]
        )
        solids.append(Solid(copies(cylinder(1.0, heel * 0.7, 6), nails), "steel", inside=sole, inside_fill=fill))
    eyes = np.array(
        [(length * (0.02 + 0.045 * k), s * width * 0.16, heel + height + 1.2) for k in range(5) for s in (-1, 1)]
    )
    return [*solids, Solid(copies(tube(3.4, 1.9, 1.6, 10), eyes), pick(d, "brass", "steel", "aluminium"))]


def heeled_shoe(d: Rng, r: Rng) -> Solids:
    """A tall heel with a steel pin and a steel shank under a light upper."""
    length, width, heel = between(d, 215, 245), between(d, 70, 85), between(d, 50, 95)
    sole = extrude(_sole(length, width), 5)
    pin = cylinder(3, heel - 4, 8).moved((-length * 0.4, 0, -heel / 2 - 2.6))
    post = cylinder(between(d, 6, 14), heel, 12).moved((-length * 0.4, 0, -heel / 2 - 2.6))
    return [
        Solid(sole, "leather"),
        Solid(box((length * 0.55, 12, 2)).moved((-length * 0.1, 0, 0)), "steel", inside="leather"),
        Solid(post, "abs"),
        Solid(pin, "steel", inside="abs"),
        Solid(extrude(_sole(length * 0.5, width * 0.9), 40, holes=(_sole(length * 0.46, width * 0.8),))
              .moved((length * 0.2, 0, 22.6)), "leather", fill=0.7),
    ]  # fmt: skip


def belt(d: Rng, r: Rng) -> Solids:
    """A rolled leather belt with its buckle."""
    turns, width = between(r, 2.5, 4.5), between(d, 26, 42)
    angle = np.linspace(0, 2 * np.pi * turns, int(turns * 18))
    radius = 16 + angle / (2 * np.pi) * 6.5
    inner, outer = ((radius + o)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]) for o in (0.0, 3.6))
    strap = extrude(np.concatenate([outer, inner[::-1]]), width)
    edge = float(radius[-1]) + 12
    frame = extrude(rounded_rectangle(width * 1.35, width * 1.25, 5, 2), 4,
                    holes=(rounded_rectangle(width * 1.0, width * 0.9, 4, 2),))  # fmt: skip
    tongue = box((width * 1.1, 3.4, 3.0)).moved((0, 0, 3.8))
    end = angle[-1]
    reach = edge + width * 0.8
    at = (reach * np.cos(end), reach * np.sin(end), 0.0)
    standing = np.array([(1.0, 0, 0), (0, 0, 1.0), (0, -1.0, 0)])
    metal = pick(d, "steel", "zinc", "brass")
    turned_buckle = joined(frame, tongue).turned(standing if d.random() < 0.3 else np.eye(3))
    return [Solid(strap, pick(d, "leather", "leather", "nylon")), Solid(turned_buckle.moved(at), metal)]


def handbag(d: Rng, r: Rng) -> Solids:
    """A soft bag with chain or rings, clasp and zipper."""
    x, y, z = between(d, 200, 300), between(d, 140, 210), between(d, 40, 80)
    chain = np.column_stack(
        [np.linspace(-0.5, 0.5, 26) * x, y / 2 + 40 * np.cos(np.linspace(-1.5, 1.5, 26)) + 5, np.zeros(26)]
    )
    metal = pick(d, "brass", "steel", "zinc")
    links = copies(tube(5, 3, 2.2, 10), chain)
    zipper = sweep(spline(np.array([(-x * 0.45, y * 0.46, 0), (0, y * 0.44, 3), (x * 0.45, y * 0.46, 0)]), 6), 1.5, 5)
    return [
        Solid(extrude(rounded_rectangle(x, y, 18), z), "leather", fill=0.9),
        Solid(extrude(rounded_rectangle(x - 4, y - 4, 16), z - 4), "air", inside="leather", inside_fill=0.9),
        Solid(links, metal),
        Solid(zipper, metal, fill=0.7),
        Solid(extrude(circle(13, 16), 5, holes=(circle(7, 12),)).moved((0, 0, z / 2 + 3)), metal),
    ]


CLOTHING: tuple[Kind, ...] = (
    kind("folded_shirt", folded_shirt, 24, 1.5),
    kind("jumper", jumper, 16, 1.2),
    kind("trousers", trousers, 20, 1.5),
    kind("jacket", jacket, 16, 1.2),
    kind("underwear_roll", underwear_roll, 16),
    kind("towel", towel, 12),
    kind("shoe", shoe, 24, 1.5),
    kind("heeled_shoe", heeled_shoe, 12),
    kind("belt", belt, 20),
    kind("handbag", handbag, 16),
)
"""Clothes and leather."""
