"""``parcelsight run``: follow scanners until somebody says stop."""

from __future__ import annotations

import signal
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from ..configs.loading import load_config, shipped
from ..detector.errors import ParcelSightError
from .extras import require
from .terminal import complain, stderr, stdout

if TYPE_CHECKING:
    from ..inference.lanes.config import LanesConfig
    from ..inference.lanes.runtime import Lanes
    from ..inference.service.front import Front

SERVING = ("fastapi", "uvicorn", "prometheus_client", "h11", "python_multipart")


def run(
    lanes: Annotated[
        str, typer.Argument(metavar="LANES.yaml", help=f"The lanes. Shipped: {', '.join(shipped('lanes'))}.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Try the configuration and everything it needs, and stop.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Every verdict and change of state as a JSON line on stdout.")
    ] = False,
) -> None:
    """Follow one or many scanners: every scan that arrives ends in exactly one verdict.

    Scans are spooled to disk before they are acknowledged. Ctrl-C or SIGTERM stops cleanly, and whatever stops the
    program otherwise, the next start goes on where it ended: nothing is lost, nothing judged twice.

    A lane is SCREENING, DEGRADED (scans are judged, something needs attention) or NOT SCREENING (people must look at
    every parcel), always with its cause.

    Exit status: 0 stopped, or recordings at their end; 2 something is wrong with the configuration or what it needs.
    """
    from ..inference.lanes.config import LanesConfig

    config = load_config(lanes, LanesConfig, "lanes")
    if config.service is not None:
        require("the HTTP service (service: in the lanes file)", "service", SERVING)
    if check:
        _check(config)
    else:
        follow(config, json)


def follow(config: LanesConfig, json: bool) -> Lanes:
    """Run until the lanes are done or a signal comes; the lanes, stopped."""
    from ..inference.lanes.runtime import Lanes
    from .lane_lines import LaneLines
    from .memory import return_large_buffers

    return_large_buffers()
    stop = Event()
    before = {sign: signal.signal(sign, lambda *_: stop.set()) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        lanes = Lanes(config)
        lines, front = LaneLines(lanes, json), None
        try:
            lanes.start()  # first: workers load the model while the service is loaded here
            front = _front(lanes, config)
            lines.follow(stop)
        finally:
            if front is not None:
                front.stop()
            lanes.stop()
            lines.close()
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    return lanes


def _front(lanes: Lanes, config: LanesConfig) -> Front | None:
    if config.service is None and not config.sinks:
        return None
    from ..inference.service.front import Front

    front = Front(lanes, config.service, config.sinks)
    if front.service is not None:
        stderr.print(f"listening at {front.service.url}", style="dim")
    return front


def _check(config: LanesConfig) -> None:
    """Everything that can be told before it runs; each part in one line."""
    from ..inference.lanes.checking import checks

    wrong = 0
    for name, attempt in checks(config):
        try:
            stdout.print(f"{name}: {attempt()}")
        except ParcelSightError as error:
            wrong += 1
            stdout.print(f"{name}: {error}", style="red")
    if wrong:
        complain(f"{wrong} of the parts above cannot work")
        raise typer.Exit(2)
    stdout.print("ready to run", style="green")
