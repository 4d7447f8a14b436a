"""Verdicts become parcels, exactly once: the parcel and how far the service was followed change in one transaction."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...datasets.readers import decode_scan, read_pair
from ...datasets.scan import Scan
from ...detector.errors import ScanError, UsageError
from ...inference.lanes.spool import encode_scan
from ...inference.verdicts import Verdict
from ..desk.item_id import parse_item_id
from ..desk.journal import tell_parcel
from ..desk.queue import URGENCY
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..storage.tables import FeedRow, ParcelRow, ParcelState, ScanRow
from ..storage.times import now
from ..tutor.tip_intake import TipIntake, tip_row
from .link import Link, Service
from .records import ToldVerdict

FIRST_CONTACT = timedelta(hours=12)
"""What a service had accepted longer ago when the console first heard of it is left alone."""
_REASON_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Model:
    """The model of a lane service."""

    name: str = ""
    operating_point: str = ""
    is_calibrated: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a scan in the store."""

    file: str | None
    sha256: str
    kind: str
    """A ScanKind, ``unreadable``, or ``gone`` where the lane kept it no longer."""
    width_px: int = 0
    height_px: int = 0
    pitch_mm: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A scan on its way in."""

    told: ToldVerdict
    picture: Picture
    model: Model


@dataclass(frozen=True, slots=True)
class Place:
    """How far a service was followed."""

    number: int
    ahead: frozenset[int]
    ledger: str
    since: datetime

    def knows(self, number: int) -> bool:
        """True where this verdict was taken over."""
        return number <= self.number or number in self.ahead


class Intake:
    """Writes what followers bring.

    Args:
        database: where parcels go.
        pictures: where scans go.
        service: which is followed.
        training: projects threats into some parcels, where a supervisor wants it.
    """

    def __init__(
        self, database: Database, pictures: PictureStore, service: Service, training: TipIntake | None = None
    ) -> None:
        self._database, self._pictures, self._service = database, pictures, service
        self._training = training

    def place(self, ledger: str) -> Place:
        """Where to go on; another ledger than last time begins anew.

        Args:
            ledger: what tells the service's ledger from others; empty while it holds nothing.
        """
        with self._database.write() as session:
            row = session.get(FeedRow, self._service.name)
            if row is None:
                row = FeedRow(
                    name=self._service.name, ledger="", number=0, ahead=[], base=0, since=now() - FIRST_CONTACT
                )
                session.add(row)
            if not ledger:
                return Place(0, frozenset(), "", row.since)
            if row.ledger and row.ledger != ledger:
                row.number, row.ahead, row.base = 0, [], self._last_number(session)
            row.ledger = ledger
            return _place(row)

    def _last_number(self, session: Session) -> int:
        mine = select(func.max(ParcelRow.lane_number))
        if self._service.prefix:
            mine = mine.where(ParcelRow.lane.startswith(f"{self._service.prefix}/", autoescape=True))
        return session.scalar(mine) or 0

    def fetch(self, link: Link, told: ToldVerdict) -> Picture:
        """Bring the picture of a scan into the store. Raises SourceError, StorageError."""
        files = link.get_scan(told.sequence)
        if not files:
            return Picture(None, "0" * 64, "gone")
        digest = hashlib.sha256(b"".join(files)).hexdigest()
        try:
            content, scan = _joined(*files) if len(files) == 2 else (files[0], decode_scan(files[0], told.scan))
        except ScanError:
            return Picture(None, digest, "unreadable")
        kept = self._pictures.put(content)
        return Picture(kept, digest, str(scan.kind), scan.width_px, scan.height_px, scan.pitch_mm)

    def take(self, views: Sequence[View], is_short: bool = False) -> int | None:
        """Make a parcel of its views; None where it was there already.

        Args:
            views: all of them, or as many as came.
            is_short: a view is still missing; such a parcel carries no projection.
        """
        made = None if self._training is None or is_short else self._training.prepare(self._parcel(views, self._base()))
        with self._database.write() as session:
            row = session.get_one(FeedRow, self._service.name, with_for_update=True)
            numbers = [view.told.number for view in views]
            fresh = [view for view in views if not _place(row).knows(view.told.number)]
            if made is not None and self._training is not None and len(fresh) < len(views):
                self._training.forget(made)
                made = None
            if not fresh:
                return None
            parcel = self._parcel(fresh, row.base)
            session.add(parcel)
            session.flush()
            if made is not None:
                session.add(tip_row(parcel.id, made))
            _advance(row, numbers)
            tell_parcel(session, parcel, "arrived")
            return parcel.id

    def add(self, parcel_id: int, view: View) -> None:
        """A view that came late joins its parcel; one that was decided meanwhile waits again."""
        with self._database.write() as session:
            row = session.get_one(FeedRow, self._service.name, with_for_update=True)
            if _place(row).knows(view.told.number):
                return
            parcel = session.get_one(ParcelRow, parcel_id, with_for_update=True)
            parcel.scans.append(_scan(view, {scan.view for scan in parcel.scans}))
            parcel.verdict = _strictest([Verdict(parcel.verdict), view.told.verdict])
            if parcel.state == ParcelState.RELEASED and parcel.verdict != Verdict.NO_ALARM:
                parcel.state, parcel.settled_at = ParcelState.WAITING, None
            _advance(row, [view.told.number])
            tell_parcel(session, parcel, "completed")

    def _base(self) -> int:
        with self._database.read() as session:
            return session.get_one(FeedRow, self._service.name).base

    def pass_over(self, number: int) -> None:
        """A verdict from before the first contact."""
        with self._database.write() as session:
            _advance(session.get_one(FeedRow, self._service.name, with_for_update=True), [number])

    def _parcel(self, views: Sequence[View], base: int) -> ParcelRow:
        first = min(views, key=lambda view: view.told.sequence).told
        taken: set[str] = set()
        scans = []
        for view in views:
            scans.append(_scan(view, taken))
            taken.add(scans[-1].view)
        return ParcelRow(
            lane=self._service.lane(first.lane),
            lane_number=base + first.sequence,
            item_id=_item_id([view.told.barcode for view in views]),
            declared={key: text for view in views for key, text in view.told.declared().items()},
            arrived_at=first.accepted_at,
            state=ParcelState.WAITING,
            verdict=_strictest([view.told.verdict for view in views]),
            scans=scans,
        )


def _place(row: FeedRow) -> Place:
    return Place(row.number, frozenset(row.ahead), row.ledger, row.since)


def _advance(row: FeedRow, numbers: Sequence[int]) -> None:
    """Verdicts are numbered without gaps: all up to one number, and some beyond."""
    ahead = {*row.ahead, *numbers}
    number = row.number
    while number + 1 in ahead:
        number += 1
    row.number, row.ahead = number, sorted(one for one in ahead if one > number)


def _joined(low: bytes, high: bytes) -> tuple[bytes, Scan]:
    """The halves of a pair as one file."""
    with tempfile.TemporaryDirectory(prefix="parcelsight-") as name:
        files = Path(name) / "scan_low", Path(name) / "scan_high"
        files[0].write_bytes(low)
        files[1].write_bytes(high)
        scan = read_pair(*files)
    return encode_scan(scan), scan


def _scan(view: View, taken: set[str]) -> ScanRow:
    told, picture = view.told, view.picture
    name = told.view if told.view not in taken else f"{told.view[:12]}-{told.number}"[:20]
    return ScanRow(
        view=name,
        scan_id=told.scan,
        file=picture.file,
        sha256=picture.sha256,
        kind=picture.kind,
        width_px=picture.width_px,
        height_px=picture.height_px,
        pitch_mm=picture.pitch_mm,
        verdict=told.verdict,
        reason=told.reason[:_REASON_CHARS],
        detections=told.alarms(),
        dense=[{"xyxy_px": area.xyxy_px} for area in told.dense],
        model=view.model.name,
        operating_point=view.model.operating_point[:40],
    )


def _strictest(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=lambda verdict: URGENCY[verdict])


def _item_id(barcodes: Sequence[str]) -> str | None:
    """The parcel's number; none where it was misread: an officer scans it again."""
    for barcode in filter(None, barcodes):
        with suppress(UsageError):
            return parse_item_id(barcode).text
    return None
