"""From tube to signal: spectrum tables, filters and the sandwich detector.

The detector is a sandwich: a thin scintillator in front answers mostly to soft X-rays (the *low* signal), a copper
filter takes the rest of them away, a thick scintillator behind answers to hard ones (the *high* signal). A layer's
signal is the energy it absorbs, ``φ(E) · E · (1 - exp(-μ·t))`` of what reaches it; fluorescence escape is neglected.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ...configs.loading import CONFIG_DIR
from ...detector.errors import ConfigError
from .materials import COMPOSITION, attenuation_per_mm, cross_section_cm2_g

SCINTILLATORS: dict[str, tuple[float, dict[int, float]]] = {
    "gadolinium_oxysulfide": (7.32, {64: 0.831, 8: 0.084, 16: 0.085}),
    "caesium_iodide": (4.51, {55: 0.511, 53: 0.489}),
    "cadmium_tungstate": (7.90, {48: 0.312, 74: 0.510, 8: 0.178}),
}
"""Density in g/cm³ and mass fractions."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tube(_Frozen):
    """The X-ray source."""

    kvp: int = Field(description="tube voltage; one of the columns of the spectrum table")
    spectrum: str = Field(default="tungsten_20deg", pattern=r"^[\w.-]+$", description="table in configs/spectra")
    filter_mm: dict[str, float] = Field(default={"aluminium": 2.5}, description="material: thickness in mm")


class Layer(_Frozen):
    """One scintillator layer."""

    scintillator: str
    thickness_mm: float = Field(gt=0, le=50)

    def absorbed(self, energies_kev: NDArray[np.float64]) -> NDArray[np.float64]:
        """(E,) fraction of photons that the layer takes.

        Raises:
            ConfigError: for a scintillator this file does not know.
        """
        try:
            density, fractions = SCINTILLATORS[self.scintillator]
        except KeyError as error:
            raise ConfigError(
                f"detector: unknown scintillator {self.scintillator!r}", f"known: {', '.join(SCINTILLATORS)}"
            ) from error
        per_mm = cross_section_cm2_g(fractions, energies_kev) * density / 10.0
        return 1.0 - np.exp(-per_mm * self.thickness_mm)


class Sandwich(_Frozen):
    """The detector element: one layer, or two with a filter between."""

    front: Layer
    filter_mm: dict[str, float] = {}
    back: Layer | None = Field(default=None, description="without it the scanner is single-energy")


@cache
def _table(name: str) -> tuple[dict[int, int], NDArray[np.float64]]:
    """Column of each kVp, and the table of a spectrum file."""
    path = CONFIG_DIR / "spectra" / f"{name}.csv"
    try:
        header, *lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.csv")))
        raise ConfigError(f"tube.spectrum: no table {name!r}", f"known: {known}") from error
    columns = {int(kvp): index for index, kvp in enumerate(header.split(",")[1:], start=1)}
    return columns, np.array([[float(cell) for cell in line.split(",")] for line in lines])


def _through(filter_mm: dict[str, float], energies_kev: NDArray[np.float64], key: str) -> NDArray[np.float64]:
    """(E,) transmission of stacked filters."""
    passed = np.ones_like(energies_kev)
    for material, thickness_mm in filter_mm.items():
        if material not in COMPOSITION:
            raise ConfigError(f"{key}: unknown material {material!r}", f"known: {', '.join(COMPOSITION)}")
        passed = passed * np.exp(-attenuation_per_mm(material, energies_kev) * thickness_mm)
    return passed


def tube_fluence(tube: Tube) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies in keV and photons per 1 keV bin behind the tube's filter, both (E,).

    Raises:
        ConfigError: if the table, its voltage or a filter material is unknown.
    """
    columns, table = _table(tube.spectrum)
    if tube.kvp not in columns:
        raise ConfigError(
            f"tube.kvp: {tube.kvp} kVp is not in the table {tube.spectrum}",
            f"choose one of {', '.join(map(str, columns))}, or make a table with benchmarks/make_spectra.py",
        )
    lit = table[:, columns[tube.kvp]] > 0
    energies_kev = table[lit, 0]
    return energies_kev, table[lit, columns[tube.kvp]] * _through(tube.filter_mm, energies_kev, "tube.filter_mm")


def channel_responses(tube: Tube, detector: Sandwich) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies (E,) in keV and the response of each channel to air, (C, E), each row summing to 1.

    C is 2, order (low, high), for a sandwich and 1 for a single layer.
    """
    energies_kev, fluence = tube_fluence(tube)
    front = detector.front.absorbed(energies_kev)
    rows = [fluence * front * energies_kev]
    if detector.back is not None:
        behind = fluence * (1.0 - front) * _through(detector.filter_mm, energies_kev, "detector.filter_mm")
        rows.append(behind * detector.back.absorbed(energies_kev) * energies_kev)
    responses = np.stack(rows)
    return energies_kev, responses / responses.sum(axis=1, keepdims=True)
