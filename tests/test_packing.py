"""Packed parcels: nothing overlaps, everything is inside, the same seed packs the same, splits never leak."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from parcelsight.datasets.synthetic.concealment import PRESENTATIONS
from parcelsight.datasets.synthetic.heightmap import footprint, rest_height
from parcelsight.datasets.synthetic.load import Load
from parcelsight.datasets.synthetic.packing import SIZE_LIMIT_MM, compose_parcel
from parcelsight.datasets.synthetic.shapes import box, rotation, sphere, volume_mm3
from parcelsight.datasets.synthetic.sheets import height_field, noise, warped_field
from parcelsight.datasets.synthetic.solids import Item, Parcel, Solid, Split, split_of_design

PARCELS = 40


@cache
def parcels(split: Split = "train") -> tuple[Parcel, ...]:
    return tuple(compose_parcel(np.random.default_rng([5, seed]), split) for seed in range(PARCELS))


def block(size_mm: tuple[float, float, float]) -> Item:
    return Item("block", None, "block/00", (Solid(box(size_mm), "steel"),))


def test_parcels_stand_on_the_belt_within_the_limit() -> None:
    for parcel in parcels():
        lower, upper = bounds(parcel.items)
        np.testing.assert_allclose(lower[2], 0, atol=0.01)
        np.testing.assert_allclose((lower + upper)[:2] / 2, 0, atol=25)
        assert ((upper - lower) <= np.array(SIZE_LIMIT_MM) + 0.5).all(), (parcel.packaging.kind, upper - lower)


def test_contents_lie_inside_their_packaging() -> None:
    for parcel in parcels():
        outer_lower, outer_upper = bounds((parcel.packaging,))
        lower, upper = bounds(parcel.contents)
        assert (lower >= outer_lower - 0.3).all() and (upper <= outer_upper + 0.3).all(), parcel.packaging.kind


def test_contents_do_not_overlap_each_other() -> None:
    """Sampled points inside one item lie in the matter of no other; wrappings and housings are told by displacement."""
    rng = np.random.default_rng(0)
    for parcel in parcels()[:24]:
        faults, samples = 0, 0
        for number, item in enumerate(parcel.contents):
            points = inner_points(item, rng, 6)
            for other in (*parcel.contents[:number], *parcel.contents[number + 1 :], parcel.packaging):
                lower, upper = bounds((other,))
                near = points[((points > lower) & (points < upper)).all(1)]
                faults += sum(net_matter(other, point) > 0 for point in near)
            samples += len(points)
        assert faults <= 0.01 * samples, (parcel.packaging.kind, parcel.scenario, faults, samples)


def test_the_same_seed_packs_the_same_parcel() -> None:
    one, two = (compose_parcel(np.random.default_rng([5, 11]), "train") for _ in range(2))
    assert one.scenario == two.scenario
    assert [i.design_id for i in one.items] == [i.design_id for i in two.items]
    for a, b in zip(one.items, two.items, strict=True):
        for p, q in zip(a.solids, b.solids, strict=True):
            np.testing.assert_array_equal(p.mesh.vertices_mm, q.mesh.vertices_mm)


def test_scenario_says_whether_there_is_a_threat() -> None:
    for parcel in parcels():
        assert (parcel.scenario != "benign") == any(item.label for item in parcel.contents), parcel.scenario


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.5, 0.3, 0.7), (1.0, 1.0, 1.0)])
def test_threat_share(share: float, low: float, high: float) -> None:
    packed = [compose_parcel(np.random.default_rng([6, n]), "train", threat_share=share) for n in range(28)]
    found = np.mean([any(item.label for item in parcel.contents) for parcel in packed])
    assert low <= found <= high


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_no_design_of_another_split_appears(split: Split) -> None:
    for parcel in parcels(split):
        for item in parcel.items:
            assert split_of_design(item.design_id) == split, item.design_id


def test_threat_classes_and_scenarios_vary() -> None:
    packed = [compose_parcel(np.random.default_rng([9, n]), "train", threat_share=1.0) for n in range(80)]
    labels = {item.label for parcel in packed for item in parcel.contents if item.label}
    assert len(labels) >= 11
    assert len({parcel.scenario for parcel in packed}) >= 7
    assert len({parcel.packaging.kind for parcel in packed}) >= 7


def test_a_smaller_tunnel_is_respected() -> None:
    for seed in range(15):
        parcel = compose_parcel(np.random.default_rng(seed), "train", threat_share=0.0, size_limit_mm=(400, 600, 300))
        lower, upper = bounds((parcel.packaging,))
        assert ((upper - lower) <= (400.5, 600.5, 300.5)).all(), (parcel.packaging.kind, upper - lower)


@pytest.mark.parametrize("name", list(PRESENTATIONS))
def test_presentations_keep_the_object_where_it_is(name: str) -> None:
    item = block((160.0, 110.0, 28.0))
    group = PRESENTATIONS[name][0](np.random.default_rng(4), (item,), "train")
    assert group[0] is item and len(group) == 2
    points = inner_points(item, np.random.default_rng(1), 40)
    assert not any(net_matter(group[1], point) > 0 for point in points)


@pytest.mark.parametrize(
    ("name", "size_mm", "fits"),
    [("flat", (100.0, 60.0, 20.0), True), ("too_long", (400.0, 60.0, 20.0), False), ("cube", (190.0,) * 3, False)],
)
def test_a_load_takes_what_fits(name: str, size_mm: tuple[float, float, float], fits: bool) -> None:
    load = Load((300.0, 200.0, 100.0))
    assert load.drop((block(size_mm),), np.random.default_rng(0), tries=10, order=1.0) is fits
    assert bool(load.placed) is fits


def test_blocks_stack() -> None:
    load = Load((120.0, 120.0, 200.0))
    rng = np.random.default_rng(1)
    count = sum(load.drop((block((110.0, 110.0, 20.0)),), rng, tries=4, order=1.0) for _ in range(12))
    assert 4 <= count <= 9
    floors = sorted(float(item.bounds_mm[0, 2]) for item in load.placed)
    assert floors[0] == pytest.approx(0, abs=1e-3)
    assert all(b - a > 15 for a, b in zip(floors, floors[1:], strict=False))


def test_footprint_covers_a_ball_from_above_and_below() -> None:
    ball = sphere(30.0, 24)
    body = footprint(ball.vertices_mm, ball.faces, 4.0)
    assert body.top_mm == pytest.approx(30, abs=0.01) and body.bottom_mm == pytest.approx(-30, abs=0.01)
    taken = body.high_mm > -1e8
    nx, ny = taken.shape
    x = body.corner_mm[0] + (np.arange(nx) + 0.5) * 4
    y = body.corner_mm[1] + (np.arange(ny) + 0.5) * 4
    within = np.hypot(x[:, None], y[None, :]) < 27
    assert taken[within].all()
    exact = np.sqrt(np.clip(29.0**2 - x[:, None] ** 2 - y[None, :] ** 2, 0, None))
    assert (body.high_mm[within] >= exact[within] - 0.6).all()


def test_rest_height_prefers_the_deepest_place_and_keeps_the_lid_closed() -> None:
    cube = box((20.0, 20.0, 20.0))
    body = footprint(cube.vertices_mm, cube.faces, 4.0)
    heights = np.full((40, 40), 30.0, np.float32)
    heights[20:, 20:] = 5.0
    cells = np.array([(0, 0), (10, 10), (25, 25)], np.int32)
    resting = rest_height(heights, body, cells, 100.0)
    assert resting is not None
    assert resting[0] == 2 and resting[1] == pytest.approx(15.0)
    assert rest_height(heights, body, cells, 20.0) is None


def test_height_fields_are_closed_and_hold_their_volume() -> None:
    flat = np.zeros((9, 7))
    mesh = height_field(flat, flat + 3.0, (80.0, 50.0))
    assert volume_mm3(mesh) == pytest.approx(80 * 50 * 3, rel=1e-5)
    hills = 2 + noise(np.random.default_rng(0), (9, 7), 3) ** 2
    x, y = np.meshgrid(np.linspace(0, 40, 9), np.linspace(0, 20, 7), indexing="ij")
    assert volume_mm3(warped_field(flat, hills, x, y)) > 0


def bounds(items: tuple[Item, ...]) -> tuple[np.ndarray, np.ndarray]:
    both = np.stack([item.bounds_mm for item in items]).astype(np.float64)
    return both[:, 0].min(0), both[:, 1].max(0)


def inner_points(item: Item, rng: np.random.Generator, count: int) -> np.ndarray:
    """Points well inside the item's matter, found by aiming just below faces of its solids."""
    found = []
    solids = [s for s in item.solids if s.inside is None and s.material != "air"]
    for _ in range(count):
        mesh = solids[int(rng.integers(len(solids)))].mesh
        a, b, c = mesh.vertices_mm[mesh.faces[int(rng.integers(len(mesh.faces)))]].astype(np.float64)
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length > 1e-6:
            point = (a + b + c) / 3 - normal / length * 0.25
            if net_matter(item, point) > 0:
                found.append(point)
    return np.array(found).reshape(-1, 3)


def net_matter(item: Item, point: np.ndarray) -> int:
    """How many solids of the item claim a point, cavities subtracted."""
    turn = rotation((1.0, 2.0, 3.0), 33.0)
    net = 0
    for solid in item.solids:
        net += winding(solid, point, turn) * ((solid.material != "air") - (solid.inside is not None))
    return net


def winding(solid: Solid, point: np.ndarray, turn: np.ndarray) -> int:
    """1 inside the mesh, 0 outside, by a ray in a direction that hits no edge head-on."""
    corners = (solid.mesh.vertices_mm.astype(np.float64) - point) @ turn.T
    a, b, c = (corners[solid.mesh.faces[:, k]] for k in range(3))
    w = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], 1)
    hit = (w >= 0).all(1) | (w <= 0).all(1)
    area = w[hit].sum(1)
    z = (w[hit] * np.stack([a, b, c], 1)[hit][..., 2]).sum(1) / np.where(area == 0, 1, area)
    return int(np.sign(area)[z > 0].sum())


def _cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.asarray(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])
