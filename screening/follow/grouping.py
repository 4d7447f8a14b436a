"""The views of a parcel come one by one; they wait for each other, but not for ever."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from .intake import View

PATIENCE_S = 5.0
"""A view that has not come by then is not waited for: the parcel is shown with what there is."""
_REMEMBERED = 1000


@dataclass(slots=True)
class _Waiting:
    since_s: float
    views: list[View] = field(default_factory=list)


Key = tuple[str, str]
"""Lane and parcel."""


class Grouping:
    """Parcels that are not whole yet; times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._waiting: dict[Key, _Waiting] = {}
        self._short: OrderedDict[Key, int] = OrderedDict()

    def add(self, view: View, now_s: float) -> list[View] | None:
        """The whole parcel, where this view completes it."""
        told = view.told
        if told.views == 1:
            return [view]
        waiting = self._waiting.setdefault(key_of(view), _Waiting(now_s))
        waiting.views.append(view)
        return self._waiting.pop(key_of(view)).views if len(waiting.views) >= told.views else None

    def overdue(self, now_s: float) -> list[list[View]]:
        """Parcels whose other view did not come."""
        late = [key for key, waiting in self._waiting.items() if now_s - waiting.since_s > PATIENCE_S]
        return [self._waiting.pop(key).views for key in late]

    def forget(self) -> None:
        """The line broke: what waits here is told again."""
        self._waiting.clear()

    def remember_short(self, view: View, parcel_id: int) -> None:
        """A parcel was made without all its views."""
        self._short[key_of(view)] = parcel_id
        if len(self._short) > _REMEMBERED:
            self._short.popitem(last=False)

    def short_parcel(self, view: View) -> int | None:
        """The parcel that this view comes too late for."""
        return self._short.get(key_of(view))


def key_of(view: View) -> Key:
    """What the views of one parcel have in common."""
    return view.told.lane, view.told.parcel
