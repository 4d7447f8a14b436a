"""Feedback that teaches: was the alarm right, and what was missed?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.tables import MarkKind, MarkRow, ScanRow
from ..storage.times import now

_LEAST_SIDE_PX = 2.0
_MOST_A_SCAN = 200


def mark_alarm(
    session: Session, person: Person, scan_id: int, detection_id: str, right: bool, request_id: str
) -> MarkRow:
    """Say whether an alarm was right. A later mark of the same person on the same alarm replaces the earlier one.

    Raises:
        UsageError: if the scan has no such alarm.
    """
    scan = _scan(session, scan_id)
    alarm = next((found for found in scan.detections if found.get("id") == detection_id), None)
    if alarm is None:
        raise UsageError(f"scan {scan.scan_id} has no alarm {detection_id[:40]!r}", "reload the parcel")
    kind = MarkKind.RIGHT if right else MarkKind.WRONG
    return _add(session, person, scan, kind, str(alarm["class"]), alarm["xyxy_px"], detection_id, request_id)


def mark_missed(
    session: Session, person: Person, scan_id: int, label: str, xyxy_px: Sequence[float], request_id: str
) -> MarkRow:
    """Draw a box around a threat that raised no alarm.

    Args:
        session: a write transaction.
        person: who says so.
        scan_id: the scan's row.
        label: a class or group of the taxonomy.
        xyxy_px: the box in pixels of the scan, clipped to it.
        request_id: of the console; the same again changes nothing.

    Raises:
        UsageError: if the label or the box cannot be.
    """
    scan = _scan(session, scan_id)
    if TAXONOMY.group_of(label) is None:
        raise UsageError(f"{label[:40]!r} is no class", f"choose one of {', '.join(TAXONOMY.classes)}")
    box = np.asarray(xyxy_px, float)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise UsageError("a box has four numbers", "draw it again")
    clipped = np.clip(box, 0, [scan.width_px, scan.height_px] * 2)
    if (clipped[2:] - clipped[:2] < _LEAST_SIDE_PX).any():
        raise UsageError("the box is outside the scan, or too small", "draw it again around the object")
    return _add(session, person, scan, MarkKind.MISSED, label, clipped.tolist(), None, request_id)


def take_back(session: Session, person: Person, mark_id: int) -> None:
    """Withdraw an own mark. Raises UsageError if it is not theirs."""
    row = session.get(MarkRow, mark_id)
    if row is None or row.person_id != person.id:
        raise UsageError("this mark is not yours", "tell your supervisor")
    if row.undone_at is None:
        row.undone_at = now()
        append(session, person.login, "mark taken back", f"mark {row.id}", {})


def _scan(session: Session, scan_id: int) -> ScanRow:
    row = session.get(ScanRow, scan_id)
    if row is None:
        raise UsageError(f"there is no scan {scan_id}", "reload the parcel")
    return row


def _add(
    session: Session,
    person: Person,
    scan: ScanRow,
    kind: MarkKind,
    label: str,
    xyxy_px: list[float],
    detection_id: str | None,
    request_id: str,
) -> MarkRow:
    before = session.scalar(select(MarkRow).where(MarkRow.request_id == request_id))
    if before is not None:
        return before
    standing = select(MarkRow).where(MarkRow.scan_id == scan.id, MarkRow.undone_at.is_(None))
    rows = session.scalars(standing).all()
    if len(rows) >= _MOST_A_SCAN:
        raise UsageError(f"scan {scan.scan_id} has {len(rows)} marks", "take some back")
    moment = now()
    for row in rows:
        if detection_id is not None and row.detection_id == detection_id and row.person_id == person.id:
            row.undone_at = moment
    mark = MarkRow(
        request_id=request_id,
        scan_id=scan.id,
        person_id=person.id,
        kind=kind,
        detection_id=detection_id,
        label=label,
        xyxy_px=xyxy_px,
        at=moment,
    )
    session.add(mark)
    session.flush()
    append(session, person.login, "marked", f"parcel {scan.parcel_id}", {"kind": kind, "label": label})
    return mark
