"""What a variant of a model finds of labelled scans, against the float32 network on the same scans.

A claim's *margin* is by how much its score passes its class's threshold, in log odds: at a margin of 0 or more it is an
alarm. Variants are compared at the thresholds of their own cards, with the false alarms that both raise on the same
scans (sign test, so that nobody gains by alarming more often); and, for information, each at the margin from which it
alarms on as many threat-free scans as float32, which a handful of false alarms places only roughly.
Mirror images of a scan count as further looks at the same objects; intervals draw whole scans (bootstrap, paired).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.annotations import Record
from parcelsight.detector.calibration import logit
from parcelsight.detector.card import ModelCard
from parcelsight.detector.detections import Detections
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.training.pictures import canonical_picture

SAME_IOU = 0.5
REPLICATES = 2000
ANY = "any"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A look at a scan, and what is in it."""

    scan: int
    """Which scan; its mirror images have the same."""
    read: Callable[[], NDArray[np.uint8]]
    """Gives the scan's canonical picture (H, W, 3)."""
    flips: tuple[int, int]
    """Steps of ±1 through rows and columns."""
    boxes: NDArray[np.float64]
    """(objects, 4) in the mirrored picture."""
    groups: tuple[str, ...]

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """What the detector sees."""
        return np.ascontiguousarray(self.read()[:: self.flips[0], :: self.flips[1]])

    @property
    def threat_free(self) -> bool:
        """True where every alarm is a false one."""
        return not self.groups


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What an engine claims about a case, best first by margin."""

    xyxy_px: NDArray[np.float32]
    """(n, 4)"""
    margin: NDArray[np.float64]
    """(n,)"""
    groups: tuple[str, ...]

    @classmethod
    def of(cls, found: Detections, card: ModelCard) -> Answer:
        """Detections at any floor, seen from the card's thresholds."""
        thresholds = np.array([spec.threshold for spec in card.classes], np.float32)[found.class_id]
        margin = logit(found.score) - logit(thresholds)
        order = np.argsort(-margin, kind="stable")
        groups = tuple(str(card.classes[found.class_id[i]].group) for i in order)
        return cls(found.xyxy_px[order], margin[order], groups)


def cases_of(records: Sequence[Record], looks: int) -> Iterator[Case]:
    """Scans with their objects, each in up to four mirror images."""
    for index, record in enumerate(records):
        labels = zip(record.annotations.labels, record.annotations.xyxy_px, strict=True)
        known = [(str(group), box) for label, box in labels if (group := TAXONOMY.group_of(label)) is not None]
        boxes = np.array([box for _, box in known], np.float64).reshape(-1, 4)
        for flips in ((1, 1), (1, -1), (-1, 1), (-1, -1))[:looks]:
            mirrored = _mirrored(boxes, flips, record.width_px, record.height_px)
            read = partial(canonical_picture, record)
            yield Case(index, read, flips, mirrored, tuple(group for group, _ in known))


def _mirrored(boxes: NDArray[np.float64], flips: tuple[int, int], width_px: int, height_px: int) -> NDArray[np.float64]:
    x1, y1, x2, y2 = boxes.T
    if flips[0] < 0:
        y1, y2 = height_px - y2, height_px - y1
    if flips[1] < 0:
        x1, x2 = width_px - x2, width_px - x1
    return np.stack([x1, y1, x2, y2], axis=1)


def found_objects(case: Case, answer: Answer, margin: float = 0.0) -> NDArray[np.bool_]:
    """(objects,) which have an alarm of their group, each alarm used once, best first."""
    found = np.zeros(len(case.groups), bool)
    for index in range(int((answer.margin >= margin).sum())):
        overlaps = _iou(answer.xyxy_px[index].astype(np.float64), case.boxes)
        fits = np.array([group == answer.groups[index] for group in case.groups], bool) & ~found
        if fits.any():
            best = int(np.argmax(np.where(fits, overlaps, -1)))
            found[best] = found[best] or overlaps[best] >= SAME_IOU
    return found


def _iou(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    shared = np.prod(np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.asarray(np.divide(shared, area, out=np.zeros_like(shared), where=area > 0))


def false_alarms(cases: Sequence[Case], answers: Sequence[Answer], margin: float = 0.0) -> int:
    """Looks at threat-free scans with an alarm."""
    return sum(
        case.threat_free and bool((answer.margin >= margin).any()) for case, answer in zip(cases, answers, strict=True)
    )


def equal_margin(cases: Sequence[Case], answers: Sequence[Answer], allowed: int) -> float:
    """The lowest margin from which no more than ``allowed`` looks at threat-free scans have an alarm."""
    best = [float(a.margin.max(initial=-np.inf)) for c, a in zip(cases, answers, strict=True) if c.threat_free]
    falling = sorted(best, reverse=True)
    if allowed >= len(falling):
        return -np.inf
    # Half way to the first alarm too many.
    above = falling[allowed - 1] if allowed else falling[0] + 1.0
    return max((above + falling[allowed]) / 2, float(np.nextafter(falling[allowed], np.inf)))


def compare(cases: Sequence[Case], own: Sequence[Answer], base: Sequence[Answer]) -> dict[str, Any]:
    """Recall of every group and false alarms of a variant, and their change against float32."""
    allowed = false_alarms(cases, base)
    margin, base_margin = (equal_margin(cases, answers, allowed) for answers in (own, base))
    return {
        "false_alarms": false_alarms(cases, own),
        "false_alarms_in_float32": allowed,
        "chance_of_so_many_more": round(chance_of_more(cases, own, base), 3),
        "at_its_own_thresholds": _groups(cases, _found(cases, own, 0.0), _found(cases, base, 0.0)),
        "margin_for_equal_false_alarms": round(margin, 3) if np.isfinite(margin) else None,
        "at_equal_false_alarms": _groups(cases, _found(cases, own, margin), _found(cases, base, base_margin)),
    }


def chance_of_more(cases: Sequence[Case], own: Sequence[Answer], base: Sequence[Answer]) -> float:
    """How likely so many more false alarms are where none are meant: one-sided sign test on looks that differ."""
    pairs = [
        ((mine.margin >= 0).any(), (theirs.margin >= 0).any())
        for case, mine, theirs in zip(cases, own, base, strict=True)
        if case.threat_free
    ]
    more = sum(bool(mine and not theirs) for mine, theirs in pairs)
    differ = more + sum(bool(theirs and not mine) for mine, theirs in pairs)
    return sum(comb(differ, count) for count in range(more, differ + 1)) / 2.0**differ


def _found(cases: Sequence[Case], answers: Sequence[Answer], margin: float) -> list[NDArray[np.bool_]]:
    return [found_objects(case, answer, margin) for case, answer in zip(cases, answers, strict=True)]


def _groups(
    cases: Sequence[Case], own: Sequence[NDArray[np.bool_]], base: Sequence[NDArray[np.bool_]]
) -> list[dict[str, Any]]:
    names = (*sorted({group for case in cases for group in case.groups}), ANY)
    return [_group(name, cases, own, base) for name in names]


def _group(
    group: str, cases: Sequence[Case], own: Sequence[NDArray[np.bool_]], base: Sequence[NDArray[np.bool_]]
) -> dict[str, Any]:
    """Recall of one group and its change against float32; "any" takes all."""
    rows: dict[int, NDArray[np.float64]] = {}
    gained = lost = 0
    for case, mine, theirs in zip(cases, own, base, strict=True):
        of_group = np.array([group in (each, ANY) for each in case.groups], bool)
        if of_group.any():
            row = np.array([of_group.sum(), mine[of_group].sum(), theirs[of_group].sum()], np.float64)
            rows[case.scan] = rows.get(case.scan, 0) + row
            gained += int((mine & ~theirs & of_group).sum())
            lost += int((theirs & ~mine & of_group).sum())
    table = np.array(list(rows.values()))  # (scans, 3): objects, found, found in float32
    draws = np.random.default_rng(0).integers(0, len(table), (REPLICATES, len(table)))
    sums = table[draws].sum(axis=1)
    objects, mine_all, base_all = table.sum(axis=0)
    low, high = np.quantile(100 * (sums[:, 1] - sums[:, 2]) / sums[:, 0], [0.025, 0.975])
    return {
        "group": group,
        "objects": int(objects),
        "recall": round(mine_all / objects, 4),
        "change_points": round(100 * (mine_all - base_all) / objects, 2),
        "change_95": [round(float(low), 2), round(float(high), 2)],
        "gained": gained,
        "lost": lost,
    }
