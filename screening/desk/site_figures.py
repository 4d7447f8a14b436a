"""This site's own figures by class, beside the alarms of every parcel: counted anew now and then, in the background.

A season of a large site takes seconds to count. Nobody at a desk waits for that: who asks has what was counted last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic

from ...detector.errors import StorageError
from ..storage.database import Database
from ..storage.times import now
from .figures import ClassFigures, Period, by_class

PERIOD = timedelta(days=90)
FRESH_S = 300.0
PATIENCE_S = 0.3
"""Of whoever asks first; a small site is counted by then."""


class SiteFigures:
    """Class → figures of the last season.

    Args:
        database: where parcels are.
        fresh_s: how old figures may be before they are counted anew.
        clock: seconds that only grow.
    """

    def __init__(self, database: Database, fresh_s: float = FRESH_S, clock: Callable[[], float] = monotonic) -> None:
        self._database, self._fresh_s, self._clock = database, fresh_s, clock
        self._lock = Lock()
        self._is_counting = False
        self._counted_s = float("-inf")
        self._has_counted = Event()
        self._figures: Mapping[str, ClassFigures] = {}

    def get(self) -> Mapping[str, ClassFigures]:
        """What was counted last; nothing while the first count of a large site goes on. Never raises."""
        with self._lock:
            is_due = not self._is_counting and self._clock() - self._counted_s > self._fresh_s
            self._is_counting |= is_due
        if is_due:
            Thread(target=self._count, name="site figures", daemon=True).start()
            self._has_counted.wait(PATIENCE_S)  # nobody else: desks ask within a transaction
        return self._figures

    def _count(self) -> None:
        moment = now()
        try:
            with self._database.read() as session:
                self._figures = {one.label: one for one in by_class(session, Period(moment - PERIOD, moment))}
        except StorageError:
            pass  # the desk tells of a database that is gone; the last figures stay, and are counted later
        finally:
            with self._lock:
                self._counted_s, self._is_counting = self._clock(), False
            self._has_counted.set()
