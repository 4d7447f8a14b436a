"""The queue, decisions, openings and marks, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from parcelsight.detector.errors import ConfigError, UsageError
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.desk import decisions, marks, openings, queue
from parcelsight.screening.desk.decisions import NotYours, Wish, decide
from parcelsight.screening.desk.item_id import parse_item_id
from parcelsight.screening.desk.procedure import load_procedure
from parcelsight.screening.people.accounts import Person, create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import (
    DecisionKind,
    DecisionRow,
    MarkRow,
    ParcelRow,
    ParcelState,
    ScanRow,
)
from parcelsight.screening.storage.times import now
from tests.databases import KINDS

STANDARD, TWO = load_procedure("standard"), load_procedure("two_officers")
ALARM = {"id": "d1", "xyxy_px": [10.0, 10.0, 60.0, 40.0], "score": 0.9, "class": "pistol", "group": "firearm"}


class Site:
    """A database with officers and parcels."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as session:
            self.officers = [
                create_person(session, "system", f"officer{n}", f"Officer {n}", Role.OPERATOR, "many brown parcels")
                for n in range(4)
            ]

    def parcel(self, number: int, verdict: Verdict = Verdict.NO_ALARM) -> int:
        with self.database.write() as session:
            row = ParcelRow(
                lane="1", lane_number=number, arrived_at=now(), verdict=verdict, state=ParcelState.WAITING, declared={}
            )
            row.scans = [
                ScanRow(
                    view="top", scan_id=f"s{number}", file=None, sha256="0" * 64, kind="dual-energy", width_px=100,
                    height_px=80, pitch_mm=1.0, verdict=verdict, reason="", model="m", operating_point="",
                    detections=[ALARM] if verdict is Verdict.ALARM else [], dense=[],
                )
            ]  # fmt: skip
            session.add(row)
            session.flush()
            return row.id

    def take(self, officer: Person) -> int | None:
        with self.database.write() as session:
            parcel = queue.take_next(session, officer, STANDARD)
            return parcel.id if parcel else None

    def decide(self, officer: Person, parcel: int, kind: str = "release", **more: str) -> int:
        procedure = TWO if more.pop("two", "") else STANDARD
        wish = Wish(more.pop("request", f"{officer.login}-{parcel}-{kind}"), parcel, DecisionKind(kind), **more)  # type: ignore[arg-type]
        with self.database.write() as session:
            return decide(session, officer, wish, procedure).id

    def state(self, parcel: int) -> str:
        with self.database.read() as session:
            return session.get_one(ParcelRow, parcel).state


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = str(tmp_path / "console.db")
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        url = make()
    database = Database(url)
    upgrade(database)
    yield Site(database)
    database.close()


def test_alarms_come_first_and_a_parcel_stays_on_its_screen(site: Site) -> None:
    plain, alarm = site.parcel(1), site.parcel(2, Verdict.ALARM)
    assert site.take(site.officers[0]) == alarm
    assert site.take(site.officers[0]) == alarm
    assert site.take(site.officers[1]) == plain
    assert site.take(site.officers[2]) is None


def test_a_silent_console_loses_its_parcel(site: Site) -> None:
    parcel = site.parcel(1)
    site.take(site.officers[0])
    with site.database.write() as session:
        session.get_one(ParcelRow, parcel).leased_until = now() - timedelta(seconds=1)
    assert site.take(site.officers[1]) == parcel
    with pytest.raises(NotYours, match="no longer on your screen"):
        site.decide(site.officers[0], parcel)
    with site.database.write() as session:
        assert not queue.renew(session, site.officers[0], parcel, STANDARD)


def test_nothing_is_decided_twice(site: Site) -> None:
    parcels = {site.parcel(number) for number in range(40)}
    decided: list[int] = []

    def work(officer: Person) -> None:
        while (parcel := site.take(officer)) is not None:
            site.decide(officer, parcel)
            decided.append(parcel)

    threads = [threading.Thread(target=work, args=(officer,)) for officer in site.officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decided) == sorted(parcels)
    with site.database.read() as session:
        assert len(session.scalars(select(DecisionRow)).all()) == len(parcels)
        assert verify(session).is_whole


def test_the_same_request_counts_once(site: Site) -> None:
    parcel = site.parcel(1)
    officer = site.officers[0]
    site.take(officer)
    assert site.decide(officer, parcel, request="r") == site.decide(officer, parcel, request="r")
    with pytest.raises(UsageError, match="used for another decision"):
        site.decide(officer, parcel, "hold", request="r")
    with pytest.raises(NotYours, match="decided already"):
        site.decide(officer, parcel, request="another")


def test_releasing_an_alarm_takes_a_reason(site: Site) -> None:
    parcel = site.parcel(1, Verdict.ALARM)
    site.take(site.officers[0])
    with pytest.raises(UsageError, match="takes a reason; give one of harmless_object"):
        site.decide(site.officers[0], parcel)
    with pytest.raises(UsageError, match="is no reason"):
        site.decide(site.officers[0], parcel, reason="tired")
    site.decide(site.officers[0], parcel, reason="harmless_object")
    assert site.state(parcel) == ParcelState.RELEASED


def test_two_officers_must_agree(site: Site) -> None:
    parcel = site.parcel(1, Verdict.ALARM)
    first, second = site.officers[:2]
    site.take(first)
    site.decide(first, parcel, reason="other", two="yes")
    assert site.state(parcel) == ParcelState.SECOND_LOOK
    assert site.take(first) is None  # not the same person again
    assert site.take(second) == parcel
    site.decide(second, parcel, reason="other", two="yes")
    assert site.state(parcel) == ParcelState.RELEASED


def test_a_decision_can_be_taken_back_for_a_moment(site: Site) -> None:
    parcel = site.parcel(1)
    officer, other = site.officers[:2]
    site.take(officer)
    decision = site.decide(officer, parcel)
    with pytest.raises(UsageError, match="not yours"), site.database.write() as session:
        decisions.undo(session, other, decision, STANDARD)
    with site.database.write() as session:
        decisions.undo(session, officer, decision, STANDARD)
    assert site.take(officer) == parcel
    again = site.decide(officer, parcel, "hold")
    with site.database.write() as session:
        session.get_one(DecisionRow, again).decided_at = now() - timedelta(seconds=6)
    with pytest.raises(UsageError, match="too late"), site.database.write() as session:
        decisions.undo(session, officer, again, STANDARD)


def test_what_was_found_is_recorded_once(site: Site) -> None:
    parcel = site.parcel(1, Verdict.ALARM)
    officer = site.officers[0]
    found: list[dict[str, object]] = [{"what": "part", "amount": 2, "type": "slide"}]
    with pytest.raises(UsageError, match="not being opened"), site.database.write() as session:
        openings.record_opening(session, officer, parcel, "o", found, "", STANDARD)
    site.take(officer)
    site.decide(officer, parcel, "open")
    for bad in ([{"what": "gold"}], [{"what": "part", "amount": -1}], [{"amount": 1}], ["part"]):
        with pytest.raises(UsageError), site.database.write() as session:
            openings.record_opening(session, officer, parcel, "bad", bad, "", STANDARD)  # type: ignore[arg-type]
    for _ in range(2):
        with site.database.write() as session:
            row = openings.record_opening(session, officer, parcel, "o", found, "in a coffee maker", STANDARD)
            assert row.found[0]["amount"] == 2
    assert site.state(parcel) == ParcelState.DONE


def test_marks(site: Site) -> None:
    parcel = site.parcel(1, Verdict.ALARM)
    officer = site.officers[0]
    with site.database.read() as session:
        scan = session.get_one(ParcelRow, parcel).scans[0].id
    with site.database.write() as session:
        marks.mark_alarm(session, officer, scan, "d1", True, "m1")
        marks.mark_alarm(session, officer, scan, "d1", False, "m2")
        missed = marks.mark_missed(session, officer, scan, "slide", [-5, 10, 50, 200], "m3")
        assert missed.xyxy_px == [0, 10, 50, 80]
    with site.database.read() as session:
        standing = session.scalars(select(MarkRow).where(MarkRow.undone_at.is_(None))).all()
        assert sorted(row.kind for row in standing) == ["missed", "wrong"]
    with site.database.write() as session:
        marks.take_back(session, officer, missed.id)
    bad: dict[str, tuple[str, list[float]]] = {
        "no class": ("banana", [0, 0, 9, 9]),
        "outside": ("slide", [300, 300, 400, 400]),
        "no number": ("slide", [0, 0, float("nan"), 9]),
        "three numbers": ("slide", [0, 0, 9]),
    }
    for label, box in bad.values():
        with pytest.raises(UsageError), site.database.write() as session:
            marks.mark_missed(session, officer, scan, label, box, "bad")
    with pytest.raises(UsageError, match="no alarm"), site.database.write() as session:
        marks.mark_alarm(session, officer, scan, "d9", True, "m9")


ITEM_IDS = {
    "aa 12345678 5 br": ("AA123456785BR", True),
    "RR473124829BA": ("RR473124829BA", True),
    "1Z999AA10123456784": ("1Z999AA10123456784", False),
}


@pytest.mark.parametrize("scanned", ITEM_IDS)
def test_item_ids(scanned: str) -> None:
    found = parse_item_id(scanned)
    assert (found.text, found.is_s10) == ITEM_IDS[scanned]


@pytest.mark.parametrize("scanned", ["AA123456784BR", "", "é" * 9, "AB", "x" * 60, "A\x00BCDEF"])
def test_misread_item_ids(scanned: str) -> None:
    with pytest.raises(UsageError, match="again"):
        parse_item_id(scanned)


BAD = {
    "two on one key": ("choices: {release: {key: r}, hold: {key: r}}", "share a key"),
    "no release": ("choices: {open: {key: o}, hold: {key: h}}", "must be able to release"),
    "reason without reasons": ("choices: {release: {key: r, ask_reason_for: [ALARM]}, hold: {key: h}}", "reasons"),
    "unknown key": ("choices: {release: {key: r}, hold: {key: h}}\nspeed: 3", "speed"),
}


@pytest.mark.parametrize("case", BAD)
def test_procedures_that_cannot_be_worked_with(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    (tmp_path / "p.yaml").write_text(f"name: x\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        load_procedure(tmp_path / "p.yaml")
