"""Harmless objects and packagings: closed meshes, known materials, sane sizes, solids that do not overlap."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import trimesh

from parcelsight.datasets.synthetic.benign import BENIGN
from parcelsight.datasets.synthetic.benign.housings import HOUSINGS, house
from parcelsight.datasets.synthetic.catalogue import KINDS, available, designs_of, draw_item
from parcelsight.datasets.synthetic.packaging import PACKAGING
from parcelsight.datasets.synthetic.solids import MATERIALS, Item, Kind, Mesh, Solid, Split, split_of_design
from parcelsight.datasets.synthetic.themes import THEMES

KINDS_HERE = (*BENIGN, *PACKAGING)
SAMPLED_DESIGNS = (0, 3)


def built(kind: Kind, design: int, seed: int = 7) -> Item:
    return kind.build(design, np.random.default_rng([seed, design]))


def test_there_are_enough_kinds_and_designs() -> None:
    assert len(BENIGN) >= 80
    assert min(kind.designs for kind in KINDS_HERE) >= 4
    assert sum(kind.designs for kind in BENIGN) >= 1600
    assert len({kind.name for kind in KINDS_HERE}) == len(KINDS_HERE)


@pytest.mark.parametrize("kind", KINDS_HERE, ids=lambda kind: kind.name)
def test_meshes_are_closed_and_look_outward(kind: Kind) -> None:
    for design in SAMPLED_DESIGNS:
        for number, solid in enumerate(built(kind, design).solids):
            mesh = trimesh.Trimesh(solid.mesh.vertices_mm, solid.mesh.faces, process=False)
            where = f"{kind.name}/{design:02d} solid {number} of {solid.material}"
            assert np.isfinite(solid.mesh.vertices_mm).all(), where
            assert mesh.is_watertight and mesh.is_winding_consistent, where
            assert mesh.volume > 0, where


@pytest.mark.parametrize("kind", KINDS_HERE, ids=lambda kind: kind.name)
def test_items_are_what_they_say(kind: Kind) -> None:
    for design in SAMPLED_DESIGNS:
        item = built(kind, design)
        assert (item.kind, item.label, item.design_id) == (kind.name, None, f"{kind.name}/{design:02d}")
        assert {s.material for s in item.solids} | {s.inside or "air" for s in item.solids} <= set(MATERIALS)
        assert all(0 < s.fill <= 2 and 0 < s.inside_fill <= 2 for s in item.solids)
        size = np.ptp(item.bounds_mm, axis=0)
        assert 5 < size.max() <= 1000
        assert sum(len(s.mesh.faces) for s in item.solids) <= (40000 if kind in PACKAGING else 7000)


@pytest.mark.parametrize("kind", BENIGN, ids=lambda kind: kind.name)
def test_items_lie_flat_about_the_origin(kind: Kind) -> None:
    item = built(kind, 1)
    size = np.ptp(item.bounds_mm, axis=0)
    if kind.name not in HOUSINGS:
        assert size[0] >= size[1] - 1e-2 and size[1] >= size[2] - 1e-2
        np.testing.assert_allclose(item.bounds_mm.mean(0), 0, atol=0.05)


@pytest.mark.parametrize("kind", KINDS_HERE, ids=lambda kind: kind.name)
def test_solids_of_one_item_do_not_overlap(kind: Kind) -> None:
    for design in (0, 2):
        solids = built(kind, design).solids
        overlap, sampled = double_matter_mm(solids, np.random.default_rng(design), rays=24)
        assert overlap <= 0.02 * sampled + 4.0, f"{kind.name}/{design:02d}: {overlap:.1f} of {sampled:.0f} mm twice"


def test_the_same_seed_builds_the_same_item_and_another_seed_varies_it() -> None:
    kind = KINDS["folded_shirt"]
    first, again, other = built(kind, 2), built(kind, 2), built(kind, 2, seed=8)
    for one, two in zip(first.solids, again.solids, strict=True):
        np.testing.assert_array_equal(one.mesh.vertices_mm, two.mesh.vertices_mm)
    assert not np.array_equal(first.solids[0].mesh.vertices_mm, other.solids[0].mesh.vertices_mm)


def test_designs_of_a_kind_differ() -> None:
    for kind in BENIGN:
        sizes = {tuple(np.ptp(built(kind, design).bounds_mm, axis=0).round(1)) for design in range(4)}
        assert len(sizes) >= 2, kind.name


def test_toy_guns_carry_the_attribute_and_no_label() -> None:
    toy = built(KINDS["toy_gun"], 1)
    assert toy.attributes["toy"] == "yes"
    assert toy.label is None


def test_kinds_survive_pickling() -> None:
    kind: Kind = pickle.loads(pickle.dumps(KINDS["drill"]))
    assert kind.build(0, np.random.default_rng(0)).design_id == "drill/00"


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_items_drawn_for_a_split_belong_to_it(split: Split) -> None:
    rng = np.random.default_rng(3)
    for kind in available(tuple(k.name for k in BENIGN), split):
        assert split_of_design(draw_item(rng, kind, split).design_id) == split


def test_splits_share_no_design_and_cover_all() -> None:
    for kind in BENIGN:
        parts = [set(designs_of(kind.name, split)) for split in ("train", "val", "test")]
        assert sum(len(p) for p in parts) == kind.designs == len(set.union(*parts))


def test_themes_name_known_kinds() -> None:
    for theme in THEMES:
        assert set(theme.core) | set(theme.packagings) <= set(KINDS), theme.name


@pytest.mark.parametrize("name", list(HOUSINGS))
def test_housings_leave_their_inner_box_free(name: str) -> None:
    inner = (180.0, 120.0, 38.0)
    for design in range(3):
        item = house(name, design, np.random.default_rng(design), inner)
        probe = box_mesh((inner[0] - 1, inner[1] - 1, inner[2] - 1))
        solids = (*item.solids, Solid(probe, "tungsten"))
        overlap, _ = double_matter_mm(solids, np.random.default_rng(1), rays=40)
        assert overlap < 1.0, f"{name}/{design:02d}"


def box_mesh(size_mm: tuple[float, float, float]) -> Mesh:
    box = trimesh.creation.box(size_mm)
    return Mesh(np.asarray(box.vertices, np.float32), np.asarray(box.faces, np.int32))


def double_matter_mm(
    solids: tuple[Solid, ...], rng: np.random.Generator, rays: int, shortest_mm: float = 0.3
) -> tuple[float, float]:
    """Length along vertical rays where more than one solid claims the room, and the length of matter sampled."""
    doubled, sampled = 0.0, 0.0
    for _ in range(rays):
        aimed = solids[int(rng.integers(len(solids)))].mesh.vertices_mm
        point = rng.uniform(aimed.min(0)[:2], aimed.max(0)[:2])
        events = sorted((z, sign, k) for k, s in enumerate(solids) for z, sign in crossings(s.mesh, point))
        depth, before = np.zeros(len(solids), int), None
        for z, sign, k in events:
            net = 0
            for solid, times in zip(solids, depth, strict=True):
                net += times * ((solid.material != "air") - (solid.inside is not None))
            if before is not None and z - before > shortest_mm:
                doubled += (z - before) * (net > 1 or net < 0)
                sampled += (z - before) * (net > 0)
            depth[k] += sign
            before = z
    return doubled, sampled


def crossings(mesh: Mesh, point: np.ndarray) -> list[tuple[float, int]]:
    """(height, +1 in or -1 out) of a vertical ray through x, y, going up."""
    corners = mesh.vertices_mm[mesh.faces].astype(np.float64)
    flat = corners[..., :2] - point
    a, b, c = flat[:, 0], flat[:, 1], flat[:, 2]
    weights = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], 1)
    area = weights.sum(1)
    hit = (np.abs(area) > 1e-9) & ((weights >= 0).all(1) | (weights <= 0).all(1))
    z = (weights[hit] * corners[hit][..., 2]).sum(1) / area[hit]
    return [(float(height), -1 if up > 0 else 1) for height, up in zip(z, area[hit], strict=True)]


def _cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.asarray(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])
