"""Everything in a parcel that is no threat, as parametric kinds."""

from __future__ import annotations

from ..solids import Kind
from .electronics import ELECTRONICS
from .tools import TOOLS

BENIGN: tuple[Kind, ...] = (*TOOLS, *ELECTRONICS)
"""All benign kinds."""
