"""Path lengths against ray casting: random bodies, all source positions, nested, touching and huge solids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from parcelsight.datasets.synthetic.projector import Fan, Window, add_path_lengths
from parcelsight.datasets.synthetic.scanner import View, ViewFrame, load_scanner
from parcelsight.datasets.synthetic.shadows import Projector
from parcelsight.datasets.synthetic.solids import Item, Mesh, Solid
from parcelsight.detector.errors import RunError

PITCH_MM = 2.0
SOURCES = ["below", "above", "left", "right"]


def view_of(source: str) -> View:
    return View.model_validate(
        {"name": "view", "source": source, "distance_mm": 900, "lateral_mm": 100 if source in ("left", "right") else 30}
    )


def frame_and_fan(source: str) -> tuple[ViewFrame, Fan]:
    frame = ViewFrame(view_of(source), PITCH_MM)
    return frame, frame.fan((-180, 180) if source in ("below", "above") else (0, 300), (0, 300))


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(shape.vertices, np.float32), np.asarray(shape.faces, np.int32))


def random_body(rng: np.random.Generator) -> trimesh.Trimesh:
    bodies = [
        lambda: trimesh.creation.icosphere(2, rng.uniform(10, 50)),
        lambda: trimesh.creation.torus(rng.uniform(25, 50), rng.uniform(4, 18)),
        lambda: trimesh.creation.box(rng.uniform(5, 150, 3)),
        lambda: trimesh.creation.annulus(rng.uniform(5, 20), rng.uniform(25, 40), rng.uniform(10, 120)),
        lambda: trimesh.creation.capsule(rng.uniform(20, 100), rng.uniform(5, 25)),
    ]
    body = bodies[rng.integers(len(bodies))]()
    body.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
    body.apply_translation([rng.uniform(-80, 80), rng.uniform(60, 240), rng.uniform(60, 200)])
    return body


def rays(frame: ViewFrame, fan: Fan) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Source point and direction of the ray of every pixel, (rows · columns, 3) each."""
    rows, columns = np.mgrid[: fan.rows, : fan.columns]
    across = (fan.first_column_mm + (columns.ravel() + 0.5) * PITCH_MM) + frame.view.lateral_mm
    y = frame.first_row_mm + (rows.ravel() + 0.5) * PITCH_MM
    zero, side = np.zeros_like(y), np.full_like(y, frame.view.lateral_mm)
    away = np.full_like(y, frame.view.distance_mm)
    match frame.view.source:
        case "below":
            start, through = np.stack([side, y, -away], 1), np.stack([across, y, zero], 1)
        case "above":
            start, through = np.stack([side, y, away], 1), np.stack([across, y, zero], 1)
        case "left":
            start, through = np.stack([-away, y, side], 1), np.stack([zero, y, across], 1)
        case _:
            start, through = np.stack([away, y, side], 1), np.stack([zero, y, across], 1)
    direction = through - start
    return start, direction / np.linalg.norm(direction, axis=1, keepdims=True)


def cast(mesh: Mesh, frame: ViewFrame, fan: Fan) -> NDArray[np.float64]:
    """(rows, columns) path lengths by ray casting."""
    body = trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False)
    start, direction = rays(frame, fan)
    hits, ray, face = body.ray.intersects_location(start, direction, multiple_hits=True)
    distance = np.linalg.norm(hits - start[ray], axis=1)
    sign = np.sign((direction[ray] * body.face_normals[face]).sum(axis=1))
    lengths: NDArray[np.float64] = np.bincount(ray, distance * sign, minlength=len(start)).astype(np.float64)
    return lengths.reshape(fan.rows, fan.columns)


def projected(mesh: Mesh, frame: ViewFrame, fan: Fan) -> NDArray[np.float32]:
    """(rows, columns) path lengths by the projector."""
    depth = np.zeros((fan.rows, fan.columns), np.float32)
    window = Window(0, 0, fan.columns, fan.rows)
    add_path_lengths(depth, window, frame.points(mesh), mesh.faces, fan, frame.mirrored)
    return depth * fan.slant()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("source", SOURCES)
def test_random_bodies_match_ray_casting(source: str, seed: int) -> None:
    frame, fan = frame_and_fan(source)
    mesh = mesh_of(random_body(np.random.default_rng([seed, SOURCES.index(source)])))
    ours, theirs = projected(mesh, frame, fan), cast(mesh, frame, fan)
    hit = (theirs > 0) | (ours > 1e-3)
    assert hit.any()
    assert np.abs(ours - theirs)[hit].mean() <= 0.1
    assert (np.abs(ours - theirs)[hit] > 0.1).mean() < 0.01


@pytest.mark.parametrize("source", SOURCES)
def test_no_cracks_at_shared_edges(source: str) -> None:
    """A closed mesh leaves nothing negative and nothing outside its own outline: signs cancel to rounding."""
    frame, fan = frame_and_fan(source)
    sphere = trimesh.creation.icosphere(4, 45)
    sphere.apply_translation([0, 150, 120])
    ours = projected(mesh_of(sphere), frame, fan)
    assert ours.min() > -1e-3
    assert ours.max() < 90.01


def test_window_and_frame_agree() -> None:
    frame, fan = frame_and_fan("below")
    mesh = mesh_of(random_body(np.random.default_rng(7)))
    points = frame.points(mesh)
    window = Window.around(fan.bounds_px(points), fan)
    depth = np.zeros(window.shape, np.float32)
    add_path_lengths(depth, window, points, mesh.faces, fan, frame.mirrored)
    whole = projected(mesh, frame, fan)
    assert np.abs(whole[window.slices] - depth * fan.slant()[window.x0 : window.x1]).max() < 1e-3
    assert np.abs(np.delete(whole.ravel(), _inside(window, fan))).max(initial=0) < 1e-3


def _inside(window: Window, fan: Fan) -> NDArray[np.int64]:
    mask = np.zeros((fan.rows, fan.columns), np.bool_)
    mask[window.slices] = True
    return np.flatnonzero(mask)


def block(size: tuple[float, float, float], at: tuple[float, float, float]) -> Mesh:
    shape = trimesh.creation.box(size)
    shape.apply_translation(at)
    return mesh_of(shape)


def attenuation(solids: tuple[Solid, ...]) -> NDArray[np.float32]:
    """(rows, columns, K) of an item seen from below."""
    frame, fan = frame_and_fan("below")
    projection = Projector(frame, fan, load_scanner("tunnel160").nodes).project([Item("x", None, "x/00", solids)])
    return projection.attenuation


def test_a_core_displaces_what_it_lies_in() -> None:
    """Brass with a lead core equals a brass box with a hole, plus the core, pixel by pixel."""
    shell, core = block((60, 60, 40), (30, 150, 100)), block((30, 30, 20), (30, 150, 100))
    nested = attenuation((Solid(shell, "brass"), Solid(core, "lead", inside="brass")))
    hollow = attenuation((Solid(shell, "brass"), Solid(core, "air", inside="brass")))
    alone = attenuation((Solid(core, "lead"),)) - attenuation((Solid(core, "air"),))
    assert np.abs(nested - (hollow + alone)).max() < 1e-3 * nested.max()
    assert hollow.min() >= -1e-3


def test_loose_matter_is_displaced_at_its_own_density() -> None:
    cloth, thing = block((120, 120, 60), (0, 150, 100)), block((40, 40, 20), (0, 150, 100))
    there = attenuation((Solid(cloth, "cotton", fill=0.2), Solid(thing, "air", inside="cotton", inside_fill=0.2)))
    alone = attenuation((Solid(cloth, "cotton", fill=0.2),)) - attenuation((Solid(thing, "cotton", fill=0.2),))
    assert np.abs(there - alone).max() < 1e-3 * alone.max()


def test_touching_solids_are_as_one() -> None:
    left, right = block((40, 80, 30), (-20, 150, 80)), block((40, 80, 30), (20, 150, 80))
    both = attenuation((Solid(left, "steel"), Solid(right, "steel")))
    one = attenuation((Solid(block((80, 80, 30), (0, 150, 80)), "steel"),))
    assert np.abs(both - one).max() < 1e-3 * one.max()


def test_slanted_rays_are_longer() -> None:
    frame, fan = frame_and_fan("below")
    depth = projected(block((340, 280, 10), (0, 150, 50)), frame, fan)
    middle, edge = depth[75, fan.columns // 2], depth[75, 20]
    lateral_mm = fan.first_column_mm + 20.5 * PITCH_MM
    assert middle == pytest.approx(10, abs=0.01)
    assert edge == pytest.approx(10 * np.hypot(1, lateral_mm / 900), abs=0.01)


def test_an_object_at_the_source_is_refused() -> None:
    frame, fan = frame_and_fan("above")
    tall = Item("tower", None, "tower/00", (Solid(block((20, 20, 1800), (0, 150, 900)), "steel"),))
    with pytest.raises(RunError, match="reaches up to the X-ray source"):
        Projector(replace(frame), fan, load_scanner("tunnel160").nodes).project([tall])
