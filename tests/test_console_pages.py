"""Every page of the console in a real browser: accessible in every language and theme, and fitting both screens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import ParcelRow, ParcelState
from parcelsight.screening.web.language import LANGUAGES
from tests.console_hands import (
    ADMIN,
    ALARM,
    OPERATOR,
    SUPERVISOR,
    Keyboard,
    a_browser,
    arrive,
    has_picture,
    staffed_site,
)
from tests.console_site import S10, ConsoleSite, console_site, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = ((1366, 768), (1920, 1080))
LEAST_PX = 16
PAGES = {
    OPERATOR: ("/desk", "/openings", "/me", "/help", "/people", "/tutor/manual", "/tutor/manual/pistol"),
    SUPERVISOR: ("/parcels", "/parcels/1", "/supervisor", "/supervisor/classes", "/supervisor/tip", "/audit"),
    ADMIN: ("/people",),
    "": ("/login",),
}
_AXE = """async () => {
  const wanted = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, {runOnly: wanted});
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""
_SMALL_TEXT = """(least) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const small = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !parent.checkVisibility() || parent.closest("script, .told-number")) continue;
    if (parseFloat(getComputedStyle(parent).fontSize) < least) small.push(text);
  }
  return small;
}"""
_OVERFLOW = """() => {
  const root = document.scrollingElement;
  const parts = [...document.querySelectorAll("header *, .queue, .panel, .choices button, xray-toolbar")];
  const outside = parts.filter((part) => {
    const {left, right, bottom} = part.getBoundingClientRect();
    return part.checkVisibility() && (right > innerWidth + 1 || left < -1 || bottom > innerHeight + 1);
  });
  const scrolls = [root.scrollWidth > root.clientWidth, root.scrollHeight > root.clientHeight];
  return [...scrolls, outside.map((part) => part.outerHTML.slice(0, 80))];
}"""


_IN_REACH = """() => {
  const cut = (part, by) => {
    const {top, bottom, left, right} = part.getBoundingClientRect(), frame = by.getBoundingClientRect();
    const across = left < frame.left - 1 || right > frame.right + 1;
    return bottom - top < 16 || across || top < frame.top - 1 || bottom > frame.bottom + 1;
  };
  const tools = document.querySelector('.tools');
  const wanted = [...document.querySelectorAll('#presets button'), document.querySelector('.declaration')];
  const covered = wanted.filter((part) => {
    const {top, left, width} = part.getBoundingClientRect();
    return !part.contains(document.elementFromPoint(left + width / 2, top + 8));
  });
  const rows = [...tools.children].slice(1).filter((part) => part.getBoundingClientRect().height > 60);
  const wrong = [...wanted.filter((part) => cut(part, document.body)), ...covered, ...rows];
  return wrong.map((part) => part.outerHTML.slice(0, 80));
}"""
"""A person's own settings and what was declared: whole, under nothing else; the row of tools beside them unbroken."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    with staffed_site(tmp_path_factory.mktemp("console")) as found:
        yield found


def problems_of(page: Page) -> list[str]:
    """What axe finds on a page, and text that is too small."""
    axe = pytest.importorskip("axe_core_python", reason="pip install axe-core-python")
    page.add_script_tag(path=str(Path(axe.__file__).with_name("axe.min.js")))
    return [*page.evaluate(_AXE), *page.evaluate(_SMALL_TEXT, LEAST_PX)]


@pytest.fixture(scope="module")
def day(site: ConsoleSite) -> ConsoleSite:
    """Parcels in every state, so that no page is empty."""
    for at, verdict in enumerate((Verdict.ALARM, Verdict.REVIEW, Verdict.NO_ALARM)):
        arrive(site, *((ALARM,) if verdict is Verdict.ALARM else ()), verdict=verdict, item_id=S10[at])
    opened = arrive(site, ALARM, verdict=Verdict.ALARM, item_id=S10[4])
    with site.console.write() as session:
        session.get_one(ParcelRow, opened).state = ParcelState.OPENING
    return site


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_any_page(day: ConsoleSite, browser: Browser, language: str) -> None:
    found: dict[str, list[str]] = {}
    for login, paths in PAGES.items():
        if login:
            day.speak(login, language)
            context = signed_in(browser, day, login, viewport={"width": 1366, "height": 768}, bypass_csp=True)
        else:
            context = browser.new_context(base_url=day.url, locale=language, bypass_csp=True)
        page = context.new_page()
        for path in paths:
            page.goto(path)
            if path == "/desk":
                has_picture(page)
            assert page.evaluate("document.documentElement.lang") == language
            found[f"{login}{path}"] = problems_of(page)
            headings = page.evaluate("[...document.querySelectorAll('h1')].length")
            assert headings == 1, path
        context.close()
    assert {path: problems for path, problems in found.items() if problems} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_before_anybody_is_in(browser: Browser, tmp_path: Path, language: str) -> None:
    with console_site(tmp_path) as first:
        context = browser.new_context(base_url=first.url, locale=language, bypass_csp=True)
        page = context.new_page()
        page.goto(first.setup_path())
        assert problems_of(page) == []
        first.person(OPERATOR, "Amina", Role.OPERATOR)
        page.goto(first.invitation_path(OPERATOR))
        assert problems_of(page) == []
        assert page.evaluate("document.documentElement.lang") == language
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_desk_fits_both_screens(day: ConsoleSite, browser: Browser, language: str) -> None:
    day.speak(OPERATOR, language)
    for width, height in SIZES:
        context = signed_in(browser, day, OPERATOR, viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto("/desk")
        has_picture(page)
        assert page.evaluate(_OVERFLOW) == [False, False, []], (width, height)
        scan = page.evaluate("(() => { const box = viewer.getBoundingClientRect(); return box.width * box.height; })()")
        assert scan > 0.45 * width * height
        assert page.evaluate(_IN_REACH) == [], (width, height)
        mirrored = page.evaluate("document.querySelector('.queue').getBoundingClientRect().left > innerWidth / 2")
        assert mirrored is (language == "ar")
        assert page.evaluate("getComputedStyle(viewer.shadowRoot.querySelector('.overlay')).direction") == "ltr"
        context.close()


def test_keys_are_edited_and_conflicts_are_told(day: ConsoleSite, browser: Browser) -> None:
    day.speak(OPERATOR, "en")
    context = signed_in(browser, day, OPERATOR)
    page = context.new_page()
    hands = Keyboard(page)
    page.goto("/me")
    hands.at("[data-tool=grey]").press("Enter", "3")
    assert "Negative" in page.inner_text("#conflict")
    hands.at("[data-tool=grey]").press("Enter", "r")
    assert "R is needed" in page.inner_text("#conflict")
    hands.at("[data-tool=grey]").press("Enter", ";")
    page.wait_for_selector("#told:not([hidden])")
    hands.at("[name=theme]").press("ArrowDown")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    page.goto("/desk")
    has_picture(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    hands.press(";")
    assert page.evaluate("viewer.state.grey")
    context.close()


def test_a_persons_own_settings_are_kept_and_come_back(day: ConsoleSite, browser: Browser) -> None:
    day.speak(OPERATOR, "en")
    context = signed_in(browser, day, OPERATOR)
    page = context.new_page()
    page.goto("/desk")
    has_picture(page)
    page.keyboard.press("F3")
    page.wait_for_function("() => document.getElementById('told').textContent.includes('Nothing is kept')")
    page.evaluate("viewer.run('reset'); viewer.run('negative'); viewer.run('organic')")
    page.keyboard.press("Shift+F3")
    page.wait_for_function("() => document.getElementById('told').textContent.includes('are kept under F3')")
    page.goto("/desk")
    has_picture(page)
    assert not page.evaluate("viewer.state.negative")
    page.keyboard.press("F3")
    page.wait_for_function("() => viewer.state.negative && viewer.state.material === 'organic'")
    context.close()


def test_contrasts_of_the_light_theme(day: ConsoleSite, browser: Browser) -> None:
    context = signed_in(browser, day, SUPERVISOR, bypass_csp=True)
    context.add_cookies([{"name": "parcelsight_theme", "value": "light", "url": day.url}])
    page = context.new_page()
    for path in ("/desk", "/supervisor", "/parcels"):
        page.goto(path)
        assert problems_of(page) == [], path
    context.close()


def test_headings_never_skip_a_level(day: ConsoleSite, browser: Browser) -> None:
    context = signed_in(browser, day, SUPERVISOR)
    page = context.new_page()
    for path in ("/supervisor", "/parcels/1", "/help"):
        page.goto(path)
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((one) => Number(one.tagName[1]))")
        assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    context.close()
