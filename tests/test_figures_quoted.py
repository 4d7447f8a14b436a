"""Measured figures in pages come from files in docs/results.

A paragraph or table that quotes figures stands under a comment that names where they are from::

    <!-- figures: results/lanes/ledger-chaos.json, results/recorded/verification.txt -->

and every number in it is looked up there: as it stands, rounded as it is written, as a percentage of a share, or as
milliseconds of seconds. Blocks between ``measured: begin`` and ``end`` are written by scripts and checked elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
QUOTED = re.compile(r"^<!-- figures: ([^>]+?) -->\n+(.*?)(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[+−-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?(?![\w]*[\w/.]*\.\w)")
MEASURED = re.compile(
    r"\b(?:median|p50|p95|p99|on average|worst of|processor time|of a core|a CPU second|scans a second|AP50|mAP)\b"
    r"[^.|]*?\d|\d[\d,.]*\s?ms\b|\d\.\d+\s?×"
)
SCRIPTED = re.compile(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", re.S)
WHOLE_PAGES = {"model-card.md"}
"""Written by a program from results; a test of their own holds them."""
RULES: dict[str, tuple[str, ...]] = {
    "embedding.md": ("*Ms of a core*",),
    "evaluation.md": ("COCO's average precision", "AP50", "mean of classes", "golden", "Five in *n*"),
}
"""Page → beginnings or pieces of paragraphs that define or calculate and measure nothing."""
TO_BE_RECORDED: dict[str, tuple[str, ...]] = {
    "rendered-to-real.md": ("- **Size decides.**",),
}
"""Page → beginnings of paragraphs whose figures were measured before there was this rule. This list may only shrink."""


@cache
def numbers_in(source: Path) -> tuple[float, ...]:
    """Every number of a results file."""
    if source.suffix == ".json":
        return tuple(_values(json.loads(source.read_text("utf-8"))))
    return tuple(_number(found) for found in re.findall(r"[+−-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?",
                                                         source.read_text("utf-8")))  # fmt: skip


def _values(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(key)
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
        for key in value[0] if value and isinstance(value[0], dict) else ():
            parts = [row.get(key) for row in value if isinstance(row, dict)]
            if all(isinstance(part, int) and not isinstance(part, bool) for part in parts):
                yield float(sum(part for part in parts if part is not None))  # totals of a table's column
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, str):
        yield from (_number(found) for found in re.findall(r"\d[\d,]*(?:\.\d+)?|\.\d+", value))


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def is_from(text: str, known: tuple[float, ...]) -> bool:
    """True where a number as written is one of the known ones, rounded as it is written, or in a kindred unit."""
    plain = text.replace(",", "").replace("−", "-").lstrip("+")
    decimals = len(plain.partition(".")[2].partition("e")[0])
    wanted = abs(float(plain))
    slack = 0.5000001 * 10.0**-decimals
    trailing = len(plain) - len(plain.rstrip("0")) if "." not in plain and wanted >= 1000 else 0
    slack = max(slack, 0.5 * 10.0**trailing if trailing else 0)
    return any(abs(abs(value) * scale - wanted) <= slack for value in known for scale in (1, 100, 1000, 0.001, 1e-6))


def quoted() -> Iterator[tuple[Path, str, str]]:
    for page in PAGES:
        for sources, block in QUOTED.findall(page.read_text("utf-8")):
            yield page, sources, block


BLOCKS = list(quoted())


@pytest.mark.parametrize(
    ("page", "sources", "block"), BLOCKS, ids=[f"{page.name}-{i}" for i, (page, _, _) in enumerate(BLOCKS)]
)
def test_every_number_of_a_quotation_is_in_its_source(page: Path, sources: str, block: str) -> None:
    known: tuple[float, ...] = ()
    for source in sources.split(","):
        file = DOCS / source.strip()
        assert file.is_file(), f"{page.name}: {source}"
        known += numbers_in(file)
    shown = re.sub(r"`[^`]*`|\]\([^)]*\)|\*\*|<[^>]+>", " ", block)
    wrong = [number for number in NUMBER.findall(shown) if not is_from(number, known)]
    assert wrong == [], f"{page.name}: not in {sources}: {wrong}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_measured_figures_name_their_source(page: Path) -> None:
    if page.name in WHOLE_PAGES:
        return
    text = re.sub(r"^```.*?^```", "", SCRIPTED.sub("", page.read_text("utf-8")), flags=re.M | re.S)
    loose = [
        paragraph.strip()
        for paragraph in re.split(r"\n\s*\n", QUOTED.sub("", text))
        if MEASURED.search(re.sub(r"`[^`]*`", "", paragraph))
        and "](results/" not in paragraph  # it links to its figures
        and not any(piece in paragraph for piece in RULES.get(page.name, ()))
        and not any(paragraph.strip().startswith(piece) for piece in TO_BE_RECORDED.get(page.name, ()))
    ]
    assert loose == [], f"{page.name}: name where these are from with <!-- figures: results/… -->"


def test_a_wrong_number_is_found() -> None:
    known = (0.6113, 6364.0, 5.0214, 1.67e-3)
    assert is_from("61.1", known) and is_from("6,364", known) and is_from("5.0", known) and is_from("1.67", known)
    assert not is_from("61.2", known) and not is_from("6,365", known) and not is_from("5.1", known)
    assert MEASURED.search("takes 17 ms") and MEASURED.search("1.22 × of it") and not MEASURED.search("waits 5 s")
