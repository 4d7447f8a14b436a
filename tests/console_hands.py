"""Hands at the console: a real browser, and keys instead of a mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import DecisionRow, ParcelRow
from tests.console_site import Alarm, ConsoleSite, View, console_site, sample_files
from tests.viewer_bench import SOFTWARE_GL, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DEADLINE_MS = 45_000
OPERATOR, SUPERVISOR, ADMIN = "amina", "marc", "ines"
ALARM = Alarm("pistol", "firearm", 0.93, (80, 60, 200, 140))
WEDGE = """(text) => {
  const begin = performance.now();
  let prevented = false;
  [...text, "Enter"].forEach((key, at) => {
    const code = /[0-9]/.test(key) ? `Digit${key}` : key.length === 1 ? `Key${key.toUpperCase()}` : key;
    for (const name of ["keydown", "keyup"]) {
      const event = new KeyboardEvent(name, {key, code, bubbles: true, cancelable: true, composed: true});
      Object.defineProperty(event, "timeStamp", {value: begin + 5 * at});  // as fast as scanners type
      document.activeElement.dispatchEvent(event);
      if (key === "Enter" && name === "keydown") prevented = event.defaultPrevented;
    }
  });
  return prevented;
}"""
"""A barcode scanner types; tells whether the page kept its Enter from whatever has the focus."""


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Debian's Chromium; the test skips where it is missing."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(path), args=list(SOFTWARE_GL))
        try:
            yield found
        finally:
            found.close()


@contextmanager
def staffed_site(folder: Path) -> Iterator[ConsoleSite]:
    """A console with one person a role, and a lane that is screened."""
    with console_site(folder) as found:
        found.person(OPERATOR, "Amina Hodžić", Role.OPERATOR)
        found.person(SUPERVISOR, "Marc Duval", Role.SUPERVISOR)
        found.person(ADMIN, "Inés Ortega", Role.ADMIN)
        found.lane()
        yield found


def at_state(page: Page, state: str) -> None:
    page.wait_for_function("(state) => document.body.dataset.state === state", arg=state)


def has_picture(page: Page) -> None:
    page.wait_for_function("() => document.getElementById('viewer').picture !== null")


def arrive(site: ConsoleSite, *alarms: Alarm, verdict: Verdict = Verdict.NO_ALARM, item_id: str | None = None) -> int:
    return site.parcel(View(sample_files()[0], "top", alarms), verdict=verdict, item_id=item_id)


def decisions(site: ConsoleSite, parcel: int) -> list[DecisionRow]:
    with site.console.read() as session:
        return list(
            session.scalars(select(DecisionRow).where(DecisionRow.parcel_id == parcel).order_by(DecisionRow.id))
        )


def state_of(site: ConsoleSite, parcel: int) -> str:
    with site.console.read() as session:
        return str(session.get_one(ParcelRow, parcel).state)


class Keyboard:
    """Hands that have no mouse: what Tab does not reach, they cannot use."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def at(self, selector: str) -> Keyboard:
        """Walk to an element."""
        for _ in range(120):
            if self.page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector):
                return self
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {selector} on {self.page.url}")

    def type(self, text: str) -> Keyboard:
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        return self

    def press(self, *keys: str) -> Keyboard:
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(60)  # as slow as fingers: faster is a barcode scanner
        return self

    def follow(self, selector: str, where: str) -> Keyboard:
        self.at(selector)
        with self.page.expect_navigation(url=re.compile(where)):
            self.page.keyboard.press("Enter")
        return self

    def choose(self, selector: str, first_letters: str) -> Keyboard:
        self.at(selector)
        self.page.keyboard.type(first_letters)
        return self
