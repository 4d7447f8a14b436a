"""Roles, and what each may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person is at this site."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    TRAINER = "trainer"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that may be allowed."""

    SCREEN = "screen"
    """See waiting parcels and decide."""
    SECOND_LOOK = "second look"
    """Decide a parcel that another officer passed on."""
    OPENING = "opening"
    """Record what was found in an opened parcel."""
    SUPERVISE = "supervise"
    """See figures of lanes and people, and export them."""
    EXPORT_SCANS = "export scans"
    """Take scans and marks out of the console as a data set."""
    TRAIN_PEOPLE = "train people"
    """Make courses, enrol people and see their training results."""
    LEARN = "learn"
    """Take courses and see the own results."""
    STOP_TIP = "stop threat projection"
    ADMINISTER = "administer"
    """Accounts, retention, backup."""
    READ_AUDIT = "read audit"


_EVERYBODY = {Permission.LEARN}
_OPERATOR = _EVERYBODY | {Permission.SCREEN, Permission.SECOND_LOOK, Permission.OPENING}
_MAY: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(_OPERATOR),
    Role.SUPERVISOR: frozenset(
        _OPERATOR | {Permission.SUPERVISE, Permission.EXPORT_SCANS, Permission.STOP_TIP, Permission.READ_AUDIT}
    ),
    Role.TRAINER: frozenset(_EVERYBODY | {Permission.TRAIN_PEOPLE}),
    # Whoever keeps the accounts decides no parcel: it would be too easy to do both and leave no second pair of eyes.
    Role.ADMIN: frozenset(_EVERYBODY | {Permission.ADMINISTER, Permission.READ_AUDIT}),
}


def may(role: Role, permission: Permission) -> bool:
    """True where the role has the permission."""
    return permission in _MAY[role]
