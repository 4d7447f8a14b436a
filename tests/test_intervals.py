"""Intervals: known values, bounds, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from parcelsight.training.intervals import bootstrap_weights, clopper_pearson, percentile_interval


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.3085, id="none of ten"),
        pytest.param(10, 10, 0.6915, 1.0, id="ten of ten"),
        pytest.param(5, 10, 0.1871, 0.8129, id="half of ten"),
        pytest.param(1, 100, 0.000253, 0.05446, id="one of a hundred"),
        pytest.param(78, 100, 0.6861, 0.8567, id="78 of a hundred"),
    ],
)
def test_clopper_pearson_gives_published_values(hits: int, n: int, low: float, high: float) -> None:
    interval = clopper_pearson(hits, n)
    assert interval is not None
    assert interval.value == hits / n and interval.n == n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_nothing_tried_has_no_interval() -> None:
    assert clopper_pearson(0, 0) is None


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_clopper_pearson_covers_at_least_95_percent(rate: float) -> None:
    n = 60
    hits = np.random.default_rng(7).binomial(n, rate, size=4000)
    intervals = {h: clopper_pearson(h, n) for h in range(n + 1)}
    covered = [i.low <= rate <= i.high for i in (intervals[int(h)] for h in hits) if i]
    assert len(covered) == 4000
    assert np.mean(covered) >= 0.945  # exact intervals cover 95 % or more; the rest is simulation noise


def test_bootstrap_draws_whole_groups() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    weights = bootstrap_weights(groups, 200, seed=1)
    assert weights.shape == (200, 6)
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()
    assert len(np.unique(weights, axis=0)) > 3


@pytest.mark.parametrize(
    ("groups", "shape"),
    [pytest.param(["one"] * 5, (100, 5), id="a single group: scans are drawn"), pytest.param([], (100, 0), id="none")],
)
def test_bootstrap_of_too_few_groups(groups: list[str], shape: tuple[int, int]) -> None:
    weights = bootstrap_weights(groups, 100, seed=0)
    assert weights.shape == shape
    assert (weights.sum(axis=1) == len(groups)).all()
    if groups:
        assert weights.std() > 0


def test_same_seed_same_draws() -> None:
    groups = [str(i // 2) for i in range(30)]
    assert (bootstrap_weights(groups, 50, 3) == bootstrap_weights(groups, 50, 3)).all()
    assert (bootstrap_weights(groups, 50, 3) != bootstrap_weights(groups, 50, 4)).any()


def test_clustered_bootstrap_covers_where_an_unclustered_one_does_not() -> None:
    """Scans of a group share their fate almost entirely: drawing single scans claims far too much certainty."""
    rng = np.random.default_rng(11)
    n_groups, per_group, rate, trials = 40, 8, 0.6, 120
    groups = [str(i) for i in np.repeat(np.arange(n_groups), per_group)]
    clustered = bootstrap_weights(groups, 300, seed=5)
    single = bootstrap_weights([str(i) for i in range(len(groups))], 300, seed=5)
    covered = {"clustered": 0, "single": 0}
    for _ in range(trials):
        hits = np.repeat(rng.random(n_groups) < rate, per_group).astype(np.float64)
        for name, weights in (("clustered", clustered), ("single", single)):
            interval = percentile_interval(
                float(hits.mean()), weights @ hits / weights.sum(axis=1), len(hits), n_groups
            )
            covered[name] += interval.low <= rate <= interval.high
    assert covered["clustered"] / trials >= 0.88
    assert covered["single"] / trials <= 0.70


def test_percentile_interval_holds_its_value_and_ignores_empty_resamples() -> None:
    interval = percentile_interval(0.5, np.array([0.6, 0.7, np.nan, 0.65]), 12, 12)
    assert interval.low == 0.5 and 0.69 <= interval.high <= 0.7 and interval.n == 12


def test_no_usable_resample_says_nothing() -> None:
    interval = percentile_interval(1.0, np.array([np.nan]), 1, 1)
    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "low", "high"), [pytest.param(0.0, 0.0, 0.3085, id="nothing"), pytest.param(1.0, 0.6915, 1.0, id="all")]
)
def test_finding_nothing_or_everything_is_no_certainty(value: float, low: float, high: float) -> None:
    interval = percentile_interval(value, np.full(100, value), n=35, trials=10)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4) and interval.n == 35
