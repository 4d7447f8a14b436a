"""Courses to begin with, progress in them, and what a form makes of what trainers type."""

from __future__ import annotations

from pathlib import Path

import pytest

from parcelsight.detector.errors import UsageError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.screening.tutor.exercises import leave, start
from parcelsight.screening.tutor.plans import PLANS
from parcelsight.screening.tutor.progress import Stage, courses_of, people_in, progress_of
from parcelsight.screening.tutor.tables import Mode
from parcelsight.screening.web.tutor.course_form import changed, plan_of, typed_of
from tests.tutor_site import BELT, EXAMINATION, STUDY, Simulated, open_site


@pytest.mark.parametrize("name", PLANS)
def test_a_form_gives_a_plan_back_as_it_was(name: str) -> None:
    plan = PLANS[name]("A course")
    assert plan_of("A course", typed_of(plan)) == plan
    assert {label for step in plan.steps for label in step.labels} <= set(TAXONOMY.classes)


def test_the_plan_with_and_without_aid_differs_in_nothing_else() -> None:
    alone, helped = PLANS["aid"]("x").steps
    assert alone.model_copy(update={"aid": True, "title": helped.title}) == helped


def test_numbers_as_people_type_them() -> None:
    (step,) = typed_of(PLANS["refresher"]("x"))
    plan = plan_of(" Course ", [step | {"threats": "12,5", "limit_s": " 7 "}])
    assert (plan.title, plan.steps[0].threat_share, plan.steps[0].limit_s) == ("Course", 0.125, 7.0)
    study = plan_of("x", [step | {"mode": "study", "limit_s": "9"}])
    assert study.steps[0].limit_s is None  # study has none; what was typed before the kind was changed is let go
    with pytest.raises(UsageError, match="step 2 needs the seconds"):
        plan_of("x", [step, step | {"limit_s": "soon"}])
    assert len(changed([step] * 20, "add")) == 20


def test_progress_from_enrolment_to_completion(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    site = open_site("sqlite", request, tmp_path)
    site.stock()
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY, BELT, EXAMINATION)

    def stages() -> list[str]:
        with site.database.read() as session:
            (one,) = courses_of(session, officer.id)
            return [str(part.stage) for part in one.steps]

    assert stages() == [Stage.NEXT, Stage.LATER, Stage.LATER]
    exercise = site.begin(officer, enrolment, steps[0])
    assert stages() == [Stage.RUNNING, Stage.LATER, Stage.LATER]
    with site.database.write() as session:
        leave(session, officer, exercise)
    assert stages() == [Stage.NEXT, Stage.LATER, Stage.LATER]  # left early is not done
    for step in steps:
        with site.database.read() as session:
            one = progress_of(session, enrolment.id)
            assert one is not None and one.completed_at is None and one.current is not None
            assert one.current.step.id == step.id and one.current.can_begin
        Simulated(site, officer).take(site.begin(officer, enrolment, step))
    with site.database.write() as session:
        (one,) = people_in(session, enrolment.course_id)
        assert one.done == 3 and one.current is None and one.completed_at is not None and one.last_at is not None
        assert [part.can_begin for part in one.steps] == [True, True, False]  # an examination is taken once
        again = start(session, officer, enrolment.id, steps[0].id)
        assert again.step.mode == Mode.STUDY
    assert stages() == [Stage.DONE] * 3
    site.database.close()
