"""What supervisors see: how much, how fast, how often the detector and people agree, and who was right.

All figures are of a period and, where asked, of one lane or person; decisions that were taken back do not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, selectinload

from ...inference.verdicts import Verdict
from ..rates import Rate
from ..storage.tables import DecisionKind, DecisionRow, MarkKind, MarkRow, OpeningRow, ParcelRow, ParcelState, ScanRow
from ..tutor.tip_tables import carried, carrying


@dataclass(frozen=True, slots=True)
class Period:
    """What is looked at."""

    since: datetime
    until: datetime
    lane: str | None = None
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """How much was done, and how fast."""

    parcels: int
    verdicts: Mapping[str, int]
    decisions: Mapping[str, int]
    undone: int
    took_ms: tuple[float, float, float] | None
    """Median, upper quartile and 95th percentile from picture to key; None with fewer than two decisions."""
    by_hour: Mapping[datetime, int]
    """Decisions in each hour, UTC."""
    alarm_rate: Rate
    """Of parcels."""
    override_rate: Rate
    """Of decisions on alarms: released at once."""
    second_look_rate: Rate
    """Of decisions."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Against what was found in opened parcels; only opened ones have a truth, so this is no detection rate."""

    opened: int
    found: int
    alarm_right: Rate
    """Of opened parcels with an alarm: something was found."""
    officer_right: Rate
    """Of parcels opened without an alarm, by an officer's own eye: something was found."""
    missed: int
    """Opened without an alarm, and something was found."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What officers said of the alarms of one class."""

    label: str
    alarms: int
    wrong: Rate
    """Of the alarms that somebody judged."""
    missed: int
    """Boxes that officers drew."""


def work(session: Session, period: Period) -> Work:
    """Throughput, decisions and times."""
    parcels = session.scalars(_parcels(period)).all()
    decisions = session.scalars(_decisions(period)).all()
    counted = [row for row in decisions if row.undone_at is None]
    verdict_of = _verdicts(session, {row.parcel_id for row in counted})
    seen_twice = set(session.scalars(carried()))
    alarmed = [row for row in counted if verdict_of[row.parcel_id] == Verdict.ALARM]
    return Work(
        parcels=len(parcels),
        verdicts=Counter(parcel.verdict for parcel in parcels),
        decisions=Counter(row.kind for row in counted),
        undone=len(decisions) - len(counted),
        # A parcel that carried a projected threat was looked at twice; its second look is no measure.
        took_ms=_times([row.took_ms for row in counted if row.parcel_id not in seen_twice]),
        by_hour=Counter(row.decided_at.replace(minute=0, second=0, microsecond=0) for row in counted),
        alarm_rate=Rate(sum(parcel.verdict == Verdict.ALARM for parcel in parcels), len(parcels)),
        override_rate=Rate(sum(row.kind == DecisionKind.RELEASE for row in alarmed), len(alarmed)),
        second_look_rate=Rate(sum(row.kind == DecisionKind.SECOND_LOOK for row in counted), len(counted)),
    )


def truth(session: Session, period: Period) -> Truth:
    """Agreement with what was found."""
    wanted = _parcels(period).where(ParcelRow.state == ParcelState.DONE).options(selectinload(ParcelRow.openings))
    opened = session.scalars(wanted).all()
    if period.person_id is not None:
        opened = [parcel for parcel in opened if _opened_by(session, parcel, period.person_id)]
    found = {parcel.id for parcel in opened if _has_finding(parcel.openings)}
    alarmed = {parcel.id for parcel in opened if parcel.verdict == Verdict.ALARM}
    own = {parcel.id for parcel in opened} - alarmed
    return Truth(
        opened=len(opened),
        found=len(found),
        alarm_right=Rate(len(alarmed & found), len(alarmed)),
        officer_right=Rate(len(own & found), len(own)),
        missed=len(own & found),
    )


def by_class(session: Session, period: Period) -> list[ClassFigures]:
    """Alarms, wrong ones among those judged, and misses, for every class that occurred; most alarms first."""
    alarms: Counter[str] = Counter()
    scans = select(ScanRow).join(ParcelRow, ScanRow.parcel_id == ParcelRow.id).where(*_within(period))
    ids = set()
    # What is drawn around a projected threat says nothing of the detector.
    for scan in session.scalars(scans.where(ParcelRow.id.not_in(carrying()))):
        ids.add(scan.id)
        alarms.update(str(found["class"]) for found in scan.detections)
    last: dict[tuple[int, str], MarkRow] = {}
    missed: Counter[str] = Counter()
    for mark in session.scalars(select(MarkRow).where(MarkRow.undone_at.is_(None)).order_by(MarkRow.id)):
        if mark.scan_id not in ids:
            continue
        if mark.detection_id is None:
            missed[mark.label] += 1
        else:
            last[mark.scan_id, mark.detection_id] = mark
    judged: dict[str, list[bool]] = defaultdict(list)
    for mark in last.values():
        judged[mark.label].append(mark.kind == MarkKind.WRONG)
    labels = sorted({*alarms, *missed}, key=lambda label: (-alarms[label], label))
    return [
        ClassFigures(label, alarms[label], Rate(sum(judged[label]), len(judged[label])), missed[label])
        for label in labels
    ]


def _within(period: Period) -> tuple[ColumnElement[bool], ...]:
    limits = [ParcelRow.arrived_at >= period.since, ParcelRow.arrived_at < period.until]
    if period.lane is not None:
        limits.append(ParcelRow.lane == period.lane)
    return tuple(limits)


def _parcels(period: Period) -> Select[ParcelRow]:
    return select(ParcelRow).where(*_within(period))


def _decisions(period: Period) -> Select[DecisionRow]:
    wanted = select(DecisionRow).where(DecisionRow.decided_at >= period.since, DecisionRow.decided_at < period.until)
    if period.person_id is not None:
        wanted = wanted.where(DecisionRow.person_id == period.person_id)
    if period.lane is not None:
        wanted = wanted.join(ParcelRow, DecisionRow.parcel_id == ParcelRow.id).where(ParcelRow.lane == period.lane)
    return wanted


def _verdicts(session: Session, ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), 500):  # databases bound the length of a list
        chunk = ordered[start : start + 500]
        rows = session.execute(select(ParcelRow.id, ParcelRow.verdict).where(ParcelRow.id.in_(chunk)))
        found.update((number, verdict) for number, verdict in rows)
    return found


def _opened_by(session: Session, parcel: ParcelRow, person_id: int) -> bool:
    chose = select(DecisionRow.id).where(
        DecisionRow.parcel_id == parcel.id,
        DecisionRow.kind == DecisionKind.OPEN,
        DecisionRow.person_id == person_id,
        DecisionRow.undone_at.is_(None),
    )
    return session.scalar(chose.limit(1)) is not None


def _has_finding(openings: Iterable[OpeningRow]) -> bool:
    return any(opening.found for opening in openings)


def _times(took_ms: Sequence[int]) -> tuple[float, float, float] | None:
    if len(took_ms) < 2:
        return None
    parts = quantiles(took_ms, n=20, method="inclusive")
    return median(took_ms), parts[14], parts[18]
