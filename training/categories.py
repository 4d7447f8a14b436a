"""What is scored: every class, every group, and "any threat", each as one category of COCO's evaluation.

A label that names only a group ("gun" is the group ``firearm``) counts for its group and for any threat; for the
classes of that group it is an ignore region, so nobody is blamed for a class the data does not tell. Labels outside the
taxonomy are benign: they are no ground truth at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Record
from ..detector.card import ClassSpec
from ..detector.detections import Detections
from ..detector.merging import merge_claims
from ..detector.taxonomy import TAXONOMY, Group
from .matching import ScanMatches, match_scan

ANY_THREAT = "any threat"


class Level(StrEnum):
    """How finely a category tells threats apart."""

    CLASS = "class"
    GROUP = "group"
    THREAT = "threat"
    MEAN = "mean"
    """The mean over all classes that have objects."""


@dataclass(frozen=True, slots=True)
class Category:
    """One line of an evaluation."""

    name: str
    level: Level
    outputs: tuple[int, ...]
    """The model's classes whose detections claim this category."""
    counts: frozenset[str]
    """Labels that are objects of it."""
    ignores: frozenset[str] = frozenset()
    """Labels that are ignore regions for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The labelled objects of one category in one scan."""

    xyxy_px: NDArray[np.float64]
    """(g, 4) clipped to the scan."""
    ignore: NDArray[np.bool_]
    """(g,)"""


def categories_of(classes: Sequence[ClassSpec]) -> tuple[Category, ...]:
    """Classes of the taxonomy that the model has, all groups, and any threat.

    Args:
        classes: the model's output classes.
    """
    names = [spec.name for spec in classes]
    by_class = tuple(
        Category(name, Level.CLASS, (names.index(name),), frozenset({name}), frozenset({str(group)}))
        for name, group in TAXONOMY.groups.items()
        if name in names
    )
    by_group = tuple(
        Category(
            str(group),
            Level.GROUP,
            tuple(i for i, spec in enumerate(classes) if spec.group is group),
            _labels_of(group),
        )
        for group in Group
    )
    everything = frozenset[str]().union(*(_labels_of(group) for group in Group))
    return (*by_class, *by_group, Category(ANY_THREAT, Level.THREAT, tuple(range(len(classes))), everything))


def outputs_of(classes: Sequence[ClassSpec]) -> tuple[Category, ...]:
    """One category for each of the model's outputs, in their order: what a detection has to lie on to be right.

    Args:
        classes: the model's output classes; one may be named like a group, and is right on anything of it.
    """
    return tuple(
        Category(spec.name, Level.GROUP, (i,), _labels_of(spec.group))
        if TAXONOMY.is_group_label(spec.name)
        else Category(spec.name, Level.CLASS, (i,), frozenset({spec.name}), frozenset({str(spec.group)}))
        for i, spec in enumerate(classes)
    )


def _labels_of(group: Group) -> frozenset[str]:
    """Labels that mean this group: its name and its classes."""
    return frozenset({str(group), *(name for name, of in TAXONOMY.groups.items() if of is group)})


def is_threat_free(record: Record) -> bool:
    """True where no label of the scan is a threat of the taxonomy."""
    return all(TAXONOMY.group_of(label) is None for label in record.annotations.labels)


def truth_of(record: Record, category: Category) -> Truth:
    """The objects of a category in a scan; a label marked ``iscrowd`` is an ignore region, as in COCO."""
    labels = record.annotations.labels
    crowd = np.asarray([bool(attributes.get("iscrowd")) for attributes in record.annotations.attributes], bool)
    objects = np.asarray([label in category.counts for label in labels], bool)
    regions = np.asarray([label in category.ignores for label in labels], bool)
    wanted = objects | regions
    size = [record.width_px, record.height_px, record.width_px, record.height_px]
    return Truth(np.clip(record.annotations.xyxy_px[wanted], 0, size), (regions | crowd)[wanted])


def claims_of(detections: Detections, category: Category) -> Detections:
    """The detections that claim a category; for a group, or any threat, one an object (detector/merging.py)."""
    claims = detections.keep(np.isin(detections.class_id, category.outputs))
    return claims if category.level is Level.CLASS else merge_claims(claims)


def match_category(record: Record, detections: Detections, category: Category) -> ScanMatches:
    """One scan's detections of a category against its labels."""
    truth = truth_of(record, category)
    claims = claims_of(detections, category)
    return match_scan(claims.xyxy_px.astype(np.float64), claims.score.astype(np.float64), truth.xyxy_px, truth.ignore)
