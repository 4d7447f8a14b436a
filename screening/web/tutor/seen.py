"""The views of a parcel as they are on the screen: read from the library, and row by row beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from ....datasets.scan import Scan
from ....detector.errors import StorageError
from ...people.accounts import Person
from ...tutor.exercises import Shown, withdraw
from ...tutor.tables import EnrolmentRow, ExerciseRow, ItemRow, Mode, Outcome
from ...tutor.views import take_away, views_of
from ..console import Console
from ..guard import NotFound
from .aligned import aligned, rows_above
from .shots import load


def scans_of(console: Console, person: Person, item_id: int) -> list[Scan]:
    """The views of a picture that was shown to this person, of one height.

    A view that is damaged is left out and shown to nobody again.

    Raises:
        NotFound: if it is not theirs, or the picture itself cannot be read any more.
    """
    with console.read() as session:
        item = own_item(session, person, item_id)
        shown_id = item.picture_id
        views = {view.name: (view.picture.id, view.picture.file) for view in views_of(session, item)}
    scans, gone = [], []
    for name, (picture_id, file) in views.items():
        try:
            scans.append(replace(load(console.library, file, f"t{item_id}"), view=name))
        except StorageError:
            gone.append(picture_id)
    if not gone:
        above = rows_above(console.library, {name: file for name, (_, file) in views.items()})
        return aligned(scans, list(above.values()))
    with console.database.write() as session:
        item = session.get_one(ItemRow, item_id)
        if shown_id in gone:
            withdraw(session, item)
        else:
            take_away(session, item, gone)
    if shown_id in gone:
        raise NotFound("this picture of the library is gone or damaged", "go on: another one is shown")
    return scans_of(console, person, item_id)


def rows_shown(console: Console, shown: Shown) -> Mapping[str, int]:
    """View → rows of air above its picture; only asked for where there is something to place in it."""
    if not any(view.detections for view in shown.views):
        return {}
    return rows_above(console.library, {view.name: view.file for view in shown.views})


def rows_of(console: Console, item_id: int) -> Mapping[str, int]:
    """View → rows of air above its picture on the screen; nothing for a picture that there is not."""
    with console.read() as session:
        item = session.get(ItemRow, item_id)
        files = {view.name: view.picture.file for view in views_of(session, item)} if item is not None else {}
    return rows_above(console.library, files)


def own_item(session: Session, person: Person, item_id: int) -> ItemRow:
    """A picture that was shown to this person. Raises NotFound for any other."""
    item = session.get(ItemRow, item_id)
    exercise = session.get(ExerciseRow, item.exercise_id) if item is not None else None
    enrolment = session.get(EnrolmentRow, exercise.enrolment_id) if exercise is not None else None
    if item is None or enrolment is None or enrolment.person_id != person.id:
        raise NotFound(f"there is no picture {item_id} of yours", "see your training")
    return item


def told_item(session: Session, person: Person, item_id: int) -> ItemRow:
    """One whose truth the person may know. Raises NotFound before the answer, and while an examination goes on."""
    item = own_item(session, person, item_id)
    exercise = session.get_one(ExerciseRow, item.exercise_id)
    waits = exercise.step.mode == Mode.EXAMINATION and exercise.ended_at is None
    if item.answered_at is None or item.outcome == Outcome.OPEN or waits:
        raise NotFound(f"picture {item_id} is not answered yet", "answer it first")
    return item
