"""Everything the console keeps, as tables.

A **parcel** is what is decided about; it has one scan a view, and each scan the verdict its lane gave it. A parcel is
leased to one person at a time. Decisions, opening results, marks and audit entries are only ever added: what is undone
says so, and stays.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from .times import Moment


class Base(DeclarativeBase):
    """All tables."""

    # Migrations need names that are the same on every database.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment(), dict[str, Any]: JSON(), list[Any]: JSON(), str: Text()}


class PersonRow(Base):
    """Somebody with an account. Never deleted, for records name them; ``disabled_at`` ends the account."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(10), default="en")
    password_hash: Mapped[str]
    """Argon2id with its salt and parameters."""
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Hotkeys, presets of the viewer, theme."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class SessionRow(Base):
    """A person at a console. Only the hash of the token is kept, so a stolen database opens no session."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[PersonRow] = relationship()


class InvitationRow(Base):
    """A link by which somebody sets their own password, once: the first administrator, or a new or locked-out one."""

    __tablename__ = "invitation"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Whose password; empty for the first administrator, who does not exist yet."""
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LaneRow(Base):
    """A lane as the console last heard of it."""

    __tablename__ = "lane"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime]
    heard_at: Mapped[datetime]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ParcelState(StrEnum):
    """Where a parcel stands in the procedure."""

    WAITING = "waiting"
    """For the first look."""
    SECOND_LOOK = "second look"
    """For another officer."""
    HELD = "held"
    """Taken off the belt, not opened yet."""
    OPENING = "opening"
    """To be opened; the result is awaited."""
    RELEASED = "released"
    DONE = "done"
    """Opened, and what was found is recorded."""


class ParcelRow(Base):
    """One parcel that passed a lane."""

    __tablename__ = "parcel"
    __table_args__ = (
        UniqueConstraint("lane", "lane_number"),
        Index(None, "state", "arrived_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(String(64))
    lane_number: Mapped[int]
    """The ledger's sequence number of its first scan: what makes taking it over repeatable."""
    item_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """S10 or another barcode, where one was read."""
    declared: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Declared contents, as the post told."""
    arrived_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default=ParcelState.WAITING)
    verdict: Mapped[str] = mapped_column(String(20))
    """The strictest verdict of its scans."""
    leased_to: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    leased_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    """When the procedure ended for it."""

    scans: Mapped[list[ScanRow]] = relationship(order_by="ScanRow.view")
    decisions: Mapped[list[DecisionRow]] = relationship(order_by="DecisionRow.id")
    openings: Mapped[list[OpeningRow]] = relationship(order_by="OpeningRow.id")


class ScanRow(Base):
    """One scan of a parcel, with what its lane said of it."""

    __tablename__ = "scan"
    __table_args__ = (UniqueConstraint("parcel_id", "view"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey("parcel.id"))
    view: Mapped[str] = mapped_column(String(20))
    scan_id: Mapped[str] = mapped_column(String(200))
    """As the lane calls it."""
    file: Mapped[str | None] = mapped_column(String(200))
    """Name in the picture store; empty once retention removed it."""
    sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(20))
    width_px: Mapped[int]
    height_px: Mapped[int]
    pitch_mm: Mapped[float | None]
    verdict: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str]
    detections: Mapped[list[Any]] = mapped_column(default=list)
    """As ``inference/report.py`` writes them, each with a stable ``id``."""
    dense: Mapped[list[Any]] = mapped_column(default=list)
    """Boxes too dense to judge."""
    model: Mapped[str] = mapped_column(String(200))
    operating_point: Mapped[str] = mapped_column(String(40), default="")


class DecisionKind(StrEnum):
    """What an officer may decide."""

    RELEASE = "release"
    SECOND_LOOK = "second look"
    HOLD = "hold"
    OPEN = "open"


class DecisionRow(Base):
    """One decision. ``request_id`` comes from the console, so that one sent twice counts once."""

    __tablename__ = "decision"
    __table_args__ = (Index(None, "person_id", "decided_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), unique=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey("parcel.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(20))
    state_before: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(60), default="")
    """A key of the procedure's reasons, such as why an alarm was released."""
    note: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime]
    took_ms: Mapped[int]
    """From the picture on the screen to the key."""
    aid_shown: Mapped[bool]
    """Whether the detector's boxes were on before the decision."""
    undone_at: Mapped[datetime | None]


class OpeningRow(Base):
    """What an opened parcel held."""

    __tablename__ = "opening"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), unique=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey("parcel.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    found: Mapped[list[Any]] = mapped_column(default=list)
    """``{class, amount, type, condition}`` each; empty where nothing was found."""
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]


class MarkKind(StrEnum):
    """What an officer says about a place in a scan."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"


class MarkRow(Base):
    """Feedback on an alarm, or a box around what it missed."""

    __tablename__ = "mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), unique=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(20))
    detection_id: Mapped[str | None] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(64))
    xyxy_px: Mapped[list[Any]]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class AuditRow(Base):
    """One entry of the audit record; see ``audit/chain.py``."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without a gap."""
    at: Mapped[str] = mapped_column(String(40))
    """ISO 8601 in UTC; text, because what was hashed must come back to the letter."""
    person: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))
    details: Mapped[str]
    """JSON text, for the same reason."""
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditHeadRow(Base):
    """The end of the audit record: one row, locked by whoever appends."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class EventRow(Base):
    """News for the consoles, kept for a while for those that were away; see ``desk/journal.py``."""

    __tablename__ = "event"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """In the order of commits."""
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]]


class FeedRow(Base):
    """How far the verdicts of one lane service were taken over; see ``follow/``."""

    __tablename__ = "feed"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    ledger: Mapped[str] = mapped_column(String(200), default="")
    """Tells one ledger from another; another one begins anew."""
    number: Mapped[int] = mapped_column(default=0)
    """All verdicts up to this one are taken over."""
    ahead: Mapped[list[Any]] = mapped_column(default=list)
    """Numbers beyond it that are, too, while one before them waits for its other view."""
    base: Mapped[int] = mapped_column(default=0)
    """Added to the ledger's sequence numbers, so that those of a new ledger are new."""
    since: Mapped[datetime]
    """What was accepted before it, at the first contact, is left alone."""
