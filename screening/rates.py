"""Rates with their uncertainty, for supervisors and trainers."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)
FEW = 30
"""Below so many cases a rate says little, and pages say so."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with the 95 % Wilson score interval.

    The interval is E. B. Wilson's (Probable inference, Journal of the American Statistical Association 22, 1927):
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Unlike the textbook's p ± z √(p(1-p)/n) it holds near 0 and 1.
    """

    count: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.of:
            raise ValueError(f"{self.count} of {self.of} is no rate")

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; 0 and 1 where there is nothing to go by."""
        if not self.of:
            return 0.0, 1.0
        n, p, z2 = self.of, self.count / self.of, _Z * _Z
        middle = p + z2 / (2 * n)
        reach = _Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        scale = 1 + z2 / n
        return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)

    @property
    def is_few(self) -> bool:
        """True where the sample is too small to judge anybody by."""
        return self.of < FEW
