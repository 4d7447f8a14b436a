"""What the pages' templates are given: ``shell`` for the frame, and ``page``, one class a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..desk.figures import ClassFigures, Period, Truth, Work
from ..desk.procedure import Procedure
from ..people.accounts import Person


@dataclass(frozen=True, slots=True)
class Shell:
    """What every page's frame needs."""

    path: str
    csrf_token: str
    person: Person | None = None
    language: str = "en"
    permissions: frozenset[str] = frozenset()
    """Values of Permission."""
    theme: str = ""
    is_demo: bool = False
    version: str = ""

    @property
    def direction(self) -> str:
        """Of the writing: ``rtl`` or ``ltr``."""
        return "rtl" if self.language in ("ar", "he", "fa", "ur") else "ltr"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why something was refused."""

    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """error.html."""

    status: int
    complaint: Complaint


@dataclass(frozen=True, slots=True)
class LoginPage:
    """login.html."""

    login: str = ""
    next: str = "/"
    error: Complaint | None = None
    notice: str = ""
    """``signed out``, ``rested`` (the session was too long without work) or ``password set``."""


@dataclass(frozen=True, slots=True)
class SetupPage:
    """setup.html: the first administrator."""

    token: str
    login: str = ""
    name: str = ""
    language: str = "en"
    least_password: int = 12
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """invitation.html: somebody sets their own password."""

    token: str
    login: str
    name: str
    least_password: int = 12
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class DeskPage:
    """desk.html; everything else comes over the API."""

    procedure: Procedure
    lanes: Sequence[Mapping[str, Any]]
    """As /api/lanes gives them."""
    preferences: Mapping[str, Any]
    classes: Sequence[str]
    """What may be marked as missed."""
    looks: Sequence[Mapping[str, Any]]
    """Palettes: configs/looks, for the viewer."""
    has_lanes: bool
    """False where the console follows no lane: the empty desk then says how to try it."""


@dataclass(frozen=True, slots=True)
class OpeningsPage:
    """openings.html."""

    parcels: Sequence[Mapping[str, Any]]
    """Awaiting a result: ``brief`` with declared and decided_at, decided_by."""
    done: Sequence[Mapping[str, Any]]
    """Lately opened: ``brief`` with found, note, at, person."""
    findings: Sequence[str]


@dataclass(frozen=True, slots=True)
class ParcelsPage:
    """parcels.html."""

    parcels: Sequence[Mapping[str, Any]]
    """``brief``, newest first."""
    query: Mapping[str, str]
    lanes: Mapping[str, str]
    """Titles by name."""
    states: Sequence[str]
    verdicts: Sequence[str]
    next_before: int | None
    """Of the next page."""
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class ParcelPage:
    """parcel.html: the record of one parcel."""

    parcel: Mapping[str, Any]
    """As /api/parcels/{id} gives it."""
    history: Sequence[Mapping[str, Any]]
    """Audit entries about it: at, person, action, details."""


@dataclass(frozen=True, slots=True)
class SupervisorPage:
    """supervisor.html."""

    period: Period
    hours: int
    lane: str
    person: str
    work: Work
    truth: Truth
    lanes: Sequence[Mapping[str, Any]]
    counts: Mapping[str, int]
    people: Sequence[tuple[str, str]]
    """Login and name, to choose from."""
    query_string: str
    """For links to CSV and classes."""


@dataclass(frozen=True, slots=True)
class ClassesPage:
    """supervisor_classes.html."""

    period: Period
    hours: int
    lane: str
    classes: Sequence[ClassFigures]
    lanes: Mapping[str, str]
    """Titles by name."""
    query_string: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One account of the list."""

    login: str
    name: str
    role: str
    language: str
    created_at: datetime
    is_disabled: bool
    is_resting: bool
    """After wrong passwords."""
    has_password: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """people.html."""

    people: Sequence[PersonLine]
    roles: Sequence[str]
    link: str = ""
    """To hand to ``link_for``, shown once: it lets them set their password within a day."""
    link_for: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    error: Complaint | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """audit.html."""

    entries: Sequence[Mapping[str, Any]]
    """number, at (a moment), person, action, subject, details; newest first."""
    query: Mapping[str, str]
    next_before: int | None
    head_number: int
    head_digest: str


@dataclass(frozen=True, slots=True)
class MePage:
    """me.html."""

    person: Person
    preferences: Mapping[str, Any]
    least_password: int = 12
    error: Complaint | None = None
    notice: str = ""
    """``saved`` or ``password changed``."""


@dataclass(frozen=True, slots=True)
class HelpPage:
    """help.html."""

    procedure: Procedure
