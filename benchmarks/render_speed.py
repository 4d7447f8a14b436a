"""How many finished dual-energy scans a second one core renders: 25 objects in a box, 800×640 pixels, files written.

Run: ``python benchmarks/render_speed.py [--rounds 10]``. Times are CPU time of this one process, median of the rounds,
every round another scene. Building the objects is told apart, since a scanner is given its parcel.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.datasets.synthetic.benign import BENIGN
from parcelsight.datasets.synthetic.detector_array import DetectorArray
from parcelsight.datasets.synthetic.labels import annotate
from parcelsight.datasets.synthetic.packaging import PACKAGING
from parcelsight.datasets.synthetic.scanner import ViewFrame, load_scanner
from parcelsight.datasets.synthetic.shadows import Projector
from parcelsight.datasets.synthetic.solids import Item
from parcelsight.datasets.synthetic.threats import THREATS
from parcelsight.datasets.writers import write_dual_energy, write_picture

WIDTH_PX, HEIGHT_PX, PITCH_MM = 800, 640, 0.8
OBJECTS, THREAT_OBJECTS = 25, 4


def scene(rng: np.random.Generator) -> list[Item]:
    """A packaging, four threats and 21 other things on a grid, all over the picture."""
    carton = next(kind for kind in PACKAGING if kind.name == "carton")
    chosen = [THREATS[i] for i in rng.choice(len(THREATS), THREAT_OBJECTS)]
    chosen += [BENIGN[i] for i in rng.choice(len(BENIGN), OBJECTS - THREAT_OBJECTS)]
    items = [carton.build(int(rng.integers(carton.designs)), rng)]
    for number, kind in enumerate(chosen):
        at = np.array([(number % 5 - 2) * 110.0, (number // 5 - 2) * 90.0, rng.uniform(40, 150)])
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        items.append(kind.build(int(rng.integers(kind.designs)), rng).placed(turn, at))
    return items


class Stopwatch:
    """CPU time of named stages, round by round."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = time.process_time()
        yield
        self.seconds.setdefault(name, []).append(time.process_time() - start)

    def medians_ms(self) -> dict[str, float]:
        """Without the first round, which compiles and fills caches."""
        return {name: median(values[1:]) * 1e3 for name, values in self.seconds.items()}


def render_round(items: list[Item], rng: np.random.Generator, watch: Stopwatch, folder: Path) -> None:
    """One scan from placed objects to files."""
    scanner = load_scanner("duo140")
    half_mm, height_mm = WIDTH_PX * PITCH_MM / 2, HEIGHT_PX * PITCH_MM
    frame = ViewFrame(scanner.preset.views[0], PITCH_MM, first_row_mm=-height_mm / 2)
    fan = frame.fan((-half_mm, half_mm), (0, height_mm))
    with watch.stage("path lengths"):
        projection = Projector(frame, fan, scanner.nodes).project(items)
    with watch.stage("transmission"):
        ideal = scanner.nodes.transmission(projection.attenuation)
    with watch.stage("signal chain"):
        array = DetectorArray.draw(scanner.preset.signal, WIDTH_PX, 2, rng)
        levels = array.read_out(ideal, rng)
    with watch.stage("labels"):
        annotate(projection, ideal, scanner, array, scanner.preset.views[0], False)
    with watch.stage("scan written"):
        write_dual_energy(folder / "scan.tif", levels, PITCH_MM)
    with watch.stage("picture written"):
        write_picture(folder / "scan.jpg", canonical_rgb(Scan("scan", levels, ScanKind.DUAL_ENERGY)))


def main() -> None:
    """Print the stages' medians and the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    watch, building = Stopwatch(), Stopwatch()
    triangles = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            rng = np.random.default_rng(number)
            with building.stage("objects built"):
                items = scene(rng)
            triangles.append(sum(len(solid.mesh.faces) for item in items for solid in item.solids))
            render_round(items, rng, watch, Path(folder))
    stages = watch.medians_ms()
    total = sum(stages.values())
    for stage, ms in stages.items():
        print(f"{stage:16s} {ms:7.1f} ms")
    print(f"{'a scan':16s} {total:7.1f} ms = {1e3 / total:.1f} scans a second a core")
    built_ms = building.medians_ms()["objects built"]
    print(f"{median(triangles):.0f} triangles; building the objects takes {built_ms:.1f} ms more")


if __name__ == "__main__":
    main()
