"""Parcels of two views over HTTP and in a real browser: seen row by row beside each other, answered in either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import select

from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.screening.tutor.tables import ItemRow, Outcome, PictureRow
from parcelsight.screening.tutor.views import views_of
from parcelsight.screening.viewer_format import Picture, unpack
from tests.console_hands import a_browser
from tests.console_hands import at_state as at
from tests.console_parts import Browser as Client
from tests.console_site import ConsoleSite
from tests.test_console_pages import problems_of
from tests.tutor_console import (
    EXAMINATION,
    OFFICER,
    STUDY,
    begun,
    client_of,
    enrolled,
    following,
    items,
    training_site,
)
from tests.tutor_hands import in_window, learnt, opened, shown_item, step_to, sure
from tests.two_views import CUT_PX, import_two_views

if TYPE_CHECKING:
    from playwright.sync_api import Browser

THREATS = STUDY.model_copy(update={"threat_share": 1.0, "labels": ("pistol", "slide")})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsoleSite]:
    with training_site(tmp_path, is_stocked=False) as found:
        import_two_views(found, tmp_path / "made", ("pistol", "slide", "pistol", "slide", "", ""))
        yield found


@pytest.fixture
def officer(site: ConsoleSite) -> Iterator[Client]:
    with client_of(site, OFFICER) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


def answered(client: Client, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"request_id": f"request-{item['id']}", "is_threat": False, "confidence": 4, "took_ms": 900} | more
    answer = client.post(f"/api/tutor/items/{item['id']}/answer", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def middle(site: ConsoleSite, number: int, view: str) -> tuple[float, float] | None:
    """The middle of a threat where the screen shows it; None in a harmless parcel."""
    with site.console.read() as session:
        views = {one.name: one.picture.truths for one in views_of(session, session.get_one(ItemRow, number))}
    if not views[view]:
        return None
    x0, y0, x1, y1 = views[view][0]["xyxy_px"]
    return (x0 + x1) / 2, (y0 + y1) / 2 + (CUT_PX if view == "side" else 0)


def start(site: ConsoleSite, step: Any = THREATS) -> int:
    enrolment, steps = enrolled(site, OFFICER, step)
    return begun(site, OFFICER, enrolment, steps[0])


def test_the_views_stand_row_by_row_beside_each_other(site: ConsoleSite, officer: Client) -> None:
    item = following(officer, start(site))
    shown: Picture = unpack(officer.get(item["pixels_url"]).content, "picture")
    assert [view.name for view in shown.header.views] == ["top", "side"]
    top, side = shown.pixels
    assert top.shape == side.shape
    assert (side[:CUT_PX] == AIR_LEVEL).all()
    np.testing.assert_array_equal(side[CUT_PX:], top[CUT_PX:, ::-1])


@pytest.mark.parametrize("view", ["top", "side"])
def test_an_answer_in_either_view(site: ConsoleSite, officer: Client, view: str) -> None:
    exercise = start(site)
    item = following(officer, exercise)
    assert set(item) == {"id", "number", "of", "left_s", "alarms", "pixels_url"} and item["alarms"] == []
    assert officer.get(f"/api/tutor/items/{item['id']}/whole.png").status_code == 404
    at = middle(site, item["id"], view)
    assert at is not None
    told = answered(officer, item, is_threat=True, click_px=at, view=view)
    assert (told["outcome"], told["click_px"], told["click_view"]) == ("hit", list(at), view)
    places = {truth["view"]: truth["xyxy_px"] for truth in told["truths"]}
    assert set(places) == {"top", "side"}
    for name, (x0, y0, x1, y1) in places.items():
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == middle(site, item["id"], name)
    assert answered(officer, item, is_threat=True, click_px=at, view=view) == told  # a double click
    assert officer.get(f"/api/tutor/items/{item['id']}/whole.png").content[:4] == b"\x89PNG"
    assert following(officer, exercise)["number"] == 2


def test_a_click_in_the_wrong_view_finds_nothing(site: ConsoleSite, officer: Client) -> None:
    item = following(officer, start(site))
    told = answered(officer, item, is_threat=True, click_px=[1, 1], view="side")
    assert (told["outcome"], told["click_view"], len(told["truths"])) == ("miss", "side", 2)
    item = following(officer, begun_again(site))
    body = {"request_id": "somewhere", "is_threat": True, "click_px": [1, 1], "view": "below", "confidence": 3}
    refused = officer.post(f"/api/tutor/items/{item['id']}/answer", body)
    assert refused.status_code == 400 and "in no view of this parcel" in refused.json()["error"]


def begun_again(site: ConsoleSite) -> int:
    """The exercise that is running."""
    with site.console.read() as session:
        return session.scalars(select(ItemRow.exercise_id).order_by(ItemRow.id.desc())).first() or 0


def test_an_examination_tells_nothing_of_either_view(site: ConsoleSite, officer: Client) -> None:
    exercise = start(site, EXAMINATION.model_copy(update={"labels": ("pistol", "slide")}))
    while (item := following(officer, exercise)) is not None:
        assert officer.get(item["pixels_url"]).status_code == 200
        assert answered(officer, item)["outcome"] is None
    shots = [officer.get(f"/api/tutor/items/{one.id}/whole.png").status_code for one in items(site, exercise)]
    assert shots == [200] * 4


def test_a_damaged_view_is_left_out(site: ConsoleSite, officer: Client) -> None:
    exercise = start(site)
    item = following(officer, exercise)
    with site.console.read() as session:
        (beside,) = session.get_one(ItemRow, item["id"]).beside
        file = session.get_one(PictureRow, beside).file
    site.console.library.path(file).write_bytes(b"something else")
    shown = unpack(officer.get(item["pixels_url"]).content, "picture")
    assert [view.name for view in shown.header.views] == ["single"]
    assert following(officer, exercise)["id"] == item["id"]
    with site.console.read() as session:
        assert session.get_one(PictureRow, beside).retired_at is not None
    with site.console.read() as session:
        x0, y0, x1, y1 = session.get_one(ItemRow, item["id"]).picture.truths[0]["xyxy_px"]
    at = [(x0 + x1) / 2, (y0 + y1) / 2]
    told = answered(officer, item, is_threat=True, click_px=at, view="single")
    assert (told["outcome"], told["click_view"], len(told["truths"])) == ("hit", "single", 1)


def test_in_a_browser_by_hand_and_by_keys(site: ConsoleSite, browser: Browser) -> None:
    exercise = start(site)
    page = opened(browser, site, OFFICER)
    page.goto(f"/tutor/exercises/{exercise}")
    page.keyboard.press("Enter")
    at(page, "decide")
    assert page.evaluate("viewer.desk.views.map(({name}) => name)") == ["top", "side"]
    assert page.evaluate("viewer.alarms.length") == 0
    number = shown_item(page)
    place = middle(site, number, "side")
    assert place is not None
    x, y = in_window(page, ("side", *place))
    page.mouse.move(x, y)
    # The pointer's row is drawn in the other view, as at the desk: there the threat is at the same place of the belt.
    page.wait_for_function("() => viewer.desk.hover?.view === 1")
    assert page.evaluate("viewer.desk.hover.point.y") == pytest.approx(place[1], abs=2)
    other = middle(site, number, "top")
    assert other is not None and other[1] == pytest.approx(place[1], abs=1)
    page.mouse.click(x, y)
    learnt(page)
    assert page.get_attribute("#lesson", "data-outcome") == "hit"
    assert sorted(page.evaluate("viewer.alarms.map(({view}) => viewer.desk.views[view].name)")) == ["side", "top"]
    assert page.evaluate("viewer.marks.map(({view}) => view)") == ["side"]
    assert problems_of(page) == []
    assert items(site, exercise)[0].click_view in ("side", "")

    page.keyboard.press("Enter")
    at(page, "decide")
    page.wait_for_function("(number) => viewer.picture?.id !== `t${number}`", arg=number)
    place = middle(site, shown_item(page), "side")
    assert place is not None
    page.evaluate("viewer.run('inspect')")
    step_to(page, ("side", *place))  # the cross goes past the top view's edge into the side view
    page.keyboard.press("o")
    learnt(page)
    assert [one.outcome for one in items(site, exercise)] == [Outcome.HIT, Outcome.HIT]
    page.goto(f"/tutor/exercises/{exercise}/review")
    assert page.locator(".shots li img").count() == 2
    assert page.evaluate("window.problems") == []
    page.context.close()


def test_an_interrupted_parcel_comes_back_with_both_views(site: ConsoleSite, browser: Browser) -> None:
    exercise = start(site)
    page = opened(browser, site, OFFICER)
    other = page.context.new_page()
    numbers = []
    for one in (page, other):
        one.goto(f"/tutor/exercises/{exercise}")
        one.keyboard.press("Enter")
        at(one, "decide")
        numbers.append(shown_item(one))
        assert one.evaluate("viewer.desk.views.length") == 2
    assert numbers[0] == numbers[1]
    page.reload()
    page.keyboard.press("Enter")
    at(page, "decide")
    assert shown_item(page) == numbers[0] and page.evaluate("viewer.desk.views.length") == 2
    page.keyboard.press("r")
    learnt(page)
    assert page.get_attribute("#lesson", "data-outcome") == "miss"
    assert page.evaluate("viewer.alarms.length") == 2
    other.keyboard.press("r")
    sure(other, "3")
    other.wait_for_selector("#told:visible")  # answered already in the other tab
    assert [one.outcome for one in items(site, exercise)][0] == Outcome.MISS
    page.context.close()
