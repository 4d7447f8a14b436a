"""One threat into all views of one parcel, at one place along the belt.

Along the belt an X-ray picture is a parallel projection, so a parcel and what is in it cover the same rows in every
view, apart from where each picture begins: rows are counted from the parcel's own beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..scan import Scan
from .canvas import Canvas, canvas_of
from .compose import Shade, shade_of
from .parcel_region import MARGIN_MM
from .placement import Placement, candidates
from .realism import Change, Reject, fits_parcel, looks_real, may_lie
from .threat_image import ThreatImage

_POSITIONS = 4
_HEIGHTS = 12
"""Places tried across a further view."""


@dataclass(frozen=True, slots=True, eq=False)
class InView:
    """One view with the threat in it."""

    scan: Scan
    xyxy_px: tuple[float, float, float, float]
    superposition: float
    """Mean share of the attenuation over the footprint that is not the threat's own."""


def into_all_views(
    scans: Sequence[Scan],
    threat: Mapping[str, ThreatImage],
    pitches_mm: Sequence[float],
    rng: np.random.Generator,
    look: str | None = None,
) -> tuple[InView, ...] | Reject:
    """Project a threat into every view of a parcel; the scans given stay as they are.

    Args:
        scans: the views; each one's name is a key of ``threat``, or there is but one.
        threat: as each view of a scanner sees it, all beginning at the same place along the belt.
        pitches_mm: of the scans.
        rng: decides place and noise.
        look: palette of pseudo-colour scans, where known.

    Returns:
        The views in the order given, or why the realism check refused.

    Raises:
        ConfigError: for an unknown palette.
    """
    images = _images(scans, threat, rng)
    if images is None:
        return Reject.NO_PLACE
    canvases = [canvas_of(scan, pitch, look, rng) for scan, pitch in zip(scans, pitches_mm, strict=True)]
    taken = [np.zeros(canvas.depth.shape, np.bool_) for canvas in canvases]
    for canvas, image in zip(canvases, images, strict=True):
        reason = fits_parcel(image, canvas.region) if canvas is canvases[0] else None
        if canvas.region.empty or reason is not None:
            return reason or Reject.NO_PARCEL
    last = Reject.NO_PLACE
    for place in candidates(canvases[0].region, images[0], taken[0], rng, _POSITIONS, MARGIN_MM):
        found = []
        for number, (canvas, image) in enumerate(zip(canvases, images, strict=True)):
            places = [place] if number == 0 else _beside(canvases[0], canvas, image, place, rng)
            one = _tried(canvas, image, places, taken[number], rng)
            if isinstance(one, Reject):
                last = one
                break
            found.append(one)
        else:
            return tuple(found)
    return last


def _images(
    scans: Sequence[Scan], threat: Mapping[str, ThreatImage], rng: np.random.Generator
) -> list[ThreatImage] | None:
    """Each view's image; half of the time as if the threat lay the other way round."""
    names = [scan.view for scan in scans]
    if len(scans) == 1 and names[0] not in threat and threat:
        names = [next(iter(threat))]
    if any(name not in threat for name in names):
        return None
    if rng.random() < 0.5:
        return [threat[name] for name in names]
    # Turned by 180 degrees on the belt: seen from above both ways, seen from the side along the belt alone.
    flips = [(slice(None, None, -1), slice(None, None, -1 if number == 0 else 1)) for number in range(len(names))]
    return [
        replace(threat[name], passed=np.ascontiguousarray(threat[name].passed[flip]))
        for name, flip in zip(names, flips, strict=True)
    ]


def _beside(
    first: Canvas, canvas: Canvas, image: ThreatImage, place: Placement, rng: np.random.Generator
) -> list[Placement]:
    """Places in another view in the rows that a place in the first one gives."""
    begins = [int(np.flatnonzero(one.region.mask.any(axis=1))[0]) for one in (first, canvas)]
    ratio = first.region.pitch_mm / canvas.region.pitch_mm
    y_px = (place.y_px - begins[0]) * ratio + begins[1]
    inside = canvas.region.inside()
    shape = image.at_pitch(canvas.region.pitch_mm).footprint
    top = round(y_px)
    if top < 0 or top + shape.shape[0] > inside.shape[0]:
        return []
    barred = ~inside[top : top + shape.shape[0]]
    free = [
        x for x in range(0, inside.shape[1] - shape.shape[1] + 1, 2)
        if not (barred[:, x : x + shape.shape[1]] & shape).any()
    ]  # fmt: skip
    chosen = rng.permutation(len(free))[:_HEIGHTS]
    return [Placement(float(free[int(k)]) + float(rng.uniform(0, 1)), y_px) for k in chosen]


def _tried(
    canvas: Canvas, image: ThreatImage, places: Sequence[Placement], taken: NDArray[np.bool_], rng: np.random.Generator
) -> InView | Reject:
    reason = Reject.NO_PLACE
    for place in places:
        shade = shade_of(image, place, canvas.region.pitch_mm, canvas.blur_px)
        refused = may_lie(shade, canvas.light, canvas.region, taken)
        if refused is None:
            pixels, change = canvas.attempt(shade, rng)
            refused = looks_real(change, check_noise=canvas.scan.pixels.dtype != np.uint8)
            if refused is None:
                return _in_view(canvas, shade, pixels, change)
        reason = refused
    return reason


def _in_view(canvas: Canvas, shade: Shade, pixels: NDArray[Any], change: Change) -> InView:
    own = np.maximum(change.predicted[shade.footprint], 1e-3)
    other = np.maximum(canvas.depth[shade.slices][shade.footprint], 0)
    share = float(np.mean(other / (own + other)))
    return InView(canvas.with_window(shade, pixels), shade.xyxy_px, round(share, 3))
