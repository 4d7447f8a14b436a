"""Projected threats in a real browser: hit, miss and stop at the desk, and the supervisor's page; the X-ray manual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.tip_counts import LABELS
from benchmarks.tip_site import TipSite, plain_parcel
from parcelsight.screening.follow.intake import Intake
from parcelsight.screening.follow.link import Service as Lane
from parcelsight.screening.people.accounts import person_of, require_row
from parcelsight.screening.tutor import tip_settings
from parcelsight.screening.tutor.manual import FOLDER, SECTIONS, chapters
from parcelsight.screening.tutor.tip import TipPolicy
from parcelsight.screening.tutor.tip_desk import open_projection
from parcelsight.screening.tutor.tip_settings import TipSettings
from tests.console_hands import OPERATOR, SUPERVISOR, a_browser, at_state, has_picture, staffed_site, state_of
from tests.console_site import ConsoleSite, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST = 60
PATIENCE_MS = 180_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    with staffed_site(tmp_path_factory.mktemp("tip")) as found:
        yield found


@pytest.fixture
def lane(site: ConsoleSite) -> TipSite:
    """Projecting at the highest rate."""
    console = site.console
    with console.database.write() as session:
        officer, supervisor = (person_of(require_row(session, login)) for login in (OPERATOR, SUPERVISOR))
        tip_settings.change(session, supervisor, TipSettings(TipPolicy(0.2, dict.fromkeys(LABELS, 1.0))))
    console.projection_changed()
    service = Lane("http://127.0.0.1:9", "tip")
    intake = Intake(console.database, console.pictures, service, console.training(None))
    return TipSite(console, intake, officer, supervisor, intake.place("ledger").number)


def carrying(lane: TipSite, page: Page) -> int:
    """The one parcel that waits, and it carries a projection; those that carry none are released by hand."""
    for _ in range(MOST):
        parcel = lane.arrive(plain_parcel(np.random.default_rng(lane.number)))
        page.wait_for_function("() => document.body.dataset.state === 'decide'")
        has_picture(page)
        with lane.console.read() as session:
            if open_projection(session, parcel) is not None:
                return parcel
        page.keyboard.press("r")
        at_state(page, "waiting")
    raise AssertionError("no parcel carried a projection")


def patient(browser: Browser, site: ConsoleSite, login: str) -> Page:
    """A page that waits as long as a busy machine takes."""
    context = signed_in(browser, site, login, viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE_MS)
    found: Page = context.new_page()
    return found


def desk(browser: Browser, site: ConsoleSite) -> Page:
    page: Page = patient(browser, site, OPERATOR)
    page.goto("/desk")
    at_state(page, "waiting")
    return page


def test_hit_miss_and_stop_are_told_at_once(site: ConsoleSite, lane: TipSite, browser: Browser) -> None:
    page = desk(browser, site)
    parcel = carrying(lane, page)
    page.keyboard.press("s")
    page.wait_for_selector("#projected[data-outcome='hit']:not([hidden])")
    assert "Well seen" in page.inner_text("#projected") and page.locator("#projected img").count() == 1
    assert state_of(site, parcel) == "waiting"
    page.keyboard.press("r")
    page.wait_for_selector("#projected", state="hidden")
    at_state(page, "waiting")
    assert state_of(site, parcel) == "released"

    parcel = carrying(lane, page)
    page.keyboard.press("r")
    page.wait_for_selector("#projected[data-outcome='miss']:not([hidden])")
    assert state_of(site, parcel) == "waiting" and page.evaluate("document.body.dataset.state") == "decide"
    page.keyboard.press("r")
    at_state(page, "waiting")

    parcel = carrying(lane, page)
    supervisor = patient(browser, site, SUPERVISOR)
    supervisor.goto("/supervisor/tip")
    supervisor.keyboard.press("s")
    page.wait_for_selector("#projected[data-outcome='abandoned']:not([hidden])")
    supervisor.wait_for_selector("#tip-start")
    assert "STOPPED" in supervisor.inner_text(".tip-state")
    page.keyboard.press("r")
    at_state(page, "waiting")
    assert state_of(site, parcel) == "released"
    for one in (page, supervisor):
        assert one.evaluate("window.problems ?? []") == []
        one.context.close()


def test_the_manual_is_browsed_and_printed(site: ConsoleSite, browser: Browser) -> None:
    page = patient(browser, site, OPERATOR)
    context = page.context
    page.goto("/tutor/manual")
    assert page.locator(".classes a").count() == 12
    page.click("a[href='/tutor/manual/revolver']")
    assert page.inner_text("h1").lower() == "revolver"
    page.locator("img").last.scroll_into_view_if_needed()
    page.wait_for_function("() => [...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    content = context.request.get("/tutor/manual.pdf").body()
    assert content.startswith(b"%PDF-") and content.count(b"/Type /Page\n") == 2 + 1 + 24
    site.speak(OPERATOR, "ar")
    page.goto("/tutor/manual/revolver")
    assert page.evaluate("document.dir || document.documentElement.dir") == "rtl"
    assert context.request.get("/tutor/manual.pdf").body() != content
    site.speak(OPERATOR, "en")
    context.close()


def test_the_pictures_of_a_class_are_complete() -> None:
    rendered = [chapter for chapter in chapters() if chapter.portrait is not None]
    assert len(rendered) == 12, "render the others: python -m benchmarks.manual_pictures"
    for chapter in rendered:
        # A silencer is a part itself, shown beside a barrel; everything else is shown at least twice.
        assert all(len(chapter.sections[section]) >= (1 if section == "parts" else 2) for section in SECTIONS)
        assert all(one.path.is_file() for shown in chapter.sections.values() for one in shown)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 6_000_000
