"""Record the virtual scanner: a belt with its truth, as a folder that ``datasets.belt_files.open_belt`` reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ... import __version__
from ...detector.errors import RunError
from ..belt import BeltParcel
from ..belt_document import BeltDocument, event_entries, parcel_entry, run_entries
from ..belt_files import BeltWriter
from .belt import VirtualScanner
from .belt_plan import BeltPlan
from .scanner import load_scanner

_BLOCK_LINES = 256


def record_belt(
    plan: BeltPlan, out: Path, on_progress: Callable[[int, int | None, int], None] = lambda lines, total, parcels: None
) -> BeltDocument:
    """Record a belt that ends: a plan with a number of parcels, of seconds, or both.

    Args:
        plan: what runs over the belt.
        out: folder to make; it appears when the belt is complete.
        on_progress: told the lines written, of how many where that is known, and the parcels laid so far.

    Raises:
        UsageError, ConfigError: for an impossible plan or a folder that exists.
        RunError: if the disk refuses. Nothing is left behind.
    """
    parcels: list[BeltParcel] = []
    virtual = VirtualScanner(plan, load_scanner(plan.scanner), parcels.append)
    detectors = dict.fromkeys(virtual.arrays, virtual.tunnel.detectors)
    if virtual.lines is not None:
        _check_room(out, virtual.lines * sum(detectors.values()) * 4)
    with BeltWriter(out, detectors) as writer:
        for block in virtual.blocks(_BLOCK_LINES):
            writer.add(block)
            on_progress(writer.lines, virtual.lines, len(parcels))
        document = _document(virtual, parcels, writer.lines)
        writer.finish(document)
    return document


def _check_room(out: Path, needed_bytes: int) -> None:
    """Raises RunError before anything is written that the disk cannot hold."""
    place = next((folder for folder in out.absolute().parents if folder.is_dir()), Path("/"))
    free_bytes = shutil.disk_usage(place).free
    if needed_bytes > free_bytes:
        raise RunError(
            f"{out}: the belt needs {needed_bytes / 1e9:.1f} GB, the disk has {free_bytes / 1e9:.1f} GB left",
            "record fewer seconds, or choose another disk",
        )


def _document(virtual: VirtualScanner, parcels: list[BeltParcel], lines: int) -> BeltDocument:
    plan, preset, motion = virtual.plan, virtual.scanner.preset, virtual.motion
    return BeltDocument(
        version=__version__,
        scanner=virtual.scanner.name,
        preset=preset.model_dump(mode="json"),
        seed=plan.seed,
        split=plan.split,
        raw=plan.raw,
        pitch_mm=preset.pitch_mm,
        line_pitch_mm=motion.line_pitch_mm,
        line_rate_hz=motion.line_rate_hz,
        belt_speed_m_s=plan.belt_speed_m_s,
        lines=lines,
        detectors=virtual.tunnel.detectors,
        views=tuple(virtual.arrays),
        dead_detectors={name: list(found) for name, found in virtual.dead_detectors.items()},
        events=event_entries(plan.events),
        runs=run_entries(motion, lines),
        parcels=[parcel_entry(_seen_until(parcel, virtual, lines)) for parcel in parcels],
    )


def _seen_until(parcel: BeltParcel, virtual: VirtualScanner, lines: int) -> BeltParcel:
    """The parcel's lines in a stream that ended, without what a later event would have shown of it again."""
    first, end = virtual.motion.ended(lines).span_of_rows(parcel.first_row, parcel.end_row)
    return replace(parcel, first_line=first, end_line=end)
