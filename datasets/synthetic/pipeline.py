"""Render a whole data set: in parallel, resumable, the same bytes for the same seed whatever the number of jobs.

A parcel and everything random about its scans come from ``SeedSequence([seed, index])``, so parcels are independent
of each other and of the order they are rendered in.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import tifffile

from ... import __version__
from ...detector.errors import RunError, ScanError, UsageError
from ...detector.taxonomy import TAXONOMY
from ..annotations import Annotations, Dataset, Record
from ..files import written_whole
from ..formats import coco
from ..native import ALL_SCANS
from ..scan import Scan, ScanKind
from ..writers import write_dual_energy
from .journal import NAME, Entry, Journal, cannot_write
from .looks import Palette, palette_of
from .packing import compose_parcel
from .render import RenderedScan, render
from .scanner import Scanner, load_scanner
from .solids import Parcel, Split

Only = Literal["all", "scans", "pictures"]
LICENCE = "rendered by ParcelSight, no third-party material"
_AHEAD = 4
"""Parcels in flight for each job: enough to keep it busy, few enough to stop at once."""
_DRAWS = 4
_COMPANY = 0.12
"""Share of parcels that lie close behind another one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to render."""

    out: Path
    count: int
    """Parcels; each gives one scan a view."""
    seed: int
    scanners: tuple[str, ...]
    """Presets by name or path; one is drawn for each parcel."""
    split: Split = "train"
    views: int = 1
    threat_share: float = 0.5
    """Chance of a parcel to hold a threat."""
    looks: str = "canonical"
    only: Only = "all"
    masks: bool = False

    def statement(self) -> dict[str, object]:
        """What decides the bytes: a folder holds one such thing. ``count`` may grow."""
        presets = {name: load_scanner(name).preset.model_dump(mode="json") for name in self.scanners}
        return {
            "version": __version__,
            "seed": self.seed,
            "split": self.split,
            "views": self.views,
            "threat_share": self.threat_share,
            "looks": self.looks,
            "only": self.only,
            "masks": self.masks,
            "scanners": presets,
        }

    def check(self) -> None:
        """Raises UsageError or ConfigError for what cannot be rendered."""
        if self.count < 1:
            raise UsageError(f"--count {self.count}: there must be something to render", "give 1 or more")
        if not 0 <= self.threat_share <= 1:
            raise UsageError(f"--threat-share {self.threat_share}: not a share", "give a number from 0 to 1")
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: seeds are not negative", "give 0 or more")
        palette_of(self.looks, np.random.default_rng(0))
        for name in self.scanners:
            views = load_scanner(name).preset.views
            if not 1 <= self.views <= len(views):
                capable = "it has " + (f"only the view {views[0].name}" if len(views) == 1 else "two views")
                raise UsageError(f"--views {self.views}: scanner {name} cannot; {capable}", "choose another scanner")


def render_dataset(plan: Plan, jobs: int, on_parcel: Callable[[int], None] = lambda finished: None) -> Dataset:
    """Render what is missing and write the labels of all.

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
    with Journal(plan.out / NAME, plan.statement()) as journal:
        missing = [index for index in range(plan.count) if index not in journal.entries]
        on_parcel(plan.count - len(missing))
        for number, finished in enumerate(_rendered(plan, missing, jobs), start=1):
            journal.add(finished)
            on_parcel(plan.count - len(missing) + number)
        entries = [journal.entries[index] for index in range(plan.count)]
    return _write_labels(plan, entries)


def render_parcel(plan: Plan, scanners: Sequence[Scanner], index: int) -> Entry:
    """Render one parcel of a plan with one of the plan's scanners, and write its files.

    Raises:
        RunError: if a file cannot be written.
    """
    try:
        return _rendered_parcel(plan, scanners, index)
    except (OSError, ScanError) as error:
        # Compiled code is cached on disk too, so a full disk can show itself before the first file.
        raise cannot_write(plan.out, error) from error


def _rendered_parcel(plan: Plan, scanners: Sequence[Scanner], index: int) -> Entry:
    parcel_id = f"s{plan.seed}-{index:06d}"
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, index]))
    scanner = scanners[int(rng.integers(len(scanners)))]
    parcel = _composed(rng, plan, parcel_id)
    company = (_behind(parcel, _composed(rng, plan, parcel_id), rng),) if rng.random() < _COMPANY else ()
    scans = render(parcel, scanner, rng, views=plan.views, scan_id=parcel_id, masks=plan.masks, passers_by=company)
    palette = palette_of(plan.looks, rng)
    return {"index": index, "scans": [_write_scan(plan, rendered, parcel_id, palette) for rendered in scans]}


def _composed(rng: np.random.Generator, plan: Plan, parcel_id: str) -> Parcel:
    """A parcel; drawn again where random proportions gave an outline that no mesh can be made of.

    Raises:
        RunError: if that happens so often that a design must be broken.
    """
    reasons = []
    for _ in range(_DRAWS):
        try:
            return compose_parcel(rng, plan.split, threat_share=plan.threat_share)
        except ValueError as error:
            reasons.append(str(error))
    raise RunError(f"parcel {parcel_id} cannot be packed ({reasons[-1]})", "report this with the command and its seed")


def _behind(first: Parcel, other: Parcel, rng: np.random.Generator) -> Parcel:
    """Another parcel moved close behind the first on the belt."""
    y_first = max(float(item.bounds_mm[1, 1]) for item in first.items)
    y_other = min(float(item.bounds_mm[0, 1]) for item in other.items)
    offset = np.array([rng.normal(0, 40), y_first - y_other + rng.uniform(8, 80), 0.0])
    moved = [item.placed(np.eye(3), offset) for item in other.items]
    return replace(other, packaging=moved[0], contents=tuple(moved[1:]))


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


def _rendered(plan: Plan, missing: list[int], jobs: int) -> Iterator[Entry]:
    """Entries as they are finished, in any order."""
    # Fitted here and sent to the workers: a fit takes longer than dozens of scans.
    scanners = [load_scanner(name) for name in plan.scanners]
    if jobs == 1 or len(missing) < 2:
        cv2.setNumThreads(1)
        yield from (render_parcel(plan, scanners, index) for index in missing)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=context, initializer=_start_worker)
    waiting = iter(missing)
    pending: set[Future[Entry]] = set()
    try:
        while True:
            for index in waiting:
                pending.add(pool.submit(render_parcel, plan, scanners, index))
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


def _write_labels(plan: Plan, entries: list[Entry]) -> Dataset:
    """annotations.json of all finished parcels."""
    scans = [scan for entry in entries for scan in entry["scans"]]
    records = [
        Record(
            scan["scan_id"],
            (plan.out / scan["file"],),
            scan["size"][0],
            scan["size"][1],
            Annotations.of(scan["boxes"], scan["labels"], scan["attributes"]),
            scan["group"],
        )
        for scan in scans
    ]
    dataset = Dataset(f"rendered-{plan.seed}-{plan.split}", LICENCE, TAXONOMY.classes, tuple(records))
    try:
        with written_whole(plan.out / ALL_SCANS) as temporary:
            coco.dump(coco.to_json(dataset, {scan["scan_id"]: [scan["file"]] for scan in scans}), temporary)
    except (OSError, ScanError) as error:
        raise cannot_write(plan.out / ALL_SCANS, error) from error
    return dataset


def default_jobs() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
