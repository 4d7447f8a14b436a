"""A parcel, a scanner and a seed make a rendered scan with its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..annotations import Annotations
from ..scan import Scan, ScanKind
from .detector_array import DetectorArray
from .labels import annotate
from .projector import Fan
from .scanner import Framing, Scanner, View, ViewFrame
from .shadows import Projector
from .solids import Parcel


@dataclass(frozen=True, slots=True, eq=False)
class RenderedScan:
    """One view of one parcel as the scanner delivers it."""

    scan: Scan
    annotations: Annotations


def render(
    parcel: Parcel,
    scanner: Scanner,
    rng: np.random.Generator,
    *,
    views: int = 1,
    scan_id: str = "parcel",
    masks: bool = False,
    benign: bool = False,
    passers_by: Sequence[Parcel] = (),
) -> tuple[RenderedScan, ...]:
    """Scan a parcel.

    Args:
        parcel: standing on the belt.
        scanner: which.
        rng: draws framing and the state of the detectors.
        views: how many of the scanner's views to render.
        scan_id: of the parcel; a view's name is appended.
        masks: whether labels carry instance masks.
        benign: whether benign objects are labelled too, by their kind.
        passers_by: other parcels on the same belt; what of them is in the frame is seen and labelled.

    Raises:
        RunError: if an object reaches up to the X-ray source.
    """
    preset = scanner.preset
    rendered = []
    for view in preset.views[:views]:
        frame, fan = frame_of(parcel, view, preset.pitch_mm, preset.framing, rng)
        items = [item for each in (parcel, *passers_by) for item in each.items]
        fine = replace(frame, pitch_mm=frame.pitch_mm / preset.oversample)
        projection = Projector(fine, fan.finer(preset.oversample), scanner.nodes).project(items)
        ideal = scanner.nodes.transmission(projection.attenuation)
        array = DetectorArray.draw(preset.signal, fan.columns, ideal.shape[2], rng)
        levels = array.read_out(averaged(ideal, fan), rng)
        pixels, kind = (levels, ScanKind.DUAL_ENERGY) if scanner.dual_energy else (levels[:, :, 0], ScanKind.GREY)
        name = f"{scan_id}_{view.name}"
        scan = Scan(name, pixels, kind, preset.pitch_mm, view.name, {"scanner": scanner.name})
        rendered.append(RenderedScan(scan, annotate(projection, ideal, scanner, array, view, masks, benign)))
    return tuple(rendered)


def frame_of(
    parcel: Parcel, view: View, pitch_mm: float, framing: Framing, rng: np.random.Generator
) -> tuple[ViewFrame, Fan]:
    """What of the belt a scan of a parcel shows: the parcel's shadow with air around, or the tunnel's whole width."""
    frame = ViewFrame(view, pitch_mm)
    points = np.concatenate([frame.points(solid.mesh) for item in parcel.items for solid in item.solids])
    lateral = points[:, 0] * (view.distance_mm / points[:, 2]) + view.lateral_mm
    along = points[:, 1] * pitch_mm
    left, right, above, below = (framing.margin_mm.draw(rng) for _ in range(4))
    x_mm = (float(lateral.min()) - left, float(lateral.max()) + right)
    if rng.random() < framing.whole_width:
        middle = view.source in ("below", "above")
        edge = -framing.width_mm / 2 if middle else -framing.margin_mm.high
        x_mm = (min(edge, x_mm[0]), max(edge + framing.width_mm, x_mm[1]))
        # Such scanners cut their pictures by time, not by the parcel: more belt shows before and after it.
        above, below = above + rng.uniform(0, framing.width_mm / 3), below + rng.uniform(0, framing.width_mm / 3)
    y_mm = (float(along.min()) - above, float(along.max()) + below)
    return replace(frame, first_row_mm=y_mm[0]), frame.fan(x_mm, y_mm)


def averaged(ideal: NDArray[np.float32], fan: Fan) -> NDArray[np.float32]:
    """Transmissions of pixels from those of their rays: detectors add up light, not attenuation."""
    if ideal.shape[:2] == (fan.rows, fan.columns):
        return ideal
    pixels: NDArray[np.float32] = cv2.resize(ideal, (fan.columns, fan.rows), interpolation=cv2.INTER_AREA)
    return pixels.reshape(fan.rows, fan.columns, -1)
