"""A site's own figures by class: counted in the background, kept while that fails, and anew when they are old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from parcelsight.detector.errors import StorageError
from parcelsight.screening.desk import site_figures
from parcelsight.screening.desk.figures import ClassFigures
from parcelsight.screening.desk.site_figures import PATIENCE_S, SiteFigures
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from tests.console_hands import ALARM, arrive, staffed_site
from tests.console_site import ConsoleSite
from tests.lane_parts import until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsoleSite]:
    with staffed_site(tmp_path) as found:
        yield found


def test_the_first_who_asks_of_a_small_site_has_them(site: ConsoleSite) -> None:
    arrive(site, ALARM)
    arrive(site)
    assert {name: one.alarms for name, one in site.console.site_figures.get().items()} == {ALARM.label: 1}


def test_they_are_counted_anew_when_they_are_old(site: ConsoleSite) -> None:
    seconds = [0.0]
    figures = SiteFigures(site.console.database, fresh_s=300, clock=lambda: seconds[0])
    assert figures.get() == {}
    arrive(site, ALARM)
    seconds[0] = 299.0
    assert figures.get() == {}
    seconds[0] = 301.0
    figures.get()  # nobody waits: what was counted last, while it is counted anew
    until(lambda: figures.get().keys() == {ALARM.label})


def test_nobody_waits_for_a_large_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database = Database(str(tmp_path / "console.db"))
    upgrade(database)
    is_over, counts = Event(), list[int]()

    def slow(*_: object) -> list[ClassFigures]:
        counts.append(1)
        is_over.wait(30)
        raise StorageError("the disk is full", "free some space")

    monkeypatch.setattr(site_figures, "by_class", slow)
    figures = SiteFigures(database, fresh_s=0.0)
    began = monotonic()
    assert figures.get() == {} and figures.get() == {}
    assert monotonic() - began < 10 * PATIENCE_S
    assert counts == [1]
    is_over.set()  # it fails, and is tried again
    until(lambda: figures.get() == {} and len(counts) > 1)
    database.close()
