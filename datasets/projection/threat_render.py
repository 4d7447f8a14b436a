"""Threat images from the virtual scanner: one item alone in the beam, noise-free, with finer rays than the scan's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...detector.errors import UsageError
from ..synthetic.catalogue import draw_item, draw_kind, threats_of
from ..synthetic.scanner import Scanner, ViewFrame
from ..synthetic.shadows import Projector
from ..synthetic.shapes import rotation
from ..synthetic.solids import Item, Split
from .beam import Beam
from .threat_image import ThreatImage

FINE_MM = 0.4
"""Pitch of threat images: rays at least twice as dense as the pixels of any parcel scanner."""
_LIFT_MM = 40.0
"""Height above the belt at which a threat is taken to lie; it decides its magnification."""
_AIR_MM = 1.0


def beam_of(scanner: Scanner) -> Beam:
    """The beam of a scanner, with water and steel for what parcels are made of."""
    nodes = scanner.nodes
    channels = nodes.weights.shape[1]
    per_mm = np.stack([nodes.attenuation_per_mm("water"), nodes.attenuation_per_mm("steel")])
    per_mm /= (per_mm @ nodes.weights).mean(axis=1, keepdims=True)
    return Beam(nodes.weights[:, :channels], per_mm.astype(np.float32))


def threat_image(item: Item, scanner: Scanner, pitch_mm: float = FINE_MM) -> ThreatImage:
    """Render an item alone with a scanner's first view.

    Args:
        item: turned as it shall lie; where it stands in x, y, z is of no account, it is put on the belt's middle.
        scanner: whose beam and geometry are used.
        pitch_mm: of the image.
    """
    low, high = item.bounds_mm
    offset = np.array([*(-(low + high) / 2)[:2], _LIFT_MM - low[2]], np.float64)
    placed = item.placed(np.eye(3), offset)
    view = scanner.preset.views[0]
    x_mm, y_mm = _shadow_mm(placed, ViewFrame(view, 1.0), view.distance_mm, view.lateral_mm)
    frame = ViewFrame(view, pitch_mm, y_mm[0])
    return image_in_frame(placed, scanner, frame, x_mm, y_mm)


def threat_views(item: Item, scanner: Scanner, pitch_mm: float = FINE_MM) -> dict[str, ThreatImage]:
    """Render an item alone with every view of a scanner; all images begin and end at the same place along the belt.

    Args:
        item: turned as it shall lie; where it stands in x, y, z is of no account, it is put on the belt's middle.
        scanner: whose beam and geometry are used.
        pitch_mm: of the images.
    """
    low, high = item.bounds_mm
    placed = item.placed(np.eye(3), np.array([*(-(low + high) / 2)[:2], _LIFT_MM - low[2]], np.float64))
    y_mm = (float(placed.bounds_mm[0, 1]) - _AIR_MM, float(placed.bounds_mm[1, 1]) + _AIR_MM)
    found = {}
    for view in scanner.preset.views:
        x_mm, _ = _shadow_mm(placed, ViewFrame(view, 1.0), view.distance_mm, view.lateral_mm)
        image = image_in_frame(placed, scanner, ViewFrame(view, pitch_mm, y_mm[0]), x_mm, y_mm)
        depth = 2 if view.source in ("below", "above") else 0
        found[view.name] = replace(image, height_mm=float(np.ptp(placed.bounds_mm[:, depth])))
    return found


def image_in_frame(
    item: Item, scanner: Scanner, frame: ViewFrame, x_mm: tuple[float, float], y_mm: tuple[float, float]
) -> ThreatImage:
    """Render an item where it stands, in a rectangle of the view's reference plane.

    Raises:
        UsageError: if nothing of the item is in the rectangle, or it is no threat.
    """
    shadow = Projector(frame, frame.fan(x_mm, y_mm), scanner.nodes).shadow(item)
    if shadow is None or item.label is None:
        raise UsageError(f"{item.design_id}: nothing to project", "choose a threat that lies in the view")
    passed = np.exp(-np.maximum(shadow.attenuation, 0))
    return ThreatImage(
        label=item.label,
        design_id=item.design_id,
        passed=passed.astype(np.float32),
        beam=beam_of(scanner),
        pitch_mm=frame.pitch_mm,
        scanner=scanner.name,
        height_mm=float(np.ptp(item.bounds_mm[:, 2])),
        attributes={**item.attributes, "kind": item.kind},
    )


def _shadow_mm(
    item: Item, frame: ViewFrame, distance_mm: float, lateral_mm: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """(x0, x1), (y0, y1) of an item's shadow on the reference plane, with a little air around."""
    points = np.concatenate([frame.points(solid.mesh) for solid in item.solids])
    across = points[:, 0] * (distance_mm / points[:, 2]) + lateral_mm
    along = points[:, 1] * frame.pitch_mm
    return (
        (float(across.min()) - _AIR_MM, float(across.max()) + _AIR_MM),
        (float(along.min()) - _AIR_MM, float(along.max()) + _AIR_MM),
    )


def draw_pose(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) rotation: mostly lying flat, any way round, sometimes on an edge or leaning, as things lie in parcels."""
    turn = rotation("z", float(rng.uniform(0, 360)))
    pose = rng.random()
    if pose < 0.15:
        tilted = turn @ rotation("x", 90.0)
    elif pose < 0.3:
        tilted = turn @ rotation("x", 180.0)
    else:
        tilted = turn @ rotation("x", float(rng.normal(0, 15))) @ rotation("y", float(rng.normal(0, 10)))
    return np.asarray(tilted)


def draw_threat(rng: np.random.Generator, labels: Sequence[str], split: Split, scanner: Scanner) -> ThreatImage:
    """A threat of one of the classes, all alike likely, in a random pose.

    Raises:
        UsageError: if no design of these classes belongs to the split.
    """
    usable = [label for label in labels if threats_of(label, split)]
    if not usable:
        raise UsageError(f"no design of {', '.join(labels)} is in the split {split}", "choose other classes")
    kind = draw_kind(rng, threats_of(usable[int(rng.integers(len(usable)))], split))
    item = draw_item(rng, kind, split)
    return threat_image(item.placed(draw_pose(rng), np.zeros(3)), scanner)
