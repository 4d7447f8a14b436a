"""The settings of projection at lanes, and the site's secret that decides which parcels carry one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...detector.errors import UsageError
from ..audit.chain import append
from ..people.accounts import Person
from ..people.roles import Permission
from ..storage.secret_file import load_or_make_secret
from ..storage.times import now
from .tip import TipPolicy
from .tip_tables import TipPolicyRow

SECRET = "tip-secret"
ANSWER_S, STOPPED_S = (1.0, 10.0), (0.0, 45.0)
"""Ranges: seconds to answer while the belt runs, and more while it stands for the picture."""


@dataclass(frozen=True, slots=True)
class TipSettings:
    """Policy and time to answer.

    Raises:
        UsageError: for times that make no sense.
    """

    policy: TipPolicy
    answer_s: float = 10.0
    stopped_s: float = 45.0

    def __post_init__(self) -> None:
        for value, (low, high), what in (
            (self.answer_s, ANSWER_S, "to answer while the belt runs"),
            (self.stopped_s, STOPPED_S, "more while the belt stands"),
        ):
            if not low <= value <= high:
                raise UsageError(f"{value:g} s {what} is no time", f"choose {low:g} to {high:g} s")

    @property
    def limit_s(self) -> float:
        """From the picture on the screen on; at this console the picture stands, so both times add up."""
        return self.answer_s + self.stopped_s

    @property
    def is_on(self) -> bool:
        """Whether anything is projected."""
        return self.policy.rate > 0 and not self.policy.is_stopped


OFF = TipSettings(TipPolicy(0.0))


def current(session: Session) -> TipSettings:
    """The settings in force; nothing is projected before a supervisor sets a rate."""
    row = session.scalar(select(TipPolicyRow).order_by(TipPolicyRow.id.desc()).limit(1))
    if row is None:
        return OFF
    return TipSettings(TipPolicy(row.rate, row.mix, row.is_stopped), row.answer_s, row.stopped_s)


def change(session: Session, person: Person, settings: TipSettings) -> None:
    """Put other settings in force, from the next parcel on.

    Raises:
        UsageError: if the person may not.
    """
    require_may(person)
    policy = settings.policy
    told = {"rate": policy.rate, "stopped": policy.is_stopped}
    session.add(
        TipPolicyRow(
            made_at=now(),
            person_id=person.id,
            rate=policy.rate,
            mix=dict(policy.mix),
            answer_s=settings.answer_s,
            stopped_s=settings.stopped_s,
            is_stopped=policy.is_stopped,
        )
    )
    session.flush()
    append(session, person.login, "projection set", "threat projection", told)


def require_may(person: Person) -> None:
    """Raises UsageError for whoever may not stop or set projection."""
    if not person.may(Permission.STOP_TIP):
        raise UsageError(f"{person.login} may not change threat projection", "ask a supervisor")


def secret_of(data: Path) -> bytes:
    """The site's secret, which chooses the parcels; kept in this folder. Raises StorageError."""
    return load_or_make_secret(data / SECRET, anew="other parcels than before are chosen then")
