"""What was learnt and what is missed: statistics over answers, with intervals and a plain word where there are few.

A parcel with a threat is a hit when the click is on a threat; a click elsewhere in it is a miss. Harmless parcels are
of no class, so all of a selection's stand against each class in it. For the ROC an answer is rated by its confidence,
"threat" above "harmless", and a click in the wrong place below all: the ROC of detection with localisation (Swensson,
Unified measurement of observer performance in detecting and localizing target objects on images, Medical Physics 23,
1996).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import median
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ..rates import Rate
from .detection_theory import Answers, Estimate, area_under_roc, criterion, d_prime
from .factors import Factor, Factors
from .picking import factors_of
from .tables import COUNTED, EnrolmentRow, ExerciseRow, ItemRow, Mode, Outcome, PictureRow, StepRow

_Key = TypeVar("_Key")
BANDS = ("low", "middle", "high")
_BLOCK = 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Which answers are looked at; None takes all."""

    person_id: int | None = None
    course_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    modes: tuple[Mode, ...] = tuple(Mode)
    aid: bool | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer."""

    person_id: int
    at: datetime
    label: str
    """Empty for a harmless parcel."""
    factors: Factors
    difficulty: float
    outcome: Outcome
    rating: int
    """How sure that there was a threat: 1…6 for "threat", -1…-6 for "harmless"; -7 without a right answer in time."""
    response_ms: int | None
    """None where the time ran out."""
    is_misplaced: bool
    """A threat was there, and the click was elsewhere."""
    mode: Mode
    aid: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some answers. Estimates are None without parcels of both kinds."""

    answers: Answers
    d_prime: Estimate | None
    criterion: Estimate | None
    roc_area: Estimate | None
    response_ms: float | None
    """Median."""
    misplaced: int
    timed_out: int

    @property
    def is_few(self) -> bool:
        """True where there is too little to judge anybody by: pages must say so."""
        return self.answers.is_few


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a learning curve. Where difficulty adapts, learning shows in it, and the hit rate stays."""

    first: int
    """Number of its first answer, from 1."""
    last: int
    until: datetime
    hit_rate: Rate
    false_alarm_rate: Rate
    difficulty: float | None
    """Mean of the threats shown, in logits."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """With the detector's aid against without it; differences above 0 mean more with it."""

    with_aid: Figures
    without: Figures
    hit_rate: Estimate | None
    false_alarm_rate: Estimate | None
    d_prime: Estimate | None


def gather(session: Session, selection: Selection) -> list[Judged]:
    """The answers that count, oldest first."""
    return _gathered(session, _conditions(selection))


def gather_exercise(session: Session, exercise_id: int) -> list[Judged]:
    """The answers of one exercise that count, oldest first."""
    return _gathered(session, [ItemRow.exercise_id == exercise_id])


def _gathered(session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[Judged]:
    wanted = (
        select(ItemRow, PictureRow, EnrolmentRow.person_id, StepRow.mode, StepRow.aid)
        .join(PictureRow, ItemRow.picture_id == PictureRow.id)
        .join(ExerciseRow, ItemRow.exercise_id == ExerciseRow.id)
        .join(EnrolmentRow, ExerciseRow.enrolment_id == EnrolmentRow.id)
        .join(StepRow, ExerciseRow.step_id == StepRow.id)
        .where(ItemRow.outcome.in_(COUNTED), *conditions)
        .order_by(ItemRow.answered_at, ItemRow.id)
    )
    return [
        _judged(item, picture, person_id, mode, aid) for item, picture, person_id, mode, aid in session.execute(wanted)
    ]


def figures(judged: Sequence[Judged]) -> Figures:
    """Of any answers."""
    answers = _count(judged)
    threat = [one.rating for one in judged if one.label]
    harmless = [one.rating for one in judged if not one.label]
    both = bool(threat and harmless)
    times = [one.response_ms for one in judged if one.response_ms is not None]
    return Figures(
        answers=answers,
        d_prime=d_prime(answers) if both else None,
        criterion=criterion(answers) if both else None,
        roc_area=area_under_roc(threat, harmless) if both else None,
        response_ms=median(times) if times else None,
        misplaced=sum(one.is_misplaced for one in judged),
        timed_out=len(judged) - len(times),
    )


def by_class(judged: Sequence[Judged]) -> dict[str, Figures]:
    """Class → figures, against all harmless parcels of the selection; those missed most often first."""
    harmless = [one for one in judged if not one.label]
    labels = {one.label for one in judged if one.label}
    found = {label: figures([*(one for one in judged if one.label == label), *harmless]) for label in labels}
    return dict(sorted(found.items(), key=lambda item: (item[1].answers.hit_rate.value or 0.0, item[0])))


def by_factor(judged: Sequence[Judged], factor: Factor) -> dict[str, Figures]:
    """Thirds of a factor's level → figures. Harmless parcels have clutter alone; else all of them count."""
    shared = [one for one in judged if not one.label and factor is not Factor.CLUTTER]
    own = [one for one in judged if one.label or factor is Factor.CLUTTER]
    return {band: figures([*shared, *(one for one in own if _band(one, factor) == band)]) for band in BANDS}


def by_person(judged: Sequence[Judged]) -> dict[int, Figures]:
    """Person's row → figures."""
    return _grouped(judged, lambda one: one.person_id)


def by_month(judged: Sequence[Judged]) -> dict[str, Figures]:
    """``YYYY-MM`` (UTC) → figures, in order."""
    return dict(sorted(_grouped(judged, lambda one: one.at.strftime("%Y-%m")).items()))


def learning_curve(judged: Sequence[Judged], block: int = _BLOCK) -> list[Block]:
    """In blocks of so many answers; the last may be shorter."""
    blocks = []
    for start in range(0, len(judged), block):
        part = judged[start : start + block]
        answers, hard = _count(part), [one.difficulty for one in part if one.label]
        blocks.append(
            Block(
                first=start + 1,
                last=start + len(part),
                until=part[-1].at,
                hit_rate=answers.hit_rate,
                false_alarm_rate=answers.false_alarm_rate,
                difficulty=sum(hard) / len(hard) if hard else None,
            )
        )
    return blocks


def aid_comparison(judged: Sequence[Judged]) -> Comparison:
    """What the detector's aid brings. Only a fair one where the same kind of exercise was done with and without."""
    helped, alone = (figures([one for one in judged if one.aid is aid]) for aid in (True, False))
    d_difference = None
    if helped.d_prime is not None and alone.d_prime is not None:
        error = sqrt(_error(helped.d_prime) ** 2 + _error(alone.d_prime) ** 2)
        d_difference = Estimate.around(helped.d_prime.value - alone.d_prime.value, error)
    return Comparison(
        helped,
        alone,
        rate_difference(helped.answers.hit_rate, alone.answers.hit_rate),
        rate_difference(helped.answers.false_alarm_rate, alone.answers.false_alarm_rate),
        d_difference,
    )


def rate_difference(first: Rate, second: Rate) -> Estimate | None:
    """first - second with its 95 % interval; None where either is of nothing.

    The interval is Newcombe's hybrid of two Wilson intervals (Interval estimation for the difference between
    independent proportions, Statistics in Medicine 17, 1998, method 10).
    """
    p, q = first.value, second.value
    if p is None or q is None:
        return None
    (p_low, p_high), (q_low, q_high) = first.interval, second.interval
    below = sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    above = sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return Estimate(p - q, p - q - below, p - q + above)


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [StepRow.mode.in_(selection.modes)]
    if selection.person_id is not None:
        conditions.append(EnrolmentRow.person_id == selection.person_id)
    if selection.course_id is not None:
        conditions.append(EnrolmentRow.course_id == selection.course_id)
    if selection.since is not None:
        conditions.append(ItemRow.answered_at >= selection.since)
    if selection.until is not None:
        conditions.append(ItemRow.answered_at < selection.until)
    if selection.aid is not None:
        conditions.append(StepRow.aid.is_(selection.aid))
    return conditions


def _judged(item: ItemRow, picture: PictureRow, person_id: int, mode: str, aid: bool) -> Judged:
    outcome = Outcome(item.outcome)
    misplaced = outcome is Outcome.MISS and bool(item.said_threat) and not item.late
    return Judged(
        person_id=person_id,
        at=item.answered_at or item.shown_at,
        label=picture.label,
        factors=factors_of(picture),
        difficulty=item.difficulty,
        outcome=outcome,
        rating=_rating(item, misplaced),
        response_ms=None if item.late else item.response_ms,
        is_misplaced=misplaced,
        mode=Mode(mode),
        aid=aid,
    )


def _rating(item: ItemRow, misplaced: bool) -> int:
    if item.late or misplaced or item.confidence is None:
        return -7
    return item.confidence if item.said_threat else -item.confidence


def _band(one: Judged, factor: Factor) -> str:
    return BANDS[min(int(one.factors.level(factor) * len(BANDS)), len(BANDS) - 1)]


def _count(judged: Iterable[Judged]) -> Answers:
    outcomes = [one.outcome for one in judged]
    return Answers(
        hits=outcomes.count(Outcome.HIT),
        misses=outcomes.count(Outcome.MISS),
        false_alarms=outcomes.count(Outcome.FALSE_ALARM),
        correct_rejections=outcomes.count(Outcome.REJECTION),
    )


def _grouped(judged: Sequence[Judged], key: Callable[[Judged], _Key]) -> dict[_Key, Figures]:
    parts: dict[_Key, list[Judged]] = {}
    for one in judged:
        parts.setdefault(key(one), []).append(one)
    return {name: figures(part) for name, part in parts.items()}


def _error(estimate: Estimate) -> float:
    """Standard error of a symmetric 95 % interval."""
    return (estimate.high - estimate.low) / (2 * 1.959964)
