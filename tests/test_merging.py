"""One object, one claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelsight.detector.detections import Detections
from parcelsight.detector.merging import merge_claims

BOX, NEAR, FAR, POINT = (0, 0, 100, 50), (2, 0, 100, 50), (200, 0, 300, 50), (5, 5, 5, 5)

CASES = {
    "two classes at one place": ([NEAR, BOX], [0.3, 0.4], [0, 1], [(BOX, 0.4, 1)]),
    "one class twice at one place": ([BOX, NEAR], [0.4, 0.3], [1, 1], [(BOX, 0.4, 1), (NEAR, 0.3, 1)]),
    "two places": ([BOX, FAR], [0.4, 0.3], [0, 1], [(BOX, 0.4, 0), (FAR, 0.3, 1)]),
    "three classes": ([BOX] * 3, [0.3, 0.5, 0.2], [0, 1, 2], [(BOX, 0.5, 1)]),
    "a claim that went takes none along": (
        [(0, 0, 100, 10), (20, 0, 120, 10), (40, 0, 140, 10)], [0.5, 0.4, 0.3], [0, 1, 2],
        [((0, 0, 100, 10), 0.5, 0), ((40, 0, 140, 10), 0.3, 2)],
    ),
    "boxes without area": ([POINT] * 2, [0.4, 0.3], [0, 1], [(POINT, 0.4, 0), (POINT, 0.3, 1)]),
    "none": ([], [], [], []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_claims_about_one_object_become_one(name: str) -> None:
    boxes, scores, classes, expected = CASES[name]
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int64)
    )
    merged = merge_claims(found)
    assert [tuple(box) for box in merged.xyxy_px.tolist()] == [box for box, _, _ in expected]
    np.testing.assert_allclose(merged.score, [score for _, score, _ in expected], rtol=1e-6)
    assert merged.class_id.tolist() == [class_id for _, _, class_id in expected]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0, 1), st.integers(0, 3)), max_size=20))
def test_the_best_claim_always_stays(rows: list[tuple[int, int, float, int]]) -> None:
    boxes = np.array([(x, y, x + 20, y + 20) for x, y, _, _ in rows], np.float32).reshape(-1, 4)
    scores = np.array([score for _, _, score, _ in rows], np.float32)
    found = Detections(boxes, scores, np.array([class_id for *_, class_id in rows], np.int64))
    merged = merge_claims(found)
    assert len(merged) <= len(found)
    assert merged.score.max(initial=0) == found.score.max(initial=0)
    assert (np.diff(merged.score) <= 0).all()
