"""Parcels of two views in exercises: both are seen, a click counts in either, and a parcel is one parcel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from sqlalchemy import text

from parcelsight.detector.errors import UsageError
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import _config, upgrade
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.courses import StepPlan
from parcelsight.screening.tutor.exercises import Shown
from parcelsight.screening.tutor.tables import ItemRow, Outcome, PictureRow
from parcelsight.screening.tutor.views import companions, parcel_key
from parcelsight.screening.web.tutor.aligned import moved, rows_apart
from tests.databases import KINDS
from tests.tutor_site import BOX, EXAMINATION, INSIDE, OUTSIDE, STUDY, Site, open_site

SIDE_BOX, IN_SIDE = [100.0, 60.0, 130.0, 80.0], (115.0, 70.0)
SLIDES = STUDY.model_copy(update={"labels": ("slide",), "threat_share": 1.0, "pictures": 5})


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = open_site(request.param, request, tmp_path)
    yield made
    made.database.close()


def parcel(site: Site, number: int, top: str = "slide", side: str = "slide", **more: float) -> tuple[int, int]:
    """A parcel of two views: its top view is the easier one."""
    key = parcel_key(f"p{number}_top", "set", "")
    found = [
        site.picture(10 * number + at, label, **named(f"p{number}_{view}", key, float(at)) | more)
        for at, (view, label) in enumerate((("top", top), ("side", side)))
    ]
    with site.database.write() as session:
        row = session.get_one(PictureRow, found[1])
        row.truths = [{"label": side, "design": row.design, "xyxy_px": SIDE_BOX}] if side else []
    return found[0], found[1]


def named(scan_id: str, key: str, difficulty: float) -> dict[str, Any]:
    return {"scan_id": scan_id, "parcel": key, "difficulty": difficulty}


def begun(site: Site, step: StepPlan = SLIDES) -> int:
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, step)
    return site.begin(officer, enrolment, steps[0])


def seen(site: Site, exercise: int) -> Shown:
    shown = site.see(site.officers[0], exercise)
    assert shown is not None
    return shown


def test_both_views_are_on_the_screen(site: Site) -> None:
    parcel(site, 1)
    exercise = begun(site)
    shown = seen(site, exercise)
    assert [view.name for view in shown.views] == ["top", "side"]
    assert len({view.file for view in shown.views}) == 2
    assert seen(site, exercise) == shown  # interrupted, and taken up again
    site.picture(900, "slide")
    assert seen(site, exercise) == shown


CLICKS = {
    "in the top view": ("top", INSIDE, True),
    "in the side view": ("side", IN_SIDE, True),
    "beside it in the side view": ("side", INSIDE, False),
    "where it is in the other view": ("top", IN_SIDE, False),
    "of a page that knows of one view": ("", INSIDE, True),
}


@pytest.mark.parametrize("case", CLICKS)
def test_a_click_counts_in_its_own_view(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    site = open_site("sqlite", request, tmp_path)
    parcel(site, 1)
    view, at, is_hit = CLICKS[case]
    exercise = begun(site)
    said = replace(site.threat(at), view=view)
    told = site.say(site.officers[0], seen(site, exercise).item_id, said)
    assert told is not None and (told.outcome is Outcome.HIT) is is_hit
    assert (told.click_px, told.click_view) == (at, view or "top")
    assert [(truth.view, truth.xyxy_px) for truth in told.truths] == [("top", BOX), ("side", tuple(SIDE_BOX))]
    assert site.say(site.officers[0], told.item_id, said) == told  # sent again
    site.database.close()


def test_a_click_in_no_view_is_no_answer(site: Site) -> None:
    parcel(site, 1)
    site.picture(900, "bolt")
    officer, exercise = site.officers[0], begun(site)
    item = seen(site, exercise).item_id
    with pytest.raises(UsageError, match="in no view of this parcel"):
        site.say(officer, item, replace(site.threat(), view="single"))
    assert site.items(exercise)[0].outcome == Outcome.OPEN
    assert site.say(officer, item, replace(site.threat(OUTSIDE), view="side")) is not None


def test_a_threat_that_one_view_hides_is_a_threat(site: Site) -> None:
    top, side = parcel(site, 1, side="")
    site.picture(900, "", parcel="alone")
    exercise = begun(site, SLIDES.model_copy(update={"threat_share": 0.5, "pictures": 30}))
    for _ in range(30):
        shown = seen(site, exercise)
        site.say(site.officers[0], shown.item_id, site.harmless())
    items = site.items(exercise)
    assert side not in {item.picture_id for item in items}  # never shown as a harmless parcel
    assert all(item.beside == ([side] if item.picture_id == top else []) for item in items)
    assert {item.outcome for item in items} == {Outcome.MISS, Outcome.REJECTION}


def test_a_parcel_seen_is_seen_in_all_its_views(site: Site) -> None:
    """Neither view comes again while there are parcels that were not seen."""
    tops = {parcel(site, number, difficulty=0.0)[0] for number in range(5)}
    exercise = begun(site)
    for _ in range(5):
        site.say(site.officers[0], seen(site, exercise).item_id, site.threat())
    assert {item.picture_id for item in site.items(exercise)} == tops
    harmless = [parcel(site, number, top="", side="") for number in range(10, 14)]
    exercise = begun(site, SLIDES.model_copy(update={"threat_share": 0.01, "pictures": 4}))
    for _ in range(4):
        site.say(site.officers[0], seen(site, exercise).item_id, site.harmless())
    shown = {item.picture_id for item in site.items(exercise)}
    assert all(len(shown & set(views)) == 1 for views in harmless)


def test_an_examination_shows_both_and_tells_at_the_end(site: Site) -> None:
    for number in range(3):
        parcel(site, number)
    exercise = begun(site, EXAMINATION.model_copy(update={"labels": ("slide",), "threat_share": 1.0, "pictures": 3}))
    for _ in range(3):
        shown = seen(site, exercise)
        assert len(shown.views) == 2
        assert site.say(site.officers[0], shown.item_id, replace(site.threat(IN_SIDE), view="side")) is None
    assert {item.outcome for item in site.items(exercise)} == {Outcome.HIT}


def test_the_aid_shows_views_that_have_its_word(site: Site) -> None:
    alarm = {"id": "d1", "xyxy_px": [20, 30, 60, 50], "score": 0.9, "class": "slide"}
    _, side = parcel(site, 1)
    with site.database.write() as session:
        for row in session.query(PictureRow):
            row.detections = [alarm]
    (one, other) = seen(site, begun(site, SLIDES.model_copy(update={"aid": True}))).views
    assert one.detections == other.detections == (alarm,)
    with site.database.write() as session:
        session.get_one(PictureRow, side).detections = None
    assert [view.name for view in seen(site, begun(site, SLIDES.model_copy(update={"aid": True}))).views] == ["single"]
    assert [view.detections for view in seen(site, begun(site)).views] == [(), ()]


def test_a_view_whose_file_is_gone_is_left_out(site: Site) -> None:
    _, side = parcel(site, 1)
    exercise = begun(site)
    shown = seen(site, exercise)
    site.store.remove(shown.views[1].file)
    again = seen(site, exercise)
    assert (again.item_id, [view.name for view in again.views]) == (shown.item_id, ["single"])
    with site.database.read() as session:
        assert session.get_one(PictureRow, side).retired_at is not None
    told = site.say(site.officers[0], again.item_id, replace(site.threat(), view="single"))
    assert told is not None and told.outcome is Outcome.HIT and told.click_view == "single"


def test_which_pictures_belong_together(site: Site) -> None:
    top, side = parcel(site, 1)
    with site.database.write() as session:
        rows = {row.id: row for row in session.query(PictureRow)}
        assert [row.id for row in companions(session, rows[top])] == [side]
        assert [row.id for row in companions(session, rows[side])] == [top]
        rows[side].retired_at = now()
        session.flush()
        assert companions(session, rows[top]) == []
        rows[side].retired_at, rows[side].kind = None, "grey"
        session.flush()
        assert companions(session, rows[top]) == []  # of another scanner
        rows[side].kind, rows[side].scan_id = rows[top].kind, "p1_top"
        session.flush()
        assert companions(session, rows[top]) == []  # nobody knows which is which
    assert parcel_key("s1-4_top", "a", "x") == parcel_key("s1-4_side", "a", "y") != parcel_key("s1-4_side", "b", "y")
    for alone in ("s1-4", "holiday_photo", "_top", "s1-4_top-00003"):
        assert parcel_key(alone, "a", "file") == "file"


def test_an_older_library_is_taken_over(tmp_path: Path) -> None:
    """Views find each other by name; names that two data sets share tell nothing."""
    database = Database(str(tmp_path / "console.db"))
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for number, name in enumerate(("a_top", "a_side", "b_top", "b_side", "b_top", "c")):
            connection.execute(
                text(
                    "INSERT INTO tutor_picture (file, scan_id, origin, kind, width_px, height_px, label, design,"
                    " truths, view, superposition, clutter, difficulty, answers, added_at) VALUES"
                    " (:file, :name, 'rendered', 'grey', 9, 9, '', '', '[]', 0, 0, 0, 0, 0, '2026-01-01 00:00:00')"
                ),
                {"file": f"file{number}", "name": name},
            )
    upgrade(database)
    with database.read() as session:
        parcels = [row.parcel for row in session.query(PictureRow).order_by(PictureRow.id)]
        assert session.query(ItemRow).count() == 0
    assert parcels == ["a", "a", "file2", "file3", "file4", "file5"]
    database.close()


ROWS = np.random.default_rng(3).random(200).cumsum() % 7
APART = {
    "alike": (ROWS, ROWS, 0),
    "begins later": (ROWS, ROWS[30:], 30),
    "begins earlier": (ROWS[25:], ROWS, -25),
    "cut at both ends": (ROWS[:170], ROWS[20:], 20),
    "another view of it": (ROWS, ROWS[12:180] * 0.6 + np.random.default_rng(4).random(168), 12),
    "nothing in common": (ROWS, np.random.default_rng(5).random(190), 0),
    "empty": (np.zeros(50), np.zeros(60), 0),
}


@pytest.mark.parametrize("case", APART)
def test_how_far_pictures_are_apart(case: str) -> None:
    first, second, expected = APART[case]
    assert rows_apart(first, second) == expected
    assert moved([1, 2, 3, 4], expected) == [1, 2 + expected, 3, 4 + expected]
    assert json.dumps(moved((1.5, 2.5), expected))
