"""Exercises: begun, interrupted, taken up again; one picture open at a time, whatever tabs are open."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.pictures import PictureStore
from ..storage.times import now
from .clocks import Clock
from .picking import pick
from .tables import COUNTED, EnrolmentRow, ExerciseRow, ItemRow, Mode, Outcome, PictureRow, StepRow
from .views import companions, take_away, views_of

GRACE_S = 1.5
"""Added to every limit: the way of picture and answer through the network is not the learner's."""
_MOST_GONE = 20
"""Pictures missing from the store in a row until the library is said to be damaged."""


@dataclass(frozen=True, slots=True)
class ShownView:
    """One view of the parcel."""

    name: str
    file: str
    """Name in the library's store; hand the pixels out under the item's number, or the page could look it up."""
    detections: tuple[dict[str, Any], ...]
    """The detector's alarms where the exercise has its aid."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the screen: all that a page may know before the answer."""

    item_id: int
    number: int
    """Of the pictures that count, from 1."""
    of: int
    left_s: float | None
    """Until the time is up; None without a limit."""
    views: tuple[ShownView, ...]
    """In the order of the desk."""


def start(session: Session, person: Person, enrolment_id: int, step_id: int) -> ExerciseRow:
    """Begin a step, or take up the exercise of it that is running.

    Raises:
        UsageError: if the enrolment is not theirs or ended, the step is of another version, or not yet its turn.
    """
    enrolment = session.get(EnrolmentRow, enrolment_id, with_for_update=True)
    if enrolment is None or enrolment.person_id != person.id or enrolment.ended_at is not None:
        raise UsageError(f"you are not enrolled here ({enrolment_id})", "choose one of your courses")
    step = session.get(StepRow, step_id)
    if step is None or step.version_id != enrolment.version_id:
        raise UsageError(f"step {step_id} is not of your version of the course", "reload the course")
    mine = (ExerciseRow.enrolment_id == enrolment.id, ExerciseRow.step_id == step.id)
    running = session.scalar(select(ExerciseRow).where(*mine, ExerciseRow.ended_at.is_(None)))
    if running is not None:
        return running
    _require_turn(session, enrolment, step)
    row = ExerciseRow(
        enrolment_id=enrolment.id, step_id=step.id, seed=secrets.token_hex(16), started_at=now(), is_complete=False
    )
    session.add(row)
    session.flush()
    return row


def next_picture(session: Session, person: Person, exercise_id: int, clock: Clock, store: PictureStore) -> Shown | None:
    """The picture to look at: the open one where there is one, else the next; None when the exercise is over.

    Args:
        session: a write transaction.
        person: the learner.
        exercise_id: theirs.
        clock: of this process.
        store: of the library.

    Raises:
        UsageError: if the exercise is not theirs, they were taken out of the course, or the library has nothing for it.
    """
    exercise = own_exercise(session, person, exercise_id)
    if exercise.ended_at is not None:
        return None
    if session.get_one(EnrolmentRow, exercise.enrolment_id).ended_at is not None:
        raise UsageError(
            "your trainer has taken you out of this course", "what you answered is kept; see your training"
        )
    open_item = _open_item(session, exercise)
    if open_item is not None and _goes_on(session, open_item, exercise.step, clock, store):
        return _shown(session, exercise, open_item, clock)
    if is_over(session, exercise):  # the last picture ran out of time
        finish(session, person, exercise)
        return None
    return _shown(session, exercise, _put_up(session, exercise, person, clock, store), clock)


def leave(session: Session, person: Person, exercise_id: int) -> None:
    """End an exercise early; what was answered counts, the open picture does not.

    Raises:
        UsageError: if it is not theirs, or an examination, which is ended by answering or by the trainer.
    """
    exercise = own_exercise(session, person, exercise_id)
    if exercise.step.mode == Mode.EXAMINATION:
        raise UsageError(
            "an examination cannot be left early", "answer what is left, or close the page and go on later"
        )
    if (item := _open_item(session, exercise)) is not None:
        item.outcome = Outcome.INTERRUPTED
    exercise.ended_at = exercise.ended_at or now()


def withdraw(session: Session, item: ItemRow) -> None:
    """A picture that cannot be read any more is shown to nobody again; where it was not answered it does not count."""
    item.picture.retired_at = item.picture.retired_at or now()
    if item.outcome == Outcome.OPEN:
        item.outcome = Outcome.WITHDRAWN


def own_exercise(session: Session, person: Person, exercise_id: int) -> ExerciseRow:
    """The exercise, locked: of two tabs one waits. Raises UsageError where it is not theirs."""
    exercise = session.get(ExerciseRow, exercise_id, with_for_update=True)
    enrolment = session.get(EnrolmentRow, exercise.enrolment_id) if exercise is not None else None
    if exercise is None or enrolment is None or enrolment.person_id != person.id:
        raise UsageError(f"exercise {exercise_id} is not yours", "choose one of your courses")
    return exercise


def answered_count(session: Session, exercise: ExerciseRow) -> int:
    """Pictures that count."""
    counted = (ItemRow.exercise_id == exercise.id, ItemRow.outcome.in_(COUNTED))
    return session.scalar(select(func.count()).where(*counted)) or 0


def is_over(session: Session, exercise: ExerciseRow) -> bool:
    """True when as many pictures were answered as the step has."""
    return answered_count(session, exercise) >= exercise.step.pictures


def finish(session: Session, person: Person, exercise: ExerciseRow) -> None:
    """The exercise is complete."""
    exercise.ended_at, exercise.is_complete = now(), True
    append(
        session,
        person.login,
        "exercise finished",
        f"exercise {exercise.id}",
        {"mode": exercise.step.mode, "pictures": exercise.step.pictures},
    )


def judge(item: ItemRow, is_hit: bool) -> Outcome:
    """What an answer is. A threat is found by pointing at it; elsewhere in its picture it is missed."""
    if item.picture.label:
        return Outcome.HIT if is_hit and not item.late else Outcome.MISS
    return Outcome.FALSE_ALARM if item.said_threat and not item.late else Outcome.REJECTION


def _require_turn(session: Session, enrolment: EnrolmentRow, step: StepRow) -> None:
    """Steps are taken in order; one that was completed can be taken again, an examination cannot."""
    done = set(
        session.scalars(
            select(StepRow.position)
            .join(ExerciseRow, ExerciseRow.step_id == StepRow.id)
            .where(ExerciseRow.enrolment_id == enrolment.id, ExerciseRow.is_complete)
        )
    )
    if step.mode == Mode.EXAMINATION and step.position in done:
        raise UsageError(f"{step.title!r} is done", "ask your trainer to enrol you again")
    if missing := set(range(1, step.position)) - done:
        raise UsageError(f"step {min(missing)} comes before {step.title!r}", "take that one first")


def _open_item(session: Session, exercise: ExerciseRow) -> ItemRow | None:
    waiting = select(ItemRow).where(ItemRow.exercise_id == exercise.id, ItemRow.outcome == Outcome.OPEN)
    return session.scalar(waiting.execution_options(populate_existing=True))


def _goes_on(session: Session, item: ItemRow, step: StepRow, clock: Clock, store: PictureStore) -> bool:
    """Whether the open picture can still be answered; otherwise it is closed."""
    if not _is_there(item.picture, store):
        item.outcome = Outcome.WITHDRAWN
        return False
    gone = [view.picture.id for view in views_of(session, item) if not _is_there(view.picture, store)]
    if gone:
        take_away(session, item, gone)
    if step.limit_s is None:
        return True
    passed_s = clock.since(item.clock, item.shown_s)
    if passed_s is not None and passed_s <= step.limit_s + GRACE_S:
        return True
    if step.mode == Mode.EXAMINATION and passed_s is not None:
        item.late, item.answered_at = True, now()
        item.outcome = judge(item, is_hit=False)
    else:  # nobody answered because nobody was there, or the server was not
        item.outcome = Outcome.INTERRUPTED
    return False


def _put_up(session: Session, exercise: ExerciseRow, person: Person, clock: Clock, store: PictureStore) -> ItemRow:
    last = session.scalar(select(func.max(ItemRow.number)).where(ItemRow.exercise_id == exercise.id)) or 0
    for number in range(last + 1, last + 1 + _MOST_GONE):
        try:
            chosen = pick(session, exercise, person.id, number)
        except UsageError:
            if number == last + 1:
                raise
            break  # all that the library lists for this step is gone from its folder
        there = _is_there(chosen.picture, store)
        item = ItemRow(
            exercise_id=exercise.id,
            number=number,
            picture=chosen.picture,
            beside=_beside(session, chosen.picture, exercise.step, store),
            difficulty=chosen.picture.difficulty,
            predicted=chosen.predicted,
            shown_at=now(),
            clock=clock.name,
            shown_s=clock.seconds(),
            outcome=Outcome.OPEN if there else Outcome.WITHDRAWN,
            late=False,
        )
        session.add(item)
        if there:
            session.flush()
            return item
        chosen.picture.retired_at = now()
        session.flush()
    raise UsageError("pictures of the training library are missing", "ask your trainer to restore or import them again")


def _beside(session: Session, picture: PictureRow, step: StepRow, store: PictureStore) -> list[int]:
    """The other views; with the aid only those that have the detector's word: no boxes would mislead."""
    others = (row for row in companions(session, picture) if _is_there(row, store))
    return [row.id for row in others if not step.aid or row.detections is not None]


def _is_there(picture: PictureRow, store: PictureStore) -> bool:
    return store.path(picture.file).exists()


def _shown(session: Session, exercise: ExerciseRow, item: ItemRow, clock: Clock) -> Shown:
    step = exercise.step
    passed_s = clock.since(item.clock, item.shown_s) or 0.0
    return Shown(
        item_id=item.id,
        number=answered_count(session, exercise) + 1,
        of=step.pictures,
        left_s=None if step.limit_s is None else max(0.0, step.limit_s - passed_s),
        views=tuple(
            ShownView(view.name, view.picture.file, tuple(view.picture.detections or ()) if step.aid else ())
            for view in views_of(session, item)
        ),
    )
