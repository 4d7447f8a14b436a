"""Parcel identity: UPU S10 item identifiers, as barcodes and labels carry them.

Two letters of service, eight digits, a check digit, two letters of country (UPU standard S10). The check digit is
11 - (weighted sum mod 11), where 10 becomes 0 and 11 becomes 5; the weights are 8 6 4 2 3 5 9 7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...detector.errors import UsageError

_S10 = re.compile(r"([A-Z]{2})(\d{8})(\d)([A-Z]{2})")
_OTHER = re.compile(r"[A-Z0-9][A-Z0-9./:+-]{3,39}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


@dataclass(frozen=True, slots=True)
class ItemId:
    """What a barcode says."""

    text: str
    is_s10: bool
    """False for carriers' own numbers, of which nothing can be checked."""


def parse_item_id(scanned: str) -> ItemId:
    """An identifier as it was scanned or typed; blanks and case do not matter.

    Raises:
        UsageError: if it is no identifier, or an S10 one whose check digit is wrong: it was misread.
    """
    text = re.sub(r"\s+", "", scanned).upper()
    if match := _S10.fullmatch(text):
        if check_digit(match[2]) != int(match[3]):
            raise UsageError(f"{text}: the check digit is wrong, so it was misread", "scan or type it again")
        return ItemId(text, True)
    if not _OTHER.fullmatch(text):
        raise UsageError(f"{scanned[:40]!r} is no parcel number", "scan the barcode again, or type the number below it")
    return ItemId(text, False)


def check_digit(digits: str) -> int:
    """The check digit of eight digits."""
    check = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
    return {10: 0, 11: 5}.get(check, check)
