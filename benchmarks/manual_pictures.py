"""Render the pictures of the X-ray manual: every class turned, at three penetrations, in palettes, hidden, in parts.

    python -m benchmarks.manual_pictures

Writes screening/static/manual (WebP, and index.json), about three megabytes. Runs on from where it stopped; --anew
begins again. For recognition alone: docs/content-safety.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.scan import Scan, transmission
from parcelsight.datasets.synthetic.catalogue import KINDS
from parcelsight.datasets.synthetic.concealment import PRESENTATIONS
from parcelsight.datasets.synthetic.gallery import close_up
from parcelsight.datasets.synthetic.render import render
from parcelsight.datasets.synthetic.scanner import Scanner, load_scanner
from parcelsight.datasets.synthetic.shapes import rotation
from parcelsight.datasets.synthetic.solids import Item, Parcel
from parcelsight.datasets.synthetic.threats import KitKind, kit
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.screening.tutor.manual import ALIKE, FOLDER, INDEX

SIZE_PX = (320, 240)
_QUALITY = 80
_SCANNER = "duo140"
_DESIGN = {
    "pistol": 20, "revolver": 10, "long_gun": 15, "bolt": 3, "frame_receiver": 2, "silencer": 0, "slide": 2,
    "cartridge_pack": 4, "magazine": 2,
}  # fmt: skip
"""Typical ones: what a person knows best is where learning begins."""
_TURNS = (
    ("flat", "x", 0.0), ("along 35", "x", 35.0), ("along 65", "x", 65.0), ("along 90", "x", 90.0),
    ("across 40", "y", 40.0), ("across 65", "y", 65.0), ("across 85", "y", 85.0), ("back", "x", 180.0),
)  # fmt: skip
_HIDDEN = ("concealed_in_appliance", "in_book", "behind_plate", "cloth_wrap")
_KIT: dict[str, KitKind] = {
    "pistol": "pistol", "slide": "pistol", "frame_receiver": "pistol", "barrel": "pistol", "magazine": "pistol",
    "revolver": "revolver", "cylinder": "revolver", "long_gun": "long_gun", "bolt": "long_gun",
}  # fmt: skip
_WHOLE = {"pistol": "pistol", "revolver": "revolver", "long_gun": "long_gun"}
_LEVELS = {"low": (0.0, 1.5), "normal": (0.0, 2.8), "high": (1.0, 4.6)}
"""Attenuations shown from white to black."""
Rng = np.random.Generator
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One picture."""

    label: str
    section: str
    name: str
    make: Callable[[], Pixels]

    @property
    def file(self) -> str:
        return f"{self.label}-{self.section}-{self.name}.webp".replace(" ", "-").replace("_", "-")


def scanned(items: Sequence[Item], rng: Rng, length_mm: float | None = None) -> Scan:
    """Items alone on the belt, with pixels fine enough for their size."""
    low = min(float(item.bounds_mm[0, 2]) for item in items)
    lifted = [item.placed(np.eye(3), np.array([0.0, 0.0, -low])) for item in items]
    ends = np.array([item.bounds_mm for item in lifted])
    size = ends[:, 1].max(0) - ends[:, 0].min(0)
    pitch = max(0.2, (length_mm or float(max(size[0], size[1] * 4 / 3))) * 1.06 / SIZE_PX[0])
    parcel = Parcel(lifted[0], tuple(lifted[1:]), "manual")
    return render(parcel, close_up(_sound_scanner(), pitch), rng)[0].scan


@cache
def _sound_scanner() -> Scanner:
    """Without dead detectors, whose lines would draw the eye."""
    scanner = load_scanner(_SCANNER)
    signal = scanner.preset.signal.model_copy(update={"dead_share": 0.0})
    return Scanner(scanner.name, scanner.preset.model_copy(update={"signal": signal}), scanner.nodes)


def framed(rgb: Pixels) -> Pixels:
    """On white, in the middle of a picture of the manual's size."""
    width, height = SIZE_PX
    scale = min(width / rgb.shape[1], height / rgb.shape[0], 1.0)
    size = (max(1, int(rgb.shape[1] * scale)), max(1, int(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    whole = np.full((height, width, 3), np.median(rgb[:2].reshape(-1, 3), axis=0).astype(np.uint8), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    whole[y : y + size[1], x : x + size[0]] = small
    return whole


def build(kind_name: str, design: int, seed: int = 0) -> Item:
    """A design of a kind; another one where its random proportions make no mesh."""
    kind = KINDS[kind_name]
    for shift in range(8):
        try:
            return kind.build((design + shift) % kind.designs, np.random.default_rng([seed, design, shift]))
        except ValueError:
            continue
    raise SystemExit(f"{kind_name}: no design can be built")


def levelled(scan: Scan, low: float, high: float) -> Pixels:
    """Grey, white at one attenuation and black at the other."""
    depth = -np.log(np.maximum(transmission(scan)[:, :, 1], 1e-3))
    grey = 255 * (1 - np.clip((depth - low) / (high - low), 0, 1))
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def _threat(label: str, design: int | None = None) -> Item:
    return build(label, _DESIGN.get(label, 1) if design is None else design)


def _turned(item: Item, axis: str, degrees: float) -> Item:
    return item.placed(np.asarray(rotation("z", 12.0) @ rotation(axis, degrees)), np.zeros(3))


def _length(item: Item) -> float:
    return float(np.ptp(item.bounds_mm, axis=0)[:2].max())


def _plate(item: Item) -> tuple[Item, ...]:
    return PRESENTATIONS["behind_plate"][0](np.random.default_rng(6), (item,), "train")


def _laid_out(items: Sequence[Item]) -> list[Item]:
    """Parts beside each other, longest first, in rows."""
    ordered = sorted(items, key=lambda item: -_length(item))
    areas = [float(np.ptp(item.bounds_mm, axis=0)[:2].prod()) for item in ordered]
    reach = max(_length(ordered[0]), 1.7 * float(np.sqrt(sum(areas))))
    placed, x, y, row = [], 0.0, 0.0, 0.0
    for item in ordered:
        size = np.ptp(item.bounds_mm, axis=0)
        if x and x + size[0] > reach * 1.05:
            x, y, row = 0.0, y + row + 14, 0.0
        corner = item.bounds_mm[0]
        placed.append(item.placed(np.eye(3), np.array([x - corner[0], y - corner[1], -corner[2]], np.float64)))
        x, row = x + float(size[0]) + 14, max(row, float(size[1]))
    return placed


def pictures(label: str) -> Iterator[Wanted]:
    """All pictures of a class."""
    rng = np.random.default_rng([*label.encode()])
    item = _threat(label)
    length = _length(item)
    for name, axis, degrees in _TURNS:
        yield Wanted(
            label,
            "turned",
            name,
            lambda a=axis, d=degrees: framed(  # type: ignore[misc]
                canonical_rgb(scanned([_turned(item, a, d)], rng, length * 1.02))
            ),
        )
    covered: list[Scan] = []

    def behind() -> Scan:
        if not covered:
            covered.append(scanned(_plate(item), rng))
        return covered[0]

    for name, (low, high) in _LEVELS.items():
        yield Wanted(label, "penetration", name, lambda a=low, b=high: framed(levelled(behind(), a, b)))  # type: ignore[misc]
    yield Wanted(label, "palette", "colour", lambda: framed(canonical_rgb(behind())))
    yield Wanted(label, "palette", "black and white", lambda: framed(levelled(behind(), 0.0, 3.0)))
    yield Wanted(label, "palette", "negative", lambda: 255 - framed(levelled(behind(), 0.0, 3.0)))
    for name in _HIDDEN:
        yield Wanted(
            label,
            "hidden",
            name,
            lambda n=name: framed(  # type: ignore[misc]
                canonical_rgb(scanned(PRESENTATIONS[n][0](np.random.default_rng(9), (item,), "train"), rng))
            ),
        )
    yield from _parts(label, rng)
    for name in ALIKE[label]:
        yield Wanted(label, "alike", name, lambda n=name: framed(canonical_rgb(scanned([build(n, 1)], rng))))  # type: ignore[misc]


def _parts(label: str, rng: Rng) -> Iterator[Wanted]:
    """Whole and in parts."""
    if label in _KIT:
        whole = _WHOLE[_KIT[label]]
        design = _DESIGN[whole]
        yield Wanted(label, "parts", "whole", lambda: framed(canonical_rgb(scanned([_threat(whole)], rng))))
        yield Wanted(
            label,
            "parts",
            "taken apart",
            lambda: framed(canonical_rgb(scanned(_laid_out(kit(np.random.default_rng(2), _KIT[label], design)), rng))),
        )
    elif label == "silencer":
        yield Wanted(
            label,
            "parts",
            "beside a barrel",
            lambda: framed(canonical_rgb(scanned(_laid_out([_threat("silencer"), _threat("barrel")]), rng))),
        )
    else:
        yield Wanted(
            label,
            "parts",
            "loose",
            lambda: framed(canonical_rgb(scanned(_laid_out([build("cartridge", k, k) for k in range(1, 7)]), rng))),
        )
        yield Wanted(
            label, "parts", "in a magazine", lambda: framed(canonical_rgb(scanned([_threat("magazine", 6)], rng)))
        )
        yield Wanted(label, "parts", "packed", lambda: framed(canonical_rgb(scanned([_threat("cartridge_pack")], rng))))


def main() -> None:
    """Write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", action="store_true")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict[str, list[dict[str, str]]]] = {}
    for label in TAXONOMY.classes:
        sections: dict[str, list[dict[str, str]]] = {}
        for wanted in pictures(label):
            path = FOLDER / wanted.file
            if arguments.anew or not path.exists():
                try:
                    _write(path, wanted.make())
                except ValueError as error:
                    print(f"{wanted.file}: left out ({error})")
                    continue
            sections.setdefault(wanted.section, []).append({"name": wanted.name, "file": wanted.file})
        index[label] = sections
        (FOLDER / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        print(label, {name: len(found) for name, found in sections.items()}, flush=True)
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{FOLDER}: {len(list(FOLDER.iterdir()))} files, {size / 1e6:.1f} MB")


def _write(path: Path, rgb: Pixels) -> None:
    done, encoded = cv2.imencode(".webp", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    if not done:
        raise SystemExit(f"{path}: cannot be written as WebP")
    path.write_bytes(encoded.tobytes())


if __name__ == "__main__":
    main()
