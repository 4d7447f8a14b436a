"""Threat images for projection at lanes: articles turned in many ways, stored small, read without the renderer.

A file holds one article in one pose, as each view of one scanner sees it in air. What a pixel takes from the beam at K
energies comes from a few materials, so K attenuations are stored as amounts of R ≤ K spectra (singular value
decomposition, as many as are needed for an error below half a per cent of air), in steps, as differences along rows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.projection.beam import Beam
from ...datasets.projection.threat_image import ThreatImage
from ...detector.errors import DatasetError

SUFFIX = ".threat"
_ERROR = 0.005
_STEP = 0.004
"""Of an amount, in attenuation: a fifth of a scanner's noise, and small numbers pack well."""
_DEEPEST = 12.0
"""Attenuation beyond which all is black."""
_MOST_SIDE = 6000


@dataclass(frozen=True, slots=True, eq=False)
class TurnedThreat:
    """One article in one pose, by view."""

    label: str
    design: str
    views: Mapping[str, ThreatImage]
    """The images of all views begin and end at the same place along the belt."""


def pack_threat(threat: TurnedThreat) -> bytes:
    """As a file's bytes; the same images give the same bytes."""
    parts: dict[str, NDArray[Any]] = {"label": np.array([threat.label, threat.design])}
    for name, image in threat.views.items():
        amounts, spectra = _reduced(-np.log(np.clip(image.passed, np.exp(-_DEEPEST), 1.0)))
        steps = np.rint(amounts / _STEP).astype(np.int16).transpose(2, 0, 1)
        parts |= {
            f"{name}/levels": np.diff(steps, axis=2, prepend=np.int16(0)),
            f"{name}/spectra": spectra.astype(np.float32),
            f"{name}/weights": image.beam.weights,
            f"{name}/materials": image.beam.materials,
            f"{name}/sizes": np.array([image.pitch_mm, image.height_mm], np.float64),
            f"{name}/scanner": np.array([image.scanner]),
        }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **parts)
    return file.getvalue()


def read_threat(content: bytes, name: str) -> TurnedThreat:
    """A file's threat.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        DatasetError: if it is damaged or no such file.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as parts:
            label, design = (str(text) for text in parts["label"])
            views = [part.split("/")[0] for part in parts if part.endswith("/levels")]
            return TurnedThreat(label, design, {view: _view(parts, view, label, design) for view in views})
    except Exception as error:  # zip, zlib, NumPy and our own checks each have their own
        reason = str(error) or type(error).__name__
        raise DatasetError(
            f"{name}: no threat image ({reason[:120]})", "replace it: parcelsight library replace"
        ) from error


def _view(parts: Mapping[str, NDArray[Any]], view: str, label: str, design: str) -> ThreatImage:
    levels = parts[f"{view}/levels"]
    if levels.ndim != 3 or max(levels.shape) > _MOST_SIDE:
        raise ValueError(f"an image of {levels.shape}")
    amounts = np.cumsum(levels, axis=2, dtype=np.int32).transpose(1, 2, 0).astype(np.float32) * np.float32(_STEP)
    taken = np.maximum(amounts @ parts[f"{view}/spectra"], 0)
    pitch_mm, height_mm = parts[f"{view}/sizes"]
    return ThreatImage(
        label=label,
        design_id=design,
        passed=np.exp(-taken).astype(np.float32),
        beam=Beam(parts[f"{view}/weights"], parts[f"{view}/materials"]),
        pitch_mm=float(pitch_mm),
        scanner=str(parts[f"{view}/scanner"][0]),
        height_mm=float(height_mm),
    )


def _reduced(taken: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(H, W, K) as (H, W, R) amounts and (R, K) spectra, R as small as the error allows."""
    flat = taken.reshape(-1, taken.shape[2]).astype(np.float64)
    # The spectra from where there is matter; air is nil whatever they are.
    _, _, spectra = np.linalg.svd(flat.T @ flat)
    for rank in range(1, len(spectra) + 1):
        basis = spectra[:rank]
        amounts = flat @ basis.T
        # In transmissions: what is black may be off by more.
        if np.abs(np.exp(-amounts @ basis) - np.exp(-flat)).max() < _ERROR:
            break
    return amounts.reshape(*taken.shape[:2], rank).astype(np.float32), basis.astype(np.float32)
