"""Hand and power tools: steel silhouettes with handles, the hardest company a gun can keep."""

from __future__ import annotations

import numpy as np

from ..shapes import (
    along_x,
    along_y,
    box,
    circle,
    core,
    cylinder,
    extrude,
    frustum,
    joined,
    lathe,
    rotation,
    rounded_box,
    rounded_rectangle,
    smooth,
    sweep,
    tube,
)
from ..solids import Kind, Solid
from .assembly import (
    Rng,
    Solids,
    between,
    boxes,
    cell_battery,
    circuit_board,
    copies,
    grid,
    kind,
    motor,
    moved,
    pick,
    screws,
    spring,
    turned,
)


def wrench(d: Rng, r: Rng) -> Solids:
    """Open jaw at one end, ring or second jaw at the other."""
    length, head, shaft = between(d, 90, 300), between(d, 11, 26), between(d, 4, 9)
    jaw = head * 0.62
    reach = float(np.arcsin(0.95 * shaft / head))
    # The shaft ends in the arc of the ring it carries.
    arc = [
        ((head + 0.1) * (np.cos(a) - 1) - length / 2, (head + 0.1) * np.sin(a)) for a in np.linspace(reach, -reach, 5)
    ]
    profile = [*arc, (length / 2 - head, -shaft), (length / 2 - head * 0.4, -head)]
    profile += [(length / 2 + head * 0.8, -head * 0.8), (length / 2 + head, -jaw), (length / 2, -jaw)]
    profile += [(length / 2, jaw), (length / 2 + head, jaw), (length / 2 + head * 0.8, head * 0.8)]
    profile += [(length / 2 - head * 0.4, head), (length / 2 - head, shaft)]
    bar = extrude(np.array(profile), between(d, 4, 9))
    material = "steel" if d.random() < 0.9 else "aluminium"
    sides = 6 if d.random() < 0.5 else 12
    ring = extrude(circle(head), between(d, 6, 12), holes=(circle(jaw, sides),))
    return [Solid(bar, material), Solid(ring.moved((-length / 2 - head - 0.1, 0, 0)), material)]


def adjustable_wrench(d: Rng, r: Rng) -> Solids:
    """A fixed jaw, a moving jaw and the worm between them."""
    length, head = between(d, 150, 300), between(d, 22, 34)
    opening, handle = head * between(r, 0.1, 0.8), head * between(d, 0.42, 0.55)
    body = [(-length, -handle), (-10, -handle * 0.8), (4, -head * 0.7), (30, -head * 0.9), (48, -head * 0.2)]
    body += [(20, 0), (10, head * 0.9), (-6, head), (-16, handle * 0.8), (-length, handle)]
    hole = circle(handle * 0.5, 12) + (-length + handle * 1.4, 0)
    slope = 10 / (0.9 * head)
    upper = opening + 0.6 * head
    jaw = np.array([(21 - slope * opening, opening), (46, opening), (38, upper), (21 - slope * upper, upper)])
    worm = along_y(cylinder(4, 9, 10)).moved((-4, head + 5, 0))
    thick = between(d, 9, 14)
    return [
        Solid(extrude(np.array(body), thick, holes=(hole,)), "steel"),
        Solid(joined(extrude(jaw, thick * 0.9), worm), "steel"),
    ]


def pliers(d: Rng, r: Rng) -> Solids:
    """Two crossing levers with plastic-coated grips, opened by chance."""
    length, jaw, width = between(d, 60, 120), between(d, 28, 70), between(d, 7, 12)
    nose = between(d, 0.2, 0.8)
    half = np.array([(jaw, 0.6), (jaw, 0.6 + nose * width), (6, width), (-8, width * 0.9), (-9, 0.6), (0, 0.6)])
    coating, thick = pick(d, "pvc", "polypropylene", "rubber"), between(d, 7, 11)
    grip_path = np.array(
        [(-12, thick * 0.68, 0), (-length * 0.35, width * 1.4, 0), (-length, width * between(d, 1.0, 2.0), 0)]
    )
    opening = between(r, 2, 16)
    solids: Solids = []
    for side in (1, -1):
        jaw_half = Solid(extrude(smooth(half, 1) * (1, side), thick), "steel")
        lever: Solids = [
            Solid(sweep(grip_path * (1, side, 1) - (4, 0, 0), thick * 0.62, 10), coating),
            Solid(sweep(grip_path * (1, side, 1) - (4, 0, 0), thick * 0.36, 8), "steel", inside=coating),
        ]
        solids += turned([jaw_half], rotation("z", side * opening))
        solids += turned(lever, rotation("z", -side * opening))
    heads = np.array([(-2.0, 0, z * (thick / 2 + 0.9)) for z in (-1, 1)])
    return [*solids, Solid(copies(cylinder(width * 0.6, 1.6, 12), heads), "steel")]


def screwdriver(d: Rng, r: Rng) -> Solids:
    """A steel blade, part of it inside the plastic handle."""
    blade, handle = between(d, 50, 170), between(d, 55, 115)
    thin, thick = between(d, 1.6, 4.2), between(d, 8, 17)
    plastic = pick(d, "abs", "polypropylene", "nylon", "wood")
    z = handle / 2
    profile = [(0, -z), (thick * 0.8, -z), (thick, -z * 0.7), (thick * 0.85, z * 0.2), (thick * 0.6, z * 0.6)]
    grip = lathe([*profile, (thick * 0.75, z), (0, z)], 12)
    tang = cylinder(thin, handle * 0.6, 8).moved((0, 0, handle * 0.19))
    shaft = cylinder(thin, blade, 8).moved((0, 0, z + blade / 2))
    tip = frustum(thin, thin * 0.4, 8, 8).moved((0, 0, z + blade + 4))
    return [Solid(grip, plastic), Solid(tang, "steel", inside=plastic), Solid(joined(shaft, tip), "steel")]


def hammer(d: Rng, r: Rng) -> Solids:
    """A forged head across a wooden, glass-fibre or steel handle."""
    handle, head, thick = between(d, 180, 300), between(d, 80, 130), between(d, 9, 16)
    wood = pick(d, "wood", "nylon", "steel")
    grip = rounded_box((handle, thick * 1.8, thick * 1.3), thick * 0.5)
    side = [(-head / 2, -thick), (-head * 0.1, -thick), (head / 2, -thick * 0.25), (head / 2, thick * 0.25)]
    profile = np.array([*side, (-head * 0.1, thick), (-head / 2, thick)])[:, ::-1]
    return [
        Solid(extrude(profile, thick * 2).moved((handle / 2 + thick * 1.02, 0, 0)), "steel"),
        Solid(grip, wood),
    ]


def hex_keys(d: Rng, r: Rng) -> Solids:
    """A fan of bent hexagonal keys on a plastic holder."""
    count, reach = int(d.integers(4, 9)), between(d, 45, 90)
    rods = []
    for k in range(count):
        radius = 0.9 + 0.45 * k
        y = k * 9.0 - count * 4.5
        length = reach + 6 * k
        path = [(0, y, 0), (length * 0.9, y, 0), (length, y, 4), (length, y, 14 + k * 2)]
        rods.append(sweep(np.array(path), radius, 6))
    holder = box((9, count * 9.5, 9)).moved((-5.5, -4.5, 0))
    return [Solid(joined(*rods), "steel"), Solid(holder, "nylon")]


def socket_set(d: Rng, r: Rng) -> Solids:
    """Sockets in rows in a moulded tray, with a ratchet."""
    nx, ny, pitch = int(d.integers(4, 8)), int(d.integers(2, 4)), between(d, 20, 27)
    points = grid(nx, ny, pitch, pitch)
    sockets = []
    for k, point in enumerate(points):
        outer = pitch * (0.2 + 0.24 * ((k % nx) + 1) / nx)
        sockets.append(tube(outer, outer * between(d, 0.5, 0.72), 22, 12).moved(point))
    y = -ny * pitch / 2 - 18
    bar = joined(
        along_x(cylinder(6, nx * pitch * 0.7, 10)).moved((0, y, 0)),
        cylinder(14, 16, 16).moved((nx * pitch * 0.35 + 15, y, 0)),
    )
    tray = box((nx * pitch + 24, ny * pitch + 66, 2)).moved((0, -16, -13))
    return [Solid(joined(*sockets), "steel"), Solid(bar, "steel"), Solid(tray, pick(d, "abs", "polypropylene"))]


def drill(d: Rng, r: Rng) -> Solids:
    """A pistol-gripped power drill: motor and gearbox in a plastic body, chuck in front, battery or cable below."""
    body, radius = between(d, 105, 150), between(d, 24, 32)
    grip, lean = between(d, 85, 120), between(d, -8, 20)
    solids: Solids = [
        Solid(along_x(cylinder(radius, body, 20)), "abs"),
        Solid(along_x(cylinder(radius - 2.5, body - 5, 20)), "air", inside="abs"),
        *moved(motor(radius * 0.72, body * 0.45, 8), (-body * 0.2, 0, 0)),
        Solid(along_x(tube(radius * 0.8, radius * 0.3, body * 0.22, 16)).moved((body * 0.3, 0, 0)), "steel", fill=0.8),
        Solid(along_x(lathe([(0, 0), (radius * 0.75, 0), (radius * 0.7, 25), (9, 42), (3, 42), (3, 8), (0, 8)], 18))
              .moved((body / 2 + 0.2, 0, 0)), "steel"),
    ]  # fmt: skip
    outline = np.array([(-20, 0), (20, 0), (20 - lean, -grip), (-20 - lean, -grip)]) - (body * 0.1, radius)
    inner = (outline - outline.mean(0)) * (0.86, 0.95) + outline.mean(0)
    handle = [
        Solid(extrude(smooth(outline, 1), 32), "abs"),
        Solid(extrude(smooth(inner, 1), 27), "air", inside="abs"),
        Solid(box((12, 18, 12)).moved((-body * 0.1 - lean * 0.3, -radius - 36, 0)), "nylon"),
        Solid(box((8, 14, 8)).moved((-body * 0.1 - lean * 0.5, -radius - 54, 0)), "copper", fill=0.4),
    ]
    foot_y = -radius - grip
    if d.random() < 0.65:
        battery = [Solid(rounded_box((78, 40, 52), 5), "abs"), Solid(box((72, 34, 46)), "air", inside="abs")]
        for x in (-24, 0, 24):
            battery += moved(turned(cell_battery(9.0, 42.0), rotation("y", 90)), (x, 0, 0))
        return [*solids, *handle, *moved(battery, (-body * 0.1 - lean, foot_y - 20.5, 0))]
    path = np.array([(0, 0, 0), (-5, -30, 0), (-60, -60, 0), (-120, -30, 0), (-90, 30, 0)]) + (-body * 0.1, foot_y, 0)
    return [*solids, *handle, Solid(sweep(path, 3.5, 8), "pvc"), Solid(sweep(path, 1.6, 6), "copper", inside="pvc")]


def caulking_gun(d: Rng, r: Rng) -> Solids:
    """A frame with trigger and rod, often with a cartridge of sealant."""
    length, radius = between(d, 200, 235), 25.0
    rails = [along_x(cylinder(3, length, 8)).moved((0, y, 0)) for y in (-radius - 4, radius + 4)]
    ends = boxes(np.array([(-length / 2 - 2.5, 0, 0), (length / 2 + 2.5, 0, 0)]), np.array([(4, 62, 40), (4, 62, 20)]))
    rod = along_x(cylinder(3.4, length * 0.9, 8)).moved((-length * 0.95 - 6, 0, 0))
    x = -length / 2 - 12
    grip = extrude(np.array([(0, 8), (-16, 8), (-32, -95), (-14, -97), (-6, -20), (0, -16)]) + (x + 5, -14), 14)
    trigger = sweep(np.array([(x + 18, -34, 0), (x + 14, -60, 0), (x + 2, -110, 0)]), 3.5, 6)
    frame = Solid(joined(*rails, ends, rod, trigger), "steel")
    solids: Solids = [frame, Solid(grip, pick(d, "aluminium", "steel", "nylon"))]
    if r.random() < 0.75:
        solids += [
            Solid(along_x(cylinder(radius - 1, length - 8, 20)), "polyethylene"),
            Solid(along_x(cylinder(radius - 2.5, length - 14, 20)), "cosmetic", inside="polyethylene", fill=1.1),
        ]
    return solids


def glue_gun(d: Rng, r: Rng) -> Solids:
    """A pistol-shaped heater: nozzle, heating block, glue stick, trigger and cable."""
    size, thick = between(d, 0.75, 1.15), between(d, 22, 30)
    corners = np.array([(60, 18), (-60, 24), (-66, 0), (-50, -8), (-72, -90), (-40, -95), (-18, -10), (58, -8)]) * size
    outline = smooth(corners, 1)
    plastic = pick(d, "abs", "nylon", "polypropylene")
    cord = np.array([(-58, -97, 0), (-70, -130, 0), (-20, -160, 0), (50, -130, 0), (90, -150, 0)]) * (size, size, 1)
    return [
        Solid(extrude(outline, thick), plastic),
        Solid(core(outline, thick - 4, 2.0), "air", inside=plastic),
        Solid(along_x(tube(9 * size, 5.6, 50 * size, 14)).moved((24 * size, 5, 0)), "aluminium"),
        Solid(along_x(cylinder(5.5, 120 * size, 12)).moved((-16 * size, 5, 0)), "polyethylene"),
        Solid(along_x(frustum(8 * size, 1.5, 20 * size, 14)).moved((72 * size, 5, 0)), "brass"),
        Solid(box((8, 26 * size, 10)).moved((-32 * size, -24 * size, 0)), "nylon"),
        Solid(sweep(cord, 2.6, 8), "pvc"),
    ]


def staple_gun(d: Rng, r: Rng) -> Solids:
    """Sheet-steel housing, lever above, strong spring and a row of staples inside."""
    length, height, thick = between(d, 130, 170), between(d, 45, 65), between(d, 20, 26)
    outline = np.array([(0.5, -0.5), (0.5, 0.3), (0.3, 0.5), (-0.1, 0.1), (-0.5, 0.0), (-0.48, -0.28), (0.2, -0.22),
                        (0.2, -0.5)]) * (length, height)  # fmt: skip
    lever = sweep(np.array([(0.42, 0.62, 0), (0.0, 0.62, 0), (-0.52, 0.45, 0)]) * (length, height, 1), 6, 8)
    metal = pick(d, "steel", "aluminium", "abs")
    coil = moved([spring(thick * 0.3, height * 0.3, 2, 6)], (length * 0.34, -height * 0.12, 0))
    return [
        Solid(extrude(outline, thick), metal),
        Solid(core(outline, thick - 3, 1.8), "air", inside=metal),
        *coil,
        Solid(box((12, 10, 10)).moved((length * 0.38, height * 0.22, 0)), "steel"),
        Solid(lever, "steel"),
    ]


def saw(d: Rng, r: Rng) -> Solids:
    """A thin blade with teeth and a pistol-like handle."""
    length, width, teeth = between(d, 180, 300), between(d, 28, 80), 24
    x = np.linspace(0, length, 2 * teeth + 1)
    edge = np.column_stack([x, np.where(np.arange(len(x)) % 2, 0.0, 3.0)])
    blade = np.concatenate([edge, [(length, width * 0.5), (0, width)]])
    handle = smooth(
        np.array([(0, -12), (0, width + 8), (-50, width + 2), (-95, width - 30), (-92, -25), (-60, -28)]), 2
    )
    hole = smooth(np.array([(-28, 6), (-28, width - 14), (-62, width - 18), (-70, 0)]), 2)
    material = pick(d, "wood", "abs", "polypropylene")
    points = np.array([(-12, width * 0.3, 0), (-12, width * 0.7, 0)])
    return [
        Solid(extrude(blade, 1.2), "steel"),
        Solid(extrude(handle, 22, holes=(hole,)), material),
        Solid(copies(cylinder(4, 20, 8), points), "steel", inside=material),
    ]


def tape_measure(d: Rng, r: Rng) -> Solids:
    """A steel ribbon wound in a plastic case."""
    side, thick = between(d, 48, 78), between(d, 24, 36)
    plastic = pick(d, "abs", "polycarbonate")
    outline = rounded_rectangle(side, side, side * 0.28)
    return [
        Solid(extrude(outline, thick), plastic),
        Solid(extrude(outline * 0.92, thick - 5), "air", inside=plastic),
        Solid(tube(side * 0.42, side * 0.22, thick - 9, 20), "steel", fill=0.75),
        Solid(cylinder(side * 0.1, thick - 7, 12), "steel"),
        Solid(box((2, 10, thick * 0.7)).moved((side / 2 + 1.2, -side * 0.4, 0)), "steel"),
    ]


def clamp(d: Rng, r: Rng) -> Solids:
    """A C-shaped casting with a threaded spindle."""
    gap, depth, thick = between(d, 40, 90), between(d, 30, 60), between(d, 10, 16)
    outline = [(0, -gap / 2 - 14), (depth, -gap / 2 - 12), (depth, -gap / 2), (14, -gap / 2), (14, gap / 2)]
    outline += [(depth, gap / 2), (depth, gap / 2 + 12), (0, gap / 2 + 14)]
    frame = extrude(np.array(outline), thick)
    reach = gap * between(r, 0.35, 0.85)
    spindle = along_y(cylinder(4.5, reach, 10)).moved((depth - 7, gap / 2 - reach / 2, 0))
    knob = joined(
        along_y(cylinder(4.5, 40, 10)).moved((depth - 7, gap / 2 + 32.2, 0)),
        along_x(cylinder(2.5, 50, 8)).moved((depth - 7, gap / 2 + 55, 0)),
    )
    return [Solid(frame, pick(d, "steel", "aluminium")), Solid(joined(spindle, knob), "steel")]


def soldering_iron(d: Rng, r: Rng) -> Solids:
    """A long tip on a plastic handle with a coiled cable."""
    tip, handle = between(d, 60, 95), between(d, 90, 130)
    angle = np.linspace(0, 4 * np.pi, 40)
    loop = np.column_stack([-handle - 60 + 45 * np.cos(angle), 45 * np.sin(angle), angle * 0.9])
    path = np.concatenate([[(-handle / 2, 0, 0)], loop])
    return [
        Solid(along_x(frustum(3.0, 2.5, tip, 10)).moved((handle / 2 + tip / 2, 0, 0)), "steel"),
        Solid(along_x(frustum(2.5, 0.4, 22, 10)).moved((handle / 2 + tip + 11.2, 0, 0)), "copper"),
        Solid(along_x(tube(11, 6, handle, 12)), pick(d, "nylon", "wood")),
        Solid(sweep(path - (2, 0, 0), 2.2, 6), "rubber"),
    ]


def multimeter(d: Rng, r: Rng) -> Solids:
    """A case with a board, a block battery, a dial and probe sockets."""
    length, width, thick = between(d, 120, 185), between(d, 65, 90), between(d, 28, 40)
    board = moved(circuit_board(d, length * 0.7, width * 0.8, height_mm=thick * 0.5), (-length * 0.08, 0, -thick * 0.3))
    return [
        Solid(rounded_box((length, width, thick), 6), "abs"),
        Solid(rounded_box((length - 5, width - 5, thick - 5), 5), "air", inside="abs"),
        *board,
        Solid(box((17, 48, 25 if thick > 34 else 18)).moved((length * 0.38, 0, 0)), "steel", fill=0.25),
        screws(grid(2, 2, length * 0.92, width * 0.86), thick * 0.4, 1.3),
    ]


TOOLS: tuple[Kind, ...] = (
    kind("wrench", wrench, 24, 1.5),
    kind("adjustable_wrench", adjustable_wrench, 16),
    kind("pliers", pliers, 24, 1.5),
    kind("screwdriver", screwdriver, 24, 1.5),
    kind("hammer", hammer, 16),
    kind("hex_keys", hex_keys, 12),
    kind("socket_set", socket_set, 16),
    kind("drill", drill, 24, 1.5),
    kind("caulking_gun", caulking_gun, 12),
    kind("glue_gun", glue_gun, 16),
    kind("staple_gun", staple_gun, 16),
    kind("saw", saw, 12),
    kind("tape_measure", tape_measure, 12),
    kind("clamp", clamp, 16),
    kind("soldering_iron", soldering_iron, 12),
    kind("multimeter", multimeter, 12),
)
