"""How a beam that a parcel has already hardened meets a threat.

Transmissions of a polychromatic beam do not simply multiply: what passed the parcel has lost its soft rays, so the
threat behind it lets a larger share through than it would in air (two slabs of 1 mm steel at 160 kV pass 0.29, not
0.46² = 0.21). A beam is a few energies k with weights (datasets/synthetic/beer_lambert.py). A parcel's pixel is
taken for the mixture of an organic and a metal thickness that has its transmissions, the weights behind it are
``w'_kc = w_kc · exp(-a_k) / T_c``, and the threat passes ``Σ_k w'_kc · t_k``.

With one energy a channel (``Beam.plain``) this is the plain product ``T = T_parcel · T_threat``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ITERATIONS = 14
_LARGEST_STEP = 1.5
"""Newton steps, in units of attenuation of the pure material, are cut at this size: far from the solution they err."""
_DEEPEST = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """A scanner's spectrum as K energies, and two materials that parcels are made of."""

    weights: NDArray[np.float32]
    """(K, C) response of each channel to each energy; columns sum to 1."""
    materials: NDArray[np.float32]
    """(2, K) attenuation of organic matter and of metal, each in units where the mean over channels is near 1."""

    @classmethod
    def plain(cls, channels: int) -> Beam:
        """One energy a channel: transmissions multiply."""
        identity = np.eye(channels, dtype=np.float32)
        return cls(identity, np.ones((2, channels), np.float32))

    @property
    def channels(self) -> int:
        """C."""
        return int(self.weights.shape[1])

    def hardened(self, transmission: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weights (…, K, C) of the beam behind matter of the given transmissions (…, C); columns sum to 1."""
        flat = transmission.reshape(-1, self.channels).astype(np.float64)
        passed = np.exp(-self._mixture(flat) @ self.materials.astype(np.float64))
        weighted = passed[:, :, None] * self.weights
        weighted /= np.maximum(weighted.sum(axis=1, keepdims=True), 1e-12)
        return weighted.reshape(*transmission.shape[:-1], *self.weights.shape).astype(np.float32)

    def through(self, parcel: NDArray[np.float32], passed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transmission (…, C) of a threat behind a parcel.

        Args:
            parcel: (…, C) transmissions of the parcel.
            passed: (…, K) the threat's transmission at each energy.
        """
        lit = np.empty(parcel.shape, np.float32)
        touched = (passed < 0.9999).any(axis=-1)
        lit[~touched] = passed[~touched] @ self.weights
        lit[touched] = np.einsum("nk,nkc->nc", passed[touched], self.hardened(parcel[touched]))
        return lit

    def _mixture(self, transmission: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) amounts of the two materials with the transmissions (N, C), none negative.

        Newton's method in attenuations. One channel tells one amount, that of organic matter.
        """
        wanted = -np.log(np.clip(transmission, _DEEPEST, 1.0))
        amounts = np.zeros((len(wanted), 2))
        known = 1 if self.channels == 1 else 2
        amounts[:, 0] = wanted[:, 0]
        materials, weights = self.materials.astype(np.float64), self.weights.astype(np.float64)
        for _ in range(_ITERATIONS if len(self.weights) > self.channels else 0):
            passed = np.exp(-amounts @ materials)
            lit = passed @ weights
            error = (-np.log(lit) - wanted)[:, :known]
            slope = np.einsum("nk,mk,kc->ncm", passed, materials[:known], weights[:, :known]) / lit[:, :known, None]
            step = np.linalg.solve(slope, error[:, :, None])[:, :, 0]
            amounts[:, :known] = np.maximum(amounts[:, :known] - np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), 0)
            # Where an amount is nil the other alone has to carry the mean attenuation.
            amounts = self._rescaled(amounts, wanted, materials, weights)
        return amounts

    @staticmethod
    def _rescaled(
        amounts: NDArray[np.float64],
        wanted: NDArray[np.float64],
        materials: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Amounts scaled to the wanted mean attenuation, for pixels at the border of what mixtures can be."""
        bound = (amounts <= 0).any(axis=1)
        if not bound.any():
            return amounts
        lit = np.exp(-amounts[bound] @ materials) @ weights
        found = -np.log(lit).mean(axis=1)
        ratio = np.where(found > 1e-6, wanted[bound].mean(axis=1) / np.maximum(found, 1e-6), 1.0)
        amounts[bound] *= np.clip(ratio, 0.5, 2.0)[:, None]
        return amounts
