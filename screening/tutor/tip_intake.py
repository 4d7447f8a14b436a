"""Projection on the way in: which parcels carry one is settled, and the pictures made, before anybody hears of them.

Every parcel that might carry one takes the same path: a threat is projected into it, and thrown away unless the
site's secret says that it stays; then it is held until a fixed time has passed since it came, or twice that, or as
often as it takes. So neither the time a parcel takes to arrive nor the load of the machine tells of a projection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import numpy as np

from ...datasets.projection.all_views import InView, into_all_views
from ...datasets.projection.encoding import encode_like
from ...datasets.projection.realism import Reject
from ...datasets.readers import decode_scan
from ...datasets.scan import Scan
from ...inference.verdicts import Verdict
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..storage.tables import ParcelRow, ScanRow
from ..storage.times import now
from .tip import Passing, Projection, projection_for
from .tip_library import TipLibrary
from .tip_settings import TipSettings, current
from .tip_tables import OPEN, TipRow

_log = logging.getLogger(__name__)
HOLD_S = 0.8
"""From a parcel's arrival here until it is told to anybody, while projection is on."""
_STALE = timedelta(seconds=60)
"""What comes later than this after the scan, as after an outage, is neither held nor projected into."""
DEFAULT_PITCH_MM = 1.0
"""Of scans that do not tell their own."""


@dataclass(frozen=True, slots=True)
class Made:
    """A projection that stays."""

    projection: Projection
    design: str
    views: dict[str, Any]


class TipIntake:
    """Projects into parcels as they come.

    Args:
        database: for the settings in force.
        scans: the store of real pictures, read alone.
        store: of projections.
        library: of threats.
        secret: of the site.
        hold_s: HOLD_S; None neither waits nor does the work for nothing, where nobody looks for signs: in tests.
    """

    def __init__(
        self,
        database: Database,
        scans: PictureStore,
        store: PictureStore,
        library: TipLibrary,
        secret: bytes,
        hold_s: float | None = HOLD_S,
        wait: Callable[[float], None] = sleep,
    ) -> None:
        self._database, self._scans, self._store = database, scans, store
        self._library, self._secret, self._hold_s, self._wait = library, secret, hold_s, wait

    def prepare(self, parcel: ParcelRow) -> Made | None:
        """What this parcel carries. Whatever fails here, the parcel goes on without.

        Args:
            parcel: complete, with its scans, not in the database yet.
        """
        began = monotonic()
        made: Made | None = None
        try:
            with self._database.read() as session:
                settings = current(session)
            if not settings.is_on or not _may_carry(parcel):
                return None
            made = self._made(parcel, settings)
        except Exception:  # a parcel must arrive, whatever becomes of training
            _log.exception("no threat could be projected into a parcel of %s", parcel.lane)
        if self._hold_s is None:
            return made
        took = monotonic() - began
        if took > self._hold_s:
            _log.warning("a projection took %.1f s; parcels of %s come later for it", took, parcel.lane)
        # To the next multiple: one that took too long must tell no more than any other. Left out, being late would
        # tell that a parcel carries none.
        self._wait(self._hold_s - took % self._hold_s)
        return made

    def _made(self, parcel: ParcelRow, settings: TipSettings) -> Made | None:
        passing = Passing(parcel.lane, parcel.lane_number, Verdict(parcel.verdict))
        labels = self._library.labels()
        mix = {label: weight for label, weight in settings.policy.mix.items() if label in labels}
        if sum(mix.values()) <= 0:
            return None
        policy = replace(settings.policy, mix=mix)
        chosen = projection_for(passing, policy, self._secret)
        if chosen is None and self._hold_s is None:
            return None
        # The same work for every parcel; for those that are not chosen its result is thrown away.
        wanted = chosen or projection_for(passing, policy, self._secret, is_certain=True)
        if wanted is None:
            return None
        made = self._project(parcel, wanted)
        if made is None or chosen is not None:
            return made
        self.forget(made)
        return None

    def _project(self, parcel: ParcelRow, wanted: Projection) -> Made | None:
        rng = np.random.default_rng(wanted.seed)
        threat = self._library.choose(wanted.label, rng)
        if threat is None:
            return None
        contents = [self._scans.get(str(scan.file)) for scan in parcel.scans]
        scans = [_decoded(content, row) for content, row in zip(contents, parcel.scans, strict=True)]
        pitches = [scan.pitch_mm or DEFAULT_PITCH_MM for scan in scans]
        found = into_all_views(scans, threat.views, pitches, rng)
        if isinstance(found, Reject):
            return None
        views = {
            row.view: self._kept(view, content)
            for row, view, content in zip(parcel.scans, found, contents, strict=True)
        }
        return Made(wanted, threat.design, views)

    def _kept(self, view: InView, original: bytes) -> dict[str, Any]:
        box = [round(edge, 1) for edge in view.xyxy_px]
        file = self._store.put(encode_like(view.scan, original))
        return {"file": file, "xyxy_px": box, "superposition": view.superposition}

    def forget(self, made: Made) -> None:
        """Let the pictures of a projection go that no parcel carries."""
        for view in made.views.values():
            self._store.remove(view["file"])


def tip_row(parcel_id: int, made: Made) -> TipRow:
    """The row of a projection, to be added with its parcel."""
    return TipRow(
        parcel_id=parcel_id,
        label=made.projection.label,
        design=made.design,
        seed=str(made.projection.seed),
        made_at=now(),
        views=made.views,
        outcome=OPEN,
    )


def _may_carry(parcel: ParcelRow) -> bool:
    """Complete, nothing found, every picture there, and fresh."""
    return (
        parcel.verdict == Verdict.NO_ALARM
        and bool(parcel.scans)
        and all(_is_sound(scan) for scan in parcel.scans)
        and now() - parcel.arrived_at < _STALE
    )


def _is_sound(scan: ScanRow) -> bool:
    return scan.file is not None and scan.verdict == Verdict.NO_ALARM and not scan.detections and not scan.dense


def _decoded(content: bytes, row: ScanRow) -> Scan:
    scan = decode_scan(content, row.scan_id)
    return replace(scan, view=row.view, pitch_mm=row.pitch_mm or scan.pitch_mm)
