"""Soft matter: finer grids stay between the coarse ones, bags bulge around their contents, folds are closed bodies."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from parcelsight.datasets.synthetic.fillers import FILLERS, filler_item
from parcelsight.datasets.synthetic.luggage import fold_lines
from parcelsight.datasets.synthetic.sheets import bulged, patch, refined, sampled, warped_field, wrinkles

GRIDS = arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.floats(0, 300))


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, times=st.integers(1, 4))
def test_a_refined_grid_keeps_its_corners_and_never_leaves_its_cells(grid: np.ndarray, times: int) -> None:
    fine = refined(grid, times)
    assert fine.shape == tuple((n - 1) * times + 1 for n in grid.shape)
    np.testing.assert_allclose(fine[::times, ::times], grid, atol=1e-9)
    corners = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[:-1, 1:], grid[1:, 1:]])
    for i in range(times):
        for j in range(times):
            inner = fine[i:-1:times, j:-1:times]
            assert (inner >= corners.min(0) - 1e-9).all() and (inner <= corners.max(0) + 1e-9).all()


@pytest.mark.parametrize("roundness", [0.0, 0.3, 0.7])
def test_a_bag_bulges_beyond_the_rectangle_of_its_contents(roundness: float) -> None:
    size = (400.0, 260.0)
    x, y = bulged(np.random.default_rng(1), (31, 25), size, roundness)
    assert (np.diff(x, axis=0) > 0).all() and (np.diff(y, axis=1) > 0).all()
    # Up to the waver of the rim, the corners stay and the middles of the sides move out.
    assert np.abs(x[[0, -1]][:, [0, -1]]) == pytest.approx(size[0] / 2, rel=0.06)
    assert np.abs(x[[0, -1], 12]).min() > (0.95 + 0.25 * roundness) * size[0] / 2
    flat = np.zeros((31, 25))
    body = warped_field(flat, flat + 1, x, y)
    mesh = trimesh.Trimesh(body.vertices_mm, body.faces, process=False)
    assert mesh.is_watertight and mesh.volume > 0.9 * size[0] * size[1]


def test_heights_are_read_where_the_bent_grid_lies() -> None:
    x, y = np.meshgrid(np.linspace(-50, 50, 11), np.linspace(-30, 30, 7), indexing="ij")
    np.testing.assert_allclose(sampled(2 * x + y, (100.0, 60.0), x * 0.5, y * 0.5), x + 0.5 * y, atol=0.2)
    assert sampled(x, (100.0, 60.0), x * 2, y).max() == pytest.approx(50.0), "the rim continues outside"


@pytest.mark.parametrize("seed", range(5))
def test_patches_and_wrinkles_keep_to_their_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert set(np.unique(patch(rng, (60, 40), 0.3, 0.9))) <= {0.0, 1.0}
    lines = wrinkles(rng, (80, 60), 8)
    assert lines.min() >= 0 and lines.max() <= 1
    assert 0.02 < (lines > 0.5).mean() < 0.5, "lines, not fields"


def test_folds_are_closed_cords_within_the_bag() -> None:
    cords = fold_lines(np.random.default_rng(3), (400.0, 300.0), 30, 0.5)
    assert trimesh.Trimesh(cords.vertices_mm, cords.faces, process=False).is_watertight
    reach = np.hypot(cords.vertices_mm[:, 0] / 200, cords.vertices_mm[:, 1] / 150)
    assert reach.max() < 1.1 and cords.vertices_mm[:, 2].max() < 0


@pytest.mark.parametrize("name", list(FILLERS))
def test_fillers_keep_between_floor_and_ceiling(name: str) -> None:
    rng = np.random.default_rng(5)
    floor = rng.uniform(0, 40, (26, 18))
    item = filler_item(name, 3, rng, floor, np.full((26, 18), 120.0), (300.0, 204.0))
    lower, upper = item.bounds_mm
    assert lower[2] >= 0 and upper[2] <= 120.0
    assert (np.abs(item.bounds_mm[:, :2]) <= (150.5, 102.5)).all()
