"""Who may see training results, group reports without names, and tables to take along."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..people.accounts import Person
from ..people.roles import Permission
from ..rates import Rate
from .courses import own_course
from .detection_theory import Estimate
from .results import Figures, Judged, Selection, by_person, figures, gather
from .tables import CourseRow, EnrolmentRow, ExerciseRow, ItemRow

LEAST_GROUP = 5
"""In a smaller group everybody would know who is who."""
HEADER = (
    "of", "threats", "hits", "hit_rate", "hit_rate_low", "hit_rate_high", "harmless", "false_alarms",
    "false_alarm_rate", "false_alarm_rate_low", "false_alarm_rate_high", "d_prime", "d_prime_low", "d_prime_high",
    "criterion", "criterion_low", "criterion_high", "roc_area", "roc_area_low", "roc_area_high", "response_ms_median",
    "misplaced", "timed_out", "too_few",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A course without names."""

    people: int
    all: Figures
    by_pseudonym: Mapping[str, Figures]
    """In the order of pseudonyms, which tells nothing."""


def may_see(session: Session, viewer: Person, person_id: int) -> bool:
    """A person's results are seen by themselves, and by the trainer of a course they are or were enrolled in."""
    if viewer.id == person_id:
        return True
    theirs = (
        select(EnrolmentRow.id)
        .join(CourseRow, EnrolmentRow.course_id == CourseRow.id)
        .where(EnrolmentRow.person_id == person_id, CourseRow.trainer_id == viewer.id)
    )
    return viewer.may(Permission.TRAIN_PEOPLE) and session.scalar(theirs.limit(1)) is not None


def results_of(session: Session, viewer: Person, person_id: int, selection: Selection) -> list[Judged]:
    """A person's answers, for whoever may see them: a trainer sees those of their own courses only.

    Args:
        session: any transaction.
        viewer: who asks.
        person_id: about whom.
        selection: its person is overwritten; a trainer must name a course of theirs.

    Raises:
        UsageError: if the viewer may not.
    """
    if viewer.id != person_id:
        if not may_see(session, viewer, person_id):
            raise UsageError("these results are not yours to see", "ask the person, or their trainer")
        if selection.course_id is None or _trainer_of(session, selection.course_id) != viewer.id:
            raise UsageError("a trainer sees the results of their own courses", "choose one of them")
    return gather(session, replace(selection, person_id=person_id))


def group_report(session: Session, trainer: Person, course_id: int, selection: Selection, key: bytes) -> GroupReport:
    """A course's results under pseudonyms.

    Args:
        session: a write transaction: the course is looked at under lock.
        trainer: of the course.
        course_id: which.
        selection: its course and person are overwritten.
        key: secret of the site; another key gives other pseudonyms, so reports made with different ones do not join.

    Raises:
        UsageError: if it is not their course, or fewer than five people answered.
    """
    own_course(session, trainer, course_id)
    judged = gather(session, replace(selection, person_id=None, course_id=course_id))
    people = by_person(judged)
    if len(people) < LEAST_GROUP:
        raise UsageError(
            f"only {len(people)} people have answered: everybody would know who is who",
            f"wait until {LEAST_GROUP} have",
        )
    named = {pseudonym(person_id, key): found for person_id, found in people.items()}
    return GroupReport(len(people), figures(judged), dict(sorted(named.items())))


def pseudonym(person_id: int, key: bytes) -> str:
    """Stands for a person in a report; without the key nobody can tell for whom. HMAC-SHA256, shortened to 40 bits."""
    return "P-" + hmac.digest(key, f"person {person_id}".encode(), hashlib.sha256).hex()[:10]


def to_csv(rows: Mapping[str, Figures], lanes: Mapping[str, Rate] | None = None) -> str:
    """Figures as a table, by class, factor, pseudonym or month; cells that a spreadsheet would compute are disarmed.

    Args:
        rows: of exercises.
        lanes: of threats that were projected at lanes, which are never harmless: shares seen, and nothing else.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADER)
    for name, found in rows.items():
        writer.writerow([f"'{name}" if name.startswith(_FORMULA) else name, *_cells(found)])
    for name, rate in (lanes or {}).items():
        told = [f"lanes: {name}", rate.of, rate.count, *_rate(rate)]
        writer.writerow([*told, *[""] * (len(HEADER) - len(told) - 1), int(rate.is_few)])
    return file.getvalue()


def forget_before(session: Session, author: str, moment: datetime) -> int:
    """Retention: delete answers and exercises that ended before a moment. How many exercises went.

    Args:
        session: a write transaction.
        author: login name, or ``system``.
        moment: as the site's retention rule says; hours of training before it can no longer be proved.
    """
    old = list(session.scalars(select(ExerciseRow.id).where(ExerciseRow.ended_at < moment)))
    for start in range(0, len(old), 500):  # databases bound the length of a list
        part = old[start : start + 500]
        session.execute(delete(ItemRow).where(ItemRow.exercise_id.in_(part)))
        session.execute(delete(ExerciseRow).where(ExerciseRow.id.in_(part)))
    if old:
        append(session, author, "training results deleted", "training", {"exercises": len(old)})
    return len(old)


def ended_before(session: Session, moment: datetime) -> int:
    """How many exercises ``forget_before`` would delete."""
    return session.scalar(select(func.count()).where(ExerciseRow.ended_at < moment)) or 0


def _trainer_of(session: Session, course_id: int) -> int | None:
    return session.scalar(select(CourseRow.trainer_id).where(CourseRow.id == course_id))


def _cells(found: Figures) -> Iterable[object]:
    answers = found.answers
    yield from (answers.hit_rate.of, answers.hits, *_rate(answers.hit_rate))
    yield from (answers.false_alarm_rate.of, answers.false_alarms, *_rate(answers.false_alarm_rate))
    for estimate in (found.d_prime, found.criterion, found.roc_area):
        yield from _estimate(estimate)
    yield "" if found.response_ms is None else round(found.response_ms)
    yield from (found.misplaced, found.timed_out, int(found.is_few))


def _rate(rate: Rate) -> Sequence[str]:
    if rate.value is None:
        return "", "", ""
    return tuple(f"{value:.4f}" for value in (rate.value, *rate.interval))


def _estimate(estimate: Estimate | None) -> Sequence[str]:
    if estimate is None:
        return "", "", ""
    return tuple(f"{value:.3f}" for value in (estimate.value, estimate.low, estimate.high))
