"""What an evaluation finds, as values that are written to JSON and read back."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import Field, ValidationError

from ..detector.card import Interval, Rate
from ..detector.errors import RunError
from .categories import Level
from .evaluation_parts import (
    Confusion,
    Example,
    FactorLevel,
    Froc,
    Frozen,
    Mirror,
    PointRecall,
    PointScore,
    PrecisionRecall,
    Reliability,
)
from .operating_points import ThresholdRule


class EvaluationSettings(Frozen):
    """How an evaluation is made; the same settings, model and data give the same figures."""

    false_positive_rate: Rate = 0.02
    """Share of threat-free parcels that may alarm; thresholds are chosen for it."""
    threshold_rule: ThresholdRule = ThresholdRule.COMMON
    score_floor: Rate = 0.001
    """Detections below it are not asked for; thresholds are never lower."""
    replicates: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap resamples behind each interval of an average precision."""
    seed: int = 0


class ModelIdentity(Frozen):
    """Which model was evaluated."""

    name: str
    sha256: str
    """Of the evaluated file."""
    weights_sha256: str | None = None
    """As the model's card tells it; None where there is no card."""
    classes: tuple[str, ...]


class DataIdentity(Frozen):
    """Which scans were used."""

    name: str
    licence: str
    split: str
    scans: int
    groups: int
    """Parcels, bags, series or designs the scans come from."""
    manifest_sha256: str
    """Over ids, sizes, groups and labels of the scans, in order."""
    files_sha256: str | None = None
    """Over the bytes of their files, in order; None where only labels matter."""


class Unreadable(Frozen):
    """A scan that could not be scored, and why."""

    data: str
    scan_id: str
    reason: str


class CategoryScore(Frozen):
    """One line: a class, a group, any threat, or the mean over classes."""

    name: str
    level: Level
    objects: int
    scans: int
    """Scans holding at least one of the objects."""
    ap50: Interval | None = None
    """None where there is no object."""
    ap50_95: Interval | None = None
    object_recall: Interval | None = None
    """Of the objects, at the operating point, by a detection of this category at IoU ≥ 0.5."""
    parcel_recall: Interval | None = None
    """Of the parcels holding such an object: those with an alarm of any kind."""
    recalls: tuple[PointRecall, ...] = ()
    """The same at each named operating point; empty where there is no object or no point."""


class MeasuredPoint(Frozen):
    """The thresholds in force and the false alarms they were measured to give."""

    rule: ThresholdRule
    thresholds: dict[str, Rate]
    """Class of the model → scores at or above are alarms."""
    false_alarm_rate: Interval | None
    """Of threat-free parcels; None where there were none."""
    chosen_on: str
    resolved: bool
    """False where the thresholds were chosen on too few threat-free parcels to keep the wanted rate on others."""


class Evaluation(Frozen):
    """The whole outcome. Intervals are 95 %."""

    toolkit_version: str
    command: str = ""
    """What was asked for, as it is typed; empty where no command was."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Package → version, of those that take part in the figures."""
    model: ModelIdentity
    settings: EvaluationSettings
    data: DataIdentity
    more_threat_free: DataIdentity | None = None
    thresholds_from: DataIdentity | None = None
    scored_scans: int
    parcels: int = 0
    """Of the scored scans."""
    threat_free_scans: int
    """Of the scored scans and the additional ones, those of threat-free parcels."""
    threat_free_parcels: int = 0
    """Those the false-alarm rate was measured on."""
    unreadable: tuple[Unreadable, ...]
    scores: tuple[CategoryScore, ...]
    operating_point: MeasuredPoint | None
    """None where nothing could be chosen: no threat-free parcel."""
    points: tuple[PointScore, ...] = ()
    """The named operating points; empty where nothing could be chosen."""
    precision_recall: tuple[PrecisionRecall, ...] = ()
    froc: tuple[Froc, ...] = ()
    reliability: Reliability | None = None
    """None where no detection reaches the score from which on it is measured."""
    confusion: Confusion | None = None
    factors: tuple[FactorLevel, ...] = ()
    examples: tuple[Example, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    notes: tuple[str, ...]
    """What a reader of the figures has to know."""

    def score(self, name: str) -> CategoryScore:
        """The line of a class, a group or "any threat". Raises KeyError where there is none."""
        return {score.name: score for score in self.scores}[name]


_NUMBERS = re.compile(r"\[\s+(?:-?[\d.eE+-]+,?\s+)+\]")


def evaluation_text(evaluation: Evaluation) -> str:
    """An evaluation as JSON for people: indented, lists of numbers on one line."""
    text = json.dumps(evaluation.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda found: "[" + ", ".join(found[0][1:-1].replace(",", " ").split()) + "]", text) + "\n"


def read_evaluation(path: Path) -> Evaluation:
    """An evaluation saved earlier.

    Raises:
        RunError: if the file cannot be read or is no evaluation.
    """
    remedy = "give a file written by: parcelsight evaluate … --out FILE"
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})", remedy) from error
    except ValidationError as error:
        raise RunError(f"{path}: not an evaluation ({error.errors()[0]['msg']})", remedy) from error
