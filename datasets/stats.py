"""What a data set holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..detector.taxonomy import TAXONOMY, Taxonomy
from .annotations import Dataset


@dataclass(frozen=True, slots=True)
class LabelStats:
    """One label: how often, and how large its boxes are."""

    label: str
    group: str
    """The threat group it counts for; empty for a benign label."""
    scans: int
    objects: int
    side_px: tuple[float, float, float]
    """10th, 50th and 90th percentile of the boxes' long side; zeros without boxes."""
    relative_side: tuple[float, float, float]
    """The same as a fraction of the scan's long side."""


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """A data set as a whole."""

    name: str
    licence: str
    scans: int
    threat_scans: int
    threat_free_scans: int
    groups: int
    labels: tuple[LabelStats, ...]
    """In the taxonomy's order, then benign labels by name."""


def describe(dataset: Dataset, taxonomy: Taxonomy = TAXONOMY) -> DatasetStats:
    """Count scans, objects and box sizes."""
    threat_scans = sum(has_threat(r.annotations.labels, taxonomy) for r in dataset)
    used = {label for record in dataset for label in record.annotations.labels} | set(dataset.labels)
    order = {label: at for at, label in enumerate(taxonomy.classes)}
    labels = sorted(used, key=lambda label: (taxonomy.group_of(label) is None, order.get(label, len(order)), label))
    return DatasetStats(
        name=dataset.name,
        licence=dataset.licence,
        scans=len(dataset),
        threat_scans=threat_scans,
        threat_free_scans=len(dataset) - threat_scans,
        groups=len({record.group for record in dataset}),
        labels=tuple(_label_stats(dataset, label, taxonomy) for label in labels),
    )


def has_threat(labels: tuple[str, ...], taxonomy: Taxonomy = TAXONOMY) -> bool:
    """True where any label is a threat class or group."""
    return any(taxonomy.group_of(label) is not None for label in labels)


def _label_stats(dataset: Dataset, label: str, taxonomy: Taxonomy) -> LabelStats:
    sides: list[float] = []
    relative: list[float] = []
    scans = 0
    for record in dataset:
        found = record.annotations
        mine = [at for at, name in enumerate(found.labels) if name == label]
        scans += bool(mine)
        for x1, y1, x2, y2 in found.xyxy_px[mine]:
            side = float(max(x2 - x1, y2 - y1))
            sides.append(side)
            relative.append(side / max(record.width_px, record.height_px))
    group = taxonomy.group_of(label)
    return LabelStats(label, str(group or ""), scans, len(sides), _percentiles(sides), _percentiles(relative))


def _percentiles(values: list[float]) -> tuple[float, float, float]:
    if not values:
        return 0.0, 0.0, 0.0
    low, middle, high = np.percentile(values, [10, 50, 90])
    return float(low), float(middle), float(high)
