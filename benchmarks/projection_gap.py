"""How far a projected threat is from the same threat rendered in place, over rendered parcels.

    python benchmarks/projection_gap.py --scenes 24 --scanner tunnel160

Each scene is one parcel rendered twice by the same random state, without and with a threat, and the threat projected
into the first. Differences are taken over the threat's footprint, per channel: mean (bias), mean absolute, and 95th
percentile of the absolute. "noise" is how far two projections that differ in noise alone are apart.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.projection.beam import Beam
from parcelsight.datasets.projection.colour import ColourTraits, colour_traits, project_colour
from parcelsight.datasets.projection.compose import Shade, project, shade_of
from parcelsight.datasets.projection.placement import Placement
from parcelsight.datasets.projection.scan_traits import traits_of
from parcelsight.datasets.projection.threat_image import ThreatImage
from parcelsight.datasets.projection.threat_render import beam_of
from parcelsight.datasets.scan import Scan, transmission
from parcelsight.datasets.synthetic.looks import CANONICAL, Palette, load_look
from parcelsight.datasets.synthetic.packing import compose_parcel
from parcelsight.datasets.synthetic.render import frame_of, render
from parcelsight.datasets.synthetic.scanner import Scanner, load_scanner
from parcelsight.datasets.synthetic.shadows import Projector
from parcelsight.datasets.synthetic.solids import Item, Parcel

LOOKS = (CANONICAL, "amber", "meadow")
_FINE = 2
"""Rays a pixel in each direction: those of the scanner preset, so that sampling is no part of the gap."""
_MIN_FOOTPRINT_PX = 100
_SOFTEST_PX = 1.5
_SMOOTH_SLOPE = 0.01
Gaps = dict[str, list[NDArray[np.float32]]]
"""Method → differences (n, C) over the footprint, one entry a scene."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A parcel without and with a threat, by the same detectors, and where the threat lies."""

    empty: Scan
    filled: Scan
    image: ThreatImage
    placement: Placement


def scenes(count: int, scanner: Scanner) -> Iterator[Scene]:
    """Parcels of test designs with a threat that lies wholly in the frame."""
    seed = made = 0
    while made < count:
        seed += 1
        scene = scene_of(seed, scanner)
        if scene is not None:
            made += 1
            yield scene


def scene_of(seed: int, scanner: Scanner) -> Scene | None:
    """One parcel of test designs with a threat; None where it holds none that lies wholly in the frame."""
    parcel = compose_parcel(np.random.default_rng(seed), "test", threat_share=1.0)
    threats = [item for item in parcel.contents if item.label is not None]
    if not threats:
        return None
    scene = _scene(parcel, threats[0], scanner, seed)
    shade = shade_of(scene.image, scene.placement, scanner.preset.pitch_mm, _SOFTEST_PX)
    fits = shade.lies_in(scene.empty.pixels.shape) and shade.footprint.sum() > _MIN_FOOTPRINT_PX
    return scene if fits else None


def _scene(parcel: Parcel, threat: Item, scanner: Scanner, seed: int) -> Scene:
    without = replace(parcel, contents=tuple(item for item in parcel.contents if item is not threat))
    empty, filled = (render(p, scanner, np.random.default_rng(seed))[0].scan for p in (without, parcel))
    view, pitch = scanner.preset.views[0], scanner.preset.pitch_mm
    frame, fan = frame_of(parcel, view, pitch, scanner.preset.framing, np.random.default_rng(seed))
    projector = Projector(replace(frame, pitch_mm=pitch / _FINE), fan.finer(_FINE), scanner.nodes)
    shadow = projector.shadow(threat)
    assert shadow is not None and threat.label is not None
    passed = np.exp(-np.maximum(shadow.attenuation, 0)).astype(np.float32)
    image = ThreatImage(threat.label, threat.design_id, passed, beam_of(scanner), pitch / _FINE, scanner.name)
    return Scene(empty, filled, image, Placement(shadow.window.x0 / _FINE, shadow.window.y0 / _FINE))


def _plain(shade: Shade) -> Shade:
    """The same threat whose transmissions simply multiply."""
    threat = replace(shade.threat, passed=shade.threat.transmission, beam=Beam.plain(2))
    return replace(shade, threat=threat)


def dual_energy_gaps(scene: Scene, pitch_mm: float, gaps: Gaps) -> None:
    """Add a scene's differences in transmission."""
    before, truth = transmission(scene.empty), transmission(scene.filled)
    traits = traits_of(before)
    shade = shade_of(scene.image, scene.placement, pitch_mm, min(traits.blur_px, _SOFTEST_PX))
    window, footprint = before[shade.slices], shade.footprint
    one, two = (project(window, shade, traits, np.random.default_rng(seed)).transmission for seed in (1, 2))
    plain = project(window, _plain(shade), traits, np.random.default_rng(1)).transmission
    # Apart from edges, where a fraction of a pixel in sharpness or sampling counts for more than physics.
    smooth = footprint & (np.hypot(*np.gradient(shade.threat.transmission[:, :, 0])) < _SMOOTH_SLOPE)
    for name, made in (("hardened beam", one), ("plain product", plain)):
        gaps[name].append((made - truth[shade.slices])[footprint])
        if smooth.sum() > _MIN_FOOTPRINT_PX:
            gaps[f"{name}, off edges"].append((made - truth[shade.slices])[smooth])
    gaps["noise"].append((one - two)[footprint])


def colour_gaps(scene: Scene, pitch_mm: float, look: str, gaps: Gaps) -> None:
    """Add a scene's differences in 8-bit levels, with the palette known, estimated, and taken for unknown."""
    palette = Palette(look, None if look == CANONICAL else load_look(look))
    before, truth = palette.picture(scene.empty), palette.picture(scene.filled)
    rng = np.random.default_rng(1)
    known, found = colour_traits(before, look, rng), colour_traits(before, None, rng)
    methods: dict[str, ColourTraits] = {
        "known palette": known,
        "estimated palette": found,
        "dyes multiplied": replace(found, known=False, misfit=1.0),
    }
    for name, traits in methods.items():
        shade = shade_of(scene.image, scene.placement, pitch_mm, min(traits.blur_px, _SOFTEST_PX))
        made = project_colour(before[shade.slices], shade, traits, np.random.default_rng(1)).levels
        difference = made.astype(np.float32) - truth[shade.slices].astype(np.float32)
        gaps[f"{look}: {name}"].append(difference[shade.footprint])


def show(gaps: Gaps, channels: tuple[str, ...], scale: float, unit: str) -> None:
    """One line a method; scenes count alike, whatever their size."""
    for method, parts in gaps.items():
        cells = []
        for channel, name in enumerate(channels):
            bias, size, far = (
                scale * float(np.mean([measure(part[:, channel]) for part in parts]))
                for measure in (np.mean, lambda x: np.abs(x).mean(), lambda x: np.percentile(np.abs(x), 95))
            )
            cells.append(f"{name} {bias:+.2f} / {size:.2f} / {far:.2f}")
        print(f"{method:30s} {'   '.join(cells)} {unit}")


def main() -> None:
    """Print bias / mean absolute / 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--scanner", default="tunnel160")
    arguments = parser.parse_args()
    scanner = load_scanner(arguments.scanner)
    energy: Gaps = defaultdict(list)
    colour: Gaps = defaultdict(list)
    for scene in scenes(arguments.scenes, scanner):
        dual_energy_gaps(scene, scanner.preset.pitch_mm, energy)
        for look in LOOKS:
            colour_gaps(scene, scanner.preset.pitch_mm, look, colour)
    print(f"{arguments.scenes} scenes, {scanner.name}; bias / mean absolute / 95th percentile over the footprint")
    show(energy, ("low", "high"), 100, "% of air")
    show(colour, ("R", "G", "B"), 1, "levels of 255")


if __name__ == "__main__":
    main()
