"""The viewer under real hands in a real browser: keys alone, pointers, boxes and labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.viewer_bench import Bench, browser_at, open_page, small_site, square_scan

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BOX = (40, 20, 60, 50)
SIZE = (100, 80)
ALARMS: list[dict[str, Any]] = [
    {"id": "s", "view": "top", "box": list(BOX), "label": "slide", "group": "part", "words": "high", "strength": 0.9},
    {"id": "c", "view": "top", "box": [5, 5, 20, 12], "label": "cartridge", "group": "ammunition", "strength": 0.5},
    {"id": "d", "view": "top", "box": [70, 10, 95, 30], "dense": True},
]


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


@pytest.fixture
def bench(page: Page) -> Bench:
    found = Bench(page)
    found.mount(800, 640)
    assert found.show(square_scan(SIZE[1], SIZE[0], BOX))
    page.evaluate("(alarms) => { viewer.alarms = alarms; viewer.draw(); }", ALARMS)
    return found


def key(bench: Bench, name: str, held_ms: int = 0) -> None:
    """Tap a key, or hold it; on a busy machine a tap may take as long as a hold elsewhere."""
    bench.page.evaluate("(ms) => { viewer.desk.peekAfterMs = ms; }", 300 if held_ms else 60_000)
    bench.page.keyboard.press(name, delay=held_ms)


def drawn_box(bench: Bench, alarm: str = "s") -> list[float]:
    """xyxy of an alarm's box on the screen, as the overlay holds it."""
    script = """(id) => { const box = viewer.shadowRoot.querySelector(`[data-alarm="${id}"] .fill`);
      return ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name))); }"""
    x, y, width, height = bench.page.evaluate(script, alarm)
    return [x, y, x + width, y + height]


# Where things are


@pytest.mark.parametrize(("turns", "flips"), list(itertools.product(range(4), range(2))))
def test_boxes_lie_on_the_pixels_they_name(bench: Bench, turns: int, flips: int) -> None:
    for tool in ["turn"] * turns + ["flip"] * flips + ["minimap"]:
        bench.page.evaluate("(tool) => viewer.run(tool)", tool)
    bench.page.evaluate("viewer.desk.zoomBy(1.5, 0, {x: 380, y: 300}); viewer.desk.panBy(7, -11)")
    picture = bench.pixels().astype(int)
    steel = picture[:, :, 2] > picture[:, :, 0] + 40
    rows, columns = np.flatnonzero(steel.any(axis=1)), np.flatnonzero(steel.any(axis=0))
    seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(drawn_box(bench), seen, atol=1.0)


def test_the_point_under_the_wheel_stands_still(bench: Bench) -> None:
    bench.page.mouse.move(300, 350)
    at = "[viewer.drafting.pointAt({x: 300, y: 350}).point].flatMap(({x, y}) => [x, y])"
    before = bench.page.evaluate(at)
    for _ in range(4):
        bench.page.mouse.wheel(0, -120)
    bench.page.wait_for_function("viewer.state.zoom > 2")
    np.testing.assert_allclose(bench.page.evaluate(at), before, atol=0.01)


def test_views_share_the_belt_direction(bench: Bench) -> None:
    bench.show(square_scan(80, 100, BOX), square_scan(80, 60, (10, 20, 20, 50), "side"))
    bench.page.evaluate("viewer.desk.zoomBy(3); viewer.desk.centreOn(0, {x: 30, y: 20})")
    centres = bench.page.evaluate("viewer.state.centres")
    assert centres[0]["y"] == centres[1]["y"] and centres[0]["x"] != centres[1]["x"]
    bench.page.evaluate("viewer.run('reset')")
    bench.page.mouse.move(100, 300)
    bench.page.evaluate("viewer.draw()")
    assert bench.page.evaluate("viewer.shadowRoot.querySelectorAll('.cross.over').length") == 1


# Keys


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("2", "grey", True),
        ("3", "negative", True),
        ("4", "material", "organic"),
        ("5", "material", "strip"),
        ("6", "material", "metal"),
        ("7", "penetration", "low"),
        ("8", "penetration", "high"),
        ("0", "penetration", "super"),
        ("9", "edges", True),
        ("e", "equalise", True),
        ("v", "drag", "pan"),
        ("m", "drag", "ruler"),
        ("d", "drag", "area"),
        ("b", "drag", "mark"),
        ("l", "loupe", True),
        ("i", "inspect", True),
        ("n", "minimap", False),
        ("a", "aid", False),
        ("t", "turn", 1),
        ("f", "flip", True),
    ],
)
def test_every_key_does_and_undoes(bench: Bench, name: str, field: str, value: object) -> None:
    before = bench.state()
    key(bench, name)
    assert bench.state()[field] == value
    key(bench, "u")
    assert bench.state() == before


def test_a_held_key_only_peeks(bench: Bench) -> None:
    before = bench.state()
    key(bench, "5", held_ms=500)
    assert bench.state() == before
    key(bench, "5")
    assert bench.state()["material"] == "strip"


def test_space_held_hides_the_boxes(bench: Bench) -> None:
    visible = "getComputedStyle(viewer.shadowRoot.querySelector('[data-alarm=s]')).visibility"
    bench.page.keyboard.down("Space")
    bench.page.wait_for_function(f"{visible} === 'hidden'")
    bench.page.keyboard.up("Space")
    bench.page.wait_for_function(f"{visible} === 'visible'")


def test_gamma_zoom_and_reset_by_keys(bench: Bench) -> None:
    key(bench, ".")
    key(bench, "+")
    assert bench.state()["gamma"] > 1 and bench.state()["zoom"] > 1
    key(bench, "z")
    assert bench.page.evaluate("viewer.desk.chosen") == "s" and "slide" in bench.status()
    key(bench, "ArrowRight")
    key(bench, "Home")
    assert (bench.state()["gamma"], bench.state()["zoom"]) == (1, 1)


def test_rulers_and_densities_by_keys_alone(bench: Bench) -> None:
    key(bench, "m")
    key(bench, "Enter")
    for _ in range(2):
        key(bench, "Shift+ArrowRight")
    key(bench, "Enter")
    assert bench.heard("xray-measured")[-1]["text"] == "20 mm"
    key(bench, "d")
    key(bench, "Enter")
    for name in ("Shift+ArrowRight", "ArrowDown", "ArrowDown"):
        key(bench, name)
    key(bench, "Enter")
    told = bench.heard("xray-measured")[-1]["text"]
    assert told.startswith("Lets through 0.5 % low, 6.67 % high energy.") and "mm of steel" in told
    key(bench, "Escape")
    assert bench.state()["drag"] == "gamma"


def test_marks_by_keys_alone(bench: Bench) -> None:
    for name in ("b", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        key(bench, name)
    drawn = bench.heard("xray-box-drawn")[-1]
    assert (drawn["view"], drawn["box"]) == ("top", [50, 40, 60, 50])
    assert bench.page.evaluate("viewer.marks.length") == 1
    key(bench, "Escape")
    key(bench, "Delete")
    assert bench.heard("xray-box-removed") == [{"id": drawn["id"]}] and bench.page.evaluate("viewer.marks") == []


def test_tab_walks_the_alarms_and_leaves(bench: Bench) -> None:
    focused = "viewer.shadowRoot.activeElement?.dataset.alarm ?? (viewer.shadowRoot.activeElement ? 'stage' : 'out')"
    bench.page.evaluate("viewer.shadowRoot.querySelector('.stage').focus()")
    walked = []
    for _ in range(4):
        key(bench, "Tab")
        walked.append(bench.page.evaluate(focused))
    assert walked == ["s", "c", "d", "out"]
    assert [chosen["id"] for chosen in bench.heard("xray-alarm-chosen")] == ["s", "c", "d"]


def test_the_chosen_alarm_is_judged(bench: Bench) -> None:
    key(bench, "w")
    assert "Choose an alarm first" in bench.status()
    bench.page.evaluate("viewer.desk.choose('c')")
    for name in ("w", "y", "y"):
        key(bench, name)
    assert [judged["verdict"] for judged in bench.heard("xray-alarm-judged")] == ["wrong", "right", None]


def test_keys_are_the_persons_own(bench: Bench) -> None:
    assert bench.page.evaluate("viewer.setHotkeys({organic: 'q', undo: 'Ctrl+z'})")
    key(bench, "q")
    assert bench.state()["material"] == "organic"
    key(bench, "Control+z")
    assert bench.state()["material"] == "all"
    assert not bench.page.evaluate("viewer.setHotkeys({strip: '4'})")
    assert "4 (organic, strip)" in bench.heard("xray-error")[-1]["message"]
    for wrong in ("[1]", '{"fly": "x"}', '{"strip": "Tab"}', "{"):
        assert not bench.page.evaluate("(text) => viewer.setHotkeys(text)", wrong)
    key(bench, "q")
    assert bench.state()["material"] == "organic"


def test_settings_are_saved_and_only_sound_ones_taken(bench: Bench) -> None:
    key(bench, "5")
    key(bench, "9")
    preset = bench.page.evaluate("viewer.preset")
    bench.mount(300, 200, next_parcel="reset")
    bench.page.evaluate("(preset) => { viewer.preset = preset; }", preset)
    bench.show(square_scan(20, 30, (1, 1, 9, 9)))
    assert (bench.state()["material"], bench.state()["edges"]) == ("strip", True)
    for wrong in (None, {}, {"version": 1, "gamma": 99}, {"version": 1, "edges": "yes"}, {"version": 1, "evil": True}):
        bench.page.evaluate("(preset) => { viewer.preset = preset; }", wrong)
        assert bench.heard("xray-error")[-1]["code"] == "preset"
    assert bench.state()["material"] == "strip"


@pytest.mark.parametrize(("mode", "kept"), [("keep", "strip"), ("reset", "all")])
def test_tools_stay_or_go_with_the_next_parcel(bench: Bench, mode: str, kept: str) -> None:
    bench.page.evaluate("(mode) => viewer.setAttribute('next-parcel', mode)", mode)
    key(bench, "5")
    key(bench, "+")
    bench.show(square_scan(20, 30, (1, 1, 9, 9)))
    assert (bench.state()["material"], bench.state()["zoom"]) == (kept, 1)


# Pointers


def test_drag_is_gamma_and_double_click_resets(bench: Bench) -> None:
    mouse = bench.page.mouse
    mouse.move(200, 200)
    mouse.down()
    mouse.move(420, 200, steps=4)
    mouse.up()
    assert bench.state()["gamma"] == pytest.approx(2, rel=0.02)
    mouse.dblclick(200, 200)
    assert bench.state()["gamma"] == 1


def test_marking_with_the_mouse_is_exact(bench: Bench) -> None:
    key(bench, "b")
    x1, y1, x2, y2 = drawn_box(bench)
    mouse = bench.page.mouse
    mouse.move(x1 + 1, y1 + 1)
    mouse.down()
    mouse.move(x2 - 1, y2 - 1, steps=3)
    mouse.up()
    assert bench.heard("xray-box-drawn")[-1]["box"] == list(BOX)


def test_two_fingers_zoom(bench: Bench) -> None:
    for name, first, x in [
        ("pointerdown", 1, 300),
        ("pointerdown", 2, 400),
        ("pointermove", 2, 500),
        ("pointerup", 2, 500),
    ]:
        bench.page.evaluate(
            """([name, id, x]) => { const stage = viewer.shadowRoot.querySelector(".stage");
              stage.setPointerCapture = () => {};
              stage.dispatchEvent(new PointerEvent(name, {pointerId: id, pointerType: "touch", clientX: x, clientY: 300,
                bubbles: true, composed: true})); }""",
            [name, first, x],
        )
    assert bench.state()["zoom"] == pytest.approx(2, rel=0.01)


# Boxes and labels


def test_a_growing_alarm_keeps_its_element_and_focus(bench: Bench) -> None:
    bench.page.evaluate("viewer.focusAlarm('s'); window.kept = viewer.shadowRoot.querySelector('[data-alarm=s]')")
    grown = [{**ALARMS[0], "box": [38, 18, 66, 58], "words": "very high"}, *ALARMS[1:]]
    bench.page.evaluate("(alarms) => { viewer.alarms = alarms; viewer.draw(); }", grown)
    assert bench.page.evaluate("kept === viewer.shadowRoot.querySelector('[data-alarm=s]')")
    assert bench.page.evaluate("viewer.shadowRoot.activeElement === kept")


def test_hostile_alarms_are_text_or_told(bench: Bench) -> None:
    script = "<img src=x onerror=\"problems.push('ran')\">"
    hostile: list[Any] = [
        {"id": "x", "view": "top", "box": [1, 1, 9, 9], "label": script, "words": script, "group": "__proto__"},
        {"id": "nan", "view": "top", "box": [1, None, 9, 9]},
        {"id": "inverted", "view": "top", "box": [9, 9, 1, 1]},
        {"id": "outside", "view": "top", "box": [900, 900, 990, 990]},
        {"id": "lost", "view": "cellar", "box": [1, 1, 9, 9]},
        {"id": "x", "view": "top", "box": [1, 1, 9, 9], "label": "twice"},
        None,
        "alarm",
    ]
    bench.page.evaluate("(alarms) => { viewer.alarms = alarms; viewer.draw(); }", hostile)
    assert bench.page.evaluate("viewer.alarms.map(({id}) => id)") == ["x"]
    assert bench.heard("xray-error")[-1]["broken"] == 7
    assert bench.page.evaluate("viewer.shadowRoot.querySelectorAll('img').length") == 0
    bench.page.evaluate("viewer.alarms = {length: 1e9}; viewer.draw()")
    assert bench.page.evaluate("viewer.alarms") == []


def test_labels_stay_inside_and_off_each_other(bench: Bench) -> None:
    rng = np.random.default_rng(5)
    frame = {"x": 0, "y": 0, "width": 800, "height": 600}
    for _ in range(30):
        at, size = rng.uniform(0, 500, (6, 2)), rng.uniform(20, 120, (6, 2))
        items = [
            {"box": {"x": x, "y": y, "width": w, "height": h}, "width": 130, "height": 26, "before": None}
            for (x, y), (w, h) in zip(at.tolist(), size.tolist(), strict=True)
        ]
        placed = bench.page.evaluate(
            "([items, frame]) => import('/labels.js').then(({placeLabels}) => placeLabels(items, frame))",
            [items, frame],
        )
        corners = np.array([[p["x"], p["y"], p["x"] + 130, p["y"] + 26] for p in placed])
        assert (corners[:, :2] >= 0).all() and (corners[:, 2:] <= [800, 600]).all()
        for one, other in itertools.combinations(corners, 2):
            assert min(one[2], other[2]) <= max(one[0], other[0]) or min(one[3], other[3]) <= max(one[1], other[1])
