"""What makes a threat hard to see in a picture: three image factors, and the difficulty estimated from them.

Turning, superposition and bag complexity are the image factors of Schwaninger, Hardmeier and Hofer (Measuring visual
abilities and visual knowledge of aviation security screeners, IEEE Carnahan Conference on Security Technology, 2004).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ...datasets.opencv import cv2
from ...datasets.scan import Scan, ScanKind, transmission


class Factor(StrEnum):
    """One of the three."""

    VIEW = "view"
    """How far the threat is turned away from its best-known side."""
    SUPERPOSITION = "superposition"
    """How much else lies over and under it."""
    CLUTTER = "clutter"
    """How busy and how opaque the whole parcel is."""


_FULL = {Factor.VIEW: 0.6, Factor.SUPERPOSITION: 0.7}
"""Values of the labels' attributes that count as level 1; rendered sets rarely reach beyond."""
_FULL_EDGES, _FULL_OPACITY = 0.1, 0.15
_EASIEST = -2.0
_WEIGHTS = {Factor.VIEW: 2.0, Factor.SUPERPOSITION: 2.0, Factor.CLUTTER: 1.5}
"""Logits from level 0 to level 1: a first guess, which the answers to each picture then correct."""
_MATTER, _OPAQUE = 0.05, 2.3
"""Attenuation from which a pixel is parcel, and from which it is opaque (a transmission of 0.1)."""
_UNKNOWN = 0.4
"""Level of what a label does not tell; a projected threat, say, tells no turn."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Levels of the three, 0 easy to 1 hard.

    Raises:
        ValueError: if a level is not in 0…1.
    """

    view: float
    superposition: float
    clutter: float

    def __post_init__(self) -> None:
        if not all(0 <= self.level(factor) <= 1 for factor in Factor):
            raise ValueError(f"levels of factors lie between 0 and 1: {self}")

    def level(self, factor: Factor) -> float:
        """Of one factor."""
        return float(getattr(self, factor.value))

    @property
    def leading(self) -> Factor:
        """The factor that adds most to the difficulty."""
        return max(Factor, key=lambda factor: _WEIGHTS[factor] * self.level(factor))

    @property
    def difficulty(self) -> float:
        """Expected difficulty in logits: about -2 for what lies open and flat, 3.5 for the hardest."""
        return _EASIEST + sum(_WEIGHTS[factor] * self.level(factor) for factor in Factor)


def threat_factors(attributes: Mapping[str, object], clutter: float) -> Factors:
    """Of one labelled threat.

    Args:
        attributes: of its label, as the virtual scanner or the projection writes them.
        clutter: level of the picture.
    """
    view = _level(attributes.get("view_difficulty"), _FULL[Factor.VIEW])
    return Factors(view, _level(attributes.get("superposition"), _FULL[Factor.SUPERPOSITION]), clutter)


def _level(value: object, full: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return _UNKNOWN
    return float(np.clip(value / full, 0, 1))


def clutter_level(scan: Scan) -> float:
    """How busy and opaque a parcel is, 0…1, from the finished picture, so that harmless parcels are measured alike.

    Half of it is the mean edge strength inside the parcel (attenuation per pixel, noise smoothed away), half the share
    of its pixels that hardly any beam gets through.
    """
    if scan.kind is ScanKind.PSEUDO_COLOUR:
        beam = scan.pixels.mean(axis=2, dtype=np.float32) / np.float32(255)
    else:
        beam = transmission(scan)
        beam = beam[..., -1] if beam.ndim == 3 else beam
    attenuation = -np.log(np.maximum(cv2.GaussianBlur(beam, (5, 5), 0), np.float32(1e-3)))
    inside = attenuation > _MATTER
    if not inside.any():
        return 0.0
    down, right = np.gradient(attenuation)
    edges = float((np.abs(down) + np.abs(right))[inside].mean() / 2)
    opacity = float((attenuation[inside] > _OPAQUE).mean())
    return (min(1.0, edges / _FULL_EDGES) + min(1.0, opacity / _FULL_OPACITY)) / 2
