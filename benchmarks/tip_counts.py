"""Ten thousand parcels with and without projected threats: no count of real parcels may differ.

    python -m benchmarks.tip_counts --parcels 10000 --rate 0.03 --save docs/results/tutor/counts.json

The same parcels pass two consoles, by the same decisions; in one of them threats are projected. Officers see half of
these. Then every table and figure of real parcels is compared, row by row.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks.tip_site import TipSite, open_site, plain_parcel
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk import queue
from parcelsight.screening.desk.decisions import Wish, decide
from parcelsight.screening.desk.figures import Period, by_class, truth, work
from parcelsight.screening.desk.marks import mark_missed
from parcelsight.screening.desk.openings import record_opening
from parcelsight.screening.storage.tables import (
    AuditRow,
    DecisionKind,
    DecisionRow,
    EventRow,
    MarkRow,
    OpeningRow,
    ParcelRow,
    ScanRow,
)
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.tip_desk import open_projection
from parcelsight.screening.tutor.tip_results import tip_figures

LABELS = ("cartridge", "cartridge_pack", "slide", "bolt", "cylinder", "magazine")
"""Small enough for the small pictures of this measurement."""
_ALARMS, _OPENED, _SEEN, _MARKED = 0.05, 0.02, 0.5, 0.3


def _day(sites: Sequence[TipSite], parcels: int, seed: int, until: float) -> int:
    """The same parcels, decided alike, in every console; how many until all had passed or the time was over."""
    rng = np.random.default_rng(seed)
    pictures = [plain_parcel(rng) for _ in range(40)]
    answering = [np.random.default_rng(seed + 1) for _ in sites]
    for number in range(parcels):
        if monotonic() > until:
            return number
        draw = rng.random(3)
        verdict = Verdict.ALARM if draw[0] < _ALARMS else Verdict.NO_ALARM
        kind = DecisionKind.OPEN if draw[1] < _OPENED else DecisionKind.RELEASE
        for site, answers in zip(sites, answering, strict=True):
            site.arrive(pictures[number % len(pictures)], verdict)
            _work(site, number, kind, draw[2] < 0.5, answers)
        if number % 500 == 499:
            print(f"{number + 1} parcels", flush=True)
    return parcels


def _work(site: TipSite, number: int, kind: DecisionKind, finds: bool, rng: np.random.Generator) -> None:
    """Take the parcel that waits, answer its projection if it carries one, then decide the parcel itself."""
    console, officer, procedure = site.console, site.officer, site.console.procedure
    with console.database.write() as session:
        parcel = queue.take_next(session, officer, procedure)
        assert parcel is not None
        parcel_id, verdict = parcel.id, Verdict(parcel.verdict)
        carries = open_projection(session, parcel_id) is not None
    if carries:
        seen = rng.random() < _SEEN
        with console.database.write() as session:
            if seen and rng.random() < _MARKED:
                scan = session.scalars(select(ScanRow.id).where(ScanRow.parcel_id == parcel_id)).one()
                mark_missed(session, officer, scan, "pistol", [10, 10, 40, 40], f"mark-{number:08d}")
        said = DecisionKind.SECOND_LOOK if seen else DecisionKind.RELEASE
        with console.database.write() as session:
            wish = Wish(f"projection-{number:08d}", parcel_id, said, took_ms=int(rng.integers(900, 9000)))
            assert console.tip.answer(session, officer, wish, procedure) is not None
    reason = "harmless_object" if verdict is Verdict.ALARM and kind is DecisionKind.RELEASE else ""
    with console.database.write() as session:
        wish = Wish(f"request-{number:08d}", parcel_id, kind, reason, took_ms=1000 + number % 997)
        assert console.tip.answer(session, officer, wish, procedure) is None
        decide(session, officer, wish, procedure)
    if kind is DecisionKind.OPEN:
        found = [{"what": "firearm", "amount": 1}] if finds else []
        with console.database.write() as session:
            record_opening(session, officer, parcel_id, f"opening-{number:08d}", found, "", procedure)


def _counted(site: TipSite, began: Any) -> dict[str, Any]:
    """Everything that is counted of real parcels, and the projections apart from it."""
    period = Period(began - timedelta(minutes=1), now() + timedelta(minutes=1))
    with site.console.read() as session:
        done = work(session, period)
        tables = {
            "parcels": [tuple(row) for row in session.execute(
                select(ParcelRow.lane_number, ParcelRow.verdict, ParcelRow.state).order_by(ParcelRow.id))],
            "scans": [tuple(row) for row in session.execute(
                select(ScanRow.scan_id, ScanRow.file, ScanRow.sha256, ScanRow.verdict).order_by(ScanRow.id))],
            "decisions": [tuple(row) for row in session.execute(
                select(DecisionRow.request_id, DecisionRow.parcel_id, DecisionRow.kind, DecisionRow.reason,
                       DecisionRow.state_before, DecisionRow.took_ms).order_by(DecisionRow.id))],
            "openings": [tuple(map(str, row)) for row in session.execute(
                select(OpeningRow.parcel_id, OpeningRow.found).order_by(OpeningRow.id))],
            "marks": [tuple(map(str, row)) for row in session.execute(
                select(MarkRow.scan_id, MarkRow.label).where(MarkRow.undone_at.is_(None)).order_by(MarkRow.id))],
            "news": [tuple(row) for row in session.execute(
                select(EventRow.kind, func.count()).group_by(EventRow.kind).order_by(EventRow.kind))],
            "audit": [tuple(row) for row in session.execute(
                select(AuditRow.action, func.count()).where(AuditRow.action.in_(("viewed", "decided", "opened")))
                .group_by(AuditRow.action).order_by(AuditRow.action))],
        }  # fmt: skip
        figures = {
            "work": {key: value for key, value in asdict(done).items() if key not in ("took_ms", "by_hour")},
            "truth": asdict(truth(session, period)),
            "classes": [asdict(one) for one in by_class(session, period)],
        }
        tip = tip_figures(session, period.since, period.until)
    return {"tables": tables, "figures": figures, "projected": tip.made, "seen": [tip.seen.count, tip.seen.of]}


def compare(parcels: int, rate: float, seed: int = 1, minutes: float = 600) -> dict[str, Any]:
    """Both consoles; which tables and figures differ, which must be none."""
    began = now()
    with TemporaryDirectory(prefix="tip-counts-") as name:
        sites = []
        for day, each in (("without", 0.0), ("with", rate)):
            (Path(name) / day).mkdir()
            sites.append(open_site(Path(name) / day, each, labels=LABELS))
        passed = _day(sites, parcels, seed, monotonic() + 60 * minutes)
        without, with_tip = (_counted(site, began) for site in sites)
        for site in sites:
            site.console.database.close()
    differ = [
        f"{part}.{key}"
        for part in ("tables", "figures")
        for key in without[part]
        if without[part][key] != with_tip[part][key]
    ]
    return {
        "parcels": passed,
        "rate": rate,
        "projected": with_tip["projected"],
        "seen": with_tip["seen"],
        "rows_compared": sum(len(rows) for rows in without["tables"].values()),
        "differ": differ,
    }


def main() -> None:
    """Print and save the comparison; a difference ends in status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=0.03)
    parser.add_argument("--minutes", type=float, default=600, help="compare what has passed after so long")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    found = compare(arguments.parcels, arguments.rate, minutes=arguments.minutes)
    print(json.dumps(found, indent=1))
    if arguments.save:
        arguments.save.parent.mkdir(parents=True, exist_ok=True)
        arguments.save.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(1 if found["differ"] else 0)


if __name__ == "__main__":
    main()
