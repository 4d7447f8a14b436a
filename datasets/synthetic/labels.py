"""Labels from footprints: what of each threat the beam saw, as boxes, masks and measures of difficulty.

A footprint is where an item's own attenuation is more than nil, whatever lies over it; the box is its *amodal* extent
inside the frame. An item whose contrast is nil, hidden behind what nothing gets through, gets no label: a detector
cannot learn it, and physics answers it with REVIEW.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...detector.taxonomy import TAXONOMY
from ..annotations import Annotations
from ..canonical import FLOOR_TRANSMISSION
from .beer_lambert import EnergyNodes
from .detector_array import DetectorArray
from .scanner import Scanner, View
from .shadows import Projection, Shadow
from .solids import Item

FOOTPRINT_ATTENUATION = 2e-3
"""An item's own attenuation, at the channel that sees it best, from which on a pixel belongs to its footprint."""
MIN_CONTRAST = 0.5
"""Mean contrast in units of the noise of a pixel, below which an item gets no label."""
MIN_FOOTPRINT_PX = 12
MIN_VISIBLE_SHARE = 0.15
"""An item with less than this share of its extent in the frame gets no label."""


@dataclass(frozen=True, slots=True)
class ParcelDifficulty:
    """How hard the parcel as a whole is to read, besides the threat itself."""

    opacity: float
    """Share of the parcel's pixels with a high-energy transmission below 0.1."""
    clutter: float
    """Mean edge strength inside the parcel, in attenuation per pixel."""

    @classmethod
    def of(cls, transmission: NDArray[np.float32]) -> ParcelDifficulty:
        """From ideal transmissions (H, W, C)."""
        hard = np.maximum(transmission[::2, ::2, -1], FLOOR_TRANSMISSION)
        attenuation = -np.log(hard)
        inside = attenuation > 0.02
        if not inside.any():
            return cls(0.0, 0.0)
        down, right = np.abs(np.diff(attenuation, axis=0)), np.abs(np.diff(attenuation, axis=1))
        edges = down[:, :-1] + right[:-1]
        return cls(float((hard[inside] < 0.1).mean()), float(edges[inside[:-1, :-1]].mean() / 2))


def annotate(
    projection: Projection,
    transmission: NDArray[np.float32],
    scanner: Scanner,
    array: DetectorArray,
    view: View,
    masks: bool,
    benign: bool = False,
) -> Annotations:
    """The labels of one scan.

    Args:
        projection: line integrals of everything and of the threats alone, one a ray.
        transmission: (H, W, C) ideal transmissions of the same rays.
        scanner: its oversampling says how many rays there are a pixel.
        array: the detectors, for the noise that contrast is measured in.
        view: the one that is rendered.
        masks: whether to add each footprint as a COCO run-length mask.
        benign: whether to label benign objects too, by their kind.
    """
    boxes, labels, attributes = [], [], []
    parcel = ParcelDifficulty.of(transmission)
    rays = scanner.preset.oversample
    for shadow in projection.shadows:
        seen = _Seen.of(shadow, projection, transmission, scanner.nodes, array)
        if seen is None or shadow.item.label is None:
            continue
        boxes.append([edge / rays for edge in seen.xyxy_px])
        labels.append(shadow.item.label)
        attributes.append(_attributes(shadow, seen, view, parcel) | {"scanner": scanner.name})
        if masks:
            attributes[-1]["segmentation"] = _run_lengths(seen.footprint, shadow, transmission.shape[:2], rays)
    for kind, bounds_px in projection.benign_px if benign else ():
        x0, y0, x1, y1 = (edge / rays for edge in bounds_px)
        height, width = (side / rays for side in transmission.shape[:2])
        box = [max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)]
        if min(box[2] - box[0], box[3] - box[1]) >= 1:
            boxes.append([round(edge, 1) for edge in box])
            labels.append(kind if TAXONOMY.group_of(kind) is None else f"benign {kind}")
            attributes.append({"benign": True})
    return Annotations.of(boxes, labels, attributes)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What of one item shows."""

    footprint: NDArray[np.bool_]
    """(rows, columns) of the shadow's window."""
    xyxy_px: tuple[float, float, float, float]
    contrast: float
    superposition: float
    """Mean share of the attenuation over the footprint that is not the item's own."""

    @classmethod
    def of(
        cls,
        shadow: Shadow,
        projection: Projection,
        transmission: NDArray[np.float32],
        nodes: EnergyNodes,
        array: DetectorArray,
    ) -> _Seen | None:
        """None where the item is invisible, or hardly any of it is in the frame."""
        own = -np.log(np.maximum(nodes.transmission(shadow.attenuation), 1e-9)).max(axis=-1)
        footprint = own > FOOTPRINT_ATTENUATION
        if footprint.sum() < MIN_FOOTPRINT_PX:
            return None
        rows, columns = np.flatnonzero(footprint.any(axis=1)), np.flatnonzero(footprint.any(axis=0))
        window = shadow.window
        x0, y0, x1, y1 = shadow.bounds_px
        share = (window.x1 - window.x0) * (window.y1 - window.y0) / max((x1 - x0) * (y1 - y0), 1.0)
        others = (projection.attenuation[window.slices] - shadow.attenuation)[footprint]
        with_item = transmission[window.slices][footprint]
        contrast = _contrast(nodes.transmission(others), with_item, array)
        if contrast < MIN_CONTRAST or share < MIN_VISIBLE_SHARE:
            return None
        other = -np.log(np.maximum(nodes.transmission(others), 1e-9)).max(axis=-1)
        own = own[footprint]
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        shift = (window.x0, window.y0, window.x0, window.y0)
        return cls(
            footprint=footprint,
            xyxy_px=tuple(float(a + b) for a, b in zip(box, shift, strict=True)),  # type: ignore[arg-type]
            contrast=contrast,
            superposition=float(np.mean(np.maximum(other, 0) / (own + np.maximum(other, 0)))),
        )


def _contrast(without: NDArray[np.float32], with_item: NDArray[np.float32], array: DetectorArray) -> float:
    """Mean difference that an item makes, in standard deviations of a pixel's noise, in its best channel.

    Both (pixels, C). Transmissions below the picture's floor count as the floor.
    """
    floor = np.float32(FLOOR_TRANSMISSION)
    difference = np.maximum(without, floor) - np.maximum(with_item, floor)
    return float((np.abs(difference) / array.noise(without)).mean(axis=0).max())


def _attributes(shadow: Shadow, seen: _Seen, view: View, parcel: ParcelDifficulty) -> dict[str, object]:
    """What a label tells besides box and class: the object, and the three image factors of difficulty."""
    x0, y0, x1, y1 = shadow.bounds_px
    window = shadow.window
    clipped = x0 < window.x0 - 0.5 or y0 < window.y0 - 0.5 or x1 > window.x1 + 0.5 or y1 > window.y1 + 0.5
    size_mm, turned_away = _pose(shadow.item, view)
    return {
        **shadow.item.attributes,
        "kind": shadow.item.kind,
        "design_id": shadow.item.design_id,
        "view": view.name,
        "size_mm": round(size_mm, 1),
        "clipped": clipped,
        "visible_contrast": round(seen.contrast, 2),
        "superposition": round(seen.superposition, 3),
        "view_difficulty": round(turned_away, 3),
        "opacity": round(parcel.opacity, 3),
        "clutter": round(parcel.clutter, 4),
    }


def _pose(item: Item, view: View) -> tuple[float, float]:
    """Longest extent in mm, and how far the item is turned away: 0 seen flat, towards 1 seen end-on.

    The item stands for the box of its principal axes; the box's shadow is compared with that of its largest face.
    """
    points = np.concatenate([solid.mesh.vertices_mm for solid in item.solids]).astype(np.float64)
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    a, b, c = np.ptp(centred @ axes, axis=0)
    towards = np.abs(axes[2 if view.source in ("below", "above") else 0])
    shadow = towards @ np.array([b * c, a * c, a * b])
    largest = max(a * b, a * c, b * c, 1e-9)
    return float(max(a, b, c)), float(np.clip(1 - shadow / largest, 0, 1))


def turned_away(item: Item, view: View) -> float:
    """How far an item is turned away from a view: 0 seen flat, towards 1 seen end-on."""
    return _pose(item, view)[1]


def _run_lengths(footprint: NDArray[np.bool_], shadow: Shadow, frame: tuple[int, int], rays: int) -> dict[str, object]:
    """COCO's uncompressed run-length mask of the whole frame: runs down the columns, background first.

    A pixel belongs to the mask if any of its rays does.
    """
    whole = np.zeros((frame[1], frame[0]), np.bool_)
    rows, columns = shadow.window.slices
    whole[columns, rows] = footprint.T
    width, height = frame[1] // rays, frame[0] // rays
    flat = whole.reshape(width, rays, height, rays).any(axis=(1, 3)).ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(edges).tolist()
    return {"size": [height, width], "counts": [0, *counts] if flat[0] else counts}
