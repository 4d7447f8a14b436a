"""Filling a library's folder: rendered parcels, threats projected into the site's own scans, threat images for lanes.

Everything comes from a seed and can be taken up again where it stopped. Only this file needs the renderer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from ...datasets.annotations import Dataset
from ...datasets.files import written_whole
from ...datasets.native import open_dataset
from ...datasets.projection.projected_set import ProjectionPlan, project_dataset
from ...datasets.projection.threat_render import threat_views
from ...datasets.synthetic.catalogue import threats_of
from ...datasets.synthetic.labels import turned_away
from ...datasets.synthetic.pipeline import render_dataset
from ...datasets.synthetic.plan import Plan
from ...datasets.synthetic.scanner import Scanner, load_scanner
from ...datasets.synthetic.shapes import rotation
from ...datasets.synthetic.solids import Kind, Split
from ...detector.errors import DatasetError, RunError, ScanError, UsageError
from ...detector.taxonomy import TAXONOMY
from .library_folder import (
    MANIFEST,
    PROJECTED,
    RENDERED,
    THREATS,
    Entry,
    Manifest,
    ThreatEntry,
    entry_of,
    read_manifest,
    write_manifest,
)
from .threat_images import SUFFIX, TurnedThreat, pack_threat

SCANNER = "duo140"
"""The shipped preset with two views."""
_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_THREAT_SHARE, _SEVERAL_SHARE, _TURNED_SHARE = 0.6, 0.1, 0.6
PITCH_MM = 0.6
"""Of threat images: finer than the pixels of any parcel scanner."""
_CHUNK = 200
"""Entries between two writings of the manifest: a run that is killed loses less."""
Tell = Callable[[str, int, int], None]
"""(what, finished, of how many)."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a run added."""

    pictures: int
    left_out: Mapping[str, int]
    """Pictures that the realism check keeps from people, by reason."""
    threats: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    """Projections refused on the way, by reason."""


def build(
    folder: Path, parcels: int, seed: int, scanner: str, jobs: int, moment: datetime, tell: Tell = lambda *_: None
) -> Built:
    """Render training parcels, every view of each; what is there already stays, a larger number adds.

    Args:
        folder: of the library.
        parcels: to have in all.
        seed: same seed, same pictures.
        scanner: preset or YAML file; all its views are rendered.
        jobs: processes.
        moment: written beside what is new.
        tell: told how far it is.

    Raises:
        UsageError, ConfigError: for what cannot be rendered.
        DatasetError: if the folder holds something else, or another seed's pictures.
        RunError: if the disk refuses; the same call goes on.
    """
    have = {one.parcel for one in _begun(folder, seed, scanner).pictures if one.set == RENDERED}
    parcels = max(parcels, len(have))  # what is there already stays in the data set
    views = len(load_scanner(scanner).preset.views)
    plan = Plan(
        folder / RENDERED, parcels, seed, (scanner,), "all", views, _THREAT_SHARE, only="scans",
        several_share=_SEVERAL_SHARE, shares=(70.0, 10.0, 20.0), turned_share=_TURNED_SHARE,
    )  # fmt: skip
    rendered = render_dataset(plan, jobs, lambda done: tell("parcels", done, parcels))
    return _measured(folder, RENDERED, rendered.dataset, moment, tell)


def project(
    folder: Path, scans: Sequence[Path], count: int | None, seed: int, scanner: str, moment: datetime,
    pitch_mm: float | None = None, look: str | None = None, tell: Tell = lambda *_: None,
) -> Built:  # fmt: skip
    """Project threats into a site's own scans, which are known to hold none; each passes the realism check.

    Args:
        folder: of the library.
        scans: pictures, folders, data sets.
        count: scans with a threat to make; None uses each scan once, half of them with a threat.
        seed: same seed, same pictures.
        scanner: whose beam sees the threats.
        moment: written beside what is new.
        pitch_mm: of scans that do not tell their own.
        look: palette of pseudo-colour scans, where known.
        tell: told how far it is.

    Raises:
        UsageError, ConfigError, RunError: as `project_dataset` raises them.
    """
    from ...datasets.projection.projecting import ProjectionSettings

    _begun(folder, seed, scanner, is_new=False)
    name = _next_set(folder)
    plan = ProjectionPlan(
        tuple(scans), folder / name, count, 1.0 if count else 0.5, TAXONOMY.classes, seed, "train", pitch_mm, scanner,
        settings=ProjectionSettings(look=look),
    )  # fmt: skip
    outcome = project_dataset(plan, lambda done, total: tell("projections", done, total))
    built = _measured(folder, name, outcome.dataset, moment, tell)
    return Built(built.pictures, built.left_out, 0, {str(why): count for why, count in outcome.rejects.items()})


def build_threats(
    folder: Path, count: int, seed: int, scanner: str, moment: datetime, tell: Tell = lambda *_: None,
    pitch_mm: float = PITCH_MM,
) -> Built:  # fmt: skip
    """Render threat images for projection at lanes: classes alike often, articles in turn, each in another pose.

    Args:
        folder: of the library.
        count: images to have in all.
        seed: same seed, same images.
        scanner: of the lanes; all its views are rendered.
        moment: written beside what is new.
        tell: told how far it is.
        pitch_mm: of the images.

    Raises:
        UsageError, ConfigError, DatasetError: for what cannot be rendered.
        RunError: if the disk refuses; the same call goes on.
    """
    manifest = _begun(folder, seed, scanner)
    (folder / THREATS).mkdir(parents=True, exist_ok=True)
    known = {one.file: one for one in manifest.threats}
    loaded, articles = load_scanner(scanner), _articles(seed)
    entries, added = list(manifest.threats), 0
    kept = sum(one.retired is None for one in entries)
    number = 0
    while kept < count:
        file = f"{number:06d}{SUFFIX}"
        if file not in known:
            label = TAXONOMY.classes[number % len(TAXONOMY.classes)]
            of_class = articles[label]
            kind, design = of_class[(number // len(TAXONOMY.classes)) % len(of_class)]
            entries.append(_threat_entry(folder, file, kind, design, seed, number, loaded, moment, pitch_mm))
            added, kept = added + 1, kept + 1
            tell("threat images", kept, count)
            if added % _CHUNK == 0:
                write_manifest(folder, manifest.model_copy(update={"threats": tuple(entries)}))
        number += 1
    write_manifest(folder, manifest.model_copy(update={"threats": tuple(entries)}))
    return Built(0, {}, added)


def _threat_entry(
    folder: Path, file: str, kind: Kind, design: int, seed: int, number: int, scanner: Scanner, moment: datetime,
    pitch_mm: float,
) -> ThreatEntry:  # fmt: skip
    rng = np.random.default_rng(np.random.SeedSequence([seed, 7, number]))
    for _ in range(5):
        try:
            item = kind.build(design, rng)
            break
        except ValueError:  # random proportions that no mesh can be made of, as when parcels are packed
            continue
    else:
        raise RunError(f"{kind.name} {design} cannot be built", "report this with the seed")
    tilt = 0.0 if rng.random() < 0.4 else float(rng.uniform(20, 90))
    roll, yaw = float(rng.uniform(0, 360)), float(rng.uniform(0, 360))
    turn = rotation("z", yaw) @ rotation("x", tilt) @ rotation("z", roll)
    turned = item.placed(np.asarray(turn), np.zeros(3))
    content = pack_threat(TurnedThreat(str(kind.label), item.design_id, threat_views(turned, scanner, pitch_mm)))
    try:
        with written_whole(folder / THREATS / file) as temporary:
            temporary.write_bytes(content)
    except (OSError, ScanError) as error:
        raise RunError(f"{folder / THREATS / file}: cannot be written ({error})", "free space, then go on") from error
    away = min(1.0, turned_away(turned, scanner.preset.views[0]) / 0.6)
    return ThreatEntry(
        file=file, sha256=hashlib.sha256(content).hexdigest(), label=str(kind.label), design=item.design_id,
        turned=round(away, 3), added=moment,
    )  # fmt: skip


def _articles(seed: int) -> dict[str, list[tuple[Kind, int]]]:
    """Every design of every class, in an order of the seed."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 8]))
    found = {}
    for label in TAXONOMY.classes:
        kinds = {kind.name: kind for split in _SPLITS for kind in threats_of(label, split)}
        designs = [(kind, number) for kind in kinds.values() for number in range(kind.designs)]
        found[label] = [designs[int(k)] for k in rng.permutation(len(designs))]
    return found


def replace_pictures(
    folder: Path, pictures: int, threats: int, jobs: int, moment: datetime, tell: Tell = lambda *_: None
) -> tuple[int, int, Built]:
    """Retire the oldest pictures and threat images and make as many new ones.

    Args:
        folder: of the library.
        pictures: with a threat, to retire, whole parcels at a time.
        threats: threat images to retire.
        jobs: processes.
        moment: written as the time of retirement.
        tell: told how far it is.

    Returns:
        (pictures retired, threat images retired, what is new).

    Raises:
        UsageError: if there are not so many.
        DatasetError, RunError: as `build` raises them.
    """
    manifest = read_manifest(folder)
    shown = [one for one in manifest.pictures if one.is_shown and one.threats]
    kept = [one for one in manifest.threats if one.retired is None]
    if pictures > len(shown) or threats > len(kept):
        raise UsageError(
            f"{folder} has {len(shown)} pictures with a threat and {len(kept)} threat images", "replace fewer"
        )
    oldest = sorted(shown, key=lambda one: (one.added, one.parcel))
    parcels = {(one.set, one.parcel) for one in oldest[:pictures]}
    going = {one.file for one in sorted(kept, key=lambda one: (one.added, one.file))[:threats]}
    changed = manifest.model_copy(
        update={
            "pictures": tuple(
                one.model_copy(update={"retired": moment})
                if one.retired is None and (one.set, one.parcel) in parcels
                else one
                for one in manifest.pictures
            ),
            "threats": tuple(
                one.model_copy(update={"retired": moment}) if one.file in going else one for one in manifest.threats
            ),
        }
    )
    write_manifest(folder, changed)
    gone = sum(bool(one.threats) for one in changed.pictures if (one.set, one.parcel) in parcels)
    built = Built(0, {})
    if parcels:
        have = len({one.parcel for one in manifest.pictures if one.set == RENDERED})
        built = build(folder, have + len(parcels), manifest.seed, manifest.scanner, jobs, moment, tell)
    made = 0
    if going:
        made = build_threats(folder, len(kept), manifest.seed, manifest.scanner, moment, tell).threats
    return gone, len(going), Built(built.pictures, built.left_out, made)


def _begun(folder: Path, seed: int, scanner: str, *, is_new: bool = True) -> Manifest:
    """The folder's manifest, or a new one."""
    if not (folder / MANIFEST).exists():
        if folder.exists() and (not folder.is_dir() or any(p.name != RENDERED for p in folder.iterdir())):
            raise DatasetError(f"{folder} is there already and is no library", "name another folder")
        manifest = Manifest(seed=seed, scanner=scanner)
        write_manifest(folder, manifest)
        return manifest
    manifest = read_manifest(folder)
    if is_new and (manifest.seed, manifest.scanner) != (seed, scanner):
        raise DatasetError(
            f"{folder} was begun with --seed {manifest.seed} --scanner {manifest.scanner}",
            "give the same, or another folder",
        )
    return manifest


def _next_set(folder: Path) -> str:
    number = 1
    while (folder / f"{PROJECTED}-{number:03d}").exists():
        number += 1
    return f"{PROJECTED}-{number:03d}"


def _measured(folder: Path, name: str, dataset: Dataset, moment: datetime, tell: Tell) -> Built:
    """Enter a data set's pictures into the manifest: factors, realism check, digests."""
    manifest = read_manifest(folder)
    known = {(one.set, one.scan_id) for one in manifest.pictures}
    fresh = [record for record in dataset if (name, record.scan_id) not in known]
    entries: list[Entry] = list(manifest.pictures)
    for number, record in enumerate(fresh, start=1):
        entries.append(entry_of(name, record, moment))
        tell("measuring", number, len(fresh))
        if number % _CHUNK == 0:
            write_manifest(folder, manifest.model_copy(update={"pictures": tuple(entries)}))
    write_manifest(folder, manifest.model_copy(update={"pictures": tuple(entries)}))
    new = entries[len(manifest.pictures) :]
    return Built(len(new), Counter(str(one.doubt) for one in new if one.doubt is not None))


def data_sets(folder: Path) -> list[tuple[str, Dataset]]:
    """(name, data set) of every set of a library. Raises DatasetError."""
    names = [RENDERED, *sorted(path.name for path in folder.glob(f"{PROJECTED}-*") if path.is_dir())]
    return [(name, open_dataset(folder / name)) for name in names if (folder / name / "annotations.json").is_file()]
