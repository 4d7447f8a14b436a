"""What officers taught: their marks and opening results as an annotated data set that training takes.

A scan goes in where somebody's word stands behind every label: alarms marked right, boxes drawn around what was missed,
and, as threat-free, scans of parcels that were opened with nothing found, or whose alarms were all marked wrong. A scan
with an alarm that nobody judged stays out: it would teach a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...datasets.annotations import Annotations, Dataset, Record
from ...datasets.native import write_native
from ...detector.errors import StorageError, UsageError
from ...detector.taxonomy import TAXONOMY
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.pictures import PictureStore
from ..storage.tables import MarkKind, MarkRow, ParcelRow, ParcelState, ScanRow
from ..tutor.tip_tables import carrying

_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"II": ".tif", b"MM": ".tif", b"BM": ".bmp", b"RIFF": ".webp"}


@dataclass(frozen=True, slots=True)
class Exported:
    """What went out."""

    scans: int
    objects: int
    threat_free: int
    unjudged: int
    """Scans with an alarm or a parcel that nobody judged."""
    gone: int
    """Scans whose picture retention removed."""


def export_feedback(
    session: Session,
    pictures: PictureStore,
    person: Person,
    folder: Path,
    licence: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Exported:
    """Write the judged scans as a data set; scans of one parcel share a group, so splits never part them.

    Args:
        session: a write transaction: the export is noted in the audit record.
        pictures: the scans.
        person: who takes them out.
        folder: new or empty.
        licence: under which the site gives them to training.
        since: only parcels that arrived at or after it.
        until: only parcels that arrived before it.

    Raises:
        UsageError: if the folder holds something, or nobody has judged a scan yet.
        DatasetError, StorageError: if it cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "name a new folder")
    unjudged = gone = 0
    records: list[Record] = []
    with TemporaryDirectory() as name:
        for parcel, scan in _scans(session, since, until):
            labels = _judgement(parcel, scan, _marks(session, scan))
            if labels is None:
                unjudged += 1
            elif scan.file is None:
                gone += 1
            else:
                records.append(_record(scan, labels, pictures, Path(name)))
        if not records:
            raise UsageError(
                "nobody has judged a scan in this period", "mark alarms right or wrong, or record openings"
            )
        dataset = Dataset("console feedback", licence, _labels(records), tuple(records))
        write_native(dataset, folder, copy="copy")
    objects = sum(len(record.annotations) for record in records)
    free = sum(not len(record.annotations) for record in records)
    append(session, person.login, "exported scans", folder.name, {"scans": len(records), "objects": objects})
    return Exported(len(records), objects, free, unjudged, gone)


def _scans(session: Session, since: datetime | None, until: datetime | None) -> Iterator[tuple[ParcelRow, ScanRow]]:
    wanted = select(ParcelRow).where(ParcelRow.id.not_in(carrying())).order_by(ParcelRow.id)
    if since is not None:
        wanted = wanted.where(ParcelRow.arrived_at >= since)
    if until is not None:
        wanted = wanted.where(ParcelRow.arrived_at < until)
    for parcel in session.scalars(wanted):
        for scan in parcel.scans:
            yield parcel, scan


def _marks(session: Session, scan: ScanRow) -> Sequence[MarkRow]:
    standing = select(MarkRow).where(MarkRow.scan_id == scan.id, MarkRow.undone_at.is_(None))
    return session.scalars(standing.order_by(MarkRow.id)).all()


def _judgement(parcel: ParcelRow, scan: ScanRow, marks: Sequence[MarkRow]) -> Annotations | None:
    """The labels of a scan; None where nobody's word stands behind them."""
    # Where two people differ, the later one has seen what the first one said.
    said = {mark.detection_id: mark for mark in marks if mark.detection_id is not None}
    alarms = {str(found.get("id")) for found in scan.detections}
    missed = [mark for mark in marks if mark.kind == MarkKind.MISSED]
    right = [mark for mark in said.values() if mark.kind == MarkKind.RIGHT]
    nothing_found = parcel.state == ParcelState.DONE and not any(opening.found for opening in parcel.openings)
    if nothing_found and not right and not missed:
        return Annotations.empty()
    if alarms - set(said) or not marks:
        return None
    kept = [*right, *missed]
    return Annotations.of(
        [mark.xyxy_px for mark in kept],
        [mark.label for mark in kept],
        [{"mark": mark.kind, "lane": parcel.lane} for mark in kept],
    )


def _record(scan: ScanRow, labels: Annotations, pictures: PictureStore, folder: Path) -> Record:
    content = pictures.get(str(scan.file))
    suffix = next((suffix for magic, suffix in _SUFFIXES.items() if content.startswith(magic)), None)
    if suffix is None:
        raise StorageError(f"scan {scan.scan_id} is of no format that training reads", "report this")
    scan_id = f"p{scan.parcel_id}-{scan.view}"
    path = folder / f"{scan_id}{suffix}"
    path.write_bytes(content)
    return Record(scan_id, (path,), scan.width_px, scan.height_px, labels, f"p{scan.parcel_id}")


def _labels(records: Sequence[Record]) -> tuple[str, ...]:
    used = {label for record in records for label in record.annotations.labels}
    groups = dict.fromkeys(str(group) for group in TAXONOMY.groups.values())
    return tuple(label for label in (*TAXONOMY.classes, *groups) if label in used)
