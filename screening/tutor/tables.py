"""What operator training keeps: the library, courses in versions, enrolments, exercises and every picture shown.

A picture on the screen and its answer are one row, so that an answer always has its picture and no picture two answers.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..storage.tables import Base


class Origin(StrEnum):
    """Where a picture comes from."""

    RENDERED = "rendered"
    PROJECTED = "projected"
    """A real scan with a threat projected into it."""
    REAL = "real"


class PictureRow(Base):
    """One picture of the library. Retired ones stay, for answers name them."""

    __tablename__ = "tutor_picture"
    __table_args__ = (Index(None, "label", "retired_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(String(64), unique=True)
    """Name in the library's picture store."""
    scan_id: Mapped[str] = mapped_column(String(200))
    parcel: Mapped[str] = mapped_column(String(200), index=True)
    """The same for all views of one parcel, and for nothing else: ``views.parcel_key``."""
    origin: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    width_px: Mapped[int]
    height_px: Mapped[int]
    pitch_mm: Mapped[float | None]
    label: Mapped[str] = mapped_column(String(64))
    """Class of the threat that is easiest to see; empty for a harmless parcel."""
    design: Mapped[str] = mapped_column(String(100))
    truths: Mapped[list[Any]] = mapped_column(default=list)
    """``{label, design, xyxy_px}`` of every threat."""
    detections: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the detector says of it, for exercises with its aid; empty where nobody asked it."""
    view: Mapped[float]
    superposition: Mapped[float]
    clutter: Mapped[float]
    difficulty: Mapped[float]
    """In logits: at first from the factors, then corrected by answers."""
    answers: Mapped[int] = mapped_column(default=0)
    """That corrected it."""
    added_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class CourseRow(Base):
    """A course; what it consists of is in its versions."""

    __tablename__ = "tutor_course"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    trainer_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    versions: Mapped[list[CourseVersionRow]] = relationship(order_by="CourseVersionRow.number")


class CourseVersionRow(Base):
    """A course as it was made or edited; never changed, for people are enrolled in it."""

    __tablename__ = "tutor_course_version"
    __table_args__ = (UniqueConstraint("course_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("tutor_course.id"))
    number: Mapped[int]
    made_at: Mapped[datetime]

    steps: Mapped[list[StepRow]] = relationship(order_by="StepRow.position")


class Mode(StrEnum):
    """How an exercise goes."""

    STUDY = "study"
    """No limit of time, feedback after each answer."""
    BELT = "belt"
    """A limit for each picture, feedback after each answer."""
    EXAMINATION = "examination"
    """A limit where one is set, pictures not adapted, feedback at the end."""


class StepRow(Base):
    """One step of a curriculum."""

    __tablename__ = "tutor_step"
    __table_args__ = (UniqueConstraint("version_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("tutor_course_version.id"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    mode: Mapped[str] = mapped_column(String(20))
    aid: Mapped[bool]
    """Whether the detector's boxes are shown."""
    labels: Mapped[list[Any]]
    """Classes."""
    pictures: Mapped[int]
    threat_share: Mapped[float]
    target: Mapped[float]
    """Hit rate aimed at."""
    limit_s: Mapped[float | None]


class EnrolmentRow(Base):
    """Somebody takes a course, in the version of that day."""

    __tablename__ = "tutor_enrolment"
    __table_args__ = (Index(None, "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("tutor_course.id"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("tutor_course_version.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    enrolled_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    enrolled_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ExerciseRow(Base):
    """One run through a step."""

    __tablename__ = "tutor_exercise"
    __table_args__ = (Index(None, "enrolment_id", "step_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("tutor_enrolment.id"))
    step_id: Mapped[int] = mapped_column(ForeignKey("tutor_step.id"))
    seed: Mapped[str] = mapped_column(String(32))
    """Decides what is shown; never leaves the server."""
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    is_complete: Mapped[bool] = mapped_column(default=False)
    """False for one that was left early."""

    step: Mapped[StepRow] = relationship()


class Outcome(StrEnum):
    """What became of a picture shown."""

    OPEN = "open"
    """It is on the screen."""
    HIT = "hit"
    MISS = "miss"
    FALSE_ALARM = "false alarm"
    REJECTION = "correct rejection"
    INTERRUPTED = "interrupted"
    """The time ran out while nobody was there; it does not count."""
    WITHDRAWN = "withdrawn"
    """The picture is gone; it does not count."""


COUNTED = (Outcome.HIT, Outcome.MISS, Outcome.FALSE_ALARM, Outcome.REJECTION)


class ItemRow(Base):
    """One picture shown, and the answer to it."""

    __tablename__ = "tutor_item"
    __table_args__ = (UniqueConstraint("exercise_id", "number"), Index(None, "picture_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    exercise_id: Mapped[int] = mapped_column(ForeignKey("tutor_exercise.id"))
    number: Mapped[int]
    """In the order shown, from 1."""
    picture_id: Mapped[int] = mapped_column(ForeignKey("tutor_picture.id"))
    beside: Mapped[list[Any]] = mapped_column(default=list)
    """Rows of the pictures that show its parcel from elsewhere, beside it on the screen."""
    difficulty: Mapped[float]
    """Of the picture when it was shown."""
    predicted: Mapped[float | None]
    """Chance of a hit that was expected; empty for harmless parcels."""
    shown_at: Mapped[datetime]
    clock: Mapped[str] = mapped_column(String(32))
    """Which process's monotonic clock ``shown_s`` is of."""
    shown_s: Mapped[float]
    outcome: Mapped[str] = mapped_column(String(20), default=Outcome.OPEN)
    request_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    answered_at: Mapped[datetime | None]
    said_threat: Mapped[bool | None]
    """Empty where the time ran out without an answer."""
    x_px: Mapped[float | None]
    y_px: Mapped[float | None]
    click_view: Mapped[str] = mapped_column(String(20), default="")
    """Name of the view beside it that ``x_px, y_px`` are of; empty for the picture itself."""
    confidence: Mapped[int | None]
    """1 a guess, 6 certain."""
    response_ms: Mapped[int | None]
    late: Mapped[bool] = mapped_column(default=False)
    """The time had run out; it counts as having let the parcel pass."""

    picture: Mapped[PictureRow] = relationship()
