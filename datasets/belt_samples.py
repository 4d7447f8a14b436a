"""The shipped sample parcels with two views, and a belt on which they pass: a virtual scanner without renderer.

Levels are kept as twice their square root, rounded: steps of that size are finer than the scanner's own noise at every
level (photon noise grows with the root), and the file is a fifth as large. Rows are stored as differences, which zip
well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..detector.errors import ScanError
from .belt import BeltLabel, Label, LineBlock, Lines
from .belt_document import BeltDocument, label_entry, run_entries
from .belt_files import BeltWriter, RecordedBelt, open_belt
from .belt_motion import Motion
from .scan import AIR_LEVEL

SAMPLES = Path(__file__).parent / "belts" / "samples.npz"
PITCH_MM = 1.6
DETECTORS = 400
_ROOTS = 2.0
_AIR_NOISE = 0.004
"""Of the air between parcels, as a share of its level."""
_EXPECTED = "take the file from a checkout again"


def write_samples(path: Path, parcels: Sequence[Mapping[str, Lines]]) -> None:
    """Keep parcels: (rows, detectors, 2) levels by view."""
    arrays = {}
    for number, views in enumerate(parcels, start=1):
        for view, levels in views.items():
            roots = np.rint(_ROOTS * np.sqrt(levels.astype(np.float64))).astype(np.int16)
            arrays[f"{number:02}_{view}"] = np.diff(roots, axis=0, prepend=np.zeros((1, *roots.shape[1:]), np.int16))
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # numpy's stub takes names for options


def read_samples(path: Path = SAMPLES) -> list[dict[str, Lines]]:
    """The parcels, (rows, detectors, 2) levels by view.

    Raises:
        ScanError: if the file is missing or holds something else.
    """
    parcels: dict[str, dict[str, Lines]] = {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            for name in sorted(stored.files):
                number, _, view = name.partition("_")
                parcels.setdefault(number, {})[view] = _levels(stored[name])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ScanError(f"{path}: the sample parcels cannot be read ({error})", _EXPECTED) from error
    if not parcels or any(set(views) != {"top", "side"} for views in parcels.values()):
        raise ScanError(f"{path}: holds no parcels with both views", _EXPECTED)
    return list(parcels.values())


def _levels(differences: NDArray[np.int16]) -> Lines:
    if differences.ndim != 3 or differences.shape[1] > DETECTORS or differences.shape[2] != 2:
        raise ValueError(f"an array of shape {differences.shape}")
    roots = np.cumsum(differences.astype(np.int32), axis=0)
    return np.clip(np.rint((roots / _ROOTS) ** 2), 0, 65535).astype(np.uint16)


def lay_belt(
    folder: Path,
    parcels: Sequence[Mapping[str, Lines]],
    speed_m_s: float,
    gap_mm: float,
    labels: Sequence[Label] = (),
) -> RecordedBelt:
    """Record a belt on which parcels pass one after the other, with air before and behind each.

    Args:
        folder: to make.
        parcels: as ``read_samples`` gives them.
        speed_m_s: of the belt.
        gap_mm: air before each parcel.
        labels: of the parcels, in their order; none for belts without.

    Raises:
        ValueError: if there are labels, and not one a parcel.
        UsageError: if the folder exists.
        RunError: if the disk refuses.
    """
    views = tuple(parcels[0])
    gap, noise = round(gap_mm / PITCH_MM), np.random.default_rng(1)
    laid: list[BeltLabel] = []
    with BeltWriter(folder, dict.fromkeys(views, DETECTORS)) as writer:
        for parcel, label in zip(parcels, labels or (None,) * len(parcels), strict=True):
            writer.add(LineBlock(writer.lines, {view: _air(noise, gap) for view in views}))
            first_line = writer.lines
            writer.add(LineBlock(first_line, {view: _laid(noise, parcel[view]) for view in views}))
            if label is not None:
                laid.append(BeltLabel(first_line, writer.lines, label))
        writer.add(LineBlock(writer.lines, {view: _air(noise, gap) for view in views}))
        writer.finish(_document(views, writer.lines, speed_m_s, laid))
    return open_belt(folder)


def _air(noise: np.random.Generator, rows: int) -> Lines:
    levels = noise.normal(AIR_LEVEL, _AIR_NOISE * AIR_LEVEL, (rows, DETECTORS, 2))
    return np.clip(np.rint(levels), 0, 65535).astype(np.uint16)


def _laid(noise: np.random.Generator, levels: Lines) -> Lines:
    """A parcel in the middle of the belt."""
    rows, detectors, _ = levels.shape
    found = _air(noise, rows)
    first = (DETECTORS - detectors) // 2
    found[:, first : first + detectors] = levels
    return found


def _document(views: tuple[str, ...], lines: int, speed_m_s: float, labels: Sequence[BeltLabel]) -> BeltDocument:
    rate_hz = 1000 * speed_m_s / PITCH_MM
    return BeltDocument(
        version=__version__,
        scanner="samples",
        preset={},
        seed=0,
        split="test",
        raw=False,
        pitch_mm=PITCH_MM,
        line_pitch_mm=PITCH_MM,
        line_rate_hz=rate_hz,
        belt_speed_m_s=speed_m_s,
        lines=lines,
        detectors=DETECTORS,
        views=views,
        dead_detectors={},
        events=[],
        runs=run_entries(Motion.scripted(rate_hz, PITCH_MM), lines),
        parcels=[],
        labels=[label_entry(label) for label in labels],
    )
