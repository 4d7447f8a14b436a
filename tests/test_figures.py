"""The supervisor's figures, against counts made by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk import decisions, marks, openings
from parcelsight.screening.desk.figures import Period, by_class, truth, work
from parcelsight.screening.rates import Rate
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import ParcelRow
from parcelsight.screening.storage.times import now
from tests.test_desk import STANDARD, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    database = Database(str(tmp_path / "console.db"))
    upgrade(database)
    return Site(database)


def today() -> Period:
    return Period(now() - timedelta(hours=1), now() + timedelta(hours=1))


def test_a_day_is_counted(site: Site) -> None:
    for number, verdict in enumerate([Verdict.ALARM] * 4 + [Verdict.NO_ALARM] * 6):
        site.parcel(number, verdict)
    one, two = site.officers[:2]
    plan = [(one, "release"), (one, "open"), (two, "open"), (one, "second look")] + [(two, "release")] * 4
    opened = []
    for officer, kind in plan:
        parcel = site.take(officer)
        assert parcel is not None
        site.decide(officer, parcel, kind, reason="other" if kind == "release" else "")
        if kind == "open":
            opened.append(parcel)
    undone = site.take(one)
    assert undone is not None
    decision = site.decide(one, undone, "open")
    with site.database.write() as session:
        decisions.undo(session, one, decision, STANDARD)
        openings.record_opening(session, one, opened[0], "o1", [{"what": "part"}], "", STANDARD)
        openings.record_opening(session, two, opened[1], "o2", [], "", STANDARD)
    with site.database.read() as session:
        done = work(session, today())
        right = truth(session, today())
        mine = work(session, Period(today().since, today().until, person_id=one.id))
        nothing = work(session, Period(today().until, today().until + timedelta(hours=1)))
    assert done.parcels == 10
    assert done.decisions == {"release": 5, "open": 2, "second look": 1}
    assert done.undone == 1
    assert done.alarm_rate == Rate(4, 10)
    assert done.override_rate == Rate(2, 5)  # the second look released one, too
    assert done.second_look_rate == Rate(1, 8)
    assert sum(done.by_hour.values()) == 8
    assert sum(mine.decisions.values()) == 3
    assert (right.opened, right.found, right.alarm_right, right.missed) == (2, 1, Rate(1, 2), 0)
    assert (nothing.parcels, nothing.took_ms, nothing.alarm_rate.value) == (0, None, None)


def test_false_alarms_by_class(site: Site) -> None:
    for number in range(3):
        site.parcel(number, Verdict.ALARM)
    officer, other = site.officers[:2]
    with site.database.write() as session:
        scans = [parcel.scans[0].id for parcel in session.query(ParcelRow).order_by(ParcelRow.id)]
        marks.mark_alarm(session, officer, scans[0], "d1", True, "1")
        marks.mark_alarm(session, other, scans[0], "d1", False, "2")  # who speaks later has seen both
        marks.mark_alarm(session, officer, scans[1], "d1", True, "3")
        marks.mark_missed(session, officer, scans[2], "slide", [1, 1, 30, 30], "4")
    with site.database.read() as session:
        pistol, slide = by_class(session, today())
    assert (pistol.label, pistol.alarms, pistol.wrong, pistol.missed) == ("pistol", 3, Rate(1, 2), 0)
    assert (slide.label, slide.alarms, slide.wrong, slide.missed) == ("slide", 0, Rate(0, 0), 1)


def test_intervals_match_the_published_example() -> None:
    """Newcombe (Statistics in Medicine 17, 1998), table I: 81 of 263 has the Wilson interval .2553 to .3662."""
    low, high = Rate(81, 263).interval
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_rate(case: tuple[int, int]) -> None:
    rate = Rate(*case)
    low, high = rate.interval
    assert 0 <= low <= (rate.value or 0) + 1e-12
    assert (1 if rate.value is None else rate.value) - 1e-12 <= high <= 1
