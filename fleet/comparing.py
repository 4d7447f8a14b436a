"""What a new model would have found or dropped in an archive, by class and site: the evidence for a roll-out.

Both results are read shard by shard. Where they were cut alike (the same list, the same shard size) two shards lie in
memory at a time; else the first result's verdicts are kept in memory, about 200 bytes a scan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..detector.errors import UsageError
from ..inference.verdicts import Verdict
from .paired import Paired
from .plan import Plan, read_plan, shard_name, unfinished
from .rescreening import rows_of
from .store import Store, open_store

ANY, ALL = "any", "all"
"""Any class; all sites."""
_COLUMNS = ("scan", "site", "verdict", "classes", "groups")
_UNSCREENED = str(Verdict.UNSCREENED)


@dataclass(frozen=True, slots=True)
class Changed:
    """A scan on which the models differ."""

    scan: str
    site: str
    before: str
    after: str
    """Verdicts."""
    found: tuple[str, ...]
    """Classes that only the second model claims."""
    dropped: tuple[str, ...]


@dataclass(slots=True)
class Comparison:
    """The two models held against each other."""

    before: Plan
    after: Plan
    scans: int = 0
    """In both results."""
    missing: int = 0
    """In one result alone: nothing can be said of them."""
    unscreened: int = 0
    """Not judged by one of them or both; no part of the shares."""
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """First model's verdict, second model's verdict."""
    judged: Counter[str] = field(default_factory=Counter)
    """Scans of a site that both judged."""
    counts: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    """(site, class) → alarms of both, of the first alone, of the second alone."""

    def paired(self, site: str, name: str) -> Paired:
        """Alarms with this class at this site."""
        both, before, after = self.counts.get((site, name), (0, 0, 0))
        return Paired(both, before, after, self.judged[site] - both - before - after)

    def lines(self) -> list[tuple[str, str, Paired]]:
        """Every site and class that any alarm named, all sites and any class first."""
        sites = [ALL, *sorted(site for site in self.judged if site != ALL)]
        names = [ANY, *sorted({name for _, name in self.counts} - {ANY})]
        return [
            (site, name, self.paired(site, name))
            for site in sites
            for name in names
            if name == ANY or (site, name) in self.counts
        ]

    def take(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> Changed | None:
        """Count one scan; what changed, if anything."""
        self.scans += 1
        before, after = str(one["verdict"]), str(other["verdict"])
        self.verdicts[before, after] += 1
        first, second = set(one["classes"] or ()), set(other["classes"] or ())
        found, dropped = tuple(sorted(second - first)), tuple(sorted(first - second))
        changed = Changed(str(one["scan"]), str(one["site"]), before, after, found, dropped)
        if _UNSCREENED in (before, after):
            self.unscreened += 1
        else:
            self._count(changed.site, first, second)
        return changed if before != after or first != second else None

    def _count(self, site: str, first: set[str], second: set[str]) -> None:
        for place in {ALL, site} if site else {ALL}:
            self.judged[place] += 1
            for name in first | second:
                self.counts[place, name][0 if name in first & second else 1 if name in first else 2] += 1
            if first or second:
                self.counts[place, ANY][0 if first and second else 1 if first else 2] += 1


def compare(before: str, after: str) -> tuple[Comparison, Iterator[Changed]]:
    """Hold two results against each other.

    Args:
        before: result of the model in force.
        after: result of the new one.

    Returns:
        The comparison, which is whole once the iterator of changed scans has ended.

    Raises:
        UsageError: if either is no finished result.
    """
    stores = open_store(before), open_store(after)
    plans = [read_plan(store) for store in stores]
    for store, plan in zip(stores, plans, strict=True):
        if left := unfinished(store, plan):
            raise UsageError(
                f"{store.url}: {len(left)} of {plan.shards} result files are missing",
                "finish it with the same parcelsight rescreen command",
            )
    comparison = Comparison(plans[0], plans[1])
    return comparison, _changes(comparison, *stores)


def _changes(comparison: Comparison, one: Store, other: Store) -> Iterator[Changed]:
    pairs = _alike(comparison, one, other) or _joined(comparison, one, other)
    for before, after in pairs:
        if (changed := comparison.take(before, after)) is not None:
            yield changed


_Row = dict[str, Any]


def _alike(comparison: Comparison, one: Store, other: Store) -> Iterator[tuple[_Row, _Row]] | None:
    """Row by row, where both were cut out of the same list alike; None where they were not."""
    if comparison.before.shards != comparison.after.shards or comparison.before.scans != comparison.after.scans:
        return None
    parts = list(one.names("listing"))
    if parts != list(other.names("listing")) or any(one.read(part) != other.read(part) for part in parts):
        return None
    return (
        pair
        for shard in range(comparison.before.shards)
        for pair in zip(_rows(one, shard), _rows(other, shard), strict=True)
    )


def _joined(comparison: Comparison, one: Store, other: Store) -> Iterator[tuple[_Row, _Row]]:
    known = {row["scan"]: row for shard in range(comparison.before.shards) for row in _rows(one, shard)}
    for shard in range(comparison.after.shards):
        for row in _rows(other, shard):
            first = known.pop(row["scan"], None)
            if first is None:
                comparison.missing += 1
            else:
                yield first, row
    comparison.missing += len(known)


def _rows(store: Store, shard: int) -> list[_Row]:
    return rows_of(store.read(shard_name(shard)), store, shard, _COLUMNS)
