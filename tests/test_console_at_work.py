"""The desk in a real browser: deciding, what gets lost, barcode scanners, marks, tabs, lanes that fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.procedure import load_procedure
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import MarkRow, ParcelRow, ParcelState
from parcelsight.screening.web.console import Settings
from tests.console_hands import (
    ALARM,
    DEADLINE_MS,
    OPERATOR,
    WEDGE,
    Keyboard,
    a_browser,
    arrive,
    at_state,
    decisions,
    has_picture,
    staffed_site,
    state_of,
)
from tests.console_site import ConsoleSite, console_site, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    with staffed_site(tmp_path_factory.mktemp("console")) as found:
        yield found


@pytest.fixture
def desk(site: ConsoleSite, browser: Browser) -> Iterator[Page]:
    """The operator's desk, with nothing waiting."""
    with site.console.write() as session:
        for parcel in session.scalars(select(ParcelRow)):
            parcel.state, parcel.leased_to, parcel.leased_until = ParcelState.RELEASED, None, None
    context = signed_in(browser, site, OPERATOR, viewport={"width": 1366, "height": 768})
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    page.goto("/desk")
    at_state(page, "waiting")
    yield page
    assert page.evaluate("problems") == []
    context.close()


def test_an_alarm_is_released_with_a_reason_and_the_next_parcel_is_there(desk: Page, site: ConsoleSite) -> None:
    first = arrive(site, ALARM, verdict=Verdict.ALARM)
    second = arrive(site)
    has_picture(desk)
    desk.wait_for_function("() => document.querySelectorAll('#waiting li').length === 1")
    Keyboard(desk).press("r", "9", "Escape", "r", "2")
    desk.wait_for_function("(id) => viewer.picture?.id.startsWith(`p${id}`)", arg=second)
    (row,) = decisions(site, first)
    assert (row.kind, row.reason, row.aid_shown) == ("release", "known_sender", True)
    assert desk.inner_text("#undo-what").startswith("Parcel")
    assert "seconds left" in desk.inner_text("#undo-left")


def test_a_decision_that_gets_lost_is_sent_again_and_counts_once(desk: Page, site: ConsoleSite) -> None:
    parcel = arrive(site)
    has_picture(desk)
    sent: list[str] = []

    def lose(route: Any) -> None:
        sent.append(route.request.post_data_json["request_id"])
        if len(sent) == 1:
            route.abort()  # never arrived
        elif len(sent) == 2:
            route.fetch()  # arrived, but the answer did not
            route.abort()
        else:
            route.continue_()

    desk.route("**/api/desk/decisions", lose)
    Keyboard(desk).press("h")
    desk.wait_for_selector("#lost:not([hidden])")
    assert "is not recorded yet" in desk.inner_text("#lost")
    at_state(desk, "waiting")
    desk.wait_for_selector("#lost", state="hidden")
    assert len(sent) == 3 and len(set(sent)) == 1
    assert [row.kind for row in decisions(site, parcel)] == ["hold"]


def test_a_barcode_scanner_decides_nothing(desk: Page, site: ConsoleSite) -> None:
    parcel = arrive(site, ALARM, verdict=Verdict.ALARM)
    has_picture(desk)
    before = desk.evaluate("viewer.state")
    desk.evaluate(WEDGE, "RR473124829DE")
    desk.wait_for_selector("#item-id-told[data-kind=good]")
    assert decisions(site, parcel) == []
    with site.console.read() as session:
        assert session.get_one(ParcelRow, parcel).item_id == "RR473124829DE"
    assert desk.evaluate("viewer.state") == before
    desk.evaluate(WEDGE, "RR473124828DE")
    desk.wait_for_selector("#item-id-told[data-kind=misread]")
    assert "Scan it again" in desk.inner_text("#item-id-told")
    desk.focus("#viewer")
    Keyboard(desk).press("r")
    desk.wait_for_selector("#reason-keys button:focus")
    assert desk.evaluate(WEDGE, "CP118220415FR"), "its Enter must not press the reason that has the focus"
    desk.wait_for_selector("#item-id-told[data-kind=good]")
    assert desk.input_value("#item-id") == "CP118220415FR"
    assert state_of(site, parcel) == "waiting" and decisions(site, parcel) == []


def test_what_was_missed_is_drawn_and_named(desk: Page, site: ConsoleSite) -> None:
    arrive(site)
    has_picture(desk)
    hands = Keyboard(desk).press("b")
    desk.focus("#viewer")
    hands.press("ArrowRight", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter")
    desk.wait_for_selector("#missed:not([hidden])")
    hands.choose("#missed-class", "rev").press("Enter") if False else hands.choose("#missed-class", "rev").at(
        "#missed [type=submit]"
    ).press("Enter")
    desk.wait_for_selector("#told:not([hidden])")
    with site.console.read() as session:
        mark = session.scalars(select(MarkRow).order_by(MarkRow.id.desc())).first()
    assert mark is not None and (mark.kind, mark.label) == ("missed", "revolver")


def test_two_tabs_share_no_parcels(desk: Page, site: ConsoleSite) -> None:
    other = desk.context.new_page()
    other.goto("/desk")
    at_state(other, "elsewhere")
    arrive(site)
    has_picture(desk)
    assert other.evaluate("document.getElementById('viewer').picture") is None
    other.focus("#take-over")
    other.keyboard.press("Enter")
    at_state(desk, "elsewhere")
    at_state(other, "decide")


def test_a_lane_that_is_not_screened_is_seen_from_across_the_room(desk: Page, site: ConsoleSite) -> None:
    site.lane("NOT_SCREENING", "source-silent")
    desk.wait_for_selector("body[data-stopped] #stopped:not([hidden])")
    told = desk.inner_text("#stopped")
    assert "NOT SCREENING" in told and "Nothing is heard from the scanner" in told and "Stop the belt" in told
    assert desk.evaluate("parseFloat(getComputedStyle(document.body, '::after').borderTopWidth)") >= 8
    site.lane("DEGRADED", "lines-lost")
    desk.wait_for_selector("#stopped[data-state=DEGRADED]")
    assert desk.locator("body[data-stopped]").count() == 0
    site.lane()
    desk.wait_for_selector("#stopped", state="hidden")


def test_a_break_gives_the_parcel_back_and_a_session_that_ended_locks(desk: Page, site: ConsoleSite) -> None:
    parcel = arrive(site)
    has_picture(desk)
    hands = Keyboard(desk).press("q")
    at_state(desk, "paused")
    desk.wait_for_function("() => document.querySelectorAll('#waiting li').length === 1")
    with site.console.read() as session:
        assert session.get_one(ParcelRow, parcel).leased_to is None
    hands.press("q")
    at_state(desk, "decide")
    desk.context.clear_cookies(name="parcelsight_session")
    hands.press("s")
    at_state(desk, "locked")
    assert decisions(site, parcel) == []
    assert desk.evaluate("document.activeElement.id") == "sign-in"


def test_help_comes_after_a_look_where_the_site_wants_it_so(browser: Browser, tmp_path: Path) -> None:
    procedure = load_procedure("two_officers").model_copy(update={"aid_after_s": 1.5})
    with console_site(tmp_path, Settings(procedure=procedure, has_lanes=True)) as site:
        site.person(OPERATOR, "Amina", Role.OPERATOR)
        parcel = arrive(site, ALARM, verdict=Verdict.ALARM)
        context = signed_in(browser, site, OPERATOR, viewport={"width": 1366, "height": 768})
        page = context.new_page()
        page.goto("/desk")
        at_state(page, "decide")
        assert page.is_visible("#aid-hidden") and page.is_hidden("#alarms")
        page.wait_for_selector("#alarms", state="visible")
        assert page.is_hidden("#aid-hidden") and page.evaluate("viewer.state.aid")
        assert "takes two officers" in page.inner_text("#choices")
        Keyboard(page).press("r", "1")
        at_state(page, "waiting")
        assert decisions(site, parcel)[0].aid_shown and state_of(site, parcel) == "second look"
        context.close()


def test_a_parcel_without_a_picture_says_so_and_can_be_decided(desk: Page, site: ConsoleSite) -> None:
    hands = Keyboard(desk).press("q")
    at_state(desk, "paused")
    parcel = arrive(site, item_id="RR473124829DE")
    with site.console.write() as session:
        scan = session.get_one(ParcelRow, parcel).scans[0]
        scan.file, scan.kind = None, "gone"
    hands.press("q")
    at_state(desk, "decide")
    desk.wait_for_selector("#told:not([hidden])")
    assert "RR473124829DE has no picture" in desk.inner_text("#told") and "back to the belt" in desk.inner_text("#told")
    hands.press("o")
    at_state(desk, "waiting")
    assert state_of(site, parcel) == "opening" and desk.is_hidden("#told")
