"""Adaptive difficulty: every learner gets pictures that they find with about the wanted hit rate.

What a learner can do in a class is an ability on a grid, with a probability for each value, updated by Bayes' rule
after every answer; the difficulty shown next comes from that posterior (Watson and Pelli, QUEST: a Bayesian adaptive
psychometric method, Perception and Psychophysics 33, 1983; Kontsevich and Tyler, Bayesian adaptive estimation of
psychometric slope and threshold, Vision Research 39, 1999). How much harder than others they find each image factor
is estimated in the same way, from the pictures that this factor leads.

A binary answer tells little: placed by the posterior alone, a third of all learners end more than five points off the
target after 60 answers. So what is aimed at also makes up for the hits that are ahead of, or behind, the target.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from .detection_theory import Estimate
from .factors import Factor, Factors

Grid = NDArray[np.float64]

_GUESS = 0.02
"""Chance of a click into the right box by somebody who sees nothing."""
_LAPSE = 0.02
"""Chance to miss what is seen."""
_SLOPE = 1.2
_VALUES: Grid = np.linspace(-6, 6, 97)
_ABILITY_SD = 1.5
_EXTRA_SD = 0.7
"""Of how much harder one learner finds a factor's level 1 than the others do, in logits."""
_CATCH_UP = 8
"""Hits behind the target are made up for over so many answers."""
_AIM = (0.45, 0.95)
_WINDOW = 60
"""Hits are counted over so many latest answers: a library without hard pictures would else be made up for for ever."""
_STALE = 120
"""Older answers of a class no longer tell what somebody can do."""
_LEADS = 0.5
"""Level from which on an answer tells of its leading factor."""
_OTHER_FACTOR, _SEEN_BEFORE = 0.25, 2.0
"""What another factor than the one whose turn it is, and each earlier showing, count against a picture, in logits."""


def hit_chance(ability: Grid | float, difficulty: Grid | float) -> Grid:
    """The psychometric function: chance of a hit, logistic in ability - difficulty, with guesses and lapses."""
    seen = 1 / (1 + np.exp(-_SLOPE * (np.asarray(ability) - difficulty)))
    return np.asarray(_GUESS + (1 - _GUESS - _LAPSE) * seen)


_TABLE: Grid = hit_chance(_VALUES[:, None], _VALUES[None, :])
"""(ability, difficulty)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer to a picture with a threat."""

    label: str
    factors: Factors
    difficulty: float
    """Of the picture when it was shown."""
    hit: bool
    counts: bool = True
    """Whether it counts towards the target; answers of earlier courses only tell what somebody can do."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that may be shown."""

    picture_id: int
    factors: Factors
    difficulty: float
    times_seen: int = 0
    """By this learner."""


class _Belief:
    """A value on the grid with its probabilities."""

    def __init__(self, standard_deviation: float) -> None:
        weights = np.exp(-(_VALUES**2) / (2 * standard_deviation**2))
        self.probabilities: Grid = weights / weights.sum()

    @property
    def mean(self) -> float:
        return float(self.probabilities @ _VALUES)

    def learn(self, chances: Grid, hit: bool) -> None:
        """Bayes' rule, with the chance of a hit at each value."""
        weights = self.probabilities * (chances if hit else 1 - chances)
        self.probabilities = weights / weights.sum()


class Learner:
    """What is known of one learner; made anew from their answers, so nothing can be counted twice.

    Args:
        trials: oldest first.
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self._abilities: dict[str, _Belief] = {}
        self._extra = {factor: _Belief(_EXTRA_SD) for factor in Factor}
        self._led: Counter[Factor] = Counter()
        self._counted: dict[str, list[bool]] = {}
        for trial in _fresh(list(trials)):
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Learn from one more answer."""
        belief = self._ability(trial.label)
        before, felt = belief.mean, self.felt(trial.difficulty, trial.factors)
        belief.learn(hit_chance(_VALUES, felt), trial.hit)
        leading = trial.factors.leading
        level = trial.factors.level(leading)
        if level >= _LEADS:
            rest = felt - self._extra[leading].mean * level
            self._extra[leading].learn(hit_chance(before, rest + _VALUES * level), trial.hit)
        self._led[leading] += 1
        if trial.counts:
            self._counted.setdefault(trial.label, []).append(trial.hit)

    def felt(self, difficulty: float, factors: Factors) -> float:
        """A picture's difficulty for this learner."""
        return difficulty + sum(self._extra[factor].mean * factors.level(factor) for factor in Factor)

    def ability(self, label: str) -> Estimate:
        """In a class: the difficulty they find half of the time."""
        belief = self._ability(label)
        mean = belief.mean
        return Estimate.around(mean, sqrt(float(belief.probabilities @ (_VALUES - mean) ** 2)))

    def extra(self, factor: Factor) -> float:
        """How much harder than others they find the factor's level 1, in logits."""
        return self._extra[factor].mean

    def predicted(self, label: str, difficulty: float, factors: Factors) -> float:
        """Chance of a hit."""
        return float(self._ability(label).probabilities @ hit_chance(_VALUES, self.felt(difficulty, factors)))

    def aim(self, label: str, target: float) -> float:
        """The hit rate to aim at next so that the observed one comes to the target."""
        hits = self._counted.get(label, [])[-_WINDOW:]
        return float(np.clip(target + (target * len(hits) - sum(hits)) / _CATCH_UP, *_AIM))

    def wanted(self, label: str, target: float) -> float:
        """The difficulty, as this learner feels it, that they find with the chance aimed at."""
        chances = self._ability(label).probabilities @ _TABLE
        return float(np.interp(-self.aim(label, target), -chances, _VALUES))

    @property
    def turn(self) -> Factor:
        """The factor that led the fewest pictures so far: each has its turn."""
        return min(Factor, key=lambda factor: self._led[factor])

    def _ability(self, label: str) -> _Belief:
        return self._abilities.setdefault(label, _Belief(_ABILITY_SD))


def choose(
    candidates: Sequence[Candidate], learner: Learner, label: str, target: float, rng: random.Random
) -> Candidate:
    """The picture to show next.

    Args:
        candidates: pictures of one class.
        learner: who looks.
        label: the class.
        target: hit rate that is wanted, 0…1.
        rng: decides between equals.

    Raises:
        ValueError: without candidates.
    """
    wanted, turn = learner.wanted(label, target), learner.turn

    def cost(candidate: Candidate) -> tuple[float, float]:
        off = abs(learner.felt(candidate.difficulty, candidate.factors) - wanted)
        other = _OTHER_FACTOR * (candidate.factors.leading is not turn)
        return off + other + _SEEN_BEFORE * candidate.times_seen, rng.random()

    return min(candidates, key=cost)


def correction(predicted: float, hit: bool, answers: int) -> float:
    """What an answer adds to a picture's difficulty: less with every one before it.

    As in Elo's rating (The Rating of Chessplayers, 1978): the surprise, times a gain that falls with experience.
    """
    return 0.4 / (1 + answers / 10) * (predicted - hit)


def _fresh(trials: Sequence[Trial]) -> list[Trial]:
    """Without what has grown stale in its class."""
    left = Counter(trial.label for trial in trials)
    fresh = []
    for trial in trials:
        left[trial.label] -= 1
        if left[trial.label] < _STALE:
            fresh.append(trial)
    return fresh
