"""The lanes file and the service's place, as ``doctor`` sees them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..detector.errors import ConfigError, ParcelSightError
from .findings import Finding, Level

if TYPE_CHECKING:
    from ..inference.lanes.config import LanesConfig
    from ..inference.lanes.jobs import DetectorSeam
    from ..inference.service.config import ServiceConfig

_AREA = "lanes"
_SERVICE_PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a lanes file says; without one, what would be the default."""

    config: LanesConfig | None
    findings: tuple[Finding, ...]

    @property
    def model(self) -> Path | None:
        """The model the lanes run; None for the shipped one."""
        return self.config.model if self.config is not None else None

    @property
    def folder(self) -> Path | None:
        """The ledger's folder."""
        return self.config.ledger if self.config is not None else None

    def check_service(self, port: int | None) -> Iterator[Finding]:
        """The place where the service listens, or would."""
        service = self.config.service if self.config is not None else None
        if self.config is not None and service is None and port is None:
            yield Finding("service", "service", Level.OK, "the lanes file has none: nothing is served over HTTP")
            return
        from ..inference.service.config import PORT

        yield _packages(wanted=service is not None)
        yield _port(service.host if service else "127.0.0.1", port or (service.port if service else PORT))
        if service is not None:
            yield from _token(service)


def examine(lanes: str | None) -> Plan:
    """Read the lanes file, and try everything in it that can be tried without running it."""
    if lanes is None:
        return Plan(None, ())
    from ..configs.loading import load_config
    from ..inference.lanes.config import LanesConfig

    try:
        config = load_config(lanes, LanesConfig, "lanes")
    except ConfigError as error:
        finding = Finding(_AREA, "file", Level.FAIL, error.message, error.remedy or "correct the file")
        return Plan(None, (finding,))
    read = Finding(_AREA, "file", Level.OK, f"{lanes}: {len(config.lanes)} lanes, {len(config.sinks)} sinks")
    return Plan(config, (read, _workers(config), *_sources(config), *_sinks(config)))


def _workers(config: LanesConfig) -> Finding:
    from .doctor_machine import usable_cores

    cores, wanted = usable_cores(), config.workers.count
    told = f"{wanted} on {cores:g} cores"
    if wanted > cores:
        return Finding(
            _AREA, "workers", Level.WARN, told, f"set workers.count to {max(1, int(cores))}: they would wait"
        )
    return Finding(_AREA, "workers", Level.OK, told)


def _sources(config: LanesConfig) -> Iterator[Finding]:
    from ..inference.lanes.events import Hub
    from ..inference.lanes.source import Surroundings

    # No source asks the detector before it runs, and none runs here.
    around = Surroundings(cast("DetectorSeam", None), Hub())
    for lane in config.lanes:
        try:
            source = lane.source.open(lane.name, around)
        except ParcelSightError as error:
            yield Finding(_AREA, lane.name, Level.FAIL, error.message, error.remedy or "correct the lane's source")
        else:
            yield Finding(_AREA, lane.name, Level.OK, source.name)


def _sinks(config: LanesConfig) -> Iterator[Finding]:
    for sink in config.sinks:
        try:
            sink.open().close()
        except ParcelSightError as error:
            yield Finding(_AREA, f"sink {sink.name}", Level.FAIL, error.message, error.remedy or "correct the sink")
        else:
            yield Finding(_AREA, f"sink {sink.name}", Level.OK, sink.kind)


def _packages(wanted: bool) -> Finding:
    from importlib.util import find_spec

    missing = [name for name in _SERVICE_PACKAGES if find_spec(name) is None]
    remedy = "pip install 'parcelsight[service]'"
    if not missing:
        return Finding("service", "packages", Level.OK, "installed")
    told = f"not installed: {', '.join(missing)}"
    return (
        Finding("service", "packages", Level.FAIL, told, remedy)
        if wanted
        else Finding("service", "packages", Level.OK, f"{told}; for scans over HTTP: {remedy}")
    )


def _port(host: str, port: int) -> Finding:
    """Try to listen there for a moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        return Finding(
            "service", "port", Level.FAIL, f"{host}:{port} cannot be had ({error.strerror or error})",
            "stop what uses it (perhaps a lane program that runs), or set service.port",
        )  # fmt: skip
    return Finding("service", "port", Level.OK, f"{host}:{port} is free")


def _token(service: ServiceConfig) -> Iterator[Finding]:
    from ..inference.service.config import is_loopback, read_token

    try:
        token = read_token(service)
    except ParcelSightError as error:
        yield Finding("service", "token", Level.FAIL, error.message, error.remedy)
        return
    if token is None:
        yield Finding("service", "token", Level.OK, "none: only programs of this machine reach it")
    elif not is_loopback(service.host):
        yield Finding(
            "service", "encryption", Level.WARN, f"{service.host} is reached over the network without encryption",
            "listen on 127.0.0.1 and put a proxy with TLS in front",
        )  # fmt: skip
    else:
        yield Finding("service", "token", Level.OK, "asked for")
