"""Signal detection theory: against published values, and against simulated operators whose truth is known."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest

from parcelsight.screening.tutor.detection_theory import (
    Answers,
    area_under_roc,
    criterion,
    d_prime,
    roc_points,
)

NORMAL = NormalDist()
RUNS = 1000
CASES = [(1.0, 0.0, 60, 60), (2.0, 0.0, 60, 180), (2.0, 0.4, 120, 120), (1.5, -0.3, 60, 60), (3.0, 0.0, 120, 360)]


def test_log_linear_d_prime_of_a_perfect_score() -> None:
    """25 hits of 25 and no false alarm of 25: H = 25.5/26 and F = .5/26 (Hautus 1995)."""
    answers = Answers(25, 0, 0, 25)
    assert d_prime(answers).value == pytest.approx(2 * NORMAL.inv_cdf(25.5 / 26))
    assert criterion(answers).value == pytest.approx(0.0)
    assert answers.is_few


def test_nobody_has_answered() -> None:
    nothing = Answers(0, 0, 0, 0)
    assert d_prime(nothing).value == 0
    assert d_prime(nothing).high > 3
    with pytest.raises(ValueError, match="not negative"):
        Answers(-1, 0, 0, 0)
    with pytest.raises(ValueError, match="with and without"):
        roc_points([], [1])


@pytest.mark.parametrize(("truth", "bias", "threats", "harmless"), CASES)
def test_intervals_cover_the_truth(truth: float, bias: float, threats: int, harmless: int) -> None:
    """Simulated operators with known d′ and criterion: the intervals hold the truth in 95 ± 2 % of 1,000 runs."""
    rng = random.Random(f"{truth} {bias} {threats}")
    hit, false = NORMAL.cdf(truth / 2 - bias), NORMAL.cdf(-truth / 2 - bias)
    covered = [0, 0]
    for _ in range(RUNS):
        hits, alarms = _binomial(rng, threats, hit), _binomial(rng, harmless, false)
        answers = Answers(hits, threats - hits, alarms, harmless - alarms)
        for k, (estimate, value) in enumerate(((d_prime(answers), truth), (criterion(answers), bias))):
            covered[k] += estimate.low <= value <= estimate.high
    assert all(0.93 <= count / RUNS <= 0.975 for count in covered), covered


def _binomial(rng: random.Random, n: int, p: float) -> int:
    return sum(rng.random() < p for _ in range(n))


def test_the_area_is_that_of_the_model() -> None:
    """With equal variances A = Φ(d′/√2)."""
    rng = random.Random(1)
    threat = [round(rng.gauss(1.5, 1) * 50) for _ in range(3000)]
    harmless = [round(rng.gauss(0, 1) * 50) for _ in range(3000)]
    area = area_under_roc(threat, harmless)
    assert area.low < NORMAL.cdf(1.5 / math.sqrt(2)) < area.high
    assert area.high - area.low < 0.03


def test_an_roc_runs_from_corner_to_corner() -> None:
    points = roc_points([6, 6, 5, 4, 1], [1, 1, 2, 5, 3])
    assert points[0] == (0.0, 0.0) and points[-1] == (1.0, 1.0)
    assert points == sorted(points)
