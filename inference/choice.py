"""Which device the runtime takes by itself: the fastest that was measured to find as much, with this very model, here.

Beside a model may lie ``NAME.variant.json``, written by ``benchmarks/quantised_variants.py``: for the model of that
digest, a device with which no group of classes lost more than half a point of recall, and which was faster. It is
taken where its package is installed and the CPU has its instructions; everywhere else onnxruntime runs in float32.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..detector.errors import ModelError
from .model_file import ModelFile

CHOICE_SUFFIX = ".variant.json"
_MAX_BYTES = 100_000

ChosenDevice = Literal["openvino", "openvino-bf16"]


class Choice(BaseModel):
    """A device that was measured with one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the model's body, as its seal states it."""
    device: ChosenDevice
    time_ratio: float = Field(gt=0)
    """Its time over that of onnxruntime in float32, with the same threads."""
    worst_change_points: float
    """Of any group's recall, at no more false alarms."""
    measured_on: str

    def why(self) -> str:
        """Why it is taken, in words."""
        return f"measured to find as much in {self.time_ratio:.2f} of onnxruntime's time"


def choice_file(model: Path) -> Path:
    """Where a model's choice lies."""
    return model.with_suffix(CHOICE_SUFFIX)


def read_choice(model: ModelFile) -> Choice | None:
    """The choice that was measured with this model; None where there is none, or it is of another model.

    Raises:
        ModelError: if the file is damaged.
    """
    path = choice_file(model.path)
    try:
        with path.open("rb") as file:
            choice = Choice.model_validate_json(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path} is damaged", "remove it, or install again") from error
    return choice if choice.model_sha256 == model.sha256 else None


def can_run(device: ChosenDevice) -> bool:
    """True where its package is installed and the CPU has instructions for its precision."""
    if find_spec("openvino") is None:
        return False
    return device == "openvino" or "avx512_bf16" in _cpu_flags() or "amx_bf16" in _cpu_flags()


def _cpu_flags() -> frozenset[str]:
    """Instruction sets as Linux names them; none where it does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "").split())
