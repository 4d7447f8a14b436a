"""The parts of an evaluation, as values that are written to JSON and read back. Intervals are 95 %."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from ..detector.card import Interval, PointName, Rate


class Frozen(BaseModel):
    """Cannot be changed, and knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PointScore(Frozen):
    """What one of the named operating points does on the measured scans; its intervals are Clopper–Pearson's."""

    name: PointName
    budget: Rate | None
    """Share of threat-free parcels that may alarm, for which it was chosen; None for a model's own thresholds."""
    thresholds: dict[str, Rate]
    """Class of the model → scores at or above are alarms."""
    false_alarm_rate: Interval | None
    """Of threat-free parcels; None where there were none."""
    parcel_recall: Interval | None
    """Of parcels with a threat: those that raise any alarm."""
    object_recall: Interval | None
    """Of labelled threats, by an alarm of any class at IoU ≥ 0.5."""
    resolved: bool
    """False where too few threat-free parcels were at hand to place the thresholds well."""


class PointRecall(Frozen):
    """What an operating point finds of one category; intervals from the bootstrap over groups."""

    point: PointName
    objects: Interval
    """Found by an alarm of the category at IoU ≥ 0.5."""
    parcels: Interval
    """Of those holding such an object: with an alarm of any kind."""


class PrecisionRecall(Frozen):
    """Precision at 101 points of recall, 0 … 1, at IoU 0.5; 0 where a recall is not reached."""

    name: str
    precision: tuple[Rate, ...]


class Froc(Frozen):
    """Objects found against false alarms in a threat-free parcel, over all thresholds, at IoU 0.5."""

    name: str
    false_alarms: tuple[float, ...]
    """Mean number of alarms, of any class, in a threat-free parcel; rising."""
    recall: tuple[Rate, ...]


class ReliabilityBin(Frozen):
    """Detections of similar score."""

    low: Rate
    high: Rate
    detections: int
    confidence: Rate
    """Their mean score."""
    precision: Rate
    """The share of them that is right."""


class Reliability(Frozen):
    """How far scores mean what they say."""

    from_score: Rate
    """Detections below are left out: there are hundreds a scan, and nobody ever sees them."""
    detections: int
    right: int
    error: Interval
    """Expected calibration error: mean of \\|precision - confidence\\| over bins, weighted by their detections."""
    bins: tuple[ReliabilityBin, ...]


class Confusion(Frozen):
    """What alarms call the objects they lie on, at an operating point and IoU ≥ 0.5."""

    point: PointName
    rows: tuple[str, ...]
    """Labels, and ``background`` for alarms on nothing."""
    columns: tuple[str, ...]
    """Classes of the model, and ``missed``."""
    counts: tuple[tuple[int, ...], ...]


class FactorLevel(Frozen):
    """Threats of one kind of difficulty: how many are found, as a threat of any class, at each operating point."""

    factor: str
    level: str
    objects: int
    parcels: int
    found: dict[PointName, Interval]


class ExampleKind(StrEnum):
    """Of what an example is the worst."""

    MISS = "miss"
    FALSE_ALARM = "false alarm"


class Example(Frozen):
    """One of the worst misses, or of the worst false alarms in a threat-free parcel."""

    kind: ExampleKind
    scan_id: str
    name: str
    """The label that was missed, or the class that was claimed."""
    score: Rate
    """Of the best detection on the missed object, or of the false alarm."""
    xyxy_px: tuple[float, float, float, float]
    remarks: dict[str, str] = Field(default_factory=dict)
    """What the label tells of a missed object's difficulty."""


class Change(Frozen):
    """How a figure differs from that of the unchanged scans: paired, so the sign of its interval is telling."""

    value: float = Field(ge=-1, le=1)
    low: float = Field(ge=-1, le=1)
    high: float = Field(ge=-1, le=1)
    n: int


class MirrorLine(Frozen):
    """One category on recoloured scans against the same scans unchanged."""

    name: str
    ap50: Rate
    ap50_change: Change
    object_recall: Rate | None = None
    """At the thresholds of the unchanged scans; None where there are none."""
    object_recall_change: Change | None = None


class Mirror(Frozen):
    """The same scans in other colours."""

    rendering: str
    scans: int
    changed: int
    """Scans whose picture is really another; the air of some cannot be told from their contents."""
    lines: tuple[MirrorLine, ...]
    false_alarm_rate: Interval | None
    """Of threat-free parcels, at the thresholds of the unchanged scans."""
    false_alarm_change: Change | None
