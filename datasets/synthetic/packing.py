"""A parcel from nothing but a random generator: theme, contents, threat, packaging, padding, place on the belt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...detector.errors import RunError
from ...detector.taxonomy import TAXONOMY
from .benign.assembly import Rng, Vector
from .catalogue import KINDS, available, designs_of, draw_item, draw_kind, numbers_of, threats_of
from .concealment import PRESENTATIONS, draw_presentation
from .fillers import DESIGNS as FILLER_DESIGNS
from .load import Group, Load
from .packaging import PACKAGINGS, Packaging
from .shapes import rotation
from .solids import Item, Parcel, Split
from .themes import ANYTHING, BAGS, CLUTTER, THEMES, Theme
from .threats import KitKind, kit

T = TypeVar("T")
SIZE_LIMIT_MM = (600.0, 1000.0, 450.0)
"""Largest parcel: across the belt, along it, height."""
_DRAWS = 60
_COMPOSINGS = 4
_PLAY_MM = 30.0
"""By how much the inner space exceeds a threat that must fit; the height map rounds down to whole cells."""
SEVERAL_SHARE = 0.15
"""Usual share of parcels with several threats among those with any."""
_MOST_THREATS = 5
SPREAD = "split_consignment"
"""Scenario of parcels among which one sender spreads the parts of a gun."""
_STUFFING = (0.0, 0.15, 0.5, 0.9, 1.0)
"""Chances of a layer of cloth at each stage of packing a bag."""
_CLUTTER = 0.6
"""Chance of a bag to hold small things besides what it was packed for: keys, clips, coins, buckles, cables."""
_ROOMY = 0.45
"""Share of bags that are larger than what is in them asks for: there a gun is a quarter of the picture, not half."""
_PRESENTED_BENIGN = 0.05
"""Share of harmless objects that are wrapped, plated or housed like threats."""


@dataclass(frozen=True, slots=True)
class Cargo:
    """What is to be packed."""

    scenario: str
    threats: tuple[Group, ...]
    others: tuple[Group, ...]


def drawn(compose: Callable[[], T], name: str) -> T:
    """What is composed; drawn again where random proportions gave an outline that no mesh can be made of.

    Args:
        compose: composes from a random generator of its own, so that another call gives something else.
        name: what is composed, for the message.

    Raises:
        RunError: if that happens so often that a design must be broken.
    """
    reasons = []
    for _ in range(_COMPOSINGS):
        try:
            return compose()
        except ValueError as error:
            reasons.append(str(error))
    raise RunError(f"{name} cannot be packed ({reasons[-1]})", "report this with the command and its seed")


def compose_parcel(
    rng: np.random.Generator,
    split: Split,
    *,
    threat_share: float = 0.5,
    several_share: float = SEVERAL_SHARE,
    turned_share: float = 0.0,
    size_limit_mm: Vector = SIZE_LIMIT_MM,
) -> Parcel:
    """Pack a parcel.

    Args:
        rng: decides everything; the same state gives the same parcel.
        split: only designs of this split are used, of threats as of harmless things.
        threat_share: probability that the parcel holds at least one threat. Classes are drawn evenly, then kinds.
        several_share: probability that a parcel with a threat holds two to five of any classes; more of them teach a
            network more a picture, fewer are truer to the post.
        turned_share: probability that the threats of such a parcel are turned away from lying flat, as far as on end,
            before they are packed: for people who learn to see them so.
        size_limit_mm: largest parcel across the belt, along the belt, and in height.

    Returns:
        A parcel resting on z = 0, centred on x = y = 0.
    """
    theme = _theme(rng)
    threatened = rng.random() < threat_share
    scenario = "benign"
    threats: tuple[Group, ...] = ()
    if threatened:
        scenario, threats = _fitting_threats(rng, split, size_limit_mm, several_share, turned_share)
    if threatened and scenario == "threat" and theme.name == "tool_set":
        scenario = "among_tools"
    return _parcel(rng, split, theme, scenario, threats, size_limit_mm)


def compose_consignment(
    rng: np.random.Generator, split: Split, *, parcels: int, size_limit_mm: Vector = SIZE_LIMIT_MM
) -> tuple[Parcel, ...]:
    """Pack several parcels of one sender with the parts of one disassembled gun, some in each, among harmless things.

    Args:
        rng: decides everything; the same state gives the same parcels.
        split: only designs of this split are used.
        parcels: 2 to 4.
        size_limit_mm: largest parcel across the belt, along the belt, and in height.

    Returns:
        Parcels of the scenario ``split_consignment``, each resting on z = 0, centred on x = y = 0.

    Raises:
        RunError: if no gun has so many parts that fit.
    """
    for _ in range(_DRAWS):
        parts = [item for group in _kit(rng, split) for item in group]
        labelled = [item for item in parts if item.label]
        if len(labelled) >= parcels and all((_extent((item,)) <= _threat_room(size_limit_mm)).all() for item in parts):
            break
    else:
        raise RunError(f"no gun comes in {parcels} parts after {_DRAWS} draws", "spread it over fewer parcels")
    # One part that is labelled for each parcel, then the rest anywhere.
    first = [labelled[int(k)] for k in rng.permutation(len(labelled))[:parcels]]
    shares: list[list[Group]] = [[(item,)] for item in first]
    for item in parts:
        if item not in first:
            shares[int(rng.integers(parcels))].append((item,))
    return tuple(_parcel(rng, split, _theme(rng), SPREAD, tuple(share), size_limit_mm) for share in shares)


def _theme(rng: Rng) -> Theme:
    return _weighted(rng, THEMES, [t.weight for t in THEMES])


def _parcel(
    rng: Rng, split: Split, theme: Theme, scenario: str, threats: tuple[Group, ...], limit_mm: Vector
) -> Parcel:
    """Threats, if any, packed with other things of a theme."""
    others = _contents(rng, theme, split)
    packaging, inner = _packaging_for(rng, theme, split, (*threats, *others), threats, limit_mm)
    load = _packed(rng, split, theme, Cargo(scenario, threats, others), packaging, inner)
    return _on_belt(rng, _closed(rng, split, packaging, load, scenario), limit_mm)


def _weighted(rng: Rng, things: Sequence[T], weights: Sequence[float]) -> T:
    total = np.asarray(weights, float)
    return things[int(rng.choice(len(things), p=total / total.sum()))]


def _fitting_threats(
    rng: Rng, split: Split, limit_mm: Vector, several_share: float, turned_share: float
) -> tuple[str, tuple[Group, ...]]:
    """Threats that a carton within the limit can hold; a long gun that none can hold gives way to another threat."""
    room = _threat_room(limit_mm)
    for _ in range(_DRAWS):
        scenario, groups = _threats(rng, split, several_share)
        if turned_share and rng.random() < turned_share:
            turn = _turned_away(rng)
            groups = tuple(tuple(item.placed(turn, np.zeros(3)) for item in group) for group in groups)
        if all((_extent(g) <= room).all() for g in groups):
            return scenario, groups
    raise RunError(f"no threat fits a parcel of {limit_mm} mm after {_DRAWS} draws", "allow larger parcels")


def _turned_away(rng: Rng) -> NDArray[np.float64]:
    """(3, 3) rotation out of the flat position by 25 to 90 degrees, about any axis in the plane."""
    yaw = float(rng.uniform(0, 360))
    return np.asarray(rotation("z", yaw) @ rotation("x", float(rng.uniform(25, 90))) @ rotation("z", -yaw))


def _threats(rng: Rng, split: Split, several_share: float) -> tuple[str, tuple[Group, ...]]:
    """The scenario and the threats of a parcel, those of one class as likely as those of any other."""
    if rng.random() < several_share:
        count = int(rng.integers(2, _MOST_THREATS + 1))
        return "several_threats", tuple((_threat(rng, split)[1],) for _ in range(count))
    label, first = _threat(rng, split)
    chance = rng.random()
    if label == "cartridge" and chance < 0.7:
        return "loose_cartridges", _alike(rng, first, split)
    if chance < 0.12:
        return "kit", _kit(rng, split)
    if chance < 0.5:
        name = draw_presentation(rng)
        return name, (PRESENTATIONS[name][0](rng, (first,), split),)
    return "threat", ((first,),)


def _threat(rng: Rng, split: Split) -> tuple[str, Item]:
    """One threat and its class."""
    labels = [c for c in TAXONOMY.classes if threats_of(c, split)]
    label = labels[int(rng.integers(len(labels)))]
    return label, draw_item(rng, draw_kind(rng, threats_of(label, split)), split)


def _kit(rng: Rng, split: Split) -> tuple[Group, ...]:
    """All parts of one disassembled gun."""
    kinds: list[KitKind] = [k for k in ("pistol", "revolver", "long_gun") if designs_of(k, split)]
    kind = kinds[int(rng.integers(len(kinds)))]
    return tuple((item,) for item in kit(rng, kind, int(rng.choice(designs_of(kind, split)))))


def _alike(rng: Rng, first: Item, split: Split) -> tuple[Group, ...]:
    """Some more of the same design as a first item."""
    kind = KINDS[first.kind]
    number = int(first.design_id.rsplit("/", 1)[1])
    more = int(rng.integers(1, 12))
    return ((first,), *((kind.build(number, rng),) for _ in range(more)))


def _contents(rng: Rng, theme: Theme, split: Split) -> tuple[Group, ...]:
    """Harmless objects: mostly the theme's, a few strays, now and then several alike or one wrapped."""
    core, strays = available(theme.core, split), available(ANYTHING, split)
    count = 1 + int(theme.most * rng.beta(1.1, 1.1) * 1.25)
    groups: list[Group] = []
    while len(groups) < count:
        item = draw_item(rng, draw_kind(rng, core if rng.random() < 0.85 else strays), split)
        if rng.random() < 0.06:
            groups += _alike(rng, item, split)[: count - len(groups)]
        elif rng.random() < _PRESENTED_BENIGN:
            groups.append(PRESENTATIONS[draw_presentation(rng)][0](rng, (item,), split))
        else:
            groups.append((item,))
    if theme.packagings[0] in BAGS and rng.random() < _CLUTTER:
        small = available(CLUTTER, split)
        groups += [(draw_item(rng, draw_kind(rng, small), split),) for _ in range(int(rng.integers(2, 16)))]
    return tuple(groups)


def _packaging_for(
    rng: Rng, theme: Theme, split: Split, groups: tuple[Group, ...], must_fit: tuple[Group, ...], limit_mm: Vector
) -> tuple[Packaging, Vector]:
    """A packaging of the theme and its inner size: room for the bulk of the contents, and surely for the threats."""
    sizes = np.array([_extent(g) for g in groups])
    need = np.array([_extent(g) for g in must_fit]).max(0) + _PLAY_MM if must_fit else np.zeros(3)
    fitting = [p for p in PACKAGINGS if p.name in theme.packagings and numbers_of(p.name, p.designs, split)]
    fitting = [p for p in fitting if (np.array(p.longest_mm) >= need).all() and (_least(p) <= _room(limit_mm)).all()]
    if not fitting:
        # What no packaging of the theme holds goes into a carton of its own length.
        fitting = [p for p in PACKAGINGS if p.name == "carton"]
    packaging = _weighted(rng, fitting, [p.weight for p in fitting])
    # Most of the objects fit one by one, so that no parcel stays empty.
    usual = np.minimum(np.quantile(sizes, rng.uniform(0.5, 1.0), axis=0) + _PLAY_MM, packaging.longest_mm)
    low = np.maximum.reduce([np.array(packaging.shortest_mm, float), need, usual])
    high = np.maximum(packaging.longest_mm, low)
    volume = sizes.prod(1).sum() * rng.uniform(0.4, 1.7)
    share = np.linspace(0, 1, 21)[:, None]
    room = (low + (high - low) * share).prod(1)
    grown = float(share[min(int(np.searchsorted(room, volume)), 20), 0])
    if packaging.name in BAGS and rng.random() < _ROOMY:
        grown += rng.uniform(0.3, 1.0)
    size = low + (high - low) * np.clip(grown + rng.normal(0, 0.12, 3), 0, 1)
    spare = np.array([packaging.spare_mm, packaging.spare_mm, 50.0])
    size = np.minimum(size, np.maximum(_room(limit_mm) - spare, need))
    x, y, z = (float(v) for v in size)
    return packaging, (x, y, z)


def _threat_room(limit_mm: Vector) -> NDArray[np.float64]:
    """The largest threat that a carton within the limit surely holds."""
    return np.asarray(_room(limit_mm) - _PLAY_MM - 60)


def _least(packaging: Packaging) -> NDArray[np.float64]:
    """The smallest outer size of a packaging."""
    return np.array(packaging.shortest_mm) + (packaging.spare_mm, packaging.spare_mm, 50.0)


def _room(limit_mm: Vector) -> NDArray[np.float64]:
    """The limit with the parcel's long side along the belt."""
    return np.array([max(limit_mm[:2]), min(limit_mm[:2]), limit_mm[2]])


def _extent(group: Group) -> NDArray[np.float64]:
    """(3,) size of a group, longest first in the plane."""
    vertices = np.concatenate([s.mesh.vertices_mm for item in group for s in item.solids])
    size = vertices.max(0) - vertices.min(0)
    return np.array([max(size[0], size[1]), min(size[0], size[1]), size[2]])


def _packed(rng: Rng, split: Split, theme: Theme, cargo: Cargo, packaging: Packaging, inner: Vector) -> Load:
    """Everything dropped in; where a threat found no room, once more with the threats first."""
    order = rng.choice([0.0, 0.15, 0.4] if packaging.name in BAGS else [0.3, 0.7, 0.95])
    tries = int(rng.choice([8, 20, 40] if packaging.name in BAGS else [2, 5, 14, 30]))
    for threats_first in (False, True):
        load = Load(inner)
        sequence = _sequence(rng, cargo, threats_first)
        paddings = _paddings(rng, _fillers(rng, theme, packaging), split, len(sequence))
        if threats_first:
            paddings = {step: layers for step, layers in paddings.items() if step >= len(cargo.threats)}
        left_out = 0
        for step, (is_threat, group) in enumerate(sequence):
            for name, design, share in paddings.get(step, ()):
                load.pad(name, design, rng, share)
            dropped = load.drop(group, rng, tries=tries, order=order)
            left_out += is_threat and not dropped
        for name, design, share in paddings.get(len(sequence), ()):
            load.pad(name, design, rng, share)
        if not left_out:
            break
    return load


def _sequence(rng: Rng, cargo: Cargo, threats_first: bool) -> list[tuple[bool, Group]]:
    """The large things first, roughly; the threats together, anywhere among them."""
    bulk = np.array([_extent(g).prod() for g in cargo.others])
    order = np.argsort(-bulk * rng.lognormal(0, 0.9, len(bulk)))
    sequence = [(False, cargo.others[int(k)]) for k in order]
    at = 0 if threats_first else int(rng.integers(0, max(1, len(sequence) * 2 // 3 + 1)))
    return [*sequence[:at], *((True, g) for g in cargo.threats), *sequence[at:]]


def _fillers(rng: Rng, theme: Theme, packaging: Packaging) -> tuple[str, ...]:
    """The theme's fillers; bags are mostly stuffed with cloth, whatever else is in them."""
    return ("cloth",) if packaging.name in BAGS and rng.random() < 0.8 else theme.fillers


def _paddings(rng: Rng, names: tuple[str, ...], split: Split, steps: int) -> dict[int, list[tuple[str, int, float]]]:
    """Which fillers go in before which step: below, between and on top; (name, design, share of the room)."""
    plan: dict[int, list[tuple[str, int, float]]] = {}
    fillers = [(f, numbers_of(f, FILLER_DESIGNS, split)) for f in names]
    fillers = [(f, numbers) for f, numbers in fillers if numbers]
    soft = "cloth" in names
    layers = [(0, 0.4, 0.2), (steps // 3, 0.35, 0.2), (2 * steps // 3, 0.35, 0.3), (steps, 0.8, 0.95)]
    if soft:
        # Bags are half empty or crammed: cloth between everything, pressed by the lid.
        crammed = _STUFFING[int(rng.integers(len(_STUFFING)))]
        layers = [
            (0, crammed, 0.4),
            (steps // 4, crammed, 0.3),
            (steps // 2, crammed, 0.4),
            (3 * steps // 4, crammed, 0.4),
        ]
        layers += [(steps, 0.5 + crammed / 2, 0.98)]
    name, numbers = fillers[int(rng.integers(len(fillers)))] if fillers else ("", ())
    for step, chance, share in layers:
        if fillers and rng.random() < chance:
            plan.setdefault(step, []).append((name, int(rng.choice(numbers)), share * float(rng.uniform(0.5, 1.0))))
    return plan


def _closed(rng: Rng, split: Split, packaging: Packaging, load: Load, scenario: str) -> Parcel:
    """The packaging put around the load, everything lifted onto the belt."""
    design = int(rng.choice(numbers_of(packaging.name, packaging.designs, split)))
    inner = (*load.floor_mm, load.inner_mm[2]) if packaging.soft else load.inner_mm
    outside = packaging.around(design, rng, inner, load.surface() + 0.5)
    contents = (
        replace(item, attributes={**item.attributes, "scenario": scenario}) if item.label else item
        for item in load.placed
    )
    return Parcel(outside, tuple(contents), scenario)


def _on_belt(rng: Rng, parcel: Parcel, limit_mm: Vector) -> Parcel:
    """Turned as parcels come to lie, most of them nearly straight, centred across the belt, resting on z = 0."""
    base = 90.0 * float(rng.integers(4))
    yaw = base + float(rng.normal(0, 7) if rng.random() < 0.7 else rng.uniform(-45, 45))
    vertices = np.concatenate([s.mesh.vertices_mm for s in parcel.packaging.solids])
    for angle in (yaw, base, 90.0, 84.0, 78.0):
        turn = rotation("z", angle)
        placed = vertices @ turn.T
        lower, upper = placed.min(0), placed.max(0)
        if upper[0] - lower[0] <= limit_mm[0] and upper[1] - lower[1] <= limit_mm[1]:
            break
    offset = np.array([-(lower[0] + upper[0]) / 2, -(lower[1] + upper[1]) / 2, -lower[2]])
    contents = tuple(item.placed(turn, offset) for item in parcel.contents)
    return Parcel(parcel.packaging.placed(turn, offset), contents, parcel.scenario)
