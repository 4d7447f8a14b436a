"""The verb ``collect``: from the broker into the database that sites share."""

from __future__ import annotations

import signal
from threading import Event
from typing import Annotated

import typer

from ..configs.loading import load_config, shipped
from .extras import require
from .terminal import stderr


def collect(
    config: Annotated[
        str,
        typer.Argument(metavar="COLLECT.yaml", help=f"Broker and database. Shipped: {', '.join(shipped('collect'))}."),
    ],
) -> None:
    """Bring every site's verdicts and lane states from MQTT into PostgreSQL: each verdict once.

    For sites that reach the broker and not the database; the others write to it themselves (sink postgres). A verdict
    is acknowledged to the broker when it is committed, and a site is asked again for those that are missing. Runs until
    Ctrl-C or SIGTERM; the next start goes on where it ended.
    """
    require("collecting verdicts", "fleet", ("paho", "psycopg"))
    from ..fleet.collecting import CollectConfig, Collector

    collector = Collector(
        load_config(config, CollectConfig, "collect"), lambda words: stderr.print(words, style="dim")
    )  # fmt: skip
    stop = Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    collector.run(stop)
    stderr.print(f"{collector.taken:,} new verdicts, {collector.again:,} known ones, {collector.refused:,} refused")
