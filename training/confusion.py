"""What alarms call the objects they lie on."""

from __future__ import annotations

import numpy as np

from ..detector.card import ClassSpec, PointName
from ..detector.taxonomy import TAXONOMY
from .evaluation_parts import Confusion
from .hits import Scans
from .matching import taken_labels

BACKGROUND, MISSED = "background", "missed"


def confusion(scans: Scans, classes: tuple[ClassSpec, ...], point: PointName) -> Confusion:
    """Count alarms by the label they lie on, whatever class they claim.

    Args:
        scans: labelled scans with their alarms alone.
        classes: the model's.
        point: the operating point whose alarms these are.
    """
    used = {label for record, _ in scans for label in record.annotations.labels if TAXONOMY.group_of(label)}
    order = (*TAXONOMY.classes, *sorted({str(group) for group in TAXONOMY.groups.values()}))
    rows = (*(label for label in order if label in used), BACKGROUND)
    counts = np.zeros((len(rows), len(classes) + 1), np.int64)
    for record, raised in scans:
        labelled = record.annotations
        threats = [i for i, label in enumerate(labelled.labels) if label in used]
        row_of = [rows.index(labelled.labels[i]) for i in threats]
        ignore = np.asarray([bool(labelled.attributes[i].get("iscrowd")) for i in threats], bool)
        alarms, taken = taken_labels(
            raised.xyxy_px.astype(np.float64), raised.score.astype(np.float64), labelled.xyxy_px[threats], ignore
        )
        for class_id, place in zip(raised.class_id[alarms], taken, strict=True):
            if place < 0:
                counts[-1, class_id] += 1
            elif not ignore[place]:
                counts[row_of[place], class_id] += 1
        for place in set(np.flatnonzero(~ignore).tolist()) - set(taken.tolist()):
            counts[row_of[place], -1] += 1
    return Confusion(
        point=point,
        rows=rows,
        columns=(*(spec.name for spec in classes), MISSED),
        counts=tuple(tuple(int(n) for n in line) for line in counts),
    )
