"""Is the audit record whole? Against itself, and against checkpoints kept elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from .chain import START, digest_of, entries, head_of
from .checkpoints import Checkpoint


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    number: int
    """The entry at which it shows."""
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at and found."""

    entries: int
    checkpoints: int
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """True where nothing was found."""
        return not self.findings


_MOST_FINDINGS = 20


def verify(session: Session, checkpoints: Sequence[Checkpoint] = ()) -> Verification:
    """Look through the whole record.

    Args:
        session: a read transaction.
        checkpoints: oldest first; without them a cut end or a record written anew can pass.
    """
    wanted = {checkpoint.head.number: checkpoint for checkpoint in checkpoints if checkpoint.head.number}
    findings: list[Finding] = []
    number, digest = 0, START
    for row in entries(session):
        if row.number != number + 1:
            findings.append(Finding(row.number, f"entries {number + 1} to {row.number - 1} are missing"))
        if row.previous != digest:
            findings.append(Finding(row.number, "does not follow the entry before it"))
        if digest_of(row) != row.digest:
            findings.append(Finding(row.number, "was altered"))
        checkpoint = wanted.pop(row.number, None)
        if checkpoint is not None and checkpoint.head.digest != row.digest:
            findings.append(Finding(row.number, f"is not what the checkpoint of {checkpoint.at} signed"))
        number, digest = row.number, row.digest
    head = head_of(session)
    if (head.number, head.digest) != (number, digest):
        findings.append(Finding(number, f"the record ends here, but {head.number} entries were written"))
    findings += [
        Finding(missing, f"is gone: the checkpoint of {checkpoint.at} signed it")
        for missing, checkpoint in wanted.items()
    ]
    return Verification(number, len(checkpoints), tuple(findings[:_MOST_FINDINGS]))
