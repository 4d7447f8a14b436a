"""Calibrated scores: what a detector's confidence is after temperature scaling (Guo et al., ICML 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOGIT_EPS = 1e-6
"""Keeps the logit of scores 0 and 1 finite."""


def logit(score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log odds of scores, elementwise."""
    bounded = np.clip(np.asarray(score, np.float64), LOGIT_EPS, 1 - LOGIT_EPS)
    return np.asarray(np.log(bounded) - np.log1p(-bounded))


def calibrate(score: NDArray[np.float32], temperature: NDArray[np.float32]) -> NDArray[np.float32]:
    """sigmoid(logit(score) / temperature), elementwise (n,); scores of temperature 1 pass unchanged."""
    if (temperature == 1).all():
        return score
    return np.where(temperature == 1, score, 1 / (1 + np.exp(-logit(score) / temperature))).astype(np.float32)
