"""A candidate beside the live model: it screens what the lanes have screened, and touches no verdict.

A program of its own reads the lanes' ledger (SQLite, read-only) and spool behind them, at the lowest priority, so the
lanes cannot be slowed, held up or changed by it. What the candidate says is kept in a file of its own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.files import ReadLimits, read_bytes
from ..datasets.readers import decode_scan, read_pair
from ..datasets.scan import Scan
from ..detector.card import PointName
from ..detector.errors import LedgerError, ScanError, UsageError
from ..inference.detector import Detector
from ..inference.lanes.arrival import MAX_PAYLOAD_BYTES
from ..inference.lanes.spool import spooled_files
from ..inference.model_file import read_model
from ..inference.screening import screen_scan, unscreened
from ..inference.verdicts import ScreenedScan
from .comparing import Comparison
from .plan import Plan

_LIMITS = ReadLimits(max_bytes=MAX_PAYLOAD_BYTES)
_BATCH = 50
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looks (
    number       INTEGER PRIMARY KEY,  -- of the live verdict
    scan         TEXT NOT NULL,
    lane         TEXT NOT NULL,
    live_model   TEXT NOT NULL,
    live_verdict TEXT NOT NULL,
    live_classes TEXT NOT NULL,
    verdict      TEXT NOT NULL,        -- the candidate's
    classes      TEXT NOT NULL,
    reason       TEXT NOT NULL
);
"""
_READ = """
SELECT v.number, v.verdict, v.record, a.lane, a.scan_id, a.stem, a.pair
FROM verdicts v JOIN arrivals a ON a.sequence = v.sequence WHERE v.number > ? ORDER BY v.number LIMIT ?
"""
_BEGIN = "INSERT INTO looks VALUES (?, ?, ?, ?, ?, ?, 'UNSCREENED', '[]', ?)"
_IN_HAND = "ended the program that looked at it"
_NO_PICTURE = "its picture was not kept"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the candidate has come."""

    looked: int
    number: int
    """Of the last live verdict it has looked at."""


class Shadow:
    """One candidate beside one ledger.

    Args:
        ledger: folder of the lanes' ledger; it may be in use.
        store: the file in which answers are kept; made if it is missing.
        candidate: the model.
        operating_point: of the candidate.
        from_now: begin with verdicts to come; without, with the oldest whose picture is kept.

    Raises:
        UsageError: if the file keeps another candidate's answers.
        LedgerError: if the ledger cannot be read.
        ModelError: if the candidate is refused.
    """

    def __init__(
        self,
        ledger: Path,
        store: Path,
        candidate: Path,
        operating_point: PointName = PointName.BALANCED,
        from_now: bool = False,
    ) -> None:
        self._ledger = ledger
        self._detector = Detector(candidate, device="cpu", operating_point=operating_point)
        card, sha256 = self._detector.card, read_model(candidate).sha256
        self._store = open_looks(store)
        about = {"candidate": f"{card.name} {card.version}", "sha256": sha256, "operating_point": str(operating_point)}
        kept = dict(self._store.execute("SELECT key, value FROM about").fetchall())
        if kept and {key: kept.get(key) for key in about} != about:
            raise UsageError(f"{store}: keeps the answers of {kept.get('candidate')}", "name another file")
        if not kept:
            start = self._last() if from_now else self._first_with_picture() - 1
            with self._store:
                self._store.executemany("INSERT INTO about VALUES (?, ?)", {**about, "start": str(start)}.items())
        (self._start,) = self._store.execute("SELECT CAST(value AS INTEGER) FROM about WHERE key = 'start'").fetchone()

    def turn(self) -> int:
        """Look at the next scans; how many there were. Raises LedgerError."""
        rows = self._rows(_READ, (self.progress.number, _BATCH))
        for row in rows:
            self._look(row)
        return len(rows)

    @property
    def progress(self) -> Progress:
        """Now."""
        count, last = self._store.execute("SELECT count(*), max(number) FROM looks").fetchone()
        return Progress(count, self._start if last is None else last)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _look(self, row: sqlite3.Row) -> None:
        """Noted before it is read: a scan that ends this program is passed over by the next."""
        record = json.loads(row["record"])
        live = [each["class"] for each in record.get("detections", [])]
        model = str(record.get("model", ""))
        fields = (row["number"], row["scan_id"], row["lane"], model, row["verdict"], json.dumps(live))
        with self._store:
            self._store.execute(
                "INSERT INTO looks VALUES (?, ?, ?, ?, ?, ?, 'UNSCREENED', '[]', ?)", (*fields, _IN_HAND)
            )
        found = self._screened(row)
        names = [self._detector.card.classes[class_id].name for class_id in found.detections.class_id]
        values = (str(found.verdict), json.dumps(names), found.reason, row["number"])
        with self._store:
            self._store.execute("UPDATE looks SET verdict = ?, classes = ?, reason = ? WHERE number = ?", values)

    def _screened(self, row: sqlite3.Row) -> ScreenedScan:
        if not row["stem"]:
            return unscreened(row["scan_id"], _NO_PICTURE)
        try:
            scan = self._read(row)
        except Exception as error:  # decoders fail in ways of their own
            reason = str(error) if isinstance(error, ScanError) else f"cannot be decoded ({type(error).__name__})"
            return unscreened(row["scan_id"], reason)
        return screen_scan(self._detector, scan)

    def _read(self, row: sqlite3.Row) -> Scan:
        files = spooled_files(self._ledger / "spool", row["stem"], row["pair"])
        if len(files) == 2:
            return read_pair(*files, limits=_LIMITS)
        return decode_scan(read_bytes(files[0], _LIMITS), row["scan_id"], limits=_LIMITS)

    def _last(self) -> int:
        return int(self._rows("SELECT COALESCE(MAX(number), 0) FROM verdicts", ())[0][0])

    def _first_with_picture(self) -> int:
        query = "SELECT MIN(v.number) FROM verdicts v JOIN arrivals a ON a.sequence = v.sequence WHERE a.stem <> ''"
        return int(self._rows(query, ())[0][0] or 1)

    def _rows(self, query: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        path = self._ledger / "ledger.db"
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
                database.row_factory = sqlite3.Row
                return database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: no ledger can be read here ({error})", "name a lane's ledger folder") from error


def open_looks(path: Path) -> sqlite3.Connection:
    """The file of a candidate's answers.

    Raises:
        UsageError: if it cannot be opened or is something else.
    """
    try:
        database = sqlite3.connect(path, isolation_level="IMMEDIATE", timeout=5)
        database.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise UsageError(f"{path}: cannot keep the candidate's answers ({error})", "name another file") from error
    return database


def report(path: Path) -> Comparison:
    """The candidate against the live model that judged last; scans of earlier live models count as missing.

    Raises:
        UsageError: if there are no answers yet.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file", "name what parcelsight shadow wrote")
    with closing(open_looks(path)) as database:
        about = dict(database.execute("SELECT key, value FROM about").fetchall())
        newest = database.execute("SELECT live_model FROM looks ORDER BY number DESC LIMIT 1").fetchone()
        if newest is None:
            raise UsageError(f"{path}: the candidate has not looked at a scan yet", "wait, and ask again")
        point = PointName(about["operating_point"])
        live, candidate = (Plan(str(path), name, "", point, 1) for name in (newest[0], about["candidate"]))
        comparison = Comparison(live, candidate)
        for before, after, model in _pairs(database):
            if model == newest[0]:
                comparison.take(before, after)
            else:
                comparison.missing += 1
    return comparison


def _pairs(database: sqlite3.Connection) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    query = "SELECT scan, lane, live_model, live_verdict, live_classes, verdict, classes FROM looks WHERE reason <> ?"
    for scan, lane, model, live, live_classes, verdict, classes in database.execute(query, (_NO_PICTURE,)):
        common = {"scan": scan, "site": lane}
        one = common | {"verdict": live, "classes": json.loads(live_classes)}
        yield one, common | {"verdict": verdict, "classes": json.loads(classes)}, model
