"""The picture container: what is packed comes back, and what was tampered with is refused, here and in the browser."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.belt import LineBlock
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.errors import ScanError, UsageError
from parcelsight.screening.viewer_format import MAGIC, MAX_PIXELS, pack_lines, pack_scans, unpack
from tests.viewer_bench import Bench, browser_at, open_page, small_site, square_scan

KINDS: dict[str, tuple[ScanKind, int, Any]] = {
    "dual-energy": (ScanKind.DUAL_ENERGY, 2, np.uint16),
    "pseudo-colour": (ScanKind.PSEUDO_COLOUR, 3, np.uint8),
    "grey-8": (ScanKind.GREY, 0, np.uint8),
    "grey-16": (ScanKind.GREY, 0, np.uint16),
}
Change = Callable[[dict[str, Any]], None]


def scan_of(kind: str, height: int, width: int, seed: int, view: str = "top") -> Scan:
    meaning, channels, dtype = KINDS[kind]
    shape = (height, width, channels) if channels else (height, width)
    pixels = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    return Scan("s", pixels, meaning, 0.8 if seed % 2 else None, view)


@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    name=st.text(max_size=20),
)
def test_what_is_packed_comes_back(kinds: list[str], height: int, width: int, name: str) -> None:
    scans = [scan_of(kind, height + at, width, at, f"view {at}") for at, kind in enumerate(kinds)]
    picture = unpack(pack_scans(name, scans), "it")
    assert picture.header.id == name
    for scan, kind, view, pixels in zip(scans, kinds, picture.header.views, picture.pixels, strict=True):
        assert (view.kind, view.name, view.pitch_mm) == (kind, scan.view, scan.pitch_mm)
        np.testing.assert_array_equal(pixels, scan.pixels)


def test_floats_travel_as_levels() -> None:
    scan = Scan("f", np.full((2, 3, 2), 0.5, np.float32), ScanKind.DUAL_ENERGY)
    assert (unpack(pack_scans("f", [scan]), "it").pixels[0] == AIR_LEVEL // 2).all()


def test_lines_carry_their_number() -> None:
    block = LineBlock(123_456, {name: np.full((16, 5, 2), 7, np.uint16) for name in ("top", "side")})
    picture = unpack(pack_lines("lane 3", block, 1.5), "it")
    assert (picture.header.content, picture.header.first_line) == ("lines", 123_456)
    assert [pixels.shape for pixels in picture.pixels] == [(16, 5, 2)] * 2


@pytest.mark.parametrize("scans", [[], [square_scan(4, 4, (0, 0, 1, 1))] * 5], ids=["none", "five views"])
def test_impossible_pictures_are_not_packed(scans: list[Scan]) -> None:
    with pytest.raises(UsageError, match="views"):
        pack_scans("p", scans)


GOOD = pack_scans("good", [square_scan(6, 8, (2, 2, 5, 4)), square_scan(6, 5, (1, 1, 3, 3), "side")])


def with_header(change: Change) -> bytes:
    """The good container with another header, its length told truly."""
    (length,) = struct.unpack_from("<I", GOOD, len(MAGIC))
    header = json.loads(GOOD[len(MAGIC) + 4 : len(MAGIC) + 4 + length])
    change(header)
    text = json.dumps(header).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + GOOD[len(MAGIC) + 4 + length :]


def view_with(**changes: Any) -> Change:
    return lambda header: header["views"][0].update(changes)


def huge(header: dict[str, Any]) -> None:
    for view in header["views"]:
        view.update(height_px=30_000, width_px=30_000)


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "magic alone": MAGIC,
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "a page": b"<!doctype html><script>alert(1)</script>",
    "mangled line ends": GOOD.replace(b"\r\n", b"\n", 1),
    "cut in the header": GOOD[:40],
    "cut in the pixels": GOOD[:-10],
    "more behind": GOOD + b"\0" * 8,
    "header longer than the file": MAGIC + struct.pack("<I", 60_000) + b"{}",
    "header of 4 GB": MAGIC + b"\xff\xff\xff\xff" + b"{}",
    "no JSON": MAGIC + struct.pack("<I", 5) + b"hello",
    "bad UTF-8": MAGIC + struct.pack("<I", 4) + b'"\xff\xfe"',
    "deep JSON": MAGIC + struct.pack("<I", 60_000) + b"[" * 60_000,
    "null": MAGIC + struct.pack("<I", 4) + b"null",
    "unknown key": with_header(lambda header: header.update(script="x")),
    "missing key": with_header(lambda header: header.pop("views") and None),
    "no views": with_header(lambda header: header.update(views=[])),
    "views no list": with_header(lambda header: header.update(views={"length": 2})),
    "unknown kind": with_header(view_with(kind="float32")),
    "inherited kind": with_header(view_with(kind="constructor")),
    "huge": with_header(huge),
    "beyond all": with_header(view_with(height_px=2**53)),
    "negative side": with_header(view_with(width_px=-8)),
    "zero side": with_header(view_with(width_px=0)),
    "half a pixel": with_header(view_with(width_px=7.5)),
    "side as text": with_header(view_with(width_px="8")),
    "pitch NaN": with_header(view_with(pitch_mm=float("nan"))),
    "pitch infinite": with_header(view_with(pitch_mm=float("inf"))),
    "pitch negative": with_header(view_with(pitch_mm=-1)),
    "air level 0": with_header(view_with(air_level=0)),
    "name too long": with_header(view_with(name="x" * 5_000)),
    "first line negative": with_header(lambda header: header.update(first_line=-1)),
    "larger than its pixels": with_header(view_with(height_px=7)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_containers_are_refused(name: str) -> None:
    with pytest.raises(ScanError) as told:
        unpack(HOSTILE[name], "lane 3, picture 7")
    assert "lane 3, picture 7" in told.value.message and told.value.remedy


@settings(max_examples=200)
@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read(at: int, value: int) -> None:
    try:
        picture = unpack(GOOD[:at] + bytes([value]) + GOOD[at + 1 :], "it")
    except ScanError:
        return
    assert sum(pixels.shape[0] * pixels.shape[1] for pixels in picture.pixels) <= MAX_PIXELS


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with browser_at(small_site()) as (browser, address):
        page = open_page(browser, address)
        yield Bench(page)
        assert page.evaluate("problems") == []


def test_the_browser_refuses_the_same_and_goes_on(bench: Bench) -> None:
    bench.mount(300, 200)
    for name, data in HOSTILE.items():
        assert bench.show_bytes(GOOD), name
        assert bench.message() == ""
        assert not bench.show_bytes(data), name
        message = bench.message()
        assert message.startswith("This parcel's picture") and message.endswith("."), name
        # The last parcel's picture is gone: it must not be taken for this one's.
        assert bench.page.evaluate("viewer.picture") is None
    assert bench.show_bytes(GOOD)


def test_the_browser_reads_or_refuses_any_changed_byte(bench: Bench) -> None:
    codes = bench.page.evaluate(
        """async (good) => {
          const { parsePicture, PictureError } = await import("/format.js");
          const bytes = Uint8Array.from(good);
          const codes = new Set();
          for (let at = 0; at < bytes.length; at += 1) for (const value of [0, 34, 57, 255]) {
            const copy = bytes.slice();
            copy[at] = value;
            try { parsePicture(copy.buffer); codes.add("read"); }
            catch (error) { codes.add(error instanceof PictureError ? error.code : `CRASH ${error}`); }
          }
          return [...codes];
        }""",
        list(GOOD),
    )
    assert {"read", "damaged", "notPicture"} <= set(codes)
    assert not [code for code in codes if code.startswith("CRASH")]


@pytest.mark.parametrize(
    ("path", "words"), [("/pictures/none", "could not be fetched"), ("/demo.html", "not arrive as a")]
)
def test_what_cannot_be_fetched_is_told(bench: Bench, path: str, words: str) -> None:
    bench.mount(300, 200)
    assert bench.page.evaluate("(path) => viewer.load(path)", path) is False
    assert words in bench.message()


def test_a_later_picture_wins_over_an_earlier_one(bench: Bench) -> None:
    bench.mount(300, 200)
    shown = bench.page.evaluate(
        "Promise.all([viewer.load('/pictures/one'), viewer.load('/pictures/one'), viewer.load('/pictures/one')])"
    )
    assert shown == [False, False, True]
    assert bench.message() == ""
