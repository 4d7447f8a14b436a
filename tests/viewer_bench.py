"""A real browser with the viewer in it, for tests: mount, show, press keys, read pixels."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.belt import LineBlock
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.screening.viewer_format import pack_scans
from tests.viewer_server import Parcel, Site, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
Matter = dict[str, tuple[float, float]]
MATTER: Matter = {
    "air": (0.0, 0.0),
    "thin": (0.096, 0.082),
    "organic": (0.762, 0.657),
    "aluminium": (0.845, 0.512),
    "steel 2": (1.58, 0.718),
    "steel 2 behind organic": (1.58 + 0.762, 0.718 + 0.657),
    "steel 10": (4.373, 2.724),
    "steel 15": (5.589, 3.789),
}
"""Attenuations (low, high) behind the preset tunnel160: 5 and 40 mm polyethylene, 10 mm aluminium, steel in mm."""
PATCH_PX = 24
DEADLINE_MS = 120_000
"""Generous: only a page that hangs meets it."""

_MOUNT = """
([width, height, attributes]) => {
  const viewer = document.createElement("xray-viewer");
  viewer.id = "viewer";
  for (const [name, value] of Object.entries(attributes)) viewer.setAttribute(name, value);
  const size = {width: `${width}px`, height: `${height}px`, minHeight: "0"};
  Object.assign(viewer.style, {position: "absolute", left: "0", top: "0", ...size});
  window.heard = [];
  for (const name of ["xray-state", "xray-error", "xray-measured", "xray-box-drawn", "xray-box-removed",
                      "xray-alarm-judged", "xray-alarm-chosen", "xray-context"]) {
    viewer.addEventListener(name, (event) => window.heard.push([name, JSON.parse(JSON.stringify(event.detail))]));
  }
  document.body.replaceChildren(viewer);
  window.viewer = viewer;
}
"""
_BYTES = "const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;"
_PIXELS = """
() => {
  viewer.draw(false);
  const canvas = viewer.shadowRoot.querySelector("canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return [canvas.width, canvas.height, btoa(text)];
}
"""


def chromium() -> Path:
    """Debian's Chromium; the test skips where it or Playwright is missing."""
    pytest.importorskip("playwright", reason="pip install playwright")
    if not CHROMIUM.is_file():
        pytest.skip("needs a browser: apt-get install chromium")
    return CHROMIUM


@contextmanager
def browser_at(site: Site) -> Iterator[tuple[Browser, str]]:
    """A browser with software WebGL, and the address of the site."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with serve(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=list(SOFTWARE_GL))
        try:
            yield browser, address
        finally:
            browser.close()


def open_page(browser: Browser, address: str, **options: Any) -> Page:
    """The demo page, loaded with its picture; errors of its scripts fail the test that asks `errors_of`."""
    page = browser.new_page(bypass_csp=True, **options)
    page.add_init_script("window.problems = []; addEventListener('error', (e) => problems.push(e.message));")
    page.set_default_timeout(DEADLINE_MS)
    page.goto(address + "/")
    page.wait_for_function("globalThis.viewer?.picture || document.getElementById('viewer')?.picture")
    return page


class Bench:
    """One viewer alone on a page, of a given size at one device pixel a CSS pixel."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def mount(self, width: int, height: int, **attributes: str) -> None:
        """A fresh viewer in the page's corner; attributes of more words are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in attributes.items()}
        self.page.evaluate(_MOUNT, [width, height, named])

    def show(self, *scans: Scan) -> bool:
        """Show scans as one parcel."""
        return self.show_bytes(pack_scans("parcel", scans))

    def show_bytes(self, data: bytes) -> bool:
        """Show a container as it is; False where the viewer refused it."""
        text = base64.b64encode(data).decode()
        return bool(self.page.evaluate("(text) => {" + _BYTES + "return viewer.show(bytes); }", text))

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) of the canvas, drawn now at rest."""
        width, height, text = self.page.evaluate(_PIXELS)
        flat = np.frombuffer(base64.b64decode(text), np.uint8)
        return flat.reshape(height, width, 4)[:, :, :3].copy()

    def patches(self, *tools: str) -> dict[str, NDArray[np.int64]]:
        """Colour of each of MATTER under tools, which are run one after the other after a reset."""
        self.page.evaluate(
            "(tools) => { viewer.run('reset'); tools.forEach((tool) => viewer.run(tool)); }", list(tools)
        )
        picture = self.pixels().astype(np.int64)
        middle = PATCH_PX // 2
        return {name: picture[middle, at * PATCH_PX + middle] for at, name in enumerate(MATTER)}

    def state(self) -> dict[str, Any]:
        """The viewer's settings."""
        return dict(self.page.evaluate("viewer.state"))

    def heard(self, name: str) -> list[Any]:
        """Details of the events of one name since the viewer was mounted."""
        return [detail for heard, detail in self.page.evaluate("heard") if heard == name]

    def status(self) -> str:
        """The line at the foot of the picture."""
        return str(self.page.evaluate("viewer.shadowRoot.querySelector('.status').textContent"))

    def message(self) -> str:
        """The message that stands in the picture's place; empty where there is none."""
        found = "viewer.shadowRoot.querySelector('.message')"
        return str(self.page.evaluate(f"{found}.hidden ? '' : {found}.textContent"))


def matter_scan(pitch_mm: float | None = 1.5) -> Scan:
    """One patch of each of MATTER beside each other."""
    attenuations = np.repeat(np.array(list(MATTER.values()))[None], PATCH_PX, axis=0)
    levels = np.rint(np.exp(-np.repeat(attenuations, PATCH_PX, axis=1)) * AIR_LEVEL).astype(np.uint16)
    return Scan("matter", levels, ScanKind.DUAL_ENERGY, pitch_mm)


def square_scan(height: int, width: int, box: Sequence[int], view: str = "top", pitch_mm: float = 1.0) -> Scan:
    """Air with a square of steel at box xyxy."""
    levels = np.full((height, width, 2), AIR_LEVEL, np.uint16)
    x1, y1, x2, y2 = box
    levels[y1:y2, x1:x2] = (300, 4_000)
    return Scan("square", levels, ScanKind.DUAL_ENERGY, pitch_mm, view)


def small_site() -> Site:
    """A site of one small parcel and a short belt."""
    lines = np.full((64, 40, 2), AIR_LEVEL, np.uint16)
    scan = square_scan(60, 80, (20, 20, 50, 40))
    boxes = [{"id": "a0", "view": "top", "box": [20, 20, 50, 40], "label": "slide", "group": "part", "words": "high"}]
    return Site([Parcel("one", lambda: [scan], lambda: boxes)], [LineBlock(0, {"top": lines})])
