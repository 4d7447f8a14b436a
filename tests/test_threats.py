"""Threat items: every design of every class is closed, of plausible size and light enough to render."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from parcelsight.datasets.synthetic import shapes
from parcelsight.datasets.synthetic.solids import MATERIALS, Item, Kind, Mesh, design_id_of, split_of_design
from parcelsight.datasets.synthetic.threats import THREATS, KitKind, kit
from parcelsight.detector.taxonomy import TAXONOMY

KINDS = {kind.name: kind for kind in THREATS}
LONGEST_MM = {
    "pistol": (120, 270),
    "revolver": (120, 330),
    "long_gun": (200, 1250),
    "barrel": (40, 680),
    "frame_receiver": (80, 330),
    "slide": (90, 240),
    "cylinder": (30, 75),
    "bolt": (50, 330),
    "silencer": (110, 270),
    "magazine": (50, 260),
    "cartridge": (18, 95),
    "cartridge_pack": (30, 800),
}
MOST_TRIANGLES = {"pistol": 5000, "revolver": 4000, "long_gun": 8000, "cartridge": 300, "cartridge_pack": 12_000}


def items(kind: Kind) -> list[Item]:
    return [kind.build(design, np.random.default_rng(design)) for design in range(kind.designs)]


def is_closed(mesh: Mesh) -> bool:
    """Each edge is walked once in either direction."""
    a, b, c = mesh.faces.astype(np.int64).T
    tail, head = np.concatenate([a, b, c]), np.concatenate([b, c, a])
    count = len(mesh.vertices_mm)
    forth, back = np.sort(tail * count + head), np.sort(head * count + tail)
    return bool((forth == back).all() and (np.diff(forth) > 0).all())


def test_every_class_of_the_taxonomy_has_at_least_twenty_designs() -> None:
    assert set(KINDS) == set(TAXONOMY.classes)
    for kind in THREATS:
        assert kind.label == kind.name
        assert kind.designs >= 20


@pytest.mark.parametrize("name", KINDS)
def test_every_split_has_designs(name: str) -> None:
    ids = [KINDS[name].build(design, np.random.default_rng(0)).design_id for design in range(KINDS[name].designs)]
    assert ids == [design_id_of(name, design) for design in range(KINDS[name].designs)]
    shares = Counter(split_of_design(design_id) for design_id in ids)
    assert min(shares[split] for split in ("train", "val", "test")) >= 3


@pytest.mark.parametrize("name", KINDS)
def test_designs_are_closed_solids_of_known_matter(name: str) -> None:
    for item in items(KINDS[name]):
        matter: dict[str, float] = defaultdict(float)
        for solid in item.solids:
            assert solid.material in MATERIALS
            assert is_closed(solid.mesh), f"{item.design_id}: {solid.material} is open"
            volume = shapes.volume_mm3(solid.mesh)
            assert volume > 0, f"{item.design_id}: {solid.material} is inside out"
            matter[solid.material] += volume
            if solid.inside:
                assert solid.inside in MATERIALS
                matter[solid.inside] -= volume
        # A cavity larger than what it is cut from would make matter of negative thickness.
        assert all(volume > 0 for material, volume in matter.items() if material != "air"), item.design_id


@pytest.mark.parametrize("name", KINDS)
def test_designs_lie_flat_and_measure_what_pictures_show(name: str) -> None:
    shortest, longest = LONGEST_MM[name]
    for item in items(KINDS[name]):
        low, high = item.bounds_mm
        size = high - low
        assert size[0] >= size[1] - 0.01 and size[1] >= size[2] - 0.01, item.design_id
        assert np.allclose(low + high, 0.0, atol=0.1), item.design_id
        assert shortest <= size[0] <= longest, f"{item.design_id} is {size[0]:.0f} mm long"
        assert sum(len(solid.mesh.faces) for solid in item.solids) <= MOST_TRIANGLES.get(name, 4000), item.design_id
        assert {"family", "material"} <= set(item.attributes)


@pytest.mark.parametrize("name", KINDS)
def test_a_design_is_stable_and_instances_vary(name: str) -> None:
    kind = KINDS[name]
    first, again, other = (kind.build(3, np.random.default_rng(seed)) for seed in (7, 7, 8))
    for a, b in zip(first.solids, again.solids, strict=True):
        assert np.array_equal(a.mesh.vertices_mm, b.mesh.vertices_mm) and a.material == b.material
    assert not np.allclose(first.bounds_mm, other.bounds_mm, atol=1e-3)
    sizes = {tuple(np.round(np.ptp(item.bounds_mm, axis=0), 2)) for item in items(kind)}
    assert len(sizes) == kind.designs


def test_guns_are_seen_in_every_matter_and_state() -> None:
    pistols, long_guns = items(KINDS["pistol"]), items(KINDS["long_gun"])
    assert {"printed", "polymer", "steel", "aluminium", "zinc"} <= {item.attributes["material"] for item in pistols}
    assert {"loaded", "empty"} == {item.attributes["loaded"] for item in pistols}
    assert {"assembled", "no_stock", "no_barrel"} == {item.attributes["state"] for item in long_guns}
    short = [item for item in long_guns if np.ptp(item.bounds_mm[:, 0]) < 700]
    assert len(short) > len(long_guns) // 3


@pytest.mark.parametrize("kind", get_args(KitKind))
def test_kit_is_one_design_in_parts_of_their_own_class(kind: KitKind) -> None:
    for design in range(12):
        parts = kit(np.random.default_rng(design), kind, design)
        assert len(parts) >= 2
        assert {part.design_id for part in parts} == {f"{kind}/{design:02d}"}
        labels = {part.label for part in parts if part.label}
        assert "frame_receiver" in labels and labels <= set(TAXONOMY.classes)
        assert all(part.label in (None, part.kind) for part in parts)
        assert all(part.attributes["state"] == "disassembled" for part in parts)


def test_every_module_of_shapes_says_what_they_are_not() -> None:
    folder = Path(__file__).resolve().parents[1] / "datasets" / "synthetic" / "threats"
    for path in folder.glob("*.py"):
        opening = path.read_text()[:900]
        assert re.search(r"silhouette|see (pistols|revolvers|long_guns)\.py|kits?", opening), path.name
    assert (folder.parents[2] / "docs" / "content-safety.md").is_file()
