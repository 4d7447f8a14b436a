"""How rendered pictures differ from real ones in what can be counted: tones, colours, edges, noise, objects.

Run: ``python benchmarks/realism_statistics.py REAL RENDERED [--limit 300]``. Both are folders of pictures, searched
with their subfolders. Every picture is brought to the same long side first; figures are medians over a folder's
pictures, with the 10th and 90th percentile behind them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

LONG_SIDE_PX = 640
SUFFIXES = (".jpg", ".jpeg", ".png")
_AIR_TOLERANCE = 14
_EDGE = 40.0
_DENSE_LUMINANCE = 110
_SMALLEST_OBJECT = 2e-4
"""Share of the picture below which a dense spot is no object."""

Grey = NDArray[np.float32]


def pictures(folder: Path, limit: int) -> Iterator[NDArray[np.uint8]]:
    """Up to ``limit`` BGR pictures of a folder, evenly chosen, scaled to LONG_SIDE_PX."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    for index in np.unique(np.linspace(0, len(files) - 1, min(limit, len(files))).astype(int)):
        picture = cv2.imread(str(files[index]))
        if picture is not None:
            scale = LONG_SIDE_PX / max(picture.shape[:2])
            kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            yield np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=kind), np.uint8)


def air_of(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W) where the picture shows nothing but its background: the commonest tone of its margin."""
    margin = np.concatenate([picture[:4].reshape(-1, 3), picture[-4:].reshape(-1, 3),
                             picture[:, :4].reshape(-1, 3), picture[:, -4:].reshape(-1, 3)])  # fmt: skip
    tones, counts = np.unique(margin // 8, axis=0, return_counts=True)
    background = tones[counts.argmax()].astype(np.int16) * 8 + 4
    smooth = cv2.blur(picture, (3, 3)).astype(np.int16)
    return np.asarray((np.abs(smooth - background) < _AIR_TOLERANCE).all(2))


def measures(picture: NDArray[np.uint8]) -> dict[str, float]:
    """The figures of one picture; those of tone and texture count only where there is matter."""
    air = air_of(picture)
    matter = ~air
    if not matter.any():
        return {"air share": 1.0}
    hue, saturation, _ = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
    luminance = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    vivid = saturation[matter] > 40
    degrees = hue[matter].astype(np.float32) * 2
    dark, middle, light = np.percentile(luminance[matter], [10, 50, 90])
    return {
        "air share": float(air.mean()),
        "luminance, darkest tenth": float(dark),
        "luminance, median": float(middle),
        "luminance, lightest tenth": float(light),
        "nearly black": float((luminance[matter] < 50).mean()),
        "saturation": float(saturation[matter].mean()) / 255,
        "orange": float((vivid & (degrees < 50)).mean()),
        "green": float((vivid & (degrees >= 50) & (degrees < 165)).mean()),
        "blue": float((vivid & (degrees >= 165) & (degrees < 290)).mean()),
        **_texture(luminance, matter),
        **_objects(luminance, matter),
    }


def _texture(luminance: Grey, matter: NDArray[np.bool_]) -> dict[str, float]:
    """Gradients, edges, and the grain left where gradients are small."""
    across, along = (cv2.Sobel(luminance, cv2.CV_32F, a, 1 - a, scale=1 / 4) for a in (1, 0))
    gradient = np.hypot(across, along)[matter]
    grain = np.abs(cv2.Laplacian(luminance, cv2.CV_32F))[matter]
    flat = grain[gradient <= np.median(gradient)]
    return {
        "mean gradient": float(gradient.mean()),
        "edge density": float((gradient > _EDGE).mean()),
        "local noise": float(flat.mean()),
    }


def _objects(luminance: Grey, matter: NDArray[np.bool_]) -> dict[str, float]:
    """Dense bodies: how many, and how long the larger ones are relative to the picture."""
    dense = (matter & (luminance < _DENSE_LUMINANCE)).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(dense)
    boxes = boxes[1:][boxes[1:, 4] > _SMALLEST_OBJECT * dense.size]
    longest = boxes[:, 2:4].max(1) / max(dense.shape) if len(boxes) else np.zeros(1)
    return {
        "dense objects": float(len(boxes)),
        "their long side, median": float(np.median(longest)),
        "the largest's long side": float(longest.max()),
    }


def summary(folder: Path, limit: int) -> dict[str, tuple[float, float, float]]:
    """10th percentile, median and 90th percentile of every figure over a folder."""
    found = [measures(picture) for picture in pictures(folder, limit)]
    if not found:
        raise SystemExit(f"{folder}: no pictures ({', '.join(SUFFIXES)}) here; give another folder")
    names = max(found, key=len)
    values = {name: [figures[name] for figures in found if name in figures] for name in names}
    return {name: tuple(np.percentile(v, [10, 50, 90])) for name, v in values.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders to compare, the real one first")
    parser.add_argument("--limit", type=int, default=300, help="pictures a folder")
    arguments = parser.parse_args()
    columns = [summary(folder, arguments.limit) for folder in arguments.folders]
    print(f"{'':28s}" + " ".join(f"{folder.name[-29:]:29s}" for folder in arguments.folders))
    for name in columns[0]:
        cells = [f"{c[name][1]:9.3f} ({c[name][0]:7.3f} …{c[name][2]:7.3f})" for c in columns]
        print(f"{name:28s}" + " ".join(cells))


if __name__ == "__main__":
    main()
