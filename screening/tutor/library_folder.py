"""A library as a folder, before a console takes it in: data sets, and a manifest of every picture.

::

    library.json     the manifest (class Manifest)
    rendered/        a data set of the virtual scanner
    projected-001/   one of the site's own scans with projected threats; -002 and so on
    threats/         threat images for projection at lanes (threat_images.py)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...datasets.annotations import Record
from ...datasets.files import DEFAULT_LIMITS, read_bytes, written_whole
from ...datasets.readers import decode_scan
from ...detector.errors import DatasetError, RunError, ScanError
from ...detector.taxonomy import TAXONOMY, Group
from .factors import Factor, Factors, clutter_level, threat_factors
from .quotas import HARD, Holdings

MANIFEST = "library.json"
RENDERED, PROJECTED, THREATS = "rendered", "projected", "threats"
_LEAST_CONTRAST = 2.0
"""Mean change that a rendered threat makes, in standard deviations of a pixel's noise."""
_MOST_OPAQUE = 0.97
"""Share of a threat's attenuation that may be others': beyond it nobody could see it."""
Level = Annotated[float, Field(ge=0, le=1)]


class Doubt(StrEnum):
    """Why a rendered picture is not shown to people: nobody could be blamed for missing what is in it."""

    INVISIBLE = "invisible"
    """The threat changes the picture less than its noise does."""
    NO_LIGHT_LEFT = "no light left"
    """What lies over it lets nothing through."""
    CLIPPED = "clipped"
    """It is cut off by the picture's edge."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Threat(_Strict):
    """One threat of a picture."""

    label: str
    design: str
    difficulty: float


class Entry(_Strict):
    """One picture."""

    set: str
    """Folder of its data set."""
    scan_id: str
    parcel: str
    """What its views have in common."""
    sha256: str
    threats: tuple[Threat, ...]
    view: Level
    superposition: Level
    clutter: Level
    difficulty: float
    added: datetime
    doubt: Doubt | None = None
    """Set where the picture is left out."""
    retired: datetime | None = None

    @property
    def is_shown(self) -> bool:
        """Whether people get to see it."""
        return self.doubt is None and self.retired is None


class ThreatEntry(_Strict):
    """One threat image for projection."""

    file: str
    sha256: str
    label: str
    design: str
    turned: float
    added: datetime
    retired: datetime | None = None


class Manifest(_Strict):
    """What a library holds."""

    version: Literal[1] = 1
    seed: int = 0
    scanner: str = ""
    pictures: tuple[Entry, ...] = ()
    threats: tuple[ThreatEntry, ...] = ()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a library.

    Raises:
        DatasetError: if there is none, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(read_bytes(path, DEFAULT_LIMITS))
    except ScanError as error:
        raise DatasetError(f"{folder} is no library: {error.message}", "make one: parcelsight library build") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DatasetError(
            f"{path}: {where}: {first['msg']}", "build the library again: it keeps its pictures"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it whole or not at all. Raises RunError if the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(folder / MANIFEST) as temporary:
            temporary.write_text(manifest.model_dump_json(indent=0) + "\n", encoding="utf-8")
    except (OSError, ScanError) as error:
        raise RunError(f"{folder / MANIFEST}: cannot be written ({error})", "free space, then go on") from error


def entry_of(set_name: str, record: Record, moment: datetime) -> Entry:
    """Measure one picture.

    Args:
        set_name: folder of its data set.
        record: of the data set.
        moment: when it was added.

    Raises:
        ScanError: if the picture cannot be read.
    """
    content = read_bytes(record.files[0], DEFAULT_LIMITS)
    clutter = clutter_level(decode_scan(content, record.scan_id))
    found = record.annotations
    measured = [
        (label, attributes, threat_factors(attributes, clutter))
        for label, attributes in zip(found.labels, found.attributes, strict=True)
        if TAXONOMY.group_of(label) is not None
    ]
    easiest = min((factors for _, _, factors in measured), key=lambda one: one.difficulty, default=None)
    factors = easiest or Factors(0.0, 0.0, clutter)
    doubts = [_doubt(attributes) for _, attributes, _ in measured]
    return Entry(
        set=set_name,
        scan_id=record.scan_id,
        parcel=parcel_of(record.scan_id),
        sha256=hashlib.sha256(content).hexdigest(),
        threats=tuple(
            Threat(label=label, design=str(attributes.get("design_id", "")), difficulty=round(one.difficulty, 3))
            for label, attributes, one in measured
        ),
        view=factors.view,
        superposition=factors.superposition,
        clutter=factors.clutter,
        difficulty=factors.difficulty,
        added=moment,
        # One threat that can be seen is enough: a click on it is a hit.
        doubt=doubts[0] if doubts and all(doubts) else None,
    )


def _doubt(attributes: object) -> Doubt | None:
    """Of one labelled threat; projected ones passed the projection's own check, which looks at the finished pixels."""
    told = attributes if isinstance(attributes, dict) else dict(attributes)  # type: ignore[call-overload]
    if told.get("projected") == "yes":
        return None
    if told.get("clipped"):
        return Doubt.CLIPPED
    if float(told.get("visible_contrast", _LEAST_CONTRAST)) < _LEAST_CONTRAST:
        return Doubt.INVISIBLE
    return Doubt.NO_LIGHT_LEFT if float(told.get("superposition", 0)) > _MOST_OPAQUE else None


def parcel_of(scan_id: str) -> str:
    """What the views of a parcel have in common: ``s1-000004_top`` and ``_side`` are of ``s1-000004``."""
    stem, _, view = scan_id.rpartition("_")
    return stem if stem and view.isalpha() else scan_id


def holdings_of(manifest: Manifest, moment: datetime) -> Holdings:
    """The library counted, as `quotas.holdings` counts a console's."""
    shown = [entry for entry in manifest.pictures if entry.is_shown]
    threats = [entry for entry in shown if entry.threats]
    year_ago = moment - timedelta(days=365)
    retired = sum(e.retired is not None and e.retired >= year_ago and bool(e.threats) for e in manifest.pictures)
    fresh = sum(entry.added >= year_ago for entry in threats)
    counted = Counter(min(entry.threats, key=lambda one: one.difficulty).label for entry in threats)
    return Holdings(
        images=len(threats),
        harmless=len(shown) - len(threats),
        **_articles((t.label, t.design) for entry in threats for t in entry.threats),
        replaced=min(retired, fresh),
        by_class={label: counted[label] for label in TAXONOMY.classes},
        hard={factor: sum(getattr(e, factor.value) >= HARD for e in threats) for factor in Factor},
    )


def projection_holdings(manifest: Manifest, moment: datetime) -> Holdings:
    """The threat images for projection at lanes, counted."""
    kept = [one for one in manifest.threats if one.retired is None]
    year_ago = moment - timedelta(days=365)
    retired = sum(one.retired is not None and one.retired >= year_ago for one in manifest.threats)
    counted = Counter(one.label for one in kept)
    return Holdings(
        images=len(kept),
        harmless=0,
        **_articles((one.label, one.design) for one in kept),
        replaced=min(retired, sum(one.added >= year_ago for one in kept)),
        by_class={label: counted[label] for label in TAXONOMY.classes},
        hard={Factor.VIEW: sum(one.turned >= HARD for one in kept), Factor.SUPERPOSITION: 0, Factor.CLUTTER: 0},
    )


def _articles(found: Iterable[tuple[str, str]]) -> dict[str, int]:
    articles = {one for one in found if one[1]}
    return {
        "articles": len(articles),
        "part_articles": sum(TAXONOMY.group_of(label) is Group.PART for label, _ in articles),
    }


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of the library that is not what the manifest says."""

    file: Path
    reason: str


def verify(folder: Path, manifest: Manifest, files: Sequence[tuple[Path, str]]) -> list[Damage]:
    """Files that are gone or altered.

    Args:
        folder: of the library.
        manifest: of it.
        files: (path, sha256) to look at besides the manifest's threat images.
    """
    wanted = [*files, *((folder / THREATS / one.file, one.sha256) for one in manifest.threats if one.retired is None)]
    found = []
    for path, digest in wanted:
        try:
            content = read_bytes(path, DEFAULT_LIMITS)
        except ScanError as error:
            found.append(Damage(path, error.message))
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            found.append(Damage(path, "altered"))
    return found
