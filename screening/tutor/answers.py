"""Answers: taken once, judged at once, with what there is to learn from each."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ..people.accounts import Person
from ..storage.times import now
from .adaptive import correction
from .clocks import Clock
from .exercises import GRACE_S, finish, is_over, judge, own_exercise
from .tables import ExerciseRow, ItemRow, Mode, Outcome, PictureRow
from .views import views_of

MARGIN_PX = 6.0
"""A click so far outside a box still counts: a cartridge has few pixels, and a hand shakes."""
CONFIDENCE = (1, 6)
_TURNED = 3
_REQUEST_CHARS = 64


class AnsweredAlready(UsageError):
    """Another tab, or another try, was first."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the learner said of a picture.

    Raises:
        UsageError: if it makes no sense.
    """

    request_id: str
    """From the page; the same again counts once."""
    is_threat: bool | None
    """None where the time ran out in front of them."""
    click_px: tuple[float, float] | None = None
    """Where they see it; with ``is_threat`` only."""
    confidence: int | None = None
    """1 a guess, 6 certain; None only where the time ran out."""
    took_ms: int = 0
    """From the picture on the screen to the answer, by the page's clock."""
    view: str = ""
    """In which the click is; empty for the picture itself, where it has no other view."""

    def __post_init__(self) -> None:
        if not 0 < len(self.request_id) <= _REQUEST_CHARS:
            raise UsageError("the answer has no proper request id", "reload the page")
        if (self.click_px is not None) != (self.is_threat is True):
            raise UsageError("a threat is answered by a click on it, anything else without one", "answer again")
        if self.click_px is not None and not all(map(isfinite, self.click_px)):
            raise UsageError("the click has no place", "click again")
        if (self.confidence is None) != (self.is_threat is None):
            raise UsageError("an answer needs how sure you are", "choose 1 (a guess) to 6 (certain)")
        if self.confidence is not None and not CONFIDENCE[0] <= self.confidence <= CONFIDENCE[1]:
            raise UsageError(f"{self.confidence} does not tell how sure you are", "choose 1 (a guess) to 6 (certain)")


@dataclass(frozen=True, slots=True)
class Truth:
    """One threat that was there."""

    label: str
    group: str
    design: str
    xyxy_px: tuple[float, float, float, float]
    view: str
    """In which it is there, as ``views_of`` names it."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What there is to learn from one picture."""

    item_id: int
    outcome: Outcome
    late: bool
    truths: tuple[Truth, ...]
    """Where it was and what it is, in each view; nothing for a harmless parcel."""
    click_px: tuple[float, float] | None
    click_view: str
    """In which the click is; empty without one."""
    turned: tuple[int, ...]
    """Other pictures of the library that show the same design, turned otherwise, most different first."""


def answer(session: Session, person: Person, item_id: int, said: Said, clock: Clock) -> Feedback | None:
    """Take an answer; sent again with the same request id it changes nothing.

    Args:
        session: a write transaction; the answer counts once it is committed.
        person: the learner.
        item_id: the picture on their screen.
        said: what they said.
        clock: of this process.

    Returns:
        Feedback; None in an examination, where it comes at the end (``review``).

    Raises:
        AnsweredAlready: if this picture was answered by another request, or its time ran out.
        UsageError: if it is not theirs, the request id was used for another picture, or the click is in no view of it.
    """
    before = session.scalar(select(ItemRow).where(ItemRow.request_id == said.request_id))
    if before is not None and before.id != item_id:
        raise UsageError("this request was used for another picture", "reload the page")
    exercise, item = _own_item(session, person, item_id)
    if item.request_id == said.request_id:
        return _told(session, exercise, item)
    if item.outcome != Outcome.OPEN:
        raise AnsweredAlready("this picture was answered already, or its time is over", "go on with the next one")
    pointed = _pointed(session, item, said)
    _note(item, exercise, said, clock)
    item.click_view = said.view if pointed is not None and pointed.id != item.picture_id else ""
    item.outcome = judge(item, _is_hit(pointed, said.click_px))
    session.flush()
    _correct_difficulty(session, exercise, item)
    if is_over(session, exercise):
        finish(session, person, exercise)
    return _told(session, exercise, item)


def review(session: Session, person: Person, exercise_id: int) -> list[Feedback]:
    """Feedback on everything answered, in the order shown. Raises UsageError while an examination goes on."""
    exercise = own_exercise(session, person, exercise_id)
    if exercise.ended_at is None and exercise.step.mode == Mode.EXAMINATION:
        raise UsageError("the examination is not over", "answer the other pictures first")
    items = session.scalars(
        select(ItemRow)
        .where(ItemRow.exercise_id == exercise.id, ItemRow.answered_at.is_not(None))
        .order_by(ItemRow.number)
    )
    return [feedback(session, item) for item in items]


def feedback(session: Session, item: ItemRow) -> Feedback:
    """Of one answered picture."""
    views = views_of(session, item)
    at = (item.x_px, item.y_px) if item.x_px is not None and item.y_px is not None else None
    own = next(view.name for view in views if view.picture.id == item.picture_id)
    return Feedback(
        item_id=item.id,
        outcome=Outcome(item.outcome),
        late=item.late,
        truths=tuple(_truth(found, view.name) for view in views for found in view.picture.truths),
        click_px=at,
        click_view=item.click_view or own if at else "",
        turned=_turned(session, item),
    )


def _own_item(session: Session, person: Person, item_id: int) -> tuple[ExerciseRow, ItemRow]:
    exercise_id = session.scalar(select(ItemRow.exercise_id).where(ItemRow.id == item_id))
    if exercise_id is None:
        raise UsageError(f"there is no picture {item_id} to answer", "reload the exercise")
    exercise = own_exercise(session, person, exercise_id)
    return exercise, session.get_one(ItemRow, item_id, populate_existing=True)


def _note(item: ItemRow, exercise: ExerciseRow, said: Said, clock: Clock) -> None:
    """What was said and when; the page's clock may be asked for milliseconds, never for more time."""
    passed_s = clock.since(item.clock, item.shown_s)
    took_s = max(0, said.took_ms) / 1000
    waited_s = took_s if passed_s is None else min(took_s, passed_s)
    limit_s = exercise.step.limit_s
    counted_s = took_s if passed_s is None else passed_s
    item.request_id, item.answered_at = said.request_id, now()
    item.said_threat, item.confidence = said.is_threat, said.confidence
    item.x_px, item.y_px = said.click_px or (None, None)
    item.response_ms = round(min(waited_s, 86_400) * 1000)
    item.late = said.is_threat is None or (limit_s is not None and counted_s > limit_s + GRACE_S)


def _pointed(session: Session, item: ItemRow, said: Said) -> PictureRow | None:
    """The picture in which the click is; None without one."""
    if said.click_px is None:
        return None
    views = {view.name: view.picture for view in views_of(session, item)}
    picture = views.get(said.view) if said.view else item.picture
    if picture is None:
        raise UsageError("the click is in no view of this parcel", "click again")
    return picture


def _is_hit(picture: PictureRow | None, click_px: tuple[float, float] | None) -> bool:
    if picture is None or click_px is None:
        return False
    x, y = click_px
    boxes = (found["xyxy_px"] for found in picture.truths)
    return any(
        x0 - MARGIN_PX <= x < x1 + MARGIN_PX and y0 - MARGIN_PX <= y < y1 + MARGIN_PX for x0, y0, x1, y1 in boxes
    )


def _correct_difficulty(session: Session, exercise: ExerciseRow, item: ItemRow) -> None:
    """Only by answers without aid and in time. Added in the database: others answer the same picture meanwhile."""
    if item.predicted is None or item.late or exercise.step.aid:
        return
    change = correction(item.predicted, item.outcome == Outcome.HIT, item.picture.answers)
    session.execute(
        update(PictureRow)
        .where(PictureRow.id == item.picture_id)
        .values(difficulty=PictureRow.difficulty + change, answers=PictureRow.answers + 1)
        .execution_options(synchronize_session=False)
    )
    session.expire(item.picture)


def _told(session: Session, exercise: ExerciseRow, item: ItemRow) -> Feedback | None:
    return None if exercise.step.mode == Mode.EXAMINATION else feedback(session, item)


def _truth(found: dict[str, Any], view: str) -> Truth:
    x0, y0, x1, y1 = found["xyxy_px"]
    label = str(found["label"])
    return Truth(label, str(TAXONOMY.group_of(label)), str(found["design"]), (x0, y0, x1, y1), view)


def _turned(session: Session, item: ItemRow) -> tuple[int, ...]:
    picture = item.picture
    if not picture.design:
        return ()
    same = select(PictureRow).where(
        PictureRow.label == picture.label,
        PictureRow.design == picture.design,
        # What stands beside it is on the screen already.
        PictureRow.id.not_in([picture.id, *item.beside]),
    )
    rows = session.scalars(same.where(PictureRow.retired_at.is_(None)).limit(200)).all()
    by_turn = sorted(rows, key=lambda row: (-abs(row.view - picture.view), row.id))
    return tuple(row.id for row in by_turn[:_TURNED])
