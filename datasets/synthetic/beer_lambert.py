"""Polychromatic transmission, fast: a few energies with weights stand for the whole spectrum.

The exact signal behind paths ``x_m`` through materials m is an integral over the spectrum,
``T = Σ_E R(E) · exp(-Σ_m μ_m(E) · x_m)``. Nearly the same T comes from K = 8 *nodes*, energies E_k with weights w_k of
each channel: ``T ≈ Σ_k w_k · exp(-Σ_m μ_m(E_k) · x_m)``. The nodes are real energies with the materials' real
attenuations, so mixtures, cavities and absorption edges (tin, tungsten, lead) need no special care, and the renderer
accumulates just K line integrals a pixel. Two basis integrals (photo-electric, Compton) with a table were the
alternative; they cannot carry absorption edges, and a table look-up costs as much as eight exponentials.

Nodes are fitted when a scanner is loaded: non-negative least squares for the weights, local search for the energies,
over slabs and random mixtures of every material, in units of the permitted error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .materials import COMPOSITION, attenuation_per_mm

NODES = 8
_UNIT = np.eye(NODES)
_RELATIVE, _ABSOLUTE = 0.01, 2e-4
"""Permitted error of a transmission; the fit minimises the error in these units."""
_STARTS = 16
"""Random choices of energies that the search starts from, until one ends good enough; else the best end is taken."""
_GOOD_ENOUGH = 1.0
_MOVES = (-9, -4, -2, -1, 1, 2, 4, 9)
_METAL_DEPTHS = np.concatenate([np.geomspace(0.03, 1.5, 5), np.linspace(2.5, 14.0, 12)])
"""Attenuations, before beam hardening, of the slabs that the fit sees; other materials get every third."""
_METAL_G_CM3 = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class EnergyNodes:
    """K energies that stand for a scanner's spectrum."""

    energies_kev: tuple[float, ...]
    """K of them, rising."""
    weights: NDArray[np.float32]
    """(K, C) response of each channel at each node; columns sum to 1."""
    worst_error: float
    """Largest error of the fit over its slabs and mixtures, in units of max(1 % of T, 2e-4)."""

    def attenuation_per_mm(self, material: str) -> NDArray[np.float32]:
        """(K,) linear attenuation at the nodes, over that of the air displaced: transmission 1 is measured in air."""
        return _over_air_per_mm(material, self.energies_kev)

    def transmission(self, attenuation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transmission (…, C) behind line integrals (…, K); integrals below nil are taken as nil."""
        lit = np.empty((*attenuation.shape[:-1], self.weights.shape[1]), np.float32)
        nodes = attenuation.shape[-1]
        _attenuate(lit.reshape(-1, lit.shape[-1]), attenuation.reshape(-1, nodes), self.weights)
        return lit


@cache
def _over_air_per_mm(material: str, energies_kev: tuple[float, ...]) -> NDArray[np.float32]:
    energies = np.array(energies_kev)
    extra = attenuation_per_mm(material, energies) - attenuation_per_mm("air", energies)
    return extra.astype(np.float32)


@njit(cache=True, nogil=True, fastmath=True)
def _attenuate(
    lit: NDArray[np.float32], attenuation: NDArray[np.float32], weights: NDArray[np.float32]
) -> None:  # pragma: no cover - compiled
    """Fill lit (N, C) from line integrals (N, K) and weights (K, C). Air, most of a picture, costs nothing."""
    nodes, channels = weights.shape
    zero, one = np.float32(0), np.float32(1)
    for pixel in range(attenuation.shape[0]):
        if attenuation[pixel, 0] <= zero:
            lit[pixel, :] = one
            continue
        lit[pixel, :] = zero
        for node in range(nodes):
            passed = np.exp(-max(attenuation[pixel, node], zero))
            for channel in range(channels):
                lit[pixel, channel] += passed * weights[node, channel]


def integrate(responses: NDArray[np.float64], attenuation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The full integral: transmissions (N, C) for responses (C, E) and line integrals (N, E)."""
    return np.exp(-attenuation) @ responses.T


def _probes(energies_kev: NDArray[np.float64], responses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, E) line integrals that the fit must get right: slabs of each material, and mixtures of two to four."""
    rng = np.random.default_rng(0)
    names = [material for material in COMPOSITION if material != "air"]
    per_mm = np.stack([attenuation_per_mm(material, energies_kev) for material in names])
    unit = per_mm / (per_mm @ responses.mean(axis=0))[:, None]
    metal = np.array([COMPOSITION[material].density_g_cm3 > _METAL_G_CM3 for material in names])
    slabs = [unit[metal][:, None] * _METAL_DEPTHS[:, None], unit[~metal][:, None] * _METAL_DEPTHS[::3, None]]
    chosen = rng.random((120, len(unit))).argsort(axis=1)[:, :4]
    shares = rng.uniform(0, 1.5, chosen.shape) ** 2 * (rng.random(chosen.shape) < 0.7)
    mixtures = np.einsum("ij,ijk->ik", shares, unit[chosen])
    return np.concatenate([*(slab.reshape(-1, len(energies_kev)) for slab in slabs), mixtures])


def _non_negative(gram: NDArray[np.float64], moment: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares with weights ≥ 0 from normal equations: columns that come out negative are dropped till none is."""
    weights = np.zeros(len(moment))
    free = np.arange(len(moment))
    ridge = 1e-10 * np.trace(gram) * _UNIT
    while len(free):
        solved = np.linalg.solve(gram[free[:, None], free] + ridge[: len(free), : len(free)], moment[free])
        if (solved >= 0).all():
            weights[free] = solved
            break
        free = free[solved > 0]
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Probes in units of the permitted error, and the normal equations over all energies."""

    passed: NDArray[np.float64]
    """(C, N, E) transmission of each probe at each energy, over the permitted error of the channel."""
    wanted: NDArray[np.float64]
    """(C, N) true transmissions over the permitted error."""
    gram: NDArray[np.float64]
    """(C, E, E)."""
    moment: NDArray[np.float64]
    """(C, E)."""

    @classmethod
    def of(cls, attenuation: NDArray[np.float64], responses: NDArray[np.float64]) -> _Fit:
        """From line integrals (N, E) of the probes."""
        true = integrate(responses, attenuation).T
        permitted = np.maximum(_RELATIVE * true, _ABSOLUTE)
        passed = np.exp(-attenuation)[None] / permitted[:, :, None]
        wanted = true / permitted
        moment = np.einsum("cne,cn->ce", passed, wanted)
        return cls(passed, wanted, passed.transpose(0, 2, 1) @ passed, moment)

    def weights(self, chosen: tuple[int, ...]) -> NDArray[np.float64]:
        """(K, C) best weights of a choice of energies."""
        index = np.array(chosen)
        columns = [
            _non_negative(g[index[:, None], index], m[index]) for g, m in zip(self.gram, self.moment, strict=True)
        ]
        return np.stack(columns, axis=1)

    def cost(self, chosen: tuple[int, ...]) -> float:
        """Sum of squared errors, less a constant."""
        index = np.array(chosen)
        total = 0.0
        for gram, moment, weights in zip(self.gram, self.moment, self.weights(chosen).T, strict=True):
            total += float(weights @ gram[index[:, None], index] @ weights - 2 * weights @ moment[index])
        return total

    def worst(self, chosen: tuple[int, ...]) -> float:
        """Largest error in units of the permitted one."""
        found = np.einsum("cnk,kc->cn", self.passed[:, :, list(chosen)], self.weights(chosen))
        return float(np.abs(found - self.wanted).max())

    def improve(self, chosen: tuple[int, ...]) -> tuple[int, ...]:
        """Move one energy at a time while that lowers the cost."""
        best, moved = self.cost(chosen), True
        while moved:
            moved = False
            for position in range(len(chosen)):
                for step in _MOVES:
                    candidate = (*chosen[:position], chosen[position] + step, *chosen[position + 1 :])
                    if len(set(candidate)) < len(candidate) or not 0 <= candidate[position] < self.gram.shape[1]:
                        continue
                    cost = self.cost(candidate)
                    if cost < best:
                        best, chosen, moved = cost, candidate, True
        return chosen


def fit_nodes(energies_kev: NDArray[np.float64], responses: NDArray[np.float64]) -> EnergyNodes:
    """Choose the nodes of a scanner.

    Args:
        energies_kev: (E,) of the spectrum.
        responses: (C, E), each row summing to 1.
    """
    fit = _Fit.of(_probes(energies_kev, responses), responses)
    reach = np.cumsum(responses.mean(axis=0))
    rng = np.random.default_rng(0)
    best: tuple[float, tuple[int, ...]] | None = None
    for _ in range(_STARTS):
        quantiles = (np.arange(NODES) + rng.uniform(0.1, 0.9, NODES)) / NODES
        start = np.unique(np.searchsorted(reach, 0.98 * quantiles))
        if len(start) < NODES:
            continue
        chosen = fit.improve(tuple(int(i) for i in start))
        worst = fit.worst(chosen)
        best = min(best or (np.inf, chosen), (worst, chosen))
        if best[0] < _GOOD_ENOUGH:
            break
    assert best is not None, "a spectrum of fewer energies than nodes"
    worst, chosen = best
    weights = fit.weights(chosen)
    weights /= weights.sum(axis=0)
    order = np.argsort(chosen)
    energies = tuple(energies_kev[np.array(chosen)[order]].tolist())
    return EnergyNodes(energies, weights[order].astype(np.float32), worst)
