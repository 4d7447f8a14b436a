"""95 % confidence intervals: exact ones for rates, clustered bootstrap for everything else.

Scans of one bag, series or object design resemble each other, so the bootstrap draws whole groups (Record.group), not
single scans: Field & Welsh, "Bootstrapping clustered data", J. R. Statist. Soc. B 69 (2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from ..detector.card import Interval

CONFIDENCE = 0.95
FEWEST_GROUPS = 10
"""With fewer groups than this a bootstrap over groups is known to be too narrow; reports say so."""


def clopper_pearson(hits: int, n: int) -> Interval | None:
    """The exact interval of a rate (Clopper & Pearson, Biometrika 26, 1934); None where nothing was tried.

    It holds for independent trials; where trials share a bag or an object the truth is wider.

    Args:
        hits: how many trials succeeded, 0…n.
        n: how many trials there were.
    """
    if n == 0:
        return None
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Interval(value=hits / n, low=low, high=high, n=n)


def bootstrap_weights(groups: Sequence[str], replicates: int, seed: int) -> NDArray[np.float32]:
    """How often each scan occurs in each bootstrap replicate.

    Args:
        groups: one group name a scan; scans of a group are drawn together. A single group leaves nothing to draw
            from, so its scans are drawn one by one.
        replicates: how many resamples.
        seed: of the random generator; the same seed gives the same intervals.

    Returns:
        (replicates, scans) counts; each row draws as many groups as there are.
    """
    names, group_of_scan = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    if len(names) < 2:
        group_of_scan = np.arange(len(groups))
    n_groups = int(group_of_scan.max(initial=-1)) + 1
    if n_groups == 0:
        return np.zeros((replicates, 0), np.float32)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=replicates)
    return np.asarray(draws[:, group_of_scan], dtype=np.float32)


def percentile_interval(value: float, replicates: NDArray[np.float64], n: int, trials: int) -> Interval:
    """The percentile bootstrap interval around a measured value.

    Where nothing was found, or everything perfectly, no resample differs and the bootstrap would claim certainty; the
    interval is then the exact one of none, or all, of the independent trials.

    Args:
        value: the statistic on the whole sample.
        replicates: the statistic on every resample; NaN where a resample held nothing to measure.
        n: what the statistic was measured on.
        trials: how many groups of scans it was measured on.
    """
    usable = replicates[np.isfinite(replicates)]
    if len(usable) == 0:
        return Interval(value=value, low=0.0, high=1.0, n=n)
    low, high = percentile_bounds(usable)
    if np.ptp(usable) == 0 and value in (0.0, 1.0):
        exact = clopper_pearson(round(value * trials), trials)
        low, high = (exact.low, exact.high) if exact else (0.0, 1.0)
    # On tiny samples the value can fall beside its own percentile interval; an interval that misses it misleads.
    return Interval(value=value, low=min(low, value), high=max(high, value), n=n)


def percentile_bounds(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """Between which 95 % of the finite replicates lie, of which there is at least one."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates[np.isfinite(replicates)], [tail, 1 - tail])
    return float(low), float(high)


def share_interval(
    scan: NDArray[np.int64], success: NDArray[np.bool_], weights: NDArray[np.float32], groups: int
) -> Interval:
    """A share of things that lie in scans, with its bootstrap interval over groups of scans.

    Args:
        scan: (n,) the scan of each thing, at least one.
        success: (n,) which of them count.
        weights: (replicates, scans) of :func:`bootstrap_weights`.
        groups: how many groups the things come from.
    """
    n_scans = weights.shape[1]
    counts = np.bincount(scan, minlength=n_scans)
    hits = np.bincount(scan[success], minlength=n_scans)
    with np.errstate(invalid="ignore"):  # none of the things in a resample: 0/0 is NaN, which the interval leaves out
        replicates = (weights @ hits) / (weights @ counts)
    return percentile_interval(float(success.mean()), replicates.astype(np.float64), len(scan), groups)
