"""No object displaces matter that is not there: hollows, bores and cores lie in what they are cut from."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.synthetic.catalogue import KINDS
from parcelsight.datasets.synthetic.projector import Fan, Window, add_path_lengths
from parcelsight.datasets.synthetic.shapes import box, rotation
from parcelsight.datasets.synthetic.solids import Item, Kind, Solid

PITCH_MM = 1.6
DISTANCE_MM = 4000.0
DIRECTIONS = (rotation((1.0, 2.0, 3.0), 50.0), rotation((3.0, -1.0, 1.0), 75.0), rotation((1.0, 0.2, 0.1), 12.0))
GRAZING_MM = 0.05
"""Paths shorter than this below nil are rounding on rays along a wall."""
TOLERANCE_MM3 = 30.0
"""Where folds of a bevel or a spring's turns meet, no more than a pin's head is missing."""
TOLERANCE_SHARE = 1.5e-3


def missing(item: Item, turn: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Material → (matter that is displaced but not there, matter that is there), in mm³, seen from one direction."""
    points = [solid.mesh.vertices_mm @ turn.T for solid in item.solids]
    lower, upper = np.min([p.min(0) for p in points], 0), np.max([p.max(0) for p in points], 0)
    columns, rows = (int((upper - lower)[k] * 1.1 / PITCH_MM) + 4 for k in (0, 1))
    fan = Fan(DISTANCE_MM, PITCH_MM, 1.1 * float(lower[0]) - PITCH_MM, 2 * columns, rows)
    paths: dict[str, NDArray[np.float32]] = defaultdict(lambda: np.zeros((fan.rows, fan.columns), np.float32))
    window = Window(0, 0, fan.columns, fan.rows)
    for solid, seen in zip(item.solids, points, strict=True):
        depth = np.zeros(window.shape, np.float32)
        placed = np.stack([seen[:, 0], (seen[:, 1] - lower[1]) / PITCH_MM + 1.3, DISTANCE_MM + seen[:, 2]], 1)
        add_path_lengths(depth, window, placed, solid.mesh.faces, fan, False)
        paths[solid.material] += depth * solid.fill
        if solid.inside:
            paths[solid.inside] -= depth * solid.inside_fill
    area = PITCH_MM**2
    return {
        name: (-float(path[path < -GRAZING_MM].sum()) * area, float(path[path > 0].sum()) * area)
        for name, path in paths.items()
        if name != "air"
    }


def faults(item: Item, turn: NDArray[np.float64]) -> list[str]:
    return [
        f"{item.design_id}: {gone:.0f} mm³ of {there:.0f} mm³ {material} are displaced where there is none"
        for material, (gone, there) in missing(item, turn).items()
        if gone > max(TOLERANCE_MM3, TOLERANCE_SHARE * there)
    ]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_nothing_is_displaced_that_is_not_there(kind: Kind) -> None:
    """Every design of the threats and of what once was wrong; some of the many others."""
    step = 1 if kind.label or kind.name in {"figurine", "toy_gun", "glue_gun", "staple_gun"} else 4
    found = []
    for design in range(0, kind.designs, step):
        item = kind.build(design, np.random.default_rng([0, design]))
        found += faults(item, DIRECTIONS[design // step % len(DIRECTIONS)])
    assert not found, "\n".join(found)


def test_a_hollow_outside_its_body_is_found() -> None:
    body, hollow = box((40.0, 30.0, 20.0)), box((20.0, 20.0, 15.0))
    inside = Item("body", None, "body/00", (Solid(body, "abs"), Solid(hollow, "air", inside="abs")))
    outside = Item("body", None, "body/00", (Solid(body, "abs"), Solid(hollow.moved((18, 0, 0)), "air", inside="abs")))
    for turn in DIRECTIONS:
        assert not faults(inside, turn)
        assert faults(outside, turn)
