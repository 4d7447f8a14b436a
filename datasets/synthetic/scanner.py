"""A scanner as a typed preset: tube, detectors, geometry, signal chain and look. Presets are YAML files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...configs.loading import load_config, shipped
from .beer_lambert import EnergyNodes, fit_nodes
from .projector import Fan
from .solids import Mesh
from .spectra import Sandwich, Tube, channel_responses

KIND = "scanners"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Share = Annotated[float, Field(ge=0, le=1)]


class Range(_Frozen):
    """A quantity drawn evenly between two bounds, once a scan."""

    low: float
    high: float

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value: object) -> object:
        """YAML may say ``[low, high]`` or one number."""
        if isinstance(value, (int, float)):
            return {"low": value, "high": value}
        if isinstance(value, (list, tuple)) and len(value) == 2:
            return {"low": value[0], "high": value[1]}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"the lower bound {self.low} is above the upper bound {self.high}")
        return self

    def draw(self, rng: np.random.Generator) -> float:
        """A value between the bounds."""
        return float(rng.uniform(self.low, self.high))


class View(_Frozen):
    """Where a view's source stands. The reference plane, where a pixel is pitch × pitch, is the belt for sources
    above or below it and the upright plane through the belt's middle for sources at its side."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")
    source: Literal["below", "above", "left", "right"]
    distance_mm: float = Field(gt=100, le=5000, description="from the source to the reference plane")
    lateral_mm: float = Field(default=0.0, description="source's x (below, above) or z (left, right)")


class Signal(_Frozen):
    """The signal chain's imperfections; ranges are drawn once a scan."""

    photons: Range = Field(description="detected quanta a pixel in air, low channel; the high channel has 0.6 of it")
    electronic_noise: Range = Field(description="standard deviation as a fraction of the air level")
    scatter: Range = Field(description="share of the beam that arrives as a smooth veil")
    blur_px: Range = Field(description="standard deviation of the point spread across the belt")
    belt_blur_px: Range = Field(description="the same along the belt; motion adds to it")
    afterglow: Range = Field(description="share of a line's signal that appears in the next lines")
    gain_residue: Range = Field(description="detector gain left after calibration, standard deviation")
    dark_residue: Range = Field(description="detector offset left after calibration, standard deviation")
    line_drift: Range = Field(description="tube output from line to line, standard deviation")
    dead_share: Share = Field(description="chance of a detector to be dead or stuck")
    saturation: float = Field(default=1.06, ge=1.0, le=1.09, description="level, in air levels, where the ADC clips")


class Framing(_Frozen):
    """What part of the belt a scan shows."""

    width_mm: float = Field(gt=100, le=2000, description="tunnel width that the detectors see")
    margin_mm: Range = Field(description="air left around the parcel")
    whole_width: Share = Field(description="chance of a picture as wide as the tunnel instead of a cropped one")


class ScannerPreset(_Frozen):
    """One scanner."""

    description: str
    pitch_mm: float = Field(gt=0.2, le=5)
    oversample: Literal[1, 2] = Field(default=1, description="rays a pixel in each direction, averaged as light")
    tube: Tube
    detector: Sandwich
    views: tuple[View, ...] = Field(min_length=1, max_length=2)
    signal: Signal
    framing: Framing
    look: str = Field(description="look of its own pictures, one of configs/looks")

    @model_validator(mode="after")
    def _views_differ(self) -> ScannerPreset:
        if len({view.name for view in self.views}) != len(self.views):
            raise ValueError("two views have the same name")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Scanner:
    """A preset with its fitted physics."""

    name: str
    preset: ScannerPreset
    nodes: EnergyNodes

    @property
    def dual_energy(self) -> bool:
        """True for two channels."""
        return self.preset.detector.back is not None


@dataclass(frozen=True, slots=True, eq=False)
class ViewFrame:
    """One view's coordinates: belt millimetres to (lateral, row, distance)."""

    view: View
    pitch_mm: float
    first_row_mm: float = 0.0
    """Belt position y of the upper edge of row 0."""

    @property
    def mirrored(self) -> bool:
        """True where (lateral, row, distance) is left-handed."""
        return self.view.source in ("above", "left")

    def points(self, mesh: Mesh) -> NDArray[np.float64]:
        """(V, 3) vertices in the view's frame."""
        x, y, z = mesh.vertices_mm.astype(np.float64).T
        across, along = (x, z) if self.view.source in ("below", "above") else (z, x)
        away = along if self.view.source in ("below", "left") else -along
        rows = (y - self.first_row_mm) / self.pitch_mm
        return np.stack([across - self.view.lateral_mm, rows, self.view.distance_mm + away], axis=1)

    def fan(self, x_mm: tuple[float, float], y_mm: tuple[float, float]) -> Fan:
        """The detectors that see a rectangle of the reference plane, (x0, x1) across and (y0, y1) along the belt."""
        columns = max(1, round((x_mm[1] - x_mm[0]) / self.pitch_mm))
        rows = max(1, round((y_mm[1] - y_mm[0]) / self.pitch_mm))
        return Fan(self.view.distance_mm, self.pitch_mm, x_mm[0] - self.view.lateral_mm, columns, rows)


@cache
def load_scanner(source: str) -> Scanner:
    """Load a scanner by the name of a shipped preset or the path of a YAML file, and fit its energy nodes.

    Raises:
        ConfigError: naming the file and the wrong key.
    """
    preset = load_config(source, ScannerPreset, KIND)
    energies_kev, responses = channel_responses(preset.tube, preset.detector)
    name = source if source in shipped(KIND) else Path(source).stem
    return Scanner(name, preset, fit_nodes(energies_kev, responses))


def dual_energy_presets(views: int) -> tuple[str, ...]:
    """The shipped dual-energy scanners that have so many views."""
    found = {name: load_config(name, ScannerPreset, KIND) for name in shipped(KIND)}
    return tuple(name for name, p in found.items() if p.detector.back is not None and len(p.views) >= views)
