"""Project threats into one scan: draw, place, lay over, check, and try again where the check says no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import Annotations
from ..scan import Scan
from .canvas import Canvas, canvas_of
from .compose import Shade, shade_of
from .parcel_region import MARGIN_MM
from .placement import candidates
from .realism import Change, Reject, fits_parcel, looks_real, may_lie
from .threat_image import ThreatImage

PROJECTED = "projected"
"""Attribute of every projected object, value "yes": by it, projections are kept out of finds and statistics."""
DrawThreat = Callable[[np.random.Generator, bool], ThreatImage]
"""(random generator, whether for a single-energy scan) → a threat in some pose."""

_POSITIONS = 3
"""Places tried for one threat before another is drawn."""
_APART_MM = 6.0


@dataclass(frozen=True, slots=True)
class ProjectionSettings:
    """How to project."""

    threats: int = 1
    """At most so many a scan."""
    tries: int = 12
    """Threats drawn for each that is wanted."""
    margin_mm: float = MARGIN_MM
    look: str | None = None
    """Palette of pseudo-colour scans, where known."""


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """A scan with projected threats in it, and their labels; or the scan as it was, where none was accepted."""

    scan: Scan
    annotations: Annotations
    """Of the scan before, then one for each projected threat, with the attribute ``projected: yes``."""
    rejects: Mapping[Reject, int] = field(default_factory=dict)

    @property
    def projected(self) -> int:
        """Number of projected threats."""
        return sum(attributes.get(PROJECTED) == "yes" for attributes in self.annotations.attributes)


def project_into(
    scan: Scan,
    labelled: Annotations,
    draw: DrawThreat,
    pitch_mm: float,
    rng: np.random.Generator,
    settings: ProjectionSettings = ProjectionSettings(),
) -> Projected:
    """Project threats into a scan; the scan given stays as it is.

    Args:
        scan: of any kind.
        labelled: what is known to be in it; nothing is projected over it.
        draw: makes threats, seen by a scanner like the scan's.
        pitch_mm: of the scan.
        rng: decides everything.
        settings: how many, how often tried, what palette.

    Raises:
        ConfigError: for an unknown palette.
    """
    rejects: Counter[Reject] = Counter()
    canvas = canvas_of(scan, pitch_mm, settings.look, rng)
    taken = _boxes_mask(labelled, scan, pitch_mm)
    annotations = labelled
    for _ in range(settings.threats):
        found = _one(canvas, taken, draw, rng, settings, rejects)
        if found is None:
            break
        shade, pixels, change = found
        annotations = _with_threat(annotations, shade, change, canvas)
        taken[_grown(shade, _APART_MM / pitch_mm, taken.shape)] = True
        canvas = canvas_of(canvas.with_window(shade, pixels), pitch_mm, settings.look, rng)
    return Projected(canvas.scan, annotations, dict(rejects))


def _one(
    canvas: Canvas,
    taken: NDArray[np.bool_],
    draw: DrawThreat,
    rng: np.random.Generator,
    settings: ProjectionSettings,
    rejects: Counter[Reject],
) -> tuple[Shade, NDArray[Any], Change] | None:
    """The first projection that passes the realism check; rejects are counted."""
    if canvas.region.empty:
        rejects[Reject.NO_PARCEL] += 1
        return None
    for _ in range(settings.tries):
        threat = draw(rng, canvas.single_energy)
        reason = fits_parcel(threat, canvas.region, settings.margin_mm)
        if reason:
            rejects[reason] += 1
            continue
        places = candidates(canvas.region, threat, taken, rng, _POSITIONS, settings.margin_mm)
        if not places:
            rejects[Reject.NO_PLACE] += 1
        for place in places:
            shade = shade_of(threat, place, canvas.region.pitch_mm, canvas.blur_px)
            reason = may_lie(shade, canvas.light, canvas.region, taken, settings.margin_mm)
            if reason is None:
                pixels, change = canvas.attempt(shade, rng)
                reason = looks_real(change, check_noise=canvas.scan.pixels.dtype != np.uint8)
                if reason is None:
                    return shade, pixels, change
            rejects[reason] += 1
    return None


def _with_threat(annotations: Annotations, shade: Shade, change: Change, canvas: Canvas) -> Annotations:
    threat, footprint = shade.threat, shade.footprint
    own = -np.log(np.maximum(threat.transmission, 1e-4)).mean(axis=2)[footprint]
    other = np.maximum(canvas.depth[shade.slices][footprint], 0)
    attributes: dict[str, object] = {
        **threat.attributes,
        PROJECTED: "yes",
        "design_id": threat.design_id,
        "contrast": round(change.contrast, 3),
        "superposition": round(float(np.mean(other / (own + other + 1e-6))), 3),
        "threat_scanner": threat.scanner,
    }
    return Annotations(
        np.concatenate([annotations.xyxy_px, np.array([shade.xyxy_px])]),
        (*annotations.labels, threat.label),
        (*annotations.attributes, attributes),
    )


def _boxes_mask(labelled: Annotations, scan: Scan, pitch_mm: float) -> NDArray[np.bool_]:
    """(H, W) pixels of labelled objects, and a little around them."""
    mask = np.zeros((scan.height_px, scan.width_px), np.bool_)
    apart = _APART_MM / pitch_mm
    for x0, y0, x1, y1 in labelled.xyxy_px:
        mask[max(0, int(y0 - apart)) : int(y1 + apart) + 1, max(0, int(x0 - apart)) : int(x1 + apart) + 1] = True
    return mask


def _grown(shade: Shade, apart_px: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The shade's box with a little around it."""
    x0, y0, x1, y1 = shade.xyxy_px
    rows = slice(max(0, int(y0 - apart_px)), min(shape[0], int(y1 + apart_px) + 1))
    return rows, slice(max(0, int(x0 - apart_px)), min(shape[1], int(x1 + apart_px) + 1))
