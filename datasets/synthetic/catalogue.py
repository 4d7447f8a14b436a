"""Every kind of object by name, and which of its designs a split may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from types import MappingProxyType

import numpy as np

from .benign import BENIGN
from .packaging import PACKAGING
from .solids import Item, Kind, Split, design_id_of, split_of_design
from .threats import THREATS

KINDS: Mapping[str, Kind] = MappingProxyType({k.name: k for k in (*THREATS, *BENIGN, *PACKAGING)})
"""All kinds by name."""


@cache
def numbers_of(name: str, count: int, split: Split) -> tuple[int, ...]:
    """Which of the designs ``name/00`` … below ``count`` belong to a split."""
    return tuple(n for n in range(count) if split_of_design(design_id_of(name, n)) == split)


def designs_of(name: str, split: Split) -> tuple[int, ...]:
    """The design numbers of a kind that belong to a split; may be empty for kinds of few designs."""
    return numbers_of(name, KINDS[name].designs, split)


@lru_cache(maxsize=512)
def available(names: tuple[str, ...], split: Split) -> tuple[Kind, ...]:
    """The named kinds that have a design in the split."""
    return tuple(KINDS[n] for n in names if designs_of(n, split))


@cache
def threats_of(label: str, split: Split) -> tuple[Kind, ...]:
    """The threat kinds of a class that have a design in the split."""
    return available(tuple(k.name for k in THREATS if k.label == label), split)


def draw_kind(rng: np.random.Generator, kinds: Sequence[Kind]) -> Kind:
    """One kind by weight."""
    weights = np.array([k.weight for k in kinds])
    return kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]


def draw_item(rng: np.random.Generator, kind: Kind, split: Split) -> Item:
    """An instance of a design of the split, one of those that :func:`available` vouches for."""
    return kind.build(int(rng.choice(designs_of(kind.name, split))), rng)
