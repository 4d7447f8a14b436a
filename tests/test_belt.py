"""The virtual scanner: its lines against rendered scans, its truth, its script and its pace."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.belt import BeltParcel, LineBlock, play
from parcelsight.datasets.belt_motion import BeltEvent, Motion, ScriptedEvent
from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.datasets.synthetic import belt as belt_module
from parcelsight.datasets.synthetic import render as render_module
from parcelsight.datasets.synthetic.belt import VirtualScanner
from parcelsight.datasets.synthetic.belt_parcels import draw_parcel
from parcelsight.datasets.synthetic.render import frame_of, render
from parcelsight.datasets.synthetic.scanner import Range, View, ViewFrame
from parcelsight.datasets.synthetic.solids import Parcel
from tests.belts import MARGIN_PX, coarse, plan, stream


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[Parcel]:
    """The parcels that go onto the belt, as they are packed."""
    seen: list[Parcel] = []

    def spied(*args: object) -> Parcel:
        seen.append(draw_parcel(*args))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(belt_module, "draw_parcel", spied)
    return seen


def test_a_parcel_cut_from_the_belt_is_its_rendered_scan(packed: list[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
    truth: list[BeltParcel] = []
    virtual = VirtualScanner(plan(touching=0.5), coarse(quiet=True), truth.append)
    lines = stream(virtual)

    def tunnel_frame(parcel: Parcel, view: View, pitch_mm: float, *_: object) -> object:
        along = np.array([item.bounds_mm[:, 1] for item in parcel.items])
        rows = int(np.ceil((along[:, 1].max() - along[:, 0].min()) / pitch_mm))
        first_row_mm = float(along[:, 0].min())
        return ViewFrame(view, pitch_mm, first_row_mm), virtual.tunnel.fan(view, 0, virtual.tunnel.detectors, rows)

    monkeypatch.setattr(render_module, "frame_of", tunnel_frame)
    assert len(truth) == len(packed) == 3
    for parcel, told in zip(packed, truth, strict=True):
        scans = render(parcel, virtual.scanner, np.random.default_rng(0), views=2)
        for scan in scans:
            cut = lines[scan.scan.view][virtual.motion.lines_of_rows(told.first_row, told.end_row)]
            assert np.abs(cut.astype(int) - scan.scan.pixels.astype(int)).max() <= 1
            found = told.views[scan.scan.view]
            assert found.labels == scan.annotations.labels
            assert np.abs(found.xyxy_px[:, 1::2] - told.first_row - scan.annotations.xyxy_px[:, 1::2]).max() <= 1


def test_boxes_are_those_of_a_cropped_scan(packed: list[Parcel]) -> None:
    truth: list[BeltParcel] = []
    virtual = VirtualScanner(plan(), coarse(quiet=True), truth.append)
    stream(virtual)
    preset = virtual.scanner.preset
    compared = 0
    for parcel, told in zip(packed, truth, strict=True):
        for scan, view in zip(
            render(parcel, virtual.scanner, np.random.default_rng(0), views=2), preset.views, strict=True
        ):
            _, fan = frame_of(parcel, view, preset.pitch_mm, preset.framing, np.random.default_rng(0))
            whole = virtual.tunnel.fan(view, 0, virtual.tunnel.detectors, 1)
            column = (fan.first_column_mm - whole.first_column_mm) / preset.pitch_mm
            shift = np.array([column, told.first_row - MARGIN_PX] * 2)
            assert told.views[view.name].labels == scan.annotations.labels
            assert np.abs(told.views[view.name].xyxy_px - scan.annotations.xyxy_px - shift).max(initial=0) <= 1.01
            compared += len(scan.annotations)
    assert compared


def test_blocks_of_any_size_hold_the_same_lines() -> None:
    events = (ScriptedEvent(700, BeltEvent.STOP, 300), ScriptedEvent(1100, BeltEvent.REVERSE, 400))
    streams = [stream(VirtualScanner(plan(events=events), coarse()), size) for size in (64, 1, 999)]
    for other in streams[1:]:
        assert all((streams[0][view] == other[view]).all() for view in ("top", "side"))
    different = stream(VirtualScanner(plan(events=events, seed=5), coarse()))
    assert streams[0]["top"].shape != different["top"].shape or (streams[0]["top"] != different["top"]).any()


def test_noise_reads_like_a_scanner() -> None:
    """Air is at its level with quantum noise; what detectors have of their own is the same at either end."""
    scanner = coarse()
    signal = scanner.preset.signal.model_copy(update={"dead_share": 0.02, "gain_residue": Range(low=0.01, high=0.01)})
    noisy = replace(scanner, preset=scanner.preset.model_copy(update={"signal": signal}))
    virtual = VirtualScanner(plan(parcels=2), noisy)
    lines, dead = stream(virtual)["top"], virtual.dead_detectors["top"]
    dark, air, behind = lines[:256].mean(0), lines[256:512].mean(0), lines[-200:].mean(0)
    assert 0 < len(dead) < 30
    alive = np.setdiff1d(np.arange(lines.shape[1]), dead)
    assert (lines[:, list(dead)].astype(int).std(axis=0) < 1).all()
    assert np.abs(air[alive].mean() / AIR_LEVEL - 1) < 0.01
    assert dark[alive].mean() < 0.002 * AIR_LEVEL
    assert np.corrcoef(air[alive, 0], behind[alive, 0])[0, 1] > 0.95
    quanta = float(virtual.arrays["top"].photons[0])
    assert lines[256:512, alive, 0].std(0).mean() / AIR_LEVEL == pytest.approx(1 / np.sqrt(quanta), rel=0.5)


def test_raw_lines_become_transmissions_by_dark_and_air_lines() -> None:
    raw = stream(VirtualScanner(plan(raw=True, parcels=1), coarse(quiet=True)))["top"]
    ideal = stream(VirtualScanner(plan(parcels=1), coarse(quiet=True)))["top"]
    dark, air = raw[:256].mean(0), raw[256:512].mean(0)
    assert dark.mean() > 0.01 * AIR_LEVEL and np.ptp(air) > 0.1 * AIR_LEVEL
    calibrated = (raw[512:] - dark) / (air - dark)
    assert np.abs(calibrated - ideal[512:] / AIR_LEVEL).max() < 1e-3


@pytest.mark.parametrize(
    ("event", "rows", "beam"),
    [
        (BeltEvent.STOP, [0, 1, 2, 3, 4, 4, 4, 4, 5, 6], [True] * 10),
        (BeltEvent.BEAM_OFF, [0, 1, 2, 3, 4, 4, 4, 4, 5, 6], [True] * 4 + [False] * 3 + [True] * 3),
        (BeltEvent.REVERSE, [0, 1, 2, 3, 3, 2, 1, 1, 2, 3], [True] * 10),
    ],
    ids=["stop", "beam off", "reverse"],
)
def test_an_event_moves_the_belt(event: BeltEvent, rows: list[int], beam: list[bool]) -> None:
    motion = Motion.scripted(100, 2.0, (ScriptedEvent(8, event, 30),))
    assert motion.rows(0, 10).tolist() == rows
    assert motion.beam(0, 10).tolist() == beam
    assert motion.clock_ms(7) == pytest.approx(70)
    assert motion.position_mm(7) == rows[7] * 2.0


EVENTS = st.lists(
    st.builds(ScriptedEvent, st.floats(200, 900), st.sampled_from(BeltEvent), st.floats(10, 150)), max_size=4
)


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.integers(0, 20), st.integers(0, 20), st.integers(1, 300))
def test_lines_and_rows_translate_into_each_other(events: list[ScriptedEvent], dark: int, air: int, ended: int) -> None:
    motion = Motion.scripted(1000, 1.0, events, dark, air)
    rows = motion.rows(0, 2500)
    assert (np.abs(np.diff(rows)) <= 1).all() and rows.min() >= 0
    first = motion.lines_of_rows(0, 1000)
    assert (first >= 0).all() and (rows[first] == np.arange(1000)).all() and motion.beam(0, 2500)[first].all()
    for begin, end in ((0, 1), (150, 400), (899, 1000)):
        inside = np.flatnonzero((rows >= begin) & (rows < end))
        assert motion.span_of_rows(begin, end) == (inside[0], inside[-1] + 1)
    assert all(motion.lowest_row_from(line) <= rows[line:].min() for line in range(0, 2000, 97))
    assert (motion.ended(ended).rows(0, ended) == rows[:ended]).all()


def test_gaps_are_as_asked_and_never_negative() -> None:
    for touching, low, high in ((1.0, 0, 0), (0.0, 50, 200)):
        truth: list[BeltParcel] = []
        virtual = VirtualScanner(plan(parcels=4, touching=touching), coarse(quiet=True), truth.append)
        for _ in virtual.blocks():
            pass
        for one, following in itertools.pairwise(truth):
            gap_mm = (following.first_row - one.end_row) * virtual.motion.line_pitch_mm
            assert low <= gap_mm + 1.3 and gap_mm - 1.3 <= high and gap_mm >= 0


def test_an_endless_belt_is_made_as_it_is_watched() -> None:
    truth: list[BeltParcel] = []
    virtual = VirtualScanner(plan(parcels=None), coarse(), truth.append)
    ten = list(itertools.islice(virtual.blocks(100), 10))
    assert sum(len(block) for block in ten) == 1000
    assert 0 < len(truth) < 20
    line = next(ten[3].lines("side", virtual.motion))
    assert (line.sequence, line.values.shape) == (300, (256, 2))
    assert line.clock_ms == pytest.approx(1500) and line.position_mm == 0


def test_seconds_end_the_belt_and_cut_no_parcel() -> None:
    truth: list[BeltParcel] = []
    virtual = VirtualScanner(plan(parcels=None, seconds=9.0), coarse(quiet=True), truth.append)
    assert {len(levels) for levels in stream(virtual).values()} == {1800}
    assert truth and all(parcel.end_line <= 1800 for parcel in truth)


def test_play_keeps_the_scanners_pace() -> None:
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    def slow() -> Iterator[LineBlock]:
        for number in range(4):
            now[0] += 3.0 if number == 2 else 0.0  # the source itself is late once
            yield LineBlock(number * 50, {"top": np.zeros((50, 4, 2), np.uint16)})

    times = [now[0] for _ in play(slow(), 100, speed=0.5, clock=lambda: now[0], sleep=sleep)]
    assert times == [101.0, 102.0, 105.0, 105.0]
    assert waits == [1.0, 1.0]


def test_the_tube_wanders_without_a_jump() -> None:
    """Its output is continuous over the whole belt, also where one stretch of noise follows another."""
    scanner = coarse(quiet=True)
    signal = scanner.preset.signal.model_copy(update={"line_drift": Range(low=0.01, high=0.01)})
    virtual = VirtualScanner(
        plan(parcels=None, seconds=10.0, gap_mm=(9e4, 9e4), dark_lines=0),
        replace(scanner, preset=scanner.preset.model_copy(update={"signal": signal})),
    )
    output = stream(virtual)["top"].mean(axis=(1, 2)) / AIR_LEVEL
    steps = np.abs(np.diff(np.convolve(output, np.ones(3) / 3, "valid")))
    at_seams = steps.reshape(-1)[np.arange(252, len(steps), 252)[:, None] + np.arange(-3, 2)]
    assert output.std() == pytest.approx(0.0085, rel=0.25)
    assert at_seams.mean() < 1.5 * steps.mean()
