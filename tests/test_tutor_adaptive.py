"""Adaptive difficulty against simulated operators whose truth is known."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

from parcelsight.screening.tutor.adaptive import (
    Candidate,
    Learner,
    Trial,
    choose,
    correction,
    hit_chance,
)
from parcelsight.screening.tutor.factors import Factor, Factors

ANSWERS = 60
MIDDLE = Factors(0.3, 0.3, 0.3)


@dataclass(frozen=True)
class Operator:
    """What the simulated ones have in common; ability differs from one to the next."""

    target: float = 0.75
    slope: float = 1.0
    """Against the slope that is assumed."""
    learning: float = 0.0
    """Logits of ability an answer."""
    wrong: float = 0.4
    """Standard deviation of what is not known of a picture's difficulty, in logits."""


def observed_hit_rate(kind: Operator, seed: int) -> float:
    """Of one operator, after 60 answers chosen for them by ability alone."""
    rng = np.random.default_rng(seed)
    learner, ability, hits = Learner(), rng.normal(0, 1.2), 0
    for number in range(ANSWERS):
        difficulty = learner.wanted("slide", kind.target)
        real = difficulty + rng.normal(0, kind.wrong)
        hit = bool(rng.random() < hit_chance(kind.slope * (ability + kind.learning * number - real), 0.0))
        learner.add(Trial("slide", Factors(0, 0, 0), difficulty, hit))
        hits += hit
    return hits / ANSWERS


OPERATORS = {
    "as assumed": (Operator(), 400),
    "a higher target": (Operator(target=0.8), 100),
    "a lower target": (Operator(target=0.7), 100),
    "flatter than assumed": (Operator(slope=0.7), 100),
    "steeper than assumed": (Operator(slope=1.5), 100),
    "learns all the time": (Operator(learning=0.015), 100),
    "pictures badly known": (Operator(wrong=0.8), 100),
}
"""1,000 in all."""


@pytest.mark.parametrize("case", OPERATORS)
def test_the_hit_rate_comes_to_the_target_within_sixty_answers(case: str) -> None:
    kind, count = OPERATORS[case]
    rates = [observed_hit_rate(kind, seed) for seed in range(count)]
    near = sum(abs(rate - kind.target) <= 0.05 + 1e-9 for rate in rates)
    assert near >= 0.9 * count
    assert abs(float(np.mean(rates)) - kind.target) < 0.02


def test_the_ability_is_estimated_with_its_uncertainty() -> None:
    rng = np.random.default_rng(7)
    covered, widths = 0, []
    for _ in range(100):
        learner, ability = Learner(), rng.normal(0, 1.2)
        for _ in range(ANSWERS):
            difficulty = learner.wanted("bolt", 0.75)
            hit = bool(rng.random() < hit_chance(ability, difficulty))
            learner.add(Trial("bolt", Factors(0, 0, 0), difficulty, hit))
        estimate = learner.ability("bolt")
        covered += estimate.low <= ability <= estimate.high
        widths.append(estimate.high - estimate.low)
    assert covered >= 88
    assert np.mean(widths) < 1.6


def test_a_factor_that_somebody_finds_hard_is_found_out_and_eased() -> None:
    rng = np.random.default_rng(3)
    learner = Learner()
    turned, covered = Factors(1.0, 0.1, 0.1), Factors(0.1, 1.0, 0.1)
    for number in range(160):
        factors = turned if number % 2 else covered
        real = 0.0 + (1.2 if factors is turned else 0.0)  # this one cannot read turned objects
        learner.add(Trial("pistol", factors, 0.0, bool(rng.random() < hit_chance(1.0, real))))
    assert learner.extra(Factor.VIEW) > 0.3
    assert learner.extra(Factor.VIEW) > learner.extra(Factor.SUPERPOSITION) + 0.4
    assert learner.felt(0.0, turned) > learner.felt(0.0, covered)
    assert learner.predicted("pistol", 0.0, turned) < learner.predicted("pistol", 0.0, covered)


def test_classes_are_apart() -> None:
    learner = Learner(Trial("slide", MIDDLE, 0.0, True) for _ in range(20))
    assert learner.ability("slide").value > learner.ability("bolt").value + 1
    assert learner.aim("slide", 0.75) < 0.75 == learner.aim("bolt", 0.75)


def test_answers_of_earlier_courses_tell_the_ability_and_not_the_score() -> None:
    learner = Learner(Trial("slide", MIDDLE, 0.0, True, counts=False) for _ in range(20))
    assert learner.ability("slide").value > 1
    assert learner.aim("slide", 0.75) == 0.75


def test_old_answers_grow_stale() -> None:
    novice = [Trial("slide", MIDDLE, 0.0, False) for _ in range(200)]
    expert = [Trial("slide", MIDDLE, 0.0, True) for _ in range(130)]
    assert Learner([*novice, *expert]).ability("slide").value == Learner(expert).ability("slide").value > 2


def test_the_picture_nearest_to_what_is_wanted_is_chosen() -> None:
    learner, rng = Learner(), random.Random(1)
    wanted = learner.wanted("slide", 0.75)
    flat = Factors(0.6, 0.1, 0.1)
    assert flat.leading is Factor.VIEW is learner.turn
    pictures = [Candidate(n, flat, wanted + off) for n, off in enumerate((-1.0, 0.1, 0.8))]
    assert choose(pictures, learner, "slide", 0.75, rng).picture_id == 1
    again = [Candidate(1, flat, wanted, times_seen=1), Candidate(2, flat, wanted + 1.5)]
    assert choose(again, learner, "slide", 0.75, rng).picture_id == 2
    covered = Candidate(3, Factors(0.1, 0.6, 0.1), wanted)
    assert choose([covered, Candidate(4, flat, wanted + 0.2)], learner, "slide", 0.75, rng).picture_id == 4


def test_each_factor_has_its_turn() -> None:
    learner = Learner()
    leaders = {Factor.VIEW: Factors(1, 0, 0), Factor.SUPERPOSITION: Factors(0, 1, 0), Factor.CLUTTER: Factors(0, 0, 1)}
    turns = []
    for _ in range(9):
        turns.append(learner.turn)
        learner.add(Trial("slide", leaders[learner.turn], 0.0, True))
    assert {turn: turns.count(turn) for turn in Factor} == dict.fromkeys(Factor, 3)


def test_pictures_find_their_difficulty() -> None:
    rng = np.random.default_rng(5)
    told, real = 0.0, 1.0
    for answers, ability in enumerate(rng.normal(0.5, 1, 400)):
        predicted = float(hit_chance(float(ability), told))
        told += correction(predicted, bool(rng.random() < hit_chance(float(ability), real)), answers)
    assert 0.6 < told < 1.4
    assert abs(correction(0.5, True, 100)) < abs(correction(0.5, True, 0)) / 5


def test_levels_are_levels() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Factors(1.2, 0, 0)
    assert Factors(0, 0, 0).difficulty < Factors(1, 0, 0).difficulty < Factors(1, 1, 1).difficulty
