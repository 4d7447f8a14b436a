"""``belt.json``: everything about a recorded belt but its lines, as a typed and bounded document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from .annotations import Annotations
from .belt import BeltLabel, BeltParcel, Label
from .belt_motion import BeltEvent, Motion, Run, ScriptedEvent
from .scan import AIR_LEVEL

FORMAT: Literal["parcelsight-belt/1"] = "parcelsight-belt/1"
MAX_LINES = 1 << 31
MAX_DETECTORS = 8192


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r} has characters that are not printable")
    return text


Text = Annotated[str, Field(max_length=200)]
Row = Annotated[int, Field(ge=-MAX_LINES, le=MAX_LINES)]
Line = Annotated[int, Field(ge=0, le=MAX_LINES)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e6)]
Barcode = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Note = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
ViewName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")]
"""Becomes part of a file's name, so nothing else is let through."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventEntry(_Strict):
    """A scripted event."""

    position_mm: Finite
    event: BeltEvent
    duration_ms: Positive


class RunEntry(_Strict):
    """A run of the motion."""

    first_line: Line
    lines: Annotated[int, Field(ge=1, le=MAX_LINES)]
    first_row: Row
    step: Literal[-1, 0, 1]
    beam: bool


class ObjectEntry(_Strict):
    """A labelled object."""

    label: Text
    box: tuple[Finite, Finite, Finite, Finite] = Field(description="detector, row, detector, row; ends exclusive")
    attributes: dict[Text, JsonValue] = Field(default_factory=dict, max_length=64)


class ParcelEntry(_Strict):
    """A parcel."""

    parcel_id: Text
    scenario: Text
    first_row: Row
    end_row: Row
    first_line: Line
    end_line: Line
    views: dict[ViewName, Annotated[list[ObjectEntry], Field(max_length=10_000)]] = Field(max_length=2)


class LabelEntry(_Strict):
    """What comes with a parcel besides its picture."""

    first_line: Line
    end_line: Line
    barcodes: tuple[Barcode, ...] = Field(default=(), max_length=10_000)
    notes: dict[Note, Note] = Field(default_factory=dict, max_length=8)


class BeltDocument(_Strict):
    """The whole file."""

    format: Literal["parcelsight-belt/1"] = FORMAT
    version: Text = Field(description="of ParcelSight, which recorded it")
    scanner: Text
    preset: dict[str, JsonValue] = Field(description="the scanner's settings, for the record; never interpreted")
    seed: int
    split: Text
    raw: bool = Field(description="lines before calibration")
    air_level: int = AIR_LEVEL
    pitch_mm: Positive = Field(description="detector pitch at the belt")
    line_pitch_mm: Positive = Field(description="belt travel from line to line")
    line_rate_hz: Positive
    belt_speed_m_s: Positive
    lines: Annotated[int, Field(ge=1, le=MAX_LINES)]
    detectors: Annotated[int, Field(ge=1, le=MAX_DETECTORS)]
    views: tuple[ViewName, ...] = Field(min_length=1, max_length=2)
    dead_detectors: dict[ViewName, list[Annotated[int, Field(ge=0, lt=MAX_DETECTORS)]]] = Field(max_length=2)
    events: list[EventEntry] = Field(max_length=10_000)
    runs: list[RunEntry] = Field(min_length=1, max_length=30_000)
    parcels: list[ParcelEntry] = Field(max_length=1_000_000)
    labels: list[LabelEntry] = Field(default_factory=list, max_length=1_000_000)

    @model_validator(mode="after")
    def _agree(self) -> BeltDocument:
        if self.air_level != AIR_LEVEL:
            raise ValueError(f"air_level {self.air_level}: lines are read in units of 1/{AIR_LEVEL}")
        if len(set(self.views)) != len(self.views):
            raise ValueError("two views have the same name")
        if self.runs[-1].first_line + self.runs[-1].lines != self.lines:
            raise ValueError(f"the runs do not end with line {self.lines}")
        for parcel in self.parcels:
            ordered = parcel.first_row < parcel.end_row and parcel.first_line < parcel.end_line <= self.lines
            if not ordered or set(parcel.views) != set(self.views):
                raise ValueError(f"parcel {parcel.parcel_id}: rows, lines or views do not fit the belt")
        return self

    def to_motion(self) -> Motion:
        """How the belt moved. Raises ValueError where runs do not follow each other."""
        runs = tuple(Run(r.first_line, r.lines, r.first_row, r.step, r.beam) for r in self.runs)
        return Motion(self.line_rate_hz, self.line_pitch_mm, runs)

    def to_parcels(self) -> tuple[BeltParcel, ...]:
        """The truth. Raises ValueError for an impossible box."""
        return tuple(
            BeltParcel(
                p.parcel_id, p.scenario, p.first_row, p.end_row, p.first_line, p.end_line,
                {name: _annotations(objects) for name, objects in p.views.items()},
            )
            for p in self.parcels
        )  # fmt: skip

    def to_labels(self) -> tuple[BeltLabel, ...]:
        """What came with the parcels. Raises ValueError where a label belongs to no lines."""
        return tuple(BeltLabel(e.first_line, e.end_line, Label(e.barcodes, e.notes)) for e in self.labels)


def _annotations(objects: list[ObjectEntry]) -> Annotations:
    return Annotations.of([o.box for o in objects], [o.label for o in objects], [dict(o.attributes) for o in objects])


def parcel_entry(parcel: BeltParcel) -> ParcelEntry:
    """A parcel as it is written."""
    views = {name: _objects(found) for name, found in parcel.views.items()}
    return ParcelEntry(
        parcel_id=parcel.parcel_id,
        scenario=parcel.scenario,
        first_row=parcel.first_row,
        end_row=parcel.end_row,
        first_line=parcel.first_line,
        end_line=parcel.end_line,
        views=views,
    )


def label_entry(label: BeltLabel) -> LabelEntry:
    """A label as it is written."""
    return LabelEntry(
        first_line=label.first_line,
        end_line=label.end_line,
        barcodes=label.label.barcodes,
        notes=dict(label.label.notes),
    )


def _objects(found: Annotations) -> list[ObjectEntry]:
    return [
        ObjectEntry(label=label, box=tuple(box), attributes=_plain(attributes))
        for box, label, attributes in zip(found.xyxy_px.tolist(), found.labels, found.attributes, strict=True)
    ]


def _plain(attributes: Mapping[str, object]) -> dict[str, Any]:
    return dict(attributes)


def run_entries(motion: Motion, lines: int) -> list[RunEntry]:
    """The runs of a belt that ended after so many lines."""
    return [
        RunEntry(first_line=r.first_line, lines=r.lines or 0, first_row=r.first_row, step=r.step, beam=r.beam)  # type: ignore[arg-type]
        for r in motion.ended(lines).runs
    ]


def event_entries(events: Iterable[ScriptedEvent]) -> list[EventEntry]:
    """Events as they are written."""
    return [EventEntry(position_mm=e.position_mm, event=e.event, duration_ms=e.duration_ms) for e in events]
