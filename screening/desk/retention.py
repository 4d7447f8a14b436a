"""Retention: scans and personal data go when their time is over, and the audit record says so.

Decisions, openings and the audit record stay; without the parcel's number and declaration they name no sender. A parcel
that is not settled yet keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, Text, cast, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from ...configs.loading import load_config
from ..audit.chain import append
from ..people.accounts import SYSTEM
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..storage.tables import MarkRow, OpeningRow, ParcelRow, ScanRow, SessionRow
from ..storage.times import now
from ..tutor.reports import ended_before, forget_before
from .journal import forget_old

_AT_ONCE = 200
Days = Annotated[float, Field(ge=0, le=36_500)]


class Rules(BaseModel):
    """configs/retention/*.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pictures_days: Days
    pictures_found_days: Days
    personal_days: Days
    sessions_days: Days = 30
    training_days: Days = 730


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went."""

    pictures: int
    parcels: int
    """Whose number and declaration went."""
    sessions: int
    exercises: int
    """Of operator training, with their answers."""


def load_rules(source: str | Path) -> Rules:
    """Rules by path, or by the name of shipped ones. Raises ConfigError."""
    return load_config(source, Rules, "retention")


def prune(database: Database, pictures: PictureStore, rules: Rules, dry_run: bool = False) -> Pruned:
    """Apply the rules; in many short transactions, so that people go on working. Raises StorageError."""
    if dry_run:
        with database.read() as session:
            return Pruned(
                _count(session, _old_scans(rules)),
                _count(session, _old_names(rules)),
                _old_sessions(session, rules),
                ended_before(session, _training_from(rules)),
            )
    scans = sum(_batches(database, lambda session: _drop_pictures(session, rules)))
    parcels = sum(_batches(database, lambda session: _drop_names(session, rules)))
    with database.write() as session:
        sessions = _old_sessions(session, rules)
        session.execute(delete(SessionRow).where(_is_old_session(rules)))
        forget_old(session)
        if scans or parcels:
            append(
                session, SYSTEM, "pruned", "retention", {"pictures": scans, "personal": parcels, **rules.model_dump()}
            )
    with database.write() as session:
        exercises = forget_before(session, SYSTEM, _training_from(rules))
    _sweep(database, pictures)
    return Pruned(scans, parcels, sessions, exercises)


def _training_from(rules: Rules) -> datetime:
    """Exercises that ended before this moment go."""
    return now() - timedelta(days=rules.training_days)


def _batches(database: Database, step: Callable[[Session], int]) -> Iterator[int]:
    while True:
        with database.write() as session:
            count = step(session)
        yield count
        if count < _AT_ONCE:
            return


def _drop_pictures(session: Session, rules: Rules) -> int:
    rows = session.scalars(select(ScanRow).where(ScanRow.id.in_(_old_scans(rules).limit(_AT_ONCE)))).all()
    for row in rows:
        row.file = None
    return len(rows)


def _drop_names(session: Session, rules: Rules) -> int:
    rows = session.scalars(select(ParcelRow).where(ParcelRow.id.in_(_old_names(rules).limit(_AT_ONCE)))).all()
    for row in rows:
        row.item_id, row.declared = None, {}
    return len(rows)


def _old_scans(rules: Rules) -> Select[Any]:
    """Numbers of scans whose picture has to go."""
    found = exists().where(OpeningRow.parcel_id == ParcelRow.id, func.length(func.trim(_as_text(OpeningRow.found))) > 2)
    marked = exists().where(MarkRow.scan_id == ScanRow.id, MarkRow.undone_at.is_(None))
    kept_long = or_(found, marked)
    moment = now()
    plain = ~kept_long & (ParcelRow.settled_at < moment - timedelta(days=rules.pictures_days))
    special = kept_long & (ParcelRow.settled_at < moment - timedelta(days=rules.pictures_found_days))
    joined = select(ScanRow.id).join(ParcelRow, ScanRow.parcel_id == ParcelRow.id)
    return joined.where(ScanRow.file.is_not(None), or_(plain, special)).order_by(ScanRow.id)


def _as_text(column: Any) -> ColumnElement[str]:
    return cast(column, Text)


def _old_names(rules: Rules) -> Select[Any]:
    """Numbers of parcels whose personal data has to go."""
    old = ParcelRow.settled_at < now() - timedelta(days=rules.personal_days)
    told = or_(ParcelRow.item_id.is_not(None), func.length(_as_text(ParcelRow.declared)) > 2)
    return select(ParcelRow.id).where(old, told).order_by(ParcelRow.id)


def _count(session: Session, wanted: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(wanted.subquery())) or 0


def _is_old_session(rules: Rules) -> ColumnElement[bool]:
    return SessionRow.last_seen_at < now() - timedelta(days=rules.sessions_days)


def _old_sessions(session: Session, rules: Rules) -> int:
    return session.scalar(select(func.count()).select_from(SessionRow).where(_is_old_session(rules))) or 0


def _sweep(database: Database, pictures: PictureStore) -> None:
    """Remove files that no scan names; those of the last hour may belong to a scan on its way in."""
    fresh = now().timestamp() - 3600
    names = [name for name in pictures.names() if pictures.path(name).stat().st_mtime < fresh]
    for start in range(0, len(names), _AT_ONCE):
        chunk = names[start : start + _AT_ONCE]
        with database.read() as session:
            kept = set(session.scalars(select(ScanRow.file).where(ScanRow.file.in_(chunk))))
        for name in chunk:
            if name not in kept:
                pictures.remove(name)
