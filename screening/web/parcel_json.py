"""A parcel as the desk page gets it: all that a person needs for a decision, and nothing of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...inference.verdicts import Verdict
from ..desk.figures import ClassFigures
from ..desk.procedure import Procedure
from ..desk.reliability import reliability_of, words_for
from ..people.accounts import Person
from ..storage.tables import DecisionRow, LaneRow, MarkRow, OpeningRow, ParcelRow, PersonRow, ScanRow

_COMMON_TOOLS = ("bw", "negative", "low", "high", "edges", "equalise", "gamma", "zoom", "ruler", "loupe", "values")
_TOOLS = {
    "dual-energy": (*_COMMON_TOOLS, "colour", "organic", "strip", "metal", "super", "density", "palette"),
    "grey": (*_COMMON_TOOLS, "super", "density"),
    "pseudo-colour": _COMMON_TOOLS,
}


def parcel_json(
    session: Session, parcel: ParcelRow, person: Person, procedure: Procedure, site: Mapping[str, ClassFigures]
) -> dict[str, Any]:
    """The whole parcel."""
    lane = session.get(LaneRow, parcel.lane)
    is_calibrated = bool(lane is not None and lane.details.get("calibrated"))
    alarms = [alarm for scan in parcel.scans for alarm in scan.detections]
    names = _names(session, parcel)
    return {
        "id": parcel.id,
        "state": str(parcel.state),
        "lane": parcel.lane,
        "lane_title": (lane.title if lane is not None else "") or parcel.lane,
        "item_id": parcel.item_id,
        "declared": parcel.declared,
        "arrived_at": _iso(parcel.arrived_at),
        "verdict": str(parcel.verdict),
        "lease_until": _iso(parcel.leased_until) if parcel.leased_to == person.id else None,
        "training": False,
        "scans": [_scan(session, scan, person, names) for scan in parcel.scans],
        "decisions": [_decision(row, names) for row in parcel.decisions],
        "openings": [opening_json(row, names) for row in parcel.openings],
        "choices": _choices(parcel, procedure),
        "reliability": reliability_of(alarms, site, is_calibrated),
        "aid": {"mode": str(procedure.aid), "after_s": procedure.aid_after_s},
        "look_s": procedure.look_s,
    }


def _scan(session: Session, scan: ScanRow, person: Person, names: Mapping[int, str]) -> dict[str, Any]:
    marks = session.scalars(
        select(MarkRow).where(MarkRow.scan_id == scan.id, MarkRow.undone_at.is_(None)).order_by(MarkRow.id)
    ).all()
    return {
        "id": scan.id,
        "view": scan.view,
        "kind": scan.kind,
        "width_px": scan.width_px,
        "height_px": scan.height_px,
        "pitch_mm": scan.pitch_mm,
        "verdict": str(scan.verdict),
        "reason": scan.reason,
        "detections": [_alarm(found) for found in scan.detections],
        "dense": [area["xyxy_px"] for area in scan.dense],
        "marks": [mark_json(mark, person, names) for mark in marks],
        "model": scan.model,
        "operating_point": scan.operating_point,
        "pixels_url": f"/api/scans/{scan.id}/pixels" if scan.file is not None else None,
        "no_picture": "" if scan.file is not None else _why_no_picture(scan),
        "tools": list(_TOOLS.get(scan.kind, ())),
    }


def _why_no_picture(scan: ScanRow) -> str:
    """``unreadable``, ``gone`` (the lane kept it no longer) or ``retention``."""
    return scan.kind if scan.kind in ("unreadable", "gone") else "retention"


def _alarm(found: Mapping[str, Any]) -> dict[str, Any]:
    words = words_for(float(found["score"]))
    return {
        "id": found["id"],
        "class": found["class"],
        "group": found["group"],
        "score": found["score"],
        "xyxy_px": found["xyxy_px"],
        "words": str(words),
        "words_key": str(words),
    }


def mark_json(mark: MarkRow, person: Person, names: Mapping[int, str]) -> dict[str, Any]:
    """A mark."""
    return {
        "id": mark.id,
        "scan_id": mark.scan_id,
        "kind": str(mark.kind),
        "detection_id": mark.detection_id,
        "label": mark.label,
        "xyxy_px": mark.xyxy_px,
        "person": names.get(mark.person_id, person.name if mark.person_id == person.id else ""),
        "is_mine": mark.person_id == person.id,
    }


def decision_json(row: DecisionRow, procedure: Procedure) -> dict[str, Any]:
    """A decision, for whoever just took it."""
    return {
        "id": row.id,
        "parcel_id": row.parcel_id,
        "kind": str(row.kind),
        "reason": row.reason,
        "decided_at": _iso(row.decided_at),
        "undo_until": _iso(row.decided_at + timedelta(seconds=procedure.undo_s)),
        "undone": row.undone_at is not None,
    }


def _decision(row: DecisionRow, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "person": names.get(row.person_id, ""),
        "kind": str(row.kind),
        "reason": row.reason,
        "note": row.note,
        "decided_at": _iso(row.decided_at),
        "took_ms": row.took_ms,
        "undone": row.undone_at is not None,
    }


def opening_json(row: OpeningRow, names: Mapping[int, str]) -> dict[str, Any]:
    """What an opening found."""
    return {
        "id": row.id,
        "parcel_id": row.parcel_id,
        "person": names.get(row.person_id, ""),
        "found": row.found,
        "note": row.note,
        "at": _iso(row.at),
    }


def _choices(parcel: ParcelRow, procedure: Procedure) -> list[dict[str, Any]]:
    verdict = Verdict(parcel.verdict)
    return [
        {
            "kind": str(kind),
            "key": choice.key,
            "reasons": list(choice.reasons),
            "reason_needed": verdict in choice.ask_reason_for,
            "two_persons": verdict in choice.two_persons_for,
        }
        for kind, choice in procedure.choices.items()
    ]


def _names(session: Session, parcel: ParcelRow) -> dict[int, str]:
    """Names of everybody who had to do with the parcel."""
    scans = [scan.id for scan in parcel.scans]
    marked = session.scalars(select(MarkRow.person_id).where(MarkRow.scan_id.in_(scans))).all()
    rows: Sequence[DecisionRow | OpeningRow] = [*parcel.decisions, *parcel.openings]
    ids = {row.person_id for row in rows} | set(marked)
    return names_of(session, ids)


def names_of(session: Session, ids: set[int]) -> dict[int, str]:
    """Names by number."""
    found = session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(ids)))
    return {row.id: row.name for row in found}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None
