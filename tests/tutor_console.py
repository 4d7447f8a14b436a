"""A console with a training library, a trainer and officers, for tests of training's pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from parcelsight.datasets.readers import read_scan
from parcelsight.screening.people.accounts import Person, person_of, require_row
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.courses import CoursePlan, StepPlan, create_course, enrol
from parcelsight.screening.tutor.exercises import start
from parcelsight.screening.tutor.tables import ExerciseRow, ItemRow, Mode, Origin, PictureRow, StepRow
from tests.console_parts import Browser
from tests.console_site import ConsoleSite, console_site, middle_alarm, sample_files

TRAINER, OFFICER, COLLEAGUE, SUPERVISOR = "teresa", "amina", "luc", "marc"
LABELS = ("slide", "magazine", "barrel", "", "pistol", "cartridge", "", "bolt", "")
"""Of the sample scans in turn; the box is about the densest place, which is what a test needs to click."""
STUDY = StepPlan(title="Study", mode=Mode.STUDY, pictures=4, threat_share=0.7)
BELT = StepPlan(title="At the belt", mode=Mode.BELT, pictures=4, limit_s=60)
EXAMINATION = StepPlan(title="Examination", mode=Mode.EXAMINATION, pictures=4, limit_s=60)


def stock(site: ConsoleSite, files: Sequence[Path] | None = None) -> None:
    """Fill the library from the sample scans."""
    with site.console.database.write() as session:
        for number, file in enumerate(files or sample_files()):
            label = LABELS[number % len(LABELS)]
            scan, alarm = read_scan(file), middle_alarm(file, label or "pistol")
            box = list(alarm.xyxy_px)
            stored = site.console.library.put(file.read_bytes())
            found = [{"id": "d0", "class": alarm.label, "score": 0.9, "xyxy_px": box}]
            session.add(
                PictureRow(
                    file=stored, scan_id=f"s{number}", parcel=stored, origin=Origin.RENDERED,
                    kind=scan.kind, width_px=scan.width_px, height_px=scan.height_px, pitch_mm=scan.pitch_mm,
                    label=label, design="one" if label in ("slide", "magazine") else label,
                    truths=[{"label": label, "design": label, "xyxy_px": box}] if label else [],
                    detections=found if label else [], view=0.3, superposition=0.3, clutter=0.3, difficulty=0.0,
                    answers=0, added_at=now(),
                )
            )  # fmt: skip


@contextmanager
def training_site(folder: Path, *, is_stocked: bool = True) -> Iterator[ConsoleSite]:
    """A running console with people and, where it is stocked, a library."""
    with console_site(folder) as site:
        site.person(TRAINER, "Teresa Núñez", Role.TRAINER)
        site.person(OFFICER, "Amina Hodžić", Role.OPERATOR)
        site.person(COLLEAGUE, "Luc Martin", Role.OPERATOR)
        site.person(SUPERVISOR, "Marc Duval", Role.SUPERVISOR)
        if is_stocked:
            stock(site)
        yield site


def who(site: ConsoleSite, login: str) -> Person:
    with site.console.read() as session:
        return person_of(require_row(session, login))


@contextmanager
def client_of(site: ConsoleSite, login: str) -> Iterator[Browser]:
    """Somebody who is signed in."""
    client = Browser(site.url, site.session(login))
    try:
        yield client
    finally:
        client.http.close()


def following(client: Browser, exercise: int) -> dict[str, Any]:
    """The picture that an exercise shows next, as the page is told."""
    answer = client.post(f"/api/tutor/exercises/{exercise}/next")
    assert answer.status_code == 200, answer.text
    item: dict[str, Any] = answer.json()["item"]
    return item


def enrolled(site: ConsoleSite, login: str, *steps: StepPlan, title: str = "Parts") -> tuple[int, list[StepRow]]:
    """Somebody in a new course: the enrolment's number, and its steps."""
    trainer, officer = who(site, TRAINER), who(site, login)
    with site.console.database.write() as session:
        course = create_course(session, trainer, CoursePlan(title=title, steps=steps))
        return enrol(session, trainer, course.id, officer.id).id, list(course.versions[0].steps)


def begun(site: ConsoleSite, login: str, enrolment: int, step: StepRow) -> int:
    """The number of an exercise."""
    with site.console.database.write() as session:
        return start(session, who(site, login), enrolment, step.id).id


def items(site: ConsoleSite, exercise: int) -> list[ItemRow]:
    with site.console.read() as session:
        rows = session.scalars(select(ItemRow).where(ItemRow.exercise_id == exercise).order_by(ItemRow.number))
        found = list(rows)
        for item in found:
            assert item.picture.id
        session.expunge_all()
        return found


def exercise_of(site: ConsoleSite, exercise: int) -> ExerciseRow:
    with site.console.read() as session:
        return session.get_one(ExerciseRow, exercise)
