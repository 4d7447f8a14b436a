"""CLUSTER.yaml as typed values: which models run where, how many times, and what is tried beside them."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..detector.contract import SHIPPED_MODEL
from .ray_session import RayConfig

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AutoscalingConfig(_Section):
    """Replicas come and go with the load."""

    least: int = Field(default=1, ge=1, le=1000)
    most: int = Field(default=4, ge=1, le=1000)
    ongoing: float = Field(default=2.0, gt=0, le=100)
    """Requests a replica should have in hand; more of them start another replica."""

    @model_validator(mode="after")
    def _in_order(self) -> AutoscalingConfig:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self


class BatchConfig(_Section):
    """Requests that come together are run together: gains much on a GPU, nothing on one CPU core."""

    most: int = Field(default=8, ge=1, le=64)
    wait_ms: float = Field(default=0.0, ge=0, le=1000)
    """How long the first of a batch waits for company; what came while another batch ran is together anyway."""


class DeployedModel(_Section):
    """One model on the cluster."""

    name: Name
    """Under which lanes ask for it: ``engine.model`` of LANES.yaml."""
    model: Path = SHIPPED_MODEL
    replicas: int = Field(default=1, ge=1, le=1000)
    autoscaling: AutoscalingConfig | None = None
    """Given, it rules over ``replicas``."""
    batch: BatchConfig = BatchConfig()
    cpus: float = Field(default=1.0, ge=0, le=256)
    """Of one replica; it runs so many threads, at least one."""
    gpus: float = Field(default=0.0, ge=0, le=16)
    waiting: int = Field(default=64, ge=1, le=10_000)
    """Requests that may wait; more are sent back, and lanes hold their belts."""
    health_every_s: float = Field(default=2.0, ge=0.5, le=60)


class HttpConfig(_Section):
    """Where lanes reach the cluster."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_535)
    open_network: bool = False
    """Ray's door asks nobody for a password: any other address than loopback must be allowed by this key, and belongs
    behind a firewall."""
    haproxy: bool = False
    """Requests go by HAProxy, which comes with Ray, straight to the replicas: that adds less than half of what
    Ray's own proxy adds. It shows its counters on every address of the machine (ports 8404 and 9101), so it asks for
    ``open_network``, too. An existing cluster must have been started with it (docs/fleet.md)."""

    @model_validator(mode="after")
    def _closed(self) -> HttpConfig:
        if not self.open_network and not ip_address(self.host).is_loopback:
            raise ValueError("others could reach this address without a password; open_network: true says you know")
        if not self.open_network and self.haproxy:
            raise ValueError("HAProxy shows its counters on all addresses; open_network: true says you know")
        return self


class ClusterConfig(_Section):
    """The whole file."""

    ray: RayConfig = RayConfig()
    cpus: int = Field(default=2, ge=1, le=1024)
    """Of a cluster that is started here."""
    http: HttpConfig = HttpConfig()
    models: tuple[DeployedModel, ...] = Field(min_length=1, max_length=32)

    @model_validator(mode="after")
    def _names_differ(self) -> ClusterConfig:
        if len({model.name for model in self.models}) != len(self.models):
            raise ValueError("two models have the same name")
        return self
