"""The model card that travels inside every model file, as typed values.

It is stored as JSON in the ONNX metadata (see contract.py). Everything in it is measured or known when the model is
exported; nothing is typed in afterwards.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .taxonomy import Group

Rate = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(_Frozen):
    """One output class of the network."""

    name: str = Field(min_length=1, max_length=64)
    """A class of the taxonomy, or a group's name where the training labels told no more."""
    group: Group
    threshold: Rate
    """Scores at or above are alarms, at the operating point."""
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
    """Which thresholds are in force, and what they were measured to do."""

    name: str
    detection_rate: Interval | None = None
    """Of labelled threat objects; None where not measured."""
    false_alarm_rate: Interval | None = None
    """Of threat-free scans; None where not measured."""
    measured_on: str = "not measured"


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
    training_data: tuple[TrainingData, ...]
    start_weights: str
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    toolkit_version: str

    @model_validator(mode="after")
    def _names_are_unique(self) -> ModelCard:
        if len({c.name for c in self.classes}) != len(self.classes):
            raise ValueError("class names repeat")
        return self
