"""The audit record: whatever is done to it afterwards is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parcelsight.detector.errors import StorageError
from parcelsight.screening.audit.chain import START, append, digest_of, head_of
from parcelsight.screening.audit.checkpoints import (
    Checkpoint,
    load_or_make_key,
    read_checkpoints,
    write_checkpoint,
)
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import AuditHeadRow, AuditRow

ENTRIES = 40
TAMPERINGS = 1000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, list[Checkpoint]]:
    """A record of forty entries, with checkpoints after the twentieth and the last."""
    folder = tmp_path_factory.mktemp("audit")
    database = Database(str(folder / "console.db"))
    upgrade(database)
    key = load_or_make_key(folder / "audit.key")
    for number in range(ENTRIES):
        with database.write() as session:
            append(session, "officer17", "decided", f"parcel {number}", {"kind": "release", "took_ms": 900 + number})
        if number + 1 in (ENTRIES // 2, ENTRIES):
            with database.read() as session:
                write_checkpoint(folder / "elsewhere.jsonl", key, head_of(session))
    return database, read_checkpoints(folder / "elsewhere.jsonl", key.public)


def rows(session: Session) -> list[AuditRow]:
    return list(session.scalars(select(AuditRow).order_by(AuditRow.number)))


def edit(session: Session, rng: random.Random) -> None:
    row = rng.choice(rows(session))
    field = rng.choice(["at", "person", "action", "subject", "details"])
    setattr(row, field, getattr(row, field) + "x")


def edit_with_digest(session: Session, rng: random.Random) -> None:
    row = rng.choice(rows(session))
    row.person = "somebody else"
    row.digest = digest_of(row)


def remove(session: Session, rng: random.Random) -> None:
    session.delete(rng.choice(rows(session)))


def renumber_after_removal(session: Session, rng: random.Random) -> None:
    found = rows(session)
    at = rng.randrange(len(found))
    told = [(r.at, r.person, r.action, r.subject, r.details, r.previous, r.digest) for r in found]
    del told[at]
    session.execute(delete(AuditRow))
    for number, (when, person, action, subject, details, previous, digest) in enumerate(told, start=1):
        session.add(
            AuditRow(
                number=number, at=when, person=person, action=action, subject=subject, details=details,
                previous=previous, digest=digest,
            )
        )  # fmt: skip


def reorder(session: Session, rng: random.Random) -> None:
    one, other = rng.sample(rows(session), 2)
    for field in ("at", "person", "action", "subject", "details", "previous", "digest"):
        mine, theirs = getattr(one, field), getattr(other, field)
        setattr(one, field, theirs)
        setattr(other, field, mine)


def truncate(session: Session, rng: random.Random) -> None:
    keep = rng.randrange(ENTRIES)
    session.execute(delete(AuditRow).where(AuditRow.number > keep))
    if rng.random() < 0.7:  # and hide it
        last = session.get(AuditRow, keep) if keep else None
        head = session.get_one(AuditHeadRow, 1)
        head.number, head.digest = keep, last.digest if last else START


def restamp(session: Session, rng: random.Random) -> None:
    """Alter an entry, or leave it out, and write everything after it anew, so that the chain itself is flawless."""
    found = rows(session)
    at = rng.randrange(len(found))
    found[at].person = "somebody else"
    digest = START
    for row in found:
        row.previous = digest
        row.digest = digest = digest_of(row)
    session.get_one(AuditHeadRow, 1).digest = digest


ATTACKS: tuple[Callable[[Session, random.Random], None], ...] = (
    edit, edit_with_digest, remove, renumber_after_removal, reorder, truncate, restamp,
)  # fmt: skip


def test_what_was_written_is_whole(written: tuple[Database, list[Checkpoint]]) -> None:
    database, checkpoints = written
    with database.read() as session:
        result = verify(session, checkpoints)
    assert result.is_whole
    assert (result.entries, result.checkpoints) == (ENTRIES, 2)


def test_a_thousand_tamperings_are_found(written: tuple[Database, list[Checkpoint]]) -> None:
    database, checkpoints = written
    rng = random.Random(3)
    passed = []
    for number in range(TAMPERINGS):
        attack = ATTACKS[number % len(ATTACKS)]
        with database.read() as session:  # nothing of it is kept
            attack(session, rng)
            session.flush()
            if verify(session, checkpoints).is_whole:
                passed.append(f"{number} {attack.__name__}")
    assert passed == []


def test_without_checkpoints_a_record_written_anew_passes(written: tuple[Database, list[Checkpoint]]) -> None:
    """Why checkpoints are kept elsewhere."""
    database, _ = written
    with database.read() as session:
        restamp(session, random.Random(1))
        session.flush()
        assert verify(session).is_whole


def test_altered_checkpoints_are_named(tmp_path: Path, written: tuple[Database, list[Checkpoint]]) -> None:
    database, _ = written
    key = load_or_make_key(tmp_path / "audit.key")
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    file = tmp_path / "checkpoints.jsonl"
    with database.read() as session:
        write_checkpoint(file, key, head_of(session))
    public = key.public
    assert len(read_checkpoints(file, public)) == 1
    line = file.read_text()
    for damaged in (line.replace(str(ENTRIES), str(ENTRIES - 1), 1), "{}\n", "nonsense\n", line[:-20] + "\n"):
        file.write_text(damaged)
        with pytest.raises(StorageError, match="line 1: not signed by this console, or altered"):
            read_checkpoints(file, public)
    file.write_text(line)
    other = load_or_make_key(tmp_path / "other.key").public
    with pytest.raises(StorageError, match="not signed by this console"):
        read_checkpoints(file, other)
