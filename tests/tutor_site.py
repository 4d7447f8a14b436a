"""A site with a training library, a trainer and officers, for tests of operator training."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from parcelsight.screening.people.accounts import Person, create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.adaptive import hit_chance
from parcelsight.screening.tutor.answers import Feedback, Said, answer
from parcelsight.screening.tutor.clocks import Clock
from parcelsight.screening.tutor.courses import CoursePlan, StepPlan, create_course, enrol
from parcelsight.screening.tutor.exercises import Shown, next_picture, start
from parcelsight.screening.tutor.factors import Factors
from parcelsight.screening.tutor.tables import (
    EnrolmentRow,
    ExerciseRow,
    ItemRow,
    Mode,
    Origin,
    PictureRow,
    StepRow,
)

BOX = (20.0, 30.0, 60.0, 50.0)
INSIDE, OUTSIDE = (40.0, 40.0), (150.0, 90.0)


@dataclass
class FakeSeconds:
    """A monotonic clock that a test moves."""

    value: float = 1000.0

    def __call__(self) -> float:
        return self.value


class Site:
    """A database with people and a library."""

    def __init__(self, database: Database, folder: Path) -> None:
        upgrade(database)
        self.database, self.store = database, PictureStore(folder / "library")
        self.seconds = FakeSeconds()
        self.clock = Clock(seconds=self.seconds)
        self._requests = count(1)
        with database.write() as session:
            self.trainer = create_person(session, "system", "teacher", "The trainer", Role.TRAINER, None)
            self.other = create_person(session, "system", "teacher2", "Another trainer", Role.TRAINER, None)
            self.officers = [
                create_person(session, "system", f"officer{n}", f"Officer {n}", Role.OPERATOR, None) for n in range(6)
            ]

    def picture(self, number: int, label: str = "slide", harder: float = 0.0, **more: Any) -> int:
        """A picture of the library; its pixels are of no matter here."""
        content = f"picture {number} of {label}".encode()
        rng = random.Random(number)
        factors = Factors(rng.random() * 0.6, rng.random() * 0.6, rng.random() * 0.6)
        design = f"{label}/{number % 7}" if label else ""
        file = self.store.put(content)
        row = PictureRow(
            file=file, scan_id=f"s{number}", parcel=file, origin=Origin.RENDERED, kind="dual-energy",
            width_px=200, height_px=100, pitch_mm=1.0, label=label, design=design,
            truths=[{"label": label, "design": design, "xyxy_px": list(BOX)}] if label else [],
            detections=None, view=factors.view, superposition=factors.superposition, clutter=factors.clutter,
            difficulty=factors.difficulty + harder, answers=0, added_at=now(),
        )  # fmt: skip
        for name, value in more.items():
            setattr(row, name, value)
        with self.database.write() as session:
            session.add(row)
            session.flush()
            return row.id

    def stock(self, each: int = 12, labels: tuple[str, ...] = ("slide", "bolt", "")) -> None:
        """Pictures of every difficulty."""
        for index, label in enumerate(labels):
            for number in range(each):
                self.picture(1000 * index + number, label, harder=-2 + 5 * number / each)

    def enrol(self, officer: Person, *steps: StepPlan) -> tuple[EnrolmentRow, list[StepRow]]:
        """In a new course of these steps."""
        with self.database.write() as session:
            course = create_course(session, self.trainer, CoursePlan(title="Parts", steps=steps))
            return enrol(session, self.trainer, course.id, officer.id), course.versions[0].steps

    def begin(self, officer: Person, enrolment: EnrolmentRow, step: StepRow) -> int:
        with self.database.write() as session:
            return start(session, officer, enrolment.id, step.id).id

    def draw_alike(self, exercise: int, seed: str) -> None:
        """Let an exercise show the same pictures each time, where a test is about what chance does not decide."""
        with self.database.write() as session:
            session.get_one(ExerciseRow, exercise).seed = seed

    def see(self, officer: Person, exercise: int, clock: Clock | None = None) -> Shown | None:
        with self.database.write() as session:
            return next_picture(session, officer, exercise, clock or self.clock, self.store)

    def say(self, officer: Person, item: int, said: Said, clock: Clock | None = None) -> Feedback | None:
        with self.database.write() as session:
            return answer(session, officer, item, said, clock or self.clock)

    def label_of(self, item: int) -> str:
        with self.database.read() as session:
            return session.get_one(ItemRow, item).picture.label

    def items(self, exercise: int) -> list[ItemRow]:
        with self.database.read() as session:
            rows = session.scalars(select(ItemRow).where(ItemRow.exercise_id == exercise).order_by(ItemRow.number))
            return list(rows)

    def request(self) -> str:
        return f"r{next(self._requests)}"

    def threat(self, at: tuple[float, float] = INSIDE, confidence: int = 5, took_ms: int = 0) -> Said:
        """An answer: there it is."""
        return Said(self.request(), True, at, confidence, took_ms)

    def harmless(self, confidence: int = 4, took_ms: int = 0) -> Said:
        """An answer: there is nothing."""
        return Said(self.request(), False, None, confidence, took_ms)


@dataclass
class Simulated:
    """Somebody who takes exercises, with a known ability and readiness to see threats everywhere."""

    site: Site
    officer: Person
    ability: float = 0.5
    false_alarms: float = 0.2
    took_s: float = 4.0
    rng: random.Random = field(default_factory=lambda: random.Random(11))

    def take(self, exercise: int) -> None:
        """To its end."""
        while (shown := self.site.see(self.officer, exercise)) is not None:
            self.site.seconds.value += self.took_s
            self.site.say(self.officer, shown.item_id, self._said(shown))

    def _said(self, shown: Shown) -> Said:
        with self.site.database.read() as session:
            item = session.get_one(ItemRow, shown.item_id)
            label, difficulty = item.picture.label, item.difficulty
        chance = float(hit_chance(self.ability, difficulty)) if label else self.false_alarms
        took_ms, confidence = int(1000 * self.took_s), self.rng.randint(1, 6)
        if self.rng.random() < chance:
            return self.site.threat(confidence=confidence, took_ms=took_ms)
        return self.site.harmless(confidence=confidence, took_ms=took_ms)


def open_site(kind: str, request: pytest.FixtureRequest, folder: Path) -> Site:
    """A site on a new database of a kind."""
    url = str(folder / "console.db")
    if kind == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        url = make()
    return Site(Database(url), folder)


STUDY = StepPlan(title="Study", mode=Mode.STUDY, labels=("slide", "bolt"), pictures=6, threat_share=0.6)
BELT = StepPlan(title="Belt", mode=Mode.BELT, labels=("slide", "bolt"), pictures=6, limit_s=10)
EXAMINATION = StepPlan(title="Examination", mode=Mode.EXAMINATION, labels=("slide", "bolt"), pictures=6, limit_s=10)
