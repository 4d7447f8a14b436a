"""Hands at an exercise: a real browser that points at the threats of the picture on its screen, and says how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parcelsight.screening.tutor.tables import ItemRow
from parcelsight.screening.tutor.views import views_of
from parcelsight.screening.web.tutor.seen import rows_of
from tests.console_hands import DEADLINE_MS, at_state
from tests.console_site import ConsoleSite, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SMALL, LARGE = (1366, 768), (1920, 1080)
FINGERS_MS = 60
"""As slow as fingers: faster is a barcode scanner."""
Place = tuple[str, float, float]
"""View, x and y in pixels of the scan as it is on the screen."""
ON_SCREEN = """([view, x, y]) => {
  const at = viewer.desk.views.findIndex(({name}) => name === view);
  const [a, b, c, d, e, f] = viewer.desk.panes()[at].matrix;
  const {left, top} = viewer.getBoundingClientRect();
  return [left + a * x + c * y + e, top + b * x + d * y + f];
}"""


def opened(browser: Browser, site: ConsoleSite, login: str, size: tuple[int, int] = SMALL) -> Page:
    """A page of somebody who signed in."""
    context = signed_in(
        browser, site, login, viewport={"width": size[0], "height": size[1]}, bypass_csp=True, accept_downloads=True
    )
    context.set_default_timeout(DEADLINE_MS)
    page: Page = context.new_page()
    return page


def shown_item(page: Page) -> int:
    """The picture on the screen."""
    return int(page.evaluate("viewer.picture.id.slice(1)"))


def a_threat(site: ConsoleSite, page: Page) -> Place | None:
    """The middle of one in the picture on the screen, in whichever view it is seen; None of a harmless parcel."""
    number = shown_item(page)
    above = rows_of(site.console, number)
    with site.console.read() as session:
        for view in views_of(session, session.get_one(ItemRow, number)):
            for truth in view.picture.truths:
                x0, y0, x1, y1 = truth["xyxy_px"]
                return view.name, (x0 + x1) / 2, (y0 + y1) / 2 + above[view.name]
    return None


def in_window(page: Page, place: Place) -> tuple[float, float]:
    """A pixel of the scan as a place for the mouse."""
    x, y = page.evaluate(ON_SCREEN, list(place))
    return float(x), float(y)


def point(page: Page, place: Place | None) -> None:
    """Click on the threat, or say that there is none."""
    if place is None:
        page.keyboard.press("r")
    else:
        page.mouse.click(*in_window(page, place))


def sure(page: Page, key: str = "5") -> None:
    """Say how sure."""
    page.wait_for_selector("#sureness:visible")
    page.wait_for_timeout(FINGERS_MS)
    page.keyboard.press(key)


def learnt(page: Page) -> None:
    """Say how sure, and wait for what there is to learn."""
    sure(page)
    at_state(page, "feedback")


def answer(site: ConsoleSite, page: Page) -> int:
    """As somebody who sees everything; returns which picture it was."""
    number = shown_item(page)
    point(page, a_threat(site, page))
    sure(page)
    return number


def step_to(page: Page, place: Place) -> None:
    """By arrow keys alone: the cross goes there, past one view's edge into the next."""
    view = page.evaluate("(name) => viewer.desk.views.findIndex((view) => view.name === name)", place[0])
    page.keyboard.press("ArrowRight")  # the cross, in the middle
    for _ in range(400):
        if page.evaluate("viewer.desk.cursor.view") == view:
            break
        page.keyboard.press("Shift+ArrowRight")
    start_x, start_y = page.evaluate("[viewer.desk.cursor.point.x, viewer.desk.cursor.point.y]")
    for keys, moves in (
        (("ArrowRight", "ArrowLeft"), place[1] - start_x),
        (("ArrowDown", "ArrowUp"), place[2] - start_y),
    ):
        for _ in range(round(abs(moves) / 10)):
            page.keyboard.press(f"Shift+{keys[0] if moves > 0 else keys[1]}")
    page.wait_for_timeout(FINGERS_MS)
