"""Courses to begin with: a trainer chooses one, looks it over, and has a course."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...detector.taxonomy import TAXONOMY, Group
from .courses import CoursePlan, StepPlan, starter_plan
from .tables import Mode


def classes_of(*groups: Group) -> tuple[str, ...]:
    """Classes of some groups, in the order of the taxonomy."""
    return tuple(label for label in TAXONOMY.classes if TAXONOMY.group_of(label) in groups)


def parts_plan(title: str) -> CoursePlan:
    """What is missed most in post: parts and cartridges, studied first, then at the belt, then examined."""
    parts, rounds = classes_of(Group.PART, Group.ASSOCIATED), classes_of(Group.AMMUNITION)
    return CoursePlan(
        title=title,
        steps=(
            StepPlan(title="Study: parts", mode=Mode.STUDY, labels=parts, threat_share=0.7),
            StepPlan(title="Study: ammunition", mode=Mode.STUDY, labels=rounds, threat_share=0.7),
            StepPlan(title="At the belt: parts and ammunition", mode=Mode.BELT, labels=parts + rounds, pictures=60,
                     limit_s=15),
            StepPlan(title="Examination", mode=Mode.EXAMINATION, labels=parts + rounds, pictures=80, limit_s=20),
        ),
    )  # fmt: skip


def refresher_plan(title: str) -> CoursePlan:
    """About half an hour at the belt, everything mixed: for the hours of every month."""
    return CoursePlan(
        title=title,
        steps=(StepPlan(title="At the belt: everything", mode=Mode.BELT, pictures=100, threat_share=0.4, limit_s=15),),
    )


def aid_plan(title: str) -> CoursePlan:
    """The same exercise without and with the detector's boxes: what do they bring, and do people still look?"""
    alone = StepPlan(title="Examination without aid", mode=Mode.EXAMINATION, pictures=80, limit_s=20)
    return CoursePlan(
        title=title, steps=(alone, alone.model_copy(update={"title": "Examination with aid", "aid": True}))
    )


def examination_plan(title: str) -> CoursePlan:
    """Only an examination over all classes."""
    step = StepPlan(title="Examination", mode=Mode.EXAMINATION, pictures=120, limit_s=20)
    return CoursePlan(title=title, steps=(step,))


PLANS: Mapping[str, Callable[[str], CoursePlan]] = {
    "starter": starter_plan,
    "parts": parts_plan,
    "refresher": refresher_plan,
    "examination": examination_plan,
    "aid": aid_plan,
}
"""Name of a template → the plan for a title."""
