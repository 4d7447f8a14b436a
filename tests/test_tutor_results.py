"""Statistics of training, on both databases: right, cautious where there is little, and seen by few."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from parcelsight.detector.errors import UsageError
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.desk.retention import load_rules, prune
from parcelsight.screening.rates import Rate
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.courses import CoursePlan, StepPlan, create_course, enrol
from parcelsight.screening.tutor.detection_theory import Answers, d_prime
from parcelsight.screening.tutor.factors import Factor, Factors
from parcelsight.screening.tutor.hours import training_time
from parcelsight.screening.tutor.reports import (
    HEADER,
    forget_before,
    group_report,
    may_see,
    pseudonym,
    results_of,
    to_csv,
)
from parcelsight.screening.tutor.results import (
    Judged,
    Selection,
    aid_comparison,
    by_class,
    by_factor,
    by_month,
    by_person,
    figures,
    gather,
    learning_curve,
    rate_difference,
)
from parcelsight.screening.tutor.tables import COUNTED, ItemRow, Mode, Outcome
from tests.databases import KINDS
from tests.tutor_site import OUTSIDE, STUDY, Simulated, Site, open_site

FREE = STUDY.model_copy(update={"pictures": 20})
KEY = b"a secret of the site"


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = open_site(request.param, request, tmp_path)
    made.stock()
    yield made
    made.database.close()


def judged(outcome: Outcome, label: str = "slide", rating: int = 4, **more: object) -> Judged:
    """One answer."""
    is_threat = outcome in (Outcome.HIT, Outcome.MISS)
    one = Judged(
        person_id=1,
        at=datetime(2026, 5, 1, tzinfo=UTC),
        label=label if is_threat else "",
        factors=Factors(0.1, 0.5, 0.9),
        difficulty=0.0,
        outcome=outcome,
        rating=rating,
        response_ms=3000,
        is_misplaced=False,
        mode=Mode.STUDY,
        aid=False,
    )
    return replace(one, **more)  # type: ignore[arg-type]


def some(hits: int, misses: int, false_alarms: int, rejections: int, **more: object) -> list[Judged]:
    """So many answers."""
    counts = zip(COUNTED, (hits, misses, false_alarms, rejections), strict=True)
    said = {Outcome.HIT: 4, Outcome.FALSE_ALARM: 4, Outcome.MISS: -4, Outcome.REJECTION: -4}
    return [judged(outcome, **{"rating": said[outcome]} | more) for outcome, count in counts for _ in range(count)]  # type: ignore[arg-type]


def test_answers_come_out_as_they_were_given(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, FREE)
    exercise = site.begin(officer, enrolment, steps[0])
    expected: list[tuple[Outcome, int]] = []
    rng = random.Random(2)
    while (shown := site.see(officer, exercise)) is not None:
        is_threat, choice = bool(site.label_of(shown.item_id)), rng.randrange(3)
        site.seconds.value += 2
        if choice == 0:
            site.say(officer, shown.item_id, site.harmless(confidence=2, took_ms=1500))
            expected.append((Outcome.MISS if is_threat else Outcome.REJECTION, -2))
        elif choice == 1:
            site.say(officer, shown.item_id, site.threat(took_ms=1500))
            expected.append((Outcome.HIT if is_threat else Outcome.FALSE_ALARM, 5))
        else:
            site.say(officer, shown.item_id, site.threat(OUTSIDE, took_ms=9000))
            expected.append((Outcome.MISS, -7) if is_threat else (Outcome.FALSE_ALARM, 5))
    with site.database.read() as session:
        found = gather(session, Selection(person_id=officer.id))
        assert [(one.outcome, one.rating) for one in found] == expected
        assert gather(session, Selection(person_id=site.officers[1].id)) == []
        assert gather(session, Selection(modes=(Mode.EXAMINATION,))) == []
        assert gather(session, Selection(aid=True)) == []
        assert gather(session, Selection(until=now() - timedelta(hours=1))) == []
        assert len(gather(session, Selection(course_id=enrolment.course_id, since=now() - timedelta(hours=1)))) == 20
    counted = figures(found)
    assert counted.misplaced == expected.count((Outcome.MISS, -7))
    assert counted.response_ms in (1500, 1750, 2000)  # never longer than the server saw
    assert counted.is_few and counted.timed_out == 0


def test_learning_shows_in_difficulty_where_the_hit_rate_is_held(site: Site) -> None:
    for number in range(50):
        site.picture(7000 + number, "slide", harder=-2 + number / 8)
    officer = site.officers[0]
    plan = FREE.model_copy(update={"pictures": 60, "labels": ("slide",), "threat_share": 0.9})
    enrolment, steps = site.enrol(officer, plan)
    exercise = site.begin(officer, enrolment, steps[0])
    site.draw_alike(exercise, "a")
    Simulated(site, officer, ability=2.5).take(exercise)
    with site.database.read() as session:
        curve = learning_curve(gather(session, Selection(person_id=officer.id)))
    assert [(block.first, block.last) for block in curve] == [(1, 20), (21, 40), (41, 60)]
    first, last = curve[0].difficulty, curve[-1].difficulty
    assert first is not None and last is not None and last > first + 0.4
    assert learning_curve([]) == []


def test_ability_shows_in_difficulty_where_the_hit_rate_is_held(site: Site) -> None:
    for number in range(50):
        site.picture(7000 + number, "slide", harder=-2 + number / 8)
    plan = FREE.model_copy(update={"pictures": 60, "labels": ("slide",), "threat_share": 0.9})
    last: list[float] = []
    for officer, ability in zip(site.officers, (2.5, -1.0), strict=False):
        enrolment, steps = site.enrol(officer, plan)
        Simulated(site, officer, ability=ability).take(site.begin(officer, enrolment, steps[0]))
        with site.database.read() as session:
            curve = learning_curve(gather(session, Selection(person_id=officer.id)))
        assert [(block.first, block.last) for block in curve] == [(1, 20), (21, 40), (41, 60)]
        difficulty = curve[-1].difficulty
        assert difficulty is not None
        last.append(difficulty)
    # Which pictures come is drawn anew each time: abilities far apart keep the order certain.
    assert last[0] > last[1] + 0.5


def test_classes_stand_against_all_harmless_parcels() -> None:
    answers = [*some(8, 2, 3, 17), *some(1, 9, 0, 0, label="bolt")]
    found = by_class(answers)
    assert list(found) == ["bolt", "slide"]  # missed most often first
    assert found["slide"].answers == Answers(8, 2, 3, 17)
    assert found["bolt"].answers == Answers(1, 9, 3, 17)
    assert found["slide"].d_prime == d_prime(Answers(8, 2, 3, 17))
    assert found["slide"].roc_area is not None and found["bolt"].roc_area is not None
    assert found["slide"].roc_area.value > 0.8 > found["bolt"].roc_area.value


def test_factors_in_thirds() -> None:
    answers = [*some(8, 2, 3, 17), *some(3, 7, 1, 1, factors=Factors(0.9, 0.9, 0.1))]
    by_view, by_clutter = by_factor(answers, Factor.VIEW), by_factor(answers, Factor.CLUTTER)
    assert by_view["low"].answers == Answers(8, 2, 4, 18) and by_view["high"].answers == Answers(3, 7, 4, 18)
    assert by_clutter["high"].answers == Answers(8, 2, 3, 17) and by_clutter["low"].answers == Answers(3, 7, 1, 1)
    assert by_view["middle"].d_prime is None and by_view["middle"].is_few


def test_people_and_months() -> None:
    later = datetime(2026, 7, 9, tzinfo=UTC)
    answers = [*some(1, 0, 0, 0, at=later, person_id=2), *some(2, 1, 0, 3)]
    assert {person: one.answers.hits for person, one in by_person(answers).items()} == {2: 1, 1: 2}
    assert list(by_month(answers)) == ["2026-05", "2026-07"]


def test_nothing_says_nothing() -> None:
    nothing = figures([])
    assert (nothing.d_prime, nothing.criterion, nothing.roc_area, nothing.response_ms) == (None,) * 4
    assert nothing.is_few
    comparison = aid_comparison([])
    assert comparison.hit_rate is None and comparison.d_prime is None


def test_what_the_aid_brings() -> None:
    comparison = aid_comparison([*some(90, 10, 10, 90, aid=True), *some(60, 40, 10, 90)])
    assert comparison.hit_rate is not None and comparison.false_alarm_rate is not None
    assert comparison.hit_rate.value == pytest.approx(0.3) and comparison.hit_rate.low > 0.1
    assert comparison.false_alarm_rate.low < 0 < comparison.false_alarm_rate.high
    assert comparison.d_prime is not None and comparison.d_prime.low > 0
    assert comparison.with_aid.answers == Answers(90, 10, 10, 90)


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """His example: 56 of 70 against 48 of 80."""
    found = rate_difference(Rate(56, 70), Rate(48, 80))
    assert found is not None
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)


def test_the_interval_of_a_difference_covers_the_truth() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(1000):
        found = rate_difference(Rate(int(rng.binomial(60, 0.85)), 60), Rate(int(rng.binomial(45, 0.7)), 45))
        assert found is not None
        covered += found.low <= 0.15 <= found.high
    assert 930 <= covered <= 970


def test_six_hours_in_six_months(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, FREE)
    exercise = site.begin(officer, enrolment, steps[0])
    Simulated(site, officer, took_s=90).take(exercise)
    with site.database.read() as session:
        time = training_time(session, officer.id, now())
        assert time.pictures == 20 and not time.is_enough
        assert time.hours == pytest.approx(20 * 90 / 3600, rel=0.02)
        assert time.missing_h == pytest.approx(5.5, rel=0.02)
        assert training_time(session, officer.id, now() + timedelta(days=200)).pictures == 0
        assert training_time(session, site.officers[1].id, now()).hours == 0


def test_a_page_left_open_is_no_training(site: Site) -> None:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, FREE)
    exercise = site.begin(officer, enrolment, steps[0])
    Simulated(site, officer, took_s=7200).take(exercise)
    with site.database.write() as session:
        for item in session.scalars(select(ItemRow).order_by(ItemRow.id)):
            item.shown_at += timedelta(hours=item.number)  # read the feedback for an hour
            item.answered_at = item.shown_at
    with site.database.read() as session:
        found = training_time(session, officer.id, now() + timedelta(days=2))
    assert found.hours == pytest.approx((20 * 180 + 19 * 60) / 3600)


def course_of(site: Site, officers: int, plan: StepPlan = FREE) -> int:
    """A course that so many have taken."""
    with site.database.write() as session:
        course = create_course(session, site.trainer, CoursePlan(title="Parts", steps=(plan,)))
        enrolments = [enrol(session, site.trainer, course.id, one.id) for one in site.officers[:officers]]
        step = course.versions[0].steps[0]
    for officer, enrolment in zip(site.officers, enrolments, strict=False):
        Simulated(site, officer, rng=random.Random(officer.id)).take(site.begin(officer, enrolment, step))
    return course.id


def test_results_are_seen_by_the_person_and_their_trainer(site: Site) -> None:
    course = course_of(site, 1, FREE.model_copy(update={"pictures": 3}))
    mine, colleague = site.officers[:2]
    with site.database.read() as session:
        assert len(results_of(session, mine, mine.id, Selection())) == 3
        assert len(results_of(session, site.trainer, mine.id, Selection(course_id=course))) == 3
        assert may_see(session, site.trainer, mine.id) and not may_see(session, site.trainer, colleague.id)
        for viewer, selection in (
            (colleague, Selection(course_id=course)),
            (site.other, Selection(course_id=course)),
            (site.trainer, Selection()),
            (site.trainer, Selection(course_id=course + 1)),
        ):
            with pytest.raises(UsageError, match="results"):
                results_of(session, viewer, mine.id, selection)


def test_a_group_has_no_names(site: Site) -> None:
    plan = FREE.model_copy(update={"pictures": 4})
    small, course = course_of(site, 4, plan), course_of(site, 5, plan)
    with site.database.write() as session:
        with pytest.raises(UsageError, match="only 4 people have answered: everybody would know"):
            group_report(session, site.trainer, small, Selection(), KEY)
        with pytest.raises(UsageError, match="not yours"):
            group_report(session, site.other, course, Selection(), KEY)
        report = group_report(session, site.trainer, course, Selection(person_id=site.officers[0].id), KEY)
        again = group_report(session, site.trainer, course, Selection(), b"another secret of the site")
    assert report.people == 5 and len(report.by_pseudonym) == 5
    assert not set(report.by_pseudonym) & set(again.by_pseudonym)
    assert list(report.by_pseudonym) == sorted(pseudonym(one.id, KEY) for one in site.officers[:5])
    table = to_csv(report.by_pseudonym)
    assert not any(one.login in table or one.name in table for one in site.officers)


def test_tables_to_take_along() -> None:
    text = to_csv({"slide": figures(some(8, 2, 3, 17)), "=HYPERLINK(1)": figures([])})
    header, slide, trap = csv.reader(io.StringIO(text))
    assert tuple(header) == HEADER
    told = dict(zip(header, slide, strict=True))
    assert (told["threats"], told["hits"], told["hit_rate"], told["too_few"]) == ("10", "8", "0.8000", "1")
    assert told["hit_rate_low"] < told["hit_rate"] < told["hit_rate_high"]
    assert float(told["d_prime"]) == pytest.approx(d_prime(Answers(8, 2, 3, 17)).value, abs=1e-3)
    assert trap[0] == "'=HYPERLINK(1)" and len(trap) == len(HEADER) and "" in trap


def test_retention(site: Site) -> None:
    course_of(site, 2, FREE.model_copy(update={"pictures": 3}))
    with site.database.write() as session:
        assert forget_before(session, "system", now() - timedelta(days=1)) == 0
        assert forget_before(session, "system", now()) == 2
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemRow)) == 0
        assert verify(session).is_whole


def test_the_sites_retention_rules_reach_training(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    site = open_site("sqlite", request, tmp_path)
    site.stock(2, ("slide", ""))
    enrolment, steps = site.enrol(site.officers[0], STUDY)
    Simulated(site, site.officers[0]).take(site.begin(site.officers[0], enrolment, steps[0]))
    rules, scans = load_rules("standard"), PictureStore(tmp_path / "scans")
    assert prune(site.database, scans, rules).exercises == 0
    at_once = rules.model_copy(update={"training_days": 0})
    assert prune(site.database, scans, at_once, dry_run=True).exercises == 1
    assert prune(site.database, scans, at_once).exercises == 1
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemRow)) == 0
    site.database.close()
