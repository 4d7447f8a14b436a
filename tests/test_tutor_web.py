"""Training over HTTP: nothing is told too early, nothing is lost, and nobody sees what is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from parcelsight.screening.people.accounts import create_person, disable
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import AuditRow
from parcelsight.screening.tutor.courses import CoursePlan, create_course, edit_course, end_enrolment, enrol
from parcelsight.screening.tutor.plans import PLANS
from parcelsight.screening.tutor.tables import COUNTED, EnrolmentRow, ItemRow, Outcome, PictureRow
from parcelsight.screening.viewer_format import unpack
from tests.console_parts import Browser
from tests.console_site import ConsoleSite
from tests.tutor_console import (
    BELT,
    COLLEAGUE,
    EXAMINATION,
    OFFICER,
    STUDY,
    SUPERVISOR,
    TRAINER,
    begun,
    client_of,
    enrolled,
    exercise_of,
    following,
    items,
    training_site,
    who,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    with training_site(tmp_path_factory.mktemp("training")) as found:
        yield found


@pytest.fixture
def officer(site: ConsoleSite) -> Iterator[Browser]:
    with client_of(site, OFFICER) as client:
        yield client


@pytest.fixture
def trainer(site: ConsoleSite) -> Iterator[Browser]:
    with client_of(site, TRAINER) as client:
        yield client


def said(number: int | str, **more: Any) -> dict[str, Any]:
    return {"request_id": f"request-{number}", "is_threat": False, "confidence": 4, "took_ms": 900} | more


def answered(browser: Browser, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = browser.post(f"/api/tutor/items/{item['id']}/answer", said(item["id"], **more))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def inside(site: ConsoleSite, item: dict[str, Any]) -> list[float] | None:
    """A click on the threat; None for a harmless parcel."""
    with site.console.read() as session:
        truths = session.get_one(ItemRow, item["id"]).picture.truths
    return [truths[0]["xyxy_px"][0] + 4, truths[0]["xyxy_px"][1] + 4] if truths else None


def test_from_the_first_picture_to_the_review(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY)
    begin = officer.form("/tutor/begin", enrolment=str(enrolment), step=str(steps[0].id))
    assert begin.status_code == 303
    path = begin.headers["location"]
    exercise = int(path.rsplit("/", 1)[1])
    assert officer.page(path).status_code == 200
    outcomes = []
    for number in range(1, 5):
        item = following(officer, exercise)
        assert (item["number"], item["of"], item["left_s"], item["alarms"]) == (number, 4, None, [])
        assert unpack(officer.get(item["pixels_url"]).content, "picture").header.id == f"t{item['id']}"
        at = inside(site, item)
        told = answered(officer, item, **({"is_threat": True, "click_px": at} if at else {}))
        outcomes.append(told["outcome"])
        assert told["over"] is (number == 4)
        assert bool(told["truths"]) is (at is not None)
        for look in told["looks"]:
            assert officer.get(look).content[:4] in (b"\x89PNG", b"RIFF")  # of the library, or of the manual (WebP)
        assert [truth["manual_url"] for truth in told["truths"]] == [
            f"/tutor/manual/{t['label']}" for t in told["truths"]
        ]
    assert set(outcomes) <= {"hit", "correct rejection"}
    assert officer.page(path).headers["location"] == f"{path}/review"
    review = officer.page(f"{path}/review").text
    assert "Nothing was missed" in review and review.count("whole.png") == 4
    home = officer.page("/tutor").text
    assert "1 of 1 steps done" in home and "Certificate" in home


def test_nothing_tells_before_the_answer(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, EXAMINATION)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    assert set(item) == {"id", "number", "of", "left_s", "alarms", "pixels_url"}
    for told in (f"/api/tutor/items/{item['id']}/looks/0.png", f"/api/tutor/items/{item['id']}/whole.png"):
        assert officer.get(told).status_code == 404
        body = officer.get(item["pixels_url"]).content
        assert b"slide" not in body[:400] and b"truth" not in body[:400]
    first = answered(officer, item)
    assert set(first) == {"outcome", "over", "review_url"} and first["outcome"] is None
    assert officer.get(f"/api/tutor/items/{item['id']}/whole.png").status_code == 404  # the examination goes on
    assert officer.page(first["review_url"]).headers["location"] == f"/tutor/exercises/{exercise}"
    assert officer.post(f"/api/tutor/exercises/{exercise}/leave").status_code == 400
    while (item := following(officer, exercise)) is not None:
        answered(officer, item)
    assert officer.get(f"/api/tutor/items/{items(site, exercise)[0].id}/whole.png").status_code == 200


def test_somebody_elses_exercise_is_nobodys(site: ConsoleSite, officer: Browser, trainer: Browser) -> None:
    enrolment, steps = enrolled(site, COLLEAGUE, STUDY)
    exercise = begun(site, COLLEAGUE, enrolment, steps[0])
    colleague = Browser(site.url, site.session(COLLEAGUE))
    item = following(colleague, exercise)
    for stranger in (officer, trainer):
        assert stranger.post(f"/api/tutor/exercises/{exercise}/next").status_code == 400
        assert stranger.get(item["pixels_url"]).status_code == 404
        assert stranger.post(f"/api/tutor/items/{item['id']}/answer", said("stolen")).status_code == 400
        assert stranger.page(f"/tutor/exercises/{exercise}").status_code == 404
        assert stranger.page(f"/tutor/exercises/{exercise}/review").status_code == 404
    assert items(site, exercise)[0].outcome == Outcome.OPEN
    colleague.http.close()


def test_a_double_click_and_two_tabs_give_one_answer(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    other = Browser(site.url, site.session(OFFICER))
    assert following(other, exercise)["id"] == item["id"]
    told = answered(officer, item)
    assert answered(officer, item) == told  # the same request again
    late = other.post(f"/api/tutor/items/{item['id']}/answer", said("other-tab", confidence=1))
    assert late.status_code == 409 and "answered already" in late.json()["error"]
    assert [one.confidence for one in items(site, exercise)] == [4]
    assert following(other, exercise)["number"] == 2
    other.http.close()


def test_an_interrupted_exercise_goes_on_after_a_restart(site: ConsoleSite, officer: Browser, tmp_path: Path) -> None:
    enrolment, steps = enrolled(site, OFFICER, BELT)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    clock = site.console.clock
    site.console.clock = replace(clock, name="of the restarted process")
    told = answered(officer, item, took_ms=3000)
    assert told["late"] is False
    site.console.clock = clock
    again = officer.form("/tutor/begin", enrolment=str(enrolment), step=str(steps[0].id))
    assert again.headers["location"] == f"/tutor/exercises/{exercise}"
    assert following(officer, exercise)["number"] == 2


def test_time_runs_by_the_servers_monotonic_clock(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, BELT)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    assert 58 < item["left_s"] <= 60
    clock = site.console.clock
    site.console.clock = replace(clock, seconds=lambda: clock.seconds() + 70)
    try:
        assert answered(officer, item, took_ms=10)["late"] is True
        timed_out = following(officer, exercise)
        told = answered(officer, timed_out, is_threat=None, confidence=None)
        assert told["late"] is True and told["outcome"] in ("miss", "correct rejection")
    finally:
        site.console.clock = clock


def test_a_course_edited_while_it_runs(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY, title="Changing")
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    trainer = who(site, TRAINER)
    with site.console.database.write() as session:
        course = session.get_one(EnrolmentRow, enrolment).course_id
        edit_course(session, trainer, course, CoursePlan(title="Changed", steps=(BELT,)))
    answered(officer, item)
    assert following(officer, exercise)["of"] == 4
    page = officer.page("/tutor").text
    assert "Changed" in page and "At the belt" not in page[page.index("Changed") :].split("</section>")[0]
    with site.console.database.write() as session:
        end_enrolment(session, trainer, enrolment)
    last = items(site, exercise)[-1]
    assert last.outcome == Outcome.OPEN
    answered(officer, {"id": last.id})  # what is on the screen is taken all the same
    refused = officer.post(f"/api/tutor/exercises/{exercise}/next")
    assert refused.status_code == 400 and "taken you out" in refused.json()["error"]
    assert sum(one.outcome in COUNTED for one in items(site, exercise)) == 2


def test_pictures_that_are_gone_or_damaged(tmp_path: Path) -> None:
    with training_site(tmp_path) as site:
        officer = Browser(site.url, site.session(OFFICER))
        enrolment, steps = enrolled(site, OFFICER, STUDY)
        exercise = begun(site, OFFICER, enrolment, steps[0])
        item = following(officer, exercise)
        answered(officer, item)
        item = following(officer, exercise)
        with site.console.read() as session:
            file = session.get_one(ItemRow, item["id"]).picture.file
        site.console.library.path(file).write_bytes(b"something else")
        gone = officer.get(item["pixels_url"])
        assert gone.status_code == 404 and "another one is shown" in gone.json()["remedy"]
        after = following(officer, exercise)
        assert after["id"] != item["id"] and after["number"] == 2
        for name in list(site.console.library.names()):
            site.console.library.remove(name)
        refused = officer.post(f"/api/tutor/exercises/{exercise}/next")
        assert refused.status_code == 400 and "pictures of the training library are missing" in refused.json()["error"]
        assert "trainer" in refused.json()["remedy"]
        assert sum(one.outcome in COUNTED for one in items(site, exercise)) == 1
        assert exercise_of(site, exercise).ended_at is None  # it goes on once they are back
        officer.http.close()


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "no request": {"request_id": ""},
    "script for a request": {"request_id": "<script>alert(1)"},
    "threat without a place": {"is_threat": True},
    "place without a threat": {"click_px": [1, 1]},
    "surer than sure": {"confidence": 7},
    "unsure": {"confidence": None},
    "three numbers": {"is_threat": True, "click_px": [1, 2, 3]},
    "words": {"is_threat": "perhaps"},
    "a year": {"took_ms": 10**12},
    "unknown key": {"outcome": "hit"},
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_answers_that_are_none(site: ConsoleSite, officer: Browser, case: str) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    item = following(officer, exercise)
    answer = officer.post(f"/api/tutor/items/{item['id']}/answer", said(f"bad-{item['id']}") | BAD_ANSWERS[case])
    assert answer.status_code in (400, 422) and answer.json()["remedy"]
    assert items(site, exercise)[0].outcome == Outcome.OPEN


def course_form(**more: Any) -> dict[str, Any]:
    step = {"title-0": "Slides", "mode-0": "belt", "pictures-0": "12", "threats-0": "40", "target-0": "75",
            "limit_s-0": "", "labels-0": "slide"}  # fmt: skip
    return {"title": "Slides only", "action": "save"} | step | more


def test_a_trainer_builds_a_course_and_enrols_two_officers(site: ConsoleSite, trainer: Browser) -> None:
    home = trainer.page("/")
    assert home.headers["location"] == "/tutor/courses"
    for name in PLANS:
        assert f"template={name}" in trainer.page("/tutor/courses").text
        assert trainer.page(f"/tutor/courses/new?template={name}").text.count('class="step"') == len(
            PLANS[name]("x").steps
        )
    saved = trainer.form("/tutor/courses", **course_form())
    assert saved.status_code == 303
    course = int(saved.headers["location"].split("/")[3].split("?")[0])
    people = [str(who(site, login).id) for login in (OFFICER, COLLEAGUE)]
    fields = {"csrf_token": trainer.csrf, "person": people}
    answer = trainer.http.post(f"/tutor/courses/{course}/enrol", data=fields, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    page = trainer.page(answer.headers["location"]).text
    assert "Amina Hodžić" in page and "Luc Martin" in page and "Enrolled." in page
    with site.console.read() as session:
        taken = session.scalars(select(EnrolmentRow.person_id).where(EnrolmentRow.course_id == course)).all()
    assert sorted(map(str, taken)) == sorted(people)


BAD_FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "no title": ({"title": " "}, "the course has no title"),
    "no pictures": ({"pictures-0": ""}, "step 1 needs how many pictures"),
    "words for a number": ({"threats-0": "many"}, "step 1 needs how many of 100"),
    "a sure thing": ({"target-0": "100"}, "step 1 needs the hit rate"),
    "no step title": ({"title-0": ""}, "step 1 needs a title"),
    "no mode": ({"mode-0": "sleep"}, "step 1 needs one of the three kinds"),
    "an hour each": ({"limit_s-0": "3600"}, "step 1 needs the seconds"),
}


@pytest.mark.parametrize("case", BAD_FORMS)
def test_a_form_that_is_wrong_keeps_what_was_typed(trainer: Browser, case: str) -> None:
    changes, message = BAD_FORMS[case]
    answer = trainer.form("/tutor/courses", **course_form(**changes))
    assert answer.status_code == 400 and message in answer.text
    assert 'value="slide" checked' in answer.text


def test_no_class_and_no_step(trainer: Browser) -> None:
    form = course_form()
    del form["labels-0"]
    assert "step 1 needs at least one class" in trainer.form("/tutor/courses", **form).text
    assert "the course has no step" in trainer.form("/tutor/courses", title="Empty", action="save").text


def test_the_forms_buttons_work_without_scripts(trainer: Browser) -> None:
    two = {f"{key[:-1]}1": value for key, value in course_form().items() if key.endswith("-0")} | {"title-1": "Second"}
    form = course_form(**two)

    def titles(action: str) -> list[str]:
        text = trainer.form("/tutor/courses", **(form | {"action": action})).text
        return [part.split('value="')[1].split('"')[0] for part in text.split('<input id="title-')[1:]]

    assert titles("add") == ["Slides", "Second", ""]
    assert titles("remove-0") == ["Second"]
    assert titles("up-1") == ["Second", "Slides"] == titles("down-0")
    assert titles("copy-0") == ["Slides", "Slides", "Second"]
    assert titles("up-0") == titles("down-7") == titles("fly") == ["Slides", "Second"]


def test_results_are_seen_by_the_person_and_their_trainer_alone(site: ConsoleSite, trainer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY, title="Seen by two")
    exercise = begun(site, OFFICER, enrolment, steps[0])
    officer = Browser(site.url, site.session(OFFICER))
    answered(officer, following(officer, exercise))
    with site.console.read() as session:
        course = session.get_one(EnrolmentRow, enrolment).course_id
    assert officer.page("/tutor/results").status_code == 200
    assert officer.get(f"/tutor/results.csv?course={course}").text.startswith("of,threats,hits")
    query = f"course={course}&person={OFFICER}"
    assert "Amina Hodžić" in trainer.page(f"/tutor/results?{query}").text
    assert "Seen by two" in trainer.page(f"/tutor/results?course={course}").text
    other = Browser(site.url, site.session(SUPERVISOR))
    for path in (f"/tutor/results?{query}", f"/tutor/results.csv?{query}", "/tutor/results?person=nobody"):
        assert other.page(path).status_code == 403
    assert officer.page(f"/tutor/results?person={COLLEAGUE}").status_code == 403
    # Fewer than five: a report without names would name them.
    assert trainer.page(f"/tutor/courses/{course}/group.csv").status_code == 400
    for old in ("course=x&months=z&mode=sleep&aid=perhaps", "course=999999999", "months=-1"):
        assert officer.page(f"/tutor/results?{old}").status_code == 200
    for browser in (officer, other):
        browser.http.close()


def test_another_trainers_course(site: ConsoleSite, officer: Browser) -> None:
    enrolment, _ = enrolled(site, OFFICER, STUDY)
    with site.console.read() as session:
        course = session.get_one(EnrolmentRow, enrolment).course_id
    assert officer.page(f"/tutor/courses/{course}").status_code == 403
    site.person("teacher2", "Another trainer", Role.TRAINER)
    other = Browser(site.url, site.session("teacher2"))
    for path in (f"/tutor/courses/{course}", f"/tutor/courses/{course}/edit", f"/tutor/courses/{course}/group.csv"):
        assert other.page(path).status_code == 404
    for path in ("edit", "enrol", "close", "end"):
        answer = other.form(f"/tutor/courses/{course}/{path}", enrolment=str(enrolment), **course_form())
        assert answer.status_code in (400, 404), path
    with site.console.read() as session:
        assert session.get_one(EnrolmentRow, enrolment).ended_at is None
    other.http.close()


def test_an_account_that_is_closed_is_not_enrolled(site: ConsoleSite, trainer: Browser) -> None:
    site.person("gone", "Gone away", Role.OPERATOR)
    gone = who(site, "gone")
    enrolment, _ = enrolled(site, OFFICER, STUDY)
    with site.console.database.write() as session:
        course = session.get_one(EnrolmentRow, enrolment).course_id
        disable(session, "system", "gone")
    answer = trainer.form(f"/tutor/courses/{course}/enrol", person=str(gone.id))
    assert answer.status_code == 400 and "there is no account" in answer.text
    assert "nobody is chosen" in trainer.form(f"/tutor/courses/{course}/enrol").text
    with site.console.database.write() as session:
        assert enrol(session, who(site, TRAINER), course, who(site, OFFICER).id).id == enrolment


def test_the_aid_is_told_where_the_step_has_it(site: ConsoleSite, officer: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY.model_copy(update={"aid": True, "threat_share": 1.0}))
    item = following(officer, begun(site, OFFICER, enrolment, steps[0]))
    (alarm,) = item["alarms"]
    with site.console.read() as session:
        picture = session.scalar(select(PictureRow).join(ItemRow).where(ItemRow.id == item["id"]))
    assert picture is not None and alarm["class"] == picture.label and alarm["words_key"] == "high"


def finished(site: ConsoleSite, login: str, title: str) -> int:
    """An enrolment whose one step is done."""
    enrolment, steps = enrolled(site, login, STUDY.model_copy(update={"pictures": 1}), title=title)
    browser = Browser(site.url, site.session(login))
    answered(browser, following(browser, begun(site, login, enrolment, steps[0])))
    browser.http.close()
    return enrolment


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_certificates_and_sheets(site: ConsoleSite, language: str) -> None:
    enrolment = finished(site, OFFICER, "Pièces «9 mm» / أجزاء")
    open_one, _ = enrolled(site, OFFICER, STUDY)
    for login in (OFFICER, TRAINER):
        site.speak(login, language)
        browser = Browser(site.url, site.session(login))
        paper = browser.get(f"/tutor/certificates/{enrolment}.pdf", timeout=120)
        assert paper.status_code == 200 and paper.content.startswith(b"%PDF")
        assert "attachment" in paper.headers["content-disposition"]
        assert browser.get(f"/tutor/certificates/{open_one}.pdf").status_code == 404  # not done yet
        browser.http.close()
        site.speak(login, "en")
    stranger = Browser(site.url, site.session(COLLEAGUE))
    assert stranger.get(f"/tutor/certificates/{enrolment}.pdf").status_code == 404
    assert stranger.get("/tutor/results.pdf", timeout=120).content.startswith(b"%PDF")
    assert stranger.page(f"/tutor/results.pdf?person={OFFICER}").status_code == 403
    stranger.http.close()
    with site.console.read() as session:
        made = session.scalars(select(AuditRow.subject).where(AuditRow.action == "certificate made")).all()
    assert made and set(made) == {f"person {OFFICER}"}


def test_a_report_without_names_carries_the_sites_pseudonyms(site: ConsoleSite, trainer: Browser) -> None:
    steps = (STUDY.model_copy(update={"pictures": 1}),)
    with site.console.database.write() as session:
        course = create_course(session, who(site, TRAINER), CoursePlan(title="Group", steps=steps))
        course_id, version = course.id, course.versions[0]
        logins = [f"g{number}" for number in range(5)]
        for login in logins:
            create_person(session, "system", login, f"Officer {login}", Role.OPERATOR, None)
    for login in logins:
        with site.console.database.write() as session:
            enrolment = enrol(session, who(site, TRAINER), course_id, who(site, login).id).id
        browser = Browser(site.url, site.session(login))
        answered(browser, following(browser, begun(site, login, enrolment, version.steps[0])))
        browser.http.close()
    report = trainer.get(f"/tutor/courses/{course_id}/group.csv")
    assert report.status_code == 200 and report.text.count("P-") == 5 and "Officer" not in report.text
    assert trainer.get(f"/tutor/courses/{course_id}/group.csv").text == report.text
    key = site.console.library.folder.parent / "pseudonyms.key"
    assert key.stat().st_mode & 0o077 == 0
    key.write_bytes(b"short")
    assert trainer.get(f"/tutor/courses/{course_id}/group.csv").status_code == 503
    key.unlink()
    assert trainer.get(f"/tutor/courses/{course_id}/group.csv").text != report.text
