"""What solids are made of: composition, density, and attenuation from xraylib's cross-sections.

Compositions are mass fractions of elements, from handbook values; mixtures such as food or a circuit board are
averages of what such things hold. ``Solid.fill`` scales the density for loose matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import xraylib_np
from numpy.typing import NDArray

H, LI, C, N, OX, F, NA, MG, AL, SI, P, S, CL, K, CA = 1, 3, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 20
TI, CR, MN, FE, CO, NI, CU, ZN, BR, SN, SB, W, PB = 22, 24, 25, 26, 27, 28, 29, 30, 35, 50, 51, 74, 82


@dataclass(frozen=True, slots=True)
class Material:
    """A homogeneous material."""

    density_g_cm3: float
    fractions: Mapping[int, float]
    """Atomic number → mass fraction; any positive scale, normalised on use."""


def _m(density_g_cm3: float, fractions: dict[int, float]) -> Material:
    return Material(density_g_cm3, MappingProxyType(fractions))


_CELLULOSE = {C: 0.444, H: 0.062, OX: 0.494}

COMPOSITION: Mapping[str, Material] = MappingProxyType(
    {
        "air": _m(0.0012, {N: 0.755, OX: 0.232, 18: 0.013}),
        "polyethylene": _m(0.94, {C: 0.8563, H: 0.1437}),
        "polypropylene": _m(0.905, {C: 0.8563, H: 0.1437}),
        "abs": _m(1.05, {C: 0.852, H: 0.080, N: 0.068}),
        "nylon": _m(1.14, {C: 0.637, H: 0.098, N: 0.124, OX: 0.141}),
        "pvc": _m(1.38, {C: 0.384, H: 0.048, CL: 0.568}),
        "polycarbonate": _m(1.20, {C: 0.755, H: 0.055, OX: 0.190}),
        "rubber": _m(1.15, {C: 0.83, H: 0.10, OX: 0.03, S: 0.02, ZN: 0.02}),
        "paper": _m(0.80, {C: 0.40, H: 0.056, OX: 0.484, CA: 0.04, AL: 0.01, SI: 0.01}),
        "cardboard": _m(0.69, {C: 0.425, H: 0.060, OX: 0.495, CA: 0.02}),
        "wood": _m(0.60, {C: 0.49, H: 0.06, OX: 0.44, CA: 0.01}),
        "cotton": _m(1.50, _CELLULOSE),
        "leather": _m(0.95, {C: 0.49, H: 0.07, OX: 0.25, N: 0.16, S: 0.02, CR: 0.01}),
        "water": _m(1.00, {H: 0.1119, OX: 0.8881}),
        "cosmetic": _m(1.02, {H: 0.11, C: 0.30, OX: 0.57, TI: 0.01, SI: 0.01}),
        "food": _m(1.05, {H: 0.100, C: 0.25, N: 0.03, OX: 0.60, NA: 0.005, P: 0.003, CL: 0.007, K: 0.005}),
        "sugar": _m(1.59, {C: 0.421, H: 0.065, OX: 0.514}),
        "glass": _m(2.50, {SI: 0.336, OX: 0.460, NA: 0.107, CA: 0.080, AL: 0.010, MG: 0.007}),
        "ceramic": _m(2.40, {SI: 0.33, AL: 0.12, OX: 0.49, K: 0.03, CA: 0.02, FE: 0.01}),
        "circuit_board": _m(2.10, {SI: 0.15, OX: 0.30, C: 0.22, H: 0.02, CA: 0.06, AL: 0.03, BR: 0.02, CU: 0.18,
                                   SN: 0.02}),
        "lithium_cell": _m(2.50, {C: 0.24, OX: 0.17, AL: 0.09, CU: 0.11, CO: 0.14, NI: 0.07, MN: 0.03, LI: 0.03,
                                  F: 0.03, P: 0.01, FE: 0.08}),
        "magnesium": _m(1.80, {MG: 0.91, AL: 0.08, ZN: 0.01}),
        "aluminium": _m(2.70, {AL: 1.0}),
        "silicon": _m(2.33, {SI: 1.0}),
        "titanium": _m(4.43, {TI: 0.90, AL: 0.10}),
        "steel": _m(7.87, {FE: 1.0}),
        "zinc": _m(6.70, {ZN: 0.95, AL: 0.05}),
        "brass": _m(8.50, {CU: 0.65, ZN: 0.35}),
        "copper": _m(8.96, {CU: 1.0}),
        "tin": _m(7.30, {SN: 1.0}),
        "tungsten": _m(18.0, {W: 0.95, NI: 0.035, FE: 0.015}),
        "lead": _m(11.30, {PB: 0.97, SB: 0.03}),
        "propellant": _m(0.85, {C: 0.26, H: 0.03, N: 0.12, OX: 0.59}),
    }
)  # fmt: skip
"""The material names of ``solids.MATERIALS`` and what they are."""


def cross_section_cm2_g(fractions: Mapping[int, float], energies_kev: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E,) total mass attenuation (photo-electric, Compton and coherent scatter) of a mixture of elements."""
    energies = tuple(energies_kev.tolist())
    mixed = np.zeros(len(energies))
    for number, share in fractions.items():
        mixed += share * _element(number, energies)
    return mixed / sum(fractions.values())


@cache
def _element(number: int, energies_kev: tuple[float, ...]) -> NDArray[np.float64]:
    sections: NDArray[np.float64] = xraylib_np.CS_Total(np.array([number]), np.array(energies_kev))[0]
    return sections


@cache
def _attenuation_table(material: str, energies_kev: tuple[float, ...]) -> NDArray[np.float64]:
    made_of = COMPOSITION[material]
    return cross_section_cm2_g(made_of.fractions, np.array(energies_kev)) * made_of.density_g_cm3 / 10.0


def attenuation_per_mm(material: str, energies_kev: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E,) linear attenuation in 1/mm of a material at full density. Raises KeyError for an unknown name."""
    return _attenuation_table(material, tuple(float(energy) for energy in energies_kev))
