"""What was found, as a seizure is reported: parts and ammunition apart from firearms, marks, route, modality."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from parcelsight.inference.verdicts import Verdict
from tests.console_parts import Site, running_console

FOUND = [
    {"what": "part", "amount": 2, "type": "slide", "condition": "new", "marks": "AB 1234", "route": "BR, DE, BA"},
    {"what": "ammunition", "amount": 50, "type": "9 mm", "condition": "", "marks": "", "route": ""},
]


def opened(site: Site, item_id: str | None, found: list[dict[str, object]], note: str = "") -> int:
    operator = site.sign_in("operator")
    number = site.parcel(Verdict.ALARM, item_id=item_id, declared={"contents": "toys", "origin": "BR"})
    assert operator.post(f"/api/desk/take/{number}").status_code == 200
    assert operator.decide(number, "open", next=False).status_code == 200
    body = {"request_id": f"opening-{number}", "parcel_id": number, "found": found, "note": note}
    assert operator.post("/api/openings", body).status_code == 200
    return number


def table(site: Site, name: str) -> list[dict[str, str]]:
    answer = site.sign_in("supervisor").get(f"/supervisor/{name}.csv?hours=1")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_seizure_is_told_as_it_is_reported(tmp_path: Path) -> None:
    with running_console(tmp_path) as site:
        posted = opened(site, "AA123456785BR", FOUND, "hidden in a lamp")
        opened(site, None, [])
        opened(site, "CARRIER-17", [{"what": "firearm"}])
        lines = table(site, "seizures")
        assert [(line["group"], line["amount"]) for line in lines] == [
            ("part", "2"),
            ("ammunition", "50"),
            ("firearm", "1"),
        ]
        first = lines[0]
        assert (first["modality"], first["sent_from"], first["route"]) == ("post", "BR", "BR, DE, BA")
        assert (first["marks"], first["type"], first["condition"]) == ("AB 1234", "slide", "new")
        assert first["declared"] == "contents: toys; origin: BR" and first["context"] == "hidden in a lamp"
        assert (first["parcel"], first["detector_verdict"], first["place"]) == (str(posted), "ALARM", "dock-1")
        assert (lines[2]["modality"], lines[2]["sent_from"]) == ("parcel", "")
        assert [line["what"] for line in table(site, "openings")] == ["part", "ammunition", "nothing", "firearm"]


def test_what_cannot_be_reported_is_refused(tmp_path: Path) -> None:
    with running_console(tmp_path) as site:
        operator = site.sign_in("operator")
        number = site.parcel(Verdict.ALARM)
        operator.post(f"/api/desk/take/{number}")
        operator.decide(number, "open", next=False)
        for found in ({"what": "part", "marks": "x" * 201}, {"what": "part", "secret": 1}, {"what": "no such thing"}):
            body = {"request_id": f"opening-{number}", "parcel_id": number, "found": [found], "note": ""}
            assert operator.post("/api/openings", body).status_code == 400
