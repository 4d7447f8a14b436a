"""Mesh generators for parametric objects: closed triangle meshes, faces outward, in tens of microseconds.

Lengths are millimetres. Bodies of revolution and extrusions stand on axis z, centred at the origin; ``along_x`` and
``along_y`` lay them down. Round sections are polygons inscribed in the circle. The shapes are recognition silhouettes
for X-ray pictures (see docs/content-safety.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import mapbox_earcut
import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import mesh_faces
from .solids import Mesh

Points = NDArray[np.float64]
_JITTER_MM = 1e-5
_CUBE = Mesh(
    np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)], np.float32),
    np.array([
        [0, 2, 3], [0, 3, 1], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4],
        [2, 6, 7], [2, 7, 3], [0, 4, 6], [0, 6, 2], [1, 3, 7], [1, 7, 5],
    ], np.int32),
)  # fmt: skip


def box(size_mm: tuple[float, float, float]) -> Mesh:
    """A block of (x, y, z) edge lengths about the origin; 12 triangles."""
    return Mesh(_CUBE.vertices_mm * np.asarray(size_mm, dtype=np.float32), _CUBE.faces)


def rounded_box(size_mm: tuple[float, float, float], radius_mm: float, steps: int = 2) -> Mesh:
    """A block with all edges rounded by ``radius_mm`` (cut to what fits), each in ``steps`` facets."""
    width, height, depth = size_mm
    radius = min(radius_mm, 0.499 * min(size_mm))
    quarter = np.linspace(-0.5 * np.pi, 0.0, steps + 1)
    rings = []
    for angle, side in [*((a, -1.0) for a in quarter), *((-a, 1.0) for a in quarter[::-1])]:
        # The last ring keeps a trace of radius, so that no two vertices fall together.
        inset = radius * (1.0 - max(float(np.cos(angle)), 0.02))
        ring = rounded_rectangle(width - 2 * inset, height - 2 * inset, radius - inset, steps)
        level = side * (0.5 * depth - radius) + radius * np.sin(angle)
        rings.append(np.column_stack([ring, np.full(len(ring), level)]))
    return loft(np.stack(rings))


def cylinder(radius_mm: float, length_mm: float, segments: int = 24) -> Mesh:
    """A rod on axis z, centred."""
    unit = _unit_cylinder(segments)
    return Mesh(unit.vertices_mm * np.array([radius_mm, radius_mm, length_mm], np.float32), unit.faces)


def frustum(lower_radius_mm: float, upper_radius_mm: float, length_mm: float, segments: int = 24) -> Mesh:
    """A cone on axis z, cut off or pointed (one radius 0), centred."""
    z = 0.5 * length_mm
    return lathe([(0.0, -z), (lower_radius_mm, -z), (upper_radius_mm, z), (0.0, z)], segments)


def tube(outer_radius_mm: float, inner_radius_mm: float, length_mm: float, segments: int = 24) -> Mesh:
    """A pipe open at both ends, on axis z, centred."""
    z = 0.5 * length_mm
    corners = [(inner_radius_mm, -z), (outer_radius_mm, -z), (outer_radius_mm, z), (inner_radius_mm, z)]
    return lathe(corners, segments)


def torus(radius_mm: float, wire_radius_mm: float, segments: int = 24, wire_segments: int = 8) -> Mesh:
    """A ring about axis z; ``radius_mm`` is to the middle of the wire."""
    return lathe(circle(wire_radius_mm, wire_segments) + [radius_mm, 0.0], segments)


def sphere(radius_mm: float, segments: int = 16) -> Mesh:
    """A ball about the origin."""
    return ellipsoid((2 * radius_mm,) * 3, segments)


def ellipsoid(size_mm: tuple[float, float, float], segments: int = 16) -> Mesh:
    """An ellipsoid of (x, y, z) full diameters."""
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, max(segments // 2, 2) + 1)
    radius = np.cos(angle)
    radius[[0, -1]] = 0.0
    unit = lathe(np.column_stack([radius, np.sin(angle)]), segments)
    return unit.scaled((0.5 * size_mm[0], 0.5 * size_mm[1], 0.5 * size_mm[2]))


def lathe(profile_rz: ArrayLike, segments: int = 24) -> Mesh:
    """The body that a profile sweeps about axis z.

    Args:
        profile_rz: (n, 2) radius and height, in either direction. It runs from axis to axis (first and last radius
            0), or is a closed ring off the axis (tubes, rings): the last point then joins the first.
        segments: facets of a full turn.
    """
    profile = np.asarray(profile_rz, dtype=np.float64)
    if signed_area(profile) < 0:
        profile = profile[::-1]
    on_axis = profile[:, 0] <= 1e-9
    index, faces = mesh_faces.lathe(tuple(on_axis.tolist()), segments)
    angle = np.arange(segments) * (2 * np.pi / segments)
    grid = np.empty((len(profile), segments, 3))
    grid[..., 0] = profile[:, :1] * np.cos(angle)
    grid[..., 1] = profile[:, :1] * np.sin(angle)
    grid[..., 2] = profile[:, 1:]
    vertices = np.empty((int(index.max()) + 1, 3), dtype=np.float32)
    vertices[index.ravel()] = grid.reshape(-1, 3)
    return Mesh(vertices, faces)


def extrude(outline: ArrayLike, height_mm: float, holes: Sequence[ArrayLike] = ()) -> Mesh:
    """A plate of constant thickness along z, centred in z.

    Args:
        outline: (n, 2) simple polygon in x–y, in either direction.
        height_mm: thickness.
        holes: (m, 2) simple polygons inside the outline that do not meet.

    Raises:
        ValueError: an outline crosses itself, or a hole leaves the outline.
    """
    rings = [_directed(outline, 1.0), *(_directed(hole, -1.0) for hole in holes)]
    flat = np.concatenate(rings)
    count = len(flat)
    lengths = tuple(len(ring) for ring in rings)
    caps = _triangulated(flat, np.cumsum(lengths))
    walls = mesh_faces.extrusion_walls(lengths)
    vertices = np.empty((2 * count, 3), dtype=np.float32)
    vertices[:, :2] = np.tile(flat, (2, 1))
    vertices[:count, 2], vertices[count:, 2] = -0.5 * height_mm, 0.5 * height_mm
    return Mesh(vertices, np.concatenate([caps[:, ::-1], caps + count, walls]))


def bevelled(outline: ArrayLike, height_mm: float, bevel_mm: float) -> Mesh:
    """An extrusion whose upper and lower rims are cut at 45°: cast, milled and moulded parts.

    Args:
        outline: (n, 2) simple polygon in x–y, in either direction.
        height_mm: thickness along z, centred, more than twice the bevel.
        bevel_mm: width of the cut; narrower than half of any arm of the outline.

    Raises:
        ValueError: the outline crosses itself.
    """
    ring = _directed(outline, 1.0)
    narrow, z = inset(ring, bevel_mm), 0.5 * height_mm
    return _layered(ring, [narrow, ring, ring, narrow], [-z, bevel_mm - z, z - bevel_mm, z])


def core(outline: ArrayLike, height_mm: float, rim_mm: float) -> Mesh:
    """The hollow of a body of this outline: its extrusion drawn in by ``rim_mm`` all round.

    Arms narrower than two rims fold over, which leaves the mesh closed and them nearly solid.

    Raises:
        ValueError: the outline crosses itself.
    """
    ring = _directed(outline, 1.0)
    narrow, z = inset(ring, rim_mm), 0.5 * height_mm
    return _layered(ring, [narrow, narrow], [-z, z])


def loft(rings: ArrayLike) -> Mesh:
    """A skin over sections of equal point count, closed at both ends by fans: bottles, grips, shells.

    Args:
        rings: (m, n, 3) sections, each star-shaped about its mean, following one another along the body.
    """
    sections = np.asarray(rings, dtype=np.float64)
    rows, columns, _ = sections.shape
    middle = sections[[0, -1]].mean(1)  # (2, 3) centres of the end caps
    vertices = np.concatenate([sections.reshape(-1, 3), middle]).astype(np.float32)
    return _outward(Mesh(vertices, mesh_faces.loft(rows, columns)))


def ring_of(sections: ArrayLike) -> Mesh:
    """A skin over closed sections of equal point count that leads back from the last to the first: leaning walls.

    Args:
        sections: (S, P, 3), counter-clockwise seen from above, up the outside and down the inside.
    """
    rings = np.asarray(sections, np.float64)
    count, points = rings.shape[:2]
    index = np.arange(count * points).reshape(count, points)
    above, beside = np.roll(index, -1, axis=0), np.roll(index, -1, axis=1)
    corner = np.roll(above, -1, axis=1)
    faces = np.stack([index, beside, corner, index, corner, above], -1).reshape(-1, 3)
    return Mesh(rings.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def sweep(path: ArrayLike, radius_mm: float, segments: int = 8, closed: bool = False) -> Mesh:
    """A round bar along a line in space: cables, handles, wire frames, springs.

    Args:
        path: (n, 3) points, no two neighbours equal; bends wider than the radius.
        closed: the last point joins the first.
    """
    points = np.asarray(path, dtype=np.float64)
    along = np.roll(points, -1, 0) - np.roll(points, 1, 0) if closed else np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    normal = _carried_normals(along, closed)
    binormal = np.cross(along, normal)
    angle = np.arange(segments) * (2 * np.pi / segments)
    spokes = np.cos(angle)[:, None] * normal[:, None] + np.sin(angle)[:, None] * binormal[:, None]
    rings = points[:, None] + radius_mm * spokes  # (n, segments, 3)
    if not closed:
        return loft(rings)
    return _outward(Mesh(rings.reshape(-1, 3).astype(np.float32), mesh_faces.loop(len(points), segments)))


def coil(
    radius_mm: float, wire_radius_mm: float, turns: float, length_mm: float, *, per_turn: int = 8, segments: int = 4
) -> Mesh:
    """A helical spring on axis z, centred; ``radius_mm`` is to the middle of the wire."""
    angle = np.linspace(0.0, 2 * np.pi * turns, max(int(turns * per_turn), 3) + 1)
    height = np.linspace(-0.5, 0.5, len(angle)) * length_mm
    around = np.arange(segments) * (2 * np.pi / segments)
    # A spring is flat enough for wire sections that stand upright, in the plane of the axis.
    radius = radius_mm + wire_radius_mm * np.cos(around)
    rings = np.empty((len(angle), segments, 3))
    rings[..., 0] = np.cos(angle)[:, None] * radius
    rings[..., 1] = np.sin(angle)[:, None] * radius
    rings[..., 2] = height[:, None] + wire_radius_mm * np.sin(around)
    return loft(rings)


def joined(*meshes: Mesh) -> Mesh:
    """Meshes that do not overlap, as one."""
    starts = np.cumsum([0, *(len(mesh.vertices_mm) for mesh in meshes)])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]
    return Mesh(np.concatenate([mesh.vertices_mm for mesh in meshes]), np.concatenate(faces).astype(np.int32))


def circle(radius_mm: float, segments: int = 24) -> Points:
    """(segments, 2) outline; six segments make a hexagon."""
    angle = np.arange(segments) * (2 * np.pi / segments)
    return radius_mm * np.column_stack([np.cos(angle), np.sin(angle)])


def rounded_rectangle(width_mm: float, height_mm: float, radius_mm: float, steps: int = 3) -> Points:
    """(4 · (steps + 1), 2) outline about the origin, corners rounded in ``steps`` facets."""
    radius = min(radius_mm, 0.4999 * width_mm, 0.4999 * height_mm)
    arc = np.linspace(0.0, 0.5 * np.pi, steps + 1)
    corners = []
    for quarter, (sx, sy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        middle = [sx * (0.5 * width_mm - radius), sy * (0.5 * height_mm - radius)]
        angle = arc + 0.5 * np.pi * quarter
        corners.append(middle + radius * np.column_stack([np.cos(angle), np.sin(angle)]))
    return np.concatenate(corners)


def smooth(outline: ArrayLike, rounds: int = 2) -> Points:
    """A closed outline with its corners cut (Chaikin); each round doubles the points, and stays inside the hull."""
    points = np.asarray(outline, dtype=np.float64)
    for _ in range(rounds):
        following = np.roll(points, -1, 0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1).reshape(-1, 2)
    return points


def rounded(outline: ArrayLike, radius_mm: float, steps: int = 2) -> Points:
    """A closed outline with each corner replaced by a curve that starts ``radius_mm`` before it (less on short edges).

    Each corner becomes ``steps + 1`` points of a quadratic Bézier curve.
    """
    points = np.asarray(outline, dtype=np.float64)
    ahead = np.concatenate([points[1:], points[:1]]) - points
    length = np.sqrt((ahead * ahead).sum(1, keepdims=True))
    share = np.minimum(radius_mm / np.maximum(length, 1e-9), 0.45)
    leave = (points + share * ahead)[:, None]
    arrive = (points - np.concatenate([(share * ahead)[-1:], (share * ahead)[:-1]]))[:, None]
    t = np.linspace(0.0, 1.0, steps + 1)[None, :, None]
    return np.asarray((1 - t) ** 2 * arrive + 2 * t * (1 - t) * points[:, None] + t**2 * leave).reshape(-1, 2)


def spline(points: ArrayLike, per_span: int = 4, closed: bool = False) -> Points:
    """A Catmull–Rom curve through (n, d) points: (spans · per_span [+ 1 if open], d)."""
    knots = np.asarray(points, dtype=np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (2 * knots[:1] - knots[1:2], 2 * knots[-1:] - knots[-2:-1])
    p = np.concatenate([ends[0], knots, ends[1]])
    t = (np.arange(per_span) / per_span)[:, None]
    a, b, c, d = (p[k : len(p) - 3 + k, None] for k in range(4))  # (spans, 1, dimensions)
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3)
    curve = curve.reshape(-1, knots.shape[1])
    return curve if closed else np.concatenate([curve, knots[-1:]])


def along_x(mesh: Mesh) -> Mesh:
    """Axis z turned to x (x to y, y to z)."""
    return Mesh(np.ascontiguousarray(mesh.vertices_mm[:, [2, 0, 1]]), mesh.faces)


def along_y(mesh: Mesh) -> Mesh:
    """Axis z turned to y (y to x, x to z)."""
    return Mesh(np.ascontiguousarray(mesh.vertices_mm[:, [1, 2, 0]]), mesh.faces)


def rotation(axis: str | tuple[float, float, float], degrees: float) -> NDArray[np.float64]:
    """(3, 3) matrix of a right-handed turn about "x", "y", "z" or a direction (Rodrigues' formula)."""
    named = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
    direction = np.array(named[axis] if isinstance(axis, str) else axis, dtype=np.float64)
    x, y, z = direction / np.linalg.norm(direction)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.deg2rad(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def inset(outline: ArrayLike, distance_mm: float) -> Points:
    """The outline moved inward by ``distance_mm`` (outward if negative), point by point.

    Corners keep their sharpness up to a mitre of twice the distance. Arms narrower than two distances fold over.
    """
    ring = _directed(outline, 1.0)
    edge = np.roll(ring, -1, 0) - ring
    edge /= np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-9)
    inward = np.column_stack([-edge[:, 1], edge[:, 0]])
    both = inward + np.roll(inward, 1, 0)
    return np.asarray(ring + distance_mm * both / np.maximum((both * both).sum(1, keepdims=True) / 2, 0.5))


def signed_area(outline: ArrayLike) -> float:
    """Area of a closed (n, 2) outline in mm², positive when counter-clockwise."""
    x, y = np.asarray(outline, dtype=np.float64).T
    return 0.5 * float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0])


def volume_mm3(mesh: Mesh) -> float:
    """Enclosed volume, positive when the faces look outward."""
    x, y, z = mesh.vertices_mm.astype(np.float64).T[:, mesh.faces.T]  # each (3 corners, F)
    twice = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])  # of the area seen along z
    return float(twice @ z.sum(0)) / 6.0


def _layered(ring: Points, layers: Sequence[Points], levels_mm: Sequence[float]) -> Mesh:
    """Variants of one ring over one another, closed by the ring's own triangles, which never fail to close."""
    count = len(ring)
    caps = _triangulated(ring, np.array([count]))
    walls, top = mesh_faces.sleeve(len(layers), count), (len(layers) - 1) * count
    vertices = np.column_stack([np.concatenate(layers), np.repeat(levels_mm, count)]).astype(np.float32)
    return Mesh(vertices, np.concatenate([caps[:, ::-1], caps + top, walls]))


@cache
def _unit_cylinder(segments: int) -> Mesh:
    return frustum(1.0, 1.0, 1.0, segments)


def _triangulated(flat: Points, ends: NDArray[np.intp]) -> NDArray[np.int32]:
    """(F, 3) counter-clockwise triangles over all points of the rings that end before ``ends``."""
    # The ear cutter leaves out points on a straight line, and the walls would not meet the cap there.
    phase = np.arange(len(flat))
    nudged = flat + _JITTER_MM * np.column_stack([np.sin(12.9898 * phase), np.cos(78.233 * phase)])
    corners = mapbox_earcut.triangulate_float64(nudged, ends.astype(np.uint32))
    triangles: NDArray[np.int32] = np.asarray(corners, np.int32).reshape(-1, 3)
    expected = len(flat) + 2 * (len(ends) - 1) - 2
    if len(triangles) != expected:
        raise ValueError(f"an outline crosses itself or a hole: {len(triangles)} of {expected} triangles")
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return triangles if doubled.sum() > 0 else triangles[:, ::-1]


def _directed(outline: ArrayLike, sign: float) -> Points:
    """The outline as float64, counter-clockwise for sign +1."""
    points = np.asarray(outline, dtype=np.float64)
    return points if signed_area(points) * sign > 0 else points[::-1]


def _outward(mesh: Mesh) -> Mesh:
    return mesh if volume_mm3(mesh) >= 0 else Mesh(mesh.vertices_mm, np.ascontiguousarray(mesh.faces[:, ::-1]))


def _carried_normals(along: Points, closed: bool) -> Points:
    """(n, 3) unit normals carried along a line without twist, spread evenly over it where the line is closed."""
    start = np.zeros(3)
    start[int(np.argmin(np.abs(along[0])))] = 1.0
    normals = np.empty_like(along)
    current = start
    for row, tangent in enumerate(along):
        current = current - (current @ tangent) * tangent
        current = current / np.sqrt(current @ current)
        normals[row] = current
    if not closed:
        return normals
    first, tangent = normals[0], along[0]
    last = current - (current @ tangent) * tangent
    twist = np.arctan2(np.cross(first, last) @ tangent, first @ last)
    angle = (-twist * np.arange(len(along)) / len(along))[:, None]
    return np.asarray(np.cos(angle) * normals + np.sin(angle) * np.cross(along, normals))
