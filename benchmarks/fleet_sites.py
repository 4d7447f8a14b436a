"""Do sites lose or double a verdict when broker and database are stopped, cut off and restarted under load?

Real PostgreSQL and mosquitto on loopback. Site `north` writes to the database itself, site `south` publishes over MQTT,
and a collector brings that into the same database. Meanwhile database, broker and collector are stopped, frozen
(SIGSTOP: connections hang, as when a cable is cut) and restarted. At the end the database must hold every verdict of
both ledgers once, and the counts by hour must be theirs.

    python -m benchmarks.fleet_sites                                       # short: 10 s
    python -m benchmarks.fleet_sites --seconds 180 --json docs/results/fleet/sites.json

Exit status 1 where a verdict was lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import psutil
import psycopg
import pytest

from benchmarks.results import tell
from parcelsight.fleet.collecting import CollectConfig, Collector
from parcelsight.inference.sinks.mqtt import MqttConfig
from parcelsight.inference.sinks.postgres import PostgresConfig
from parcelsight.inference.sinks.pump import SinkPump
from tests.databases import create, postgres_server
from tests.service_parts import Desk, running_desk
from tests.test_service_abuse import arrival


class Broker:
    """mosquitto with its messages on disk after every change."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("no MQTT broker: apt-get install mosquitto")
        folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        lines = [
            *(f"listener {self.port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0"),
            *("persistence true", f"persistence_location {folder}/", "autosave_on_changes true", "autosave_interval 1"),
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._command = [program, "-c", str(folder / "mosquitto.conf")]
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = monotonic() + 30
        while monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                sleep(0.05)
        raise SystemExit("the broker does not start")

    def stop(self) -> None:
        """As an administrator stops it."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(20)


class Database:
    """The running server of tests/databases.py, to be frozen and restarted."""

    def __init__(self, url: str) -> None:
        self.url = create(url, "fleet")
        self._data = Path(url.split("host=")[1]).parent / "data"

    def freeze(self, sign: signal.Signals) -> None:
        """Freeze or wake the server with all its processes."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        for process in [psutil.Process(pid), *psutil.Process(pid).children()]:
            process.send_signal(sign)

    def restart(self, pause_s: float) -> None:
        """Stop it as a crash does, wait, start it."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(pid)
        command, owner = server.cmdline(), server.username()
        server.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown: it recovers from its log
        server.wait(30)
        sleep(pause_s)
        user = owner if os.geteuid() == 0 else None
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        log = (self._data.parent / "log").open("ab")
        subprocess.Popen(command, stdout=log, stderr=log, user=user, env=environment, cwd=self._data)
        until = monotonic() + 60
        while monotonic() < until:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.Error:
                sleep(0.1)
        raise SystemExit("the database does not come back")


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="scans a second and site")
    parser.add_argument("--outage-s", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-sites-") as folder:
        result = run(Path(folder), options.seconds, options.rate, options.outage_s, options.seed)
    tell(result, options.json)
    return 0 if result["lost"] == result["doubled"] == 0 else 1


def run(folder: Path, seconds: float, rate: float, outage_s: float, seed: int) -> dict[str, Any]:
    """Load and outages; then what the database holds."""
    with ExitStack() as stack:
        database = Database(stack.enter_context(postgres_server()))
        broker = Broker(folder / "broker")
        stack.callback(broker.stop)
        north = stack.enter_context(running_desk(folder / "north"))[0]
        south = stack.enter_context(running_desk(folder / "south"))[0]
        postgres = PostgresConfig(kind="postgres", name="centre", site="north", url=database.url, timeout_s=2)
        mqtt = MqttConfig(
            kind="mqtt", name="centre", host="127.0.0.1", port=broker.port, prefix="parcelsight/south", timeout_s=2
        )  # fmt: skip
        pumps = {
            "north": stack.enter_context(_pumping(north, postgres.open())),
            "south": stack.enter_context(_pumping(south, mqtt.open())),
        }
        collecting = _Collecting(CollectConfig(database=database.url, host="127.0.0.1", port=broker.port))
        stack.callback(collecting.stop)
        stop, gaps = Event(), {"north": 0.0, "south": 0.0}
        desks = {"north": north, "south": south}
        loads = [Thread(target=_load, args=(desk, rate, stop, gaps, name)) for name, desk in desks.items()]
        for load in loads:
            load.start()
        outages = _trouble(database, broker, collecting, seconds, outage_s, Random(seed))
        stop.set()
        for load in loads:
            load.join()
        given = {"north": north.ledger.counts().verdicts, "south": south.ledger.counts().verdicts}
        caught_up_s = _wait(lambda: _held(database.url) == given)
        return _counted(database.url, given, pumps) | {
            "seconds": seconds,
            "outages": outages,
            "caught_up_s": round(caught_up_s, 1),
            "longest_gap_between_scans_s": {name: round(gap, 2) for name, gap in gaps.items()},
        }


class _Collecting:
    """A collector that can be ended and begun again."""

    def __init__(self, config: CollectConfig) -> None:
        self._config = config
        self._begin()

    def _begin(self) -> None:
        self._stop, self._collector = Event(), Collector(self._config)
        self._thread = Thread(target=self._collector.run, args=(self._stop,), daemon=True)
        self._thread.start()

    def restart(self, pause_s: float) -> None:
        self.stop()
        sleep(pause_s)
        self._begin()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


def _trouble(
    database: Database, broker: Broker, collecting: _Collecting, seconds: float, outage_s: float, random: Random
) -> dict[str, int]:
    """One outage after another, each kind at least once; how many of each."""

    def frozen(freeze: Callable[[signal.Signals], object]) -> None:
        freeze(signal.SIGSTOP)
        sleep(2 * outage_s)
        freeze(signal.SIGCONT)

    def broker_restarted() -> None:
        broker.stop()
        sleep(outage_s)
        broker.start()

    kinds: dict[str, Callable[[], None]] = {
        "database restarted": lambda: database.restart(outage_s),
        "broker restarted": broker_restarted,
        "collector restarted": lambda: collecting.restart(outage_s),
        "database frozen": lambda: frozen(database.freeze),
        "broker frozen": lambda: frozen(broker.process.send_signal),
    }
    done, until, order = dict.fromkeys(kinds, 0), monotonic() + seconds, list(kinds)
    while monotonic() < until or not all(done.values()):
        random.shuffle(order)
        for kind in order:
            kinds[kind]()
            done[kind] += 1
            sleep(random.uniform(0.2, 1.0))
    return done


@contextmanager
def _pumping(desk: Desk, sink: Any) -> Iterator[SinkPump]:
    pump = SinkPump("centre", sink, desk.ledger, desk.hub, desk.board.all)
    pump.start()
    try:
        yield pump
    finally:
        pump.stop(20)


def _load(desk: Desk, rate: float, stop: Event, gaps: dict[str, float], name: str) -> None:
    """Accept and judge scans; the longest time between two of them shows whether an outage held the lane up."""
    number, before = 0, monotonic()
    while not stop.wait(1 / rate):
        desk.judge(desk.ledger.accept(arrival(number)).sequence, "ALARM" if number % 5 == 0 else "NO_ALARM")
        now = monotonic()
        gaps[name], before, number = max(gaps[name], now - before), now, number + 1


def _held(url: str) -> dict[str, int]:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            return dict(connection.execute("SELECT site, count(*) FROM site_verdicts GROUP BY site").fetchall())
    except psycopg.Error:
        return {}


def _wait(condition: Callable[[], bool], limit_s: float = 120.0) -> float:
    started = monotonic()
    while not condition() and monotonic() - started < limit_s:
        sleep(0.1)
    return monotonic() - started


def _counted(url: str, given: dict[str, int], pumps: dict[str, SinkPump]) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT site, number FROM site_verdicts").fetchall()
        hours: dict[str, int] = dict(
            connection.execute("SELECT site, sum(count)::int FROM site_hours GROUP BY site").fetchall()
        )
        states: dict[str, str] = dict(connection.execute("SELECT site, state FROM site_lanes").fetchall())
    held = {site: [number for name, number in rows if name == site] for site in given}
    lost = sum(len(set(range(1, count + 1)) - set(held[site])) for site, count in given.items())
    strangers = sum(len(set(held[site]) - set(range(1, count + 1))) for site, count in given.items())
    doubled = sum(len(numbers) - len(set(numbers)) for numbers in held.values())
    doubled += sum(abs(hours.get(site, 0) - len(numbers)) for site, numbers in held.items())
    failures = {name: pump.status.failures for name, pump in pumps.items()}
    return {
        "given": given, "held": {site: len(numbers) for site, numbers in held.items()}, "counted_by_hour": hours,
        "lost": lost, "doubled": doubled + strangers, "states": states, "failures_of_sinks": failures,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
