"""Scans to project into: files, folders, and data sets with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...detector.errors import UsageError
from ..annotations import Annotations
from ..native import is_native, open_dataset
from ..pairs import find_scans
from ..readers import read_pair, read_scan
from ..scan import Scan

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One scan, not read yet."""

    name: str
    files: tuple[Path, ...]
    labelled: Annotations
    group: str

    def read(self) -> Scan:
        """Raises ScanError."""
        return read_pair(*self.files) if len(self.files) == 2 else read_scan(self.files[0])


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """The scans of files, of folders (searched through), and of data sets in the native layout.

    Raises:
        UsageError: if a path is missing, or there is no scan at all.
        DatasetError, AnnotationError: for a data set that cannot be read.
        ScanError: where half of a dual-energy pair is missing.
    """
    found: list[Source] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder", "check the path")
        found += _of_dataset(path) if is_native(path) else _of_files(path)
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: holds no scans", "name pictures, folders or data sets")
    return found


def _of_dataset(path: Path) -> list[Source]:
    return [Source(r.scan_id, r.files, r.annotations, r.group) for r in open_dataset(path)]


def _of_files(path: Path) -> list[Source]:
    """Files outside data sets carry no labels; hidden ones are left alone."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if not p.name.startswith("."))
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: is no picture by its name", f"name a file ending in {', '.join(sorted(SUFFIXES))}")
    if path.is_file():
        siblings = sorted(p for p in path.parent.iterdir() if p.suffix.lower() in SUFFIXES)
        scans = [scan for scan in find_scans(siblings) if path in scan.files]
    else:
        scans = find_scans(p for p in files if p.is_file() and p.suffix.lower() in SUFFIXES)
    for scan in scans:
        if scan.problem:
            raise scan.problem
    return [Source(Path(s.scan_id).stem, s.files, Annotations.empty(), Path(s.scan_id).stem) for s in scans]
