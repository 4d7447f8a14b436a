"""Archives of small scans whose verdicts are known, for the benchmarks and tests of re-screening."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from parcelsight.inference.verdicts import Verdict
from tests.models import dark_model, save

SIDE_PX = 48
A_FOLDER = 1000
DARK_EVERY, BROKEN_EVERY = 7, 501


def write_archive(folder: Path, scans: int, seed: int = 0, side_px: int = SIDE_PX) -> None:
    """Write numbered pictures into sub-folders; every 7th with a dark bar, every 501st no picture at all."""
    rng = np.random.default_rng(seed)
    base = rng.integers(190, 250, (side_px * 2, side_px * 2, 3), dtype=np.uint8)
    for number in range(scans):
        path = folder / f"site-{number % 3}" / f"{number // A_FOLDER:04d}" / f"{number:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(number, base, side_px))


def _content(number: int, base: np.ndarray, side_px: int) -> bytes:
    if number % BROKEN_EVERY == BROKEN_EVERY - 1:
        return b"this is no picture"
    left, top = number % side_px, number // side_px % side_px
    pixels = base[top : top + side_px, left : left + side_px].copy()
    pixels[side_px // 4 : side_px // 2] -= 70
    pixels[0, :16] = [[number >> bit & 1 and 250 or 200] * 3 for bit in range(16)]
    if number % DARK_EVERY == 0:
        pixels[side_px // 3 : side_px // 2, side_px // 3 : 2 * side_px // 3] = 20
    return cv2.imencode(".png", pixels)[1].tobytes()


def known_verdict(scan: str) -> Verdict:
    """What a scan of the archive must end as, with the dark model."""
    number = int(Path(scan).stem)
    if number % BROKEN_EVERY == BROKEN_EVERY - 1:
        return Verdict.UNSCREENED
    return Verdict.ALARM if number % DARK_EVERY == 0 else Verdict.NO_ALARM


def write_model(path: Path) -> Path:
    """A tiny contract-1 model that alarms on dark bars."""
    return save(dark_model(), path)


def wrong_rows(sink: Path) -> Iterator[str]:
    """Scans of a result whose verdict is not the known one."""
    from pyarrow import parquet

    for path in sorted((sink / "verdicts").glob("*.parquet")):
        for row in parquet.read_table(path, columns=["scan", "verdict"]).to_pylist():
            if row["verdict"] != str(known_verdict(row["scan"])):
                yield f"{row['scan']}: {row['verdict']}"
