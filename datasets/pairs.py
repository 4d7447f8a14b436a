"""Which files make up one scan: dual-energy scanners often write two, ``NAME_low.*`` and ``NAME_high.*``."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..detector.errors import ScanError

_HALF = re.compile(r"(?P<name>.+)_(?P<energy>low|high)", re.IGNORECASE)
PAIR_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg"))
"""Other files may end in _low or _high for reasons of their own (videos, tables)."""


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """The file of a scan, or the (low, high) files of a dual-energy pair."""

    scan_id: str
    files: tuple[Path, ...]
    problem: ScanError | None = None
    """Why the files cannot be a scan: half of a pair is missing, or there twice."""


def energy_of(path: Path) -> str | None:
    """``low`` or ``high`` for half of a pair by its name, else None."""
    match = _half(path)
    return match["energy"].lower() if match else None


def scan_id_of(path: Path) -> str:
    """A scan's id by its file: the path as given, a pair's without ``_low`` or ``_high`` and suffix."""
    match = _half(path)
    return str(path.with_name(match["name"])) if match else str(path)


def _half(path: Path) -> re.Match[str] | None:
    return _HALF.fullmatch(path.stem) if path.suffix.lower() in PAIR_SUFFIXES else None


def find_scans(paths: Iterable[Path]) -> list[ScanFiles]:
    """Group files into scans, in the order of the first file of each. No file is opened."""
    # A pair NAME and a file called just NAME are two scans, so the key tells halves from whole files.
    sharing: dict[tuple[str, bool], list[Path]] = defaultdict(list)
    for path in paths:
        sharing[scan_id_of(path), energy_of(path) is not None].append(path)
    names = {scan_id for scan_id, halves in sharing if halves}
    return [
        _scan_files(scan_id, files) if halves or scan_id not in names else _namesake(scan_id, files)
        for (scan_id, halves), files in sharing.items()
    ]


def find_partner(path: Path) -> tuple[Path, Path]:
    """The (low, high) files of the pair that ``path`` is half of.

    Raises:
        ScanError: if the other half is missing or there in several formats.
    """
    beside = _same_format(path)
    if os.path.exists(beside):
        return (path, beside) if energy_of(path) == "low" else (beside, path)
    scan_id = scan_id_of(path)
    try:
        names = sorted(os.listdir(path.parent))
    except OSError as error:
        raise ScanError(f"{path.parent}: cannot be listed ({error.strerror})", "check the path") from error
    siblings = [path.with_name(name) for name in names if not name.startswith(".")]
    others = [p for p in siblings if scan_id_of(p) == scan_id and energy_of(p) not in (None, energy_of(path))]
    found = _scan_files(scan_id, [path, *others])
    if found.problem:
        raise found.problem
    return found.files[0], found.files[1]


def _same_format(path: Path) -> Path:
    """The other half under the likeliest name: looked for first, listing a large folder for each file takes long."""
    other, cut = ("high", 3) if energy_of(path) == "low" else ("low", 4)
    return path.with_name(f"{path.stem[:-cut]}{other}{path.suffix}")


def _namesake(scan_id: str, files: list[Path]) -> ScanFiles:
    """A file without suffix beside the pair of its name: two scans of one id could not be told apart."""
    problem = ScanError(f"{scan_id}: is called like the pair {Path(scan_id).name}_low/_high beside it", "rename it")
    return ScanFiles(scan_id, tuple(files), problem)


def _scan_files(scan_id: str, files: list[Path]) -> ScanFiles:
    by_energy = {energy: [f for f in files if energy_of(f) == energy] for energy in ("low", "high")}
    low, high = by_energy["low"], by_energy["high"]
    if not low and not high:
        return ScanFiles(scan_id, tuple(files))
    if len(low) == 1 and len(high) == 1:
        return ScanFiles(scan_id, (low[0], high[0]))
    if low and high:
        names = ", ".join(f.name for f in files)
        problem = ScanError(f"{scan_id}: the pair is there more than once ({names})", "keep one low and one high file")
    else:
        have, missing = ("low", "high") if low else ("high", "low")
        problem = ScanError(
            f"{files[0]}: the {missing}-energy half of the pair is missing",
            f"put {Path(scan_id).name}_{missing}{files[0].suffix} beside it, or rename this file without _{have}",
        )
    return ScanFiles(scan_id, tuple(files), problem)
