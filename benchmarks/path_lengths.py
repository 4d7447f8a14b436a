"""Path lengths of the projector against ray casting by trimesh and embree, on packed parcels.

Run: ``python benchmarks/path_lengths.py [--scenes 50] [--rays 4000] [--seed 0]``; needs the packages of ``[test]``.

Every scene is a parcel as ``synthesize`` packs it: packaging, nested solids, cavities, touching contents. Of each, the
matter along a sample of rays is summed over all solids, a solid displacing others counting negative where it is
air, by the projector and by casting the same rays at the same meshes. Ends with 1 if the mean absolute difference
exceeds 0.1 mm in any scene. Embree loses or repeats hits where faces meet or lie in one plane: a panel on its frame, a
hollow that folds over. It may lose them in pairs, which no count tells. So every ray on which the two differ is cast
again by arithmetic, against all triangles in float64, and that counts; the share of such rays is printed.
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
DISPUTED_MM = 0.01
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


def reference(
    parcel: Parcel, frame: ViewFrame, fan: Fan, pixels: NDArray[np.int64], ours: NDArray[np.float32]
) -> tuple[NDArray[np.float64], int]:
    """(n,) millimetres of matter along the rays of some pixels, and on how many Embree and ours (n,) differ."""
    start, direction = rays(frame, fan, pixels)
    theirs = by_casting(parcel, start, direction)
    disputed = ~(np.abs(theirs - ours) <= DISPUTED_MM)  # so is what the caster lost count of
    theirs[disputed] = by_arithmetic(parcel, start[disputed], direction[disputed])
    return theirs, int(disputed.sum())


def rays(frame: ViewFrame, fan: Fan, pixels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) start and (n, 3) unit direction of the rays of some pixels."""
    row, column = np.divmod(pixels, fan.columns)
    y = frame.first_row_mm + (row + 0.5) * PITCH_MM
    lateral = fan.first_column_mm + (column + 0.5) * PITCH_MM + VIEW.lateral_mm
    start = np.stack([np.full_like(y, VIEW.lateral_mm), y, np.full_like(y, -VIEW.distance_mm)], axis=1)
    direction = np.stack([lateral, y, np.zeros_like(y)], axis=1) - start
    return start, direction / np.linalg.norm(direction, axis=1, keepdims=True)


def by_casting(parcel: Parcel, start: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) millimetres of matter along rays by Embree; NaN where it lost count of its hits."""
    total = np.zeros(len(start))
    for solid in (solid for item in parcel.items for solid in item.solids if weight(solid)):
        body = trimesh.Trimesh(solid.mesh.vertices_mm, solid.mesh.faces, process=False)
        hits, ray, face = body.ray.intersects_location(start, direction, multiple_hits=True)
        if len(hits):
            distance = np.linalg.norm(hits - start[ray], axis=1)
            sign = np.sign((direction[ray] * body.face_normals[face]).sum(axis=1))
            total += weight(solid) * np.bincount(ray, distance * sign, minlength=len(start))
            total[np.bincount(ray, sign, minlength=len(start)) != 0] = np.nan
    return total


def by_arithmetic(parcel: Parcel, start: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) millimetres of matter along rays, each triangle met in float64; NaN where a ray meets an edge itself."""
    total = np.zeros(len(start))
    for solid in (solid for item in parcel.items for solid in item.solids if weight(solid)):
        corners = solid.mesh.vertices_mm[solid.mesh.faces].astype(np.float64)  # (F, 3 corners, 3)
        low, high = corners[..., 1].min(axis=1), corners[..., 1].max(axis=1)
        for number, (origin, along) in enumerate(zip(start, direction, strict=True)):
            # The beam is parallel along the belt: a ray stays at its y.
            distance, sign = crossings(corners[(low <= origin[1]) & (high >= origin[1])], origin, along)
            total[number] += weight(solid) * (distance @ sign) if sign.sum() == 0 else np.nan
    return total


def crossings(
    corners: NDArray[np.float64], origin: NDArray[np.float64], along: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k,) distances at which a ray meets triangles (F, 3, 3), and +1 where it leaves, -1 where it enters.

    Möller and Trumbore, Fast, minimum storage ray/triangle intersection (1997).
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(along, second)
    determinant = (first * across).sum(axis=1)
    faced = np.abs(determinant) > 1e-12
    first, second, across, determinant = first[faced], second[faced], across[faced], determinant[faced]
    offset = origin - corners[faced, 0]
    turned = np.cross(offset, first)
    u, v = (offset * across).sum(axis=1) / determinant, turned @ along / determinant
    met = (u >= 0) & (v >= 0) & (u + v <= 1)
    return (second * turned).sum(axis=1)[met] / determinant[met], -np.sign(determinant[met])


def main() -> int:
    """Compare all scenes; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--rays", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    frame = ViewFrame(VIEW, PITCH_MM, first_row_mm=-520.0)
    fan = frame.fan((-320.0, 320.0), (-520.0, 520.0))
    errors, disputed, lost, cast = [], 0, 0, 0
    for number in range(options.scenes):
        rng = np.random.default_rng([options.seed, number])
        parcel = compose_parcel(rng, "train")
        ours = by_projector(parcel, frame, fan).ravel()
        matter = np.flatnonzero(ours > 0)
        pixels = rng.choice(matter, min(options.rays, len(matter)), replace=False)
        theirs, differ = reference(parcel, frame, fan, pixels, ours[pixels])
        errors.append(float(np.nanmean(np.abs(ours[pixels] - theirs))))
        disputed, lost, cast = disputed + differ, lost + int(np.isnan(theirs).sum()), cast + len(pixels)
    print(f"{len(errors)} parcels, {cast} rays: mean absolute difference of matter")
    print(f"{disputed / cast:.2%} of the rays cast again by arithmetic, {lost} of them left out")
    print(f"median {np.median(errors):.5f} mm, worst scene {max(errors):.5f} mm, permitted {PERMITTED_MM} mm")
    return int(max(errors) > PERMITTED_MM)


if __name__ == "__main__":
    sys.exit(main())
