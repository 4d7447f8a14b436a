"""Signal detection theory: how well somebody tells threat from harmless, apart from how ready they are to say "threat".

The model is the equal-variance Gaussian one: a harmless parcel gives evidence N(0, 1), one with a threat N(d′, 1), and
everything above a criterion is called a threat (Green and Swets, Signal Detection Theory and Psychophysics, 1966).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from statistics import NormalDist

from ..rates import FEW, Rate

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, standard_error: float) -> Estimate:
        """Symmetric and normal."""
        return cls(value, value - _Z * standard_error, value + _Z * standard_error)


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody answered, counted.

    Raises:
        ValueError: if a count is negative.
    """

    hits: int
    misses: int
    false_alarms: int
    correct_rejections: int

    def __post_init__(self) -> None:
        if min(self.hits, self.misses, self.false_alarms, self.correct_rejections) < 0:
            raise ValueError("counts are not negative")

    @property
    def hit_rate(self) -> Rate:
        """Of parcels with a threat."""
        return Rate(self.hits, self.hits + self.misses)

    @property
    def false_alarm_rate(self) -> Rate:
        """Of harmless parcels."""
        return Rate(self.false_alarms, self.false_alarms + self.correct_rejections)

    @property
    def is_few(self) -> bool:
        """True where there is too little to judge anybody by: pages say so plainly."""
        return min(self.hit_rate.of, self.false_alarm_rate.of) < FEW

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.correct_rejections + other.correct_rejections,
        )


def d_prime(answers: Answers) -> Estimate:
    """Sensitivity d′ = z(H) - z(F): 0 is guessing, 1 fair, 2 good, 3 very good.

    H and F carry the log-linear correction, (count + ½) / (n + 1), which keeps z finite and biases least (Hautus,
    Behavior Research Methods 27, 1995). The standard error is the delta method's (Gourevitch and Galanter,
    Psychometrika 32, 1967) at the corrected rates; with 60 of each the interval covers 94.6 to 96.7 % in simulation.
    """
    hit, false = _corrected(answers)
    return Estimate.around(hit.z - false.z, sqrt(hit.variance + false.variance))


def criterion(answers: Answers) -> Estimate:
    """Criterion c = -(z(H) + z(F)) / 2: above 0 "threat" is said too seldom, below 0 too often. Errors as in d′."""
    hit, false = _corrected(answers)
    return Estimate.around(-(hit.z + false.z) / 2, sqrt(hit.variance + false.variance) / 2)


@dataclass(frozen=True, slots=True)
class _Corrected:
    """A rate in z units, and its variance there."""

    z: float
    variance: float


def _corrected(answers: Answers) -> tuple[_Corrected, _Corrected]:
    return _in_z(answers.hit_rate), _in_z(answers.false_alarm_rate)


def _in_z(rate: Rate) -> _Corrected:
    n = rate.of + 1
    p = (rate.count + 0.5) / n
    z = _NORMAL.inv_cdf(p)
    return _Corrected(z, p * (1 - p) / (n * _NORMAL.pdf(z) ** 2))


def roc_points(threat: Sequence[int], harmless: Sequence[int]) -> list[tuple[float, float]]:
    """The empirical ROC of answers with confidence.

    Args:
        threat: for each parcel with a threat, how sure the person was that it held one; higher is surer.
        harmless: the same for harmless parcels.

    Returns:
        (false-alarm rate, hit rate) at every level, from (0, 0) to (1, 1).

    Raises:
        ValueError: if either is empty.
    """
    if not threat or not harmless:
        raise ValueError("an ROC needs parcels with and without a threat")
    levels = sorted({*threat, *harmless}, reverse=True)
    hits = accumulate(sum(answer == level for answer in threat) for level in levels)
    false = accumulate(sum(answer == level for answer in harmless) for level in levels)
    return [(0.0, 0.0), *((f / len(harmless), h / len(threat)) for h, f in zip(hits, false, strict=True))]


def area_under_roc(threat: Sequence[int], harmless: Sequence[int]) -> Estimate:
    """A: how likely a parcel with a threat gets the surer answer; ½ is guessing.

    The area is the Mann-Whitney statistic, its standard error that of Hanley and McNeil (Radiology 143, 1982).

    Raises:
        ValueError: if either is empty.
    """
    points = roc_points(threat, harmless)
    area = sum((f1 - f0) * (h0 + h1) / 2 for (f0, h0), (f1, h1) in zip(points, points[1:], strict=False))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    n, m = len(threat), len(harmless)
    variance = (area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m)
    bounded = Estimate.around(area, sqrt(max(variance, 0.0)))
    return Estimate(area, max(0.0, bounded.low), min(1.0, bounded.high))
