"""Projected threats at work: which parcels carry one, and what becomes of it. A policy, apart from every real record.

Nothing here makes a decision about a parcel: an answer to a projection is a value of its own, and the parcel under it
waits for its real decision afterwards. So no real count can be touched.

Which parcels carry a projection comes from HMAC-SHA256 (RFC 2104) of a secret of the site and the parcel's number:
nobody without the secret can tell or foresee it, each parcel is independent of those before it, and whoever holds the
secret can show later that nobody picked the parcels by hand.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ...inference.verdicts import Verdict

_LEAST_SECRET_BYTES = 16
_MOST_RATE = 0.2
_STEPS = 2**64


@dataclass(frozen=True, slots=True)
class TipPolicy:
    """How often, and what.

    Raises:
        UsageError: if rate or mix make no sense.
    """

    rate: float
    """Share of the parcels that may carry one, 0 to 0.2."""
    mix: Mapping[str, float] = field(default_factory=lambda: MappingProxyType(dict.fromkeys(TAXONOMY.classes, 1.0)))
    """Class → weight, in any unit."""
    is_stopped: bool = False
    """A supervisor stopped it: nothing is projected any more."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= _MOST_RATE:
            raise UsageError(f"a projection in {self.rate:.0%} of parcels is no rate", f"choose 0 to {_MOST_RATE:.0%}")
        unknown = [label for label in self.mix if label not in TAXONOMY.classes]
        if unknown:
            raise UsageError(f"{unknown[0]!r} is no class", f"choose among {', '.join(TAXONOMY.classes)}")
        if not self.mix or min(self.mix.values()) < 0 or not 0 < sum(self.mix.values()) < float("inf"):
            raise UsageError("the mix of projected threats is empty", "give at least one class a weight above 0")


@dataclass(frozen=True, slots=True)
class Passing:
    """A parcel as the policy sees it."""

    lane: str
    lane_number: int
    verdict: Verdict
    """The strictest of its scans."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What to project into a parcel."""

    lane: str
    lane_number: int
    label: str
    seed: int
    """For place, turn and design: 64 bits that only the secret tells."""


def projection_for(parcel: Passing, policy: TipPolicy, secret: bytes, *, is_certain: bool = False) -> Projection | None:
    """Whether this parcel carries a projection, and of what.

    Only parcels on which nothing was found get one: an alarm, an area too dense to judge or a scan that could not be
    read wants all of the officer's attention. The chance is the same for each of the others.

    Args:
        parcel: screened.
        policy: in force.
        secret: of the site, at least 16 random bytes.
        is_certain: what the parcel would carry, whatever the rate.

    Raises:
        UsageError: if the secret is too short.
    """
    if len(secret) < _LEAST_SECRET_BYTES:
        raise UsageError(
            f"a secret of {len(secret)} bytes can be guessed", f"make one of {_LEAST_SECRET_BYTES} or more"
        )
    if policy.is_stopped or parcel.verdict is not Verdict.NO_ALARM:
        return None
    if not is_certain and _number(secret, "whether", parcel) >= policy.rate * _STEPS:
        return None
    label = _drawn(policy.mix, _number(secret, "class", parcel) / _STEPS)
    return Projection(parcel.lane, parcel.lane_number, label, _number(secret, "seed", parcel))


class TipOutcome(StrEnum):
    """What became of a projection."""

    HIT = "hit"
    MISS = "miss"
    ABANDONED = "abandoned"
    """Stopped by a supervisor, or the parcel went to another screen: nobody was tested."""


@dataclass(frozen=True, slots=True)
class TipAnswer:
    """How an officer answered one, kept for training statistics alone."""

    projection: Projection
    person_id: int
    outcome: TipOutcome
    took_ms: int
    revealed: str
    """What the officer is told at once."""


_REVEALED = {
    TipOutcome.HIT: "Well seen: this was a projected {label}. Now decide the parcel itself.",
    TipOutcome.MISS: "This was a projected {label}, and it was let pass. Now decide the parcel itself.",
    TipOutcome.ABANDONED: "This picture carried a projected {label}. Decide the parcel itself.",
}


def answered(projection: Projection, person_id: int, was_released: bool, took_ms: int) -> TipAnswer:
    """Judge an officer's decision on a parcel with a projection: anything but letting it pass is a hit."""
    return _closed(projection, person_id, TipOutcome.MISS if was_released else TipOutcome.HIT, took_ms)


def abandoned(projection: Projection, person_id: int) -> TipAnswer:
    """The projection ends without an answer."""
    return _closed(projection, person_id, TipOutcome.ABANDONED, 0)


def _closed(projection: Projection, person_id: int, outcome: TipOutcome, took_ms: int) -> TipAnswer:
    told = _REVEALED[outcome].format(label=projection.label.replace("_", " "))
    return TipAnswer(projection, person_id, outcome, max(0, took_ms), told)


def _number(secret: bytes, purpose: str, parcel: Passing) -> int:
    """64 bits; each purpose has its own, so that one tells nothing of the other."""
    message = f"{purpose}\0{parcel.lane_number}\0{parcel.lane}".encode()
    return int.from_bytes(hmac.digest(secret, message, hashlib.sha256)[:8])


def _drawn(mix: Mapping[str, float], share: float) -> str:
    left = share * sum(mix.values())
    likely = [label for label, weight in mix.items() if weight > 0]
    for label in likely:
        left -= mix[label]
        if left < 0:
            return label
    return likely[-1]
