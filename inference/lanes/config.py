"""LANES.yaml as typed values: which scanners, which model, where the ledger lies, what to do when it gets too much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...detector.card import PointName
from ...detector.contract import SHIPPED_MODEL
from ..kserve import KServeConfig
from ..service.config import ServiceConfig
from ..sinks.registry import AnySink
from .causes import LossPolicy
from .registry import AnySource
from .rolling import RolloutConfig

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""Of a lane: it becomes part of addresses, topics and metric labels."""
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorkersConfig(_Section):
    """The worker processes that decode and detect."""

    count: int = Field(default=1, ge=1, le=256)
    """One a core that may be used: each runs one thread."""
    job_limit_s: float = Field(default=1.8, ge=0.2, le=60)
    """A worker that has not answered by then hangs: it is killed and its scan tried once more."""
    cpu_limit_s: float = Field(default=1.0, ge=0.1, le=60)
    """Processor time that decoding and screening one scan may cost."""
    memory_limit_mb: int = Field(default=256, ge=64, le=8192)
    """What one scan may cost beyond the loaded model."""


class RetentionConfig(_Section):
    """How long spooled scans are kept once they have their verdict. Verdicts themselves are kept."""

    days: float = Field(default=7, ge=0, le=3650)
    gigabytes: float = Field(default=20, ge=0, le=100_000)


class LaneConfig(_Section):
    """One scanner."""

    name: Name
    title: Annotated[str, Field(max_length=80)] = ""
    """As people call it, on consoles; without, the name."""
    source: AnySource
    policy: LossPolicy = LossPolicy.WAIT
    queue: int = Field(default=8, ge=1, le=1000)
    """Accepted scans of this lane that may wait for a worker."""
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """How long the source is held before ``policy`` decides."""
    deadline_s: Seconds = 60
    """An accepted scan that no worker has begun by then goes to a person as UNSCREENED(deadline)."""
    health: bool = True
    """Watch its pictures for frozen, blank, saturated, dead and shuffled ones."""


class LanesConfig(_Section):
    """The whole file."""

    ledger: Path
    """Folder; made if it is missing. Relative paths start where the program is started."""
    model: Path = SHIPPED_MODEL
    rollout: RolloutConfig | None = None
    """A file that names the model instead, and may name another while lanes run: `parcelsight rollout`."""
    operating_point: PointName = PointName.BALANCED
    workers: WorkersConfig = WorkersConfig()
    engine: KServeConfig | None = None
    """A server that runs the network for the workers, which still decode; without, each worker runs it itself."""
    retention: RetentionConfig = RetentionConfig()
    lanes: tuple[LaneConfig, ...] = Field(min_length=1, max_length=64)
    service: ServiceConfig | None = None
    """The HTTP service; none is started without this section."""
    sinks: tuple[AnySink, ...] = Field(default=(), max_length=16)
    """Who gets every verdict."""

    @model_validator(mode="after")
    def _names_differ(self) -> LanesConfig:
        names = [lane.name for lane in self.lanes]
        if len(set(names)) != len(names):
            raise ValueError("two lanes have the same name")
        return self

    @model_validator(mode="after")
    def _engine_answers_first(self) -> LanesConfig:
        if self.engine is not None and self.engine.limit_s > self.workers.job_limit_s - 0.3:
            raise ValueError("engine.limit_s must be at least 0.3 below workers.job_limit_s")
        return self

    @model_validator(mode="after")
    def _sinks_differ(self) -> LanesConfig:
        names = [sink.name for sink in self.sinks]
        if len(set(names)) != len(names):
            raise ValueError("two sinks have the same name")
        return self
