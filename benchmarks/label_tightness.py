"""Are labels tight and honest? Renders scans and measures every label against its object projected anew, alone.

Run: ``python benchmarks/label_tightness.py [--scans 500] [--seed 0]``. Ends with 1 if any label is wrong.

A label is wrong if an edge of its box lies more than a pixel from that of the object's noise-free footprint, if its
mask differs from the footprint or from the box, or if taking the object out of the parcel changes nothing. In
every fourth scan another parcel reaches into the frame, so that boxes are cut by its edge.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.canonical import FLOOR_TRANSMISSION
from parcelsight.datasets.synthetic.detector_array import DetectorArray
from parcelsight.datasets.synthetic.labels import FOOTPRINT_ATTENUATION, annotate
from parcelsight.datasets.synthetic.packing import compose_parcel
from parcelsight.datasets.synthetic.render import frame_of
from parcelsight.datasets.synthetic.scanner import Scanner, dual_energy_presets, load_scanner
from parcelsight.datasets.synthetic.senders import SPLITS
from parcelsight.datasets.synthetic.shadows import Projector
from parcelsight.datasets.synthetic.solids import Item, Parcel

EDGE_PX = 1.0
"""Permitted distance of a box edge from the footprint's."""
NIL = 1e-6
"""Mean change of transmission over a footprint that nobody could see in any scan."""
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Findings:
    """What was measured."""

    scans: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    """Threats in the frame that got no label: hidden, tiny, or hardly in the frame."""
    worst_edge_px: float = 0.0
    least_change: float = 1.0
    """Smallest mean change of transmission that a labelled object makes."""
    mask_pixels: int = 0
    clipped: int = 0
    faults: list[str] = field(default_factory=list)


def measure(number: int, seed: int, scanners: list[Scanner], findings: Findings) -> None:
    """Render one scan and judge all its labels."""
    rng = np.random.default_rng([seed, number])
    scanner = scanners[number % len(scanners)]
    preset = scanner.preset
    view = preset.views[number // len(scanners) % len(preset.views)]
    parcel = _composed(rng, number)
    items = list(parcel.items)
    frame, fan = frame_of(parcel, view, preset.pitch_mm, preset.framing, rng)
    if number % 4 == 3:
        items += _neighbour(parcel, _composed(rng, number), rng)
    rays = preset.oversample
    fine = replace(frame, pitch_mm=frame.pitch_mm / rays)
    projector = Projector(fine, fan.finer(rays), scanner.nodes)
    projection = projector.project(items)
    ideal = scanner.nodes.transmission(projection.attenuation)
    array = DetectorArray.draw(preset.signal, fan.columns, ideal.shape[2], rng)
    found = annotate(projection, ideal, scanner, array, view, masks=True)
    findings.scans += 1
    for shadow in projection.shadows:
        found = annotate(replace(projection, shadows=(shadow,)), ideal, scanner, array, view, masks=True)
        if not len(found):
            findings.unlabelled += 1
            continue
        name = f"scan {number}, {shadow.item.design_id} ({shadow.item.kind})"
        findings.labels[found.labels[0]] += 1
        findings.clipped += bool(found.attributes[0]["clipped"])
        # Without a label an object is projected onto the whole frame, by another path than shadows are.
        alone = projector.project([replace(shadow.item, label=None)]).attenuation
        own = -np.log(np.maximum(scanner.nodes.transmission(alone), 1e-9)).max(axis=-1)
        footprint = own > FOOTPRINT_ATTENUATION
        without = scanner.nodes.transmission(projection.attenuation - alone)
        _judge_box(name, found.xyxy_px[0], footprint, rays, findings)
        _judge_mask(name, found.xyxy_px[0], found.attributes[0]["segmentation"], footprint, rays, findings)
        _judge_change(name, without[footprint], ideal[footprint], findings)


def _composed(rng: np.random.Generator, number: int) -> Parcel:
    while True:
        try:
            return compose_parcel(rng, SPLITS[number % len(SPLITS)], threat_share=0.9)
        except ValueError:
            continue  # random proportions that no mesh can be made of


def _neighbour(parcel: Parcel, other: Parcel, rng: np.random.Generator) -> list[Item]:
    """Another parcel's items, moved to reach into the frame from behind."""
    y_end = max(float(item.bounds_mm[1, 1]) for item in parcel.items)
    y_start = min(float(item.bounds_mm[0, 1]) for item in other.items)
    offset = np.array([rng.normal(0, 60), y_end - y_start + rng.uniform(5, 30), 0.0])
    return [item.placed(np.eye(3), offset) for item in other.items]


def _judge_box(name: str, box: NDArray[np.float64], footprint: Mask, rays: int, findings: Findings) -> None:
    """The box's edges against the footprint's."""
    distance = float(np.abs(box - _extent(footprint) / rays).max())
    findings.worst_edge_px = max(findings.worst_edge_px, distance)
    if distance > EDGE_PX:
        findings.faults.append(f"{name}: an edge of its box lies {distance:.2f} px from the footprint's")


def _judge_mask(
    name: str, box: NDArray[np.float64], run_lengths: object, footprint: Mask, rays: int, findings: Findings
) -> None:
    """The mask against the footprint, and against the box."""
    mask = _decoded(run_lengths)
    height, width = mask.shape
    pixels = footprint.reshape(height, rays, width, rays).any(axis=(1, 3))
    different = int((pixels != mask).sum())
    findings.mask_pixels += different
    # A ray at the threshold may fall on either side of it by rounding.
    if different > max(2, 1e-3 * pixels.sum()):
        findings.faults.append(f"{name}: its mask differs from the footprint in {different} pixels")
    if np.abs(box - _extent(mask)).max() > EDGE_PX:
        findings.faults.append(f"{name}: its mask and its box disagree")


def _judge_change(name: str, without: NDArray[np.float32], with_item: NDArray[np.float32], findings: Findings) -> None:
    """Transmissions of the footprint's rays (n, C) without and with the object."""
    floor = np.float32(FLOOR_TRANSMISSION)
    change = float(np.abs(np.maximum(without, floor) - np.maximum(with_item, floor)).mean(axis=0).max())
    findings.least_change = min(findings.least_change, change)
    if change < NIL:
        findings.faults.append(f"{name}: is labelled, but nothing of it can be seen")


def _extent(mask: Mask) -> NDArray[np.float64]:
    """(4,) x0, y0, x1, y1 of what is set, ends exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def _decoded(run_lengths: object) -> Mask:
    """The mask of COCO's uncompressed run lengths."""
    assert isinstance(run_lengths, dict)
    height, width = run_lengths["size"]
    counts = run_lengths["counts"]
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scanner", action="append", help="preset, repeatable; all dual-energy ones by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scanners = [load_scanner(name) for name in options.scanner or dual_energy_presets(1)]
    findings = Findings()
    for number in range(options.scans):
        measure(number, options.seed, scanners, findings)
    if options.json:
        # asdict() would make pairs of the counter's entries.
        print(json.dumps({**asdict(replace(findings, labels=Counter())), "labels": findings.labels}))
    else:
        total = sum(findings.labels.values())
        print(f"{findings.scans} scans, {total} labels, {findings.clipped} of them cut by the frame")
        print(", ".join(f"{count} {label}" for label, count in findings.labels.most_common()))
        print(f"{findings.unlabelled} threats in the frame without a label: hidden, tiny, or hardly in it")
        print(f"worst box edge: {findings.worst_edge_px:.2f} px from the footprint's")
        print(f"mask pixels that differ from the footprint: {findings.mask_pixels}")
        print(f"smallest mean change of transmission by a labelled object: {findings.least_change:.5f}")
        print(f"{len(findings.faults)} wrong labels", *findings.faults, sep="\n  ")
    sys.exit(1 if findings.faults else 0)


if __name__ == "__main__":
    main()
