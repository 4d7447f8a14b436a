"""Parcels from lanes: every verdict once, whatever stops and starts again, on a real lane service and its ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from parcelsight.detector.errors import UsageError
from parcelsight.inference.lanes.events import EarlyResult, VerdictGiven
from parcelsight.inference.lanes.state import Cause, State
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.lane_states import lanes_json
from parcelsight.screening.follow import grouping
from parcelsight.screening.follow.follower import Follower
from parcelsight.screening.follow.intake import Model
from parcelsight.screening.follow.lanes import LaneBoard
from parcelsight.screening.follow.link import Service
from parcelsight.screening.follow.records import read_verdict
from parcelsight.screening.follow.services import parse_services
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.tables import ParcelRow, ScanRow
from parcelsight.screening.storage.times import now
from tests.console_parts import database_in
from tests.lane_parts import png, tiff, until
from tests.service_parts import Desk, running_service

FOUND = {"xyxy_px": [1.0, 2.0, 30.0, 40.0], "score": 0.91, "class": "slide", "group": "part"}


@dataclass
class Lane:
    """A lane service whose judge is the test."""

    url: str
    desk: Desk

    def send(self, name: str, picture: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        answer = httpx.post(
            f"{self.url}/v1/scans",
            content=picture or png(len(name)),
            headers={"Idempotency-Key": name} | (headers or {}),
        )
        assert answer.status_code == 202, answer.text
        return int(answer.json()["sequence"])

    def judge(self, sequence: int, verdict: str = "NO_ALARM", **more: Any) -> None:
        entry = self.desk.ledger.entry(sequence)
        assert entry is not None
        record = {
            "scan": entry.scan_id,
            "verdict": verdict,
            "reason": "so said",
            "detections": [],
            "dense": [],
            "timing_ms": {},
        }
        number = self.desk.ledger.record(sequence, record | more)
        assert number is not None
        self.desk.hub.publish(
            VerdictGiven(number, sequence, entry.lane, self.desk.ledger.verdicts_since(number - 1, 1)[0])
        )

    def parcel(self, name: str, **headers: str) -> None:
        self.judge(self.send(name, headers=headers))


@contextmanager
def lane_service(folder: Path) -> Iterator[Lane]:
    with running_service(folder, heartbeat_s=0.2) as (service, desk):
        yield Lane(service.url, desk)


class Site:
    """A console's database that follows a lane."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = database_in(folder)
        self.pictures = PictureStore(folder / "scans")
        self.early: list[tuple[str, dict[str, object]]] = []

    @contextmanager
    def following(self, url: str, prefix: str = "") -> Iterator[None]:
        follower = Follower(
            self.database, self.pictures, Service(url, prefix), early=lambda kind, data: self.early.append((kind, data))
        )
        follower.start()
        try:
            yield
        finally:
            follower.stop()

    def scans(self) -> list[str]:
        with self.database.read() as session:
            return [row.scan_id for row in session.query(ScanRow).order_by(ScanRow.id)]

    def parcels(self) -> list[ParcelRow]:
        with self.database.read() as session:
            rows = session.query(ParcelRow).order_by(ParcelRow.id).all()
            assert all(row.scans is not None for row in rows)
            return rows

    def lanes(self) -> dict[str, Any]:
        with self.database.read() as session:
            return {lane["name"]: lane for lane in lanes_json(session)}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "console").mkdir()
    site = Site(tmp_path / "console")
    yield site
    site.database.close()


def test_a_verdict_becomes_a_parcel_with_its_picture(site: Site, tmp_path: Path) -> None:
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        headers = {"X-Barcode": "RR473124829DE", "X-Meta-Declared": "coffee maker", "X-Meta-Declared-Weight": "2 kg"}
        numbered = [FOUND | {"id": 7}, FOUND]
        lane.judge(
            lane.send("a", headers=headers), "ALARM", detections=numbered, dense=[{"xyxy_px": [0.0, 0.0, 9.0, 9.0]}]
        )
        until(site.parcels)
        (parcel,) = site.parcels()
        assert (parcel.verdict, parcel.item_id, parcel.lane) == ("ALARM", "RR473124829DE", "dock-1")
        assert parcel.declared == {"contents": "coffee maker", "weight": "2 kg"}
        (scan,) = parcel.scans
        assert [found["id"] for found in scan.detections] == ["c7", "d2"]
        assert (scan.kind, scan.width_px, scan.model) == ("pseudo-colour", 96, "test 1")
        assert site.pictures.get(str(scan.file)) == png(1)


def test_both_halves_of_a_pair_become_one_picture(site: Site, tmp_path: Path) -> None:
    high = np.full((40, 50), 50_000, np.uint16)
    parts = {"low": ("l.tif", tiff(high // 2)), "high": ("h.tif", tiff(high))}
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        answer = httpx.post(f"{lane.url}/v1/scans", files=parts, headers={"Idempotency-Key": "pair"})
        lane.judge(answer.json()["sequence"])
        until(site.parcels)
    (scan,) = site.parcels()[0].scans
    assert (scan.kind, scan.width_px, scan.height_px) == ("dual-energy", 50, 40)


def test_views_of_a_parcel_come_together(site: Site, tmp_path: Path) -> None:
    def view(name: str, parcel: str) -> dict[str, str]:
        return {"X-Meta-parcel": parcel, "X-Meta-view": name, "X-Meta-views": "2"}

    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        first, other = lane.send("p1-top", headers=view("top", "p1")), lane.send("p2-top", headers=view("top", "p2"))
        lane.judge(first)
        lane.judge(other)
        lane.judge(lane.send("p1-side", headers=view("side", "p1")), "ALARM", detections=[FOUND])
        until(site.parcels)
        (parcel,) = site.parcels()
        assert {scan.view for scan in parcel.scans} == {"top", "side"} and parcel.verdict == Verdict.ALARM


def test_a_view_that_does_not_come_is_not_waited_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "PATIENCE_S", 0.2)
    meta = {"X-Meta-parcel": "p1", "X-Meta-views": "2"}
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        lane.parcel("p1-top", **meta | {"X-Meta-view": "top"})
        until(site.parcels)
        lane.parcel("p1-side", **meta | {"X-Meta-view": "side"})
        until(lambda: len(site.scans()) == 2)
    assert len(site.parcels()) == 1


def test_nothing_is_lost_when_either_side_stops_and_starts(site: Site, tmp_path: Path) -> None:
    views = {"X-Meta-parcel": "p", "X-Meta-views": "2"}
    with lane_service(tmp_path / "ledger") as lane:
        with site.following(lane.url):
            lane.parcel("one")
            lane.parcel("half", **views | {"X-Meta-view": "top"})  # waits for its other view while the console stops
            lane.parcel("two")
            until(lambda: len(site.scans()) == 2)
        lane.parcel("three")
        with site.following(lane.url):
            lane.parcel("other half", **views | {"X-Meta-view": "side"})
            until(lambda: len(site.scans()) == 5)
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        lane.parcel("four")
        until(lambda: len(site.scans()) == 6)
    assert sorted(site.scans()) == sorted(["one", "two", "three", "half", "other half", "four"])
    assert len(site.parcels()) == 5


def test_a_new_ledger_begins_anew_and_hides_nothing(site: Site, tmp_path: Path) -> None:
    for turn in ("first", "second"):
        with lane_service(tmp_path / turn) as lane, site.following(lane.url):
            for name in ("a", "b"):
                lane.parcel(f"{turn} {name}")
            until(lambda turn=turn: f"{turn} b" in site.scans())  # type: ignore[misc]
    assert site.scans() == ["first a", "first b", "second a", "second b"]
    assert len({row.lane_number for row in site.parcels()}) == 4


def test_what_cannot_be_read_is_looked_at_all_the_same(site: Site, tmp_path: Path) -> None:
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url):
        lane.judge(lane.send("no picture", b"this is none"), "UNSCREENED")
        lane.judge(lane.send("damaged"), detections=[FOUND | {"score": 7}])
        gone = lane.send("gone")
        for path in lane.desk.ledger.entry(gone).files:  # type: ignore[union-attr]
            path.unlink()
        lane.judge(gone)
        until(lambda: len(site.scans()) == 3)
    unreadable, damaged, gone_parcel = site.parcels()
    assert unreadable.scans[0].kind == "unreadable" and unreadable.scans[0].file is None
    assert damaged.verdict == Verdict.UNSCREENED and "detections.0.score" in damaged.scans[0].reason
    assert gone_parcel.scans[0].kind == "gone"


def test_the_state_of_a_lane_is_known_and_its_silence_too(site: Site, tmp_path: Path) -> None:
    with lane_service(tmp_path / "ledger") as lane, site.following(lane.url, "sarajevo"):
        until(lambda: site.lanes().get("sarajevo/dock-1", {}).get("state") == "SCREENING")
        lane.desk.board.trouble("dock-1", Cause.FROZEN, State.NOT_SCREENING, "the same picture 5 times")
        until(lambda: site.lanes()["sarajevo/dock-1"]["cause"] == "frozen")
        lane.desk.hub.publish(EarlyResult("dock-1", "p9", {"verdict": "ALARM"}))
        until(lambda: site.early)
        assert site.early[0][1]["lane"] == "sarajevo/dock-1"
    with site.following(lane.url, "sarajevo"):
        until(lambda: site.lanes()["sarajevo/dock-1"]["cause"] == "unreachable")
    assert site.lanes()["sarajevo/dock-1"]["state"] == "NOT_SCREENING"


@pytest.mark.parametrize(
    ("prefix", "told", "title"),
    [
        ("", {"title": "Hall 1"}, "Hall 1"),
        ("sarajevo", {"title": "Hall 1"}, "sarajevo · Hall 1"),
        ("sarajevo", {"title": "hall-1"}, "sarajevo/hall-1"),
        ("", {}, "hall-1"),
    ],
    ids=["a title", "of one of several services", "no title of its own", "a service that tells none"],
)
def test_a_lane_is_called_as_people_call_it(site: Site, prefix: str, told: dict[str, str], title: str) -> None:
    record = {"lane": "hall-1", "state": "SCREENING", "since": now().isoformat()}
    LaneBoard(site.database, Service("http://127.0.0.1:1", prefix)).changed(record | told, Model())
    assert [lane["title"] for lane in site.lanes().values()] == [title]


def test_a_token_is_asked_for_in_words(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_service(tmp_path / "ledger", token="a secret of many characters") as (service, _):  # noqa: SIM117
        with site.following(service.url):
            until(lambda: "--lanes-token-file" in caplog.text)


@pytest.mark.parametrize(
    "told",
    [
        {"verdict": "FINE"},
        {"scan": "x" * 300},
        {"detections": "none"},
        {"meta": {"a": 1}},
        {"accepted_at": "yesterday"},
    ],
    ids=lambda told: next(iter(told)),
)
def test_a_damaged_record_is_unscreened(told: dict[str, Any]) -> None:
    whole = {"sequence": 3, "lane": "dock-1", "scan": "s", "verdict": "NO_ALARM", "accepted_at": "2026-03-02T08:15:30Z"}
    assert read_verdict(whole, 1).verdict is Verdict.NO_ALARM
    found = read_verdict(whole | told, 1)
    assert found.verdict is Verdict.UNSCREENED and next(iter(told)) in found.reason


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["ftp://lane"], "no address"),
        (["http://user:secret@lane:1"], "no address"),
        (["http://a:1", "http://b:1"], "no name, or the same"),
        (["UPPER CASE=http://a:1"], "cannot name"),
    ],
)
def test_services_that_cannot_be(texts: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_services(texts)


def test_services_by_name() -> None:
    services = parse_services(["http://a:1", "sarajevo=http://b:1/x?y=z"])
    assert [service.lane("dock-1") for service in services] == ["dock-1", "sarajevo/dock-1"]
