"""What sites share: every verdict once, whatever is stopped, frozen or restarted; and the page that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.fleet_sites import run
from parcelsight.configs.loading import load_config, shipped
from parcelsight.detector.errors import SinkError
from parcelsight.fleet.collecting import CollectConfig
from parcelsight.fleet.gaps import PATIENCE_S, Gaps
from parcelsight.inference.sinks.postgres import PostgresConfig
from parcelsight.inference.sinks.sites import SiteVerdict, create_tables, record_states, record_verdicts
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from tests.console_parts import running_console

HOUR = "2026-03-01T12:00:00+00:00"


def verdict(number: int, **more: Any) -> SiteVerdict:
    fields: dict[str, Any] = {
        "sequence": number, "lane": "hall-1", "scan": f"p{number}", "verdict": "NO_ALARM", "cause": "", "model": "n 1",
        "classes": "", "score": 0.0, "decided_at": HOUR,
    }  # fmt: skip
    return SiteVerdict(number, **fields | more)


@pytest.fixture
def connection(postgres: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres(), autocommit=True) as connection:
        create_tables(connection)
        yield connection


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    return dict(connection.execute("SELECT verdict, sum(count)::int FROM site_hours GROUP BY verdict").fetchall())


def test_a_verdict_that_comes_again_counts_once(connection: psycopg.Connection[Any]) -> None:
    first = [verdict(1), verdict(2, verdict="ALARM", classes="pistol", score=0.9)]
    assert record_verdicts(connection, "north", first) == 2
    assert record_verdicts(connection, "north", [*first, verdict(3)]) == 1
    assert record_verdicts(connection, "south", first) == 2  # another site's numbers are its own
    assert counts(connection) == {"NO_ALARM": 3, "ALARM": 2}
    create_tables(connection)  # once more changes nothing
    assert counts(connection) == {"NO_ALARM": 3, "ALARM": 2}


def test_a_failure_in_the_middle_leaves_rows_and_counts_in_step(connection: psycopg.Connection[Any]) -> None:
    record_verdicts(connection, "north", [verdict(1)])
    with pytest.raises(psycopg.Error):
        record_verdicts(connection, "north", [verdict(2), verdict(3, decided_at="no time")])
    assert counts(connection) == {"NO_ALARM": 1}
    assert connection.execute("SELECT count(*) FROM site_verdicts").fetchone() == (1,)


def test_what_is_missing_is_asked_for(connection: psycopg.Connection[Any]) -> None:
    now = 0.0
    gaps = Gaps(lambda: now)

    def come(*numbers: int) -> list[tuple[str, int]]:
        record_verdicts(connection, "north", [verdict(number) for number in numbers])
        gaps.look(connection, "north")
        return list(gaps.to_ask())

    assert come(1, 2, 4) == []  # 3 may be on its way
    now += PATIENCE_S
    assert list(gaps.to_ask()) == [("north", 3)] and list(gaps.to_ask()) == []
    now += 60
    assert list(gaps.to_ask()) == [("north", 3)]
    assert come(3, 6) == []
    now += PATIENCE_S
    assert list(gaps.to_ask()) == [("north", 5)]
    come(5)
    now += 60
    assert list(gaps.to_ask()) == []


def test_a_collector_that_comes_late_asks_from_the_first(connection: psycopg.Connection[Any]) -> None:
    record_verdicts(connection, "north", [verdict(7)])
    now = 0.0
    gaps = Gaps(lambda: now)
    gaps.look(connection, "north")
    now += PATIENCE_S
    assert list(gaps.to_ask()) == [("north", 1)]


def test_no_verdict_is_lost_or_doubled_by_outages(tmp_path: Path) -> None:
    """Short form of benchmarks/fleet_sites.py: database, broker and collector stopped, frozen and restarted."""
    found = run(tmp_path, seconds=3, rate=15, outage_s=0.6, seed=1)
    assert found["lost"] == found["doubled"] == 0 and found["held"] == found["given"] == found["counted_by_hour"]
    assert min(found["given"].values()) > 20 and all(found["outages"].values())
    assert any(found["failures_of_sinks"].values())  # something was really cut off


def test_a_database_that_is_not_there_is_said() -> None:
    sink = PostgresConfig(kind="postgres", name="c", site="north", url="postgresql://u:secret@127.0.0.1:9/d").open()
    with pytest.raises(SinkError, match=r"127.0.0.1:9/d does not take verdicts") as told:
        sink.resume(0)
    assert "secret" not in str(told.value)


def test_shipped_collectors_load() -> None:
    assert all(load_config(name, CollectConfig, "collect").database for name in shipped("collect"))


def test_the_page_shows_state_model_and_drift(postgres: Callable[[], str], tmp_path: Path) -> None:
    url = postgres()
    database = Database(url)
    upgrade(database)
    with running_console(tmp_path, database) as site:
        supervisor = site.sign_in("supervisor")
        assert "shares no database" in supervisor.page("/supervisor/sites").text
        with psycopg.connect(url, autocommit=True) as connection:
            _fill(connection)
        text = supervisor.page("/supervisor/sites").text
        assert site.sign_in("operator").get("/supervisor/sites").status_code == 403
    assert "north" in text and "parcelsight-n 0.2.0" in text and "more often than before" in text
    assert "as often as before" in text and "The disk of the lane is full." in text
    assert "2 verdicts of south have not arrived." in text


def _fill(connection: psycopg.Connection[Any]) -> None:
    """north alarms much more than before, south as ever and with two verdicts missing."""
    create_tables(connection)
    full = {"lane": "b", "state": "NOT_SCREENING", "cause": "disk-full", "detail": "", "since": HOUR}
    record_states(connection, "south", [full])
    today, before = datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC) - timedelta(days=9)
    for site, lane, alarms in (("north", "a", 30), ("south", "b", 5)):
        old = [_told(n, lane, n % 20 == 0, before) for n in range(1, 401)]
        new = [_told(n, lane, n - 400 <= alarms, today) for n in range(401, 501)]
        record_verdicts(connection, site, old + new)
    record_verdicts(connection, "south", [_told(503, "b", False, today)])


def _told(number: int, lane: str, alarm: bool, at: Any) -> SiteVerdict:
    name = "ALARM" if alarm else "NO_ALARM"
    return verdict(number, lane=lane, verdict=name, decided_at=at.isoformat(), model="parcelsight-n 0.2.0")
