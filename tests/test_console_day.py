"""A whole working day at the console, by keyboard alone: from the first start to the exported table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.storage.tables import DecisionRow, MarkRow, OpeningRow
from tests.console_hands import (
    ALARM,
    DEADLINE_MS,
    Keyboard,
    a_browser,
    arrive,
    at_state,
    decisions,
    has_picture,
    state_of,
)
from tests.console_site import S10, console_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "seven quiet grey parcels"
OFFICERS = (("Amina Hodžić", "amina", "off"), ("Luc Martin", "luc", "off"), ("Marc Duval", "marc", "sup"))
"""Name, login name, first letters of the role."""


def accept(page: Page, link: str) -> None:
    hands = Keyboard(page)
    page.goto(link)
    hands.at("#password").type(PASSWORD).at("#password_again").type(PASSWORD)
    hands.follow("button.main", "/login")


def log_in(page: Page, login: str, lands: str) -> None:
    hands = Keyboard(page)
    page.goto("/login")
    hands.at("#login").type(login).at("#password").type(PASSWORD).follow("button.main", lands)


def log_out(page: Page) -> None:
    hands = Keyboard(page)
    if page.locator(".menu").count():
        hands.at(".menu summary").press("Enter")
    hands.follow(".leave button", "/login")


def test_a_working_day_by_keyboard(tmp_path: Path) -> None:
    with a_browser() as browser, console_site(tmp_path) as site:
        context = browser.new_context(base_url=site.url, viewport={"width": 1366, "height": 768}, accept_downloads=True)
        context.set_default_timeout(DEADLINE_MS)
        page = context.new_page()
        hands = Keyboard(page)

        page.goto(site.setup_path())
        hands.at("#login").type("ines").at("#name").type("Inés Ortega").at("#password").type(PASSWORD)
        hands.at("#password_again").type(PASSWORD).follow("button.main", "/people")
        links = [invite(page, *officer) for officer in OFFICERS]
        log_out(page)
        for link in links:
            accept(page, link)

        log_in(page, "amina", "/desk")
        at_state(page, "waiting")
        assert "appears here" in page.inner_text(".over:visible")
        site.lane()
        page.wait_for_selector("#lane-state[data-state=SCREENING]")
        first = arrive(site, ALARM, verdict=Verdict.ALARM, item_id=S10[0])
        at_state(page, "decide")
        has_picture(page)
        assert "pistol" in page.inner_text("#alarms") and "very likely" in page.inner_text("#alarms")
        hands.press("2", "3", "z", "y")
        assert page.evaluate("viewer.state.grey && viewer.state.negative && viewer.state.zoom > 1")
        hands.press("Home").press("c").type("looks like a drill").press("Enter")
        hands.press("r")
        page.wait_for_selector("#reason-keys button")
        hands.press("1")
        page.wait_for_selector("#undo:not([hidden])")
        assert state_of(site, first) == "released"
        hands.press("x")
        at_state(page, "decide")
        assert [row.undone_at is not None for row in decisions(site, first)] == [True]
        hands.press("s")
        at_state(page, "waiting")
        assert state_of(site, first) == "second look"
        log_out(page)

        log_in(page, "luc", "/desk")
        at_state(page, "decide")
        assert "Amina Hodžić" in page.inner_text("#second-look")
        hands.press("o")
        page.wait_for_selector("#undo:not([hidden])")
        hands.at(".menu summary").press("Enter").follow("a[href='/openings']", "/openings")
        assert S10[0] in page.inner_text("main")
        hands.at("button.add").press("Enter").at("[name=type]").type("9 mm").at("button.save").press("Enter")
        page.wait_for_selector("#told:not([hidden])")
        assert state_of(site, first) == "done"
        log_out(page)

        log_in(page, "marc", "/supervisor")
        assert "1 parcels were opened, something was found in 1" in page.inner_text("main")
        hands.at("a[href^='/supervisor/openings.csv']")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert "9 mm" in Path(download.value.path()).read_text("utf-8")
        log_out(page)
        with site.console.read() as session:
            assert [mark.kind for mark in session.scalars(select(MarkRow))] == ["right"]
            assert [row.found[0]["type"] for row in session.scalars(select(OpeningRow))] == ["9 mm"]
            notes = session.scalars(select(DecisionRow.note).order_by(DecisionRow.id)).all()
        assert notes[0] == "looks like a drill"
        context.close()


def invite(page: Page, name: str, login: str, role: str) -> str:
    hands = Keyboard(page)
    hands.at("#name").type(name).at("#login").type(login).choose("#role", role)
    hands.follow("main form:has(#role) button.main", "/people")
    return page.input_value("#link")
