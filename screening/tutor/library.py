"""The library of training pictures: filled from data sets, never from anything that could be a real parcel's verdict.

It has a picture store of its own: retention of real scans must not empty it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...datasets.annotations import Annotations, Dataset, Record
from ...datasets.files import DEFAULT_LIMITS, read_bytes
from ...datasets.native import open_dataset
from ...datasets.readers import decode_scan
from ...datasets.scan import Scan
from ...detector.errors import DatasetError, ScanError, UsageError
from ...detector.taxonomy import TAXONOMY
from ..audit.chain import append
from ..people.accounts import Person
from ..people.roles import Permission
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..storage.times import now
from .factors import Factors, clutter_level, threat_factors
from .tables import Origin, PictureRow
from .views import parcel_key

Detect = Callable[[Scan], list[dict[str, Any]]]
"""The detector's alarms on a scan, as ``inference/report.py`` writes them."""
_AT_ONCE = 50
"""Pictures a transaction: others must be able to write between them."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    known: int
    """That the library had already, also retired ones."""
    refused: tuple[str, ...]
    """Pictures that could not be taken, each with the reason."""


def import_dataset(
    database: Database,
    store: PictureStore,
    trainer: Person,
    folder: Path,
    detect: Detect | None = None,
    on_picture: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Take a labelled data set into the library; once more adds only what is new.

    Args:
        database: of the console.
        store: of the library.
        trainer: who does it.
        folder: a data set, rendered (``parcelsight synthesize``) or with projected threats (``parcelsight project``).
        detect: gives the alarms for exercises with the detector's aid; without it the pictures serve those without.
        on_picture: told the finished and the total number.

    Raises:
        UsageError: if the person may not.
        DatasetError, AnnotationError: if the folder is no data set.
        StorageError: if the disk or the database refuses.
    """
    require_trainer(trainer)
    dataset = open_dataset(folder)
    _require_origin(folder, dataset)
    added = known = 0
    refused: list[str] = []
    for start in range(0, len(dataset), _AT_ONCE):
        with database.write() as session:
            for number, record in enumerate(dataset.records[start : start + _AT_ONCE], start=start + 1):
                try:
                    is_new = take_picture(session, store, record, detect)
                    added, known = added + is_new, known + (not is_new)
                except (ScanError, UsageError) as error:
                    refused.append(f"{record.scan_id}: {error}")
                on_picture(number, len(dataset))
    with database.write() as session:
        told = {"data set": dataset.name, "added": added, "known": known, "refused": len(refused)}
        append(session, trainer.login, "training pictures imported", "training library", told)
    return Imported(added, known, tuple(refused))


def retire(session: Session, trainer: Person, picture_ids: Sequence[int]) -> None:
    """Show pictures no longer; answers to them stay. Raises UsageError if the person may not, or for an unknown one."""
    require_trainer(trainer)
    for picture_id in picture_ids:
        row = session.get(PictureRow, picture_id)
        if row is None:
            raise UsageError(f"the library has no picture {picture_id}", "reload the list of pictures")
        row.retired_at = row.retired_at or now()
    append(session, trainer.login, "training pictures retired", "training library", {"pictures": list(picture_ids)})


def require_trainer(person: Person) -> None:
    """Raises UsageError for whoever may not train people."""
    if not person.may(Permission.TRAIN_PEOPLE):
        raise UsageError(f"{person.login} may not train people", "ask an administrator for the role trainer")


def _require_origin(folder: Path, dataset: Dataset) -> None:
    """A data set whose boxes are anything but threats of the taxonomy would teach wrong answers."""
    labels = {label for record in dataset for label in record.annotations.labels}
    if labels and not any(TAXONOMY.group_of(label) for label in labels):
        raise DatasetError(
            f"{folder}: none of its labels is a threat ({', '.join(sorted(labels)[:5])})",
            "render one with: parcelsight synthesize OUT",
        )


def take_picture(session: Session, store: PictureStore, record: Record, detect: Detect | None) -> bool:
    """Keep one picture; False where it is there already."""
    if len(record.files) != 1:
        raise UsageError("a pair of files is no picture of the library", "convert it to one two-channel TIFF")
    content = read_bytes(record.files[0], DEFAULT_LIMITS)
    scan = decode_scan(content, str(record.files[0]))
    if (scan.width_px, scan.height_px) != (record.width_px, record.height_px):
        raise UsageError("the picture's size is not the labels'", "check the data set: parcelsight dataset check")
    file = store.put(content)
    if session.scalar(select(PictureRow.id).where(PictureRow.file == file)) is not None:
        return False
    session.add(_row(file, scan, record, detect(scan) if detect is not None else None))
    session.flush()
    return True


def _row(file: str, scan: Scan, record: Record, detections: list[dict[str, Any]] | None) -> PictureRow:
    found, clutter = record.annotations, clutter_level(scan)
    threats = _threats(found, clutter)
    easiest = min(threats, key=lambda threat: threat[1].difficulty, default=None)
    factors = easiest[1] if easiest else Factors(0.0, 0.0, clutter)
    truths = [_truth(found, index) for index, _ in threats]
    return PictureRow(
        file=file,
        scan_id=record.scan_id[:200],
        parcel=parcel_key(record.scan_id, str(record.files[0].parent.resolve()), file),
        origin=_origin(found),
        kind=scan.kind,
        width_px=scan.width_px,
        height_px=scan.height_px,
        pitch_mm=scan.pitch_mm,
        label=found.labels[easiest[0]] if easiest else "",
        design=_design(found, easiest[0]) if easiest else "",
        truths=truths,
        detections=detections,
        view=factors.view,
        superposition=factors.superposition,
        clutter=factors.clutter,
        difficulty=factors.difficulty,
        answers=0,
        added_at=now(),
    )


def _threats(found: Annotations, clutter: float) -> list[tuple[int, Factors]]:
    """(index, factors) of the labels that are threats."""
    threats = [index for index, label in enumerate(found.labels) if TAXONOMY.group_of(label) is not None]
    return [(index, threat_factors(found.attributes[index], clutter)) for index in threats]


def _truth(found: Annotations, index: int) -> dict[str, Any]:
    box = [round(float(edge), 1) for edge in found.xyxy_px[index]]
    return {"label": found.labels[index], "design": _design(found, index), "xyxy_px": box}


def _design(found: Annotations, index: int) -> str:
    return str(found.attributes[index].get("design_id", ""))[:100]


def _origin(found: Annotations) -> Origin:
    if any(attributes.get("projected") == "yes" for attributes in found.attributes):
        return Origin.PROJECTED
    rendered = any("view_difficulty" in attributes for attributes in found.attributes)
    return Origin.RENDERED if rendered or not len(found) else Origin.REAL
