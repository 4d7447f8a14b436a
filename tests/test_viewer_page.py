"""The belt's picture, and the demo page as a whole: accessibility, content policy, toolbars."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from parcelsight.datasets.belt import LineBlock
from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.screening.viewer_format import pack_lines, pack_scans
from tests.viewer_bench import DEADLINE_MS, browser_at, open_page, small_site, square_scan

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    with browser_at(small_site()) as found:
        yield found


@pytest.fixture(scope="module")
def page(site: tuple[Browser, str]) -> Iterator[Page]:
    page = open_page(*site, viewport={"width": 900, "height": 700})
    yield page
    assert page.evaluate("problems") == []
    page.close()


# The belt


def blocks(count: int, lines: int, first: int = 0) -> list[str]:
    """Blocks of a belt with a steel bar from detector 10 to 20 of 40, every other block."""
    packed = []
    for number in range(count):
        levels = np.full((lines, 40, 2), AIR_LEVEL, np.uint16)
        levels[:, 10:20] = (300, 4_000) if number % 2 else AIR_LEVEL
        block = LineBlock(first + number * lines, {"top": levels, "side": levels})
        packed.append(base64.b64encode(pack_lines("lane", block, 1.0)).decode())
    return packed


def test_the_belt_takes_500_lines_a_second_and_stands_when_told(page: Page) -> None:
    page.evaluate(
        """async () => {
          await import("/belt.js");
          window.belt = document.createElement("xray-belt");
          Object.assign(belt.style, {position: "absolute", left: 0, top: 0, width: "400px", height: "164px"});
          document.body.replaceChildren(belt);
          window.push = (text) => belt.push(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
        }"""
    )
    page.evaluate(
        """async (blocks) => {
          for (const text of blocks) { push(text); await new Promise((resolve) => setTimeout(resolve, 32)); }
        }""",
        blocks(48, 16, first=4_096 - 400),
    )
    counts = page.evaluate("belt.counts")
    assert (counts["lines"], counts["gaps"], counts["refused"]) == (768, 0, 0)
    page.wait_for_function("belt.shownLine === belt.newestLine")
    page.evaluate("belt.standing = true; 0")
    stood = page.evaluate("belt.shownLine")
    page.evaluate("(blocks) => blocks.forEach(push)", blocks(2, 16, first=4_096 + 368))
    page.wait_for_timeout(100)
    assert page.evaluate("[belt.shownLine, belt.newestLine]") == [stood, stood + 32]
    page.evaluate("belt.standing = false; 0")
    page.wait_for_function("belt.shownLine === belt.newestLine")
    assert not page.evaluate("push(btoa('nonsense'))")
    assert not page.evaluate(
        "(text) => push(text)", base64.b64encode(pack_scans("p", [square_scan(9, 9, (1, 1, 3, 3))])).decode()
    )
    assert page.evaluate("belt.counts.refused") == 2


def test_the_belt_shows_the_newest_lines_where_they_are(page: Page) -> None:
    page.evaluate("window.dispatchEvent(new Event('resize'))")
    picture = page.evaluate(
        """() => new Promise((resolve) => {
          belt.style.width = "401px";
          new ResizeObserver((_, own) => { own.disconnect(); requestAnimationFrame(() => {
            const canvas = belt.shadowRoot.querySelector("canvas");
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
            belt.style.width = "400px";
            new ResizeObserver(() => {
              copy.drawImage(canvas, 0, 0);
              const at = (x, y) => [...copy.getImageData(x, y, 1, 1).data.slice(0, 3)];
              resolve({bar: at(395, 30), beside: at(395, 60), before: at(352, 30), second: at(395, 114)});
            }).observe(belt);
          }); }).observe(belt);
        })"""
    )
    assert sum(picture["bar"]) < 300 and sum(picture["second"]) < 300
    assert picture["beside"] == [255, 255, 255] and picture["before"] == [255, 255, 255]


# For everyone


@pytest.mark.parametrize("case", ["whole page", "right to left", "error", "coloured picture"])
def test_axe_finds_nothing(site: tuple[Browser, str], case: str) -> None:
    sync_playwright = pytest.importorskip("axe_core_python.sync_playwright", reason="pip install axe-core-python")
    page = open_page(*site, viewport={"width": 1366, "height": 768})
    script = {
        "whole page": "0",
        "right to left": "document.documentElement.dir = 'rtl'",
        "error": "document.getElementById('viewer').show(new ArrayBuffer(3))",
        "coloured picture": "document.getElementById('viewer').clear()",
    }[case]
    page.evaluate(script)
    found = sync_playwright.Axe().run(page)["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("problems") == []
    page.close()


def test_the_page_keeps_a_strict_content_policy(site: tuple[Browser, str]) -> None:
    browser, address = site
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    complaints: list[str] = []
    page.set_default_timeout(DEADLINE_MS)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address + "/")
    page.locator("xray-toolbar button[data-tool=strip]").click()
    page.locator("xray-toolbar button[data-tool=loupe]").click()
    page.mouse.move(500, 400)
    page.wait_for_timeout(300)
    assert complaints == []
    assert page.locator("xray-toolbar button[data-tool=strip]").get_attribute("aria-pressed") == "true"
    page.close()


def test_the_toolbar_is_walked_by_arrows(site: tuple[Browser, str]) -> None:
    page = open_page(*site)
    first = page.locator("xray-toolbar button[data-tool=colour]")
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('viewer').state.grey")
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert not page.evaluate("document.getElementById('viewer').state.grey")
    page.close()
