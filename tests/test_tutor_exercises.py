"""Courses and exercises, on both databases: nothing is lost, nothing counts twice, whatever happens in between."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update

from parcelsight.detector.errors import UsageError
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.answers import AnsweredAlready, Said, review
from parcelsight.screening.tutor.clocks import Clock
from parcelsight.screening.tutor.courses import (
    CoursePlan,
    StepPlan,
    close_course,
    create_course,
    edit_course,
    end_enrolment,
    enrol,
    enrolled_count,
    starter_plan,
)
from parcelsight.screening.tutor.exercises import leave, start
from parcelsight.screening.tutor.tables import COUNTED, ExerciseRow, ItemRow, Mode, Outcome, PictureRow
from tests.databases import KINDS
from tests.tutor_site import BELT, EXAMINATION, OUTSIDE, STUDY, Simulated, Site, open_site


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = open_site(request.param, request, tmp_path)
    made.stock()
    yield made
    made.database.close()


def test_a_whole_course(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY, BELT, EXAMINATION)
    with pytest.raises(UsageError, match="step 1 comes before"):
        site.begin(officer, enrolment, steps[1])
    for step in steps:
        exercise = site.begin(officer, enrolment, step)
        Simulated(site, officer).take(exercise)
        outcomes = [item.outcome for item in site.items(exercise)]
        assert len(outcomes) == 6 and set(outcomes) <= set(COUNTED)
        assert site.see(officer, exercise) is None
    with pytest.raises(UsageError, match="is done"):
        site.begin(officer, enrolment, steps[2])
    with site.database.write() as session:
        assert len(review(session, officer, exercise)) == 6
        assert verify(session).is_whole


def test_feedback_says_where_it_was_and_what(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"threat_share": 1.0}))
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None and (shown.number, shown.of, shown.left_s) == (1, 6, None)
    assert [(view.name, view.detections) for view in shown.views] == [("single", ())]
    told = site.say(officer, shown.item_id, site.threat())
    assert told is not None and told.outcome is Outcome.HIT
    (truth,) = told.truths
    assert (truth.label, truth.group) == (site.label_of(shown.item_id), "part")
    assert truth.xyxy_px == (20.0, 30.0, 60.0, 50.0)
    assert told.turned and shown.item_id not in told.turned
    shown = site.see(officer, exercise)
    assert shown is not None and shown.number == 2
    told = site.say(officer, shown.item_id, site.threat(OUTSIDE))
    assert told is not None and told.outcome is Outcome.MISS  # a threat is found by pointing at it


CLICKS = {
    "in the middle": ((40.0, 40.0), True),
    "a little beside": ((63.0, 47.0), True),
    "beside": ((70.0, 40.0), False),
    "above": ((40.0, 10.0), False),
}


@pytest.mark.parametrize("case", CLICKS)
def test_where_a_click_counts(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    site = open_site("sqlite", request, tmp_path)
    site.stock(2, ("slide",))
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    shown = site.see(officer, site.begin(officer, enrolment, steps[0]))
    at, is_hit = CLICKS[case]
    assert shown is not None
    told = site.say(officer, shown.item_id, site.threat(at))
    assert told is not None and (told.outcome is Outcome.HIT) is is_hit


def test_an_answer_sent_twice_counts_once(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    said = site.threat()
    first = site.say(officer, shown.item_id, said)
    assert site.say(officer, shown.item_id, said) == first
    with pytest.raises(AnsweredAlready, match="answered already"):
        site.say(officer, shown.item_id, site.harmless())
    following = site.see(officer, exercise)
    assert following is not None and following.number == 2
    with pytest.raises(UsageError, match="used for another picture"):
        site.say(officer, following.item_id, said)
    with site.database.read() as session:
        assert session.scalar(select(func.sum(PictureRow.answers))) in (0, 1)


def test_two_tabs_see_one_picture_and_give_one_answer(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"pictures": 30}))
    exercise = site.begin(officer, enrolment, steps[0])
    refused: list[str] = []

    def tab() -> None:
        while (shown := site.see(officer, exercise)) is not None:
            try:
                site.say(officer, shown.item_id, site.threat())
            except AnsweredAlready as error:
                refused.append(str(error))

    tabs = [threading.Thread(target=tab) for _ in range(3)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()
    items = site.items(exercise)
    assert [item.number for item in items] == list(range(1, 31))
    assert all(item.outcome in COUNTED for item in items)
    assert len({item.request_id for item in items}) == 30


def test_starting_twice_takes_up_the_same_exercise(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    started: list[int] = []
    threads = [
        threading.Thread(target=lambda: started.append(site.begin(officer, enrolment, steps[0]))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 4 and len(set(started)) == 1


def test_an_interrupted_exercise_goes_on(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    site.seconds.value += 9000  # over lunch
    assert site.see(officer, exercise) == shown
    restarted = Clock()
    assert site.see(officer, site.begin(officer, enrolment, steps[0]), restarted) == shown
    assert site.say(officer, shown.item_id, site.threat(took_ms=2500), restarted) is not None
    (item,) = site.items(exercise)
    assert item.response_ms == 2500


def test_time_at_the_belt(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, BELT.model_copy(update={"threat_share": 1.0}))
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None and shown.left_s == 10
    site.seconds.value += 4
    again = site.see(officer, exercise)
    assert again is not None and again.left_s == 6  # reloading the page gives no time
    site.seconds.value += 7
    told = site.say(officer, shown.item_id, site.threat(took_ms=100))  # within the grace; the page's word gives none
    assert told is not None and told.outcome is Outcome.HIT and not told.late

    shown = site.see(officer, exercise)
    assert shown is not None
    site.seconds.value += 30
    told = site.say(officer, shown.item_id, site.threat())
    assert told is not None and told.late and told.outcome is Outcome.MISS

    shown = site.see(officer, exercise)
    assert shown is not None
    told = site.say(officer, shown.item_id, Said(site.request(), None))
    assert told is not None and told.late and told.outcome is Outcome.MISS

    shown = site.see(officer, exercise)
    assert shown is not None
    site.seconds.value += 30  # the browser is gone
    following = site.see(officer, exercise)
    assert following is not None and following.item_id != shown.item_id and following.number == shown.number
    with pytest.raises(AnsweredAlready, match="time is over"):
        site.say(officer, shown.item_id, site.threat())
    assert [item.outcome for item in site.items(exercise)][3:] == [Outcome.INTERRUPTED, Outcome.OPEN]


def test_a_restart_costs_nobody_an_answer(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, BELT.model_copy(update={"threat_share": 1.0}))
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    told = site.say(officer, shown.item_id, site.threat(took_ms=3000), Clock())
    assert told is not None and told.outcome is Outcome.HIT


def test_no_examination_picture_is_avoided_by_waiting(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, EXAMINATION.model_copy(update={"threat_share": 1.0}))
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    assert site.say(officer, shown.item_id, site.threat()) is None  # told at the end
    site.see(officer, exercise)
    site.seconds.value += 60
    site.see(officer, exercise)
    assert [item.outcome for item in site.items(exercise)] == [Outcome.HIT, Outcome.MISS, Outcome.OPEN]
    with pytest.raises(UsageError, match="not over"), site.database.write() as session:
        review(session, officer, exercise)
    with pytest.raises(UsageError, match="cannot be left"), site.database.write() as session:
        leave(session, officer, exercise)


def test_the_clock_of_the_server_may_be_set(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, BELT)
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    far = now().replace(year=2031)
    monkeypatch.setattr("parcelsight.screening.tutor.answers.now", lambda: far)
    site.seconds.value += 3
    told = site.say(officer, shown.item_id, site.threat(took_ms=3000))
    assert told is not None and not told.late


def test_editing_a_running_course_changes_nothing_for_the_enrolled(site: Site) -> None:
    officer, late = site.officers[:2]
    enrolment, steps = site.enrol(officer, STUDY)
    exercise = site.begin(officer, enrolment, steps[0])
    plan = CoursePlan(title="Parts, shorter", steps=(STUDY.model_copy(update={"pictures": 2, "title": "Short"}),))
    with site.database.write() as session:
        version = edit_course(session, site.trainer, enrolment.course_id, plan)
        later = enrol(session, site.trainer, enrolment.course_id, late.id)
        assert enrol(session, site.trainer, enrolment.course_id, officer.id).id == enrolment.id
        assert enrolled_count(session, enrolment.course_id) == 2
        assert (version.number, later.version_id) == (2, version.id)
    with pytest.raises(UsageError, match="not of your version"):
        site.begin(officer, enrolment, version.steps[0])
    Simulated(site, officer).take(exercise)
    assert len(site.items(exercise)) == 6


def test_only_the_own_course(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    plan = CoursePlan(title="Mine now", steps=(STUDY,))
    with pytest.raises(UsageError, match="is not yours"), site.database.write() as session:
        edit_course(session, site.other, enrolment.course_id, plan)
    with pytest.raises(UsageError, match="may not train"), site.database.write() as session:
        create_course(session, officer, plan)
    with pytest.raises(UsageError, match="not enrolled"), site.database.write() as session:
        start(session, site.officers[1], enrolment.id, steps[0].id)
    exercise = site.begin(officer, enrolment, steps[0])
    with pytest.raises(UsageError, match="not yours"):
        site.see(site.officers[1], exercise)
    with site.database.write() as session:
        close_course(session, site.trainer, enrolment.course_id)
        end_enrolment(session, site.trainer, enrolment.id)
    with pytest.raises(UsageError, match="closed"), site.database.write() as session:
        enrol(session, site.trainer, enrolment.course_id, officer.id)
    with pytest.raises(UsageError, match="not enrolled"):
        site.begin(officer, enrolment, steps[0])


def test_a_library_that_is_gone_ends_clearly(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY)
    exercise = site.begin(officer, enrolment, steps[0])
    shown = site.see(officer, exercise)
    assert shown is not None
    site.store.remove(shown.views[0].file)
    following = site.see(officer, exercise)
    assert following is not None and following.views[0].file != shown.views[0].file
    assert site.items(exercise)[0].outcome == Outcome.WITHDRAWN
    for name in list(site.store.names()):
        site.store.remove(name)
    with pytest.raises(UsageError, match="pictures of the training library are missing"):
        site.see(officer, exercise)
    with site.database.write() as session:
        session.execute(update(PictureRow).values(retired_at=now()))
    with pytest.raises(UsageError, match="holds no picture for 'Study'; ask your trainer"):
        site.see(officer, exercise)


def test_the_aid_needs_the_detectors_word(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"aid": True}))
    exercise = site.begin(officer, enrolment, steps[0])
    with pytest.raises(UsageError, match="holds no picture"):
        site.see(officer, exercise)
    alarm = {"id": "d1", "xyxy_px": [20, 30, 60, 50], "score": 0.9, "class": "slide"}
    site.picture(77, "slide", detections=[alarm])
    shown = site.see(officer, exercise)
    assert shown is not None and shown.views[0].detections == (alarm,)


def test_difficulty_adapts_in_the_whole_chain(site: Site) -> None:
    """Harmless parcels between, the hit rate near its aim, few pictures again: only where new ones are far off."""
    for number in range(60):
        site.picture(5000 + number, "slide", harder=-3 + number / 10)
    officer = site.officers[0]
    plan = STUDY.model_copy(update={"pictures": 60, "threat_share": 0.8, "labels": ("slide",), "target": 0.7})
    enrolment, steps = site.enrol(officer, plan)
    exercise = site.begin(officer, enrolment, steps[0])
    with site.database.write() as session:
        session.get_one(ExerciseRow, exercise).seed = "the same every time"
    Simulated(site, officer, ability=1.5).take(exercise)
    items = site.items(exercise)
    threats = [item for item in items if item.predicted is not None]
    assert 40 <= len(threats) <= 56
    assert abs(sum(item.outcome == Outcome.HIT for item in threats) / len(threats) - 0.7) < 0.1
    assert max(Counter(item.picture_id for item in threats).values()) <= 2
    with site.database.read() as session:
        assert session.scalar(select(func.sum(PictureRow.answers))) == len(threats)


def test_who_shows_what_is_unpredictable_from_outside_and_fixed_inside(site: Site) -> None:
    officer = site.officers[0]
    orders = []
    for _ in range(2):
        enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"pictures": 12}))
        exercise = site.begin(officer, enrolment, steps[0])
        Simulated(site, officer).take(exercise)
        orders.append([item.picture_id for item in site.items(exercise)])
    assert orders[0] != orders[1]


BAD_STEPS: dict[str, tuple[dict[str, object], str]] = {
    "no such class": ({"labels": ("banana",)}, "'banana' is no class"),
    "no class": ({"labels": ()}, "at least one class"),
    "belt without a limit": ({"mode": "belt"}, "needs a limit"),
    "study with a limit": ({"limit_s": 5}, "study has no limit"),
    "no pictures": ({"pictures": 0}, "greater than or equal to 1"),
    "a sure thing": ({"target": 1.0}, "less than or equal to 0.9"),
    "unknown key": ({"speed": 3}, "Extra inputs"),
}


@pytest.mark.parametrize("case", BAD_STEPS)
def test_steps_that_make_no_sense(case: str) -> None:
    values, message = BAD_STEPS[case]
    with pytest.raises(ValidationError, match=message):
        StepPlan.model_validate({"title": "x", "mode": "study"} | values)


def test_a_course_to_begin_with() -> None:
    plan = starter_plan("Firearms and parts")
    assert [step.mode for step in plan.steps[-1:]] == [Mode.EXAMINATION]
    assert len(plan.steps) == 9


ANSWER = Said("r", True, (1.0, 2.0), 3)
BAD_ANSWERS: dict[str, tuple[dict[str, object], str]] = {
    "no request": ({"request_id": ""}, "request id"),
    "endless request": ({"request_id": "x" * 65}, "request id"),
    "threat without a place": ({"click_px": None}, "by a click on it"),
    "place without a threat": ({"is_threat": False}, "by a click on it"),
    "no number": ({"click_px": (float("nan"), 1.0)}, "has no place"),
    "unsure how sure": ({"confidence": None}, "how sure"),
    "surer than sure": ({"confidence": 7}, "how sure"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_answers_that_make_no_sense(case: str) -> None:
    values, message = BAD_ANSWERS[case]
    with pytest.raises(UsageError, match=message):
        replace(ANSWER, **values)  # type: ignore[arg-type]


def test_there_is_no_such_picture(site: Site) -> None:
    with pytest.raises(UsageError, match="no picture 999"):
        site.say(site.officers[0], 999, site.threat())
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemRow)) == 0
