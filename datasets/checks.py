"""Is a data set fit to train on? Every scan is opened and every object looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detector.errors import ScanError
from ..detector.taxonomy import TAXONOMY, Taxonomy
from .annotations import Dataset, Record
from .canonical import canonical_rgb
from .formats.problems import Problems
from .formats.published import to_taxonomy
from .leaks import read_record
from .stats import has_threat

_TOLERANCE_PX = 1.0
"""Annotation tools round: a box may reach this far outside."""
_DUPLICATE_IOU = 0.95
_FRAME = 0.02
"""Width of the picture's frame that is taken as background, as a fraction of its sides."""
_BIAS_SCANS = 20
"""Fewer scans of either kind say nothing about a bias."""
_BIAS_AUC = 0.75


@dataclass(frozen=True, slots=True)
class Tone:
    """How light the background of a scan is, and whether the scan holds a threat."""

    level: float
    """Median grey of the picture's frame, 0…255."""
    threat: bool


def check_dataset(
    dataset: Dataset, problems: Problems, taxonomy: Taxonomy = TAXONOMY, tick: Callable[[], None] = lambda: None
) -> None:
    """Look at every scan and object, and at what the scans have in common.

    Args:
        dataset: as it could be read.
        problems: gathers what is wrong beyond what reading found.
        taxonomy: the classes in force.
        tick: called after each scan.
    """
    tones: list[Tone] = []
    for record in dataset:
        level = _check_picture(record, problems)
        _check_boxes(record, problems)
        if level is not None:
            tones.append(Tone(level, has_threat(record.annotations.labels, taxonomy)))
        tick()
    _check_labels(dataset, problems, taxonomy)
    _check_background(dataset, tones, problems)


def check_splits(dataset: Dataset, splits: Mapping[str, Sequence[str]], problems: Problems) -> None:
    """Scans and groups that are in more than one split."""
    group_of = {record.scan_id: record.group for record in dataset}
    where: dict[str, list[str]] = {}
    for split, members in splits.items():
        for group in dict.fromkeys(group_of.get(scan_id, scan_id) for scan_id in members):
            where.setdefault(group, []).append(split)
    shared = {group: names for group, names in where.items() if len(names) > 1}
    if shared:
        group, names = next(iter(shared.items()))
        problems.note(
            dataset.name,
            f"{len(shared)} groups are in more than one split, the first: {group} in {' and '.join(names)}",
            "split it again with: parcelsight dataset split",
        )


def separation(tones: Sequence[Tone]) -> float:
    """Chance that a random threat scan has a lighter background than a random threat-free one (ROC area); .5 = none."""
    threat = np.array([tone.level for tone in tones if tone.threat])
    free = np.sort([tone.level for tone in tones if not tone.threat])
    if not len(threat) or not len(free):
        return 0.5
    below = np.searchsorted(free, threat, side="left")
    up_to = np.searchsorted(free, threat, side="right")
    return float((below + up_to).mean() / (2 * len(free)))


def _check_picture(record: Record, problems: Problems) -> float | None:
    """The background's tone; None where the picture cannot be read."""
    try:
        scan = read_record(record)
    except ScanError as error:
        problems.set_aside(record.files[0], error.message, error.remedy, record.scan_id)
        return None
    if (scan.width_px, scan.height_px) != (record.width_px, record.height_px):
        problems.note(
            record.files[0],
            f"is {scan.width_px}×{scan.height_px} pixels, its labels say {record.width_px}×{record.height_px}",
            "label the picture as it is, or restore the labelled size",
            record.scan_id,
        )
    return _background_level(canonical_rgb(scan))


def _background_level(rgb: NDArray[np.uint8]) -> float:
    height, width = rgb.shape[:2]
    rows, columns = max(1, int(height * _FRAME)), max(1, int(width * _FRAME))
    parts = (rgb[:rows], rgb[-rows:], rgb[:, :columns], rgb[:, -columns:])
    return float(np.median(np.concatenate([part.reshape(-1, 3).mean(axis=1) for part in parts])))


def _check_boxes(record: Record, problems: Problems) -> None:
    found = record.annotations
    size = np.array([record.width_px, record.height_px] * 2)
    for at, (box, label) in enumerate(zip(found.xyxy_px, found.labels, strict=True)):
        if (box[:2] < -_TOLERANCE_PX).any() or (box[2:] > size[2:] + _TOLERANCE_PX).any():
            inside = bool((np.minimum(box[2:], size[2:]) > np.maximum(box[:2], 0)).all())
            where = "reaches outside" if inside else "lies outside"
            corners = ", ".join(f"{value:.0f}" for value in box)
            problems.note(
                record.files[0],
                f"object {at + 1} ({label}) {where} the {record.width_px}×{record.height_px} scan ({corners})",
                "correct its box; convert would " + ("clip it" if inside else "drop it"),
                record.scan_id,
            )
    for first, second in _duplicates(found.xyxy_px, found.labels):
        problems.note(
            record.files[0],
            f"objects {first + 1} and {second + 1} are the same {found.labels[first]}",
            "delete one",
            record.scan_id,
        )


def _duplicates(xyxy_px: NDArray[np.float64], labels: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of objects of one label whose boxes nearly coincide."""
    if len(labels) < 2:
        return []
    low = np.maximum(xyxy_px[:, None, :2], xyxy_px[None, :, :2])
    high = np.minimum(xyxy_px[:, None, 2:], xyxy_px[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = (xyxy_px[:, 2:] - xyxy_px[:, :2]).prod(axis=1)
    iou = shared / np.maximum(area[:, None] + area[None] - shared, 1e-9)
    pairs = zip(*np.nonzero(np.triu(iou >= _DUPLICATE_IOU, 1)), strict=True)
    return [(int(i), int(j)) for i, j in pairs if labels[i] == labels[j]]


def _check_labels(dataset: Dataset, problems: Problems, taxonomy: Taxonomy) -> None:
    """Labels that are no class: harmless ones are remarked, those that sound like a threat are a problem."""
    objects = Counter(label for record in dataset for label in record.annotations.labels)
    benign = [label for label in objects if taxonomy.group_of(label) is None]
    for label in benign:
        meant = _meant(label, taxonomy)
        if meant:
            problems.note(
                dataset.name,
                f"label {label!r} ({objects[label]} objects) is no class, so it counts as benign",
                f"rename it with: parcelsight dataset convert … --map {label!r}={meant}",
            )
    harmless = sorted(label for label in benign if not _meant(label, taxonomy))
    if harmless:
        names = ", ".join(f"{label} ({objects[label]})" for label in harmless)
        problems.remark(dataset.name, f"labels outside the taxonomy count as benign: {names}", "rename any threat")


def _meant(label: str, taxonomy: Taxonomy) -> str:
    """The class or group a foreign label seems to mean; empty if none."""
    plain = "_".join(label.lower().replace("-", " ").replace("_", " ").split())
    for word in (to_taxonomy(label), plain, plain.removesuffix("s")):
        if taxonomy.group_of(word) is not None:
            return word
    return ""


def _check_background(dataset: Dataset, tones: Sequence[Tone], problems: Problems) -> None:
    threats = sum(tone.threat for tone in tones)
    if min(threats, len(tones) - threats) < _BIAS_SCANS:
        return
    area = separation(tones)
    if max(area, 1 - area) >= _BIAS_AUC:
        lighter = "lighter" if area > 0.5 else "darker"
        problems.note(
            dataset.name,
            f"the background alone tells threat from threat-free scans: it is {lighter} with a threat in "
            f"{max(area, 1 - area):.0%} of pairs",
            "vary or normalise backgrounds in training, and add scans until it does not",
        )
