"""Who sends the parcels of a data set, and which split each sender belongs to.

Most senders send one parcel. Some spread the parts of a gun over two to four; these follow one another, share a group
and so a split, and nothing else on the belt tells that they belong together. Who sends what depends on the seed alone:
a run that is continued with more parcels keeps what it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .solids import Split

SplitChoice = Literal["train", "val", "test", "all"]
ALL: Literal["all"] = "all"
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Shares = tuple[float, float, float]
"""Of train, val and test."""
_SPREADING = 0.012
"""Share of senders with several parcels, if every parcel held a threat."""
_MOST_PARCELS = 4
_STREAM = (0, 0, 1)
"""Sets the senders' random numbers apart from the parcels', which come from ``[seed, index]``."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender's parcels: the indices from ``first`` on."""

    first: int
    parcels: int
    split: Split


def senders(count: int, seed: int, split: SplitChoice, shares: Shares, threat_share: float) -> tuple[Sender, ...]:
    """The senders of parcels 0 … ``count`` - 1, in order; the last one's parcels may reach beyond.

    Args:
        count: parcels to be rendered.
        seed: of the data set.
        split: of all parcels; ``all`` deals senders out by ``shares``, each to the split that lags most.
        shares: of train, val and test, in any unit.
        threat_share: chance of a parcel to hold a threat; without threats nobody spreads any.
    """
    rng = np.random.default_rng([seed, *_STREAM])
    wanted = np.array(shares) / sum(shares) if split == ALL else np.array([split == each for each in SPLITS], float)
    dealt = np.zeros(len(SPLITS))
    found: list[Sender] = []
    first = 0
    while first < count:
        chance, more = rng.random(), int(rng.integers(2, _MOST_PARCELS + 1))
        parcels = more if chance < _SPREADING * threat_share else 1
        chosen = int(np.argmax(wanted * (first + parcels) - dealt))
        dealt[chosen] += parcels
        found.append(Sender(first, parcels, SPLITS[chosen]))
        first += parcels
    return tuple(found)
