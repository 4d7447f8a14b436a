"""Which verdicts of a site are missing: its numbers run 1, 2, 3 … without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

PATIENCE_S = 2.0
"""A number may be on its way for so long."""
_AGAIN_S = 5.0
_FIRST_MISSING = """
SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM site_verdicts WHERE site = %(site)s AND number = 1)
UNION ALL (
  SELECT v.number + 1 FROM site_verdicts v
  WHERE v.site = %(site)s AND v.number >= %(known)s
    AND NOT EXISTS (SELECT 1 FROM site_verdicts w WHERE w.site = v.site AND w.number = v.number + 1)
  ORDER BY v.number LIMIT 1)
ORDER BY 1 LIMIT 1
"""
_LAST = "SELECT max(number) FROM site_verdicts WHERE site = %s"


class Gaps:
    """Keeps, for each site, up to which number nothing is missing."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._missing: dict[str, int] = {}
        """Site → the first number that is not there."""
        self._since: dict[str, float] = {}
        """Site → when a gap was seen, or is to be asked about again; none while nothing is missing."""

    def look(self, connection: psycopg.Connection[Any], site: str) -> None:
        """Look at a site after something of it was written."""
        before = self._missing.get(site, 1)
        row = connection.execute(_FIRST_MISSING, {"site": site, "known": max(1, before - 1)}).fetchone()
        (last,) = connection.execute(_LAST, (site,)).fetchone() or (None,)
        missing = int(row[0]) if row is not None else 1
        self._missing[site] = missing
        if last is None or missing > last:
            self._since.pop(site, None)
        elif site not in self._since or missing != before:
            self._since[site] = self._clock() + PATIENCE_S

    def to_ask(self) -> Iterator[tuple[str, int]]:
        """Sites with a gap that lasts, and its first number; each again after a while."""
        now = self._clock()
        for site, due in list(self._since.items()):
            if due <= now:
                self._since[site] = now + _AGAIN_S
                yield site, self._missing[site]
