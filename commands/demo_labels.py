"""What came with the demonstration's parcels: a number and a declaration for each, some of them untrue, as in life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..datasets.belt import Label
from ..screening.desk.item_id import check_digit

_TURNS = 200
"""The belt brings no number twice for so many rounds: over two hours."""
_SERIALS_APART = 617


@dataclass(frozen=True, slots=True)
class _Sent:
    """One of the sample parcels, as its sender filled in the form."""

    service: str
    serial: int
    country: str
    contents: str
    value: str
    weight_kg: str


_PARCELS = (
    _Sent("CP", 11822041, "FR", "Used clothing, household goods", "180 EUR", "16.4"),
    _Sent("CX", 66219045, "IT", "Rucksack, clothes, computer parts", "240 EUR", "7.9"),
    _Sent("LX", 90331127, "BA", "Cotton shirt", "25 EUR", "0.4"),
    _Sent("RR", 47312482, "DE", "Hand tools, reading glasses", "60 EUR", "3.1"),
    _Sent("CP", 27405518, "ES", "Camping kit, padlocks, clothes", "95 EUR", "8.6"),
    _Sent("EE", 20441773, "HR", "Kitchen utensils, light bulb", "35 EUR", "2.7"),
    _Sent("CV", 83160792, "DE", "Electric shaver, books, toiletries", "120 EUR", "6.2"),
    _Sent("CP", 75003112, "AE", "Spare parts for motorcycle", "150 EUR", "13.5"),
)


def demo_labels() -> list[Label]:
    """The labels of ``datasets/belts/samples.npz``, in the order of its parcels."""
    return [Label(tuple(_numbers(sent)), _declared(sent)) for sent in _PARCELS]


def _numbers(sent: _Sent) -> Iterator[str]:
    """S10 identifiers (UPU standard S10) of a sender who posts something every week."""
    for turn in range(_TURNS):
        digits = f"{sent.serial + turn * _SERIALS_APART:08d}"
        yield f"{sent.service}{digits}{check_digit(digits)}{sent.country}"


def _declared(sent: _Sent) -> dict[str, str]:
    return {"declared": sent.contents, "declared-value": sent.value, "declared-weight-kg": sent.weight_kg}
