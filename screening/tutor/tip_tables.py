"""What projection at lanes keeps: its settings in versions, and each projection with the answer to it.

Both are apart from every table of real parcels: those never learn that there was a projection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from ..storage.tables import Base

OPEN = "open"
"""Outcome of a projection that nobody has answered yet."""


class TipPolicyRow(Base):
    """Settings as a supervisor made them; the last row is in force."""

    __tablename__ = "tip_policy"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    rate: Mapped[float]
    mix: Mapped[dict[str, Any]]
    """Class → weight."""
    answer_s: Mapped[float]
    stopped_s: Mapped[float]
    is_stopped: Mapped[bool]


class TipRow(Base):
    """One projection into one parcel."""

    __tablename__ = "tip_projection"
    __table_args__ = (Index(None, "outcome"), Index(None, "answered_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey("parcel.id"), unique=True)
    label: Mapped[str] = mapped_column(String(64))
    design: Mapped[str] = mapped_column(String(100))
    seed: Mapped[str] = mapped_column(String(20))
    made_at: Mapped[datetime]
    views: Mapped[dict[str, Any]]
    """View → ``{file, xyxy_px, superposition}``; ``file`` is a name in the store of projections."""
    outcome: Mapped[str] = mapped_column(String(20))
    """OPEN, or a TipOutcome."""
    is_late: Mapped[bool] = mapped_column(default=False)
    """A miss because no answer came in time."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    request_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    said: Mapped[str] = mapped_column(String(20), default="")
    """The decision that was the answer."""
    took_ms: Mapped[int] = mapped_column(default=0)
    answered_at: Mapped[datetime | None]


def carrying() -> Select[int]:
    """Parcels that carry a projection now: what people say of their pictures is not about them."""
    return select(TipRow.parcel_id).where(TipRow.outcome == OPEN)


def carried() -> Select[int]:
    """Parcels that carry one or did."""
    return select(TipRow.parcel_id)
