"""The desk over HTTP: pictures, decisions that count once, undo, marks, openings, records, figures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.storage.tables import AuditRow, DecisionRow, LaneRow, ScanRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.viewer_format import unpack
from tests.console_parts import Browser, Site, running_console


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_console(tmp_path) as site:
        yield site


def take(browser: Browser) -> int | None:
    found = browser.post("/api/desk/next").json()["parcel"]
    return found["id"] if found else None


def test_a_working_day(site: Site) -> None:
    quiet, alarm = site.parcel(), site.parcel(Verdict.ALARM)
    operator, colleague, supervisor = site.sign_in("operator"), site.sign_in("colleague"), site.sign_in("supervisor")

    parcel = operator.post("/api/desk/next").json()["parcel"]
    assert parcel["id"] == alarm  # the alarm comes first
    assert [choice["kind"] for choice in parcel["choices"]] == ["release", "second look", "hold", "open"]
    assert parcel["choices"][0]["reason_needed"] and parcel["reliability"]["pistol"]["text"] == "not measured"
    scan = parcel["scans"][0]
    assert scan["detections"][0]["words"] == "high" and "strip" not in scan["tools"]
    picture = operator.get(scan["pixels_url"])
    assert unpack(picture.content, "answer").pixels[0].shape == (96, 96, 3)

    refused = operator.decide(alarm)
    assert refused.status_code == 400 and "harmless_object" in refused.json()["remedy"]
    passed_on = operator.decide(alarm, "second look", took_ms=2500).json()
    assert passed_on["next"]["id"] == quiet and passed_on["waiting"] == 0

    assert take(colleague) == alarm
    opened = colleague.decide(alarm, "open", note="slide beside the coffee")
    assert opened.status_code == 200
    assert operator.decide(quiet).json()["next"] is None

    body = {"request_id": "opening-1", "parcel_id": alarm, "found": [{"what": "part", "amount": 1}], "note": ""}
    assert operator.post("/api/openings", body).status_code == 200
    assert operator.post("/api/openings", body).json()["opening"]["found"][0]["what"] == "part"
    record = supervisor.get(f"/api/parcels/{alarm}").json()
    assert record["state"] == "done" and len(record["decisions"]) == 2 and len(record["openings"]) == 1
    figures = supervisor.get("/api/figures").json()
    assert figures["truth"]["found"] == 1 and figures["work"]["decisions"]["release"] == 1
    assert "slide" not in supervisor.get("/supervisor/decisions.csv").text.splitlines()[0]
    assert "found: 1 × part" in supervisor.page("/audit").text
    for path in ("/supervisor", "/supervisor/classes", f"/parcels/{alarm}", "/parcels", "/openings", "/audit", "/desk"):
        answer = supervisor.page(path)
        assert answer.status_code == 200, path
    with site.console.read() as session:
        assert verify(session).is_whole


def test_a_decision_sent_twice_counts_once(site: Site) -> None:
    parcel, browser = site.parcel(), site.sign_in("operator")
    take(browser)
    answers = [browser.decide(parcel, request_id="the-same-request", next=False) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["decision"]["id"] for answer in answers}) == 1
    again = browser.decide(parcel, "hold", request_id="the-same-request")
    assert again.status_code == 400 and "reload" in again.json()["remedy"]


def test_of_many_consoles_one_gets_a_parcel(site: Site) -> None:
    parcels = {site.parcel() for _ in range(3)}
    browsers = [site.sign_in(login) for login in ("operator", "colleague", "supervisor")]
    got: dict[int, int | None] = {}
    threads = [threading.Thread(target=lambda n=n: got.update({n: take(browsers[n])})) for n in range(len(browsers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(got.values()) == parcels
    not_mine = got[1]
    assert not_mine is not None
    assert browsers[0].decide(not_mine).status_code == 409


def test_undo_brings_the_parcel_back_and_lets_the_next_one_go(site: Site) -> None:
    first, second = site.parcel(), site.parcel()
    browser, colleague = site.sign_in("operator"), site.sign_in("colleague")
    take(browser)
    decided = browser.decide(first).json()
    assert decided["next"]["id"] == second
    back = browser.post(f"/api/desk/decisions/{decided['decision']['id']}/undo").json()["parcel"]
    assert back["id"] == first and back["lease_until"]
    assert take(colleague) == second
    assert browser.post(f"/api/desk/decisions/{decided['decision']['id']}/undo").status_code == 400


def test_leases_over_http(site: Site) -> None:
    parcel, browser, colleague = site.parcel(), site.sign_in("operator"), site.sign_in("colleague")
    assert take(browser) == parcel
    assert browser.post("/api/desk/renew", {"parcel_id": parcel}).json()["held"] is True
    assert colleague.post("/api/desk/renew", {"parcel_id": parcel}).json() == {"held": False, "lease_until": None}
    assert colleague.post(f"/api/desk/take/{parcel}").status_code == 409
    assert browser.post("/api/desk/put-back", {"parcel_id": parcel}).status_code == 200
    assert colleague.post(f"/api/desk/take/{parcel}").json()["parcel"]["id"] == parcel
    assert browser.decide(parcel).status_code == 409


def test_marks(site: Site) -> None:
    parcel, browser, colleague = site.parcel(Verdict.ALARM), site.sign_in("operator"), site.sign_in("colleague")
    take(browser)
    scan = browser.get(f"/api/parcels/{parcel}").json()["scans"][0]["id"]
    wrong = {"request_id": "mark-0001", "scan_id": scan, "detection_id": "d1", "right": False}
    mark = browser.post("/api/desk/marks", wrong).json()["mark"]
    assert mark["kind"] == "wrong" and mark["is_mine"]
    missed = {"request_id": "mark-0002", "scan_id": scan, "label": "slide", "xyxy_px": [1, 2, 30, 40]}
    assert browser.post("/api/desk/marks", missed).json()["mark"]["xyxy_px"] == [1, 2, 30, 40]
    assert colleague.send("DELETE", f"/api/desk/marks/{mark['id']}").status_code == 400
    assert browser.send("DELETE", f"/api/desk/marks/{mark['id']}").status_code == 200
    assert len(browser.get(f"/api/parcels/{parcel}").json()["scans"][0]["marks"]) == 1
    assert browser.post("/api/desk/marks", {"request_id": "mark-0003", "scan_id": scan}).status_code == 400


def test_a_scanned_number_is_checked_and_found_again(site: Site) -> None:
    parcel, browser = site.parcel(), site.sign_in("operator")
    take(browser)
    misread = browser.post(f"/api/parcels/{parcel}/item-id", {"scanned": "RR473124828DE"})
    assert misread.status_code == 400 and "check digit" in misread.json()["error"]
    assert browser.post(f"/api/parcels/{parcel}/item-id", {"scanned": "rr473124829de"}).json()["is_s10"]
    assert "RR473124829DE" in browser.page("/parcels?q=RR473124829DE").text
    other = site.sign_in("colleague").post(f"/api/parcels/{parcel}/item-id", {"scanned": "RR473124829DE"})
    assert other.status_code == 400


def test_a_parcel_without_a_picture_says_so(site: Site) -> None:
    parcel, browser = site.parcel(), site.sign_in("operator")
    with site.console.database.write() as session:
        row = session.query(ScanRow).filter_by(parcel_id=parcel).one()
        row.file, row.kind = None, "unreadable"
        number = row.id
    scan = take(browser) and browser.get(f"/api/parcels/{parcel}").json()["scans"][0]
    assert scan and scan["pixels_url"] is None and scan["no_picture"] == "unreadable"
    assert browser.get(f"/api/scans/{number}/pixels").status_code == 404


def test_a_picture_altered_on_disk_is_not_shown(site: Site) -> None:
    parcel, browser = site.parcel(), site.sign_in("operator")
    with site.console.read() as session:
        row = session.query(ScanRow).filter_by(parcel_id=parcel).one()
        path, number = site.console.pictures.path(str(row.file)), row.id
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    answer = browser.get(f"/api/scans/{number}/pixels")
    assert answer.status_code == 503 and "altered" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/desk/decisions", {}, 422),
        ("POST", "/api/desk/decisions", {"request_id": "x", "parcel_id": 1, "kind": "release"}, 422),
        ("POST", "/api/desk/decisions", {"request_id": "12345678", "parcel_id": 1, "kind": "burn"}, 422),
        ("POST", "/api/desk/decisions", {"request_id": "12345678", "parcel_id": 2**40, "kind": "release"}, 422),
        ("POST", "/api/desk/decisions", {"request_id": "12345678", "parcel_id": 1, "kind": "release", "more": 1}, 422),
        ("POST", "/api/desk/next", {"lane": "x" * 65}, 422),
        ("POST", "/api/openings", {"request_id": "12345678", "parcel_id": 1, "found": [1]}, 422),
        ("PUT", "/api/me/preferences", {"x": "y" * 20_000}, 400),
        ("PUT", "/api/me/preferences", {"x": "\x00"}, 400),
        ("PUT", "/api/me/preferences", [1], 422),
        ("GET", "/api/parcels/0", None, 422),
        ("GET", "/api/parcels/99999", None, 404),
        ("GET", "/parcels?before=99999999999999999999", None, 422),
        ("PATCH", "/api/desk/next", None, 405),
    ],
)  # fmt: skip
def test_bad_requests_are_told_what_is_wrong(site: Site, method: str, path: str, body: object, status: int) -> None:
    answer = site.sign_in("operator").send(method, path, body)
    assert answer.status_code == status
    assert "error" in (answer.json() if "json" in answer.headers["content-type"] else {"error": 1})


def test_preferences_are_kept(site: Site) -> None:
    browser = site.sign_in("operator")
    wanted = {"hotkeys": {"organic": "q"}, "theme": "dark", "name": "نص"}
    assert browser.send("PUT", "/api/me/preferences", wanted).status_code == 200
    assert site.sign_in("operator").get("/api/me/preferences").json() == wanted


def test_pages_call_a_lane_as_people_do(site: Site) -> None:
    parcel, elsewhere, supervisor = site.parcel(), site.parcel(lane="dock-2"), site.sign_in("supervisor")
    with site.console.database.write() as session:
        session.add(LaneRow(name="dock-1", title="Dock 1, inbound", state="SCREENING", since=now(), heard_at=now()))
    rows = supervisor.page("/parcels").text.partition("<tbody>")[2]
    assert rows.count("<td>Dock 1, inbound</td>") == 1 and rows.count("<td>dock-2</td>") == 1
    assert "<dd>Dock 1, inbound</dd>" in supervisor.page(f"/parcels/{parcel}").text
    assert "<dd>dock-2</dd>" in supervisor.page(f"/parcels/{elsewhere}").text
    assert ">Dock 1, inbound</option>" in supervisor.page("/supervisor/classes").text


def test_a_csv_holds_no_formula(site: Site) -> None:
    site.parcel(lane="=cmd|' /C calc'!A0")
    browser = site.sign_in("operator")
    decided = take(browser)
    browser.decide(decided or 0)
    text = site.sign_in("supervisor").get("/supervisor/decisions.csv").text
    assert "'=cmd" in text and ",=cmd" not in text


def test_the_record_tells_who_did_what(site: Site) -> None:
    parcel, browser = site.parcel(), site.sign_in("operator")
    take(browser)
    browser.decide(parcel)
    site.sign_in("supervisor").page(f"/parcels/{parcel}")
    with site.console.read() as session:
        rows = session.query(AuditRow).filter_by(subject=f"parcel {parcel}").order_by(AuditRow.number)
        assert [(row.person, row.action) for row in rows] == [
            ("operator", "viewed"), ("operator", "decided"), ("supervisor", "looked up"),
        ]  # fmt: skip
        assert session.query(DecisionRow).count() == 1
