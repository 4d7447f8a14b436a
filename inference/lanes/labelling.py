"""Parcels of a recorded belt with what came with them: barcode and declaration, as a site's upload brings them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...datasets.belt import BeltLabel
from .arrival import Arrival
from .parcel_again import BeltPlace
from .source import Deliver, Receipt, Refusal


def labelled(deliver: Deliver, labels: Sequence[BeltLabel], turn: int) -> Deliver:
    """Deliver each parcel with its label.

    Args:
        deliver: into the lane.
        labels: of the belt.
        turn: how often the belt was played before.
    """

    def deliver_labelled(arrival: Arrival) -> Receipt | Refusal:
        found = [] if arrival.place is None else [one.label for one in labels if _lie_together(one, arrival.place)]
        # Of two labels none is given: a parcel under another one's number is worse than one without.
        if len(found) != 1:
            return deliver(arrival)
        (label,) = found
        return deliver(replace(arrival, barcode=label.barcode(turn), meta={**label.notes, **arrival.meta}))

    return deliver_labelled if labels else deliver


def _lie_together(label: BeltLabel, place: BeltPlace) -> bool:
    return label.first_line < place.end_line and place.first_line < label.end_line
