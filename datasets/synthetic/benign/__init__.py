"""Everything in a parcel that is no threat, as parametric kinds."""

from __future__ import annotations

from ..solids import Kind
from .clothing import CLOTHING
from .cosmetics import COSMETICS
from .documents import DOCUMENTS
from .electronics import ELECTRONICS
from .groceries import GROCERIES
from .hardware import HARDWARE
from .household import HOUSEHOLD
from .housings import HOUSING_KINDS
from .kitchen import KITCHEN
from .power import POWER
from .smallware import SMALLWARE
from .tools import TOOLS
from .toys import TOYS
from .vehicle import VEHICLE

BENIGN: tuple[Kind, ...] = (
    *TOOLS,
    *ELECTRONICS,
    *POWER,
    *KITCHEN,
    *GROCERIES,
    *HOUSEHOLD,
    *HOUSING_KINDS,
    *COSMETICS,
    *CLOTHING,
    *TOYS,
    *HARDWARE,
    *SMALLWARE,
    *VEHICLE,
    *DOCUMENTS,
)
"""All benign kinds."""
