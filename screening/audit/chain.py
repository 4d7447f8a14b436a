"""The audit record: every entry carries the digest of the one before it.

Changing, removing or reordering entries breaks the chain. Cutting off its end, or writing all of it anew, does not:
that is what checkpoints are for, which are signed and kept elsewhere (``checkpoints.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..storage.tables import AuditHeadRow, AuditRow

START = bytes(32)
"""What the first entry follows."""
_HEAD = 1
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the record."""

    number: int
    digest: bytes


def append(session: Session, person: str, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """Add an entry, in the transaction of what it tells of: both are kept, or neither.

    Args:
        session: a write transaction.
        person: login name, or ``system``.
        action: what was done, such as ``decided``.
        subject: to what, such as ``parcel 417``.
        details: plain values; no secrets.
    """
    head = lock_head(session)
    row = AuditRow(
        number=head.number + 1,
        at=datetime.now(UTC).isoformat(timespec="microseconds"),
        person=person[:64],
        action=action,
        subject=subject[:200],
        details=json.dumps(details, sort_keys=True, ensure_ascii=True, allow_nan=False),
        previous=head.digest,
    )
    row.digest = digest_of(row)
    session.add(row)
    head.number, head.digest = row.number, row.digest
    session.flush()


def lock_head(session: Session) -> AuditHeadRow:
    """The record's end, locked until the transaction is over."""
    head = session.get(AuditHeadRow, _HEAD, with_for_update=True)
    if head is None:
        head = AuditHeadRow(id=_HEAD, number=0, digest=START)
        session.add(head)
    return head


def digest_of(row: AuditRow) -> bytes:
    """SHA-256 over everything an entry says and the digest before it."""
    told = [row.number, row.at, row.person, row.action, row.subject, row.details, row.previous.hex()]
    return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).digest()


def head_of(session: Session) -> Head:
    """Where the record ends, as the appending side remembers it."""
    row = session.get(AuditHeadRow, _HEAD)
    return Head(row.number, row.digest) if row is not None else Head(0, START)


def entries(session: Session, after: int = 0) -> Iterator[AuditRow]:
    """All entries after a number, in order, a few at a time."""
    while rows := session.scalars(
        select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number).limit(_AT_ONCE)
    ).all():
        yield from rows
        after = rows[-1].number
        session.expunge_all()
