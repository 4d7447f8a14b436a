"""What somebody saw of the threats projected at their lanes: for them and their trainer, and for nobody else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import ParcelRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.paper import Paper
from parcelsight.screening.tutor.tip import TipOutcome
from parcelsight.screening.tutor.tip_results import tip_figures
from parcelsight.screening.tutor.tip_tables import TipRow
from parcelsight.screening.web.language import LANGUAGES, translations
from tests.console_parts import Browser
from tests.console_site import ConsoleSite
from tests.tutor_console import COLLEAGUE, OFFICER, STUDY, SUPERVISOR, TRAINER, enrolled, training_site, who

OTHER = "teacher2"
PERIODS = {"all": ("", "35 of 45"), "a month": ("1", "34 of 44"), "a year": ("12", "35 of 45")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """Officer: 34 slides seen of 44 within a month, a bolt seen long before; colleague: one magazine missed."""
    with training_site(tmp_path_factory.mktemp("lanes")) as found:
        found.person(OTHER, "Another trainer", Role.TRAINER)
        enrolled(found, OFFICER, STUDY, title="Theirs")
        project(found, OFFICER, [TipOutcome.HIT] * 34 + [TipOutcome.MISS] * 10, "slide", superposition=0.5)
        project(found, OFFICER, [TipOutcome.HIT], "bolt", superposition=0.1, days_ago=60)
        project(found, COLLEAGUE, [TipOutcome.MISS], "magazine", superposition=0.9, is_late=True)
        yield found


def project(
    site: ConsoleSite, login: str, outcomes: Sequence[TipOutcome], label: str, superposition: float,
    days_ago: int = 1, is_late: bool = False,
) -> None:  # fmt: skip
    """Threats of a class that were projected, one a parcel, and how somebody answered each."""
    moment, person = now() - timedelta(days=days_ago), who(site, login).id
    views = {"top": {"file": "x", "xyxy_px": [0, 0, 9, 9], "superposition": superposition}}
    with site.console.database.write() as session:
        for number, outcome in enumerate(outcomes):
            parcel = ParcelRow(
                lane=f"{login} {label}", lane_number=number, arrived_at=moment, verdict=str(Verdict.NO_ALARM)
            )
            session.add(parcel)
            session.flush()
            session.add(
                TipRow(
                    parcel_id=parcel.id, label=label, design="one", seed="1", made_at=moment, views=views,
                    outcome=outcome, is_late=is_late, person_id=person, took_ms=4000 + 100 * number, answered_at=moment,
                )
            )  # fmt: skip


@pytest.fixture
def officer(site: ConsoleSite) -> Iterator[Browser]:
    browser = Browser(site.url, site.session(OFFICER))
    yield browser
    browser.http.close()


def section(page: str) -> str:
    """The part of a page that is about the lanes, as people read it."""
    found = re.search(r'<section id="lanes".*?</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


@pytest.mark.parametrize("period", PERIODS)
def test_a_person_sees_their_own(officer: Browser, period: str) -> None:
    months, expected = PERIODS[period]
    told = section(officer.page(f"/tutor/results?months={months}").text)
    assert expected in told and "magazine" not in told
    assert ("bolt" in told) is (period != "a month")
    assert "Partly covered 77.3 % 34 of 44" in told
    assert "Half of those seen were seen within" in told and "Answered too late: 0." in told


def test_few_cases_are_said_to_be_few(officer: Browser) -> None:
    told = section(officer.page("/tutor/results").text)
    assert "Lying open 100.0 % 1 of 1 · between 20.7 % and 100.0 % Few cases: this says little." in told
    assert "Covered – Nothing to go by yet." in told
    assert re.search(r"bolt 100.0 % 1 of 1 few between", told)
    assert not re.search(r"slide 77.3 % 34 of 44 few", told)


def test_they_can_be_taken_along(officer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["of"]: row for row in csv.DictReader(io.StringIO(officer.get("/tutor/results.csv").text))}
    assert {name for name in rows if name.startswith("lanes")} == {
        "lanes: seen", "lanes: open", "lanes: partly covered", "lanes: covered", "lanes: slide", "lanes: bolt",
    }  # fmt: skip
    seen = rows["lanes: seen"]
    assert (seen["threats"], seen["hits"], seen["hit_rate"], seen["too_few"]) == ("45", "35", "0.7778", "0")
    assert (seen["harmless"], seen["d_prime"], rows["lanes: covered"]["hit_rate"]) == ("", "", "")
    assert rows["lanes: bolt"]["too_few"] == "1"
    month = officer.get("/tutor/results.csv?months=1").text
    assert "lanes: slide,44,34" in month and "bolt" not in month
    printed: list[tuple[Sequence[str], Sequence[Sequence[str]]]] = []
    table = Paper.table

    def noted(paper: Paper, head: Sequence[str], rows: Sequence[Sequence[str]], *more: float) -> None:
        printed.append((head, rows))
        table(paper, head, rows, *more)

    monkeypatch.setattr(Paper, "table", noted)
    sheet = officer.get("/tutor/results.pdf", timeout=120).content
    assert sheet.startswith(b"%PDF")
    (head, lines) = printed[-1]
    assert head[1] == "Seen" and [line[0] for line in lines][:2] == ["Seen", "Lying open"]
    assert next((line[1], line[3]) for line in lines if line[0] == "Partly covered") == ("77.3 %", "34 of 44")


def test_their_trainer_sees_them_and_nobody_else_does(site: ConsoleSite) -> None:
    trainer = Browser(site.url, site.session(TRAINER))
    assert "35 of 45" in section(trainer.page(f"/tutor/results?person={OFFICER}").text)
    assert trainer.page(f"/tutor/results?person={COLLEAGUE}").status_code == 403  # in no course of theirs
    everybody = trainer.page("/tutor/results?course=1")
    assert everybody.status_code == 200 and 'id="lanes"' not in everybody.text
    trainer.http.close()
    for login in (COLLEAGUE, SUPERVISOR, OTHER):
        browser = Browser(site.url, site.session(login))
        assert browser.page(f"/tutor/results?person={OFFICER}").status_code == 403, login
        browser.http.close()


def test_whoever_answered_none_is_told_so(site: ConsoleSite) -> None:
    browser = Browser(site.url, site.session(TRAINER))
    assert "No projected threat was answered" in section(browser.page("/tutor/results").text)
    assert "/tutor/results?months=1#lanes" not in browser.page("/tutor").text
    browser.http.close()


def test_the_last_month_stands_on_the_own_page(officer: Browser) -> None:
    home = officer.page("/tutor").text
    assert "34 of 44" in home and "/tutor/results?months=1#lanes" in home


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_every_language(site: ConsoleSite, language: str) -> None:
    site.speak(COLLEAGUE, language)
    browser = Browser(site.url, site.session(COLLEAGUE))
    told = section(browser.page("/tutor/results").text)
    browser.http.close()
    site.speak(COLLEAGUE, "en")
    assert told.startswith(translations(language).gettext("Projected threats at the lanes"))
    assert ("Answered too late" in told) is (language == "en")


def test_a_period_without_a_beginning(site: ConsoleSite) -> None:
    with site.console.read() as session:
        found = tip_figures(session, None, now(), who(site, COLLEAGUE).id)
        nothing = tip_figures(session, None, now() - timedelta(days=365))
    assert (found.seen.count, found.seen.of, found.late, found.hit_ms) == (0, 1, 1, None)
    assert set(found.classes) == {"magazine"}
    assert nothing.made == 0 and not nothing.classes
