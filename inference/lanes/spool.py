"""The spool: accepted scans as plain files, on disk before anybody is told that they were accepted."""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from ...datasets.levels import as_levels
from ...datasets.scan import AIR_LEVEL, Scan, ScanKind
from .arrival import Arrival
from .causes import LossCause

_PHOTOMETRIC = {ScanKind.PSEUDO_COLOUR: "rgb", ScanKind.DUAL_ENERGY: "minisblack", ScanKind.GREY: "minisblack"}


class Spool:
    """A folder of scans under names nobody can guess; a name counts once the ledger has a row with it.

    Args:
        folder: made if it is missing.
        reserve_bytes: what stays free on its disk, so that what was accepted can still get its verdict.

    Raises:
        OSError: if it cannot be made.
    """

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._reserve_bytes = reserve_bytes

    def write(self, parts: Sequence[bytes]) -> str:
        """Write the parts of one scan (one, or low and high) and force files and folder to disk; their stem.

        Raises:
            OSError: if the disk refuses; then nothing of the scan is left.
        """
        if shutil.disk_usage(self.folder).free < self._reserve_bytes + sum(map(len, parts)):
            raise OSError(errno.ENOSPC, f"less than {self._reserve_bytes / 1e6:.0f} MB would stay free")
        stem = secrets.token_hex(12)
        try:
            for path, data in zip(self.files(stem, len(parts) == 2), parts, strict=True):
                _write_through(path, data)
            _sync_folder(self.folder)
        except BaseException:
            self.remove(stem)
            raise
        return stem

    def files(self, stem: str, pair: bool) -> tuple[Path, ...]:
        """The files of one scan."""
        return spooled_files(self.folder, stem, pair)

    def remove(self, stem: str) -> None:
        """Delete the files of one scan, as far as they are there."""
        for path in self.files(stem, pair=True):
            path.unlink(missing_ok=True)

    def remove_strangers(self, known: set[str]) -> int:
        """Delete what no row of the ledger names: scans that were cut off before they were accepted. How many."""
        strangers = {path.name.partition("_")[0] for path in self.folder.iterdir()} - known
        for stem in strangers:
            self.remove(stem)
        return len(strangers)


def spooled_files(folder: Path, stem: str, pair: bool) -> tuple[Path, ...]:
    """The files of one scan in a spool."""
    return tuple(folder / f"{stem}_{half}" for half in ("low", "high")[: 2 if pair else 1])


def parts_of(arrival: Arrival) -> tuple[bytes, ...]:
    """What is written for an arrival: its bytes as they came, or its array as a TIFF that every reader here knows."""
    if arrival.scan is not None:
        return (encode_scan(arrival.scan),)
    return (arrival.payload, arrival.high) if arrival.high else (arrival.payload,)


def encode_scan(scan: Scan) -> bytes:
    """An uncompressed TIFF with air level and pitch; float transmissions become 16-bit levels."""
    pixels = as_levels(scan.pixels) if scan.pixels.dtype != np.uint8 else scan.pixels
    notes = {"parcelsight": {"air_level": AIR_LEVEL, "pitch_mm": scan.pitch_mm}} if pixels.dtype != np.uint8 else None
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        photometric=_PHOTOMETRIC[scan.kind],
        planarconfig="contig" if pixels.ndim == 3 else None,
        description=json.dumps(notes) if notes else None,
        metadata=None,
    )
    return file.getvalue()


def storage_cause(error: BaseException) -> LossCause:
    """Which of the storage causes a refused write is, also where SQLite only says it in words."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if number in (errno.ENOSPC, errno.EDQUOT) or "full" in text:
        return LossCause.DISK_FULL
    if number in (errno.EROFS, errno.EACCES, errno.EPERM) or "readonly" in text:
        return LossCause.READ_ONLY
    return LossCause.STORAGE


def _write_through(path: Path, data: bytes) -> None:
    """Write a new file and force it to disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Force the folder's list of names to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
