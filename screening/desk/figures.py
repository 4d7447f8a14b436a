"""What supervisors see: how much, how fast, how often the detector and people agree, and who was right.

All figures are of a period and, where asked, of one lane or person; decisions that were taken back do not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, String, cast, func, select
from sqlalchemy.orm import Session, selectinload

from ...inference.verdicts import Verdict
from ..rates import Rate
from ..storage.tables import DecisionKind, DecisionRow, MarkKind, MarkRow, OpeningRow, ParcelRow, ParcelState, ScanRow
from ..tutor.tip_tables import carried, carrying

Columns = TypeVarTuple("Columns")


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
    verdicts = Counter({str(verdict): count for verdict, count in session.execute(_verdicts(period))})
    decisions = session.execute(_decisions(period)).all()
    counted = [row for row in decisions if row.undone_at is None]
    seen_twice = set(session.scalars(carried()))
    alarmed = [row for row in counted if row.verdict == Verdict.ALARM]
    kinds = Counter(str(row.kind) for row in counted)
    return Work(
        parcels=verdicts.total(),
        verdicts=verdicts,
        decisions=kinds,
        undone=len(decisions) - len(counted),
        # A parcel that carried a projected threat was looked at twice; its second look is no measure.
        took_ms=_times([row.took_ms for row in counted if row.parcel_id not in seen_twice]),
        by_hour=Counter(row.decided_at.replace(minute=0, second=0, microsecond=0) for row in counted),
        alarm_rate=Rate(verdicts[Verdict.ALARM], verdicts.total()),
        override_rate=Rate(sum(row.kind == DecisionKind.RELEASE for row in alarmed), len(alarmed)),
        second_look_rate=Rate(kinds[DecisionKind.SECOND_LOOK], len(counted)),
    )


def truth(session: Session, period: Period) -> Truth:
    """Agreement with what was found."""
    wanted = select(ParcelRow).where(*_within(period), ParcelRow.state == ParcelState.DONE)
    opened = session.scalars(wanted.options(selectinload(ParcelRow.openings))).all()
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
    # Most scans of a season have nothing, and need not be looked at: this runs beside people's work.
    for found in session.scalars(_seen(select(ScanRow.detections), period).where(_has_detections())):
        alarms.update(str(one["class"]) for one in found)
    last: dict[tuple[int, str], tuple[str, str]] = {}
    missed: Counter[str] = Counter()
    wanted = select(MarkRow.scan_id, MarkRow.detection_id, MarkRow.label, MarkRow.kind).select_from(MarkRow)
    wanted = _seen(wanted.join(ScanRow, MarkRow.scan_id == ScanRow.id), period)
    for scan_id, detection_id, label, kind in session.execute(
        wanted.where(MarkRow.undone_at.is_(None)).order_by(MarkRow.id)
    ):
        if detection_id is None:
            missed[label] += 1
        else:
            last[scan_id, detection_id] = (label, kind)
    judged: dict[str, list[bool]] = defaultdict(list)
    for label, kind in last.values():
        judged[label].append(kind == MarkKind.WRONG)
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


def _verdicts(period: Period) -> Select[str, int]:
    return select(ParcelRow.verdict, func.count()).where(*_within(period)).group_by(ParcelRow.verdict)


def _decisions(period: Period) -> Select[str, int, datetime, datetime | None, int, str]:
    columns = (DecisionRow.kind, DecisionRow.took_ms, DecisionRow.decided_at, DecisionRow.undone_at)
    wanted = (
        select(*columns, DecisionRow.parcel_id, ParcelRow.verdict)
        .join(ParcelRow, DecisionRow.parcel_id == ParcelRow.id)
        .where(DecisionRow.decided_at >= period.since, DecisionRow.decided_at < period.until)
    )
    if period.person_id is not None:
        wanted = wanted.where(DecisionRow.person_id == period.person_id)
    if period.lane is not None:
        wanted = wanted.where(ParcelRow.lane == period.lane)
    return wanted


def _seen(wanted: Select[*Columns], period: Period) -> Select[*Columns]:
    """Of scans within the period; what is drawn around a projected threat says nothing of the detector."""
    joined = wanted.join(ParcelRow, ScanRow.parcel_id == ParcelRow.id)
    return joined.where(*_within(period), ParcelRow.id.not_in(carrying()))


def _has_detections() -> ColumnElement[bool]:
    return cast(ScanRow.detections, String) != "[]"


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
