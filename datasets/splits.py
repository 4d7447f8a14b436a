"""Splits that cannot leak: scans of one bag, series or object design stay together.

Two ways to keep them together:

- **by group**: every scan of a group goes to one split. Groups are dealt largest first to the split that is furthest
  below its share, over all labels at once (iterative stratification, Sechidis et al. 2011, for groups).
- **by id range**: scanners number scans in order, so neighbours are rescans of one bag. Each family of ids (one prefix)
  is cut into contiguous blocks at the widest gaps; blocks are dealt as groups are, and ids too near to another split's
  are left out.

Measured on 657 SIXray positives (leaks.py's measure): 44 % of pairs one id apart are near-duplicates, 4 % of those two
or three apart, .3 % of those four to ten apart, one of 36,201 beyond. Hence NEIGHBOUR_IDS.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np

from ..detector.errors import DatasetError
from .annotations import Dataset, Record

NEIGHBOUR_IDS = 5
"""Scans this many ids apart, or fewer, may show the same bag."""
BLOCKS_A_FAMILY = 20
"""Contiguous blocks a family of ids is cut into: enough to balance labels, few enough to have few borders."""


class Split(StrEnum):
    """What a part of a data set is for."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class SplitBy(StrEnum):
    """What must stay together."""

    GROUP = "group"
    """The groups the data set states: bag, series, run of ids."""
    DESIGN = "design"
    """Scans that show one object design, by the attribute ``design_id``."""
    ID_RANGE = "id-range"
    """Contiguous blocks of ids."""
    SCAN = "scan"
    """Nothing: only for sets without rescans."""


def split_dataset(
    dataset: Dataset, fractions: Mapping[Split, float], by: SplitBy = SplitBy.GROUP, seed: int = 0
) -> dict[Split, Dataset]:
    """Split a data set so that nothing that belongs together is parted; the same result for the same arguments.

    Args:
        dataset: what to split.
        fractions: share of each split; they add up to one.
        by: what must stay together.
        seed: order in which equals are dealt.

    Raises:
        DatasetError: if the shares do not add up, or a split would stay empty.
    """
    wanted = {split: share for split, share in fractions.items() if share > 0}
    if not wanted or any(share < 0 for share in fractions.values()) or abs(sum(wanted.values()) - 1) > 1e-6:
        shares = ", ".join(f"{split} {share:g}" for split, share in fractions.items())
        raise DatasetError(f"shares must be positive and add up to 1 (given: {shares})", "for example .7 .1 .2")
    records = _deal(dataset, wanted, _groups(dataset, by), seed)
    if by is SplitBy.ID_RANGE:
        records = _without_neighbours(records)
    for split, part in records.items():
        if not part:
            raise DatasetError(
                f"{dataset.name}: nothing is left for {split} when {len(dataset)} scans are split by {by}",
                "use larger shares, or another --by",
            )
    return {split: dataset.with_records(part) for split, part in records.items()}


def id_family(scan_id: str) -> tuple[str, int]:
    """The family of an id and its number there: P01237 → ("P", 1237). Ids without a number are -1."""
    runs = list(re.finditer(r"\d+", scan_id.rpartition("/")[2]))
    chosen = next((run for run in runs if len(run.group()) >= 3), runs[0] if runs else None)
    if chosen is None:
        return scan_id, -1
    return scan_id.rpartition("/")[2][: chosen.start()], int(chosen.group())


def id_runs(scan_ids: Iterable[str]) -> dict[str, str]:
    """Scan id → its run of neighbouring ids, named by the run's first id."""
    found: dict[str, str] = {}
    last = ("", -1)
    run = ""
    for family, scan_id in sorted((id_family(scan_id), scan_id) for scan_id in scan_ids):
        if family[0] != last[0] or family[1] - last[1] > NEIGHBOUR_IDS:
            run = scan_id
        found[scan_id] = run
        last = family
    return found


def _deal(
    dataset: Dataset, wanted: Mapping[Split, float], groups: Mapping[str, list[Record]], seed: int
) -> dict[Split, list[Record]]:
    """Deal groups to splits, rarest labels first, each to the split that lacks most of what the group holds."""
    names = sorted(groups)
    np.random.default_rng(seed).shuffle(names)
    content = {name: _content(groups[name]) for name in names}
    total: Counter[str] = sum(content.values(), Counter())
    # A group is placed by its rarest label: common ones can still be balanced by what is left.
    names.sort(key=lambda name: (min(total[label] for label in content[name]), -len(groups[name])))
    held: dict[Split, Counter[str]] = {split: Counter() for split in wanted}
    parts: dict[Split, list[Record]] = {split: [] for split in wanted}
    for name in names:
        chosen = min(wanted, key=lambda split: _excess(held[split], content[name], total, wanted[split]))
        held[chosen] += content[name]
        parts[chosen] += groups[name]
    order = {record.scan_id: at for at, record in enumerate(dataset)}
    return {split: sorted(part, key=lambda record: order[record.scan_id]) for split, part in parts.items()}


def _content(records: Sequence[Record]) -> Counter[str]:
    """What a group brings: scans (under the empty name), threat-free scans, and scans with each label."""
    found: Counter[str] = Counter({"": len(records)})
    for record in records:
        found.update(set(record.annotations.labels) or {"no object"})
    return found


def _excess(held: Counter[str], extra: Counter[str], total: Counter[str], share: float) -> float:
    """How full a split would be of what the group holds, against its share; the split with the least takes it."""
    return sum(((held[key] + count) / (total[key] * share)) ** 2 for key, count in extra.items()) / len(extra)


def _groups(dataset: Dataset, by: SplitBy) -> dict[str, list[Record]]:
    """Records that must stay together. Scans that share any design are joined, however indirectly."""
    if by is SplitBy.DESIGN:
        return _by_design(dataset)
    if by is SplitBy.ID_RANGE:
        return _id_blocks(dataset)
    key: Callable[[Record], str] = (lambda r: r.group) if by is SplitBy.GROUP else (lambda r: r.scan_id)
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in dataset:
        groups[key(record)].append(record)
    return dict(groups)


def _by_design(dataset: Dataset) -> dict[str, list[Record]]:
    """Groups joined through the designs they show (union-find over groups and designs)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for record in dataset:
        for attributes in record.annotations.attributes:
            if "design_id" in attributes:
                parent[root(f"design {attributes['design_id']}")] = root(f"group {record.group}")
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in dataset:
        groups[root(f"group {record.group}")].append(record)
    return dict(groups)


def _id_blocks(dataset: Dataset) -> dict[str, list[Record]]:
    """Contiguous blocks of each family of ids, cut at the widest gap near even lengths."""
    families: dict[str, list[tuple[int, str, Record]]] = defaultdict(list)
    for record in dataset:
        family, number = id_family(record.scan_id)
        families[family].append((number, record.scan_id, record))
    blocks: dict[str, list[Record]] = {}
    for entries in families.values():
        ordered = sorted(entries, key=lambda entry: entry[:2])
        numbers = [number for number, _, _ in ordered]
        start = 0
        for at in range(1, BLOCKS_A_FAMILY + 1):
            end = _widest_gap(numbers, start, round(at * len(ordered) / BLOCKS_A_FAMILY))
            if end > start:
                blocks[ordered[start][1]] = [record for _, _, record in ordered[start:end]]
            start = end
    return blocks


def _widest_gap(numbers: Sequence[int], start: int, aim: int) -> int:
    """The index near ``aim`` where the step from the id before is widest."""
    reach = max(1, len(numbers) // (4 * BLOCKS_A_FAMILY))
    if aim >= len(numbers):
        return len(numbers)
    candidates = range(max(start + 1, aim - reach), min(len(numbers) - 1, aim + reach) + 1)
    return max(candidates, key=lambda at: (numbers[at] - numbers[at - 1], -abs(at - aim)), default=max(start, aim))


def _without_neighbours(parts: Mapping[Split, list[Record]]) -> dict[Split, list[Record]]:
    """Leave out the scans that follow a scan of another split within NEIGHBOUR_IDS."""
    ordered = sorted(
        (*id_family(record.scan_id), record.scan_id, split) for split, part in parts.items() for record in part
    )
    left_out: set[str] = set()
    kept: dict[Split, tuple[str, int]] = {}
    for family, number, scan_id, split in ordered:
        near = any(
            other is not split and last[0] == family and number - last[1] <= NEIGHBOUR_IDS
            for other, last in kept.items()
        )
        if near and number >= 0:
            left_out.add(scan_id)
        else:
            kept[split] = (family, number)
    return {split: [record for record in part if record.scan_id not in left_out] for split, part in parts.items()}
