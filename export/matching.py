"""Thresholds and temperatures of a converted network's own: on the same scans it alarms as often as in float32.

Eight bits shift scores: at float32's thresholds an INT8 network lost two to five points of recall of some groups, and
raised fewer false alarms as well. Both networks are asked about the same scans; their claims of a class, each sorted by
score, are paired by rank. Around a threshold the mean difference of the pairs, in log odds, is what the threshold moves
by; over all claims the slope of the pairs is what the temperature changes by. No labels are needed, so an integrator's
own scans serve as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detector.calibration import logit
from ..detector.card import CalibrationError, ClassSpec, ModelCard, OperatingPoint
from .reference import letterboxed

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A network: letterboxed picture (1, 3, S, S) → rows (K, 6) x1 y1 x2 y2, score, class."""

LEAST_SCORE = 0.02
"""Claims below are no alarm at any operating point, and there are hundreds of them."""
TELLING_SCORE = 0.05
"""Claims from here on say by how much scores are stretched."""
FEWEST_CLAIMS = 40
"""That a class needs above or near its threshold; else its group's are taken, then those of all classes."""
_NEAR = 1.0
"""In log odds, below a threshold."""
_NARROWEST = 15
"""Ranks on either side of a threshold that are averaged over, at least."""
_LEAST_STRETCH, _MOST_STRETCH = 0.5, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What a network claims about some scans."""

    logit: NDArray[np.float64]
    """(n,) log odds of its raw scores."""
    class_id: NDArray[np.int64]
    """(n,)"""

    def of(self, classes: Sequence[int]) -> NDArray[np.float64]:
        """Log odds of the claims of some classes, best first."""
        return np.sort(self.logit[np.isin(self.class_id, classes)])[::-1]


def claims_of(networks: Sequence[Run], pictures: Iterable[NDArray[np.uint8]], side_px: int) -> tuple[Claims, ...]:
    """What each network claims about the same pictures.

    Args:
        networks: all of the same input.
        pictures: canonical pictures (H, W, 3).
        side_px: S of the networks.
    """
    rows: list[list[NDArray[np.float32]]] = [[] for _ in networks]
    for rgb in pictures:
        image = letterboxed(rgb, side_px)[None]
        for own, run in zip(rows, networks, strict=True):
            found = run(image)
            own.append(found[found[:, 4] >= LEAST_SCORE, 4:])
    every = [np.concatenate([np.zeros((0, 2), np.float32), *own]) for own in rows]
    return tuple(Claims(logit(each[:, 0]), np.rint(each[:, 1]).astype(np.int64)) for each in every)


def matched(card: ModelCard, exact: Claims, other: Claims, told: str) -> ModelCard:
    """The card of a converted network, with thresholds at which it alarms as often as the float32 network.

    Args:
        card: of the float32 network.
        exact: what that claims about some scans.
        other: what the converted network claims about the same scans.
        told: which scans those are, for the card.

    Returns:
        The card unchanged where there are too few claims to match by.
    """
    if min(_telling(exact), _telling(other)) < FEWEST_CLAIMS:
        return card
    moves = [_Move(card.classes, index, exact, other) for index in range(len(card.classes))]
    classes = tuple(
        spec.model_copy(update={"threshold": move.threshold(spec.threshold), "temperature": move.temperature})
        for spec, move in zip(card.classes, moves, strict=True)
    )
    update: dict[str, object] = {
        "classes": classes,
        "operating_point": _moved(card.operating_point, moves, told),
        "operating_points": tuple(_moved(point, moves, told) for point in card.operating_points),
    }
    if card.calibration:
        update["calibration"] = _told(card.calibration, told)
    return card.model_copy(update=update)


def _telling(claims: Claims) -> int:
    return int((claims.logit >= logit(np.asarray([TELLING_SCORE]))[0]).sum())


def _moved(point: OperatingPoint, moves: Sequence[_Move], told: str) -> OperatingPoint:
    """The point with thresholds of its own; its rates stay those of the float32 network, which is said."""
    thresholds = tuple(move.threshold(value) for move, value in zip(moves, point.thresholds, strict=False))
    where = f"{point.measured_on}; in float32, thresholds matched to it on {told}"
    return point.model_copy(update={"thresholds": thresholds, "measured_on": where})


def _told(error: CalibrationError, told: str) -> CalibrationError:
    where = f"{error.measured_on}; in float32, temperatures matched to it on {told}"
    return error.model_copy(update={"measured_on": where})


class _Move:
    """How the scores of one class have moved.

    Args:
        classes: of the card.
        index: of the class.
        exact: the float32 network's claims.
        other: the converted network's.
    """

    def __init__(self, classes: Sequence[ClassSpec], index: int, exact: Claims, other: Claims) -> None:
        self._spec = spec = classes[index]
        own, every = [index], list(range(len(classes)))
        group = [i for i, each in enumerate(classes) if each.group is spec.group]
        self._pairs = [_paired(exact, other, members) for members in (own, group, every)]
        self.temperature = round(spec.temperature * self._stretch(), 4)

    def threshold(self, value: float) -> float:
        """The threshold that means what ``value`` means in float32, both of calibrated scores."""
        if not 0 < value < 1:
            return value
        place = float(logit(np.asarray([value]))[0]) * self._spec.temperature
        pairs = self._enough(place - _NEAR)
        if not len(pairs):
            return value
        rank = int((pairs[:, 0] >= place).sum())
        reach = max(_NARROWEST, rank // 2)
        window = pairs[max(0, min(rank, len(pairs)) - reach) : rank + reach]
        moved = (place + float((window[:, 1] - window[:, 0]).mean())) / self.temperature
        return float(np.float32(1 / (1 + np.exp(-moved))))

    def _stretch(self) -> float:
        """The slope of the converted network's log odds over the float32 network's."""
        place = float(logit(np.asarray([TELLING_SCORE]))[0])
        pairs = self._enough(place)
        pairs = pairs[pairs[:, 0] >= place]
        if len(pairs) < FEWEST_CLAIMS:
            return 1.0
        exact, other = (pairs - pairs.mean(axis=0)).T
        slope = float((exact * other).sum() / max(float((exact**2).sum()), 1e-9))
        return float(np.clip(slope, _LEAST_STRETCH, _MOST_STRETCH))

    def _enough(self, place: float) -> NDArray[np.float64]:
        """Pairs (n, 2) of the narrowest set of classes with enough claims from ``place`` on; else of all."""
        full = (pairs for pairs in self._pairs if (pairs[:, 0] >= place).sum() >= FEWEST_CLAIMS)
        return next(full, self._pairs[-1])


def _paired(exact: Claims, other: Claims, classes: Sequence[int]) -> NDArray[np.float64]:
    """(n, 2) log odds of both networks' claims of some classes, best with best."""
    first, second = exact.of(classes), other.of(classes)
    count = min(len(first), len(second))
    return np.stack([first[:count], second[:count]], axis=1)
