"""A projection at the desk: which picture a parcel shows, how the answer counts, and how it is told.

An answer to a projection changes nothing of the parcel: not its state, not its lease, not its decisions. It waits on
the same screen, now with its own picture, for the decision about itself.
"""

from __future__ import annotations

import base64
import logging
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...datasets.canonical import canonical_rgb
from ...datasets.opencv import cv2
from ...datasets.readers import decode_scan
from ...datasets.scan import ScanKind
from ...detector.errors import ParcelSightError, StorageError
from ..audit.chain import append
from ..desk.decisions import Wish, require_decidable
from ..desk.procedure import Procedure
from ..people.accounts import Person
from ..storage.pictures import PictureStore
from ..storage.tables import DecisionKind, MarkRow, ScanRow
from ..storage.times import now
from .tip import TipOutcome
from .tip_settings import current
from .tip_tables import OPEN, TipRow

_log = logging.getLogger(__name__)
_REMEMBERED = 2000
_CROP_PX = 300
_AROUND = 0.35
"""Of the box's longer side, shown around it."""
_MAGENTA = (255, 0, 200)


@dataclass(frozen=True, slots=True)
class Revealed:
    """What the officer is told at once."""

    parcel_id: int
    outcome: TipOutcome
    is_late: bool
    label: str
    places: tuple[dict[str, Any], ...]
    """``{view, xyxy_px, picture}``: where it was, and how it looked (a data URL)."""
    files: tuple[str, ...] = ()
    """Projected pictures that nobody needs any more."""

    def to_json(self) -> dict[str, Any]:
        """For the page."""
        return {
            "parcel_id": self.parcel_id,
            "outcome": str(self.outcome),
            "late": self.is_late,
            "class": self.label,
            "places": list(self.places),
        }


class TipDesk:
    """Projections that are on screens.

    Args:
        store: of the projected pictures.
    """

    def __init__(self, store: PictureStore) -> None:
        self._store = store
        self._lock = Lock()
        self._taken: OrderedDict[int, float] = OrderedDict()
        """Parcel → when it came to a screen; of every parcel, so that it costs the same for all."""

    def taken(self, parcel_id: int) -> None:
        """A parcel came to a screen."""
        with self._lock:
            self._taken[parcel_id] = monotonic()
            self._taken.move_to_end(parcel_id)
            while len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)

    def _looked_s(self, parcel_id: int) -> float:
        with self._lock:
            return monotonic() - self._taken.setdefault(parcel_id, monotonic())

    def picture(self, session: Session, scan: ScanRow, scans: PictureStore) -> bytes:
        """The bytes of the picture that a scan shows: its own, or while a projection is open the one that carries it.

        Args:
            session: any transaction.
            scan: with a file.
            scans: the store of real pictures.

        Raises:
            StorageError: where the picture is gone.
        """
        row = open_projection(session, scan.parcel_id)
        view = row.views.get(scan.view) if row is not None else None
        if view is not None:
            try:
                return self._store.get(view["file"])
            except StorageError as error:  # restored from a backup without it: the parcel itself is shown
                _log.warning("a projection is gone: %s", error)
        return scans.get(str(scan.file))

    def answer(self, session: Session, person: Person, wish: Wish, procedure: Procedure) -> Revealed | None:
        """Take a decision as the answer to the parcel's projection; None where it is a decision about the parcel.

        Sent again with the same ``request_id`` it gives the same answer.

        Raises:
            NotYours, UsageError: as a decision on a real parcel would.
        """
        again = session.scalar(select(TipRow).where(TipRow.request_id == wish.request_id))
        if again is not None and again.person_id == person.id and again.parcel_id == wish.parcel_id:
            return self._revealed(session, again)
        row = open_projection(session, wish.parcel_id, for_update=True)
        if row is None:
            return None
        require_decidable(session, person, wish, procedure)
        limit_s = current(session).limit_s
        took_ms = max(0, wish.took_ms)
        is_late = took_ms > 1000 * limit_s
        was_seen = wish.kind != DecisionKind.RELEASE and not is_late
        row.request_id, row.said, row.took_ms, row.is_late = wish.request_id, wish.kind, took_ms, is_late
        return self._close(session, row, person, TipOutcome.HIT if was_seen else TipOutcome.MISS)

    def overdue(self, session: Session, person: Person, parcel_id: int) -> Revealed | None:
        """A miss where the time to answer is over; None otherwise, as for every other parcel."""
        looked_s = self._looked_s(parcel_id)
        if looked_s <= current(session).limit_s:  # asked first, of every parcel: all take as long
            return None
        row = open_projection(session, parcel_id, for_update=True)
        if row is None:
            return None
        row.is_late, row.took_ms = True, round(1000 * looked_s)
        return self._close(session, row, person, TipOutcome.MISS)

    def abandon(self, session: Session, person: Person) -> list[Revealed]:
        """End every open projection unanswered, as when a supervisor stops them; every parcel is itself again."""
        rows = session.scalars(select(TipRow).where(TipRow.outcome == OPEN).with_for_update()).all()
        return [self._close(session, row, None, TipOutcome.ABANDONED, by=person) for row in rows]

    def _close(
        self, session: Session, row: TipRow, person: Person | None, outcome: TipOutcome, by: Person | None = None
    ) -> Revealed:
        revealed = self._revealed(session, row, outcome)
        row.outcome, row.answered_at = outcome, now()
        row.person_id = person.id if person is not None else None
        _take_marks_back(session, row)
        session.flush()
        author = person or by
        told = {"class": row.label, "outcome": outcome, "late": row.is_late}
        append(session, author.login if author else "system", "projection answered", f"parcel {row.parcel_id}", told)
        return revealed

    def _revealed(self, session: Session, row: TipRow, outcome: TipOutcome | None = None) -> Revealed:
        places = tuple(
            {"view": view, "xyxy_px": told["xyxy_px"], "picture": self._crop(told)} for view, told in row.views.items()
        )
        files = tuple(str(told["file"]) for told in row.views.values())
        return Revealed(row.parcel_id, outcome or TipOutcome(row.outcome), row.is_late, row.label, places, files)

    def let_go(self, *revealed: Revealed) -> None:
        """Remove the pictures of projections that ended, once that is committed."""
        for one in revealed:
            for file in one.files:
                self._store.remove(file)

    def _crop(self, view: dict[str, Any]) -> str:
        """How it looked, with its box, as a data URL; empty where the picture is gone."""
        try:
            scan = decode_scan(self._store.get(view["file"]), "projection")
        except ParcelSightError as error:
            _log.warning("a projection cannot be shown: %s", error)
            return ""
        rgb = scan.pixels if scan.kind is ScanKind.PSEUDO_COLOUR else canonical_rgb(scan)
        x0, y0, x1, y1 = view["xyxy_px"]
        around = _AROUND * max(x1 - x0, y1 - y0)
        left, top = max(0, int(x0 - around)), max(0, int(y0 - around))
        right, bottom = min(rgb.shape[1], int(x1 + around) + 1), min(rgb.shape[0], int(y1 + around) + 1)
        scale = _CROP_PX / max(right - left, bottom - top)
        size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
        cut = cv2.resize(
            rgb[top:bottom, left:right], size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        )
        corners = [round(float(edge) * scale) for edge in (x0 - left, y0 - top, x1 - left, y1 - top)]
        cv2.rectangle(cut, (corners[0], corners[1]), (corners[2], corners[3]), _MAGENTA, 2)
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
        return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def open_projection(session: Session, parcel_id: int, *, for_update: bool = False) -> TipRow | None:
    """The unanswered projection of a parcel, if it carries one."""
    wanted = select(TipRow).where(TipRow.parcel_id == parcel_id, TipRow.outcome == OPEN)
    return session.scalar(wanted.with_for_update() if for_update else wanted)


def _take_marks_back(session: Session, row: TipRow) -> None:
    """Boxes that officers drew while the projection was there speak of it, not of the parcel."""
    scans = select(ScanRow.id).where(ScanRow.parcel_id == row.parcel_id)
    moment = now()
    for mark in session.scalars(select(MarkRow).where(MarkRow.scan_id.in_(scans), MarkRow.undone_at.is_(None))):
        mark.undone_at = moment
