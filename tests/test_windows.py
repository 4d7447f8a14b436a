"""Several looks, one result: no double, no cut object, no jumping box, nothing taken back; the verdict at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.detections import Detections
from parcelsight.inference.detector import Detector
from parcelsight.inference.fusion import MAX_CLAIMS, Fusion, Look
from parcelsight.inference.report import to_record
from parcelsight.inference.resolution import tile_spans
from parcelsight.inference.screening import screen_scan
from parcelsight.inference.stream.judging import GrowingResult
from parcelsight.inference.stream.parcels import BeltPart
from parcelsight.inference.verdicts import Verdict
from tests.models import dark_model, model_card, save

Row = tuple[float, float, float, float, float, int]


def found(*rows: Row) -> Detections:
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(values[:, :4].astype(np.float32), values[:, 4].astype(np.float32), values[:, 5].astype(np.int64))


def window(first: float, end: float, before: bool = True, behind: bool = True) -> Look:
    return Look((0, first, 300, end), (False, before, False, behind))


def fused(looks: Sequence[tuple[Look, Detections]], whole: Detections | None = None) -> Fusion:
    fusion = Fusion([0, 0, 1])
    for look, detections in looks:
        fusion.add(look, detections)
    if whole is not None:
        fusion.finish(Look((0, 0, 300, 1000)), whole)
    return fusion


A, B, C = window(0, 480, before=False), window(240, 720), window(480, 960)
GUN: Row = (100, 300, 200, 440, 0.8, 0)

CASES: dict[str, tuple[list[tuple[Look, Detections]], list[Row]]] = {
    "seen once": ([(A, found((10, 20, 60, 90, 0.7, 0)))], [(10, 20, 60, 90, 0.7, 0)]),
    "seen twice, a little apart": (
        [(A, found(GUN)), (B, found((104, 296, 203, 444, 0.9, 0)))],
        [(100, 300, 200, 440, 0.9, 0)],
    ),
    "cut waits": ([(A, found((100, 400, 200, 479, 0.8, 0)))], []),
    "cut, then whole": (
        [(A, found((100, 400, 200, 479, 0.8, 0))), (B, found((100, 400, 200, 560, 0.7, 0)))],
        [(100, 400, 200, 560, 0.8, 0)],
    ),
    "cut, then nothing there": ([(A, found((100, 400, 200, 479, 0.8, 0))), (B, found())], []),
    "longer than the overlap": (
        [(A, found((100, 100, 150, 480, 0.8, 0))), (B, found((100, 240, 150, 620, 0.6, 0)))],
        [(100, 100, 150, 620, 0.8, 0)],
    ),
    "longer than a window": (
        [
            (A, found((100, 100, 150, 480, 0.8, 0))),
            (B, found((100, 240, 150, 720, 0.6, 0))),
            (C, found((100, 480, 150, 900, 0.7, 0))),
        ],
        [(100, 100, 150, 900, 0.8, 0)],
    ),
    "two beside each other": (
        [(A, found(GUN, (210, 300, 290, 440, 0.7, 0))), (B, found(GUN, (210, 300, 290, 440, 0.6, 0)))],
        [GUN, (210, 300, 290, 440, 0.7, 0)],
    ),
    "another class of the group": (
        [(A, found(GUN)), (B, found((100, 300, 200, 440, 0.9, 1)))],
        [(100, 300, 200, 440, 0.9, 1)],
    ),
    "another group in the same place": (
        [(A, found(GUN)), (B, found((100, 300, 200, 440, 0.7, 2)))],
        [GUN, (100, 300, 200, 440, 0.7, 2)],
    ),
    "part within a whole": ([(A, found(GUN, (110, 310, 130, 330, 0.6, 1)))], [GUN, (110, 310, 130, 330, 0.6, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_looks_are_fused(case: str) -> None:
    looks, expected = CASES[case]
    claims = fused(looks).claims
    told = [(*claim.xyxy, round(claim.score, 6), claim.class_id) for claim in claims]
    assert [tuple(np.round(row, 3)) for row in told] == [
        tuple(np.round(row, 3)) for row in sorted(expected, key=lambda r: -r[4])
    ]


def test_what_was_shown_stays_and_does_not_jump() -> None:
    fusion = fused([(A, found(GUN))])
    shown = fusion.claims[0]
    fusion.add(B, found())
    fusion.add(C, found())
    fusion.finish(Look((0, 0, 300, 1000)), found((103, 302, 204, 443, 0.55, 0), (10, 800, 60, 880, 0.6, 2)))
    first, second = fusion.claims
    assert (first.number, first.xyxy, first.score) == (shown.number, shown.xyxy, shown.score)
    assert second.number == shown.number + 1 and len(fusion.detections) == 2


def test_the_whole_decides_about_what_waits() -> None:
    cut: Row = (100, 900, 200, 959, 0.8, 0)
    assert len(fused([(C, found(cut))], whole=found()).claims) == 0
    assert len(fused([(C, found(cut))], whole=found((100, 900, 200, 990, 0.6, 0))).claims) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 250), st.integers(0, 900), st.integers(8, 50), st.integers(8, 200), st.integers(0, 2)),
        max_size=6,
    )
)
def test_perfect_looks_give_each_object_once(boxes: list[tuple[int, int, int, int, int]]) -> None:
    """Objects apart from each other, seen perfectly by every window and by the whole: each is told once, whole."""
    objects: list[Row] = []
    for x, y, width, height, label in boxes:
        box = (x, y, min(300, x + width), min(1000, y + height))
        if all(box[0] >= o[2] or box[2] <= o[0] or box[1] >= o[3] or box[3] <= o[1] for o in objects):
            objects.append((*box, 0.9, label))
    fusion = Fusion([0, 0, 1])
    shown: set[int] = set()
    for look in (A, B, C):
        _, top, _, bottom = look.xyxy
        seen = [
            (x, max(y, top), x2, min(y2, bottom), s, c) for x, y, x2, y2, s, c in objects if y < bottom and y2 > top
        ]
        fusion.add(look, found(*[row for row in seen if row[3] - row[1] >= 8]))
        now = {claim.number for claim in fusion.claims}
        assert shown <= now
        shown = now
    fusion.finish(Look((0, 0, 300, 1000)), found(*objects))
    told = sorted(tuple(round(edge) for edge in claim.xyxy) for claim in fusion.claims)
    assert told == sorted(tuple(round(edge) for edge in row[:4]) for row in objects)


def test_a_mad_model_is_bounded() -> None:
    rng = np.random.default_rng(0)
    fusion = Fusion([0])
    for number in range(8):
        corners = rng.uniform(0, 280, (300, 2))
        boxes = np.hstack([corners, corners + rng.uniform(1, 20, (300, 2))]).astype(np.float32)
        look = window(240 * number, 240 * number + 480)
        boxes[:, [1, 3]] += np.float32(240 * number + 400)
        detections = Detections(boxes, np.full(300, 0.5, np.float32), np.zeros(300, np.int64))
        fusion.add(look, detections)
    waiting = [kept for kept in fusion._kept if not kept.claim.shown]
    assert len(waiting) <= MAX_CLAIMS


# --- the growing result


def part(first_row: int, rows: int, before: bool = False, behind: bool = False, rows_per_px: float = 1.0) -> BeltPart:
    scan = Scan("p", np.full((rows, 200, 2), AIR_LEVEL, np.uint16), ScanKind.DUAL_ENERGY, 1.0)
    return BeltPart(scan, 50, first_row, rows_per_px, before, behind)


NO_BOXES = np.zeros((0, 4), np.float32)


def test_boxes_go_to_the_belt_and_back() -> None:
    some = found((10, 20, 60, 90, 0.7, 0))
    place = part(1000, 300, rows_per_px=2.0)
    assert place.to_belt(some).xyxy_px.tolist() == [[60, 1040, 110, 1180]]
    assert place.from_belt(place.to_belt(some)).xyxy_px.tolist() == some.xyxy_px.tolist()


def test_an_early_alarm_is_in_the_verdict_with_its_number() -> None:
    result = GrowingResult("p", model_card())
    assert result.add(part(1000, 480, behind=True), found((10, 100, 60, 190, 0.7, 0)))
    early = result.early_record()["detections"][0]
    assert early["id"] == 1 and early["xyxy_belt"] == [60, 1100, 110, 1190] and early["class"] == "pistol"
    assert not result.add(part(1240, 480, before=True, behind=True), found())
    screened = result.finish(part(990, 820), found((100, 500, 150, 560, 0.9, 1)), NO_BOXES, ["lines were lost"], {})
    assert screened.verdict is Verdict.ALARM and screened.reason.endswith("; lines were lost")
    assert screened.claim_numbers == (2, 1)
    assert screened.detections.xyxy_px.tolist() == [[100, 500, 150, 560], [10, 110, 60, 200]]
    assert [d["id"] for d in to_record(screened, model_card())["detections"]] == [2, 1]


@pytest.mark.parametrize(
    ("dense", "doubts", "verdict", "reason"),
    [
        (0, [], Verdict.NO_ALARM, "nothing above"),
        (2, [], Verdict.REVIEW, "2 areas too dense to judge"),
        (0, ["lines were lost"], Verdict.REVIEW, "lines were lost"),
    ],
)
def test_silence_with_a_doubt_is_a_review(dense: int, doubts: list[str], verdict: Verdict, reason: str) -> None:
    boxes = np.tile(np.array([[5, 5, 30, 30]], np.float32), (dense, 1))
    screened = GrowingResult("p", model_card()).finish(part(0, 400), found(), boxes, doubts, {})
    assert screened.verdict is verdict and screened.reason.startswith(reason) and len(screened.dense_xyxy_px) == dense


def test_an_alarm_outlives_a_whole_that_could_not_be_looked_at() -> None:
    result = GrowingResult("p", model_card())
    assert result.give_up(part(0, 800), []) is None
    result.add(part(0, 480, behind=True), found((10, 100, 60, 190, 0.7, 0)))
    screened = result.give_up(part(0, 800), [])
    assert screened is not None and screened.verdict is Verdict.ALARM and "was not looked at" in screened.reason


# --- strips


@pytest.mark.parametrize("upright", [True, False])
def test_a_strip_is_looked_at_in_tiles(tmp_path: Path, upright: bool) -> None:
    """Two dark squares in a strip of aspect 20: the whole sees the one hull of both, tiles see them apart."""
    detector = Detector(save(dark_model(), tmp_path / "dark.onnx"))
    pixels = np.full((2000, 100, 3), 250, np.uint8)
    pixels[::7] = 200, 180, 150
    pixels[300:360, 20:80] = pixels[1500:1560, 20:80] = 5
    if not upright:
        pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    screened = screen_scan(detector, Scan("strip", pixels, ScanKind.PSEUDO_COLOUR))
    along = slice(1, 4, 2) if upright else slice(0, 3, 2)
    spans = sorted(tuple(round(float(edge), -1) for edge in box[along]) for box in screened.detections.xyxy_px)
    assert screened.verdict is Verdict.ALARM and {(300, 360), (1500, 1560)} <= set(spans) and len(spans) <= 3


@pytest.mark.parametrize(
    ("height", "width", "pitch", "tiled"),
    [
        (800, 100, None, False),
        (801, 100, None, True),
        (3000, 400, 1.0, False),
        (3300, 600, 1.0, True),
        (100, 3000, 1.5, True),
    ],
)
def test_tiles_cover_the_strip(height: int, width: int, pitch: float | None, tiled: bool) -> None:
    scan = Scan("s", np.zeros((height, width), np.uint8), ScanKind.GREY, pitch)
    spans = tile_spans(scan, 640)
    assert bool(spans) == tiled
    if tiled:
        assert spans[0][0] == 0 and spans[-1][1] == max(height, width)
        for one, following in zip(spans, spans[1:], strict=False):
            length = one[1] - one[0]
            assert following[0] < one[1] and one[1] - following[0] >= length / 2 - 1
