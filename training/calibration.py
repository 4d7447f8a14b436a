"""Score calibration: temperatures fitted to what is right and wrong, and how far scores then mean what they say.

A temperature a class is fitted by log loss, a proper score, on the detections of the validation split; where a class
has too few right ones its group's is taken, then that of all classes, then none. Only detections that could ever be
alarms take part: of the hundreds below nearly all are wrong, and would decide everything. Temperature scaling: Guo et
al., ICML 2017; for detectors: Küppers et al., CVPRW 2020. Expected calibration error: Naeini et al., AAAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..detector.calibration import calibrate, logit
from ..detector.card import ClassSpec
from ..detector.detections import Detections
from .categories import outputs_of
from .evaluation_parts import Reliability, ReliabilityBin
from .hits import Hits, Scans, hits_of
from .intervals import percentile_interval

FROM_SCORE = 0.05
"""Detections below take no part in fitting or measuring."""
FEWEST_RIGHT = 20
"""Right detections, and wrong ones, that a class or group needs for a temperature of its own."""
_LOWEST, _HIGHEST = 0.25, 4.0
_BINS = 10


@dataclass(frozen=True, slots=True)
class Temperature:
    """The temperature of a class, and how it was come by."""

    value: float
    fitted_on: str
    """The class itself, its group, ``all classes``, or ``nothing``."""


def class_hits(scans: Scans, classes: Sequence[ClassSpec]) -> Hits:
    """All detections, each right only as what it claims to be."""
    parts = [hits_of(scans, category) for category in outputs_of(classes)]
    return Hits(
        scan=np.concatenate([part.scan for part in parts]),
        class_id=np.concatenate([part.class_id for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        right=np.concatenate([part.right for part in parts]),
        counted=np.concatenate([part.counted for part in parts]),
        objects=np.sum([part.objects for part in parts], axis=0),
    )


def telling(hits: Hits) -> Hits:
    """The detections that take part in calibration: counted, and of at least FROM_SCORE."""
    keep = hits.counted & (hits.score >= FROM_SCORE)
    return replace(
        hits,
        scan=hits.scan[keep],
        class_id=hits.class_id[keep],
        score=hits.score[keep],
        right=hits.right[keep],
        counted=hits.counted[keep],
    )


def fit_temperatures(hits: Hits, classes: Sequence[ClassSpec]) -> tuple[Temperature, ...]:
    """A temperature for each class.

    Args:
        hits: of :func:`class_hits` with the network's own scores, :func:`telling` ones.
        classes: the model's.
    """
    return tuple(_temperature(hits, classes, index) for index in range(len(classes)))


def _temperature(hits: Hits, classes: Sequence[ClassSpec], index: int) -> Temperature:
    """From the class where it has enough detections, else from more of them."""
    group = classes[index].group
    of_group = [i for i, spec in enumerate(classes) if spec.group is group]
    wider = ((classes[index].name, [index]), (str(group), of_group), ("all classes", list(range(len(classes)))))
    for name, members in wider:
        chosen = np.isin(hits.class_id, members)
        right = hits.right[chosen]
        if min(right.sum(), (~right).sum()) >= FEWEST_RIGHT:
            return Temperature(_fit(hits.score[chosen], right), name)
    return Temperature(1.0, "nothing")


def _fit(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The temperature of least log loss; convex in its inverse, so there is one."""
    sign = np.where(right, 1.0, -1.0) * logit(score)

    def loss(inverse: float) -> float:
        return float(np.logaddexp(0.0, -sign * inverse).mean())

    best = minimize_scalar(loss, bounds=(1 / _HIGHEST, 1 / _LOWEST), method="bounded")
    return round(1 / float(best.x), 4)


def with_temperatures(detections: Detections, temperatures: Sequence[float]) -> Detections:
    """Detections of a network with calibrated scores, best first."""
    scaled = np.asarray(temperatures, np.float32)[detections.class_id]
    score = calibrate(detections.score, scaled)
    order = np.argsort(-score, kind="stable")
    return Detections(detections.xyxy_px[order], score[order], detections.class_id[order])


def reliability(hits: Hits, weights: NDArray[np.float32], groups: int, score: NDArray[np.float64]) -> Reliability:
    """How far scores mean what they say.

    Args:
        hits: :func:`telling` ones.
        weights: (replicates, scans) of the bootstrap.
        groups: how many the bootstrap draws from.
        score: (d,) to be judged; the hits' own, or the same calibrated.
    """
    place = np.minimum((score * _BINS).astype(np.int64), _BINS - 1)
    once = np.ones((1, weights.shape[1]), np.float32)
    value, replicates = (_errors(hits, place, score, rows) for rows in (once, weights))
    bins = tuple(
        ReliabilityBin(
            low=i / _BINS,
            high=(i + 1) / _BINS,
            detections=int(chosen.sum()),
            confidence=float(score[chosen].mean()),
            precision=float(hits.right[chosen].mean()),
        )
        for i in range(_BINS)
        if (chosen := place == i).any()
    )
    return Reliability(
        from_score=FROM_SCORE,
        detections=len(score),
        right=int(hits.right.sum()),
        error=percentile_interval(float(value[0]), replicates, len(score), groups),
        bins=bins,
    )


def _errors(
    hits: Hits, place: NDArray[np.int64], score: NDArray[np.float64], weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Expected calibration error of each weighting of the scans: (replicates,); 0 where none has detections."""
    excess = np.zeros((weights.shape[1], _BINS))  # a scan's right detections less its summed scores, in each bin
    np.add.at(excess, (hits.scan, place), hits.right - score)
    counts = np.bincount(hits.scan, minlength=weights.shape[1])
    total = weights @ counts
    # Σ_bins n_bin/n · |precision - confidence| = Σ_bins |Σ right - Σ score| / n.
    return np.asarray(np.abs(weights @ excess).sum(axis=1) / np.maximum(total, 1e-9), np.float64)
