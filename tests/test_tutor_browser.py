"""A whole course in a real browser: built, taken and certified, in English and Arabic, on both screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parcelsight.screening.tutor.tables import COUNTED, Outcome
from tests.console_hands import a_browser
from tests.console_hands import at_state as at
from tests.console_site import ConsoleSite, sample_files
from tests.test_console_pages import problems_of
from tests.tutor_console import BELT, COLLEAGUE, OFFICER, STUDY, TRAINER, begun, enrolled, items, training_site
from tests.tutor_hands import FINGERS_MS, LARGE, SMALL, a_threat, answer, opened, shown_item, step_to, sure

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUTSIDE = """() => {
  const root = document.scrollingElement;
  const parts = [...document.querySelectorAll("header *, .panel *, .answers button, xray-toolbar")].filter((part) => {
    const {left, right, bottom} = part.getBoundingClientRect();
    const outside = right > innerWidth + 1 || left < -1 || bottom > innerHeight + 1;
    return part.checkVisibility() && !part.closest(".unseen, .learn") && outside;
  });
  const scrolls = [root.scrollWidth > root.clientWidth, root.scrollHeight > root.clientHeight];
  return [...scrolls, parts.map((part) => part.outerHTML.slice(0, 90))];
}"""
BENEATH_TOLD = """() => {
  const {left, top, width, height} = document.getElementById("told").getBoundingClientRect();
  return document.elementFromPoint(left + width / 2, top + height / 2).tagName;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsoleSite]:
    with training_site(tmp_path) as found:
        yield found


def found(page: Page, name: str, size: tuple[int, int]) -> dict[str, list[str]]:
    """What axe finds; once a language is enough, at the smaller size."""
    problems = problems_of(page) if size == SMALL else []
    return {name: problems} if problems else {}


def build(page: Page, size: tuple[int, int]) -> dict[str, list[str]]:
    """Nobody told the trainer how: the start page shows the courses, a template is one click, so is who takes it."""
    page.goto("/")
    problems = found(page, "courses", size)
    page.click("a[href='/tutor/courses/new?template=parts']")
    page.fill("#title", "Parts in post")
    page.click("button[value='remove-1']")
    page.click("button[value='remove-1']")
    for at_step in (0, 1):
        page.fill(f"#pictures-{at_step}", "2")
    problems |= found(page, "form", size)
    page.click("button.main[value='save']")
    for name in ("Amina Hodžić", "Luc Martin"):
        page.check(f"label:has-text('{name}') input")
    page.click("form[action$='/enrol'] button.main")
    page.wait_for_selector("table >> text=Luc Martin")
    assert page.locator("tbody tr:has(form[action$='/end'])").count() == 2
    return problems | found(page, "course", size)


def take(site: ConsoleSite, page: Page, size: tuple[int, int], *, has_feedback: bool) -> dict[str, list[str]]:
    """One exercise from its rules to its review."""
    at(page, "ready")
    page.keyboard.press("Enter")
    problems: dict[str, list[str]] = {}
    for picture in range(2):
        at(page, "decide")
        if picture == 0:
            assert page.evaluate(OUTSIDE) == [False, False, []]
            for is_on in (True, False):  # not by key: on a slow machine a press is a hold, and only peeks
                page.evaluate("viewer.run('negative')")
                assert page.evaluate("viewer.state.negative") is is_on
            problems |= found(page, "deciding", size)
        number = answer(site, page)
        if not has_feedback:
            if picture == 0:
                page.wait_for_function("(number) => viewer.picture?.id !== `t${number}`", arg=number)
            continue
        at(page, "feedback")
        assert page.get_attribute("#lesson", "data-outcome") in ("hit", "correct rejection")
        assert page.evaluate("viewer.alarms.length") == page.locator("#truths li").count()
        assert page.evaluate(OUTSIDE) == [False, False, []]
        problems |= found(page, "feedback", size)
        page.keyboard.press("Enter")
    page.wait_for_url("**/review")
    assert page.locator(".shots li img").count() == 2
    return problems | found(page, "review", size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["1366", "1920"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_whole_course(site: ConsoleSite, browser: Browser, language: str, size: tuple[int, int]) -> None:
    for login in (TRAINER, OFFICER):
        site.speak(login, language)
    trainer = opened(browser, site, TRAINER, size)
    problems = build(trainer, size)
    page = opened(browser, site, OFFICER, size)
    page.goto("/tutor")
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    problems |= found(page, "home", size)
    page.click(".next-up button")
    problems |= take(site, page, size, has_feedback=True)
    measured = page.evaluate("window.problems")
    assert measured == []
    page.click(".sub form button.main")
    problems |= take(site, page, size, has_feedback=False)
    with page.expect_download() as download:
        page.click("a[href^='/tutor/certificates/']")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    page.goto("/tutor/results")
    problems |= found(page, "results", size)
    for table in ("csv", "pdf"):
        with page.expect_download() as download:
            page.click(f"a[href^='/tutor/results.{table}']")
        assert len(Path(download.value.path()).read_bytes()) > 400
    trainer.reload()
    assert trainer.locator("tbody tr").first.inner_text()
    assert problems == {}
    for one in (trainer, page):
        assert one.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")
        one.context.close()


def test_by_keyboard_alone(site: ConsoleSite, browser: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY.model_copy(update={"threat_share": 1.0}))
    exercise = begun(site, OFFICER, enrolment, steps[0])
    page = opened(browser, site, OFFICER)
    page.goto(f"/tutor/exercises/{exercise}")
    page.keyboard.press("Enter")
    at(page, "decide")
    page.keyboard.press("o")
    page.wait_for_selector("#told:visible")  # nothing is pointed at yet
    number, place = shown_item(page), a_threat(site, page)
    assert place is not None
    page.evaluate("viewer.run('inspect')")
    step_to(page, place)
    page.keyboard.press("o")
    page.wait_for_selector("#sureness:visible")
    page.keyboard.press("Escape")
    page.wait_for_selector("#choices:visible")
    page.wait_for_timeout(FINGERS_MS)
    page.keyboard.press("o")
    sure(page, "6")
    at(page, "feedback")
    (item,) = [one for one in items(site, exercise) if one.id == number]
    assert (item.outcome, item.confidence) == (Outcome.HIT, 6)
    assert page.evaluate("performance.getEntriesByName('answer to feedback').length") == 1
    page.keyboard.press("q")
    page.wait_for_url("**/tutor")
    assert "1 of 4 pictures done" in page.inner_text(".next-up")
    page.context.close()


def test_two_tabs_a_slow_server_and_the_time_that_runs_out(site: ConsoleSite, browser: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    one = opened(browser, site, OFFICER)
    other = one.context.new_page()
    for page in (one, other):
        page.goto(f"/tutor/exercises/{exercise}")
        page.keyboard.press("Enter")
        at(page, "decide")
    assert one.evaluate("viewer.picture.id") == other.evaluate("viewer.picture.id")
    answer(site, one)
    at(one, "feedback")
    answer(site, other)  # the same picture, which has its answer already
    other.wait_for_selector("#told:visible")
    at(other, "decide")
    # What is told lies over the picture: a threat beneath it can be clicked on.
    assert other.evaluate(BENEATH_TOLD) == "XRAY-VIEWER"
    assert other.evaluate("viewer.picture.id") != one.evaluate("viewer.picture.id")
    # The connection is lost while the answer is on its way: it is sent again until it is kept, and counts once.
    other.route("**/answer", lambda route: route.abort())
    number = answer(site, other)
    other.wait_for_selector("#lost:visible")
    assert "not kept yet" in other.inner_text("#lost")
    other.unroute("**/answer")
    at(other, "feedback")
    assert [item.outcome in COUNTED for item in items(site, exercise) if item.id == number] == [True]
    one.context.close()

    enrolment, steps = enrolled(site, COLLEAGUE, BELT.model_copy(update={"limit_s": 2.0}))
    page = opened(browser, site, COLLEAGUE)
    page.goto(f"/tutor/exercises/{begun(site, COLLEAGUE, enrolment, steps[0])}")
    page.keyboard.press("Enter")
    at(page, "feedback")  # nobody answers
    assert "Too late" in page.inner_text("#outcome")
    page.context.close()


def test_a_library_that_is_gone_says_what_to_do(site: ConsoleSite, browser: Browser) -> None:
    enrolment, steps = enrolled(site, OFFICER, STUDY)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    page = opened(browser, site, OFFICER)
    page.goto(f"/tutor/exercises/{exercise}")
    page.keyboard.press("Enter")
    at(page, "decide")
    answer(site, page)
    at(page, "feedback")
    for name in list(site.console.library.names()):
        site.console.library.remove(name)
    page.keyboard.press("Enter")
    at(page, "stopped")
    assert "missing" in page.inner_text("#stopped-why") and "trainer" in page.inner_text("#stopped-todo")
    stock_again(site)
    page.keyboard.press("Enter")
    at(page, "decide")
    assert sum(item.outcome in COUNTED for item in items(site, exercise)) == 1
    page.context.close()


def stock_again(site: ConsoleSite) -> None:
    """The trainer restores the library's folder from a backup."""
    for file in sample_files():
        site.console.library.put(file.read_bytes())
