"""Bags that travel: small suitcases with rails and wheels, backpacks with zippers and buckles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .benign.assembly import Rng, Solids, Vector, between, boxes, copies, pick
from .shapes import (
    along_y,
    box,
    cylinder,
    extrude,
    joined,
    rotation,
    rounded_rectangle,
    spline,
    sweep,
    torus,
    tube,
)
from .sheets import Grid, bulged, creases, height_field, noise, refined, sampled, steepness, warped_field, wrinkles
from .solids import Mesh, Solid

ROUNDING = 0.6
"""Share of its corner radius by which a rounded box must be longer and wider to take a sharp-edged load."""


def zipper_pull(r: Rng, length_mm: float) -> Mesh:
    """A slider with its pull tab, in the xy plane, pointing anywhere."""
    slider = box((9.0, 7.0, 4.0))
    tab = extrude(
        rounded_rectangle(length_mm, 7.0, 3.0, 2),
        1.6,
        holes=(rounded_rectangle(length_mm * 0.5, 3.6, 1.2, 2),),
    )
    both = joined(slider, tab.moved((length_mm / 2 + 4.8, 0, 0)))
    return both.turned(rotation("z", float(r.uniform(0, 360))))


def _around(size: tuple[float, float], z_mm: float, corner_mm: float) -> NDArray[np.float64]:
    loop = rounded_rectangle(size[0], size[1], corner_mm, 4)
    return np.column_stack([loop, np.full(len(loop), z_mm)])


def _wavering(r: Rng, size: tuple[float, float], corner_mm: float, waver_mm: float) -> NDArray[np.float64]:
    """(n, 3) a closed loop in z = 0 round a rectangle that wanders gently, as a seam in cloth does."""
    loop = rounded_rectangle(size[0], size[1], corner_mm, 4)
    ends = np.roll(loop, -1, axis=0)
    steps = np.maximum(1, (np.linalg.norm(ends - loop, axis=1) / 45).astype(int))
    dense = np.concatenate([a + (b - a) * np.arange(n)[:, None] / n for a, b, n in zip(loop, ends, steps, strict=True)])
    drift = r.normal(0, waver_mm, dense.shape)
    smooth = (np.roll(drift, 1, axis=0) + 2 * drift + np.roll(drift, -1, axis=0)) / 2
    path = spline(dense + smooth, 2, closed=True)
    return np.column_stack([path, np.zeros(len(path))])


def suitcase(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Two shells with a wire frame and zipper, telescopic rails below the lining, wheels, handles and rivets."""
    x, y, z = inner
    hard = d.random() < 0.5
    wall = between(d, 1.8, 3.0) if hard else between(d, 2.5, 5.0)
    material, fill = (
        (pick(d, "polycarbonate", "abs", "polypropylene"), 1.0) if hard else ("nylon", between(d, 0.2, 0.4))
    )
    corner, below = between(d, 25, 60), 20.0
    x, y = x + ROUNDING * corner, y + ROUNDING * corner
    height = z + below
    outer = rounded_rectangle(x + 2 * wall, y + 2 * wall, corner, 4)
    middle = z / 2 - below / 2
    shells: Solids = [
        Solid(extrude(outer, height + 2 * wall).moved((0, 0, middle)), material, fill=fill),
        Solid(extrude(rounded_rectangle(x, y, corner - wall, 4), height).moved((0, 0, middle)), "air", material,
              inside_fill=fill),
    ]  # fmt: skip
    span = (x + 2 * wall + 7, y + 2 * wall + 7)
    zipper = joined(*(sweep(_around(span, middle + s * 2.5, corner), 1.0, 4, closed=True) for s in (-1, 1)))
    wires = [] if hard and d.random() < 0.5 else [
        sweep(_around((span[0] + 4, span[1] + 4), level, corner), between(d, 1.0, 1.8), 6, closed=True)
        for level in (-below + 3, z - 3)
    ]  # fmt: skip
    solids = [*shells, Solid(zipper, pick(d, "nylon", "steel", "zinc"), fill=0.6), *_rails(d, x, y, -below)]
    if wires:
        solids.append(Solid(joined(*wires), "steel"))
    pulls = [zipper_pull(r, between(r, 14, 30))
             .moved((span[0] * r.uniform(-0.4, 0.4), s * (span[1] / 2 + 5), middle - 9))
             for s in (-1, 1)]  # fmt: skip
    solids += _lining(d, r, x, y, z)
    return [*solids, *_wheels(d, x + 2 * wall + 8, y, middle, height), *_fittings(d, x, y, z, wall, below),
            Solid(joined(*pulls), pick(d, "steel", "zinc"))]  # fmt: skip


def _lining(d: Rng, r: Rng, x: float, y: float, z: float) -> Solids:
    """Creased lining with pocket seams under the lid, outside the room of the contents."""
    lining = np.full((40, 30), z + 8.0)
    folds = creases(r, lining.shape, 6) + wrinkles(r, lining.shape, 5) + wrinkles(r, lining.shape, 9)
    sheet = height_field(lining, lining + between(d, 0.3, 0.7) * (1 + 1.5 * folds), (x * 0.97, y * 0.95))
    seams = []
    for level in range(int(d.integers(1, 4))):
        span = (x * between(d, 0.5, 0.95), y * between(d, 0.35, 0.92))
        loop = _wavering(r, span, between(d, 10, 50), 1.5) + (0, 0, z + 14 + 4.0 * level)
        seams.append(sweep(loop, between(d, 0.5, 1.0), 4, closed=True))
    lines = fold_lines(r, (x * 0.95, y * 0.95), int(r.integers(8, 35)), between(d, 0.4, 0.9)).moved((0, 0, z + 36))
    material = pick(d, "nylon", "pvc")
    return [
        Solid(sheet, material, fill=0.5),
        Solid(lines, material),
        Solid(joined(*seams), pick(d, "nylon", "rubber", "zinc"), fill=0.7),
    ]


def _rails(d: Rng, x: float, y: float, floor_mm: float) -> Solids:
    gap, width = y * between(d, 0.2, 0.5), between(d, 12, 38)
    metal, wall = pick(d, "aluminium", "aluminium", "steel"), between(d, 1.0, 1.8)
    solids: Solids = []
    for s in (-1, 1):
        at = (0.0, s * gap / 2, floor_mm + 9.0)
        solids += [
            Solid(box((x * 0.96, width, 14)).moved(at), metal),
            Solid(box((x * 0.95, width - 2 * wall, 14 - 2 * wall)).moved(at), "air", inside=metal),
            Solid(box((x * 0.85, width * 0.5, 7)).moved(at), metal),
        ]
    bar = along_y(cylinder(7, gap - width - 2, 12)).moved((x * 0.44, 0, floor_mm + 9))
    return [*solids, Solid(bar, "abs"), Solid(box((x * 0.04, gap * 0.5, 4)).moved((x * 0.3, 0, floor_mm + 9)), "steel")]


def _wheels(d: Rng, x: float, y: float, middle: float, height: float) -> Solids:
    radius, width = between(d, 18, 28), between(d, 9, 16)
    places = np.array(
        [(-x / 2 - radius, sy * y * 0.4, middle + sz * height * 0.36) for sy in (-1, 1) for sz in (-1, 1)]
    )
    if d.random() < 0.4:
        places = places[[0, 2]]
    tyre = along_y(tube(radius, radius * 0.5, width, 18))
    hub = along_y(tube(radius * 0.48, 3.4, width * 0.8, 14))
    axle = joined(
        along_y(cylinder(3.2, width + 18, 8)), box((radius * 0.6, 3, 3)).moved((radius * 0.65, width * 0.5 + 4, 0))
    )
    return [
        Solid(copies(tyre, places), pick(d, "rubber", "nylon")),
        Solid(copies(hub, places), "polypropylene"),
        Solid(copies(axle, places), "steel"),
        Solid(copies(along_y(tube(5.5, 3.5, 4, 10)), places + (0, width * 0.7, 0)), "steel"),
    ]


def _fittings(d: Rng, x: float, y: float, z: float, wall: float, below: float) -> Solids:
    """Side and top handles on steel strips, rivets along the rails, lining seams."""
    out = y / 2 + wall + 12
    side = spline(
        np.array([(-70, out - 8, 0), (-60, out + 8, 0), (0, out + 18, 0), (60, out + 8, 0), (70, out - 8, 0)]), 4
    )
    top = spline(np.array([(0, -70, 0), (8, -60, 0), (18, 0, 0), (8, 60, 0), (0, 70, 0)]), 4) + (x / 2 + wall + 8, 0, 0)
    handles = joined(sweep(side + (0, 0, z * 0.4), 6.5, 8), sweep(top + (0, 0, z * 0.4), 6.5, 8))
    count = int(d.integers(10, 30))
    side_y = d.uniform(0.42, 0.49, count) * y * d.choice([-1, 1], count)
    at = np.column_stack([d.uniform(-0.47, 0.47, count) * x, side_y,
                          np.full(count, -below - wall - 1.6)])  # fmt: skip
    rivets = copies(cylinder(between(d, 2.0, 3.5), 2.4, 8), at)
    return [Solid(handles, pick(d, "abs", "polypropylene", "rubber"), fill=0.7), Solid(rivets, "steel")]


def bag_shape(inner: Vector, drape: Grid) -> tuple[Grid, tuple[float, float]]:
    """A sheet laid over the drape, falling to the floor at the seams beyond it, on cells fine enough for its folds."""
    high = cv2.copyMakeBorder(drape, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=3.0)
    relaxed = np.maximum(high, cv2.blur(cv2.dilate(high, np.ones((3, 3))), (5, 5)))
    nx, ny = drape.shape
    # Read at other places than its corners, a steep sheet would dip below what it covers: one cell more all round.
    cover = cv2.dilate(refined(relaxed, 2), np.ones((3, 3)))
    return np.asarray(cover, np.float64), (inner[0] * (1 + 6 / (nx - 1)), inner[1] * (1 + 6 / (ny - 1)))


def fold_lines(r: Rng, size: tuple[float, float], count: int, radius_mm: float) -> Mesh:
    """Folds and seams of a bag's cloth or film as thin cords below z = 0: the fine lines that cross a bag everywhere.

    Most run along the rim or across it, gently bent; they stay within an ellipse a little larger than ``size``.
    """
    cords = []
    for k in range(count):
        angle, out = r.uniform(0, 2 * np.pi), np.sqrt(r.uniform(0.1, 1.0))
        start = np.array([np.cos(angle), np.sin(angle)]) * out * (size[0] / 2, size[1] / 2)
        along_rim = angle + np.pi / 2 if r.random() < 0.5 else angle + np.pi
        steps = int(r.integers(5, 12))
        heading = along_rim + r.normal(0, 0.35) + np.cumsum(r.normal(0.0, 0.22, steps))
        stride = max(size) * r.uniform(0.02, 0.07)
        path = start + np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * stride, axis=0)
        path *= np.minimum(1.0, 1.06 / np.hypot(path[:, 0] / (size[0] / 2), path[:, 1] / (size[1] / 2)))[:, None]
        keep = np.concatenate([[True], np.linalg.norm(np.diff(path, axis=0), axis=1) > 1.0])
        if keep.sum() > 3:
            level = np.full(int(keep.sum()), -1.5 - 1.4 * (k % 6))
            cords.append(sweep(np.column_stack([path[keep], level]), radius_mm * r.uniform(0.6, 1.4), 4))
    return joined(*cords)


def backpack(d: Rng, r: Rng, inner: Vector, drape: Grid) -> Solids:
    """Cloth folded over the contents, zippers, straps with buckles and rings, a padded back."""
    cover, size = bag_shape(inner, drape)
    x, y = bulged(r, (cover.shape[0], cover.shape[1]), size, between(d, 0.15, 0.5))
    cover = sampled(cover, size, x, y) + 1.5
    coarse_x, coarse_y = x[::2, ::2], y[::2, ::2]
    folds = [creases(r, grid.shape, 6) + wrinkles(r, grid.shape, int(r.integers(4, 12))) for grid in (x, coarse_x)]
    cloth, material = between(d, 0.3, 0.9), pick(d, "nylon", "nylon", "pvc")
    thick = cloth * (np.minimum(steepness(cover, size), 6.0) + 1.6 * folds[0])
    padding = between(d, 2, 7) * (1 + 0.15 * folds[1])
    floor, below = np.full_like(padding, -2.0), -5 - float(padding.max()) - 3 * cloth
    solids = [
        Solid(warped_field(cover, cover + thick, x, y), "nylon", fill=0.6),
        Solid(warped_field(floor - padding, floor, coarse_x, coarse_y), "polyethylene", fill=0.06),
        Solid(warped_field(floor * 0 + below, below + cloth * (1 + folds[1]), coarse_x, coarse_y), material, fill=0.5),
    ]
    grown = (float(np.ptp(x)) * 0.95, float(np.ptp(y)) * 0.95)
    lines = fold_lines(r, grown, int(r.integers(15, 50)), between(d, 0.4, 0.9))
    solids.append(Solid(lines.moved((0, 0, below - 1)), material))
    below -= 11
    return [
        *solids,
        *_zippers(d, r, grown, float(cover.max())),
        *_piping(d, r, grown, below),
        *_straps(d, r, grown, below - 16),
    ]


def _piping(d: Rng, r: Rng, size: tuple[float, float], below_mm: float) -> Solids:
    """Welts round the panels and seams across them: cords that draw the outline of a bag."""
    loops = []
    for k in range(int(d.integers(2, 5))):
        shrink = 1 - 0.05 * k - between(d, 0, 0.06)
        path = _wavering(r, (size[0] * shrink, size[1] * shrink), min(size) * between(d, 0.15, 0.4), 2.0)
        loops.append(sweep(path + (0, 0, below_mm - 3.0 - 3.4 * k), between(d, 1.0, 1.6), 5, closed=True))
    steel = d.random() < 0.4
    return [Solid(joined(*loops), "steel" if steel else pick(d, "rubber", "pvc", "nylon"), fill=0.5 if steel else 1.0)]


def _zippers(d: Rng, r: Rng, size: tuple[float, float], top_mm: float) -> Solids:
    """Open arcs of teeth above the cover with their pulls, the strongest lines in a bag."""
    teeth, pulls = [], []
    for k in range(int(d.integers(1, 4))):
        reach = between(d, 0.55, 0.98) - 0.12 * k
        knots = np.array(
            [(-0.5, -0.45, 0), (0.3, -0.5, 0), (0.5, -0.3, 0), (0.5, 0.3, 0), (0.3, 0.5, 0), (-0.5, 0.45, 0)]
        )
        path = spline(knots * (size[0] * reach, size[1] * reach, 1), 5)
        path[:, 2] = top_mm + 4 + 6 * k
        path[:, :2] += r.normal(0, 2.0, (len(path), 2))
        teeth.append(sweep(path, between(d, 0.9, 1.6), 4))
        for end in path[[int(r.integers(2, 10)), -int(r.integers(2, 10))]]:
            pulls.append(zipper_pull(r, between(r, 14, 34)).moved(end + (0, 0, 3.5)))
    kept = [Solid(joined(*teeth), pick(d, "nylon", "zinc", "brass", "steel"), fill=0.6)]
    return [*kept, Solid(joined(*pulls), pick(d, "zinc", "steel", "brass"))]


def _straps(d: Rng, r: Rng, size: tuple[float, float], below_mm: float) -> Solids:
    """Shoulder straps under the bag: padded bands, ladder buckles, rings and loose clips."""
    bands, metal = [], []
    for s in (-1, 1):
        shape = np.full((10, 4), below_mm - 8.0)
        lift = 2 * np.abs(noise(r, (10, 4), 4))
        band = height_field(shape - lift, shape - lift + 5, (size[0] * 0.8, 48.0))
        bands.append(band.moved((0, s * size[1] * 0.22, -2)))
        buckle = extrude(rounded_rectangle(34, 26, 4, 2), 2.5, holes=(_slot(-8), _slot(8)))
        metal.append(
            buckle.moved((size[0] * r.uniform(-0.45, -0.3), s * size[1] * r.uniform(0.2, 0.35), below_mm - 22))
        )
        metal.append(torus(between(d, 9, 15), between(d, 1.2, 2.2), 16, 6).moved(
            (size[0] * r.uniform(0.2, 0.45), s * size[1] * r.uniform(0.1, 0.4), below_mm - 22)))  # fmt: skip
    hard = boxes(np.array([(size[0] * 0.3, 0, below_mm - 16)]), np.array([(26.0, 60.0, 5.0)]))
    return [
        Solid(joined(*bands), "nylon", fill=0.2),
        Solid(joined(*metal), pick(d, "steel", "zinc", "nylon")),
        Solid(hard, "nylon", fill=0.8),
    ]


def _slot(x_mm: float) -> NDArray[np.float64]:
    """One slot of a ladder buckle."""
    return np.array([(-5, -9), (5, -9), (5, 9), (-5, 9)]) * (0.9, 1.0) + (x_mm, 0)
