"""Nothing hangs in the air: every firearm, part and magazine is one body, from whatever side it is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.synthetic.projector import Fan, Window, add_path_lengths
from parcelsight.datasets.synthetic.shapes import box
from parcelsight.datasets.synthetic.solids import Item, Kind, Solid
from parcelsight.datasets.synthetic.threats import THREATS, KitKind, kit

PITCH_MM = 1.5
"""Gaps up to this, of pins and springs with play, are bridged: a scanner hardly shows them."""
DISTANCE_MM = 4000.0
THINNEST_MM = 0.01
SIDES = {"flat": (0, 1, 2), "from the end": (1, 2, 0), "from below": (0, 2, 1)}
"""Which axis of an item lies across, along and away from the viewer."""
SEVERAL = {"cartridge_pack"}
"""Kinds that are meant to be several things."""


def shadow(item: Item, axes: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(rows, columns) 1 where there is matter; hollows within a body count as matter, for it surrounds them."""
    seen = [solid.mesh.vertices_mm[:, axes].astype(np.float64) for solid in item.solids if solid.material != "air"]
    meshes = [solid.mesh for solid in item.solids if solid.material != "air"]
    lower, upper = np.min([p.min(0) for p in seen], 0), np.max([p.max(0) for p in seen], 0)
    columns, rows = (int((upper - lower)[k] / PITCH_MM) + 8 for k in (0, 1))
    fan, window = Fan(DISTANCE_MM, PITCH_MM, 0.0, columns, rows), Window(0, 0, columns, rows)
    covered = np.zeros(window.shape, np.uint8)
    for points, mesh in zip(seen, meshes, strict=True):
        away = DISTANCE_MM + points[:, 2] - lower[2]
        # So far away that rays are as good as parallel.
        across = (points[:, 0] - lower[0] + 4 * PITCH_MM) * away / DISTANCE_MM
        placed = np.stack([across, (points[:, 1] - lower[1]) / PITCH_MM + 4, away], 1)
        depth = np.zeros(window.shape, np.float32)
        add_path_lengths(depth, window, placed, mesh.faces, fan, False)
        covered |= (np.abs(depth) > THINNEST_MM).astype(np.uint8)
    return covered


def loose_mm2(item: Item, axes: tuple[int, int, int]) -> float:
    """Area of everything that does not hang together with the largest piece, seen from one side."""
    covered = shadow(item, axes)
    _, pieces = cv2.connectedComponents(cv2.dilate(covered, np.ones((3, 3), np.uint8)))
    areas = np.bincount(pieces[covered > 0])
    return float(areas.sum() - areas.max()) * PITCH_MM**2


def faults(items: Iterator[Item]) -> list[str]:
    return [
        f"{item.kind} of {item.design_id}, {side}: {loose:.0f} mm² hang in the air"
        for item in items
        for side, axes in SIDES.items()
        if (loose := loose_mm2(item, axes)) > 0
    ]


@pytest.mark.parametrize("kind", [kind for kind in THREATS if kind.name not in SEVERAL], ids=lambda kind: kind.name)
def test_every_design_is_one_body(kind: Kind) -> None:
    found = faults(kind.build(design, np.random.default_rng([0, design])) for design in range(kind.designs))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", get_args(KitKind))
def test_each_part_of_a_kit_is_one_body(kind: KitKind) -> None:
    parts = (part for design in range(24) for part in kit(np.random.default_rng(design), kind, design))
    found = faults(parts)
    assert not found, "\n".join(found)


def test_a_loose_shard_is_found() -> None:
    frame, rail = Solid(box((60.0, 30.0, 20.0)), "abs"), box((10.0, 4.0, 1.0))
    touching = Item("frame", None, "frame/00", (frame, Solid(rail.moved((0, 16, 8)), "steel")))
    loose = Item("frame", None, "frame/00", (frame, Solid(rail.moved((0, 24, 8)), "steel")))
    assert not faults(iter([touching]))
    assert loose_mm2(loose, SIDES["flat"]) == pytest.approx(40.0, abs=15.0)
