"""The lower parts of a pistol: hollow frame and grip, trigger group, hammer, panels (see pistols.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import shapes
from ..solids import Mesh, Solid
from .common import Rng, Solids, band, between, cuts, grooves, one_of, pins, slab, spring
from .pistol_parts import PistolDesign

_SOFT = ("nylon", "abs", "polypropylene")


@dataclass(frozen=True, slots=True)
class FrameForm:
    """Where the frame's outline runs; directions are unit vectors in x–y."""

    outline: shapes.Points
    down: shapes.Points
    """Along the grip."""
    forward: shapes.Points
    """Across the grip, to the front strap."""
    back_top: shapes.Points
    front_top: shapes.Points
    width_mm: float
    """Of the grip, front to back."""
    depth_mm: float
    """Of the frame, along z."""
    rim_mm: float
    strip_mm: float
    """Height of the frame below the slide."""
    nose_mm: tuple[float, float]
    """x and y where the frame ends below."""


def frame_form(design: PistolDesign) -> FrameForm:
    """The outline of frame and grip in one, without the trigger guard."""
    rng = design.detail("frame")
    top, rake = -design.bottom_mm, np.radians(design.rake_deg)
    down, forward = np.array([-np.sin(rake), -np.cos(rake)]), np.array([np.cos(rake), -np.sin(rake)])
    rim = between(rng, 1.4, 3.2)
    width, strip = design.magazine.depth_mm + 2 * rim + between(rng, 8.5, 13.0), between(rng, 10.0, 15.0)
    # The magazine's mouth lies under the slide, its floor inside the lower rim of the grip.
    rise = 0.5 * design.magazine.depth_mm * np.sin(rake)
    height = design.magazine.height_mm + design.magazine.floor_mm + 2.2 * rim + rise + 2.0 - strip
    if design.forward_magazine:
        height, width = between(rng, 66, 86), between(rng, 30, 40)
    back_top = np.array([between(rng, 0.0, 6.0), top - strip - between(rng, 0.0, 4.0)])
    front_top = back_top + width * forward
    swell, groove = between(rng, -1.5, 5.0), between(rng, 0.0, 2.2) * (rng.random() < 0.4)
    along = np.array([0.0, 0.3, 0.65, 1.0])[:, None] * height * down
    back = shapes.spline(back_top + along + np.array([0.0, swell, 0.4 * swell, -3.0])[:, None] * -forward, 3)
    waves = np.array([0, 1, -1, 1, -1, 0])[:, None] * groove
    front = front_top + np.linspace(1.0, 0.04, 6)[:, None] * height * down + waves * forward
    front = shapes.spline(front, 2) if groove > 0 else front[[0, 2, 3, 5]]
    dust = design.slide_mm * (between(rng, 0.42, 0.6) if rng.random() < 0.25 else between(rng, 0.72, 0.98))
    dust = max(dust, float(front_top[0]) + 44.0) if design.family != "exposed" else float(front_top[0]) + 40.0
    dust += design.magazine.depth_mm + 8.0 if design.forward_magazine else 0.0
    under = top - strip * between(rng, 0.75, 1.0)
    tail = between(rng, 3.0, 15.0)
    head = [(dust, top), (-1.0, top), (-tail, top - 2.5), (-tail + 1.5, top - 5.5)]
    chin = [(front_top[0] + 3.0, top - strip), (dust - between(rng, 0.0, 9.0), under)]
    outline = shapes.rounded(np.concatenate([head, back, front, chin]), between(rng, 1.0, 7.0), 1)
    return FrameForm(outline, down, forward, back_top, front_top, width,
                     design.magazine.width_mm + 2.4 + 2 * design.frame_wall_mm, rim, strip, (dust, under))  # fmt: skip


def magazine_place(design: PistolDesign) -> tuple[tuple[float, float, float], float]:
    """Where the magazine's mouth stands, and its turn about z in degrees."""
    form = frame_form(design)
    if design.forward_magazine:
        x, _ = form.nose_mm
        return (x - 0.5 * design.magazine.depth_mm - 3.0, -design.bottom_mm - form.strip_mm - 0.2, 0.0), 0.0
    rise = 0.5 * design.magazine.depth_mm * float(np.sin(np.radians(design.rake_deg)))
    reach = form.width_mm - form.rim_mm - 1.0 - 0.5 * design.magazine.depth_mm
    middle = form.back_top + reach * form.forward
    lift = (-design.bottom_mm - form.rim_mm - 1.0 - rise - middle[1]) / form.down[1]
    x, y = middle + lift * form.down
    return (float(x), float(y), 0.0), -design.rake_deg


def frame_solids(design: PistolDesign) -> Solids:
    """The frame with everything fixed to it, without slide, barrel and magazine."""
    return frame_and_relief(design, cocked=False)[0]


def frame_and_relief(design: PistolDesign, cocked: bool) -> tuple[Solids, Solids]:
    """The frame, and the raised fields on the slide's flanks, which come off with the slide.

    One generator draws both in turn, so that a design stays what it is.
    """
    rng = design.detail("frame parts")
    form = frame_form(design)
    material, depth = design.frame_material, form.depth_mm
    bevel = min(between(rng, 1.5, 4.5) if material in _SOFT else between(rng, 0.4, 1.6), 0.3 * depth)
    body = shapes.bevelled(form.outline, depth, bevel)
    space = shapes.core(form.outline, depth - 2 * design.frame_wall_mm, form.rim_mm)
    spaces = [space]
    if rng.random() < 0.3:
        x, y = form.nose_mm
        spaces += grooves(x - 36, x - 12, y + 0.5, y + form.rim_mm, depth - 2 * bevel, 3)
    solids = [Solid(body, material), *cuts(material, spaces)]
    solids += _guard(design, form, rng) + _lockwork(design, form, rng) + _levers(design, form, rng)
    relief = _flank_relief(design, rng)
    if design.hammer:
        solids += _hammer(design, rng, cocked)
    return solids + (_panels(design, form, rng) if material not in _SOFT else []), relief


def _guard(design: PistolDesign, form: FrameForm, rng: Rng) -> Solids:
    """Trigger guard and trigger."""
    top = -design.bottom_mm - form.strip_mm
    x0, reach, drop = float(form.front_top[0]) + 2.0, between(rng, 29, 39), between(rng, 20, 27)
    square = between(rng, 0.0, 1.0) * (rng.random() < 0.6)
    low = max(float(form.front_top[1]) - between(rng, 0.0, 7.0), top - 0.9 * drop)
    points = [(x0 - 3.5, low), (x0 + 0.28 * reach, top - drop), (x0 + 0.7 * reach, top - drop - square),
              (x0 + (0.9 + 0.1 * square) * reach, top - 0.72 * drop), (x0 + reach, top + 1.5)]  # fmt: skip
    width = between(rng, 3.0, 6.0)
    strap = band(shapes.spline(points, 4), width, between(rng, 0.42, 0.8) * form.depth_mm)
    x = x0 + between(rng, 10.0, 17.0)
    bow = between(rng, 1.0, 5.0)
    line = [(x, top + 1.0), (x + bow * 0.2, top - 7.0), (x - 0.3 * bow, top - 12.0), (x + bow, top - 0.75 * drop)]
    trigger = band(shapes.spline(line, 2), np.linspace(5.5, 2.4, 7), between(rng, 4.0, 8.0))
    trigger_material = (
        design.frame_material if rng.random() < 0.3 else one_of(rng, "steel", "steel", "aluminium", "nylon")
    )
    return [Solid(strap, design.frame_material), Solid(trigger, trigger_material)]


def _lockwork(design: PistolDesign, form: FrameForm, rng: Rng) -> Solids:
    """Small steel parts in the hollow: bars, blocks, pins, springs, screws."""
    inner = form.depth_mm - 2 * design.frame_wall_mm - 0.4
    top, bottom = -design.bottom_mm - form.rim_mm - 0.4, -design.bottom_mm - form.strip_mm + form.rim_mm + 0.4
    front = float(form.front_top[0])
    x = front + between(rng, 6.0, 12.0)
    middle = 0.5 * (top + bottom)
    meshes = [pins([(x, middle), (x + between(rng, 9, 14), middle)], between(rng, 1.2, 2.2), inner)]
    reach = max(float(form.outline[:, 0].max()) - x - 24.0, 6.0)
    block = slab(x + 17.0, x + 17.0 + min(reach, between(rng, 8, 22)), middle, top, 0.7 * inner)
    bar = slab(front - 2.0, x - 3.0, middle, top, 2.0, 0.5 * inner - 1.5)
    back = form.back_top + (form.rim_mm + 3.4) * form.forward
    start, end = back + 6.0 * form.down, back + between(rng, 0.4, 0.8) * design.magazine.height_mm * form.down
    wire = between(rng, 0.4, 0.8)
    lock = [slab(4.0, between(rng, 11.0, 17.0), top - 5.5, top, 0.55 * inner)]
    meshes += [block, bar, *lock, spring(tuple(start), tuple(end), 2.4, wire, between(rng, 2.6, 4.5), 7.0)]
    if reach > 20.0 and rng.random() < 0.5:
        meshes += [spring((x + 24.0, bottom + 1.6), (x + 4.0 + reach, bottom + 1.6), 1.2, 0.3, 2.0, 5.0)]
    meshes += _small_parts(form, rng, (top, bottom), inner)
    return [Solid(mesh, "steel") for mesh in meshes] + _screws(design, form, rng, inner)


def _small_parts(form: FrameForm, rng: Rng, strip_mm: tuple[float, float], inner_mm: float) -> list[Mesh]:
    """Plates and levers of uneven outline, most of them above the trigger and behind the magazine."""
    top, bottom = strip_mm
    parts = []
    for _ in range(int(rng.integers(3, 9))):
        reach, height = between(rng, 5.0, 20.0), min(between(rng, 3.0, 9.0), top - bottom)
        corner = (between(rng, -2.0, float(form.front_top[0]) + 24.0), between(rng, bottom, top - height))
        depth = between(rng, 1.5, 0.75 * inner_mm)
        side = float(rng.choice([-1.0, 1.0]))
        plate = shapes.extrude(_uneven(rng, corner, (reach, height)), depth)
        parts.append(plate.moved((0.0, 0.0, side * 0.5 * (inner_mm - depth))))
    return parts


def _levers(design: PistolDesign, form: FrameForm, rng: Rng) -> Solids:
    """Catches and levers on the flanks, over the seam of slide and frame."""
    away = 0.5 * max(design.thick_mm, form.depth_mm)
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        # Short frames end before the middle of the slide: a lever beyond would hang in the air.
        x = min(between(rng, -2.0, 0.55 * design.slide_mm), form.nose_mm[0] - 12.0)
        corner = (x, -design.bottom_mm - between(rng, 2.0, form.strip_mm))
        depth = between(rng, 1.5, 4.0)
        plate = shapes.extrude(_uneven(rng, corner, (between(rng, 6.0, 26.0), between(rng, 4.0, 9.0))), depth)
        parts.append(plate.moved((0.0, 0.0, float(rng.choice([-1.0, 1.0])) * (away + 0.5 * depth))))
    if rng.random() < 0.25:
        # A ring at the heel of the grip, for a strap.
        heel = form.outline[int(np.argmin(form.outline @ -form.down))]
        ring = shapes.torus(between(rng, 4.0, 7.0), between(rng, 0.8, 1.6), 10, 4)
        parts.append(ring.moved((*(heel + 5.0 * form.down), 0.0)))
    return [Solid(shapes.joined(*parts), "steel")]


def _flank_relief(design: PistolDesign, rng: Rng) -> Solids:
    """Raised fields on the slide's flanks: real slides are mottled, nowhere of one thickness for long."""
    fields = []
    for side in (-1.0, 1.0):
        x = between(rng, 2.0, 20.0)
        while x < design.slide_mm - 16.0 and rng.random() < 0.85:
            reach, depth = between(rng, 6.0, 30.0), between(rng, 0.3, 1.6)
            tall = design.top_mm + design.bottom_mm - 4.0
            size = (min(reach, design.slide_mm - 4.0 - x), between(rng, 0.25, 1.0) * tall)
            corner = (x, -design.bottom_mm + 2.0 + between(rng, 0.0, tall - size[1]))
            plate = shapes.extrude(_uneven(rng, corner, size), depth)
            fields.append(plate.moved((0.0, 0.0, side * (0.5 * design.thick_mm + 0.5 * depth))))
            x += reach + between(rng, 1.0, 14.0)
    return [Solid(shapes.joined(*fields), design.slide_material)] if fields else []


def _uneven(rng: Rng, corner: tuple[float, float], size_mm: tuple[float, float]) -> shapes.Points:
    """A quadrilateral within a rectangle, its corners drawn in at random."""
    unit = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    inward = rng.uniform(0.0, 0.45, (4, 2)) * (1.0 - 2.0 * unit)
    return np.asarray(corner + (unit + inward) * size_mm)


def _screws(design: PistolDesign, form: FrameForm, rng: Rng, inner_mm: float) -> Solids:
    """Screws across moulded halves, as in printed and shell-built ones; rails in polymer frames."""
    if design.family not in ("printed", "shell"):
        if design.frame_material not in _SOFT:
            return []
        top = -design.bottom_mm - 0.9
        bars = [slab(x, x + between(rng, 10, 26), top - 0.5, top + 0.4, 2.0, side * 0.3 * form.depth_mm)
                for x in (6.0, 0.55 * float(form.outline[:, 0].max())) for side in (-1.0, 1.0)]  # fmt: skip
        return [Solid(shapes.joined(*bars), "steel", inside=design.frame_material)]
    length = 0.8 * inner_mm
    along = [(0.15, 0.12), (0.35, 0.88), (0.6, 0.1), (0.82, 0.9), (0.94, 0.2)]
    points = [
        form.back_top + design.magazine.height_mm * a * form.down + form.width_mm * b * form.forward for a, b in along
    ]
    row = [(x, -design.bottom_mm - 0.5 * form.strip_mm) for x in (2.0, 0.6 * form.nose_mm[0], 0.85 * form.nose_mm[0])]
    places = [(float(p[0]), float(p[1])) for p in points if rng.random() < 0.8] + row
    return [Solid(pins(places, between(rng, 1.0, 1.7), length), "steel")]


def _hammer(design: PistolDesign, rng: Rng, cocked: bool) -> Solids:
    """The hammer behind the slide: a spur or a ring, upright or laid back."""
    base = np.array([-1.5, -design.bottom_mm + 0.5])
    length = design.bottom_mm + between(rng, 0.0, 5.0)
    line = np.array([(0.0, 0.0), (-1.5, 0.35), (-2.5, 0.7), (-between(rng, 5, 11), 0.95)]) * [1.0, length]
    turn = shapes.rotation("z", 42.0 if cocked else 5.0)[:2, :2]
    mesh = band(base + shapes.spline(line, 2) @ turn.T, np.linspace(6.0, 2.6, 7), between(rng, 5.0, 9.0))
    return [Solid(mesh.moved((-2.0, 0.0, 0.0)), "steel")]


def _panels(design: PistolDesign, form: FrameForm, rng: Rng) -> Solids:
    """Grip panels on both flanks, with screws; some frames are seen bare."""
    if rng.random() < 0.15:
        return []
    low, high, near, far = 0.94, between(rng, 0.02, 0.14), between(rng, 0.05, 0.12), between(rng, 0.88, 0.97)
    corners = [(high, near), (low, near - 0.02), (low, far), (0.5, far - 0.03), (high, far)]
    points = np.array([
        form.back_top + design.magazine.height_mm * a * form.down + form.width_mm * b * form.forward for a, b in corners
    ])  # fmt: skip
    thick = between(rng, 3.0, 7.0)
    material = one_of(rng, "wood", "wood", "abs", "nylon", "rubber", "polycarbonate", "aluminium")
    if rng.random() < 0.35:
        # Grips as dark as the frame: sheet of its metal.
        thick, material = between(rng, 0.8, 2.4), design.frame_material
    plate = shapes.bevelled(shapes.smooth(points, 1), thick, min(0.3 * thick, 2.0))
    away = 0.5 * (form.depth_mm + thick)
    screw = points[[0, 2]].mean(0) if rng.random() < 0.5 else 0.7 * points[0] + 0.3 * points[2]
    heads = [
        pins([(float(screw[0]), float(screw[1]))], 2.6, 2.0, side * (away + 0.5 * thick - 1.0)) for side in (-1, 1)
    ]
    return [
        Solid(shapes.joined(*(plate.moved((0, 0, side * away)) for side in (-1, 1))), material),
        Solid(shapes.joined(*heads), "steel", inside=material),
    ]
