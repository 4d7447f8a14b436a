"""Average precision: by hand, against faster-coco-eval, and resampled; labels of groups; thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.datasets.annotations import Annotations, Record
from parcelsight.detector.card import ClassSpec
from parcelsight.detector.detections import Detections
from parcelsight.detector.taxonomy import TAXONOMY, Group
from parcelsight.training.categories import ANY_THREAT, Category, categories_of, is_threat_free, match_category
from parcelsight.training.coco_reference import reference_precision
from parcelsight.training.matching import match_scan
from parcelsight.training.metrics import CategoryMatches, average_precision, resampled_precision
from parcelsight.training.operating_points import (
    ThresholdRule,
    alarms,
    choose_thresholds,
    is_resolved,
    top_scores,
)

Box = tuple[float, float, float, float]
Claim = tuple[Box, float, int]
Scored = tuple[Record, Detections]

CLASSES = tuple(ClassSpec(name=name, group=TAXONOMY.groups[name], threshold=0.25) for name in TAXONOMY.groups)
PISTOL, REVOLVER, CARTRIDGE = (TAXONOMY.class_id(name) for name in ("pistol", "revolver", "cartridge"))
A, B, C, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (70, 70, 80, 80)


def scored(
    labels: Sequence[tuple[Box, str]], claims: Sequence[Claim], scan_id: str = "s", **attributes: object
) -> Scored:
    """One scan of 100 × 100 pixels with its labels and the detector's claims."""
    annotations = Annotations.of([b for b, _ in labels], [name for _, name in labels], [attributes] * len(labels))
    ordered = sorted(claims, key=lambda claim: -claim[1])
    detections = Detections(
        np.asarray([c[0] for c in ordered], np.float32).reshape(-1, 4),
        np.asarray([c[1] for c in ordered], np.float32),
        np.asarray([c[2] for c in ordered], np.int64),
    )
    return Record(scan_id, (Path(f"{scan_id}.png"),), 100, 100, annotations, group=scan_id), detections


def category(name: str) -> Category:
    return {c.name: c for c in categories_of(CLASSES)}[name]


def own_precision(scans: Sequence[Scored], name: str) -> tuple[float, float]:
    matches = CategoryMatches.of([match_category(record, found, category(name)) for record, found in scans])
    values = average_precision(matches)
    return float(values[0]), float(values.mean())


GUN_A, GUN_B, GUN_C = (A, "pistol"), (B, "pistol"), (C, "pistol")


@pytest.mark.parametrize(
    ("scans", "name", "ap50"),
    [
        pytest.param([scored([GUN_A], [(A, 0.9, PISTOL)])], "pistol", 1.0, id="one found"),
        pytest.param([scored([GUN_A], [])], "pistol", 0.0, id="one missed"),
        # Recall reaches 1/2 at precision 1: 51 of the 101 points of recall.
        pytest.param([scored([GUN_A, GUN_B], [(A, 0.9, PISTOL)])], "pistol", 51 / 101, id="one of two"),
        pytest.param(
            [scored([GUN_A], [(FAR, 0.95, PISTOL), (A, 0.9, PISTOL)])], "pistol", 0.5, id="false alarm ranked first"
        ),
        pytest.param(
            [scored([GUN_A], [(A, 0.9, PISTOL), (FAR, 0.5, PISTOL)])], "pistol", 1.0, id="false alarm ranked last"
        ),
        pytest.param(
            [scored([GUN_A], [(A, 0.9, PISTOL), (A, 0.8, PISTOL)]), scored([GUN_A], [(A, 0.7, PISTOL)], "t")],
            "pistol",
            (51 + 50 * 2 / 3) / 101,
            id="a second box on one object is a false alarm",
        ),
        # Hits at ranks 1 and 3 of three objects: 34 points at 1, 33 at 2/3, 34 at 0.
        pytest.param(
            [scored([GUN_A, GUN_B, GUN_C], [(A, 0.9, PISTOL), (FAR, 0.8, PISTOL), (B, 0.7, PISTOL)])],
            "pistol",
            (34 + 33 * 2 / 3) / 101,
            id="two of three around a false alarm",
        ),
        pytest.param([scored([GUN_A], [(A, 0.9, REVOLVER)])], "pistol", 0.0, id="wrong class in the group"),
        pytest.param([scored([GUN_A], [(A, 0.9, REVOLVER)])], "firearm", 1.0, id="right group"),
        pytest.param([scored([GUN_A], [(A, 0.9, CARTRIDGE)])], ANY_THREAT, 1.0, id="wrong group, still a threat"),
        pytest.param([scored([(A, "firearm")], [(A, 0.9, PISTOL)])], "firearm", 1.0, id="group label counts by group"),
        pytest.param(
            [scored([(A, "firearm"), GUN_B], [(A, 0.95, PISTOL), (B, 0.9, PISTOL)])],
            "pistol",
            1.0,
            id="group label is no class-level error",
        ),
        pytest.param(
            [scored([(A, "knife"), GUN_B], [(A, 0.95, PISTOL), (B, 0.9, PISTOL)])],
            "pistol",
            0.5,
            id="foreign label is benign",
        ),
        pytest.param(
            [scored([((0, 0, 20, 10), "pistol")], [((0, 0, 10, 10), 0.9, PISTOL)])], "pistol", 1.0, id="IoU exactly .5"
        ),
        pytest.param(
            [scored([((0, 0, 21, 10), "pistol")], [((0, 0, 10, 10), 0.9, PISTOL)])], "pistol", 0.0, id="IoU below .5"
        ),
        pytest.param(
            [scored([((-20, 0, 10, 10), "pistol")], [(A, 0.9, PISTOL)])], "pistol", 1.0, id="label clipped to the scan"
        ),
    ],
)
def test_average_precision_by_hand(scans: list[Scored], name: str, ap50: float) -> None:
    assert own_precision(scans, name)[0] == pytest.approx(ap50, abs=1e-9)
    ((reference, _),) = reference_precision(scans, [category(name)])
    assert reference == pytest.approx(ap50, abs=1e-9)


def test_crowd_attribute_makes_an_ignore_region() -> None:
    crowd, _ = scored([(A, "cartridge")], [], "crowd", iscrowd=1)
    single, claims = scored([(B, "cartridge")], [((1, 1, 4, 4), 0.9, CARTRIDGE), (B, 0.8, CARTRIDGE)])
    both = Record("s", single.files, 100, 100, _joined(crowd.annotations, single.annotations), "s")
    assert own_precision([(both, claims)], "cartridge")[0] == 1.0


def _joined(first: Annotations, second: Annotations) -> Annotations:
    return Annotations(
        np.concatenate([first.xyxy_px, second.xyxy_px]),
        first.labels + second.labels,
        first.attributes + second.attributes,
    )


LABELS = ("pistol", "revolver", "firearm", "cartridge", "ammunition", "knife")


def random_scans(seed: int, n: int) -> list[Scored]:
    """Scans whose detections are noisy copies of labels and noise; scores are coarse, so that ties happen."""
    rng = np.random.default_rng(seed)
    scans = []
    for i in range(n):
        corners = rng.integers(0, 70, (int(rng.integers(0, 6)), 2))
        labels = [
            ((float(x), float(y), float(x + w), float(y + h)), str(rng.choice(LABELS)))
            for (x, y), (w, h) in zip(corners, rng.integers(4, 30, (len(corners), 2)), strict=True)
        ]
        near = [
            tuple(float(v) for v in np.sort(np.asarray(box).reshape(2, 2) + rng.normal(0, 1.5, (2, 2)), axis=0).ravel())
            for box, _ in labels
            for _ in range(2)
        ]
        score = np.round(rng.random(len(near)), 2)
        kind = rng.choice([PISTOL, REVOLVER, CARTRIDGE], len(near))
        claims = [((b[0], b[1], b[2], b[3]), float(s), int(k)) for b, s, k in zip(near, score, kind, strict=True)]
        scans.append(scored(labels, claims, f"s{i}"))
    return scans


@pytest.mark.parametrize("seed", range(6))
def test_own_average_precision_equals_faster_coco_eval(seed: int) -> None:
    """The intervals come from this code, the values from the reference: they must be the same statistic."""
    scans = random_scans(seed, 40)
    categories = categories_of(CLASSES)
    reference = np.asarray(reference_precision(scans, categories))
    own = np.asarray([own_precision(scans, c.name) for c in categories])
    np.testing.assert_allclose(own, reference, atol=1e-6)
    assert np.nanmin(reference[:, 0]) > 0 and np.nanmax(reference[:, 0]) < 1


def test_weights_count_like_repeated_scans() -> None:
    scans = random_scans(3, 12)
    matches = [match_category(record, found, category("firearm")) for record, found in scans]
    weights = np.array([[2, 0, 1, 3, 0, 1, 1, 0, 2, 1, 0, 1]], np.float32)
    repeated = [match for match, times in zip(matches, weights[0], strict=True) for _ in range(int(times))]
    expected = average_precision(CategoryMatches.of(repeated))
    got = resampled_precision(CategoryMatches.of(matches), weights)[0]
    # Repeats share their score; within such a tie the order of hits and false alarms may differ.
    np.testing.assert_allclose(got, [expected[0], expected.mean()], atol=0.02)


def test_no_object_gives_no_value() -> None:
    scans = [scored([], [(A, 0.9, PISTOL)])]
    assert np.isnan(own_precision(scans, "pistol")[0])
    assert np.isnan(reference_precision(scans, [category("pistol")])[0][0])
    assert reference_precision([], [category("pistol")])[0] != (0, 0)


@given(st.integers(0, 10_000), st.integers(0, 8), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_matching_never_takes_an_object_twice(seed: int, n_labels: int, n_claims: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.random((n_labels + n_claims, 2, 2)) * 50
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    ignore = rng.random(n_labels) < 0.3
    matches = match_scan(boxes[n_labels:], rng.random(n_claims), boxes[:n_labels], ignore)
    assert matches.objects == int((~ignore).sum())
    assert (matches.hit.sum(axis=1) <= matches.objects).all()
    assert not (matches.hit & matches.ignored).any()
    assert (np.diff(matches.score) <= 0).all()


def test_threat_free_means_no_label_of_the_taxonomy() -> None:
    assert is_threat_free(scored([(A, "knife")], [])[0]) and is_threat_free(scored([], [])[0])
    assert not is_threat_free(scored([(A, "firearm")], [])[0])
    assert not is_threat_free(scored([(A, "knife"), (B, "bolt")], [])[0])


def test_categories_follow_the_model() -> None:
    coarse = (ClassSpec(name="firearm", group=Group.FIREARM, threshold=0.5),)
    names = [c.name for c in categories_of(coarse)]
    assert names == ["firearm", "part", "associated", "ammunition", ANY_THREAT]
    assert len(categories_of(CLASSES)) == 12 + 4 + 1


def scores(*rows: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(rows, np.float32)


def test_top_scores_of_each_class() -> None:
    _, found = scored([], [(A, 0.4, PISTOL), (B, 0.7, PISTOL), (C, 0.2, CARTRIDGE)])
    top = top_scores([found, Detections.empty()], len(CLASSES))
    assert top.shape == (2, 12)
    assert top[0, PISTOL] == np.float32(0.7) and top[0, CARTRIDGE] == np.float32(0.2)
    assert top[0].sum() == pytest.approx(0.9) and top[1].sum() == 0


@pytest.mark.parametrize("rule", [ThresholdRule.COMMON, ThresholdRule.PER_CLASS])
@pytest.mark.parametrize("budget", [0.0, 0.02, 0.1, 0.5, 1.0])
def test_thresholds_keep_the_budget(rule: ThresholdRule, budget: float) -> None:
    given_scores = np.random.default_rng(2).beta(1, 6, (200, 5)).astype(np.float32)
    thresholds = choose_thresholds(given_scores, budget, rule, lowest=0.001)
    assert alarms(given_scores, thresholds).sum() <= budget * 200
    assert (thresholds >= np.float32(0.001)).all()


def test_common_threshold_lies_half_way_between_its_neighbours() -> None:
    given_scores = scores([0.9, 0.1], [0.2, 0.5], [0.3, 0.1], [0.1, 0.1])
    thresholds = choose_thresholds(given_scores, 0.25, ThresholdRule.COMMON, lowest=0.001)
    assert thresholds.tolist() == [pytest.approx(0.75)] * 2  # odds 9 and 1: their geometric mean is 3
    assert alarms(given_scores, thresholds).tolist() == [True, False, False, False]


def test_per_class_thresholds_do_not_drown_quiet_classes() -> None:
    loud = np.linspace(0.3, 0.9, 100, dtype=np.float32)
    quiet = loud[::-1] / 10
    thresholds = choose_thresholds(np.column_stack([loud, quiet]), 0.1, ThresholdRule.PER_CLASS, lowest=0.001)
    assert thresholds[0] > 0.8 and 0.08 < thresholds[1] < 0.09


def test_perfect_scores_on_threat_free_scans_cannot_be_excluded() -> None:
    given_scores = scores([1.0], [1.0], [0.2])
    thresholds = choose_thresholds(given_scores, 0.0, ThresholdRule.COMMON, lowest=0.001)
    assert thresholds.tolist() == [1.0] and alarms(given_scores, thresholds).sum() == 2


def test_where_no_alarm_is_allowed_some_distance_is_kept_from_the_best() -> None:
    given_scores = scores([0.5], [0.2], [0.1])
    (threshold,) = choose_thresholds(given_scores, 0.1, ThresholdRule.COMMON, lowest=0.001)
    assert threshold == pytest.approx(1 / (1 + np.exp(-np.log(4) / 2)))  # log odds 0 and -log 4


@pytest.mark.parametrize(
    ("parcels", "budget", "resolved"),
    [
        pytest.param(59, 0.02, False, id="one of 59"),
        pytest.param(249, 0.02, False, id="four of 249"),
        pytest.param(250, 0.02, True, id="five of 250"),
        pytest.param(100, 0.05, True, id="five of 100"),
        pytest.param(400, 0.01, False, id="four of 400"),
    ],
)
def test_a_point_is_resolved_by_five_false_alarms(parcels: int, budget: float, resolved: bool) -> None:
    assert is_resolved(budget, parcels) is resolved


def test_a_threshold_between_neighbours_keeps_its_budget_better_on_other_scans() -> None:
    """What the middle is for: on few negatives the lowest possible threshold lets through more than it promises."""
    rng = np.random.default_rng(5)
    lowest, middle = [], []
    for _ in range(200):
        chosen_on, others = rng.beta(1, 8, (59, 1)).astype(np.float32), rng.beta(1, 8, (2000, 1)).astype(np.float32)
        (threshold,) = choose_thresholds(chosen_on, 0.02, ThresholdRule.COMMON, lowest=0.001)
        middle.append(float((others >= threshold).mean()))
        lowest.append(float((others > np.sort(chosen_on[:, 0])[-2]).mean()))
    assert np.mean(middle) < 0.85 * np.mean(lowest) and np.mean(middle) < 0.028
