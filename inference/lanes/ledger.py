"""The ledger: every accepted scan has a sequence number, lies on disk, and ends in exactly one verdict.

``accept`` returns only when the scan's file, its folder and its row are on disk (fsync, SQLite with synchronous=FULL);
``record`` writes a verdict at most once a scan, whoever tries again. What a kill interrupts is either not accepted, or
``unfinished`` and screened after the restart.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from ...detector.errors import LedgerError
from .arrival import Arrival
from .causes import LossCause
from .entries import Entry, LedgerCounts, Tally, verdict_record
from .ledger_schema import VERSION, open_database
from .parcel_again import LOOK, BeltPlace, is_again
from .source import Receipt
from .spool import Spool, parts_of, storage_cause

_JOINED = (
    "SELECT a.*, v.number, v.verdict, v.cause, v.record, v.decided_at "
    "FROM arrivals a LEFT JOIN verdicts v ON v.sequence = a.sequence "
)
ACCEPTED, REFUSED, LOST = "ACCEPTED", "REFUSED", "LOST"
RESERVE_BYTES = 32 * 1024 * 1024
"""Room for some ten thousand verdicts."""
_NUMBER_OF_ALL = "SELECT COALESCE(MAX(number), 0) FROM verdicts"


class Ledger:
    """One folder: ``ledger.db`` and ``spool/``. One program at a time uses it; its threads may share it.

    Args:
        folder: made if it is missing.
        reserve_bytes: free space below which no more is accepted.

    Raises:
        LedgerError: if the folder cannot be used, or another program uses it.
    """

    def __init__(self, folder: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.folder = folder
        try:
            self._spool = Spool(folder / "spool", reserve_bytes)
            self._guard = _only_user(folder)
        except OSError as error:
            raise LedgerError(
                f"{folder}: no ledger can be kept here ({error.strerror})", "name another folder"
            ) from error
        self._database = open_database(folder / "ledger.db")
        self._database.row_factory = sqlite3.Row
        self._lock = Lock()
        self._unwritten: Counter[tuple[str, str, str]] = Counter()
        stems = {row["stem"] for row in self._database.execute("SELECT stem FROM arrivals WHERE stem <> ''")}
        self.removed_strangers = self._spool.remove_strangers(stems)

    def accept(self, arrival: Arrival) -> Receipt:
        """Put a scan on disk and into the ledger; the same content under the same id and lane is accepted once.

        So is a parcel of a line stream that is read again after a kill, though its pixels differ a little.

        Raises:
            LedgerError: if the disk refuses; then nothing of the scan is left. ``cause_of`` tells which cause it is.
        """
        parts = parts_of(arrival)
        digest = hashlib.sha256(b"".join(parts)).hexdigest()
        key = (arrival.lane, arrival.scan_id, digest)
        known = self._find(key)
        if known is None and arrival.place is not None:
            known = self._read_before(arrival, arrival.place)
        if known is not None:
            return Receipt(known, again=True)
        try:
            stem = self._spool.write(parts)  # outside the lock: lanes wait for the disk side by side
        except OSError as error:
            raise self._refused(error) from error
        try:
            with self._transaction() as database:
                known = self._find(key, database)
                if known is None:
                    return Receipt(self._insert(database, arrival, digest, stem, parts))
        except BaseException:
            self._spool.remove(stem)
            raise
        self._spool.remove(stem)
        return Receipt(known, again=True)

    def record(self, sequence: int, outcome: Mapping[str, Any], cause: LossCause | None = None) -> int | None:
        """Give a scan its verdict.

        Args:
            sequence: of the scan.
            outcome: as ``inference.report.to_record`` makes it: scan, verdict, reason, detections, timing_ms, …
            cause: why it was not judged.

        Returns:
            The verdict's own number; None where the scan had its verdict already, which stands.

        Raises:
            LedgerError: if the disk refuses; then the scan is still unfinished.
            KeyError: if no scan has this sequence number.
        """
        with self._transaction() as database:
            row = database.execute(_JOINED + "WHERE a.sequence = ?", (sequence,)).fetchone()
            if row is None:
                raise KeyError(sequence)
            if row["number"] is not None:
                return None
            number: int = database.execute(_NUMBER_OF_ALL).fetchone()[0] + 1
            verdict, why = str(outcome["verdict"]), str(cause or "")
            database.execute(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?)",
                (number, sequence, verdict, why, json.dumps(dict(outcome), allow_nan=False), _now()),
            )
            _count(database, row["lane"], verdict, why, 1)
        return number

    def count(self, lane: str, outcome: str, cause: LossCause, count: int = 1) -> None:
        """Count what never became a scan of the ledger (REFUSED, LOST). Kept in memory until the disk takes it."""
        with self._lock:
            self._unwritten[lane, outcome, str(cause)] += count

    def entry(self, sequence: int) -> Entry | None:
        """A scan by its sequence number."""
        return next(self._entries("WHERE a.sequence = ?", (sequence,)), None)

    def entry_of(self, scan_id: str, lane: str | None = None) -> Entry | None:
        """The newest scan with this id, of one lane or any."""
        where = "WHERE a.scan_id = ? AND (? IS NULL OR a.lane = ?) ORDER BY a.sequence DESC LIMIT 1"
        return next(self._entries(where, (scan_id, lane, lane)), None)

    def entries_since(self, sequence: int, limit: int = 100) -> list[Entry]:
        """Scans behind this sequence number, in order of acceptance."""
        return list(self._entries("WHERE a.sequence > ? ORDER BY a.sequence LIMIT ?", (sequence, limit)))

    def unfinished(self) -> list[Entry]:
        """Scans without a verdict, in order of acceptance."""
        return list(self._entries("WHERE v.number IS NULL ORDER BY a.sequence", ()))

    def verdicts_since(self, number: int, limit: int = 100) -> list[dict[str, Any]]:
        """Verdicts behind this number, in order: ``format, number, sequence, lane, barcode, captured_at, accepted_at,
        decided_at, cause, meta``, then the scan's own record (``scan, verdict, reason, detections, timing_ms``)."""
        return [
            verdict_record(row) for row in self._select("WHERE v.number > ? ORDER BY v.number LIMIT ?", (number, limit))
        ]

    def counts(self) -> LedgerCounts:
        """Where the ledger stands now."""
        tallies = self.tallies()
        accepted = sum(t.count for t in tallies if t.outcome == ACCEPTED)
        verdicts = sum(t.count for t in tallies if t.outcome not in (ACCEPTED, REFUSED, LOST))
        with self._lock:
            last: int = self._read(_NUMBER_OF_ALL)[0][0]
        return LedgerCounts(accepted, verdicts, accepted - verdicts, last)

    def tallies(self) -> list[Tally]:
        """Everything that was ever counted, by lane, outcome and cause."""
        with self._lock:
            rows = self._read("SELECT lane, verdict, cause, count FROM tallies")
            counted = Counter({(row["lane"], row["verdict"], row["cause"]): row["count"] for row in rows})
            counted.update(self._unwritten)
        return [
            Tally(lane, outcome, LossCause(cause) if cause else None, count)
            for (lane, outcome, cause), count in sorted(counted.items())
        ]

    def cursor(self, name: str) -> int:
        """The number of the last verdict a sink has taken; 0 for a new sink."""
        with self._lock:
            rows = self._read("SELECT number FROM cursors WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def move_cursor(self, name: str, number: int) -> None:
        """Remember what a sink has taken.

        Raises:
            LedgerError: if the disk refuses.
        """
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (name, number))

    def prune(self, keep: timedelta, keep_bytes: int) -> int:
        """Delete spooled files of finished scans: those accepted before ``keep``, and the oldest over ``keep_bytes``.

        Rows and verdicts stay. How many scans lost their files.

        Raises:
            LedgerError: if the disk refuses.
        """
        before = (datetime.now(UTC) - keep).isoformat(timespec="milliseconds")
        with self._lock:
            rows = self._read(
                "SELECT sequence, stem, accepted_at < ? OR sum(bytes) OVER (ORDER BY sequence DESC) > ? AS old "
                "FROM arrivals WHERE stem <> '' AND sequence IN (SELECT sequence FROM verdicts)",
                (before, keep_bytes),
            )
        old = [(row["sequence"], row["stem"]) for row in rows if row["old"]]
        if old:
            # The row first: a file without a row is removed at the next start, a row without a file would be a lie.
            with self._transaction() as database:
                database.executemany("UPDATE arrivals SET stem = '' WHERE sequence = ?", [(s,) for s, _ in old])
            for _, stem in old:
                self._spool.remove(stem)
        return len(old)

    def flush(self) -> None:
        """Write what was counted in memory; also the test whether the disk takes writes again.

        Raises:
            LedgerError: if it does not.
        """
        try:
            self._spool.remove(self._spool.write((b"probe",)))
        except OSError as error:
            raise self._refused(error) from error
        with self._transaction() as database:
            database.execute(f"PRAGMA user_version={VERSION}")  # changes nothing, but is written

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock:
            self._database.close()
        os.close(self._guard)

    def _insert(
        self, database: sqlite3.Connection, arrival: Arrival, digest: str, stem: str, parts: tuple[bytes, ...]
    ) -> int:
        accepted = database.execute(
            "INSERT INTO arrivals (lane, scan_id, sha256, stem, bytes, pair, media, barcode, meta, clock_ms,"
            " captured_at, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                arrival.lane, arrival.scan_id, digest, stem, sum(map(len, parts)), len(parts) == 2, arrival.media,
                arrival.barcode, json.dumps(dict(arrival.meta)), arrival.clock_ms,
                arrival.captured_at.isoformat(timespec="milliseconds"), _now(),
            ),
        )  # fmt: skip
        _count(database, arrival.lane, ACCEPTED, "", 1)
        assert accepted.lastrowid is not None
        return accepted.lastrowid

    def _find(self, key: tuple[str, str, str], database: sqlite3.Connection | None = None) -> int | None:
        query = "SELECT sequence FROM arrivals WHERE lane = ? AND scan_id = ? AND sha256 = ?"
        if database is not None:
            rows = database.execute(query, key).fetchall()
        else:
            with self._lock:
                rows = self._read(query, key)
        return int(rows[0][0]) if rows else None

    def _read_before(self, arrival: Arrival, place: BeltPlace) -> int | None:
        """The parcel that these lines gave an earlier run. A lane delivers one at a time: none comes in between."""
        query = "SELECT sequence, meta, clock_ms FROM arrivals WHERE lane = ? AND scan_id BETWEEN ? AND ?"
        with self._lock:
            rows = self._read(query, (arrival.lane, *place.near_ids))
        look = arrival.meta.get(LOOK, "")
        known = (row for row in rows if is_again(place, arrival.clock_ms, look, row["meta"], row["clock_ms"]))
        return next((int(row["sequence"]) for row in known), None)

    def _entries(self, where: str, values: tuple[object, ...]) -> Iterator[Entry]:
        for row in self._select(where, values):
            done = row["number"] is not None
            yield Entry(
                row["sequence"], row["lane"], row["scan_id"], row["sha256"],
                self._spool.files(row["stem"], row["pair"]) if row["stem"] else (),
                row["bytes"], row["media"], row["barcode"], json.loads(row["meta"]), row["clock_ms"],
                row["captured_at"], row["accepted_at"], row["number"], verdict_record(row) if done else None,
            )  # fmt: skip

    def _select(self, where: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        with self._lock:
            return self._read(_JOINED + where, values)

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._refused(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; on disk when the block ends, or nothing of it."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                    for (lane, outcome, cause), count in self._unwritten.items():
                        _count(self._database, lane, outcome, cause, count)
                    self._database.execute("COMMIT")
                except BaseException:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._refused(error) from error
            self._unwritten.clear()

    def _refused(self, error: OSError | sqlite3.Error) -> LedgerError:
        reason = getattr(error, "strerror", None) or str(error)
        return LedgerError(
            f"{self.folder}: the ledger cannot be written ({reason})", "check free space, rights and health of the disk"
        )


def cause_of(error: LedgerError) -> LossCause:
    """Which cause of loss a refused write is."""
    return storage_cause(error.__cause__ or error)


def _only_user(folder: Path) -> int:
    """A lock on the folder that ends with this program, however it ends."""
    guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(guard)
        raise LedgerError(
            f"{folder}: another program keeps its ledger here", "stop it first, or name another folder"
        ) from error
    return guard


def _count(database: sqlite3.Connection, lane: str, outcome: str, cause: str, count: int) -> None:
    database.execute(
        "INSERT INTO tallies VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (lane, outcome, cause, count),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
