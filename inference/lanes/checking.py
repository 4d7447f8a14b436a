"""Everything a configuration needs, tried part by part before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from time import perf_counter

from ...detector.errors import ModelError
from ..service.config import ServiceConfig, read_token
from ..sinks.sink import SinkConfig
from .config import LaneConfig, LanesConfig
from .events import Hub
from .ledger import Ledger
from .pool import DetectorPool
from .rolling import chosen_model
from .runtime import worker_settings
from .source import Surroundings
from .worker import Worker, WorkerDied, read_card

Check = tuple[str, Callable[[], str]]
"""What is tried, and the try: it says what was found, or raises ParcelSightError."""


def checks(config: LanesConfig) -> Iterator[Check]:
    """The parts of a configuration, in the order in which they matter."""
    yield "model", partial(_check_model, config)
    yield "ledger", partial(_check_ledger, config)
    for lane in config.lanes:
        yield f"lane {lane.name}", partial(_check_source, config, lane)
    if config.service is not None:
        yield "service", partial(_check_service, config.service)
    for sink in config.sinks:
        yield f"sink {sink.name}", partial(_check_sink, sink)


def _check_model(config: LanesConfig) -> str:
    settings = worker_settings(config)
    if config.rollout is not None:
        settings = replace(settings, model=chosen_model(config.rollout))
    started = perf_counter()
    try:
        worker = Worker(settings, read_card(settings))
    except WorkerDied as death:
        raise ModelError(f"{settings.model}: a worker {death}", "free memory, or use another model") from death
    try:
        return f"{worker.description} A worker was ready after {perf_counter() - started:.1f} s."
    finally:
        worker.kill()


def _check_ledger(config: LanesConfig) -> str:
    with closing(Ledger(config.ledger)) as ledger:
        ledger.flush()
        counts = ledger.counts()
    return f"{config.ledger} takes writes; {counts.accepted} scans accepted so far, {counts.pending} without a verdict"


def _check_source(config: LanesConfig, lane: LaneConfig) -> str:
    pool = DetectorPool(worker_settings(config), config.workers.count)  # never started: nothing is detected here
    return lane.source.open(lane.name, Surroundings(pool, Hub())).name


def _check_service(service: ServiceConfig) -> str:
    token = read_token(service)
    return f"{service.host}:{service.port}, {'with' if token else 'without'} a token"


def _check_sink(sink: SinkConfig) -> str:
    sink.open().close()
    return "its settings are complete; whether the receiver answers shows when it runs"
