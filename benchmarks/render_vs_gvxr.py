"""Path lengths side by side with gVXR in one run: 25 objects in a box, 800×640 pixels, the same meshes, one core each.

Run in the repository: ``python -m benchmarks.render_vs_gvxr [--rounds 5]``. gVXR (gvirtualxray) renders path lengths on
a graphics card; here it runs on Mesa's software renderer, as it would on a machine without one. Both project parallel
beams, which gVXR knows and our fan becomes at a great distance. Times are CPU time of this process, medians of the
rounds, gVXR and ours in turns; errors are against exact rays.

gVXR is given twice: every solid as a mesh of its own, as a scene of many materials needs it, and all solids joined to
one mesh, which is the least it can be asked to do. Ours always projects solid by solid into eight energies.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from statistics import median
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from benchmarks.render_speed import HEIGHT_PX, PITCH_MM, WIDTH_PX, scene
from parcelsight.datasets.synthetic.projector import Fan, Window, accumulate, add_path_lengths
from parcelsight.datasets.synthetic.shapes import joined
from parcelsight.datasets.synthetic.solids import Mesh

PER_MM = 0.01
"""Attenuation that gVXR is given; its picture divided by this is a path length."""
FAR_MM = 1e8
SAMPLES = 1500
NEED = """gVXR is not there: {reason}.
It is optional. Install it with: pip install gvxr
and, where there is no graphics card, on Debian: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0 \\
    libxcb-res0 libxcb-ewmh2 libxcb-composite0 libxcb-xinerama0 libxcb-keysyms1 libxcb-icccm4"""
Picture = NDArray[np.float32]


class Gvxr:
    """gVXR with a parallel beam along z onto our frame."""

    def __init__(self, gvxr: ModuleType) -> None:
        self._gvxr = gvxr
        gvxr.useLogFile(os.devnull)
        gvxr.createOpenGLContext()
        gvxr.setSourcePosition(0.0, 0.0, 2000.0, "mm")
        gvxr.useParallelBeam()
        gvxr.setMonoChromatic(80, "keV", 1)
        gvxr.setDetectorPosition(0.0, 0.0, -2000.0, "mm")
        gvxr.setDetectorUpVector(0, 1, 0)
        gvxr.setDetectorNumberOfPixels(WIDTH_PX, HEIGHT_PX)
        gvxr.setDetectorPixelSize(PITCH_MM, PITCH_MM, "mm")
        self.renderer = f"gVXR {gvxr.getVersionOfSimpleGVXR()} on {gvxr.getOpenGlRenderer()}"

    def load(self, meshes: Sequence[Mesh]) -> None:
        """Replace the scene."""
        self._gvxr.removePolygonMeshesFromSceneGraph()
        self._gvxr.removePolygonMeshesFromXRayRenderer()
        for number, mesh in enumerate(meshes):
            name = f"solid{number}"
            self._gvxr.makeTriangularMesh(name, mesh.vertices_mm.ravel().tolist(), mesh.faces.ravel().tolist(), "mm")
            self._gvxr.setLinearAttenuationCoefficient(name, PER_MM * 10, "cm-1")
            self._gvxr.addPolygonMeshAsInnerSurface(name)

    def picture(self) -> Picture:
        """The X-ray picture of the scene, (rows, columns)."""
        return np.asarray(self._gvxr.computeXRayImage(), np.float32)

    def path_lengths(self) -> Picture:
        """Millimetres of matter behind each pixel, from the picture; its corner sees air."""
        picture = self.picture().astype(np.float64)
        return np.asarray(-np.log(picture / picture[0, 0]) / PER_MM, np.float32)


def ours(meshes: Sequence[Mesh]) -> Picture:
    """(rows, columns, 8) line integrals, as a scan has them, of solids of one matter: all eight are path lengths."""
    fan = Fan(FAR_MM, PITCH_MM, -WIDTH_PX * PITCH_MM / 2, WIDTH_PX, HEIGHT_PX)
    total = np.zeros((HEIGHT_PX, WIDTH_PX, 8), np.float32)
    per_mm = np.ones(8, np.float32)
    slant = fan.slant()
    for mesh in meshes:
        points = mesh.vertices_mm.astype(np.float64)
        points = np.stack([points[:, 0], points[:, 1] / PITCH_MM + HEIGHT_PX / 2, points[:, 2] + FAR_MM], 1)
        window = Window.around(fan.bounds_px(points), fan)
        if not window.empty:
            depth = np.zeros(window.shape, np.float32)
            add_path_lengths(depth, window, points, mesh.faces, fan, False)
            accumulate(total, depth, slant[window.x0 : window.x1], per_mm, window.y0, window.x0)
    return total


def exact(mesh: Mesh, pixels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Path lengths through a mesh behind (n, 2) pixels (row, column), ray by ray in double precision."""
    corners = mesh.vertices_mm.astype(np.float64)[mesh.faces]
    x = (pixels[:, 1] + 0.5 - WIDTH_PX / 2) * PITCH_MM
    y = (pixels[:, 0] + 0.5 - HEIGHT_PX / 2) * PITCH_MM
    lower, upper = corners[..., :2].min(1), corners[..., :2].max(1)
    found = np.zeros(len(pixels))
    for ray in range(len(pixels)):
        near = (lower[:, 0] <= x[ray]) & (upper[:, 0] >= x[ray]) & (lower[:, 1] <= y[ray]) & (upper[:, 1] >= y[ray])
        a, b, c = (corners[near, k] - (x[ray], y[ray], 0.0) for k in range(3))
        weights = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], 1)
        area = weights.sum(1)
        hit = ((weights >= 0).all(1) | (weights <= 0).all(1)) & (area != 0)
        height = (weights[hit] * np.stack([a, b, c], 1)[hit, :, 2]).sum(1) / area[hit]
        found[ray] = (height * np.sign(area[hit])).sum()
    return found


def _cross(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])


def timed_ms(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def main() -> None:
    """Print times, their ratios and the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    os.environ.setdefault("LP_NUM_THREADS", "1")  # of Mesa's software renderer
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # which EGL insists on
    try:
        # Optional; raises ImportError too where a library of the system is missing.
        reference = Gvxr(import_module("gvxrPython3").gvxr)
    except (ImportError, OSError) as error:
        print(NEED.format(reason=error))
        return
    print(reference.renderer)
    times: dict[str, list[float]] = {"ours": [], "gVXR, every solid": [], "gVXR, one mesh": []}
    errors: dict[str, list[NDArray[np.float64]]] = {"ours": [], "gVXR": []}
    solids, triangles = [], []
    for number in range(rounds + 1):
        meshes = [solid.mesh for item in scene(np.random.default_rng(number)) for solid in item.solids]
        whole = joined(*meshes)
        solids.append(len(meshes))
        triangles.append(len(whole.faces))
        times["ours"].append(timed_ms(partial(ours, meshes)))
        reference.load(meshes)
        reference.picture()  # uploads what was loaded
        times["gVXR, every solid"].append(timed_ms(reference.picture))
        reference.load([whole])
        reference.picture()
        times["gVXR, one mesh"].append(timed_ms(reference.picture))
        _measure(errors, whole, ours(meshes)[..., 0], reference.path_lengths(), number)
    print(f"{median(solids):.0f} solids, {median(triangles):.0f} triangles, {WIDTH_PX}×{HEIGHT_PX} pixels")
    base = median(times["ours"][1:])
    for name, values in times.items():
        print(f"{name:18s} {median(values[1:]):8.1f} ms of CPU = {median(values[1:]) / base:5.2f} × ours")
    for name, found in errors.items():
        off = np.concatenate(found)
        figures = f"mean {off.mean():.5f} mm, 99 % below {np.quantile(off, 0.99):.5f} mm"
        print(f"{name:18s} error against exact rays: {figures}, {(off > 0.1).mean():.2%} above 0.1 mm")


def _measure(
    errors: dict[str, list[NDArray[np.float64]]], whole: Mesh, own: Picture, other: Picture, seed: int
) -> None:
    """Add the errors of both at random pixels that are not air."""
    matter = np.argwhere(own > 0.01)
    pixels = matter[np.random.default_rng(seed).choice(len(matter), SAMPLES, replace=False)]
    true = exact(whole, pixels)
    errors["ours"].append(np.abs(own[pixels[:, 0], pixels[:, 1]] - true))
    errors["gVXR"].append(np.abs(other[pixels[:, 0], pixels[:, 1]] - true))


if __name__ == "__main__":
    main()
