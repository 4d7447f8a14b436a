"""How the shards of a run are worked off: one after the other in this program, or by Ray Data on many machines.

Whatever an engine does twice, a shard's file is there once and holds each of its scans once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..detector.errors import ParcelSightError, RunError
from .ray_session import RayConfig, ray_session
from .shards import ShardDone, ShardScreener


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done."""

    sink: str
    """Holds the plan, the list and the model: workers on other machines need nothing else."""
    shards: Sequence[int]


class Engine(Protocol):
    """Works shards off."""

    def run(self, work: Work) -> Iterator[ShardDone]:
        """Each shard as it is done, in any order. Raises ParcelSightError where it cannot go on."""


class LocalEngine:
    """The plain loop: one process, one thread."""

    def run(self, work: Work) -> Iterator[ShardDone]:
        """In order."""
        screener = ShardScreener(work.sink)
        for shard in work.shards:
            yield screener.screen(shard)


class RayEngine:
    """Ray Data: a pool of actors, each with a detector of its own; a lost actor's shard is screened by another.

    Args:
        config: the cluster.
        workers: actors, one thread and one CPU each.
    """

    def __init__(self, config: RayConfig, workers: int) -> None:
        self._config, self._workers = config, workers

    def run(self, work: Work) -> Iterator[ShardDone]:
        """As they are done."""
        with ray_session(self._config, self._workers):
            import ray

            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False
            logging.getLogger("ray.data").setLevel(logging.ERROR)
            context.execution_options.preserve_order = False
            # Lost actors are started again and their tasks tried again without end: Ray Data's own defaults.
            # One shard a task: what a lost worker had in hand is one shard, and the last ones are spread evenly.
            shards = [{"shard": shard} for shard in work.shards]
            todo = ray.data.from_items(shards, override_num_blocks=len(shards))
            done = todo.map_batches(
                _Screening,
                fn_constructor_args=(work.sink,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=self._workers, max_tasks_in_flight_per_actor=2),
                num_cpus=1,
            )
            try:
                for row in done.iter_rows():
                    yield _of_row(row)
            except ray.exceptions.RayError as error:
                raise RunError(f"Ray ended the run ({_first(error)})", "start it again: it goes on here") from error


class _Screening:
    """What an actor keeps between shards."""

    def __init__(self, sink: str) -> None:
        self._screener = ShardScreener(sink)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        out: dict[str, list[Any]] = {"shard": [], "scans": [], "names": [], "counts": [], "problem": []}
        for shard in batch["shard"]:
            try:
                done, problem = self._screener.screen(int(shard)), ""
            except ParcelSightError as error:  # trying again would not help: the driver says it and stops
                done, problem = ShardDone(int(shard), 0), str(error)
            out["shard"].append(done.shard)
            out["scans"].append(done.scans)
            out["names"].append(",".join(done.verdicts))
            out["counts"].append(",".join(map(str, done.verdicts.values())))
            out["problem"].append(problem)
        return out


def _of_row(row: dict[str, Any]) -> ShardDone:
    if row["problem"]:
        raise RunError(row["problem"])
    names = [name for name in row["names"].split(",") if name]
    counts = [int(count) for count in row["counts"].split(",") if count]
    return ShardDone(int(row["shard"]), int(row["scans"]), dict(zip(names, counts, strict=True)))


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
