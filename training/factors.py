"""Factors of difficulty: what a label tells of why its object is easy or hard to find.

Three are those of operators' trainers: how far the object is turned away (``view_difficulty``), what lies over it
(``superposition``), and how busy the parcel is (``clutter``, ``opacity``). Labels that tell nothing of a factor are in
none of its lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..datasets.synthetic.solids import split_of_design

Attributes = Mapping[str, object]

DESIGN = "design"
SEEN, UNSEEN = "seen in training", "never seen"
PICTURE_SHARE = "picture_share"
"""Longer side of an object's box over that of the scan: known of every label, of whatever origin."""
_DESIGN = re.compile(r"[a-z_]+/\d{2,}")


@dataclass(frozen=True, slots=True)
class Factor:
    """One way to sort threats."""

    name: str
    level_of: Callable[[Attributes], str | None]
    """The level of an object with these attributes; None where they do not tell."""
    levels: tuple[str, ...] = ()
    """In the order they are shown; empty for names, shown by falling number of objects."""
    alone: bool = False
    """Whether a single level is worth telling."""


def _steps(name: str, key: str, edges: tuple[float, ...], unit: str = "") -> Factor:
    """A factor of a number: below the first edge, between edges, from the last one on."""
    texts = [f"{edge:g}" for edge in edges]
    levels = (
        f"under {texts[0]}{unit}",
        *(f"{low} to {high}{unit}" for low, high in zip(texts[:-1], texts[1:], strict=True)),
        f"{texts[-1]}{unit} and over",
    )

    def level_of(attributes: Attributes) -> str | None:
        value = attributes.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return levels[sum(value >= edge for edge in edges)]

    return Factor(name, level_of, levels)


def _names(name: str, key: str) -> Factor:
    """A factor of a word or a yes or no."""

    def level_of(attributes: Attributes) -> str | None:
        value = attributes.get(key)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return value.replace("_", " ")[:40] if isinstance(value, str) and value else None

    return Factor(name, level_of)


def _design_level(attributes: Attributes) -> str | None:
    """Rendered designs belong to a split for ever; the shipped models learn from those of ``train`` alone."""
    design, kind = attributes.get("design_id"), attributes.get("kind")
    # The parts of a gun that was taken apart bear the gun's design, not one of their own kind.
    if not isinstance(design, str) or not isinstance(kind, str) or not _DESIGN.fullmatch(design):
        return None
    return SEEN if split_of_design(design) == "train" else UNSEEN


FACTORS: tuple[Factor, ...] = (
    _names("data set", "data_set"),
    Factor(DESIGN, _design_level, (SEEN, UNSEEN), alone=True),
    _steps("size", "size_mm", (50, 100, 200, 400), " mm"),
    _steps("longer side, of the picture's", PICTURE_SHARE, (0.05, 0.1, 0.2, 0.3, 0.5)),
    _steps("superposition", "superposition", (0.25, 0.5, 0.75)),
    _steps("visible contrast, in units of the noise", "visible_contrast", (10, 30, 100)),
    _steps("turned away", "view_difficulty", (0.25, 0.5, 0.75)),
    _steps("opacity of the parcel", "opacity", (0.02, 0.1, 0.3)),
    _steps("clutter of the parcel", "clutter", (0.05, 0.1, 0.2)),
    _names("material", "material"),
    _names("presentation", "scenario"),
    _names("state", "state"),
    _names("magazine or cylinder", "loaded"),
    _names("cut by the frame", "clipped"),
    _names("scanner", "scanner"),
    _names("view", "view"),
)
"""All factors, in the order they are shown."""
