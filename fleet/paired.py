"""How much more often one of two models alarms on the same scans, with a 95 % interval.

The scans are the same, so the two shares are not independent. The interval is R. G. Newcombe's method 10 (Improved
confidence intervals for the difference between binomial proportions based on paired data, Statistics in Medicine 17,
1998): the Wilson intervals of the two shares, joined by their correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from ..screening.rates import Rate


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same scans: how many alarm in both, in one alone, in none."""

    both: int
    only_before: int
    only_after: int
    neither: int

    @property
    def n(self) -> int:
        """Scans that both judged."""
        return self.both + self.only_before + self.only_after + self.neither

    @property
    def before(self) -> Rate:
        """Of the first model."""
        return Rate(self.both + self.only_before, self.n)

    @property
    def after(self) -> Rate:
        """Of the second."""
        return Rate(self.both + self.only_after, self.n)

    @property
    def difference(self) -> float | None:
        """Share of the second minus that of the first; None of nothing."""
        return (self.only_after - self.only_before) / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Of the difference; −1 to 1 where there is nothing to go by."""
        if not self.n:
            return -1.0, 1.0
        after, before = self.after.count / self.n, self.before.count / self.n
        (low1, high1), (low2, high2) = self.after.interval, self.before.interval
        phi, middle = self._correlation, after - before
        return (
            max(-1.0, middle - _reach(after - low1, high2 - before, phi)),
            min(1.0, middle + _reach(high1 - after, before - low2, phi)),
        )

    @property
    def _correlation(self) -> float:
        a, b, c, d = self.both, self.only_after, self.only_before, self.neither
        product = (a + b) * (c + d) * (a + c) * (b + d)
        if not product:
            return 0.0
        excess = a * d - b * c
        return (max(excess - self.n / 2, 0) if excess > 0 else excess) / sqrt(product)


def _reach(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
