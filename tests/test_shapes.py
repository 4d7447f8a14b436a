"""Mesh generators: closed, faces outward, of the volume that geometry says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.synthetic import shapes
from parcelsight.datasets.synthetic.solids import Mesh

LENGTH = st.floats(0.5, 400.0)
ROUND = 96
"""Facets at which a polygon's area is that of its circle within 0.1 %."""

WAVE = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
LOOP = np.column_stack([30 * np.cos(WAVE), 20 * np.sin(WAVE), 5 * np.cos(2 * WAVE)])
RING = np.column_stack([shapes.circle(20, ROUND), np.zeros(ROUND)])
STAR = [(0, 0), (10, 0), (10, 10), (6, 10), (6, 4), (4, 4), (4, 10), (0, 10)]


def assert_solid(mesh: Mesh, volume_mm3: float | None = None, share: float = 0.005) -> None:
    body = trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False)
    assert body.is_watertight and body.is_winding_consistent
    assert shapes.volume_mm3(mesh) == pytest.approx(body.volume, rel=1e-3)
    assert body.volume > 0
    if volume_mm3 is not None:
        assert body.volume == pytest.approx(volume_mm3, rel=share)
    assert mesh.vertices_mm.dtype == np.float32 and mesh.faces.dtype == np.int32


CLOSED_FORMS: dict[str, tuple[Callable[[], Mesh], float]] = {
    "box": (lambda: shapes.box((3, 4, 5)), 60.0),
    "cylinder": (lambda: shapes.cylinder(4, 10, ROUND), 160 * np.pi),
    "cone": (lambda: shapes.frustum(3, 0, 10, ROUND), 30 * np.pi),
    "tube": (lambda: shapes.tube(5, 4, 10, ROUND), 90 * np.pi),
    "torus": (lambda: shapes.torus(10, 2, ROUND, ROUND), 80 * np.pi**2),
    "sphere": (lambda: shapes.sphere(5, ROUND), 500 / 3 * np.pi),
    "ellipsoid": (lambda: shapes.ellipsoid((2, 4, 6), ROUND), 8 * np.pi),
    "lathe of a ring": (lambda: shapes.lathe([(4, 0), (5, 0), (5, 10), (4, 10)], ROUND), 90 * np.pi),
    "lathe downward": (lambda: shapes.lathe([(0, 5), (2, 5), (2, 0), (0, 0)], ROUND), 20 * np.pi),
    "extrusion with holes": (
        lambda: shapes.extrude(
            [(0, 0), (20, 0), (20, 10), (0, 10)], 2, [shapes.circle(2, ROUND) + [x, 5] for x in (5, 15)]
        ),
        400 - 16 * np.pi,
    ),
    "extrusion, clockwise outline": (lambda: shapes.extrude(STAR[::-1], 2), 176.0),
    "extrusion, points on a line": (lambda: shapes.extrude([(0, 0), (1, 0), (2, 0), (2, 2), (1, 2), (0, 2)], 3), 12.0),
    "bevelled": (lambda: shapes.bevelled([(0, 0), (10, 0), (10, 10), (0, 10)], 6, 1), 400 + 2 * (100 + 64 + 80) / 3),
    "core": (lambda: shapes.core([(0, 0), (10, 0), (10, 10), (0, 10)], 4, 1), 256.0),
    "leaning wall": (
        lambda: shapes.ring_of(
            [
                np.column_stack([shapes.circle(r, ROUND), np.full(ROUND, z)])
                for r, z in ((5, 0), (6, 10), (5, 10), (4, 0))
            ]
        ),
        100 * np.pi,
    ),
    "straight bar": (lambda: shapes.sweep([(0, 0, 0), (5, 0, 0), (10, 0, 0)], 2, ROUND), 40 * np.pi),
    "closed wire": (lambda: shapes.sweep(RING, 1, ROUND, closed=True), 40 * np.pi**2),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_volume_is_that_of_the_formula(name: str) -> None:
    build, volume_mm3 = CLOSED_FORMS[name]
    assert_solid(build(), volume_mm3)


@pytest.mark.parametrize("segments", [3, 4, 8, 15])
def test_wires_bent_in_space_are_closed(segments: int) -> None:
    assert_solid(shapes.sweep(LOOP, 1.2, segments, closed=True))
    assert_solid(shapes.sweep(LOOP[:25], 1.2, segments))


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(LENGTH, LENGTH, LENGTH), radius=st.floats(0.1, 300.0), steps=st.integers(1, 4))
def test_rounded_box_lies_in_its_box(size: tuple[float, float, float], radius: float, steps: int) -> None:
    mesh = shapes.rounded_box(size, radius, steps)
    assert_solid(mesh)
    assert np.allclose(np.ptp(mesh.vertices_mm, axis=0), size, rtol=1e-3)
    assert 0.16 * np.prod(size) < shapes.volume_mm3(mesh) <= 1.0001 * np.prod(size)


@settings(max_examples=40, deadline=None)
@given(outer=LENGTH, share=st.floats(0.05, 0.98), length=LENGTH, segments=st.integers(3, 40))
def test_tube_is_its_polygons(outer: float, share: float, length: float, segments: int) -> None:
    polygon = 0.5 * segments * np.sin(2 * np.pi / segments)
    assert_solid(shapes.tube(outer, share * outer, length, segments), polygon * outer**2 * (1 - share**2) * length)


@settings(max_examples=40, deadline=None)
@given(radius=st.floats(1.0, 30.0), turns=st.floats(1.0, 20.0), pitch=st.floats(0.6, 8.0), segments=st.integers(3, 8))
def test_coil_is_closed_and_long_as_asked(radius: float, turns: float, pitch: float, segments: int) -> None:
    wire = 0.2 * min(radius, pitch)
    mesh = shapes.coil(radius, wire, turns, turns * pitch, segments=segments)
    assert_solid(mesh)
    assert np.ptp(mesh.vertices_mm[:, 2]) == pytest.approx(turns * pitch, abs=2.01 * wire)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), corners=st.integers(4, 14), height=LENGTH)
def test_any_outline_round_a_point_extrudes(seed: int, corners: int, height: float) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    outline = rng.uniform(8.0, 20.0, (corners, 1)) * np.column_stack([np.cos(angle), np.sin(angle)])
    for variant in (outline, shapes.smooth(outline), shapes.rounded(outline, 3.0)):
        assert_solid(shapes.extrude(variant, height), abs(shapes.signed_area(variant)) * height)
        assert_solid(shapes.bevelled(variant, 10.0, 0.5))


def test_outlines_that_cross_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="crosses itself"):
        shapes.extrude([(0, 0), (10, 10), (10, 0), (0, 10), (5, 20), (5, -20)], 2.0)


def test_outline_helpers() -> None:
    square = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)])
    assert shapes.signed_area(shapes.inset(square, 1.0)) == pytest.approx(64.0)
    assert shapes.signed_area(shapes.inset(square, -1.0)) == pytest.approx(144.0)
    assert shapes.signed_area(shapes.rounded_rectangle(10, 6, 1, 24)) == pytest.approx(60 - (4 - np.pi), rel=1e-3)
    assert shapes.smooth(square, 2).shape == (16, 2)
    through = shapes.spline(square, 4)
    assert np.allclose(through[::4], square)
    assert shapes.spline(square, 4, closed=True).shape == (16, 2)


def test_axes_turn_without_mirroring() -> None:
    cone = shapes.frustum(3, 1, 20)
    assert np.allclose(np.ptp(shapes.along_x(cone).vertices_mm, axis=0)[0], 20)
    assert np.allclose(np.ptp(shapes.along_y(cone).vertices_mm, axis=0)[1], 20)
    for mesh in (shapes.along_x(cone), shapes.along_y(cone), cone.turned(shapes.rotation((1, 2, 3), 77))):
        assert_solid(mesh, shapes.volume_mm3(cone))
    assert np.allclose(shapes.rotation("z", 90) @ [1, 0, 0], [0, 1, 0])


def test_joined_keeps_every_face() -> None:
    mesh = shapes.joined(shapes.box((1, 1, 1)), shapes.sphere(2).moved((10, 0, 0)))
    assert_solid(mesh, 1.0 + shapes.volume_mm3(shapes.sphere(2)))
