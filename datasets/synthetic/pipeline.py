"""Render a whole data set: in parallel, resumable, the same bytes for the same seed whatever the number of jobs.

A parcel and everything random about its scans come from ``SeedSequence([seed, index])``, so parcels are independent
of each other and of the order they are rendered in. Only the parcels of a sender who spreads a gun are packed together.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from ...detector.errors import RunError, ScanError
from ...detector.taxonomy import TAXONOMY
from ..annotations import Annotations, Dataset, Record
from ..files import written_whole
from ..native import ALL_SCANS, relative_pictures, write_labels, write_splits
from ..scan import Scan, ScanKind
from ..writers import write_dual_energy
from .journal import NAME, Entry, Journal, cannot_write
from .looks import Palette, palette_of
from .packing import compose_consignment, compose_parcel, drawn
from .plan import Plan
from .render import RenderedScan, render
from .scanner import Scanner, load_scanner
from .senders import ALL, SPLITS, Sender
from .solids import Parcel

LICENCE = "rendered by ParcelSight, no third-party material"
_AHEAD = 4
"""Parcels in flight for each job: enough to keep it busy, few enough to stop at once."""
_CONSIGNMENT = (0, 2)
"""Sets the random numbers of a consignment apart from those of its first parcel, which come from ``[seed, index]``."""
_COMPANY = 0.3
"""Chance of a parcel to have another one close to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A finished data set."""

    dataset: Dataset
    splits: Mapping[str, tuple[str, ...]]
    """Scan ids of each split that it holds."""


def render_dataset(plan: Plan, jobs: int, on_parcel: Callable[[int], None] = lambda finished: None) -> Rendered:
    """Render what is missing and write the labels of all, and of each split where the plan has several.

    Args:
        plan: what.
        jobs: processes.
        on_parcel: told the number of finished parcels, first that of an earlier run.

    Raises:
        UsageError, ConfigError: for an impossible plan.
        DatasetError: if the folder holds another data set.
        RunError: if the disk refuses or a process dies. The run can be taken up again.
    """
    plan.check()
    try:
        for folder in ("scans", "pictures"):
            if plan.only in ("all", folder):
                (plan.out / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(plan.out, error) from error
    sent = {sender.first + k: sender for sender in plan.senders() for k in range(sender.parcels)}
    with Journal(plan.out / NAME, plan.statement()) as journal:
        missing = [index for index in range(plan.count) if index not in journal.entries]
        on_parcel(plan.count - len(missing))
        tasks = [(index, sent[index]) for index in missing]
        for number, finished in enumerate(_rendered(plan, tasks, jobs), start=1):
            journal.add(finished)
            on_parcel(plan.count - len(missing) + number)
        entries = [journal.entries[index] for index in range(plan.count)]
    splits: dict[str, list[str]] = {}
    for entry in entries:
        members = splits.setdefault(sent[entry["index"]].split, [])
        members += [scan["scan_id"] for scan in entry["scans"]]
    rendered = Rendered(_dataset(plan, entries), {split: tuple(splits[split]) for split in SPLITS if split in splits})
    _write_labels(plan, rendered)
    return rendered


def render_parcel(plan: Plan, scanners: Sequence[Scanner], index: int, sender: Sender) -> Entry:
    """Render one parcel of a plan with one of the plan's scanners, and write its files.

    Raises:
        RunError: if a file cannot be written.
    """
    try:
        return _rendered_parcel(plan, scanners, index, sender)
    except (OSError, ScanError) as error:
        # Compiled code is cached on disk too, so a full disk can show itself before the first file.
        raise cannot_write(plan.out, error) from error


def _rendered_parcel(plan: Plan, scanners: Sequence[Scanner], index: int, sender: Sender) -> Entry:
    parcel_id, group = _parcel_id(plan, index), _parcel_id(plan, sender.first)
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, index]))
    scanner = scanners[int(rng.integers(len(scanners)))]

    def packed() -> Parcel:
        def compose() -> Parcel:
            return compose_parcel(
                rng,
                sender.split,
                threat_share=plan.threat_share,
                several_share=plan.several_share,
                turned_share=plan.turned_share,
            )

        return drawn(compose, f"parcel {parcel_id}")

    parcel = packed() if sender.parcels == 1 else _consignment(plan, sender)[index - sender.first]
    company = (beside(parcel, packed(), scanner.preset.framing.width_mm, rng),) if rng.random() < _COMPANY else ()
    labelled = {"masks": plan.masks, "benign": plan.benign}
    scans = render(parcel, scanner, rng, views=plan.views, scan_id=parcel_id, passers_by=company, **labelled)
    palette = palette_of(plan.looks, rng)
    return {"index": index, "scans": [_write_scan(plan, rendered, group, palette) for rendered in scans]}


def _parcel_id(plan: Plan, index: int) -> str:
    return f"s{plan.seed}-{index:06d}"


def _consignment(plan: Plan, sender: Sender) -> tuple[Parcel, ...]:
    """All parcels of a sender, packed from numbers of the sender's own, so that each can be rendered by itself."""
    rng = np.random.default_rng([plan.seed, sender.first, *_CONSIGNMENT])
    name = f"parcel {_parcel_id(plan, sender.first)}"
    return drawn(lambda: compose_consignment(rng, sender.split, parcels=sender.parcels), name)


def beside(first: Parcel, other: Parcel, tunnel_mm: float, rng: np.random.Generator) -> Parcel:
    """Another parcel moved close to the first: mostly behind it on the belt or before it, else at its side.

    At its side only where both fit the tunnel: beside that is where the side view's source stands. The first parcel
    stays in the middle, so of two equal ones that fill the tunnel the other reaches out by three quarters of it.
    """
    near, far = (_extent(each) for each in (first, other))
    axis, gap = (1 if rng.random() < 0.7 else 0), rng.uniform(8, 80)
    if near[1, 0] + gap + np.ptp(far[:, 0]) > 0.75 * tunnel_mm:
        axis = 1
    offset = np.array([rng.normal(0, 40), rng.normal(0, 40), 0.0])
    offset[axis] = near[1, axis] - far[0, axis] + gap if rng.random() < 0.5 else near[0, axis] - far[1, axis] - gap
    moved = [item.placed(np.eye(3), offset) for item in other.items]
    return replace(other, packaging=moved[0], contents=tuple(moved[1:]))


def _extent(parcel: Parcel) -> NDArray[np.float32]:
    """(2, 3) lower and upper corner of a parcel on the belt."""
    ends = np.array([item.bounds_mm for item in parcel.items])
    return np.stack([ends[:, 0].min(0), ends[:, 1].max(0)])


def _write_scan(plan: Plan, rendered: RenderedScan, group: str, palette: Palette) -> dict[str, Any]:
    """Write a scan's files; returns its record as JSON values."""
    scan = rendered.scan
    written = []
    if plan.only in ("all", "scans"):
        written.append(f"scans/{scan.scan_id}.tif")
        _write_levels(plan.out / written[-1], scan)
    if plan.only in ("all", "pictures"):
        written.append(f"pictures/{scan.scan_id}.jpg")
        _write_jpeg(plan.out / written[-1], palette, scan)
    found = rendered.annotations
    return {
        "scan_id": scan.scan_id,
        "file": written[0],
        "size": [scan.width_px, scan.height_px],
        "group": group,
        "boxes": found.xyxy_px.tolist(),
        "labels": list(found.labels),
        "attributes": [dict(attributes) for attributes in found.attributes],
    }


def _write_levels(path: Path, scan: Scan) -> None:
    if scan.kind is ScanKind.DUAL_ENERGY:
        write_dual_energy(path, scan.pixels, scan.pitch_mm)
        return
    with written_whole(path) as temporary:
        tifffile.imwrite(temporary, scan.pixels, photometric="minisblack", metadata=None)


def _write_jpeg(path: Path, palette: Palette, scan: Scan) -> None:
    bgr = cv2.cvtColor(palette.picture(scan), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, palette.jpeg_quality])
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _rendered(plan: Plan, tasks: Sequence[tuple[int, Sender]], jobs: int) -> Iterator[Entry]:
    """Entries as they are finished, in any order."""
    # Fitted here and sent to the workers: a fit takes longer than dozens of scans.
    scanners = [load_scanner(name) for name in plan.scanners]
    if jobs == 1 or len(tasks) < 2:
        cv2.setNumThreads(1)
        yield from (render_parcel(plan, scanners, index, sender) for index, sender in tasks)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context, initializer=_start_worker)
    waiting = iter(tasks)
    pending: set[Future[Entry]] = set()
    try:
        while True:
            for index, sender in waiting:
                pending.add(pool.submit(render_parcel, plan, scanners, index, sender))
                if len(pending) >= _AHEAD * jobs:
                    break
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise RunError(
            "a rendering process was killed, probably for want of memory",
            "run the same command again with fewer --jobs: finished scans are kept",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and a core's work to one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _dataset(plan: Plan, entries: Sequence[Entry]) -> Dataset:
    """All finished parcels."""
    records = [
        Record(
            scan["scan_id"],
            (plan.out / scan["file"],),
            scan["size"][0],
            scan["size"][1],
            Annotations.of(scan["boxes"], scan["labels"], scan["attributes"]),
            scan["group"],
        )
        for entry in entries
        for scan in entry["scans"]
    ]
    return Dataset(f"rendered-{plan.seed}-{plan.split}", LICENCE, TAXONOMY.classes, tuple(records))


def _write_labels(plan: Plan, rendered: Rendered) -> None:
    """The labels of every split where the plan has several; those of all scans come last: the set is whole."""
    pictures = relative_pictures(rendered.dataset, plan.out)
    try:
        if plan.split == ALL:
            write_splits(rendered.dataset, plan.out, rendered.splits, pictures)
        write_labels(rendered.dataset, plan.out, pictures)
    except (OSError, ScanError) as error:
        raise cannot_write(plan.out / ALL_SCANS, error) from error


def default_jobs() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
