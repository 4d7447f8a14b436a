"""The verb ``deploy``: models on Ray Serve, for lanes that do not run them themselves."""

from __future__ import annotations

import json as json_text
import signal
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from ..configs.loading import load_config, shipped
from .extras import require
from .terminal import stderr

if TYPE_CHECKING:
    pass

_LOOK_S = 2.0


def deploy(
    cluster: Annotated[
        str, typer.Argument(metavar="CLUSTER.yaml", help=f"The cluster. Shipped: {', '.join(shipped('fleet'))}.")
    ],
    stop: Annotated[bool, typer.Option("--stop", help="Take the models from the cluster.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Tell how the models are doing, as JSON.")] = False,
) -> None:
    """Run models on Ray Serve, on this machine or a cluster.

    On a running cluster (ray.address in the file) the models stay when this command ends. Without an address a cluster
    is started on this machine, and runs until Ctrl-C or SIGTERM.

    Lanes use it with `engine: {kind: kserve, url: …}` in their lanes file; ledger, queue and verdicts stay with them.
    """
    require("deploying models", "fleet", ("ray", "starlette"))
    from ..fleet.config import ClusterConfig
    from ..fleet.ray_session import ray_session
    from ..fleet.serving import deploy as bring_up
    from ..fleet.serving import withdraw

    config = load_config(cluster, ClusterConfig, "fleet")
    names = [model.name for model in config.models]
    told = ""
    with ray_session(config.ray, config.cpus, config.http.haproxy):
        if stop:
            withdraw(names)
        elif status:
            told = _status(names)
        else:
            bring_up(config)
            for name in names:
                stderr.print(f"{name} answers at http://{config.http.host}:{config.http.port}/v2/models/{name}")
            if not config.ray.address:
                _stay(names)
    if told:
        print(told)


def _status(names: list[str]) -> str:
    from ..fleet.serving import served

    return json_text.dumps(
        [{"name": each.name, "status": each.status, "replicas": dict(each.replicas)} for each in served(names)]
    )


def _stay(names: list[str]) -> None:
    """Until somebody says stop; changes of state are told."""
    from ..fleet.serving import served

    stop = Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    before: dict[str, str] = {}
    while not stop.wait(_LOOK_S):
        for each in served(names):
            states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(each.replicas.items()) if count)
            now = f"{each.status} ({states or 'no replicas'})"
            if before.get(each.name) != now:
                stderr.print(f"{each.name}: {now}", style="dim")
            before[each.name] = now
