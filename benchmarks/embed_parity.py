"""Embed models against the Python runtime on many scans of every shape: the same claims, to 2e-3 of score and IoU 0.99.

Every detection of either above its threshold (and the ten best of every picture) must have its like in the other. A
claim whose score lies on the threshold may be an alarm here and none there although both say the same: such flips are
counted and told, not hidden in the tolerance. Besides scans as they are, some are cut to portrait and landscape, shrunk
to 20 px and enlarged to 4000 px. With --run, the contract file is also held against the trained
network in torch, to 1e-3.

    python -m benchmarks.embed_parity [PICTURES …] [--dual SCANS …] [--model FILE] [--scans N] [--run RUN] [--out FILE]

PICTURES and SCANS are files or folders; the shipped samples always take part. Exit status 1 where parity does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.levels import as_levels
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.pairs import find_scans
from parcelsight.datasets.readers import read_pair, read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ParcelSightError, ScanError
from parcelsight.export.embed import embed_bytes
from parcelsight.export.embed_parity import batch_parity, colour_parity, dual_parity, thresholds_of
from parcelsight.export.embed_session import EmbedSession
from parcelsight.export.parity import Picture, PictureParity, compare
from parcelsight.export.pictures import generated_pictures
from parcelsight.inference.detector import Detector

SAMPLES = Path(__file__).resolve().parents[1] / "datasets" / "samples"
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"}
LARGE_PX, TINY_PX = 4000, 20
RESHAPED_EVERY = 8
OTHER_AIR_LEVEL = 4095.0


def scans_in(paths: Sequence[Path], most: int) -> Iterator[Scan]:
    """Readable scans of files and folders, no more than ``most`` of each, evenly spread."""
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        found = [each for each in find_scans(files) if each.problem is None]
        for each in found[:: max(1, -(-len(found) // most))]:
            try:
                yield read_pair(*each.files) if len(each.files) == 2 else read_scan(each.files[0])
            except ScanError as error:
                print(f"passed over: {error.message}", file=sys.stderr)


def pictures_of(scans: Sequence[Scan]) -> Iterator[Picture]:
    """Every scan as it is; now and then one in other shapes too."""
    for index, scan in enumerate(scans):
        rgb = canonical_rgb(scan)
        yield Picture(scan.scan_id, rgb)
        if index % RESHAPED_EVERY == 0:
            height, width = rgb.shape[:2]
            yield Picture(f"{scan.scan_id}, portrait", np.ascontiguousarray(rgb[:, : max(1, width // 3)]))
            yield Picture(f"{scan.scan_id}, landscape", np.ascontiguousarray(rgb[: max(1, height // 3)]))
            yield Picture(f"{scan.scan_id}, tiny", _scaled(rgb, TINY_PX))
        if index % (4 * RESHAPED_EVERY) == 0:
            yield Picture(f"{scan.scan_id}, {LARGE_PX} px", _scaled(rgb, LARGE_PX))


def _scaled(rgb: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    scale = longest_px / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def prove(
    model: Path, pictures: Sequence[Picture], dual: Sequence[tuple[str, NDArray[np.uint16]]]
) -> dict[str, tuple[PictureParity, ...]]:
    """Hold every embed variant against the runtime."""
    runtime = Detector(model, device="cpu")
    content = model.read_bytes()
    sessions = {kind: EmbedSession(embed_bytes(content, kind, model.name)) for kind in EmbedKind}
    turned = [
        (picture, Picture(f"{picture.name}, mirrored", np.ascontiguousarray(picture.rgb[:, ::-1])))
        for picture in pictures[::RESHAPED_EVERY]
    ]
    return {
        EmbedKind.SINGLE.value: tuple(colour_parity(runtime, sessions[EmbedKind.SINGLE], each) for each in pictures),
        EmbedKind.BATCH.value: tuple(
            each for pair in turned for each in batch_parity(runtime, sessions[EmbedKind.BATCH], pair)
        ),
        EmbedKind.DUAL.value: tuple(
            dual_parity(runtime, sessions[EmbedKind.DUAL], name, _in_scale(levels, air), air)
            for name, levels in dual
            for air in (None, OTHER_AIR_LEVEL)
        ),
    }


def _in_scale(levels: NDArray[np.uint16], air_level: float | None) -> NDArray[np.uint16]:
    """Levels as a scanner of another full scale would give them."""
    if air_level is None:
        return levels
    return np.asarray(np.clip(np.rint(levels * (air_level / AIR_LEVEL)), 0, 65_535), np.uint16)


def against_torch(model: Path, run: Path, pictures: Sequence[Picture]) -> tuple[PictureParity, ...]:
    """The contract file against the network of its run, to 1e-3."""
    from parcelsight.detector.network import load_network
    from parcelsight.export.reference import ReferenceDetector
    from parcelsight.training.trained_run import read_run

    runtime = Detector(model, device="cpu")
    reference = ReferenceDetector(load_network(read_run(run).weights), runtime.card.input_px)
    # Raw scores on both sides: the network of the run knows no temperatures.
    runtime._temperatures[:] = 1
    limits = thresholds_of(runtime.card)
    return tuple(compare(p, reference.detect(p.rgb, 0.0), runtime.detect(p.rgb, 0.0), limits) for p in pictures)


def summary(results: Sequence[PictureParity]) -> dict[str, Any]:
    """What is told of one comparison."""
    worst = max(results, key=lambda each: (each.unmatched, each.worst_score_difference))
    return {
        "pictures": len(results),
        "smallest_side_px": min(min(each.width_px, each.height_px) for each in results),
        "largest_side_px": max(max(each.width_px, each.height_px) for each in results),
        "portrait": sum(each.height_px > each.width_px for each in results),
        "landscape": sum(each.height_px < each.width_px for each in results),
        "detections": sum(each.compared for each in results),
        "unmatched": sum(each.unmatched for each in results),
        "flipped_on_the_threshold": sum(each.flipped for each in results),
        "worst_iou": round(min(each.worst_iou for each in results), 5),
        "worst_score_difference": float(f"{max(each.worst_score_difference for each in results):.2g}"),
        "worst_picture": worst.name if worst.unmatched else None,
    }


def main() -> int:
    """Compare and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="*", help="folders or files of scans")
    parser.add_argument("--dual", type=Path, nargs="*", default=[], help="folders or files of dual-energy scans")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--scans", type=int, default=100, help="at most so many of each folder")
    parser.add_argument("--run", type=Path, help="run directory the model was exported from")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    args = parser.parse_args()
    try:
        scans = list(scans_in([SAMPLES, *args.pictures], args.scans))
        dual = [
            (scan.scan_id, as_levels(scan.pixels))
            for scan in scans_in([SAMPLES, *args.dual], args.scans)
            if scan.kind is ScanKind.DUAL_ENERGY
        ]
        pictures = [*generated_pictures(), *pictures_of(scans)]
        results = prove(args.model, pictures, dual)
        if args.run:
            results["torch"] = against_torch(args.model, args.run, pictures)
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = {name: summary(each) for name, each in results.items()}
    for name, figures in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items() if value is not None))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"model": args.model.name, **found}, indent=1) + "\n", encoding="utf-8")
    return 0 if all(figures["unmatched"] == 0 for figures in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
