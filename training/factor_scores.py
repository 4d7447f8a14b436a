"""How many threats are found at each level of difficulty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detector.card import PointName
from .categories import Category
from .evaluation_parts import FactorLevel
from .factors import FACTORS, PICTURE_SHARE, Attributes
from .hits import Scans, found_objects
from .intervals import share_interval
from .operating_points import alarming
from .points import Sample


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """All threats of a set, one row each."""

    scan: NDArray[np.int64]
    """(n,) which scan it lies in."""
    attributes: tuple[Attributes, ...]
    found: Mapping[PointName, NDArray[np.bool_]]
    """Operating point → (n,) found by an alarm of any class."""


def object_table(scans: Scans, anything: Category, points: Mapping[PointName, NDArray[np.float32]]) -> ObjectTable:
    """Find out which threats are found at each operating point.

    Args:
        scans: labelled scans with what was detected in them.
        anything: the category of any threat.
        points: operating point → (classes,) thresholds.
    """
    attributes: list[Attributes] = []
    rows: list[int] = []
    for i, (record, _) in enumerate(scans):
        objects = zip(*(getattr(record.annotations, name) for name in ("xyxy_px", "labels", "attributes")), strict=True)
        for box, label, known in objects:
            if label in anything.counts and not known.get("iscrowd"):
                side = max(box[2] - box[0], box[3] - box[1]) / max(record.width_px, record.height_px)
                attributes.append({**known, PICTURE_SHARE: float(side)})
                rows.append(i)
    found = {
        point: np.concatenate(
            [np.zeros(0, bool), *(found_objects(record, alarming(every, at), anything) for record, every in scans)]
        )
        for point, at in points.items()
    }
    return ObjectTable(np.asarray(rows, np.int64), tuple(attributes), found)


def factor_levels(table: ObjectTable, sample: Sample) -> tuple[FactorLevel, ...]:
    """The share of found threats at each level of each factor the labels tell of.

    Args:
        table: of all threats.
        sample: the scans they lie in.
    """
    lines: list[FactorLevel] = []
    for factor in FACTORS:
        level_of = np.asarray([factor.level_of(each) or "" for each in table.attributes], dtype=object)
        counts = {level: int((level_of == level).sum()) for level in set(level_of.tolist()) - {""}}
        if len(counts) < 2 and not factor.alone:
            continue  # it tells nothing that the whole does not
        order = factor.levels or tuple(sorted(counts, key=lambda level: (-counts[level], level)))
        for level in (each for each in order if each in counts):
            chosen = level_of == level
            scans = table.scan[chosen]
            lines.append(
                FactorLevel(
                    factor=factor.name,
                    level=level,
                    objects=counts[level],
                    parcels=len(np.unique(sample.parcels[scans])),
                    found={
                        point: share_interval(scans, found[chosen], sample.weights, sample.groups_of(scans))
                        for point, found in table.found.items()
                    },
                )
            )
    return tuple(lines)
