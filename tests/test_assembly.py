"""Parcels from lines: every parcel of the truth once, whatever the belt does; what is lost or broken is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.belt_files import RecordedBelt
from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.inference.stream.assembly import AssemblySettings
from parcelsight.inference.stream.calibration import ViewCalibration, is_dark, widest_run
from parcelsight.inference.stream.parcels import Flaw, ParcelEnding, ParcelFinished, ParcelStarted, WindowReady
from parcelsight.inference.stream.protocol import Hello, LinesMessage
from parcelsight.inference.stream.reading import BeltReader
from parcelsight.inference.stream.sending import hello_of, messages_of
from tests.line_streams import EVENTS, finished, read, record

TOLERANCE_MM = 16.0
"""Between the truth's rows and ours: flaps and handles of film are thinner than noise."""
WIDE = 128
LATE = 2
"""Rows by which an end may be found late: outlines are averaged over three."""
"""Detectors of drawn belts."""


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> RecordedBelt:
    """Eight parcels, some touching, under a belt that stops, goes back, and loses its beam."""
    out = tmp_path_factory.mktemp("assembly") / "belt"
    return record(out, parcels=8, touching=0.4, seed=5, gap_mm=(60, 200), events=EVENTS)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> RecordedBelt:
    """The same before calibration."""
    out = tmp_path_factory.mktemp("assembly") / "raw"
    return record(out, parcels=8, touching=0.4, seed=5, gap_mm=(60, 200), events=EVENTS, raw=True)


def check_truth(belt: RecordedBelt, found: list[ParcelFinished]) -> None:
    """Every true parcel lies in exactly one found parcel, which holds nothing but it and those that touch it."""
    tolerance = TOLERANCE_MM / belt.motion.line_pitch_mm
    homes: dict[str, list[int]] = {parcel.parcel_id: [] for parcel in found}
    for index, true in enumerate(belt.parcels):
        middle = (true.first_row + true.end_row) / 2
        home = [parcel for parcel in found if parcel.first_row <= middle < parcel.end_row]
        assert len(home) == 1, f"{true.parcel_id} was found {len(home)} times"
        homes[home[0].parcel_id].append(index)
    for parcel in found:
        inside = homes[parcel.parcel_id]
        assert inside, f"{parcel.parcel_id} is no parcel"
        first, last = belt.parcels[inside[0]], belt.parcels[inside[-1]]
        assert abs(parcel.first_row - first.first_row) <= tolerance
        assert abs(parcel.end_row - last.end_row) <= tolerance
        for one, following in zip(inside, inside[1:], strict=False):
            gap = belt.parcels[following].first_row - belt.parcels[one].end_row
            assert gap * belt.motion.line_pitch_mm <= AssemblySettings().gap_mm


@pytest.mark.parametrize("block", [1, 16, 64])
@pytest.mark.parametrize("told", ["signals", "encoder", "both"])
def test_every_parcel_is_found_once(belt: RecordedBelt, told: str, block: int) -> None:
    messages = messages_of(belt, lines=block, signals=told != "encoder", encoder=told != "signals")
    reader, events = read(belt, messages)
    check_truth(belt, finished(events))
    counts = reader.counts
    assert counts.lines == len(belt) and counts.lost == counts.repeated == 0
    assert counts.repeated_rows > 200 and counts.dark > 256


def test_a_raw_stream_gives_the_same_parcels(belt: RecordedBelt, raw: RecordedBelt) -> None:
    reader, events = read(raw, messages_of(raw))
    found = finished(events)
    check_truth(raw, found)
    assert reader.calibrated and reader.counts.lines == len(raw)
    for one, other in zip(found, finished(read(belt, messages_of(belt))[1]), strict=True):
        for view in belt.views:
            low, high = one.views[view].scan.pixels, other.views[view].scan.pixels
            assert abs(float(low.mean()) - float(high.mean())) < 0.01 * AIR_LEVEL


def test_the_scan_is_the_belt_that_the_truth_shows(belt: RecordedBelt) -> None:
    """Row for row, but for the drift correction: the same pixels as cut from the recording."""
    for parcel in finished(read(belt, messages_of(belt, encoder=True))[1]):
        for view, part in parcel.views.items():
            end = part.first_row + part.scan.height_px
            columns = slice(part.first_detector, part.first_detector + part.scan.width_px)
            truth = belt.cut(view, part.first_row, end)[:, columns].astype(np.float64)
            assert np.abs(part.scan.pixels - truth).mean() < 0.004 * AIR_LEVEL


def test_windows_come_while_the_parcel_passes(belt: RecordedBelt) -> None:
    settings = AssemblySettings(window_mm=200, stride_mm=100)
    reader = BeltReader(hello_of(belt, "test"), settings=settings)
    _, events = read(belt, messages_of(belt), reader)
    open_id, windows = "", 0
    for event in events:
        if isinstance(event, ParcelStarted):
            open_id, windows = event.parcel_id, 0
        elif isinstance(event, WindowReady):
            assert event.parcel_id == open_id and event.number == windows
            windows += 1
            for part in event.views.values():
                assert part.behind and part.before == (event.number > 0)
                assert part.scan.height_px in range(80, 86)
        elif isinstance(event, ParcelFinished):
            assert event.parcel_id == open_id
            rows = event.end_row - event.first_row
            assert windows == max(0, -(-(rows - 80) // 40)) if windows else rows <= 80 + 40


def lines(first: int, values: np.ndarray, **told: object) -> LinesMessage:
    return LinesMessage(first, float(first), 0, values.astype(np.uint16), **told)  # type: ignore[arg-type]


def drawn(rows: int, *parcels: tuple[int, int], level: float = 0.4) -> np.ndarray:
    """Air with noise, and rectangles of matter between rows."""
    rng = np.random.default_rng(1)
    values = rng.normal(AIR_LEVEL, 200, (rows, WIDE, 2))
    for first, end in parcels:
        values[first:end, 40:80] *= level
    return values


def hello(**changes: object) -> Hello:
    base = Hello(
        scanner="s", stream="t", views=("top",), detectors=(WIDE,), pitch_mm=2, line_pitch_mm=2, line_rate_hz=250
    )
    return base.model_copy(update=changes)


def follow(messages: list[LinesMessage], **changes: object) -> tuple[BeltReader, list[ParcelFinished]]:
    reader = BeltReader(hello(**changes))
    events = [event for message in messages for event in reader.add(message)]
    return reader, finished([*events, *reader.close("cut off")])


def found_at(parcel: ParcelFinished, first: int, end: int) -> bool:
    return abs(parcel.first_row - first) <= 1 and 0 <= parcel.end_row - end <= LATE


def flaws(parcel: ParcelFinished) -> set[Flaw]:
    return {note.flaw for note in parcel.notes}


def test_a_parcel_is_told_to_be_ending_before_the_gap_is_long_enough() -> None:
    """Ten millimetres of air make its picture whole, thirty end it: the same objects come twice."""
    reader = BeltReader(hello())
    values = drawn(200, (100, 150))
    when = {type(event): (at, event) for at in range(200) for event in reader.add(lines(at, values[at : at + 1]))}
    (ending_at, ending), (finished_at, end) = when[ParcelEnding], when[ParcelFinished]
    assert finished_at - ending_at == 10
    assert isinstance(ending, ParcelEnding) and isinstance(end, ParcelFinished)
    assert ending.views is end.views and ending.tail is end.tail


def test_a_parcel_that_goes_on_is_not_finished_as_it_was_told_to_end() -> None:
    reader = BeltReader(hello())
    values = drawn(300, (100, 150), (160, 200))
    events = [event for at in range(0, 300, 2) for event in reader.add(lines(at, values[at : at + 2]))]
    early, late = (event for event in events if isinstance(event, ParcelEnding))
    (end,) = finished(events)
    assert early.views is not end.views and late.views is end.views
    assert found_at(end, 100, 200) and end.views["top"].scan.height_px > early.views["top"].scan.height_px + 40


def test_lines_lost_inside_a_parcel_are_filled_told_and_never_silent() -> None:
    values = drawn(400, (100, 200))
    reader, (parcel,) = follow([lines(0, values[:140], motion=1), lines(150, values[150:], motion=1)])
    assert found_at(parcel, 100, 200) and parcel.lost_rows == ((140, 150),)
    assert Flaw.LINES_LOST in flaws(parcel) and parcel.doubts and reader.counts.lost == 10


@pytest.mark.parametrize(("lost", "doubted"), [((90, 104), True), ((60, 70), False), ((198, 215), True)])
def test_lines_lost_at_the_edge_of_a_parcel(lost: tuple[int, int], doubted: bool) -> None:
    values = drawn(400, (100, 200))
    _, (parcel,) = follow([lines(0, values[: lost[0]], motion=1), lines(lost[1], values[lost[1] :], motion=1)])
    assert bool(parcel.doubts) == doubted


def test_an_endless_loss_ends_the_parcel() -> None:
    values = drawn(400, (100, 400))
    _, found = follow([lines(0, values[:200], motion=1), lines(10**15, values[200:], motion=1)])
    assert [bool(parcel.doubts) for parcel in found] == [True, True]
    assert Flaw.END_UNSEEN in flaws(found[0]) and Flaw.BEGINNING_UNSEEN in flaws(found[1])


def test_a_stream_that_breaks_off_ends_its_parcel_with_a_doubt() -> None:
    _, (parcel,) = follow([lines(0, drawn(150, (100, 150)), motion=1)])
    assert Flaw.END_UNSEEN in flaws(parcel) and parcel.doubts == ["cut off"]


def test_lines_sent_again_are_counted_and_change_nothing() -> None:
    values = drawn(400, (100, 200))
    reader, (parcel,) = follow([lines(0, values[:150], motion=1), lines(50, values[50:], motion=1)])
    assert reader.counts.repeated == 100 and found_at(parcel, 100, 200) and not parcel.notes


def test_an_encoder_set_anew_parts_what_lies_before_from_what_lies_behind() -> None:
    values = drawn(400, (100, 300))
    _, found = follow([lines(0, values[:200], position_mm=0.0), lines(200, values[200:], position_mm=-9e6)])
    assert len(found) == 2 and Flaw.END_UNSEEN in flaws(found[0])


def test_a_belt_faster_than_its_lines_is_told() -> None:
    values = drawn(300, (100, 200))
    messages = [lines(n, values[n : n + 1], position_mm=2.0 * n + 8 * (n > 150)) for n in range(300)]
    _, (parcel,) = follow(messages)
    assert found_at(parcel, 100, 204) and Flaw.ROWS_SKIPPED not in flaws(parcel)
    messages = [lines(n, values[n : n + 1], position_mm=2.0 * n + 24 * (n > 150)) for n in range(300)]
    _, (parcel,) = follow(messages)
    assert found_at(parcel, 100, 212) and Flaw.ROWS_SKIPPED in flaws(parcel) and not parcel.doubts


def test_oblong_pixels_become_square() -> None:
    _, (parcel,) = follow([lines(0, drawn(400, (100, 300)), motion=1)], line_pitch_mm=1.0)
    part = parcel.views["top"]
    assert abs(part.scan.height_px * 2 - (parcel.end_row - parcel.first_row + 20)) <= 2
    assert part.rows_per_px == pytest.approx(2.0, abs=0.05)


def test_a_parcel_without_end_is_cut_and_the_cut_overlaps() -> None:
    reader, found = follow([lines(n, drawn(500, (0, 500)), motion=1) for n in range(0, 5000, 500)])
    assert reader.counts.rows == 5000 and len(found) == 3
    assert all(Flaw.CUT in flaws(parcel) for parcel in found[:2])
    for one, following in zip(found, found[1:], strict=False):
        assert one.end_row - following.first_row == 240 and one.end_row - one.first_row <= 2000 + 500


def test_long_parcels_have_a_tail() -> None:
    _, (parcel,) = follow([lines(0, drawn(900, (100, 800)), motion=1)])
    tail = parcel.tail["top"]
    assert tail.before and not tail.behind and tail.xyxy[3] == parcel.views["top"].xyxy[3]


@pytest.mark.parametrize(
    ("second", "parcels"),
    [((206, 350, 40, 80), 1), ((206, 350, 5, 45), 2), ((220, 350, 40, 80), 2), ((200, 350, 5, 45), 1)],
    ids=["air but the same outline", "air and another outline", "over the gap", "no air between"],
)
def test_touching_parcels(second: tuple[int, int, int, int], parcels: int) -> None:
    values = drawn(500, (100, 200))
    first, end, left, right = second
    values[first:end, left:right] *= 0.4
    _, found = follow([lines(0, values, motion=1)])
    assert len(found) == parcels
    if parcels == 1:
        assert Flaw.SEVERAL_PARCELS in flaws(found[0]) and not found[0].doubts
    for one, following in zip(found, found[1:], strict=False):
        assert one.views["top"].xyxy[3] <= following.views["top"].xyxy[1] + 5


# --- calibration


def raw_lines(rng: np.random.Generator, transmission: np.ndarray, gain: np.ndarray, dark: np.ndarray) -> np.ndarray:
    noisy = transmission * rng.normal(1, 0.003, transmission.shape)
    return np.clip(40_000 * (dark + gain * noisy), 0, 65_535).astype(np.uint16)


def test_dark_and_air_give_transmissions_and_dead_detectors_are_bridged() -> None:
    rng = np.random.default_rng(3)
    gain, dark = rng.uniform(0.7, 0.95, (WIDE, 2)), rng.uniform(0.02, 0.06, (WIDE, 2))
    gain[20] = 0
    dark[21], gain[21] = 0.5, 0
    view = ViewCalibration(WIDE, 40_000, calibrated=False)
    nothing, air = np.zeros((128, WIDE, 2)), np.ones((128, WIDE, 2))
    for part in (nothing, air):
        values = raw_lines(rng, part, gain, dark)
        view.learn(values, is_dark(values, 40_000))
    assert view.ready and view.dead.tolist() == [20, 21] and widest_run(view.dead) == 2
    half = view.levels(raw_lines(rng, air * 0.5, gain, dark)) / AIR_LEVEL
    assert np.abs(half.mean(axis=0) - 0.5).max() < 0.003


def test_drift_is_followed_and_too_much_of_it_is_told() -> None:
    rng = np.random.default_rng(4)
    gain, dark = np.full((WIDE, 2), 0.9), np.full((WIDE, 2), 0.03)
    view = ViewCalibration(WIDE, 40_000, calibrated=False)
    for part in (np.zeros((64, WIDE, 2)), np.ones((64, WIDE, 2))):
        values = raw_lines(rng, part, gain, dark)
        view.learn(values, is_dark(values, 40_000))
    for factor, drifted in ((0.9, False), (0.7, True)):
        for _ in range(40):
            view.follow(raw_lines(rng, np.ones((64, WIDE, 2)), gain * factor, dark))
        levels = view.levels(raw_lines(rng, np.ones((64, WIDE, 2)), gain * factor, dark))
        assert abs(levels.mean() / AIR_LEVEL - 1) < 0.01 and view.drifted == drifted


def test_raw_lines_without_calibration_are_counted_and_never_screened() -> None:
    reader, found = follow([lines(0, drawn(400, (100, 200)), motion=1, beam=True)], calibrated=False)
    assert not found and not reader.calibrated and reader.counts.learning == 400


def test_a_wide_blind_stretch_forbids_silence() -> None:
    values = drawn(600, (300, 400))
    values[:, 10:14] = 0
    _, (parcel,) = follow([lines(0, values, motion=1)])
    assert Flaw.BLIND in flaws(parcel) and "8 mm" in parcel.doubts[0]


# --- whatever comes


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_cut_of_the_stream_loses_a_line(data: st.DataObject) -> None:
    """Any pieces, repeats and losses: all lines are accounted for, rows rise, memory stays small."""
    values = drawn(300, (60, 130), (190, 240))
    messages: list[LinesMessage] = []
    at = 0
    while at < 300:
        step = data.draw(st.integers(1, 60))
        back = data.draw(st.sampled_from([0, 0, 0, 5]))
        first = max(0, at - back)
        if data.draw(st.integers(0, 5)) or not messages:
            messages.append(lines(first, values[first : at + step], motion=1))
        at += step
    reader, found = follow(messages)
    counts = reader.counts
    last = messages[-1].sequence + len(messages[-1].values)
    assert counts.lines + counts.lost == last - messages[0].sequence
    for one, following in zip(found, found[1:], strict=False):
        assert one.end_row <= following.first_row and one.end_line <= following.first_line
    if counts.lost == 0 and last == 300:
        assert len(found) == 2 and found_at(found[0], 60, 130) and found_at(found[1], 190, 240)


def test_views_that_do_not_keep_up_are_lost_lines() -> None:
    reader = BeltReader(hello(views=("top", "side"), detectors=(WIDE, WIDE)))
    values = drawn(3000)
    for first in range(0, 3000, 100):
        assert list(reader.add(lines(first, values[first : first + 100]))) == []
    list(reader.add(replace(lines(0, values[:100]), view=1)))
    assert reader.counts.lost > 1000
