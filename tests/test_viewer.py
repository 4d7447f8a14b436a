"""The viewer's pictures in a real browser: colours against Python, tools against physics, lost contexts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets import canonical
from parcelsight.datasets.canonical import canonical_rgb, palette_rgb
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.inference.dense import DEFAULT_POLICY
from parcelsight.screening import viewer_format
from tests.viewer_bench import DEADLINE_MS, Bench, browser_at, matter_scan, open_page, small_site, square_scan
from tests.viewer_server import SAMPLES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MATTER_SIZE = (8 * 24, 24)


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    with browser_at(small_site()) as found:
        yield found


@pytest.fixture(scope="module")
def module_bench(site: tuple[Browser, str]) -> Iterator[Bench]:
    page = open_page(*site)
    yield Bench(page)
    assert page.evaluate("problems") == []
    page.close()


@pytest.fixture
def bench(module_bench: Bench) -> Bench:
    module_bench.mount(*MATTER_SIZE)
    return module_bench


def grid_scan() -> Scan:
    """Every kind of matter: transmissions from air to the floor, ratios from organic to metal and beyond."""
    high = np.geomspace(0.0005, 1.08, 240)[:, None]
    exponent = np.linspace(0.9, 4.2, 160)[None]
    levels = np.stack(np.broadcast_arrays(high**exponent, high), axis=-1) * AIR_LEVEL
    return Scan("grid", np.clip(np.rint(levels), 0, 65_535).astype(np.uint16), ScanKind.DUAL_ENERGY)


def exact(scan: Scan) -> NDArray[np.float64]:
    return palette_rgb(*np.moveaxis(scan.pixels.astype(np.float32) / AIR_LEVEL, -1, 0)).astype(np.float64) * 255


def test_colours_are_the_canonical_ones(bench: Bench) -> None:
    scan = grid_scan()
    bench.mount(160, 240)
    assert bench.show(scan)
    off = np.abs(bench.pixels() - exact(scan)).max(axis=-1)
    assert np.percentile(off, 99) <= 1.5
    assert off.max() <= 2


def test_a_random_scan_is_coloured_as_the_detector_sees_it(bench: Bench) -> None:
    rng = np.random.default_rng(3)
    high = rng.uniform(0.02, 0.99, (90, 120))
    pixels = np.rint(np.stack([high ** rng.uniform(1.1, 2.0, high.shape), high], -1) * AIR_LEVEL).astype(np.uint16)
    scan = Scan("random", pixels, ScanKind.DUAL_ENERGY)
    bench.mount(120, 90)
    bench.show(scan)
    picture = bench.pixels().astype(int)
    assert np.abs(picture - exact(scan)).max() <= 2
    assert np.percentile(np.abs(picture - canonical_rgb(scan)).max(axis=-1), 50) <= 2


def test_constants_are_those_of_python(bench: Bench) -> None:
    physics, form = bench.page.evaluate("Promise.all([import('/physics.js'), import('/format.js')])")
    assert physics["MATERIAL_RATIOS"] == [list(row) for row in canonical.MATERIAL_RATIOS]
    assert physics["DYES"] == [list(dye) for dye in canonical.DYES]
    assert physics["DENSE_ATTENUATION"] == list(canonical.DENSE_ATTENUATION)
    for name in ("DEPTH_EXPONENT", "FADE_ATTENUATION", "FLOOR_TRANSMISSION"):
        assert physics[name] == getattr(canonical, name)
    assert physics["DENSE_TRANSMISSION"] == DEFAULT_POLICY.floor_transmission
    for name in ("MAX_HEADER_BYTES", "MAX_SIDE_PX", "MAX_PIXELS", "MAX_VIEWS"):
        assert form[name] == getattr(viewer_format, name)


def test_steel_is_told_as_the_preset_shadows(bench: Bench) -> None:
    pytest.importorskip("xraylib", reason="needs the [synthetic] extra")
    from parcelsight.datasets.synthetic.scanner import load_scanner

    nodes = load_scanner("tunnel160").nodes
    curve = bench.page.evaluate("import('/physics.js').then((physics) => physics.STEEL_CURVE)")
    thickness_mm = np.array([row[0] for row in curve])
    integrals = (thickness_mm[:, None] * nodes.attenuation_per_mm("steel")).astype(np.float32)
    shadows = -np.log(nodes.transmission(integrals)[:, 1])
    np.testing.assert_allclose([row[1] for row in curve], shadows, atol=0.005)


# What tools do to matter


@pytest.fixture
def matter(bench: Bench) -> Bench:
    assert bench.show(matter_scan())
    return bench


def lightness(rgb: NDArray[np.int64]) -> float:
    return float(rgb.mean())


def apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    return float(np.abs(one - other).max())


def test_colour_tells_material(matter: Bench) -> None:
    seen = matter.patches()
    assert seen["air"].tolist() == [255, 255, 255]
    assert seen["organic"][0] > seen["organic"][1] > seen["organic"][2] + 60  # orange
    assert seen["aluminium"][1] == seen["aluminium"].max()  # green
    assert seen["steel 2"][2] == seen["steel 2"].max()  # blue


def test_black_and_white_is_density_alone(matter: Bench) -> None:
    seen = matter.patches("grey")
    assert all(np.ptp(rgb) <= 1 for rgb in seen.values())
    order = ["air", "thin", "aluminium", "steel 2", "steel 2 behind organic", "steel 10", "steel 15"]
    shades = [lightness(seen[name]) for name in order]
    assert shades == sorted(shades, reverse=True)


def test_negative_turns_lightness_and_keeps_hue(matter: Bench) -> None:
    plain, seen = matter.patches(), matter.patches("negative")
    assert seen["air"].tolist() == [0, 0, 0]
    for name in ("organic", "steel 2"):
        assert np.argsort(seen[name]).tolist() == np.argsort(plain[name]).tolist()
        assert apart(seen[name] - seen[name].min(), plain[name] - plain[name].min()) <= 2


def test_organic_only_ghosts_metal(matter: Bench) -> None:
    plain, seen = matter.patches(), matter.patches("organic")
    assert apart(seen["organic"], plain["organic"]) <= 2
    for name in ("steel 2", "steel 10"):
        assert np.ptp(seen[name]) <= 2 and lightness(seen[name]) > 130


def test_strip_takes_organic_away_and_keeps_steel(matter: Bench) -> None:
    plain, seen = matter.patches(), matter.patches("strip")
    assert lightness(seen["organic"]) >= 252 and lightness(seen["thin"]) >= 252
    assert apart(seen["steel 2"], plain["steel 2"]) <= 12
    assert apart(seen["steel 10"], plain["steel 10"]) <= 16
    # What lay over the steel is gone: it looks as steel alone does.
    assert apart(seen["steel 2 behind organic"], plain["steel 2"]) < 0.5 * apart(
        plain["steel 2 behind organic"], plain["steel 2"]
    )


def test_metal_only_ghosts_the_rest(matter: Bench) -> None:
    plain, seen = matter.patches(), matter.patches("metal")
    assert apart(seen["steel 2"], plain["steel 2"]) <= 2
    for name in ("organic", "aluminium"):
        assert np.ptp(seen[name]) <= 2 and lightness(seen[name]) > 180


@pytest.mark.parametrize(
    ("tool", "one", "other"),
    [
        ("low", "air", "thin"),
        ("high", "steel 10", "steel 15"),
        ("super", "steel 10", "steel 15"),
    ],
)
def test_a_window_parts_what_was_alike(matter: Bench, tool: str, one: str, other: str) -> None:
    plain, seen = matter.patches("grey"), matter.patches("grey", tool)
    assert apart(seen[one], seen[other]) > 1.3 * apart(plain[one], plain[other])


def test_equalising_spreads_the_shades_of_a_parcel(bench: Bench) -> None:
    scan = read_scan(SAMPLES / "parcel-03.tif")
    bench.mount(scan.width_px, scan.height_px)
    bench.show(scan)

    def spread() -> float:
        shades = np.bincount(bench.pixels()[..., 0].ravel(), minlength=256)[:250].astype(float)
        shares = shades[shades > 0] / shades.sum()
        return float(-(shares * np.log(shares)).sum())

    bench.page.evaluate("viewer.run('grey')")
    plain = spread()
    bench.page.evaluate("viewer.run('equalise')")
    assert spread() > plain + 0.02


def test_gamma_lightens_and_darkens(matter: Bench) -> None:
    plain = lightness(matter.patches()["steel 2"])
    assert lightness(matter.patches("lighter", "lighter")["steel 2"]) > plain + 10
    assert lightness(matter.patches("darker", "darker")["steel 2"]) < plain - 10


def test_edges_are_stronger_and_flats_unchanged(bench: Bench) -> None:
    bench.mount(80, 60)
    bench.show(square_scan(60, 80, (20, 20, 60, 40)))
    bench.page.evaluate("viewer.run('lighter')")
    plain = bench.pixels().astype(int)
    bench.page.evaluate("viewer.run('edges')")
    seen = bench.pixels().astype(int)
    assert apart(seen[30, 40], plain[30, 40]) <= 1 and apart(seen[5, 5], plain[5, 5]) <= 1
    assert lightness(seen[30, 20]) < lightness(plain[30, 20])


# Other kinds of pictures


def test_coloured_picture_is_shown_as_it_is(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)
    bench.mount(64, 40)
    bench.show(Scan("colour", colours, ScanKind.PSEUDO_COLOUR))
    assert np.abs(bench.pixels().astype(int) - colours).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_picture_is_the_canonical_one(bench: Bench, dtype: Any) -> None:
    top = 256 if dtype == np.uint8 else 65_536
    grey = np.linspace(0, top - 1, 64 * 40).astype(dtype).reshape(40, 64)
    scan = Scan("grey", grey, ScanKind.GREY)
    bench.mount(64, 40)
    bench.show(scan)
    assert np.abs(bench.pixels().astype(int) - canonical_rgb(scan)).max() <= 1


@pytest.mark.parametrize(
    ("scan", "closed", "open_tools"),
    [
        (
            Scan("c", np.full((9, 9, 3), 90, np.uint8), ScanKind.PSEUDO_COLOUR),
            ["organic", "strip", "metal", "super", "palette", "area"],
            ["grey", "negative", "low", "high", "edges", "equalise", "ruler"],
        ),
        (
            Scan("g", np.full((9, 9), 90, np.uint8), ScanKind.GREY),
            ["colour", "grey", "organic", "strip", "metal", "super", "area"],
            ["negative", "low", "high", "edges"],
        ),
        (
            Scan("h", np.full((9, 9), 9_000, np.uint16), ScanKind.GREY),
            ["colour", "grey", "organic", "strip", "metal"],
            ["negative", "low", "high", "super", "area"],
        ),
    ],
    ids=["colour", "grey 8 bit", "grey 16 bit"],
)
def test_tools_that_make_no_sense_say_why(bench: Bench, scan: Scan, closed: list[str], open_tools: list[str]) -> None:
    bench.show(scan)
    states = bench.page.evaluate("(ids) => ids.map((id) => viewer.desk.toolState(id).reason)", closed + open_tools)
    reasons = dict(zip(closed + open_tools, states, strict=True))
    assert all(reasons[tool] for tool in closed) and not any(reasons[tool] for tool in open_tools)
    before = bench.state()
    bench.page.evaluate("(id) => viewer.run(id)", closed[0])
    assert bench.state() == before
    assert reasons[closed[0]] in bench.status()


def test_without_webgl_the_picture_is_drawn_all_the_same(site: tuple[Browser, str]) -> None:
    browser, address = site
    page = browser.new_page(bypass_csp=True)
    page.add_init_script(
        "const plain = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "return kind === 'webgl2' ? null : plain.call(this, kind, ...rest); };"
    )
    page.set_default_timeout(DEADLINE_MS)
    page.goto(address + "/")
    page.wait_for_function("document.getElementById('viewer')?.picture")
    bench = Bench(page)
    bench.mount(160, 240)
    scan = grid_scan()
    bench.show(scan)
    assert page.evaluate("viewer.renderer") == "2d"
    assert "hardware acceleration" in page.evaluate("viewer.shadowRoot.querySelector('.notice').textContent")
    off = np.abs(bench.pixels() - exact(scan)).max(axis=-1)
    assert np.percentile(off, 95) <= 8
    bench.mount(*MATTER_SIZE)
    bench.show(matter_scan())
    plain, seen = bench.patches(), bench.patches("strip")
    assert lightness(seen["organic"]) >= 250 and apart(seen["steel 2"], plain["steel 2"]) <= 14
    page.close()


def test_lost_graphics_come_back_with_the_picture(matter: Bench) -> None:
    before = matter.patches("strip", "negative")
    page = matter.page
    page.evaluate(
        "() => { window.killer = viewer.shadowRoot.querySelector('canvas').getContext('webgl2')"
        ".getExtension('WEBGL_lose_context'); killer.loseContext(); }"
    )
    page.wait_for_function("heard.some(([name, detail]) => name === 'xray-context' && detail.lost)")
    assert "comes back" in page.evaluate("viewer.shadowRoot.querySelector('.notice').textContent")
    page.evaluate("viewer.run('edges'); viewer.run('edges')")  # tools still answer
    page.evaluate("killer.restoreContext()")
    page.wait_for_function("heard.some(([name, detail]) => name === 'xray-context' && !detail.lost)")
    after = matter.patches("strip", "negative")
    assert all(apart(after[name], before[name]) == 0 for name in before)
