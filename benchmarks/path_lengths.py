"""Path lengths of the projector against ray casting by trimesh and embree, on packed parcels.

Run: ``python benchmarks/path_lengths.py [--scenes 50] [--rays 4000] [--seed 0]``; needs the packages of ``[test]``.

Every scene is a parcel as ``synthesize`` packs it: packaging, nested solids, cavities, touching contents. Of each, the
matter along a sample of rays is summed over all solids, a solid displacing others counting negative where it is
air, by the projector and by casting the same rays at the same meshes. Ends with 1 if the mean absolute difference
exceeds 0.1 mm in any scene. Embree loses or repeats a hit now and then, where faces meet or lie close together; a
closed mesh is entered as often as it is left, so such rays are told by their count, left out, and their share printed.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import trimesh
from numpy.typing import NDArray

from parcelsight.datasets.synthetic.packing import compose_parcel
from parcelsight.datasets.synthetic.projector import Fan, Window, add_path_lengths
from parcelsight.datasets.synthetic.scanner import View, ViewFrame
from parcelsight.datasets.synthetic.solids import Parcel, Solid

PITCH_MM = 1.5
PERMITTED_MM = 0.1
VIEW = View.model_validate({"name": "top", "source": "below", "distance_mm": 900, "lateral_mm": 30})


def weight(solid: Solid) -> int:
    """How a solid counts in the sum of matter: displaced matter is already counted by its host."""
    if solid.inside is None:
        return 1
    return -1 if solid.material == "air" else 0


def by_projector(parcel: Parcel, frame: ViewFrame, fan: Fan) -> NDArray[np.float32]:
    """(rows, columns) millimetres of matter."""
    total = np.zeros((fan.rows, fan.columns), np.float32)
    window = Window(0, 0, fan.columns, fan.rows)
    for item in parcel.items:
        for solid in item.solids:
            depth = np.zeros_like(total)
            add_path_lengths(depth, window, frame.points(solid.mesh), solid.mesh.faces, fan, frame.mirrored)
            total += weight(solid) * depth * fan.slant()
    return total


def by_casting(parcel: Parcel, frame: ViewFrame, fan: Fan, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) millimetres of matter along the rays of some pixels; NaN where the caster lost count of its hits."""
    row, column = np.divmod(pixels, fan.columns)
    y = frame.first_row_mm + (row + 0.5) * PITCH_MM
    lateral = fan.first_column_mm + (column + 0.5) * PITCH_MM + VIEW.lateral_mm
    start = np.stack([np.full_like(y, VIEW.lateral_mm), y, np.full_like(y, -VIEW.distance_mm)], axis=1)
    direction = np.stack([lateral, y, np.zeros_like(y)], axis=1) - start
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    total = np.zeros(len(pixels))
    for solid in (solid for item in parcel.items for solid in item.solids if weight(solid)):
        body = trimesh.Trimesh(solid.mesh.vertices_mm, solid.mesh.faces, process=False)
        hits, ray, face = body.ray.intersects_location(start, direction, multiple_hits=True)
        if len(hits):
            distance = np.linalg.norm(hits - start[ray], axis=1)
            sign = np.sign((direction[ray] * body.face_normals[face]).sum(axis=1))
            total += weight(solid) * np.bincount(ray, distance * sign, minlength=len(pixels))
            total[np.bincount(ray, sign, minlength=len(pixels)) != 0] = np.nan
    return total


def main() -> int:
    """Compare all scenes; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--rays", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    frame = ViewFrame(VIEW, PITCH_MM, first_row_mm=-520.0)
    fan = frame.fan((-320.0, 320.0), (-520.0, 520.0))
    errors, lost, rays = [], 0, 0
    for number in range(options.scenes):
        rng = np.random.default_rng([options.seed, number])
        parcel = compose_parcel(rng, "train")
        ours = by_projector(parcel, frame, fan).ravel()
        matter = np.flatnonzero(ours > 0)
        pixels = rng.choice(matter, min(options.rays, len(matter)), replace=False)
        theirs = by_casting(parcel, frame, fan, pixels)
        errors.append(float(np.nanmean(np.abs(ours[pixels] - theirs))))
        lost, rays = lost + int(np.isnan(theirs).sum()), rays + len(pixels)
    print(
        f"{len(errors)} parcels, {rays} rays ({lost / rays:.1%} lost by the caster): mean absolute difference of matter"
    )
    print(f"median {np.median(errors):.5f} mm, worst scene {max(errors):.5f} mm, permitted {PERMITTED_MM} mm")
    return int(max(errors) > PERMITTED_MM)


if __name__ == "__main__":
    sys.exit(main())
