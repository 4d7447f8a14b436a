"""The scans that converted networks are fitted to: ranges of activations from some, thresholds from many more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

FEWEST_SCANS = 32
"""With a dozen photographs a tenth of all boxes were lost."""
MOST_FOR_THRESHOLDS = 1000
"""Each is shown to every network: two minutes of a core for the shipped one."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationScans:
    """Scans such as the network will see, read when they are wanted.

    Raises:
        ValueError: if there are too few.
    """

    name: str
    """Of the data set, for the card."""
    readers: Sequence[Callable[[], NDArray[np.uint8] | None]]
    """Each gives a canonical picture (H, W, 3), or None where the scan cannot be read."""

    def __post_init__(self) -> None:
        if len(self.readers) < FEWEST_SCANS:
            raise ValueError(f"quantising needs {FEWEST_SCANS} scans, got {len(self.readers)}")

    @classmethod
    def of(cls, name: str, pictures: Sequence[NDArray[np.uint8]]) -> CalibrationScans:
        """Pictures that are at hand."""
        return cls(name, [partial(np.asarray, rgb) for rgb in pictures])

    def for_ranges(self, most: int) -> list[NDArray[np.uint8]]:
        """No more than ``most`` pictures, spread evenly over all."""
        return list(self._spread(most))

    def for_thresholds(self) -> Iterator[NDArray[np.uint8]]:
        """Pictures spread evenly over all, one after the other."""
        return self._spread(MOST_FOR_THRESHOLDS)

    def told(self) -> str:
        """Which scans the thresholds come from, for the card."""
        step = self._step(MOST_FOR_THRESHOLDS)
        return f"{len(self.readers[::step])} scans of {self.name}"

    def _spread(self, most: int) -> Iterator[NDArray[np.uint8]]:
        pictures = (read() for read in self.readers[:: self._step(most)])
        return (rgb for rgb in pictures if rgb is not None)

    def _step(self, most: int) -> int:
        return max(1, -(-len(self.readers) // most))
