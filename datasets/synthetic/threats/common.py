"""What the threat builders share: seeded designs, hollow bodies, springs, pins, and the finished item.

Every builder here makes a recognition silhouette for an X-ray picture: an outline, a class of wall thickness, a class
of material, and parts placed roughly where an operator sees them. Proportions are drawn at random within ranges that
any picture shows; nothing is a drawing, nothing fits or works (docs/content-safety.md).

Side profiles lie in the x–y plane, barrel to +x, thickness along z, symmetric about z = 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .. import shapes
from ..solids import Item, Mesh, Solid, design_id_of

Solids = list[Solid]
Rng = np.random.Generator


def design_rng(kind: str, design: int) -> Rng:
    """The generator that fixes a design: the same number gives the same design for ever."""
    digest = hashlib.sha256(f"{kind}/{design}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def between(rng: Rng, low: float, high: float) -> float:
    """A number drawn evenly from low to high."""
    return float(rng.uniform(low, high))


def one_of(rng: Rng, *choices: str) -> str:
    """One of the choices, evenly."""
    return choices[int(rng.integers(len(choices)))]


def slab(x0_mm: float, x1_mm: float, y0_mm: float, y1_mm: float, depth_mm: float, z_mm: float = 0.0) -> Mesh:
    """A block between two x and two y, ``depth_mm`` thick about z."""
    size = (abs(x1_mm - x0_mm), abs(y1_mm - y0_mm), depth_mm)
    return shapes.box(size).moved((0.5 * (x0_mm + x1_mm), 0.5 * (y0_mm + y1_mm), z_mm))


def rod(x0_mm: float, x1_mm: float, radius_mm: float, y_mm: float = 0.0, z_mm: float = 0.0, segments: int = 12) -> Mesh:
    """A round bar along x."""
    bar = shapes.along_x(shapes.cylinder(radius_mm, x1_mm - x0_mm, segments))
    return bar.moved((0.5 * (x0_mm + x1_mm), y_mm, z_mm))


def pipe(x0_mm: float, x1_mm: float, outer_mm: float, inner_mm: float, y_mm: float = 0.0, segments: int = 16) -> Mesh:
    """A pipe along x; outer and inner radius."""
    body = shapes.along_x(shapes.tube(outer_mm, inner_mm, x1_mm - x0_mm, segments))
    return body.moved((0.5 * (x0_mm + x1_mm), y_mm, 0.0))


def turned_x(profile_xr: ArrayLike, y_mm: float = 0.0, segments: int = 16) -> Mesh:
    """A body of revolution about x from (n, 2) points of position along x and radius."""
    profile = np.asarray(profile_xr, dtype=np.float64)
    return shapes.along_x(shapes.lathe(profile[:, ::-1], segments)).moved((0.0, y_mm, 0.0))


def pins(points_xy: Iterable[tuple[float, float]], radius_mm: float, length_mm: float, z_mm: float = 0.0) -> Mesh:
    """Short bars along z at each point: pins, screws, rivets."""
    return shapes.joined(*(shapes.cylinder(radius_mm, length_mm, 6).moved((x, y, z_mm)) for x, y in points_xy))


def spring(
    start_xy: tuple[float, float],
    end_xy: tuple[float, float],
    radius_mm: float,
    wire_mm: float,
    pitch_mm: float,
    most_turns: float = 11.0,
) -> Mesh:
    """A coil spring between two points of the x–y plane; ``wire_mm`` is the wire's radius."""
    dx, dy = end_xy[0] - start_xy[0], end_xy[1] - start_xy[1]
    length = float(np.hypot(dx, dy))
    turns = min(max(length / pitch_mm, 2.0), most_turns)
    body = shapes.coil(radius_mm, wire_mm, turns, max(length - 2 * wire_mm, wire_mm), per_turn=6, segments=3)
    body = shapes.along_x(body).turned(shapes.rotation("z", float(np.degrees(np.arctan2(dy, dx)))))
    return body.moved((0.5 * (start_xy[0] + end_xy[0]), 0.5 * (start_xy[1] + end_xy[1]), 0.0))


def band(centre_line: ArrayLike, widths_mm: ArrayLike, depth_mm: float) -> Mesh:
    """A flat strap along a line in x–y: trigger guards, triggers, leaf springs.

    Args:
        centre_line: (n, 2) points.
        widths_mm: one width, or n of them.
        depth_mm: thickness along z.
    """
    line = np.asarray(centre_line, dtype=np.float64)
    along = np.gradient(line, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True)
    reach = 0.5 * np.broadcast_to(np.asarray(widths_mm, dtype=np.float64), len(line))[:, None] * across
    return shapes.extrude(np.concatenate([line + reach, (line - reach)[::-1]]), depth_mm)


def hollow(body: Mesh, cavity: Mesh, material: str, fill: float = 1.0) -> Solids:
    """A body of one material with an air space, which lies inside it."""
    return [
        Solid(body, material, fill=fill),
        Solid(cavity, "air", inside=material, inside_fill=fill),
    ]


def shell(outline: ArrayLike, depth_mm: float, bevel_mm: float, wall_mm: float, rim_mm: float, material: str) -> Solids:
    """A bevelled hollow body of this outline: flanks ``wall_mm`` thick, and a rim all round."""
    # A rim narrower than this would let the hollow come out through the bevel.
    rim = max(rim_mm, bevel_mm - wall_mm + 0.8)
    return hollow(
        shapes.bevelled(outline, depth_mm, bevel_mm), shapes.core(outline, depth_mm - 2 * wall_mm, rim), material
    )


def cuts(material: str, meshes: Sequence[Mesh], fill: float = 1.0) -> Solids:
    """Air spaces in bodies of one material."""
    return [Solid(shapes.joined(*meshes), "air", inside=material, inside_fill=fill)] if meshes else []


def grooves(x0_mm: float, x1_mm: float, y0_mm: float, y1_mm: float, depth_mm: float, count: int) -> list[Mesh]:
    """Shallow upright grooves in both flanks of a plate ``depth_mm`` thick; to be used as cuts."""
    step = (x1_mm - x0_mm) / count
    low, high = sorted((y0_mm, y1_mm))
    return [
        slab(x0_mm + k * step, x0_mm + (k + 0.5) * step, low, high, 0.9, side * (0.5 * depth_mm - 0.5))
        for k in range(count)
        for side in (-1.0, 1.0)
    ]


def placed(
    solids: Iterable[Solid], offset_mm: tuple[float, float, float] = (0.0, 0.0, 0.0), degrees: float = 0.0
) -> Solids:
    """Solids turned about z, then shifted."""
    turn = shapes.rotation("z", degrees)
    return [replace(solid, mesh=solid.mesh.turned(turn).moved(offset_mm)) for solid in solids]


def copies(solids: Iterable[Solid], offsets_mm: ArrayLike, degrees: ArrayLike | None = None) -> Solids:
    """Each solid repeated at (n, 3) offsets, turned about z by n angles first, all copies as one mesh."""
    offsets = np.asarray(offsets_mm, dtype=np.float32).reshape(-1, 1, 3)
    count = len(offsets)
    angle = np.radians(np.zeros(count) if degrees is None else np.asarray(degrees)).astype(np.float32)[:, None]
    repeated: Solids = []
    for solid in solids if count else ():
        x, y, z = solid.mesh.vertices_mm.T
        turned = [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y]
        vertices = np.stack([*turned, np.broadcast_to(z, turned[0].shape)], -1) + offsets
        steps = np.arange(count, dtype=np.int32)[:, None, None] * len(x)
        mesh = Mesh(vertices.reshape(-1, 3), (solid.mesh.faces + steps).reshape(-1, 3))
        repeated.append(replace(solid, mesh=mesh))
    return repeated


def finished(
    kind: str,
    design: int,
    solids: Sequence[Solid],
    attributes: Mapping[str, str],
    *,
    scale: float = 1.0,
    design_of: str | None = None,
) -> Item:
    """The item: solids of equal matter fused, centred, its long side along x and its thinnest along z.

    Args:
        kind: detector class, also the label.
        design: number of the design.
        solids: in the builder's frame.
        attributes: of the instance.
        scale: size of this instance relative to its design.
        design_of: the kind whose design this is, if another: the slide of ``pistol/07``.
    """
    everything = np.concatenate([solid.mesh.vertices_mm for solid in solids])
    lowest, highest = everything.min(0).astype(np.float64), everything.max(0).astype(np.float64)
    turn = np.zeros((3, 3))
    turn[np.arange(3), np.argsort(lowest - highest, kind="stable")] = 1.0
    if np.linalg.det(turn) < 0:
        turn[2] *= -1.0
    turn *= scale
    vertices = ((everything - 0.5 * (lowest + highest)) @ turn.T).astype(np.float32)
    groups: dict[tuple[str, str | None, float, float], list[Mesh]] = {}
    start = 0
    for solid in solids:
        count = len(solid.mesh.vertices_mm)
        key = (solid.material, solid.inside, solid.fill, solid.inside_fill)
        groups.setdefault(key, []).append(Mesh(vertices[start : start + count], solid.mesh.faces))
        start += count
    fused = tuple(
        Solid(shapes.joined(*meshes), material, inside, fill, inside_fill)
        for (material, inside, fill, inside_fill), meshes in groups.items()
    )
    return Item(kind, kind, design_id_of(design_of or kind, design), fused, dict(attributes))
