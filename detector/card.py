"""The model card that travels inside every model file, as typed values.

It is stored as JSON in the ONNX metadata (see contract.py). Everything in it is measured or known when the model is
exported; nothing is typed in afterwards.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .errors import UsageError
from .taxonomy import Group

Rate = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PointName(StrEnum):
    """Operating points by what they ask of the operator: the stricter, the fewer alarms."""

    STRICT = "strict"
    BALANCED = "balanced"
    SENSITIVE = "sensitive"

    @property
    def budget(self) -> float:
        """Share of threat-free parcels that may raise an alarm."""
        return {"strict": 0.01, "balanced": 0.02, "sensitive": 0.05}[self.value]


class ClassSpec(_Frozen):
    """One output class of the network."""

    name: str = Field(min_length=1, max_length=64)
    """A class of the taxonomy, or a group's name where the training labels told no more."""
    group: Group
    threshold: Rate
    """Calibrated scores at or above are alarms, at the operating point in force."""
    temperature: float = Field(default=1.0, ge=0.01, le=100)
    """Score calibration: sigmoid(logit(score) / temperature); 1 where none was measured."""


class Interval(_Frozen):
    """A measured rate with its 95 % confidence interval."""

    value: Rate
    low: Rate
    high: Rate
    n: int = Field(ge=0)
    """What it was measured on: scans, parcels or objects, as the field's name says."""


class OperatingPoint(_Frozen):
    """Which thresholds are in force, and what they were measured to do, with 95 % confidence bounds."""

    name: str
    budget: Rate | None = None
    """Share of threat-free parcels that may alarm, for which it was chosen; None where it was not chosen for one."""
    thresholds: tuple[Rate, ...] = ()
    """One a class, in the card's order; empty where the classes' own are meant."""
    detection_rate: Interval | None = None
    """Of labelled threat objects; None where not measured."""
    parcel_detection_rate: Interval | None = None
    """Of parcels with a threat: those that raise any alarm; None where not measured."""
    false_alarm_rate: Interval | None = None
    """Of threat-free parcels; None where not measured. In service expect up to its upper bound."""
    resolved: bool = True
    """False where too few threat-free parcels were at hand to place the thresholds well."""
    measured_on: str = "not measured"


class CalibrationError(_Frozen):
    """How far scores are from the share of detections that are right: expected calibration error, with 95 % bounds."""

    before: Interval
    """Of the network's own scores."""
    after: Interval
    """With the classes' temperatures, on the scans they were fitted on."""
    measured_on: str


class TrainingData(_Frozen):
    """One data set a model has learnt from."""

    name: str
    licence: str
    scans: int = Field(ge=0)


class ModelCard(_Frozen):
    """What a model is, what it was taught with and how it was measured."""

    name: str
    version: str
    licence: str
    taxonomy: str
    classes: tuple[ClassSpec, ...] = Field(min_length=1)
    input_px: int = Field(ge=32, le=4096)
    pitch_mm: float | None = Field(default=None, gt=0)
    """Pixel pitch of the scans it was trained on; None where mixed or unknown."""
    palette: str
    operating_point: OperatingPoint
    """The one in force; its thresholds are those of the classes."""
    operating_points: tuple[OperatingPoint, ...] = ()
    """Those to choose from, one a PointName; empty in older models, which know their own thresholds alone."""
    calibration: CalibrationError | None = None
    """None where no temperatures were fitted."""
    training_data: tuple[TrainingData, ...]
    start_weights: str
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    toolkit_version: str

    @model_validator(mode="after")
    def _names_are_unique(self) -> ModelCard:
        if len({c.name for c in self.classes}) != len(self.classes):
            raise ValueError("class names repeat")
        return self

    @model_validator(mode="after")
    def _points_fit_the_classes(self) -> ModelCard:
        names = [point.name for point in self.operating_points]
        if len(set(names)) != len(names) or not set(names) <= set(PointName):
            raise ValueError(f"operating points are {', '.join(names)[:80]}, not each of {', '.join(PointName)} once")
        if any(len(point.thresholds) != len(self.classes) for point in self.operating_points):
            raise ValueError("an operating point has not one threshold a class")
        return self

    def at(self, name: PointName | str, source: str = "the model") -> ModelCard:
        """The same card with another operating point in force.

        Args:
            name: of the point. Where the card lists none, ``balanced`` stands for the classes' own thresholds.
            source: the model's file, for messages.

        Raises:
            UsageError: if the card has no such point.
        """
        points = {point.name: point for point in self.operating_points}
        known = tuple(points) or (PointName.BALANCED.value,)
        if name not in known:
            raise UsageError(f"{source} has no operating point {str(name)[:40]!r}", f"it has: {', '.join(known)}")
        if name not in points:
            return self
        point = points[name]
        classes = tuple(
            spec.model_copy(update={"threshold": threshold})
            for spec, threshold in zip(self.classes, point.thresholds, strict=True)
        )
        return self.model_copy(update={"classes": classes, "operating_point": point})
