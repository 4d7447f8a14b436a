"""How often alarms of a class are right, in words an officer can use: measured, or said not to be.

From this site's own marks where there are enough (30 judged alarms); until then from the model's calibrated scores,
whose measured error travels in its card; and where there is neither, the words say "not measured".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..rates import FEW, Rate
from .figures import ClassFigures


class Basis(StrEnum):
    """What the words rest on."""

    SITE = "site"
    MODEL = "model"
    NONE = "none"


class Words(StrEnum):
    """Confidence in one alarm."""

    HIGH = "high"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one class."""

    right_of_ten: int | None
    basis: Basis
    judged: int = 0
    """Alarms of this class that officers of this site judged."""

    @property
    def text(self) -> str:
        """In English; pages translate by ``right_of_ten`` and ``basis``."""
        if self.right_of_ten is None:
            return "not measured"
        where = "at this site" if self.basis is Basis.SITE else "by the model's calibration"
        return f"right {self.right_of_ten} times of 10 {where}"

    def to_record(self) -> dict[str, Any]:
        """As a plain value for JSON."""
        return {"text": self.text, "right_of_ten": self.right_of_ten, "basis": self.basis, "judged": self.judged}


def words_for(score: float) -> Words:
    """Words for a calibrated score: the share of such alarms that are right."""
    return Words.HIGH if score >= 0.85 else Words.LIKELY if score >= 0.5 else Words.POSSIBLE


def reliability_of(
    alarms: Sequence[Mapping[str, Any]], site: Mapping[str, ClassFigures], is_calibrated: bool
) -> dict[str, dict[str, Any]]:
    """Class → how often alarms like these are right.

    Args:
        alarms: of one parcel, with ``class`` and ``score``.
        site: figures of this site's marks, by class.
        is_calibrated: True where the model's card tells how well its scores are calibrated.
    """
    told: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(str(alarm["class"]) for alarm in alarms):
        best = max(float(alarm["score"]) for alarm in alarms if alarm["class"] == label)
        told[label] = _of_class(site.get(label), best, is_calibrated).to_record()
    return told


def _of_class(figures: ClassFigures | None, best: float, is_calibrated: bool) -> Reliability:
    wrong = figures.wrong if figures is not None else Rate(0, 0)
    if wrong.of >= FEW and wrong.value is not None:
        return Reliability(round(10 * (1 - wrong.value)), Basis.SITE, wrong.of)
    if is_calibrated:
        return Reliability(min(9, round(10 * best)), Basis.MODEL, wrong.of)
    return Reliability(None, Basis.NONE, wrong.of)
