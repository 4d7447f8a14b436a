"""The ledger's tables, and how its database is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ...detector.errors import LedgerError

VERSION = 1
SCHEMA = """
CREATE TABLE arrivals (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    lane        TEXT NOT NULL,
    scan_id     TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    stem        TEXT NOT NULL,  -- of the spooled files; '' once they were pruned
    bytes       INTEGER NOT NULL,
    pair        INTEGER NOT NULL,
    media       TEXT NOT NULL,
    barcode     TEXT NOT NULL,
    meta        TEXT NOT NULL,  -- JSON
    clock_ms    REAL,
    captured_at TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    UNIQUE (lane, scan_id, sha256)
);
CREATE INDEX arrivals_by_scan_id ON arrivals (scan_id);
CREATE INDEX arrivals_spooled ON arrivals (sequence) WHERE stem <> '';
CREATE TABLE verdicts (
    number     INTEGER PRIMARY KEY,  -- without gaps: given within the transaction that writes the verdict
    sequence   INTEGER NOT NULL UNIQUE REFERENCES arrivals,
    verdict    TEXT NOT NULL,
    cause      TEXT NOT NULL,  -- a LossCause where the scan was not judged, else ''
    record     TEXT NOT NULL,  -- JSON
    decided_at TEXT NOT NULL
);
CREATE TABLE tallies (
    lane    TEXT NOT NULL,
    verdict TEXT NOT NULL,  -- '' for scans that were accepted, REFUSED, LOST, or a verdict
    cause   TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (lane, verdict, cause)
) WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""


CACHE_KB = 512
"""Of pages in memory: a ledger looks at what came last. SQLite's own 2 MB fill over hours and look like a leak."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the database; every commit is on disk when it returns.

    Raises:
        LedgerError: if it cannot be opened, is damaged or of a later version.
    """
    try:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA foreign_keys=ON")
        database.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path}: cannot be opened ({error})", "check the disk and the rights of its folder"
        ) from error
    if version > VERSION:
        raise LedgerError(f"{path} is of version {version}, this program knows {VERSION}", "update ParcelSight")
    return database
