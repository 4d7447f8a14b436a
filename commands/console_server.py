"""Running the console: the server, the followers of lanes, the setup link, checkpoints, the demonstration."""

from __future__ import annotations

import signal
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from ..detector.errors import UsageError
from ..inference.service.config import ServiceConfig, is_loopback, read_token
from ..inference.service.server import Service, TimeLimits
from ..screening.audit.keeper import CheckpointKeeper
from ..screening.desk.procedure import load_procedure
from ..screening.follow.belts import BeltRelay
from ..screening.follow.follower import Follower
from ..screening.follow.services import parse_services
from ..screening.people.invitations import invite_first, is_new
from ..screening.storage.database import Database
from ..screening.storage.schema import upgrade
from ..screening.web.app import SEND_BUFFER_BYTES, create_app
from ..screening.web.console import Console, Settings, open_console, open_database
from .console_demo import demo_people, virtual_lane
from .terminal import stderr

_LIMITS = TimeLimits(stalled_s=7.0)
"""A console that takes nothing is cut off within 10 s; it comes back and is told what it missed."""
_MOST_CONNECTIONS = 1000


@dataclass(frozen=True, slots=True)
class ConsoleRun:
    """What the command line asked for."""

    data: Path
    database: str | None
    lanes: tuple[str, ...]
    lanes_token_file: Path | None
    procedure: str
    host: str
    port: int
    public_url: str
    checkpoints: Path | None
    open_browser: bool
    demo_token: str = ""


def serve_console(run: ConsoleRun) -> None:
    """Run until a signal comes. Raises ParcelSightError."""
    if not is_loopback(run.host) and not run.public_url:
        raise UsageError(
            f"--host {run.host} can be reached from other machines, and passwords would go there in the clear",
            "let a proxy with TLS pass requests on to 127.0.0.1, and name its address with --public-url https://…",
        )
    token = read_token(ServiceConfig(token_file=run.lanes_token_file)) if run.lanes_token_file else None
    services = parse_services(run.lanes, token or "")
    settings = Settings(
        run.public_url, load_procedure(run.procedure), has_lanes=bool(services), demo_token=run.demo_token
    )
    _create_new(run)
    console = open_console(run.data, run.database, settings)
    console.belts = BeltRelay(services)
    stop = _stop_signal()
    with ExitStack() as stack:
        server = stack.enter_context(
            Service(create_app(console), run.host, run.port, _MOST_CONNECTIONS, _LIMITS, SEND_BUFFER_BYTES)
        )
        keeper = stack.enter_context(CheckpointKeeper(console.database, run.data, run.checkpoints))
        console.listen(keeper.changed, lambda kind, data: None)
        for service in services:
            follower = Follower(
                console.database, console.pictures, service, console.changed, console.early, console.training()
            )
            follower.start()
            stack.callback(follower.stop)
        _welcome(console, run.public_url.rstrip("/") or server.url, run)
        stop.wait()
        stderr.print("stopping", style="dim")
        console.end()


def serve_demo(run: ConsoleRun) -> None:
    """Run a demonstration: a virtual lane in a process of its own, and people who are signed in by a link."""
    import secrets

    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="parcelsight-demo-")))
        stderr.print("starting the virtual lane …", style="dim")
        url = stack.enter_context(virtual_lane(folder))
        data = run.data if run.data.name != "console-data" else folder / "console"
        demo = replace(
            run,
            data=data,
            lanes=(*run.lanes, url),
            demo_token=secrets.token_urlsafe(16),
            host="127.0.0.1",
            public_url="",
        )
        _create_new(demo)
        with closing_database(demo) as database, database.write() as session:
            demo_people(session)
        serve_console(demo)


@contextmanager
def closing_database(run: ConsoleRun) -> Iterator[Database]:
    """The run's database for a moment."""
    database = open_database(run.data, run.database)
    try:
        yield database
    finally:
        database.close()


def _create_new(run: ConsoleRun) -> None:
    """A console that never ran gets its tables; one of an older version is upgraded by whoever looks after it."""
    from ..screening.storage.schema import revision

    database = open_database(run.data, run.database)
    try:
        if revision(database) is None:
            upgrade(database)
    finally:
        database.close()


def _stop_signal() -> Event:
    stop = Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    return stop


def _welcome(console: Console, url: str, run: ConsoleRun) -> None:
    """What a person needs to know to begin; the first line of it opens in the browser."""
    if run.demo_token:
        first = f"{url}/demo/{run.demo_token}"
        stderr.print(f"look at parcels:      {first}", style="bold")
        stderr.print(f"see a supervisor's:   {first}?as=supervisor")
        stderr.print(f"see an administrator's: {first}?as=admin")
        stderr.print("Ctrl-C ends the demonstration and deletes what it made.", style="dim")
    else:
        with console.database.write() as session:
            token = invite_first(session) if is_new(session) else None
        first = f"{url}/setup/{token}" if token else url
        stderr.print(f"console at {url}", style="bold")
        if token:
            stderr.print(f"first of all, make the first administrator's account (once, within 24 hours): {first}")
        if not console.settings.has_lanes:
            stderr.print("no lanes are followed; name them with --lanes, or try it with --demo", style="dim")
    if run.open_browser:
        webbrowser.open(first)
