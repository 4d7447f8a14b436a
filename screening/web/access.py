"""Who may ask for what: one line a route. A route without a line here is served to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..people.accounts import Person
from ..people.roles import Permission


class Open(Enum):
    """Rules that ask for no permission."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed in"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks for."""

    needs: Open | frozenset[Permission]
    """One of the permissions is enough."""
    is_activity: bool = True
    """False for what a page asks by itself: it keeps no session alive that nobody works at."""

    def admits(self, person: Person | None) -> bool:
        """True where this person may; None is somebody who is not signed in."""
        if self.needs is Open.EVERYBODY:
            return True
        if person is None or self.needs is Open.SIGNED_IN:
            return person is not None
        assert isinstance(self.needs, frozenset)
        return any(person.may(permission) for permission in self.needs)


def _any(*permissions: Permission) -> Rule:
    return Rule(frozenset(permissions))


_EVERYBODY, _SIGNED_IN = Rule(Open.EVERYBODY), Rule(Open.SIGNED_IN)
_LOOK_ON = Rule(Open.SIGNED_IN, is_activity=False)
_SCREEN, _ADMIN = _any(Permission.SCREEN), _any(Permission.ADMINISTER)
_KEEP = Rule(frozenset({Permission.SCREEN}), is_activity=False)
_OPENING, _SUPERVISE = _any(Permission.OPENING), _any(Permission.SUPERVISE)
_TIP = _any(Permission.STOP_TIP)
_RECORDS = _any(Permission.SCREEN, Permission.SUPERVISE)
_LEARN, _TRAIN = _any(Permission.LEARN), _any(Permission.TRAIN_PEOPLE)

ACCESS: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): _EVERYBODY,
    ("GET", "/api/openapi.json"): _SIGNED_IN,
    ("GET", "/static"): _EVERYBODY,
    ("GET", "/setup/{token}"): _EVERYBODY,
    ("POST", "/setup/{token}"): _EVERYBODY,
    ("GET", "/login"): _EVERYBODY,
    ("POST", "/login"): _EVERYBODY,
    ("POST", "/language"): _EVERYBODY,
    ("GET", "/invitation/{token}"): _EVERYBODY,
    ("POST", "/invitation/{token}"): _EVERYBODY,
    ("GET", "/demo/{token}"): _EVERYBODY,
    ("POST", "/logout"): _SIGNED_IN,
    ("GET", "/"): _SIGNED_IN,
    ("GET", "/me"): _SIGNED_IN,
    ("POST", "/me"): _SIGNED_IN,
    ("POST", "/me/password"): _SIGNED_IN,
    ("GET", "/help"): _SIGNED_IN,
    ("GET", "/desk"): _SCREEN,
    ("GET", "/openings"): _OPENING,
    ("GET", "/parcels"): _RECORDS,
    ("GET", "/parcels/{parcel_id}"): _RECORDS,
    ("GET", "/supervisor"): _SUPERVISE,
    ("GET", "/supervisor/classes"): _SUPERVISE,
    ("GET", "/supervisor/sites"): _SUPERVISE,
    ("GET", "/supervisor/{table}.csv"): _SUPERVISE,
    ("GET", "/supervisor/tip"): _SUPERVISE,
    ("POST", "/supervisor/tip"): _TIP,
    ("POST", "/api/tip/stop"): _TIP,
    ("POST", "/api/tip/start"): _TIP,
    ("GET", "/people"): _ADMIN,
    ("POST", "/people"): _ADMIN,
    ("POST", "/people/{login}/invite"): _ADMIN,
    ("POST", "/people/{login}/role"): _ADMIN,
    ("POST", "/people/{login}/disable"): _ADMIN,
    ("POST", "/people/{login}/enable"): _ADMIN,
    ("GET", "/audit"): _any(Permission.READ_AUDIT),
    ("GET", "/api/desk/queue"): _KEEP,
    ("POST", "/api/desk/next"): _SCREEN,
    ("POST", "/api/desk/renew"): _KEEP,
    ("POST", "/api/desk/put-back"): _SCREEN,
    ("POST", "/api/desk/take/{parcel_id}"): _SCREEN,
    ("POST", "/api/desk/decisions"): _SCREEN,
    ("POST", "/api/desk/decisions/{decision_id}/undo"): _SCREEN,
    ("POST", "/api/desk/marks"): _SCREEN,
    ("DELETE", "/api/desk/marks/{mark_id}"): _SCREEN,
    ("POST", "/api/openings"): _OPENING,
    ("GET", "/api/parcels/{parcel_id}"): _RECORDS,
    ("POST", "/api/parcels/{parcel_id}/item-id"): _SCREEN,
    ("GET", "/api/scans/{scan_id}/pixels"): _RECORDS,
    ("GET", "/api/events"): _LOOK_ON,
    ("GET", "/api/lanes"): _LOOK_ON,
    ("GET", "/api/belt"): Rule(frozenset({Permission.SCREEN, Permission.SUPERVISE}), is_activity=False),
    ("GET", "/api/me"): _SIGNED_IN,
    ("GET", "/api/me/preferences"): _SIGNED_IN,
    ("PUT", "/api/me/preferences"): _SIGNED_IN,
    ("GET", "/api/figures"): _SUPERVISE,
    ("GET", "/api/figures/classes"): _SUPERVISE,
    ("GET", "/tutor"): _LEARN,
    ("GET", "/tutor/manual"): _LEARN,
    ("GET", "/tutor/manual.pdf"): _LEARN,
    ("GET", "/tutor/manual/{label}"): _LEARN,
    ("POST", "/tutor/begin"): _LEARN,
    ("GET", "/tutor/exercises/{exercise_id}"): _LEARN,
    ("GET", "/tutor/exercises/{exercise_id}/review"): _LEARN,
    ("GET", "/tutor/results"): _LEARN,
    ("GET", "/tutor/results.csv"): _LEARN,
    ("GET", "/tutor/results.pdf"): _LEARN,
    ("GET", "/tutor/certificates/{enrolment_id}.pdf"): _LEARN,
    ("GET", "/tutor/courses"): _TRAIN,
    ("GET", "/tutor/courses/new"): _TRAIN,
    ("POST", "/tutor/courses"): _TRAIN,
    ("GET", "/tutor/courses/{course_id}"): _TRAIN,
    ("GET", "/tutor/courses/{course_id}/edit"): _TRAIN,
    ("POST", "/tutor/courses/{course_id}/edit"): _TRAIN,
    ("POST", "/tutor/courses/{course_id}/enrol"): _TRAIN,
    ("POST", "/tutor/courses/{course_id}/end"): _TRAIN,
    ("POST", "/tutor/courses/{course_id}/close"): _TRAIN,
    ("GET", "/tutor/courses/{course_id}/group.csv"): _TRAIN,
    ("POST", "/api/tutor/exercises/{exercise_id}/next"): _LEARN,
    ("POST", "/api/tutor/exercises/{exercise_id}/leave"): _LEARN,
    ("POST", "/api/tutor/items/{item_id}/answer"): _LEARN,
    ("GET", "/api/tutor/items/{item_id}/pixels"): _LEARN,
    ("GET", "/api/tutor/items/{item_id}/looks/{look}.png"): _LEARN,
    ("GET", "/api/tutor/items/{item_id}/whole.png"): _LEARN,
}
"""(Method, path as the route writes it) → rule."""
