"""Picture sheets of every threat class, benign object and packaging, each as the scanner sees it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canonical import canonical_rgb
from ..writers import write_picture
from .benign import BENIGN
from .journal import cannot_write
from .packaging import PACKAGING
from .render import render
from .scanner import Range, Scanner, load_scanner
from .solids import Item, Kind, Parcel
from .threats import THREATS

_TILE_PX = 150
_CAPTION_PX = 16
_COLUMNS = 10
_SCANNER = "duo140"
_MARGIN_MM = 6.0


def write_gallery(
    out: Path, seed: int, on_tile: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Path, ...]:
    """Write the sheets threats.png (designs of each class side by side), benign.png and packaging.png.

    Args:
        out: folder; made if missing.
        seed: of the instances shown.
        on_tile: told how many tiles of how many are done.

    Raises:
        RunError: if the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    sheets = {
        "threats.png": [(kind, design) for kind in THREATS for design in range(min(_COLUMNS, kind.designs))],
        "benign.png": [(kind, design) for kind in BENIGN for design in range(min(2, kind.designs))],
        "packaging.png": [(kind, design) for kind in PACKAGING for design in range(min(3, kind.designs))],
    }
    total = sum(len(shown) for shown in sheets.values())
    done = 0
    written = []
    for name, shown in sheets.items():
        tiles = []
        for kind, design in shown:
            tiles.append(_tile(kind, design, seed))
            done += 1
            on_tile(done, total)
        written.append(out / name)
        write_picture(written[-1], _sheet(tiles))
    return tuple(written)


def _tile(kind: Kind, design: int, seed: int) -> NDArray[np.uint8]:
    """One object with its name, (tile + caption, tile, 3)."""
    rng = np.random.default_rng([seed, design, *kind.name.encode()])
    picture = _alone(kind.build(design, rng), rng)
    scale = _TILE_PX / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    tile = np.full((_TILE_PX + _CAPTION_PX, _TILE_PX, 3), 255, np.uint8)
    tile[_CAPTION_PX : _CAPTION_PX + size[1], : size[0]] = small
    caption = f"{kind.name} {design}"
    cv2.putText(tile, caption, (2, _CAPTION_PX - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (60, 60, 60), 1, cv2.LINE_AA)
    return tile


def _alone(item: Item, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The canonical picture of an item lying on the belt, with pixels fine enough for its size."""
    lifted = item.placed(np.eye(3), np.array([0.0, 0.0, -float(item.bounds_mm[0, 2])]))
    length_mm = float(np.ptp(item.bounds_mm, axis=0)[:2].max()) + 2 * _MARGIN_MM
    scanner = close_up(load_scanner(_SCANNER), pitch_mm=max(0.25, length_mm / (2 * _TILE_PX)))
    return canonical_rgb(render(Parcel(lifted, (), "gallery"), scanner, rng)[0].scan)


def close_up(scanner: Scanner, pitch_mm: float) -> Scanner:
    """The scanner with another pitch, cropping closely."""
    margin = Range(low=_MARGIN_MM, high=_MARGIN_MM)
    framing = scanner.preset.framing.model_copy(update={"margin_mm": margin, "whole_width": 0.0})
    preset = scanner.preset.model_copy(update={"pitch_mm": pitch_mm, "framing": framing})
    return Scanner(scanner.name, preset, scanner.nodes)


def _sheet(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Tiles row by row."""
    blank = np.full_like(tiles[0], 255)
    padded = [*tiles, *[blank] * (-len(tiles) % _COLUMNS)]
    rows = [np.hstack(padded[i : i + _COLUMNS]) for i in range(0, len(padded), _COLUMNS)]
    return np.vstack(rows)
