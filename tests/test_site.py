"""The site of the documentation builds without a warning, needs nothing from elsewhere, and leads everywhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|link)\b[^>]*?\b(?:src|href)=[\"']?([^\"'\s>]+)", re.IGNORECASE
)
CANONICAL = re.compile(r"<link[^>]*rel=[\"']?(?:canonical|prev|next)[\"']?[^>]*>", re.I)
IMPORTED = re.compile(r"@import\s+(?:url\()?[\"']?([^\"')\s]+)|url\([\"']?(https?:[^\"')]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, env=quiet)
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr
    return out


def hooks() -> ModuleType:
    """docs/site/hooks.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site" / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_page_and_every_public_module_is_in_it(site: Path) -> None:
    built = {path.relative_to(site).as_posix() for path in pages(site)}
    for page in (ROOT / "docs").glob("*.md"):
        assert f"{page.stem}.html" in built
    for room, modules in hooks().PUBLIC.items():
        text = (site / "api" / f"{room}.html").read_text("utf-8")
        for module in modules:
            assert f'id="parcelsight.{room}.{module}"' in text, f"{room}.{module} is not documented"
    start = (site / "index.html").read_text("utf-8")
    assert [title for title in hooks().GROUPS if title not in start] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in pages(site):
        text = CANONICAL.sub("", page.read_text("utf-8"))
        outside = [target for target in LOADED.findall(text) if urlsplit(target).netloc]
        assert outside == [], f"{page.relative_to(site)} loads {outside}"
        assert 'class="mermaid"' not in text, "the theme would fetch the drawing program"
    for sheet in site.rglob("*.css"):
        outside = [
            found for found in IMPORTED.findall(sheet.read_text("utf-8")) if any("://" in each for each in found)
        ]
        assert outside == [], f"{sheet.relative_to(site)} loads {outside}"


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    anchors = {page: set(re.findall(r"\bid=[\"']?([^\"'\s>]+)", page.read_text("utf-8"))) for page in pages(site)}
    for page in pages(site):
        for target in re.findall(r"<a\b[^>]*?\bhref=[\"']?([^\"'\s>]+)", page.read_text("utf-8")):
            parts = urlsplit(unescape(target))
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            place = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert place.exists(), f"{page.relative_to(site)} → {target}"
            if parts.fragment and not parts.fragment.startswith("__") and place in anchors:
                assert unquote(parts.fragment) in anchors[place], f"{page.relative_to(site)} → {target}"


@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="needs Debian's package chromium")
def test_a_browser_asks_nobody_and_finds(site: Path) -> None:
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        for name in ("index.html", "model-card.html", "api/detector.html"):
            page.goto((site / name).as_uri())
        page.goto((site / "index.html").as_uri())
        page.locator("input.md-search__input").focus()
        page.locator("input.md-search__input").press_sequentially("wheelhouse")
        page.wait_for_selector(".md-search-result__item a", timeout=60_000)
        found = page.locator(".md-search-result__item").first.inner_text()
        browser.close()
    assert "Install" in found or "administrators" in found.lower()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert problems == []
