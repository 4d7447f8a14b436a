"""What travels together: each theme names its objects, packagings, fillers and how many there are."""

from __future__ import annotations

from dataclasses import dataclass

from .benign import BENIGN
from .benign.clothing import CLOTHING
from .benign.cosmetics import COSMETICS
from .benign.documents import DOCUMENTS
from .benign.electronics import ELECTRONICS
from .benign.groceries import GROCERIES
from .benign.hardware import HARDWARE
from .benign.household import HOUSEHOLD
from .benign.kitchen import KITCHEN
from .benign.power import POWER
from .benign.smallware import SMALLWARE
from .benign.tools import TOOLS
from .benign.toys import TOYS
from .benign.vehicle import VEHICLE
from .solids import Kind


@dataclass(frozen=True, slots=True)
class Theme:
    """A sender's purpose: what goes into the parcel and what it goes into."""

    name: str
    core: tuple[str, ...]
    """Kinds that make the theme; about four of five objects."""
    most: int
    """Largest number of objects."""
    packagings: tuple[str, ...]
    fillers: tuple[str, ...]
    weight: float = 1.0


def _names(*lists: tuple[Kind, ...]) -> tuple[str, ...]:
    return tuple(kind.name for kinds in lists for kind in kinds)


ANYTHING = _names(BENIGN)
"""Every benign kind: strays come from here."""

FLASKS = ("vacuum_flask",) * 3
"""Drawn more often than other things in bags: beside rails, real scans without a gun raised most alarms with them."""
CLUTTER = _names(SMALLWARE)
"""Small things that lie about in bags."""
BAGS = ("suitcase", "backpack", "sack", "carrier_bag")
"""Packagings that are stuffed rather than padded, with nothing lying straight."""

_BOXES = ("carton", "shoe_box", "wooden_box", "foam_box", "crate", "gift_tin")
_BAGS = ("suitcase", "suitcase", "backpack", "backpack", "sack", "poly_mailer", "carrier_bag")
_POST = ("carton", "poly_mailer", "padded_envelope", "shoe_box", "mailing_tube")
_PAPERS = ("crumpled_paper", "newspapers", "bubble_wrap")
_FOAMS = ("foam_sheet", "foam_peanuts", "bubble_wrap")

THEMES: tuple[Theme, ...] = (
    Theme("tool_set", _names(TOOLS, HARDWARE), 18, (*_BOXES, "sack", "backpack", "suitcase"), (*_PAPERS, "cloth"), 1.2),
    Theme("clothes", _names(CLOTHING, CLOTHING, SMALLWARE), 14, (*_BAGS, "carton", "poly_mailer"), ("cloth",), 2.0),
    Theme("kitchen", _names(KITCHEN, GROCERIES), 14, _BOXES, (*_PAPERS, *_FOAMS)),
    Theme("electronics", _names(ELECTRONICS, POWER, POWER), 16, (*_BOXES, "padded_envelope", *_BAGS), _FOAMS, 1.4),
    Theme("cosmetics", _names(COSMETICS), 20, (*_POST, "gift_tin", "backpack"), _PAPERS),
    Theme("mixed_gift", ANYTHING, 20, (*_BOXES, *_BAGS), (*_PAPERS, *_FOAMS, "cloth"), 2.0),
    Theme("auto_parts", _names(VEHICLE, HARDWARE), 12, ("carton", "wooden_box", "carton", "crate"), _PAPERS),
    Theme("toys", _names(TOYS), 16, (*_BOXES, "poly_mailer"), _PAPERS),
    Theme("documents", _names(DOCUMENTS, SMALLWARE), 8, (*_POST, "backpack"), ("newspapers",), 0.8),
    Theme("sewing_hardware", _names(HARDWARE, SMALLWARE), 24, (*_POST, "gift_tin"), (*_PAPERS, "cloth")),
    Theme("household", _names(HOUSEHOLD, KITCHEN), 14, _BOXES, (*_PAPERS, "cloth")),
    Theme("tray", ANYTHING, 3, ("crate",), (), 0.7),
    Theme(
        "shopping",
        _names(KITCHEN, GROCERIES, GROCERIES, COSMETICS, HOUSEHOLD),
        12,
        ("carrier_bag", "carrier_bag", "sack"),
        ("cloth",),
        0.8,
    ),
    Theme(
        "travel",
        (*_names(CLOTHING, CLOTHING, GROCERIES, COSMETICS, ELECTRONICS, POWER, SMALLWARE, DOCUMENTS), *FLASKS),
        34,
        _BAGS,
        ("cloth",),
        4.0,
    ),
)
"""All themes."""
