"""Parts of lanes for tests: arrivals, a ledger's folder on a disk that can fill up, real programs to kill."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import cv2
import numpy as np
import pytest
import tifffile

from parcelsight.inference.lanes.arrival import Arrival

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def arrival(scan_id: str = "parcel-1", payload: bytes = b"a picture", lane: str = "lane1", **more: object) -> Arrival:
    """An arrival whose content need not be a picture: the ledger never looks into it."""
    return Arrival(lane, scan_id, NOW, payload, **more)  # type: ignore[arg-type]


def png(seed: int, dark: bool = False, side_px: int = 96) -> bytes:
    """A noisy picture of a parcel, unlike every other; ``dark`` puts in a black bar, which the dark model finds."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(190, 250, (side_px, side_px, 3), dtype=np.uint8)
    pixels[20:70, 20:70] = rng.integers(120, 180, (50, 50, 3), dtype=np.uint8)
    if dark:
        pixels[30:50, 30:60] = 20
    ok, encoded = cv2.imencode(".png", pixels)
    assert ok
    return encoded.tobytes()


def tiff(pixels: np.ndarray) -> bytes:
    """A two-channel scan as scanners store it."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="minisblack", planarconfig="contig", metadata=None)
    return file.getvalue()


def until(condition: Callable[[], object], limit_s: float = 20.0) -> float:
    """Wait for something; how long it took. Fails after a generous time."""
    started = monotonic()
    while not condition():
        assert monotonic() - started < limit_s, "it did not come about"
        sleep(0.02)
    return monotonic() - started


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of this size mounted at ``folder``; skips where that is not allowed."""
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here ({done.stderr.decode().strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    """Make a mounted disk ``ro`` or ``rw``."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
