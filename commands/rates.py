"""Rates, their differences and thresholds as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..detector.card import Interval

if TYPE_CHECKING:
    from ..training.evaluation_parts import Change


def points(change: Change | None) -> str:
    """A paired difference in percentage points."""
    if change is None:
        return "–"
    value, low, high = (round(100 * each, 1) + 0.0 for each in (change.value, change.low, change.high))  # no -0.0
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def thresholds_text(values: Iterable[float]) -> str:
    """One threshold, or the span of several."""
    each = sorted(set(values))
    return f"{each[0]:.4f}" if len(each) == 1 else f"{each[0]:.4f} to {each[-1]:.4f}"


def percent(rate: Interval | None) -> str:
    """A rate with its interval in per cent."""
    return f"{100 * rate.value:.1f} ({100 * rate.low:.0f}–{100 * rate.high:.0f})" if rate else "–"
