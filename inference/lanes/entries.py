"""What the ledger knows of one scan, as values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .causes import LossCause

RECORD_FORMAT = "parcelsight-verdict/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted scan, and its verdict once it has one."""

    sequence: int
    lane: str
    scan_id: str
    sha256: str
    """Of the content as it came."""
    files: tuple[Path, ...]
    """One spooled file, or low and high; none once they were pruned."""
    bytes: int
    media: str
    barcode: str
    meta: Mapping[str, str]
    clock_ms: float | None
    captured_at: str
    """ISO 8601, UTC."""
    accepted_at: str
    number: int | None = None
    """Of its verdict; None while it is pending."""
    record: Mapping[str, Any] | None = None
    """The verdict as ``verdicts_since`` gives it; None while it is pending."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many scans of a lane ended in one way."""

    lane: str
    outcome: str
    """ACCEPTED, a verdict, REFUSED (never accepted) or LOST (never whole: lines, broken messages)."""
    cause: LossCause | None
    count: int


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """Where the ledger stands."""

    accepted: int
    """Of all time, pruned ones included."""
    verdicts: int
    pending: int
    last_number: int
    """Of the newest verdict; 0 before the first."""


def verdict_record(row: sqlite3.Row) -> dict[str, Any]:
    """A verdict for programs: the scan's ``to_record`` with number, sequence, lane, times and loss cause in front."""
    record: dict[str, Any] = json.loads(row["record"])
    return {
        "format": RECORD_FORMAT,
        "number": row["number"],
        "sequence": row["sequence"],
        "lane": row["lane"],
        "barcode": row["barcode"],
        "captured_at": row["captured_at"],
        "accepted_at": row["accepted_at"],
        "decided_at": row["decided_at"],
        "cause": row["cause"] or None,
        "meta": json.loads(row["meta"]),
    } | record
