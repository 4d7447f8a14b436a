"""The site's procedure: what officers may decide, on which key, why, how fast, and when two must agree."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...configs.loading import load_config
from ...inference.verdicts import Verdict
from ..storage.tables import DecisionKind

PROCEDURES = "procedures"

Key = Annotated[str, Field(pattern=r"^[a-z0-9]$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Reason = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,59}$")]


class Aid(StrEnum):
    """When the detector's boxes are shown."""

    AT_ONCE = "at once"
    AFTER_LOOK = "after a look"
    """When the officer has looked for ``aid_after_s``."""
    ON_DEMAND = "on demand"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(_Section):
    """One thing an officer may decide."""

    key: Key
    reasons: tuple[Reason, ...] = ()
    """One of these is asked for where ``ask_reason_for`` holds the parcel's verdict."""
    ask_reason_for: frozenset[Verdict] = frozenset()
    two_persons_for: frozenset[Verdict] = frozenset()
    """The decision counts when a second officer makes it, too; until then the parcel waits for a second look."""

    @model_validator(mode="after")
    def _has_reasons(self) -> Self:
        if self.ask_reason_for and not self.reasons:
            raise ValueError("ask_reason_for without reasons; list them under reasons:")
        return self


class Procedure(_Section):
    """All of it."""

    name: str = Field(min_length=1, max_length=100)
    choices: dict[DecisionKind, Choice]
    aid: Aid = Aid.AT_ONCE
    aid_after_s: Seconds = 3.0
    undo_s: Seconds = 5.0
    """So long a decision can be taken back, while nothing has happened to the parcel."""
    lease_s: Seconds = 30.0
    """A parcel on a screen that is not heard of for so long goes back to the queue."""
    look_s: Seconds | None = None
    """Beyond this the console reminds the officer; the parcel stays."""
    findings: tuple[str, ...] = ("firearm", "part", "ammunition", "other prohibited item")
    """What an opening may have found."""

    @model_validator(mode="after")
    def _can_be_worked_with(self) -> Self:
        if DecisionKind.RELEASE not in self.choices or len(self.choices) < 2:
            raise ValueError("officers must be able to release a parcel, and to do something else with it")
        keys = [choice.key for choice in self.choices.values()]
        if len(set(keys)) != len(keys):
            raise ValueError("two decisions share a key")
        second = self.choices.get(DecisionKind.SECOND_LOOK)
        if second is not None and second.two_persons_for:
            raise ValueError("a second look cannot itself need two officers")
        return self


def load_procedure(source: str | Path) -> Procedure:
    """A procedure by path, or by the name of a shipped one. Raises ConfigError."""
    return load_config(source, Procedure, PROCEDURES)
