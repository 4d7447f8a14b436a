"""Scans put together to parcels: what is opened or waved through is a parcel, not a view of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.annotations import Record
from ..detector.detections import Detections
from .categories import is_threat_free
from .operating_points import top_scores

_VIEW = re.compile(r"[_.-](?:top|side|bottom|left|right|view\d+)$", re.IGNORECASE)


def parcel_numbers(records: Sequence[Record]) -> NDArray[np.int64]:
    """Which parcel each scan shows, numbered from 0 by first appearance: (scans,).

    Scans are views of one parcel where they share their group and their ids differ only in the view's name at the end
    (``p7_top``, ``p7_side``). Any other scan is a parcel of its own.
    """
    numbers: dict[tuple[str, str], int] = {}
    keys = [(record.group, _VIEW.sub("", record.scan_id)) for record in records]
    return np.asarray([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def any_of_parcel(flags: NDArray[np.bool_], parcels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Per parcel whether any of its scans has the flag: (parcels,) of (scans,)."""
    result = np.zeros(int(parcels.max(initial=-1)) + 1, bool)
    np.logical_or.at(result, parcels, flags)
    return result


def of_threat_parcels(scans: Sequence[tuple[Record, Detections]]) -> NDArray[np.bool_]:
    """Which scans show a parcel that holds a threat, be it visible in another view only: (scans,)."""
    parcels = parcel_numbers([record for record, _ in scans])
    holds = np.asarray([not is_threat_free(record) for record, _ in scans], bool)
    return any_of_parcel(holds, parcels)[parcels]


@dataclass(frozen=True, slots=True, eq=False)
class ThreatFree:
    """The parcels of a set of whose scans none holds a threat: every alarm among them is false."""

    scores: NDArray[np.float32]
    """(parcels, classes) the highest score of each class."""
    first_scan: NDArray[np.int64]
    """(parcels,) a scan of each, by its place in the set."""


def threat_free_parcels(scans: Sequence[tuple[Record, Detections]], n_classes: int) -> ThreatFree:
    """The threat-free parcels among labelled scans with what was detected in them."""
    parcels = parcel_numbers([record for record, _ in scans])
    free = np.flatnonzero(~of_threat_parcels(scans))
    numbers, first = np.unique(parcels[free], return_index=True)
    best = np.zeros((int(parcels.max(initial=-1)) + 1, n_classes), np.float32)
    np.maximum.at(best, parcels, top_scores([found for _, found in scans], n_classes))
    return ThreatFree(best[numbers], free[first])
