"""Projected threats at lanes: which parcels carry one, how an answer counts, and that nothing tells beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from benchmarks.tip_counts import LABELS, compare
from benchmarks.tip_site import TipSite, plain_parcel
from parcelsight.datasets.readers import decode_scan
from parcelsight.detector.errors import UsageError
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.follow.intake import Intake
from parcelsight.screening.follow.link import Service as Lane
from parcelsight.screening.people.accounts import person_of, require_row
from parcelsight.screening.storage.tables import DecisionRow, MarkRow, ParcelRow, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor import tip_settings
from parcelsight.screening.tutor.tip import TipPolicy
from parcelsight.screening.tutor.tip_desk import open_projection
from parcelsight.screening.tutor.tip_settings import TipSettings, secret_of
from parcelsight.screening.tutor.tip_tables import OPEN, TipRow
from tests.console_parts import Site, running_console

NO_WAIT = None
MOST = 60
"""Parcels within which one carries a projection, but for a chance of one in 600,000."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_console(tmp_path_factory.mktemp("tip")) as running:
        yield running


@pytest.fixture(scope="module")
def lane(site: Site) -> TipSite:
    """A lane of the running console, at the highest rate."""
    with site.console.database.write() as session:
        officer, supervisor = (person_of(require_row(session, login)) for login in ("operator", "supervisor"))
        tip_settings.change(session, supervisor, TipSettings(TipPolicy(0.2, dict.fromkeys(LABELS, 1.0))))
    service = Lane("http://127.0.0.1:9")
    intake = Intake(site.console.database, site.console.pictures, service, site.console.training(NO_WAIT))
    intake.place("ledger")
    return TipSite(site.console, intake, officer, supervisor)


@pytest.fixture
def resumed(site: Site, lane: TipSite) -> Iterator[None]:
    yield
    with site.console.database.write() as session:
        policy = TipPolicy(0.2, dict.fromkeys(LABELS, 1.0))
        tip_settings.change(session, lane.supervisor, TipSettings(policy))


def carrying(lane: TipSite) -> int:
    """A parcel that carries a projection, with all before it put aside."""
    for _ in range(MOST):
        parcel = lane.arrive(plain_parcel(np.random.default_rng(lane.number)))
        with lane.console.read() as session:
            if open_projection(session, parcel) is not None:
                return parcel
    raise AssertionError("no parcel carried a projection")


def test_a_parcel_whose_projection_took_long_is_held_to_the_next_turn_and_keeps_it(site: Site, lane: TipSite) -> None:
    """Left out, being late would tell that a parcel carries none."""
    waited: list[float] = []
    training = site.console.training(0.001)
    training._wait = waited.append
    intake = Intake(site.console.database, site.console.pictures, Lane("http://127.0.0.1:9"), training)
    intake.place("ledger")
    carrying(TipSite(site.console, intake, lane.officer, lane.supervisor, number=10_000))
    assert waited and all(0 < each <= 0.001 for each in waited)


def row_of(site: Site, parcel: int) -> TipRow:
    with site.console.read() as session:
        return session.scalars(select(TipRow).where(TipRow.parcel_id == parcel)).one()


def scan_of(site: Site, parcel: int) -> ScanRow:
    with site.console.read() as session:
        return session.scalars(select(ScanRow).where(ScanRow.parcel_id == parcel)).one()


def decisions(site: Site, parcel: int) -> int:
    with site.console.read() as session:
        return session.scalar(select(func.count()).where(DecisionRow.parcel_id == parcel)) or 0


@pytest.mark.parametrize(
    ("kind", "outcome"), [("release", "miss"), ("second look", "hit"), ("hold", "hit"), ("open", "hit")]
)
def test_an_answer_is_told_at_once_and_decides_nothing(site: Site, lane: TipSite, kind: str, outcome: str) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    scan = scan_of(site, parcel).id
    assert browser.post(f"/api/desk/take/{parcel}").status_code == 200
    projected = browser.get(f"/api/scans/{scan}/pixels").content
    answer = browser.decide(parcel, kind, took_ms=2000).json()
    assert answer["decision"] is None and answer["next"]["id"] == parcel and answer["next"]["state"] == "waiting"
    told = answer["projected"]
    assert (told["outcome"], told["class"] in LABELS, told["late"]) == (outcome, True, False)
    assert told["places"][0]["picture"].startswith("data:image/jpeg;base64,")
    own = browser.get(f"/api/scans/{scan}/pixels").content
    assert own != projected and len(own) == len(projected)
    assert decisions(site, parcel) == 0 and row_of(site, parcel).outcome == outcome
    assert "decision" in browser.decide(parcel, "release").json() and decisions(site, parcel) == 1


def test_an_answer_sent_twice_counts_once(site: Site, lane: TipSite) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    browser.post(f"/api/desk/take/{parcel}")
    first, second = (browser.decide(parcel, "hold", request_id="the-same-1").json() for _ in range(2))
    assert first["projected"]["outcome"] == second["projected"]["outcome"] == "hit" and decisions(site, parcel) == 0


def test_an_answer_after_the_time_is_a_miss(site: Site, lane: TipSite) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    browser.post(f"/api/desk/take/{parcel}")
    told = browser.decide(parcel, "hold", took_ms=56_000).json()["projected"]
    assert told["outcome"] == "miss" and told["late"]


def test_the_time_runs_out_by_itself(site: Site, lane: TipSite, monkeypatch: pytest.MonkeyPatch) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    browser.post(f"/api/desk/take/{parcel}")
    assert "projected" not in browser.post("/api/desk/renew", {"parcel_id": parcel}).json()
    monkeypatch.setattr(site.console.tip, "_looked_s", lambda parcel_id: 60.0)
    told = browser.post("/api/desk/renew", {"parcel_id": parcel}).json()
    assert told["held"] and told["projected"]["outcome"] == "miss" and told["projected"]["late"]


def test_somebody_else_cannot_answer(site: Site, lane: TipSite) -> None:
    parcel, browser, other = carrying(lane), site.sign_in("operator"), site.sign_in("colleague")
    browser.post(f"/api/desk/take/{parcel}")
    assert other.decide(parcel, "hold").status_code == 409 and row_of(site, parcel).outcome == OPEN


def test_boxes_drawn_around_a_projection_are_no_marks(site: Site, lane: TipSite) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    browser.post(f"/api/desk/take/{parcel}")
    body = {"request_id": "mark-of-a-projection", "scan_id": scan_of(site, parcel).id, "label": "pistol"}
    assert browser.post("/api/desk/marks", body | {"xyxy_px": [5, 5, 40, 40]}).status_code == 200
    figures = site.sign_in("supervisor").get("/api/figures/classes").json()["classes"]
    assert not any(one["missed"] for one in figures), "while it is open"
    browser.decide(parcel, "hold")
    with site.console.read() as session:
        assert session.scalars(select(MarkRow.undone_at)).all().count(None) == 0


def test_a_supervisor_stops_it_at_once(site: Site, lane: TipSite, resumed: None) -> None:
    parcel, browser = carrying(lane), site.sign_in("operator")
    browser.post(f"/api/desk/take/{parcel}")
    assert browser.post("/api/tip/stop").status_code == 403
    stopped = site.sign_in("supervisor").post("/api/tip/stop").json()
    assert stopped["stopped"] and stopped["abandoned"] >= 1 and row_of(site, parcel).outcome == "abandoned"
    assert "projected" not in browser.decide(parcel, "release").json() and decisions(site, parcel) == 1
    for _ in range(5):
        later = lane.arrive(plain_parcel(np.random.default_rng(1)))
        with site.console.read() as session:
            assert open_projection(session, later) is None


def test_the_page_sets_rate_and_classes(site: Site, lane: TipSite, resumed: None) -> None:
    supervisor = site.sign_in("supervisor")
    assert "Stop at once" in supervisor.page("/supervisor/tip").text
    fields = {"rate": "3", "answer_s": "8", "stopped_s": "30", "weight-slide": "2", "weight-bolt": "1"}
    assert supervisor.form("/supervisor/tip", **fields).status_code == 303
    with site.console.read() as session:
        found = tip_settings.current(session)
    assert found == TipSettings(TipPolicy(0.03, {"slide": 2.0, "bolt": 1.0}), 8.0, 30.0)
    refused = supervisor.form("/supervisor/tip", **fields | {"rate": "50"})
    assert refused.status_code == 400 and "20%" in refused.text
    assert site.sign_in("operator").form("/supervisor/tip", **fields).status_code == 403


def test_the_pictures_differ_only_around_the_threat(site: Site, lane: TipSite) -> None:
    parcel = carrying(lane)
    row, scan = row_of(site, parcel), scan_of(site, parcel)
    with site.console.read() as session:
        shown = decode_scan(site.console.tip.picture(session, scan, site.console.pictures), "shown").pixels
    own = decode_scan(site.console.pictures.get(str(scan.file)), "own").pixels
    x0, y0, x1, y1 = (int(edge) for edge in row.views["top"]["xyxy_px"])
    changed = (shown != own).any(axis=2)
    assert changed[y0:y1, x0:x1].mean() > 0.3
    changed[max(0, y0 - 12) : y1 + 12, max(0, x0 - 12) : x1 + 12] = False
    assert not changed.any()


def test_parcels_with_an_alarm_never_carry_one(site: Site, lane: TipSite) -> None:
    for verdict in (Verdict.ALARM, Verdict.REVIEW, Verdict.UNSCREENED):
        for _ in range(10):
            parcel = lane.arrive(plain_parcel(np.random.default_rng(3)), verdict)
            with site.console.read() as session:
                assert open_projection(session, parcel) is None


def test_a_parcel_arrives_whatever_happens_to_training(
    site: Site, lane: TipSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr("parcelsight.screening.tutor.tip_intake.into_all_views", broken)
    parcel = lane.arrive(plain_parcel(np.random.default_rng(4)))
    with site.console.read() as session:
        assert session.get_one(ParcelRow, parcel).state == "waiting" and open_projection(session, parcel) is None


def test_every_parcel_is_held_for_the_same_time(site: Site, lane: TipSite) -> None:
    waited: list[float] = []
    training = site.console.training(30.0)
    training._wait = waited.append
    file = scan_of(site, carrying(lane)).file
    for number in range(12):
        parcel = ParcelRow(lane="dock-9", lane_number=number, verdict=Verdict.NO_ALARM, arrived_at=now())
        parcel.scans = [ScanRow(view="top", scan_id="s", file=file, verdict="NO_ALARM", pitch_mm=2.0)]
        training.prepare(parcel)
    assert len(waited) == 12 and all(0 < one < 30 for one in waited)


def test_the_secret_is_the_sites_own(tmp_path: Path) -> None:
    first = secret_of(tmp_path)
    assert len(first) == 32 and secret_of(tmp_path) == first
    assert (tmp_path / tip_settings.SECRET).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("answer_s", "stopped_s"), [(0.5, 0), (11, 0), (5, 46), (float("nan"), 1)])
def test_times_are_those_of_the_rules(answer_s: float, stopped_s: float) -> None:
    with pytest.raises(UsageError, match="is no time"):
        TipSettings(TipPolicy(0.02), answer_s, stopped_s)


def test_no_count_of_real_parcels_is_touched() -> None:
    found = compare(60, 0.2, seed=5)
    assert found["projected"] >= 3 and found["differ"] == []
