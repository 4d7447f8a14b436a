"""A data set of scans with projected threats, written beside the originals, which are never touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from ...detector.errors import RunError, ScanError, UsageError
from ...detector.taxonomy import TAXONOMY
from ..annotations import Dataset, Record
from ..files import DEFAULT_LIMITS, read_bytes, written_whole
from ..formats.sources import safe_stem
from ..levels import as_levels
from ..native import relative_pictures, write_labels
from ..opencv import cv2
from ..scan import Scan, ScanKind
from ..synthetic.scanner import load_scanner
from ..synthetic.solids import Split
from ..writers import write_dual_energy, write_picture
from .jpeg_traces import jpeg_traces
from .projecting import DrawThreat, Projected, ProjectionSettings, project_into
from .realism import Reject
from .sources import Source, find_sources
from .threat_render import draw_threat

LICENCE = "the scans' own; threats projected by ParcelSight, no real finds"


@dataclass(frozen=True, slots=True)
class ProjectionPlan:
    """What to project into what."""

    sources: tuple[Path, ...]
    out: Path
    count: int | None = None
    """Scans with a projection to make, each scan used as often as needed; None goes through the scans once."""
    share: float = 1.0
    """Of the scans, where no count is given; the others are written unchanged."""
    labels: tuple[str, ...] = TAXONOMY.classes
    seed: int = 0
    split: Split = "train"
    pitch_mm: float | None = None
    """Of scans that do not tell their own."""
    scanner: str = "tunnel160"
    """Whose beam sees the threats of dual-energy and pseudo-colour scans."""
    grey_scanner: str = "mono120"
    settings: ProjectionSettings = ProjectionSettings()

    def check(self) -> None:
        """Raises UsageError or ConfigError for what cannot be done."""
        unknown = [label for label in self.labels if label not in TAXONOMY.classes]
        if unknown:
            raise UsageError(f"--class {unknown[0]}: no class", f"choose among {', '.join(TAXONOMY.classes)}")
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise UsageError(f"{self.out}: is there already and not empty", "name a new folder")
        for path in self.sources:
            if path.is_dir() and self.out.resolve().is_relative_to(path.resolve()):
                raise UsageError(f"{self.out} lies where the scans are ({path})", "name a folder apart from them")
        load_scanner(self.scanner)
        load_scanner(self.grey_scanner)


@dataclass(slots=True)
class Outcome:
    """What a run made."""

    dataset: Dataset
    rejects: Counter[Reject] = field(default_factory=Counter)
    without: list[str] = field(default_factory=list)
    """Scans that were to get a threat and got none."""
    unread: list[str] = field(default_factory=list)
    """Files that are no scans, with the reason."""


def project_dataset(plan: ProjectionPlan, on_scan: Callable[[int, int], None] = lambda done, total: None) -> Outcome:
    """Project, write, label.

    Args:
        plan: what.
        on_scan: told the finished and the total number of scans.

    Raises:
        UsageError, ConfigError: for an impossible plan.
        RunError: if no scan took a threat, or the disk refuses.
    """
    plan.check()
    sources = find_sources(plan.sources)
    try:
        (plan.out / "scans").mkdir(parents=True)
    except OSError as error:
        raise RunError(f"{plan.out}: cannot be made ({error.strerror})", "check rights and space") from error
    records: list[Record] = []
    outcome = Outcome(Dataset("projected", LICENCE, TAXONOMY.classes, ()))
    turns = _turns(plan, len(sources))
    made = 0
    for turn, (index, wanted) in enumerate(turns):
        if plan.count is not None and made == plan.count:
            break
        if turn == 2 * len(sources) and not made:
            break
        done = _one_scan(plan, sources[index], turn, wanted, outcome)
        if done is not None:
            records.append(_written(plan, sources[index], turn, done))
            made += done.projected > 0
        on_scan(made if plan.count else turn + 1, plan.count or len(turns))
    if not made and plan.share > 0:
        raise RunError(
            f"no scan took a threat ({_reasons(outcome)})", "try other scans or classes, or check --pitch-mm"
        )
    labels = dict.fromkeys([*TAXONOMY.classes, *(label for r in records for label in r.annotations.labels)])
    outcome.dataset = Dataset("projected", LICENCE, tuple(labels), tuple(records))
    write_labels(outcome.dataset, plan.out, relative_pictures(outcome.dataset, plan.out))
    return outcome


def _turns(plan: ProjectionPlan, scans: int) -> Sequence[tuple[int, bool]]:
    """(scan, whether it gets a threat) in order."""
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, 0]))
    if plan.count is None:
        chosen = set(rng.permutation(scans)[: round(plan.share * scans)].tolist())
        return [(index, index in chosen) for index in range(scans)]
    # Some refuse; four rounds more than needed leave room for that and still end.
    rounds = -(-plan.count // scans) + 4
    return [(int(index), True) for _ in range(rounds) for index in rng.permutation(scans)]


def _one_scan(plan: ProjectionPlan, source: Source, turn: int, wanted: bool, outcome: Outcome) -> Projected | None:
    """The scan with its threats; None where it cannot be read, or was to get a threat for the count and took none."""
    try:
        scan = source.read()
    except ScanError as error:
        outcome.unread.append(str(error))
        return None
    if not wanted:
        return Projected(scan, source.labelled)
    pitch_mm = plan.pitch_mm or scan.pitch_mm
    if pitch_mm is None:
        raise UsageError(
            f"{source.files[0]}: tells no pixel pitch, so a threat's size in it is unknown",
            "give --pitch-mm, the millimetres of belt that a pixel shows",
        )
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, 1, turn]))
    done = project_into(scan, source.labelled, _drawer(plan), pitch_mm, rng, plan.settings)
    outcome.rejects.update(done.rejects)
    if not done.projected:
        if source.name not in outcome.without:
            outcome.without.append(source.name)
        return None if plan.count else done
    return done


def _drawer(plan: ProjectionPlan) -> DrawThreat:
    duo, mono = load_scanner(plan.scanner), load_scanner(plan.grey_scanner)
    return lambda rng, grey: draw_threat(rng, plan.labels, plan.split, mono if grey else duo)


def _written(plan: ProjectionPlan, source: Source, turn: int, done: Projected) -> Record:
    """Write the scan's pixels in a format that keeps their kind."""
    scan_id = f"{safe_stem(source.name)}-{turn:05d}"
    path = plan.out / "scans" / f"{scan_id}{_suffix(done.scan, source.files[0])}"
    try:
        _write(path, done.scan, source.files[0])
    except (OSError, ScanError) as error:
        reason = error.message if isinstance(error, ScanError) else f"{path}: {error.strerror or error}"
        raise RunError(reason, "free space or choose another folder, then run the command again") from error
    return Record(scan_id, (path,), done.scan.width_px, done.scan.height_px, done.annotations, source.group)


def _suffix(scan: Scan, file: Path) -> str:
    if scan.kind is ScanKind.DUAL_ENERGY or scan.pixels.dtype == np.uint16:
        return ".tif"
    return ".jpg" if file.suffix.lower() in (".jpg", ".jpeg") else ".png"


def _write(path: Path, scan: Scan, file: Path) -> None:
    if scan.kind is ScanKind.DUAL_ENERGY:
        write_dual_energy(path, as_levels(scan.pixels), scan.pitch_mm)
    elif scan.pixels.dtype == np.uint16:
        with written_whole(path) as temporary:
            tifffile.imwrite(temporary, scan.pixels, photometric="minisblack", metadata=None)
    elif path.suffix == ".jpg" and (traces := jpeg_traces(read_bytes(file, DEFAULT_LIMITS))):
        bgr = cv2.cvtColor(scan.pixels, cv2.COLOR_RGB2BGR) if scan.pixels.ndim == 3 else scan.pixels
        _, encoded = cv2.imencode(".jpg", bgr, traces.options)
        with written_whole(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
    else:
        write_picture(path, scan.pixels)


def _reasons(outcome: Outcome) -> str:
    named = ", ".join(f"{count} {reason.value}" for reason, count in outcome.rejects.most_common())
    return named or (outcome.unread[0] if outcome.unread else "nothing was tried")
