"""Labels of scans, and data sets of labelled scans, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """The labelled objects of one scan as parallel arrays.

    A label is any name the data set uses; what it means is the taxonomy's business, so nothing is lost in
    conversion. Boxes may reach outside the scan only by what the source wrote: checks report it, readers keep it.

    Raises:
        ValueError: if lengths differ or a box is not finite or inverted.
    """

    xyxy_px: NDArray[np.float64]
    """(n, 4) boxes in pixels, ends exclusive."""
    labels: tuple[str, ...]
    attributes: tuple[Mapping[str, object], ...] = ()
    """One mapping an object (JSON values): difficult, truncated, iscrowd, segmentation, design id, …"""

    def __post_init__(self) -> None:
        n = len(self.labels)
        if not self.attributes and n:
            object.__setattr__(self, "attributes", tuple({} for _ in range(n)))
        if self.xyxy_px.shape != (n, 4) or len(self.attributes) != n:
            raise ValueError(
                f"annotations disagree: boxes {self.xyxy_px.shape}, {n} labels, {len(self.attributes)} attributes"
            )
        if not np.isfinite(self.xyxy_px).all():
            raise ValueError("annotation boxes hold values that are not finite")
        if (self.xyxy_px[:, 2:] < self.xyxy_px[:, :2]).any():
            raise ValueError("annotation boxes are inverted")

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def empty(cls) -> Annotations:
        """No labelled object: a threat-free scan."""
        return cls(np.zeros((0, 4)), ())

    @classmethod
    def of(
        cls,
        boxes: Sequence[Sequence[float]],
        labels: Sequence[str],
        attributes: Sequence[Mapping[str, object]] = (),
    ) -> Annotations:
        """From plain sequences."""
        return cls(np.asarray(boxes, np.float64).reshape(-1, 4), tuple(labels), tuple(attributes))


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One labelled scan of a data set."""

    scan_id: str
    """Unique within the data set."""
    files: tuple[Path, ...]
    """The picture, or the (low, high) pair of a dual-energy scan."""
    width_px: int
    height_px: int
    annotations: Annotations
    group: str
    """Scans that share a bag, series, object design or id range share a group; splits never cut one."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled scans with what is known about them as a whole.

    Raises:
        ValueError: if two records share a scan id.
    """

    name: str
    licence: str
    labels: tuple[str, ...]
    """Every label the data set may use, in its own order."""
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for record in self.records:
            if record.scan_id in seen:
                raise ValueError(f"scan id {record.scan_id!r} occurs twice")
            seen.add(record.scan_id)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def with_records(self, records: Sequence[Record]) -> Dataset:
        """The same data set with other records."""
        return replace(self, records=tuple(records))
