"""The worst misses and the worst false alarms: what to look at first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ClassSpec
from .categories import Category, truth_of
from .evaluation_parts import Example, ExampleKind
from .hits import Scans, best_scores, found_objects
from .operating_points import alarming
from .parcels import parcel_numbers

MOST = 12
"""Examples of each kind."""
_REMARKS = {
    "size_mm": "{:.0f} mm",
    "superposition": "superposition {:.2f}",
    "visible_contrast": "contrast {:.0f} σ",
    "view_difficulty": "turned away {:.2f}",
    "opacity": "opacity {:.2f}",
    "material": "{}",
    "scenario": "{}",
}


def worst_misses(scans: Scans, anything: Category, thresholds: NDArray[np.float32]) -> tuple[Example, ...]:
    """Threats that no alarm lies on, one a scan: those that show best first, then those the detector saw least of.

    Args:
        scans: labelled scans with what was detected in them.
        anything: the category of any threat.
        thresholds: (classes,) of the operating point.
    """
    ranked: list[tuple[float, float, Example]] = []
    for record, every in scans:
        found = found_objects(record, alarming(every, thresholds), anything)
        scores = best_scores(record, every, anything)
        chosen = [
            i
            for i, label in enumerate(record.annotations.labels)
            if label in anything.counts and not record.annotations.attributes[i].get("iscrowd")
        ]
        boxes = truth_of(record, anything)
        missed: list[tuple[float, float, Example]] = []
        for place, index in enumerate(chosen):
            if found[place]:
                continue
            known = record.annotations.attributes[index]
            box = boxes.xyxy_px[~boxes.ignore][place]
            missed.append((-_ease(known, box), float(scores[place]), Example(
                kind=ExampleKind.MISS,
                scan_id=record.scan_id,
                name=record.annotations.labels[index],
                score=float(scores[place]),
                xyxy_px=_box(box),
                remarks=_remarks(known),
            )))  # fmt: skip
        ranked += sorted(missed, key=lambda each: each[:2])[:1]
    return tuple(example for *_, example in sorted(ranked, key=lambda each: each[:2])[:MOST])


def worst_false_alarms(
    scans: Scans, threat: NDArray[np.bool_], classes: tuple[ClassSpec, ...], thresholds: NDArray[np.float32]
) -> tuple[Example, ...]:
    """The surest alarm of each threat-free parcel that raises one, surest first.

    Args:
        scans: labelled scans with what was detected in them.
        threat: (scans,) whose parcel holds one.
        classes: the model's.
        thresholds: (classes,) of the operating point.
    """
    parcels = parcel_numbers([record for record, _ in scans])
    best: dict[int, Example] = {}
    for i in np.flatnonzero(~threat):
        record, every = scans[int(i)]
        raised = alarming(every, thresholds)
        if not len(raised) or (parcels[i] in best and best[parcels[i]].score >= float(raised.score.max())):
            continue
        top = int(np.argmax(raised.score))
        best[int(parcels[i])] = Example(
            kind=ExampleKind.FALSE_ALARM,
            scan_id=record.scan_id,
            name=classes[int(raised.class_id[top])].name,
            score=float(raised.score[top]),
            xyxy_px=_box(raised.xyxy_px[top]),
        )
    return tuple(sorted(best.values(), key=lambda each: -each.score)[:MOST])


def _ease(known: Mapping[str, object], box: NDArray[np.float64]) -> float:
    """How well an object shows: by contrast and what lies over it where labels tell, else by its size in pixels."""
    contrast, superposition = known.get("visible_contrast"), known.get("superposition")
    if isinstance(contrast, int | float) and isinstance(superposition, int | float):
        return float(min(contrast, 30) / 30 - superposition)
    return float((box[2] - box[0]) * (box[3] - box[1])) / 1e9


def _remarks(known: Mapping[str, object]) -> dict[str, str]:
    told: dict[str, str] = {}
    for key, pattern in _REMARKS.items():
        value = known.get(key)
        wanted = str if pattern == "{}" else (int, float)
        if isinstance(value, wanted) and not isinstance(value, bool):
            told[key] = pattern.format(value.replace("_", " ")[:40] if isinstance(value, str) else value)
    return told


def _box(box: NDArray[np.floating]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(edge), 1) for edge in box)
    return x1, y1, x2, y2
